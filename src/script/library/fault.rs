//! How a function of a library fails.

use mlua::{Error, Lua};

use super::super::position;
use super::super::thrown::Thrown;

/// Why a function of a library gave no results.
#[derive(Debug)]
pub enum Fault {
    /// What is said of the whole call, with the place of the call before it.
    Call(Vec<u8>),
    /// What is wrong with one argument, counted from 1.
    Argument(i32, Vec<u8>),
    /// What Lua itself objects to; no place is put before it.
    Bare(&'static str),
    /// mlua failed: memory, mostly.
    Lua(Error),
}

impl Fault {
    /// Something said of the whole call.
    pub fn call(text: impl Into<Vec<u8>>) -> Self {
        Self::Call(text.into())
    }

    /// Something wrong with argument `index`.
    pub fn argument(index: usize, text: impl Into<Vec<u8>>) -> Self {
        Self::Argument(i32::try_from(index).unwrap_or(i32::MAX), text.into())
    }

    /// The error to return from a Rust function that Lua called: its text tells of that call.
    pub fn into_error(self, lua: &Lua) -> Error {
        let text = match self {
            Self::Lua(error) => return error,
            Self::Bare(text) => text.as_bytes().to_vec(),
            Self::Call(text) => placed(lua, &text),
            Self::Argument(index, text) => placed(lua, &complaint(lua, index, &text)),
        };
        Error::external(Thrown::Text(text))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Lua(error)
    }
}

/// Puts before a text where the caller of our function is.
fn placed(lua: &Lua, text: &[u8]) -> Vec<u8> {
    [position::prefix(lua, 1).as_bytes(), text].concat()
}

/// Lua's words for a bad argument of the function that runs, by the name of the call.
fn complaint(lua: &Lua, index: i32, text: &[u8]) -> Vec<u8> {
    let called = lua.inspect_stack(0, |frame| {
        let names = frame.names();
        (names.name.map(std::borrow::Cow::into_owned), names.name_what == Some("method"))
    });
    let (name, is_method) = called.unwrap_or_default();
    let name = name.as_deref().unwrap_or("?");
    let head = match (index, is_method) {
        (1, true) => format!("calling '{name}' on bad self ("),
        (_, true) => format!("bad argument #{} to '{name}' (", index - 1),
        (_, false) => format!("bad argument #{index} to '{name}' ("),
    };
    [head.as_bytes(), text, b")"].concat()
}
