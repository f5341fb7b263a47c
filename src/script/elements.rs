//! How many elements the values of a script may be written as.
//!
//! A table that holds another one many times over, and that yet another, takes next to no memory, and
//! whoever writes it to its end never comes to one.

use mlua::{Error, Lua, Result};

/// The least that an element takes of Lua's memory, unless it is held in several places.
const ELEMENT_BYTES_MIN: usize = 16;
/// How many elements there may be of which memory says nothing.
const SHARED_ELEMENTS_MAX: usize = 1 << 20;

/// The elements that may still be written.
#[derive(Debug)]
pub struct Elements(usize);

impl Elements {
    /// As many as the interpreter can hold in what it has of memory, and some more.
    pub fn new(lua: &Lua) -> Self {
        Self(lua.used_memory() / ELEMENT_BYTES_MIN + SHARED_ELEMENTS_MAX)
    }

    /// Counts one that is written; that there are too many is a want of memory.
    pub fn take_one(&mut self) -> Result<()> {
        self.0 = self.0.checked_sub(1).ok_or_else(no_memory)?;
        Ok(())
    }
}

/// Says that there is no memory left.
pub fn no_memory() -> Error {
    Error::MemoryError("not enough memory".to_owned())
}
