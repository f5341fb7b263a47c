//! `struct`: values to and from C structs, by the formats of Roberto Ierusalimschy's library.
//!
//! A format is letters: `<` `>` byte order, `!n` alignment, `x` a byte of padding, `b` `h` `l` `in`
//! integers, in capitals unsigned ones, `T` a `size_t`, `f` `d` floats, `s` a string up to a zero,
//! `cn` one of n bytes, `c0` one of as many bytes as the value before says.

mod format;

use mlua::{Lua, MultiValue, Result, Table, Value};

use super::arguments::{Arguments, numeric, truncated};
use super::fault::Fault;
use super::{Outcome, RESULT_SLOTS, function, one, room};
use format::{Format, INTEGER_BYTES_MAX, Item, Order};

/// Makes the table `struct`.
pub fn table(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", function(lua, pack)?)?;
    table.raw_set("unpack", function(lua, unpack)?)?;
    table.raw_set("size", function(lua, size)?)?;
    Ok(table)
}

fn pack(lua: &Lua, args: &Arguments) -> Outcome {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(&text);
    let mut packed = Vec::new();
    let mut index = 2;
    while let Some(item) = format.next()? {
        let padding = format.padding(packed.len(), item);
        packed.resize(packed.len() + padding, 0);
        match item.letter {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = wrapped(number_at(args, index)?);
                put_integer(&mut packed, value, item.bytes, format.order);
            }
            b'f' => {
                let value = number_at(args, index)? as f32;
                put_ordered(&mut packed, value.to_le_bytes(), format.order);
            }
            b'd' => {
                let value = number_at(args, index)?;
                put_ordered(&mut packed, value.to_le_bytes(), format.order);
            }
            b'c' | b's' => put_string(&mut packed, args, index, item)?,
            b'x' => packed.push(0),
            letter => format.control(letter)?,
        }
        index += usize::from(takes_value(item.letter));
    }
    Ok(one(Value::String(lua.create_string(&packed)?)))
}

fn takes_value(letter: u8) -> bool {
    b"bBhHlLTiIfdcs".contains(&letter)
}

/// An argument as a number. One that was not given counts as nil.
fn number_at(args: &Arguments, index: usize) -> std::result::Result<f64, Fault> {
    if index > args.count() {
        return Err(Fault::argument(index, "number expected, got nil"));
    }
    args.number(index)
}

fn put_string(
    packed: &mut Vec<u8>,
    args: &Arguments,
    index: usize,
    item: Item,
) -> std::result::Result<(), Fault> {
    if index > args.count() {
        return Err(Fault::argument(index, "string expected, got nil"));
    }
    let value = args.string(index)?;
    let value = value.as_bytes();
    let taken = match (item.letter, item.bytes) {
        (b'c', 1..) => value.get(..item.bytes),
        _ => Some(&value[..]),
    };
    // The argument named is the one after; so it is in Redis.
    let taken = taken.ok_or_else(|| Fault::argument(index + 1, "string too short"))?;
    room(packed.len(), taken.len())?;
    packed.extend_from_slice(taken);
    if item.letter == b's' {
        packed.push(0);
    }
    Ok(())
}

/// A number as 64 bits, as x86 converts it.
fn wrapped(number: f64) -> u64 {
    // 2^63, from where on the sign bit is set apart.
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if number >= HALF {
        (truncated(number - HALF) as u64) ^ 1 << 63
    } else {
        truncated(number) as u64
    }
}

fn put_integer(packed: &mut Vec<u8>, value: u64, bytes: usize, order: Order) {
    let mut wide = [0; INTEGER_BYTES_MAX];
    wide[..8].copy_from_slice(&value.to_le_bytes());
    let written = &mut wide[..bytes];
    if order == Order::Big {
        written.reverse();
    }
    packed.extend_from_slice(written);
}

fn put_ordered<const N: usize>(packed: &mut Vec<u8>, mut bytes: [u8; N], order: Order) {
    if order == Order::Big {
        bytes.reverse();
    }
    packed.extend_from_slice(&bytes);
}

fn unpack(lua: &Lua, args: &Arguments) -> Outcome {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let data = args.string(2)?;
    let data = data.as_bytes();
    let start = args.integer_or(3, 1)?;
    if start == 0 {
        return Err(Fault::argument(3, "offset must be 1 or greater"));
    }
    // One before the beginning is further than any end.
    let mut at = start.wrapping_sub(1) as u64 as usize;
    let mut format = Format::new(&text);
    let mut results = Vec::new();
    while let Some(item) = format.next()? {
        at = at.wrapping_add(format.padding(at, item));
        let mut found = slice(&data, at, item.bytes)?;
        if args.count() + results.len() + 2 > RESULT_SLOTS {
            return Err(Fault::call("stack overflow (too many results)"));
        }
        match item.letter {
            b'b' | b'h' | b'l' | b'i' => {
                results.push(Value::Number(signed(found, format.order) as f64));
            }
            b'B' | b'H' | b'L' | b'T' | b'I' => {
                results.push(Value::Number(unsigned(found, format.order) as f64));
            }
            b'f' => results.push(Value::Number(float(found, format.order))),
            b'd' => {
                let bits = unsigned(found, format.order);
                results.push(Value::Number(f64::from_bits(bits)));
            }
            b'c' => {
                if item.bytes == 0 {
                    found = slice(&data, at, counted(lua, results.pop())?)?;
                }
                results.push(Value::String(lua.create_string(found)?));
            }
            b's' => {
                let rest = &data[at..];
                let end = rest.iter().position(|byte| *byte == 0);
                let end = end.ok_or_else(|| Fault::call("unfinished string in data"))?;
                found = &rest[..=end];
                results.push(Value::String(lua.create_string(&rest[..end])?));
            }
            b'x' => {}
            letter => format.control(letter)?,
        }
        at += found.len();
    }
    results.push(Value::Number(at.wrapping_add(1) as i64 as f64));
    Ok(MultiValue::from_vec(results))
}

/// `bytes` bytes of the data from `at` on.
fn slice(data: &[u8], at: usize, bytes: usize) -> std::result::Result<&[u8], Fault> {
    let found = at.checked_add(bytes).and_then(|end| data.get(at..end));
    found.ok_or_else(|| Fault::argument(2, "data string too short"))
}

/// How many bytes a `c0` takes: what was unpacked before it.
fn counted(lua: &Lua, before: Option<Value>) -> std::result::Result<usize, Fault> {
    let count = match before {
        Some(value @ Value::String(_)) => lua.coerce_number(value)?,
        Some(value) => numeric(&value),
        None => None,
    };
    let count = count.ok_or_else(|| Fault::call("format 'c0' needs a previous size"))?;
    Ok(wrapped(count) as usize)
}

/// The low 64 bits of an integer.
fn unsigned(bytes: &[u8], order: Order) -> u64 {
    let shift_in = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match order {
        Order::Big => bytes.iter().fold(0, shift_in),
        Order::Little => bytes.iter().rev().fold(0, shift_in),
    }
}

/// The low 64 bits of an integer, its sign carried up from the topmost bit of its size.
fn signed(bytes: &[u8], order: Order) -> i64 {
    let value = unsigned(bytes, order);
    // Of a size beyond 64 bits x86 takes the low bits of the distance; so it is in Redis.
    let mask = u64::MAX.wrapping_shl((bytes.len() as u32 * 8).wrapping_sub(1));
    (if value & mask == 0 { value } else { value | mask }) as i64
}

fn float(bytes: &[u8], order: Order) -> f64 {
    f64::from(f32::from_bits(unsigned(bytes, order) as u32))
}

fn size(_: &Lua, args: &Arguments) -> Outcome {
    let text = args.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(&text);
    let mut total = 0usize;
    while let Some(item) = format.next()? {
        total = total.wrapping_add(format.padding(total, item)).wrapping_add(item.bytes);
        match item.letter {
            b's' => return Err(Fault::argument(1, "option 's' has no fixed size")),
            b'c' if item.bytes == 0 => {
                return Err(Fault::argument(1, "option 'c0' has no fixed size"));
            }
            letter if letter.is_ascii_alphanumeric() => {}
            letter => format.control(letter)?,
        }
    }
    Ok(one(Value::Number(total as i64 as f64)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;

    #[test]
    fn packed_values_are_those_of_redis() {
        expect(&[
            (
                "return struct.pack('<bhilLT',-1,2,3,4,5,6)",
                "\\xff\\x02\\x00\\x03\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x00\\x00\\x00\\\
                 x00\\x05\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x06\\x00\\x00\\x00\\x00\\x0\
                 0\\x00\\x00",
            ),
            (
                "return struct.pack('>bhilLT',-1,2,3,4,5,6)",
                "\\xff\\x00\\x02\\x00\\x00\\x00\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\\
                 x04\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x05\\x00\\x00\\x00\\x00\\x00\\x0\
                 0\\x00\\x06",
            ),
            (
                "return struct.pack('>I3i16',-2,-2)",
                "\\xff\\xff\\xfe\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\xff\\xff\\xff\\\
                 xff\\xff\\xff\\xff\\xfe",
            ),
            ("return struct.pack('<fd',1.5,0.1)", r"\x00\x00\xc0?\x9a\x99\x99\x99\x99\x99\xb9?"),
            ("return struct.pack('>f',1e300)", r"\x7f\x80\x00\x00"),
            ("return struct.pack('sc0c2','a','bc','def')", r"a\x00bcde"),
            ("return struct.pack('bxxb',1,2)", r"\x01\x00\x00\x02"),
            (r"return struct.pack('b\0b',1,2)", r"\x01"),
            (
                "return struct.pack('<LLL',2^63,2^64,-1)",
                "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\\
                 x00\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff",
            ),
            (
                "return struct.pack('<lL',-1e300,0/0)",
                r"\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x80",
            ),
        ]);
    }

    #[test]
    fn alignment_pads_as_in_redis() {
        expect(&[
            ("return struct.pack('<!bi4',1,2)", r"\x01\x00\x00\x00\x02\x00\x00\x00"),
            (
                "return struct.pack('<!4bi8',1,2)",
                r"\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00",
            ),
            ("return struct.pack('<!64bi4',1,2)", r"\x01\x00\x00\x00\x02\x00\x00\x00"),
            ("return struct.size('!8bd')", "16"),
            ("return struct.size('!8bi3')", "6"),
            ("return struct.size('!2bi3')", "5"),
            ("return struct.size('!8bi16')", "24"),
            ("return struct.size('c2147483647c2147483647')", "4294967294"),
        ]);
    }

    #[test]
    fn unpacked_values_are_those_of_redis() {
        expect(&[
            (
                r"return table.concat({struct.unpack('<bBhI3','\255\255\254\255\1\0\0')},',')",
                "-1,255,-2,1,8",
            ),
            (
                "return table.concat({struct.unpack('<i9i10','\\255\\255\\255\\255\\255\\\
                 255\\255\\255\\1\\128\\0\\0\\0\\0\\0\\0\\0\\0\\1')},',')",
                "-1,128,20",
            ),
            (r"return table.concat({struct.unpack('bc0s','\2abc\0d')},',')", "ab,c,6"),
            (r"return table.concat({struct.unpack('sc0','2\0abc')},',')", "ab,5"),
            (
                r"return table.concat({struct.unpack('>!4bi4','aaaa000\1\0\0\0',4)},',')",
                "97,808464385,9",
            ),
            (r"return table.concat({struct.unpack('<d','\0\0\0\0\0\0\248?')},',')", "1.5,9"),
            ("return table.concat({struct.unpack('','ab',4)},',')", "4"),
        ]);
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        expect(&[
            (
                "return struct.pack('i33',1)",
                "user_script:1: integral size 33 is larger than limit of 32",
            ),
            ("return struct.pack('i2147483648',1)", "user_script:1: integral size overflow"),
            (
                "return struct.pack('i99999999999999999999',1)",
                "user_script:1: integral size overflow",
            ),
            ("return struct.pack('!99999999999 b',1)", "user_script:1: integral size overflow"),
            ("return struct.pack('!0',1)", "user_script:1: alignment 0 is not a power of 2"),
            ("return struct.pack('!3',1)", "user_script:1: alignment 3 is not a power of 2"),
            (
                "return struct.unpack('c2147483647','abc')",
                r"user_script:1: bad argument #2 to \'unpack\' (data string too short)",
            ),
            ("return struct.unpack('c4294967295','abc')", "user_script:1: integral size overflow"),
            (
                r"return struct.unpack('bc0','\255abc')",
                r"user_script:1: bad argument #2 to \'unpack\' (data string too short)",
            ),
            (
                r"return struct.unpack('dc0','\0\0\0\0\0\0\240\191abc')",
                r"user_script:1: bad argument #2 to \'unpack\' (data string too short)",
            ),
            (
                "return struct.unpack('b','ab',-1)",
                r"user_script:1: bad argument #2 to \'unpack\' (data string too short)",
            ),
            (
                "return struct.unpack('b','ab',0)",
                r"user_script:1: bad argument #3 to \'unpack\' (offset must be 1 or greater)",
            ),
            (
                "return struct.unpack('b','ab',99999999999)",
                r"user_script:1: bad argument #2 to \'unpack\' (data string too short)",
            ),
        ]);
    }

    #[test]
    fn what_is_wrong_with_a_call_is_said_as_in_redis() {
        expect(&[
            (
                "return struct.pack()",
                r"user_script:1: bad argument #1 to \'pack\' (string expected, got no value)",
            ),
            (
                "return struct.pack('q')",
                r"user_script:1: bad argument #1 to \'pack\' (invalid format option \'q\')",
            ),
            (
                r"return struct.pack('\200')",
                r"user_script:1: bad argument #1 to \'pack\' (invalid format option \'\xc8\')",
            ),
            (
                "return struct.pack('bb',1)",
                r"user_script:1: bad argument #3 to \'pack\' (number expected, got nil)",
            ),
            (
                "return struct.pack('c3','ab')",
                r"user_script:1: bad argument #3 to \'pack\' (string too short)",
            ),
            (
                "return struct.unpack('c0','abc')",
                r"user_script:1: format \'c0\' needs a previous size",
            ),
            ("return struct.unpack('s','abc')", "user_script:1: unfinished string in data"),
            (
                "return struct.unpack('bb','a')",
                r"user_script:1: bad argument #2 to \'unpack\' (data string too short)",
            ),
            (
                "return struct.size('s')",
                r"user_script:1: bad argument #1 to \'size\' (option \'s\' has no fixed size)",
            ),
            (
                "return struct.size('c0')",
                "user_script:1: bad argument #1 to \\'size\\' (option \\'c0\\' has no fix\
                 ed size)",
            ),
            ("return struct.size('z')", "0"),
            (
                "return select('#',struct.unpack(string.rep('b',8100),string.rep('a',8100)))",
                "user_script:1: stack overflow (too many results)",
            ),
        ]);
    }
}
