//! The names of fields that scripts and the server tell each other replies by.

use mlua::{Lua, LuaString, Value};

/// The names, as an interpreter has them: each is looked up often.
pub struct Names {
    /// An error.
    pub err: LuaString,
    /// A status.
    pub ok: LuaString,
    /// A number that is no integer.
    pub double: LuaString,
    /// An integer of any size.
    pub big_number: LuaString,
    /// A table of fields and values.
    pub map: LuaString,
    /// A table whose indices are members.
    pub set: LuaString,
    /// A text and its format.
    pub verbatim_string: LuaString,
    /// The format of such a text.
    pub format: LuaString,
    /// The text.
    pub string: LuaString,
    /// The status of most commands.
    fine: LuaString,
}

impl Names {
    /// Makes them for an interpreter.
    pub fn new(lua: &Lua) -> mlua::Result<Self> {
        Ok(Self {
            err: lua.create_string("err")?,
            ok: lua.create_string("ok")?,
            double: lua.create_string("double")?,
            big_number: lua.create_string("big_number")?,
            map: lua.create_string("map")?,
            set: lua.create_string("set")?,
            verbatim_string: lua.create_string("verbatim_string")?,
            format: lua.create_string("format")?,
            string: lua.create_string("string")?,
            fine: lua.create_string("OK")?,
        })
    }

    /// Makes a value of the text of a status.
    pub fn status(&self, lua: &Lua, text: &[u8]) -> mlua::Result<Value> {
        let is_fine = text == b"OK";
        let text = if is_fine { self.fine.clone() } else { lua.create_string(text)? };
        Ok(Value::String(text))
    }
}
