//! `bit`: operations on 32 bits, as `BitOp` by Mike Pall defines them.

use mlua::{Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::fault::Fault;
use super::{Outcome, function, one};

/// Added to a double, leaves its integer part in the low bits of the mantissa: 2^52 + 2^51.
const SHIFT_TO_INTEGER: f64 = 6_755_399_441_055_744.0;
/// The digits of 32 bits in hexadecimal.
const HEX_DIGITS: u32 = 8;

type One = fn(u32) -> u32;
type Two = fn(u32, u32) -> u32;

/// Makes the table `bit`.
pub fn table(lua: &Lua) -> Result<Table> {
    let one: [(&str, One); 3] =
        [("tobit", |bits| bits), ("bnot", |bits| !bits), ("bswap", u32::swap_bytes)];
    let folds: [(&str, Two); 3] =
        [("band", |a, b| a & b), ("bor", |a, b| a | b), ("bxor", |a, b| a ^ b)];
    let shifts: [(&str, Two); 5] = [
        ("lshift", u32::wrapping_shl),
        ("rshift", u32::wrapping_shr),
        ("arshift", |bits, count| (bits as i32).wrapping_shr(count) as u32),
        ("rol", |bits, count| bits.rotate_left(count % u32::BITS)),
        ("ror", |bits, count| bits.rotate_right(count % u32::BITS)),
    ];
    let table = lua.create_table()?;
    for (name, of) in one {
        table.raw_set(name, function(lua, move |_, args| Ok(number(of(bits(args, 1)?))))?)?;
    }
    for (name, of) in folds {
        table.raw_set(name, function(lua, move |_, args| fold(args, of))?)?;
    }
    for (name, of) in shifts {
        table.raw_set(
            name,
            function(lua, move |_, args| Ok(number(of(bits(args, 1)?, bits(args, 2)?))))?,
        )?;
    }
    table.raw_set("tohex", function(lua, to_hex)?)?;
    Ok(table)
}

/// Joins all arguments; the first is looked at first, the others from the last on.
fn fold(args: &Arguments, of: Two) -> Outcome {
    let mut joined = bits(args, 1)?;
    for index in (2..=args.count()).rev() {
        joined = of(joined, bits(args, index)?);
    }
    Ok(number(joined))
}

/// Prints in hexadecimal: the second argument is the number of digits, of capital ones if negative.
fn to_hex(lua: &Lua, args: &Arguments) -> Outcome {
    let bits_shown = bits(args, 1)?;
    let wanted = if args.count() < 2 { HEX_DIGITS as i32 } else { bits(args, 2)? as i32 };
    let digits = wanted.unsigned_abs().min(HEX_DIGITS) as usize;
    let text = if wanted < 0 { format!("{bits_shown:08X}") } else { format!("{bits_shown:08x}") };
    let shown = lua.create_string(&text[HEX_DIGITS as usize - digits..])?;
    Ok(one(Value::String(shown)))
}

/// The low 32 bits of an argument, rounded to an integer; what they are beyond 2^51 is chance.
fn bits(args: &Arguments, index: usize) -> std::result::Result<u32, Fault> {
    let number = args.number(index)?;
    Ok((number + SHIFT_TO_INTEGER).to_bits() as u32)
}

fn number(bits: u32) -> MultiValue {
    one(Value::Number(f64::from(bits as i32)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::expect;

    #[test]
    fn numbers_beyond_32_bits_lose_their_upper_bits() {
        expect(&[
            ("return bit.tobit(4294967296)", "0"),
            ("return bit.tobit(2147483648)", "-2147483648"),
            ("return bit.tobit(1e15)", "-1530494976"),
            ("return bit.tobit(1e300)", "-2013235812"),
            ("return bit.tobit(-1e18+12345)", "1733216160"),
            ("return bit.tobit(0/0)", "0"),
            ("return bit.tobit(1/0)", "0"),
            ("return bit.tobit(2.5)", "2"),
            ("return bit.tobit(3.5)", "4"),
            ("return bit.tobit('0x10')", "16"),
        ]);
    }

    #[test]
    fn each_operation_is_that_of_redis() {
        expect(&[
            ("return bit.bnot(0)", "-1"),
            ("return bit.bswap(0x12345678)", "2018915346"),
            ("return bit.band(7,3,1)", "1"),
            ("return bit.bor(1,2,8)", "11"),
            ("return bit.bxor(5,1)", "4"),
            ("return bit.lshift(1,33)", "2"),
            ("return bit.rshift(-1,-1)", "1"),
            ("return bit.arshift(-8,1)", "-4"),
            ("return bit.rol(0x12345678,4)", "591751041"),
            ("return bit.ror(0x12345678,36)", "-2128394905"),
        ]);
    }

    #[test]
    fn hexadecimal_has_one_to_eight_digits_however_many_are_asked_for() {
        expect(&[
            ("return bit.tohex(255)", "000000ff"),
            ("return bit.tohex(255,2)", "ff"),
            ("return bit.tohex(255,-2)", "FF"),
            ("return bit.tohex(255,0)", ""),
            ("return bit.tohex(255,99)", "000000ff"),
            ("return bit.tohex(-1,-99)", "FFFFFFFF"),
            ("return bit.tohex(255,-2147483648)", "000000FF"),
            ("return bit.tohex(255,2147483648)", "000000FF"),
            ("return bit.tohex(255,4294967298)", "ff"),
            ("return bit.tohex(255,0/0)", ""),
        ]);
    }

    #[test]
    fn arguments_that_are_no_numbers_are_named_as_in_the_call() {
        expect(&[
            (
                "return bit.tobit()",
                r"user_script:1: bad argument #1 to \'tobit\' (number expected, got no value)",
            ),
            (
                "return bit.band(1,2,3,'zz')",
                r"user_script:1: bad argument #4 to \'band\' (number expected, got string)",
            ),
            (
                "return bit.band(1,'x',2,'y')",
                r"user_script:1: bad argument #4 to \'band\' (number expected, got string)",
            ),
            (
                "local f=bit.band return f('x')",
                r"user_script:1: bad argument #1 to \'f\' (number expected, got string)",
            ),
            (
                "return bit:band(1)",
                r"user_script:1: calling \'band\' on bad self (number expected, got table)",
            ),
            (
                "local t={band=bit.band} return t:band(1)",
                r"user_script:1: calling \'band\' on bad self (number expected, got table)",
            ),
            (
                "local t={band=bit.band} return t.band(1,t)",
                r"user_script:1: bad argument #2 to \'band\' (number expected, got table)",
            ),
            (
                "return bit.tohex(255,nil)",
                r"user_script:1: bad argument #2 to \'tohex\' (number expected, got nil)",
            ),
            (
                "return bit.lshift('x','y')",
                r"user_script:1: bad argument #1 to \'lshift\' (number expected, got string)",
            ),
        ]);
    }
}
