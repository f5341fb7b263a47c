//! Runs scripts for tests.

use std::rc::Rc;

use mlua::{Lua, Value};

use super::super::thrown::{self, Thrown};
use super::{bits, cjson, cmsgpack, structs};

/// An interpreter with the libraries.
pub fn lua() -> Lua {
    let lua = Lua::new();
    let globals = lua.globals();
    globals.raw_set("bit", bits::table(&lua).unwrap()).unwrap();
    globals.raw_set("cjson", cjson::table(&lua, &Rc::default()).unwrap()).unwrap();
    globals.raw_set("cmsgpack", cmsgpack::table(&lua).unwrap()).unwrap();
    globals.raw_set("struct", structs::table(&lua).unwrap()).unwrap();
    lua
}

/// What a script returns, as text with escapes, or says when it fails.
pub fn said_by(lua: &Lua, script: &str) -> String {
    match lua.load(script).set_name("@user_script").call::<Value>(()) {
        Ok(Value::Boolean(truth)) => truth.to_string(),
        Ok(Value::Nil) => "nil".to_owned(),
        Ok(value) => {
            let text = lua.coerce_string(value).unwrap().unwrap();
            text.as_bytes().escape_ascii().to_string()
        }
        Err(error) => match thrown::of(&error) {
            Some(Thrown::Text(text)) => text.escape_ascii().to_string(),
            _ => error.to_string(),
        },
    }
}

/// Holds what each script says against what Redis 7.2 answers to it.
pub fn expect(cases: &[(&str, &str)]) {
    let lua = lua();
    for (script, answer) in cases {
        assert_eq!(said_by(&lua, script), *answer, "{script}");
    }
}
