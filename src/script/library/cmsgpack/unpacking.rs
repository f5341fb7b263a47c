//! `MessagePack` to values.
//!
//! Containers being filled are on a stack of their own, not on the thread's. How deep they may be
//! and how many results there may be is what Lua's stack held in Redis.

use mlua::{Error, Lua, MultiValue, Table, Value};

use super::super::arguments::{Arguments, numeric};
use super::super::fault::Fault;
use super::super::{Outcome, RESULT_SLOTS, STACK_SLOTS};

const TOO_MANY_VALUES: &str = "stack overflow (too many return values at once; \
                               use unpack_one or unpack_limit instead.)";
const ARRAYS_TOO_DEEP: &str = "stack overflow (in function mp_decode_to_lua_array)";
const NO_ROOM_FOR_OFFSET: &str = "stack overflow (in function mp_unpack_full)";

/// `unpack(data)`: all values.
pub fn unpack(lua: &Lua, args: &Arguments) -> Outcome {
    unpack_some(lua, args, 0, 0, args.count())
}

/// `unpack_one(data, offset)`: one value, behind the offset of the next, -1 at the end.
pub fn unpack_one(lua: &Lua, args: &Arguments) -> Outcome {
    let offset = args.integer_or(2, 0)?;
    unpack_some(lua, args, 1, offset, 1)
}

/// `unpack_limit(data, limit, offset)`: so many values at most, behind the offset of the next.
pub fn unpack_limit(lua: &Lua, args: &Arguments) -> Outcome {
    let limit = args.integer(2)?;
    let offset = args.integer_or(3, 0)?;
    unpack_some(lua, args, limit, offset, 1)
}

/// Unpacks with `taken` slots of Lua's stack in use already; neither limit nor offset means all.
fn unpack_some(lua: &Lua, args: &Arguments, limit: i64, offset: i64, taken: usize) -> Outcome {
    let data = args.string(1)?;
    let data = data.as_bytes();
    let length = data.len();
    let (Ok(limit), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        return Err(Fault::call(format!(
            "Invalid request to unpack with offset of {} and limit of {}.",
            offset as i32, length as i32
        )));
    };
    let Some(rest) = data.get(start..) else {
        return Err(Fault::call(format!(
            "Start offset {} greater than input length {}.",
            start as i32, length as i32
        )));
    };
    let all = limit == 0 && start == 0;
    let most = if all { usize::MAX } else { limit };
    let mut reader = Reader { rest };
    let mut results = Vec::new();
    while !reader.rest.is_empty() && results.len() < most {
        results.push(read_value(lua, &mut reader, taken + results.len())?);
    }
    if !all {
        if taken + results.len() + 1 > RESULT_SLOTS {
            return Err(Fault::call(NO_ROOM_FOR_OFFSET));
        }
        let next = if reader.rest.is_empty() { -1.0 } else { (length - reader.rest.len()) as f64 };
        results.insert(0, Value::Number(next));
    }
    Ok(MultiValue::from_vec(results))
}

/// One element of the format: a whole value, or the beginning of a container.
#[derive(Debug, PartialEq)]
enum Element<'data> {
    Nil,
    Boolean(bool),
    Number(f64),
    String(&'data [u8]),
    Array(u32),
    Map(u32),
}

struct Reader<'data> {
    rest: &'data [u8],
}

impl<'data> Reader<'data> {
    fn element(&mut self) -> Result<Element<'data>, Fault> {
        let [byte] = self.fixed()?;
        Ok(match byte {
            0x00..=0x7f => Element::Number(f64::from(byte)),
            0x80..=0x8f => Element::Map(u32::from(byte & 0x0f)),
            0x90..=0x9f => Element::Array(u32::from(byte & 0x0f)),
            0xa0..=0xbf => self.string(u32::from(byte & 0x1f))?,
            0xc0 => Element::Nil,
            0xc2 => Element::Boolean(false),
            0xc3 => Element::Boolean(true),
            0xca => Element::Number(f64::from(f32::from_be_bytes(self.fixed()?))),
            0xcb => Element::Number(f64::from_be_bytes(self.fixed()?)),
            0xcc | 0xd9 | 0xcd | 0xda | 0xdc | 0xde | 0xce | 0xdb | 0xdd | 0xdf => {
                self.measured(byte)?
            }
            // Lua 5.1 has no unsigned integers: from 2^63 on they come out negative.
            0xcf | 0xd3 => Element::Number(i64::from_be_bytes(self.fixed()?) as f64),
            0xd0 => Element::Number(f64::from(i8::from_be_bytes(self.fixed()?))),
            0xd1 => Element::Number(f64::from(i16::from_be_bytes(self.fixed()?))),
            0xd2 => Element::Number(f64::from(i32::from_be_bytes(self.fixed()?))),
            0xe0..=0xff => Element::Number(f64::from(byte as i8)),
            _ => return Err(Fault::call("Bad data format in input.")),
        })
    }

    /// What begins with an unsigned integer: that integer, or so many bytes or elements.
    fn measured(&mut self, byte: u8) -> Result<Element<'data>, Fault> {
        let count = match byte {
            0xcc | 0xd9 => u32::from(u8::from_be_bytes(self.fixed()?)),
            0xcd | 0xda | 0xdc | 0xde => u32::from(u16::from_be_bytes(self.fixed()?)),
            _ => u32::from_be_bytes(self.fixed()?),
        };
        Ok(match byte {
            0xd9..=0xdb => self.string(count)?,
            0xdc | 0xdd => Element::Array(count),
            0xde | 0xdf => Element::Map(count),
            _ => Element::Number(f64::from(count)),
        })
    }

    fn string(&mut self, bytes: u32) -> Result<Element<'data>, Fault> {
        let split = self.rest.split_at_checked(bytes as usize);
        let (text, rest) = split.ok_or_else(missing)?;
        self.rest = rest;
        Ok(Element::String(text))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(missing)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn missing() -> Fault {
    Fault::call("Missing bytes in input.")
}

/// A container that waits for elements.
enum Open {
    Array { table: Table, next: u32, left: u32 },
    Map { table: Table, key: Option<Value>, left: u32 },
}

/// Reads one value, containers to their end, with `taken` slots of Lua's stack in use.
fn read_value(lua: &Lua, reader: &mut Reader, taken: usize) -> Result<Value, Fault> {
    let mut open: Vec<Open> = Vec::new();
    let mut used = taken;
    loop {
        let most = if open.is_empty() { RESULT_SLOTS } else { STACK_SLOTS };
        if used + 1 > most {
            return Err(Fault::call(TOO_MANY_VALUES));
        }
        let mut done = match reader.element()? {
            Element::Array(left) => {
                // The table and the index of the element to come.
                if used + 2 > STACK_SLOTS {
                    return Err(Fault::call(ARRAYS_TOO_DEEP));
                }
                let table = lua.create_table().map_err(|error| deep(error, ARRAYS_TOO_DEEP))?;
                used += 2;
                open.push(Open::Array { table, next: 1, left });
                None
            }
            Element::Map(left) => {
                let table = lua.create_table().map_err(|error| deep(error, TOO_MANY_VALUES))?;
                used += 1;
                open.push(Open::Map { table, key: None, left });
                None
            }
            Element::Nil => Some(Value::Nil),
            Element::Boolean(truth) => Some(Value::Boolean(truth)),
            Element::Number(number) => Some(Value::Number(number)),
            Element::String(text) => {
                let text = lua.create_string(text).map_err(|error| deep(error, TOO_MANY_VALUES))?;
                Some(Value::String(text))
            }
        };
        loop {
            if let Some(value) = done.take() {
                let Some(container) = open.last_mut() else { return Ok(value) };
                used = place(container, value, used)?;
            }
            match open.pop_if(|container| container.is_full()) {
                Some(Open::Array { table, .. }) => {
                    used -= 2;
                    done = Some(Value::Table(table));
                }
                Some(Open::Map { table, .. }) => {
                    used -= 1;
                    done = Some(Value::Table(table));
                }
                None => break,
            }
        }
    }
}

impl Open {
    fn is_full(&self) -> bool {
        match self {
            Self::Array { left, .. } => *left == 0,
            Self::Map { left, key, .. } => *left == 0 && key.is_none(),
        }
    }
}

/// Puts a value where its container waits for one; gives the slots in use after that.
fn place(container: &mut Open, value: Value, used: usize) -> Result<usize, Fault> {
    match container {
        Open::Array { table, next, left } => {
            table.raw_set(*next, value)?;
            *next = next.wrapping_add(1);
            *left -= 1;
            Ok(used)
        }
        Open::Map { table, key, left } => match key.take() {
            None => {
                *key = Some(value);
                Ok(used + 1)
            }
            Some(Value::Nil) => Err(Fault::Bare("table index is nil")),
            Some(key) if numeric(&key).is_some_and(f64::is_nan) => {
                Err(Fault::Bare("table index is NaN"))
            }
            Some(key) => {
                table.raw_set(key, value)?;
                *left -= 1;
                Ok(used - 1)
            }
        },
    }
}

/// mlua keeps what Rust holds of Lua on a stack of its own, about as large as the one in Redis.
fn deep(error: Error, text: &'static str) -> Fault {
    match error {
        Error::StackError => Fault::call(text),
        other => Fault::Lua(other),
    }
}
