//! `redis.register_function`, by which a library says what functions it has.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use mlua::{Function as LuaFunction, Lua, MultiValue, Table, Value};

use crate::script::{Flags, thrown};

use super::library::Function;
use super::metadata::check_name;

/// What a library has registered, in the order in which it did.
pub type Registered = Vec<(Function, LuaFunction)>;

/// The loading of a library, while there is one.
#[derive(Debug, Default)]
pub struct Loading {
    registered: RefCell<Option<Registered>>,
    until: Cell<Option<Instant>>,
}

impl Loading {
    /// Begins; it must be over by `until`.
    pub fn begin(&self, until: Instant) {
        self.registered.replace(Some(Vec::new()));
        self.until.set(Some(until));
    }

    /// Ends; returns what was registered.
    pub fn end(&self) -> Registered {
        self.until.set(None);
        self.registered.take().unwrap_or_default()
    }

    /// Tells until when it must be over; `None` while nothing is loaded.
    pub fn until(&self) -> Option<Instant> {
        self.until.get()
    }
}

/// Makes the function that adds to what is registered.
pub fn function(lua: &Lua, loading: &Rc<Loading>) -> mlua::Result<LuaFunction> {
    let loading = Rc::clone(loading);
    lua.create_function(move |lua, arguments: MultiValue| {
        let mut registered = loading.registered.borrow_mut();
        register(lua, registered.as_mut(), &arguments)
            .map_err(|text| thrown::reply(format!("ERR {text}")))
    })
}

fn register(
    lua: &Lua,
    registered: Option<&mut Registered>,
    arguments: &MultiValue,
) -> Result<(), &'static str> {
    let registered =
        registered.ok_or("redis.register_function can only be called on FUNCTION LOAD command")?;
    let (function, callback) = match arguments.as_slices().0 {
        [Value::Table(named)] => by_names(lua, named)?,
        [_] => {
            return Err(
                "calling redis.register_function with a single argument is only applicable to Lua \
                 table (representing named arguments).",
            );
        }
        [name, callback] => by_places(lua, name, callback)?,
        _ => return Err("wrong number of arguments to redis.register_function"),
    };
    check_name(&function.name).map_err(|text| {
        let text = text.strip_prefix(b"ERR ").unwrap_or(text);
        std::str::from_utf8(text).expect("it is written here")
    })?;
    // Functions are called whatever the case; stock takes two such names, and dies of removing them.
    if registered.iter().any(|(other, _)| other.name.eq_ignore_ascii_case(&function.name)) {
        return Err("Function already exists in the library");
    }
    registered.push((function, callback));
    Ok(())
}

fn by_places(
    lua: &Lua,
    name: &Value,
    callback: &Value,
) -> Result<(Function, LuaFunction), &'static str> {
    let name =
        text(lua, name).ok_or("first argument to redis.register_function must be a string")?;
    let Value::Function(callback) = callback else {
        return Err("second argument to redis.register_function must be a function");
    };
    let function = Function { name, description: None, flags: Flags::default() };
    Ok((function, callback.clone()))
}

fn by_names(lua: &Lua, named: &Table) -> Result<(Function, LuaFunction), &'static str> {
    let (mut name, mut description, mut callback) = (None, None, None);
    let mut flags = Flags::default();
    for pair in named.pairs::<Value, Value>() {
        let Ok((key, value)) = pair else { break };
        let key = text(lua, &key)
            .ok_or("named argument key given to redis.register_function is not a string")?;
        match &*key.to_ascii_lowercase() {
            b"function_name" => {
                name = Some(text(lua, &value).ok_or(
                    "function_name argument given to redis.register_function must be a string",
                )?);
            }
            b"description" => {
                description = Some(text(lua, &value).ok_or(
                    "description argument given to redis.register_function must be a string",
                )?);
            }
            b"callback" => {
                let Value::Function(value) = value else {
                    return Err(
                        "callback argument given to redis.register_function must be a function",
                    );
                };
                callback = Some(value);
            }
            b"flags" => {
                let Value::Table(value) = value else {
                    return Err("flags argument to redis.register_function must be a table \
                                representing function flags");
                };
                flags = all_flags(lua, &value).ok_or("unknown flag given")?;
            }
            _ => return Err("unknown argument given to redis.register_function"),
        }
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("redis.register_function must get a callback argument")?;
    Ok((Function { name, description, flags }, callback))
}

/// Reads a list of flags, up to the first gap in it.
fn all_flags(lua: &Lua, list: &Table) -> Option<Flags> {
    let mut flags = Flags::default();
    for index in 1.. {
        let value: Value = list.raw_get(index).ok()?;
        if value.is_nil() {
            break;
        }
        let name = text(lua, &value)?.to_ascii_lowercase();
        flags = flags.union(Flags::named(&name)?);
    }
    Some(flags)
}

/// Returns the text that a value is, or the digits of a number.
fn text(lua: &Lua, value: &Value) -> Option<Box<[u8]>> {
    let text = lua.coerce_string(value.clone()).ok()??;
    Some(text.as_bytes().as_ref().into())
}
