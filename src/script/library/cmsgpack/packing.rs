//! Values to `MessagePack`.

use mlua::{Lua, Table, Value};

use super::super::super::elements::Elements;
use super::super::arguments::{Arguments, numeric};
use super::super::fault::Fault;
use super::super::{Outcome, STACK_SLOTS, one, room};

/// How deep a table may be; what is deeper is written as nil.
const NESTING_MAX: usize = 16;

/// Packs all arguments, one behind the other.
pub fn pack(lua: &Lua, args: &Arguments) -> Outcome {
    if args.count() == 0 {
        return Err(Fault::argument(0, "MessagePack pack needs input."));
    }
    if args.count() * 2 > STACK_SLOTS {
        return Err(Fault::argument(0, "Too many arguments for MessagePack pack."));
    }
    let mut out = Vec::new();
    let mut elements = Elements::new(lua);
    for value in args.values() {
        put(&mut out, value, 0, &mut elements)?;
    }
    Ok(one(Value::String(lua.create_string(&out)?)))
}

fn put(
    out: &mut Vec<u8>,
    value: &Value,
    depth: usize,
    elements: &mut Elements,
) -> mlua::Result<()> {
    elements.take_one()?;
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            room(out.len(), text.len())?;
            put_string(out, &text);
        }
        Value::Boolean(truth) => out.push(if *truth { 0xc3 } else { 0xc2 }),
        Value::Integer(number) => put_number(out, *number as f64),
        Value::Number(number) => put_number(out, *number),
        Value::Table(table) if depth < NESTING_MAX => put_table(out, table, depth, elements)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

/// Writes a table as an array if its keys are 1, 2, 3 and so on, else as a map.
fn put_table(
    out: &mut Vec<u8>,
    table: &Table,
    depth: usize,
    elements: &mut Elements,
) -> mlua::Result<()> {
    room(out.len(), 0)?;
    let mut entries = 0usize;
    // The largest key, as long as all are positive integers.
    let mut largest = Some(0.0f64);
    table.for_each(|key: Value, _: Value| {
        entries += 1;
        largest = match (largest, numeric(&key)) {
            (Some(largest), Some(key)) if key > 0.0 && as_integer(key).is_some() => {
                Some(largest.max(key))
            }
            _ => None,
        };
        Ok(())
    })?;
    if largest == Some(entries as f64) {
        put_head(out, entries, &[(0x0f, 0x90), (0xffff, 0xdc), (usize::MAX, 0xdd)]);
        for index in 1..=entries {
            put(out, &table.raw_get(index)?, depth + 1, elements)?;
        }
        return Ok(());
    }
    put_head(out, entries, &[(0x0f, 0x80), (0xffff, 0xde), (usize::MAX, 0xdf)]);
    table.for_each(|key: Value, value: Value| {
        put(out, &key, depth + 1, elements)?;
        put(out, &value, depth + 1, elements)
    })
}

/// Writes a length in the first form that holds it: in the low bits of the byte, or behind it.
fn put_head(out: &mut Vec<u8>, length: usize, forms: &[(usize, u8)]) {
    let form = forms.iter().find(|(most, _)| length <= *most);
    let Some(&(most, byte)) = form else { return };
    match most {
        0..0xff => out.push(byte | length as u8),
        0xff => out.extend_from_slice(&[byte, length as u8]),
        0xffff => {
            out.push(byte);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(byte);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
}

fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    let forms = [(0x1f, 0xa0), (0xff, 0xd9), (0xffff, 0xda), (usize::MAX, 0xdb)];
    put_head(out, text.len(), &forms);
    out.extend_from_slice(text);
}

/// Writes an integer as one, and a float in four bytes if they hold all of it.
fn put_number(out: &mut Vec<u8>, number: f64) {
    if let Some(integer) = as_integer(number) {
        return put_integer(out, integer);
    }
    let short = number as f32;
    if !number.is_nan() && f64::from(short).to_bits() == number.to_bits() {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn put_integer(out: &mut Vec<u8>, integer: i64) {
    let wide = integer.to_be_bytes();
    let (byte, width) = match integer {
        -32..=0x7f => return out.push(integer as u8),
        0x80..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80.. => (0xd0, 1),
        -0x8000.. => (0xd1, 2),
        -0x8000_0000.. => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(byte);
    out.extend_from_slice(&wide[wide.len() - width..]);
}

/// The integer a number is, if it is one and fits.
fn as_integer(number: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    let fits = (-END..END).contains(&number) && number.fract() == 0.0;
    fits.then_some(number as i64)
}
