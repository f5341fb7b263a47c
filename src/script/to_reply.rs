//! From what a script returns to the reply of its client.

use mlua::{Lua, Table, Value};

use crate::net::reply::{Protocol, Reply};

use super::Told;
use super::elements::{Elements, no_memory};
use super::names::Names;
use super::thrown::{self, Counted};

/// How deep tables may lie in each other; beyond, the stack of Lua would not hold them.
const DEPTH_MAX: usize = 7000;

/// The most that a reply may have before another element is written.
const REPLY_BYTES_MAX: usize = 512 << 20;
/// How much of an error is kept for the statistics: more than a code has.
const HEAD_BYTES: usize = 64;

/// What is left of a table whose header is written.
struct Open {
    table: Table,
    /// The next index.
    next: usize,
    /// The last one.
    last: usize,
}

/// Writes what a script returned.
///
/// `chosen` is the protocol that the script has set, without which it knows no truth values.
pub fn write(
    (lua, names): (&Lua, &Names),
    value: Value,
    chosen: Protocol,
    reply: &mut Reply<'_>,
) -> mlua::Result<Told> {
    let (start, mut open) = (reply.buffer().len(), Vec::new());
    let mut told = Told::default();
    let mut elements = Elements::new(lua);
    let lua = (lua, names);
    begin(lua, value, chosen, reply, (&mut open, &mut told))?;
    while let Some(Open { table, next, last }) = open.last_mut() {
        if *next > *last {
            open.pop();
            continue;
        }
        let value = table.raw_get(*next)?;
        *next += 1;
        elements.take_one()?;
        if reply.buffer().len() - start > REPLY_BYTES_MAX {
            return Err(no_memory());
        }
        if open.len() > DEPTH_MAX {
            let text: &[u8] = b"ERR reached lua stack limit";
            told.note(text, Counted::No);
            reply.error(text);
        } else {
            begin(lua, value, chosen, reply, (&mut open, &mut told))?;
        }
    }
    Ok(told)
}

impl Told {
    fn note(&mut self, text: &[u8], is_counted: Counted) {
        self.count += 1;
        if is_counted == Counted::No {
            self.uncounted.push(text[..text.len().min(HEAD_BYTES)].into());
        }
    }
}

/// Writes a value, or the header of a table.
fn begin(
    lua: (&Lua, &Names),
    value: Value,
    chosen: Protocol,
    reply: &mut Reply<'_>,
    (open, told): (&mut Vec<Open>, &mut Told),
) -> mlua::Result<()> {
    match value {
        Value::String(text) => reply.bulk(&text.as_bytes()),
        Value::Integer(number) => reply.integer(number),
        Value::Number(number) => reply.integer(as_c_casts(number)),
        Value::Boolean(truth) => match (chosen, truth) {
            (Protocol::Resp3, truth) => reply.boolean(truth),
            (Protocol::Resp2, true) => reply.integer(1),
            (Protocol::Resp2, false) => reply.null(),
        },
        Value::Table(table) => begin_table(lua, table, reply, (open, told))?,
        _ => reply.null(),
    }
    Ok(())
}

fn begin_table(
    (lua, names): (&Lua, &Names),
    table: Table,
    reply: &mut Reply<'_>,
    (open, told): (&mut Vec<Open>, &mut Told),
) -> mlua::Result<()> {
    if let Value::String(text) = table.raw_get(&names.err)? {
        let is_counted = if thrown::is_counted(&table) { Counted::Yes } else { Counted::No };
        let text = text.as_bytes();
        told.note(c_text(&text), is_counted);
        reply.error(c_text(&text));
        return Ok(());
    }
    if let Value::String(text) = table.raw_get(&names.ok)? {
        line(b'+', c_text(&text.as_bytes()), reply);
        return Ok(());
    }
    match table.raw_get(&names.double)? {
        Value::Number(number) => {
            reply.double(number);
            return Ok(());
        }
        Value::Integer(number) => {
            reply.double(number as f64);
            return Ok(());
        }
        _ => {}
    }
    if let Value::String(digits) = table.raw_get(&names.big_number)? {
        big_number(&digits.as_bytes(), reply);
        return Ok(());
    }
    if let Value::Table(verbatim) = table.raw_get(&names.verbatim_string)?
        && let (Value::String(format), Value::String(text)) =
            (verbatim.raw_get(&names.format)?, verbatim.raw_get(&names.string)?)
    {
        // A format has three letters, whatever the script gives.
        let mut letters = *b"   ";
        letters.iter_mut().zip(&*format.as_bytes()).for_each(|(letter, given)| *letter = *given);
        match std::str::from_utf8(&letters) {
            Ok(letters) => reply.verbatim(letters, &text.as_bytes()),
            Err(_) => reply.verbatim("txt", &text.as_bytes()),
        }
        return Ok(());
    }
    if let Value::Table(map) = table.raw_get(&names.map)? {
        let listed = lua.create_table()?;
        map.for_each(|key: Value, value: Value| {
            listed.raw_push(key)?;
            listed.raw_push(value)
        })?;
        let last = listed.raw_len();
        reply.map(last / 2);
        open.push(Open { table: listed, next: 1, last });
        return Ok(());
    }
    if let Value::Table(set) = table.raw_get(&names.set)? {
        let listed = lua.create_table()?;
        set.for_each(|key: Value, _: Value| listed.raw_push(key))?;
        let last = listed.raw_len();
        reply.set(last);
        open.push(Open { table: listed, next: 1, last });
        return Ok(());
    }
    let mut last = 0;
    while !matches!(table.raw_get(last + 1)?, Value::Nil) {
        last += 1;
    }
    reply.array(last);
    open.push(Open { table, next: 1, last });
    Ok(())
}

/// Returns a text as C prints it: up to its first zero byte.
pub fn c_text(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Writes a line; line ends in its text become spaces.
fn line(kind: u8, text: &[u8], reply: &mut Reply<'_>) {
    let out = reply.buffer();
    out.push(kind);
    out.extend(text.iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }));
    out.extend_from_slice(b"\r\n");
}

fn big_number(digits: &[u8], reply: &mut Reply<'_>) {
    match reply.protocol() {
        Protocol::Resp2 => {
            let is_end = |byte: &u8| b"\r\n".contains(byte);
            let digits = digits.iter().map(|byte| if is_end(byte) { b' ' } else { *byte });
            reply.bulk(&digits.collect::<Vec<_>>());
        }
        Protocol::Resp3 => line(b'(', digits, reply),
    }
}

/// Makes an integer of a number as C does on the machines that stock runs on.
pub fn as_c_casts(number: f64) -> i64 {
    // 2^63 itself is no integer of 64 bits any more.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
    if fits { number as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_integers_as_in_c() {
        assert_eq!([3.99, -3.99, 0.0].map(as_c_casts), [3, -3, 0]);
        assert_eq!([1e100, -1e100, f64::NAN].map(as_c_casts), [i64::MIN; 3]);
        assert_eq!(as_c_casts(9_223_372_036_854_775_808.0), i64::MIN);
    }
}
