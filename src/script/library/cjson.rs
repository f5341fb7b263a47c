//! `cjson`: values to and from JSON, as Mark Pulford's lua-cjson 2.1.0 has it.

mod decoding;
mod encoding;
mod settings;
mod tokens;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Function, LightUserData, Lua, Result, Table, Value};

use super::arguments::Arguments;
use super::fault::Fault;
use super::{function, one};

pub use settings::Settings;

/// What JSON's `null` is to a script.
const NULL: Value = Value::LightUserData(LightUserData(std::ptr::null_mut()));

/// Makes the table `cjson`, whose functions change `settings`.
pub fn table(lua: &Lua, settings: &Rc<Cell<Settings>>) -> Result<Table> {
    instance(lua, lua.globals().raw_get("next")?, settings)
}

/// Makes a table whose functions walk tables by `next`.
fn instance(lua: &Lua, next: Function, settings: &Rc<Cell<Settings>>) -> Result<Table> {
    let table = lua.create_table()?;
    let (walk, current) = (next.clone(), Rc::clone(settings));
    let encode =
        move |lua: &Lua, args: &Arguments| encoding::encode(lua, args, current.get(), &walk);
    table.raw_set("encode", function(lua, encode)?)?;
    let current = Rc::clone(settings);
    let decode = move |lua: &Lua, args: &Arguments| decoding::decode(lua, args, current.get());
    table.raw_set("decode", function(lua, decode)?)?;
    for (name, setting) in settings::FUNCTIONS {
        let settings = Rc::clone(settings);
        table.raw_set(name, function(lua, move |lua, args| setting(lua, args, &settings))?)?;
    }
    let new = move |lua: &Lua, _: &Arguments| {
        Ok(one(Value::Table(instance(lua, next.clone(), &Rc::default())?)))
    };
    table.raw_set("new", function(lua, new)?)?;
    table.raw_set("null", NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

/// The complaint of a function that takes one argument and got `args`.
fn expect_one(args: &Arguments) -> std::result::Result<(), Fault> {
    if args.count() == 1 { Ok(()) } else { Err(Fault::argument(1, "expected 1 argument")) }
}
