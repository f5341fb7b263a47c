//! From a reply to what a script sees of it.

use mlua::{Error, Lua, LuaString, Table, Value};

use crate::number::parse_i64_strict;

use super::names::Names;

/// Reads the reply of a command.
pub fn value(lua: &Lua, names: &Names, reply: &[u8]) -> mlua::Result<Value> {
    let mut reading = Reading { lua, names, rest: reply };
    let value = reading.value()?;
    debug_assert!(reading.rest.is_empty(), "one command has one reply");
    Ok(value)
}

struct Reading<'r> {
    lua: &'r Lua,
    names: &'r Names,
    rest: &'r [u8],
}

impl<'r> Reading<'r> {
    fn value(&mut self) -> mlua::Result<Value> {
        let (kind, line) = self.line()?;
        match kind {
            b':' => Ok(Value::Number(count(line)? as f64)),
            b'$' => match self.bulk(line)? {
                Some(text) => self.lua.create_string(text).map(Value::String),
                None => Ok(Value::Boolean(false)),
            },
            b'*' | b'>' => match count(line)? {
                -1 => Ok(Value::Boolean(false)),
                count => self.array(count).map(Value::Table),
            },
            b'+' => self.table(&self.names.ok, self.names.status(self.lua, line)?),
            b'-' => self.labelled(&self.names.err, line),
            b'_' => Ok(Value::Nil),
            b'#' => Ok(Value::Boolean(line == b"t")),
            b',' => {
                let text = String::from_utf8_lossy(line);
                let number: f64 = text.parse().map_err(|_| unfit())?;
                self.table(&self.names.double, Value::Number(number))
            }
            b'(' => self.labelled(&self.names.big_number, line),
            b'=' => {
                let text = self.bulk(line)?.ok_or_else(unfit)?;
                let (format, text) = text.split_at_checked(4).ok_or_else(unfit)?;
                let table = self.lua.create_table()?;
                table.raw_set(&self.names.format, self.lua.create_string(&format[..3])?)?;
                table.raw_set(&self.names.string, self.lua.create_string(text)?)?;
                self.table(&self.names.verbatim_string, Value::Table(table))
            }
            b'%' => {
                let table = self.lua.create_table()?;
                for _ in 0..count(line)? {
                    let (name, value) = (self.value()?, self.value()?);
                    table.raw_set(name, value)?;
                }
                self.table(&self.names.map, Value::Table(table))
            }
            b'~' => {
                let table = self.lua.create_table()?;
                for _ in 0..count(line)? {
                    table.raw_set(self.value()?, true)?;
                }
                self.table(&self.names.set, Value::Table(table))
            }
            // Attributes are not for scripts.
            b'|' => {
                for _ in 0..2 * count(line)? {
                    self.value()?;
                }
                self.value()
            }
            _ => Err(unfit()),
        }
    }

    fn array(&mut self, count: i64) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(count as usize, 0)?;
        for place in 1..=count {
            table.raw_set(place, self.value()?)?;
        }
        Ok(table)
    }

    fn labelled(&self, label: &LuaString, text: &[u8]) -> mlua::Result<Value> {
        self.table(label, Value::String(self.lua.create_string(text)?))
    }

    fn table(&self, label: &LuaString, value: Value) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        table.raw_set(label, value)?;
        Ok(Value::Table(table))
    }

    /// Takes the first line: its kind, and what follows that.
    fn line(&mut self) -> mlua::Result<(u8, &'r [u8])> {
        let end = memchr::memmem::find(self.rest, b"\r\n").ok_or_else(unfit)?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = &rest[2..];
        let (kind, line) = line.split_first().ok_or_else(unfit)?;
        Ok((*kind, line))
    }

    fn bulk(&mut self, line: &[u8]) -> mlua::Result<Option<&'r [u8]>> {
        let Ok(bytes) = usize::try_from(count(line)?) else { return Ok(None) };
        let (text, rest) = self.rest.split_at_checked(bytes).ok_or_else(unfit)?;
        self.rest = rest.strip_prefix(b"\r\n").ok_or_else(unfit)?;
        Ok(Some(text))
    }
}

fn count(line: &[u8]) -> mlua::Result<i64> {
    parse_i64_strict(line).ok_or_else(unfit)
}

/// What a command has written is a reply; that it is not would be a fault of the server.
fn unfit() -> Error {
    Error::runtime("the reply of the command cannot be read")
}
