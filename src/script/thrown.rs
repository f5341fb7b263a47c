//! What functions of ours raise in a script.

use std::fmt;

use mlua::{Error, Lua, MultiValue, Table, Value};

use super::Stopped;
use super::position::{self, Place};

/// What stands in the table of an error that the statistics have.
const COUNTED: &str = "ignore_error_stats_update";

/// What a function of ours raises.
#[derive(Clone, Debug)]
pub enum Thrown {
    /// An error reply, which a script that catches it sees as a table.
    Reply {
        /// Its text, which begins with its code.
        text: Vec<u8>,
        /// Whether the command that made it has been counted as failed.
        is_counted: Counted,
    },
    /// A text as Lua's own errors are.
    Text(Vec<u8>),
    /// The end of the script, which none catches, and where it was.
    Stop(Stopped, Place),
}

/// Whether an error is in the statistics already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { text, .. } | Self::Text(text) => {
                f.write_str(&String::from_utf8_lossy(text))
            }
            Self::Stop(stopped, _) => write!(f, "{stopped:?}"),
        }
    }
}

impl std::error::Error for Thrown {}

/// Makes an error reply of a text that begins with its code.
pub fn reply(text: impl Into<Vec<u8>>) -> Error {
    Error::external(Thrown::Reply { text: text.into(), is_counted: Counted::No })
}

/// Makes the end of a script.
pub fn stop(lua: &Lua, stopped: Stopped) -> Error {
    Error::external(Thrown::Stop(stopped, position::innermost(lua, 0).unwrap_or_default()))
}

/// Tells whether an error is the end of the script, which no handler is to see.
pub fn is_stop(value: &Value) -> bool {
    matches!(value, Value::Error(error) if matches!(of(error), Some(Thrown::Stop(..))))
}

/// Makes an error that tells where the caller of our function is.
pub fn here(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    text_error([position::prefix(lua, 1).as_bytes(), text.as_ref()].concat())
}

fn text_error(text: Vec<u8>) -> Error {
    Error::external(Thrown::Text(text))
}

/// Makes an error that tells of an argument.
pub fn argument(lua: &Lua, number: usize, text: impl AsRef<[u8]>) -> Error {
    let name = position::called_as(lua, 0);
    here(lua, bad_argument(number, &name, text.as_ref()))
}

fn bad_argument(number: usize, name: &str, text: &[u8]) -> Vec<u8> {
    [format!("bad argument #{number} to '{name}' (").as_bytes(), text, b")"].concat()
}

/// Makes an error of an argument that is of another type.
pub fn wrong_type(lua: &Lua, number: usize, expected: &str, value: Option<&Value>) -> Error {
    let got = value.map_or("no value", type_name);
    argument(lua, number, format!("{expected} expected, got {got}"))
}

/// Names the type of a value as Lua does.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        // mlua knows integers, Lua 5.1 does not.
        Value::Integer(_) => "number",
        Value::LightUserData(_) => "userdata",
        other => other.type_name(),
    }
}

/// Returns what was raised, if that was one of ours.
pub fn of(error: &Error) -> Option<&Thrown> {
    error.downcast_ref::<Thrown>()
}

/// Tells whether the statistics have an error already, by its table.
pub fn is_counted(table: &Table) -> bool {
    table.raw_get(COUNTED).is_ok_and(|value: Value| value.as_boolean().unwrap_or_default())
}

/// Makes of an error what a script sees that catches it; the end of the script goes on.
pub fn caught(lua: &Lua, value: Value) -> mlua::Result<Value> {
    let Value::Error(error) = value else { return Ok(value) };
    match of(&error) {
        Some(Thrown::Stop(..)) => Err(*error),
        Some(Thrown::Reply { text, is_counted }) => {
            let table = lua.create_table()?;
            table.raw_set("err", lua.create_string(text)?)?;
            if *is_counted == Counted::Yes {
                table.raw_set(COUNTED, true)?;
            }
            Ok(Value::Table(table))
        }
        Some(Thrown::Text(text)) => Ok(Value::String(lua.create_string(text)?)),
        None => Ok(Value::String(lua.create_string(error.to_string())?)),
    }
}

/// Does what [`caught`] does for `pcall`, which gives an error reply as its text.
///
/// Of a table whose `err` is no text, stock servers give that as well.
pub fn caught_as_text(lua: &Lua, value: Value) -> mlua::Result<MultiValue> {
    let value = caught(lua, value)?;
    let Value::Table(table) = &value else { return Ok(MultiValue::from_iter([value])) };
    Ok(match table.raw_get::<Value>("err")? {
        text @ (Value::String(_) | Value::Number(_) | Value::Integer(_)) => {
            [text].into_iter().collect()
        }
        other => [value, other].into_iter().collect(),
    })
}

/// Makes an error that tells of an argument of a function of our own Lua code, by its place.
pub fn complain(lua: &Lua, (number, text): (usize, String)) -> mlua::Result<()> {
    let text = bad_argument(number, &position::called_as(lua, 1), text.as_bytes());
    Err(text_error([position::prefix(lua, 2).as_bytes(), &*text].concat()))
}

/// Makes an error that tells where the caller of a function of our own Lua code is.
pub fn refuse(lua: &Lua, text: &str) -> mlua::Result<()> {
    Err(text_error((position::prefix(lua, 2) + text).into_bytes()))
}
