//! Functions of Lua that scripts have in another form: they keep what is read-only as it is, and text
//! that is no program out.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::rc::Rc;

use mlua::{Error, Function, Lua, LuaString, MultiValue, Table, Value};

use super::random::Random;
use super::thrown::{self, Thrown};
use super::to_reply::{as_c_casts, c_text};

/// The name under which Lua's own `loadstring` is kept.
const LOADSTRING: &str = "loadstring";

/// The tables that scripts may only read: each by the empty one that is shown in its place.
///
/// Lua asks a metatable of the empty one for whatever it does not find there, which is all.
#[derive(Clone, Default)]
pub struct Shields(Rc<RefCell<HashMap<*const c_void, Table>>>);

impl Shields {
    /// Makes the table that is shown in place of `real`.
    pub fn shield(&self, lua: &Lua, real: &Table) -> mlua::Result<Table> {
        let shown = lua.create_table()?;
        let rules = lua.create_table()?;
        rules.raw_set("__index", real)?;
        rules
            .raw_set("__newindex", lua.create_function(|lua, _: MultiValue| refuse::<()>(lua))?)?;
        shown.set_metatable(Some(rules))?;
        self.0.borrow_mut().insert(shown.to_pointer(), real.clone());
        Ok(shown)
    }

    /// Returns the table behind one that is shown.
    fn behind(&self, table: &Table) -> Option<Table> {
        self.0.borrow().get(&table.to_pointer()).cloned()
    }

    fn hides(&self, table: &Table) -> bool {
        self.0.borrow().contains_key(&table.to_pointer())
    }
}

/// Refuses to change a table that is read-only, with the place of the script if it does so by itself.
fn refuse<T>(lua: &Lua) -> mlua::Result<T> {
    Err(thrown::here(lua, "Attempt to modify a readonly table"))
}

/// Refuses to have a function change one.
fn refuse_call<T>() -> mlua::Result<T> {
    Err(Error::external(Thrown::Text(b"Attempt to modify a readonly table".to_vec())))
}

/// Puts the functions of this file in the place of Lua's own.
pub fn install(lua: &Lua, shields: &Shields) -> mlua::Result<()> {
    let globals = lua.globals();
    let next = next(lua, shields, globals.raw_get("next")?)?;
    globals.raw_set("pairs", pairs(lua, shields, globals.raw_get("next")?, next.clone())?)?;
    globals.raw_set("next", next)?;
    install_raw_access(lua, shields, &globals)?;
    lua.set_named_registry_value(LOADSTRING, globals.raw_get::<Function>("loadstring")?)?;
    let load = lua.create_function(|lua, arguments: MultiValue| load_string(lua, &arguments))?;
    globals.raw_set("loadstring", load)?;
    globals.raw_set("collectgarbage", collect_garbage(lua, globals.raw_get("collectgarbage")?)?)?;
    let math: Table = globals.raw_get("math")?;
    install_random(lua, &math)
}

fn next(lua: &Lua, shields: &Shields, own: Function) -> mlua::Result<Function> {
    let shields = shields.clone();
    lua.create_function(move |lua, arguments: MultiValue| {
        let table = table_argument(lua, &arguments)?;
        let key = arguments.get(1).cloned().unwrap_or(Value::Nil);
        let found = own.call::<MultiValue>((shields.behind(&table).unwrap_or(table), key));
        found.map_err(|_| plain("invalid key to 'next'"))
    })
}

fn pairs(
    lua: &Lua,
    shields: &Shields,
    own_next: Function,
    next: Function,
) -> mlua::Result<Function> {
    let shields = shields.clone();
    lua.create_function(move |lua, arguments: MultiValue| {
        let table = table_argument(lua, &arguments)?;
        let step = if shields.hides(&table) { &next } else { &own_next };
        Ok((step.clone(), table, Value::Nil))
    })
}

fn install_raw_access(lua: &Lua, shields: &Shields, globals: &Table) -> mlua::Result<()> {
    let read = shields.clone();
    let get = lua.create_function(move |lua, arguments: MultiValue| {
        let table = table_argument(lua, &arguments)?;
        let Some(key) = arguments.get(1) else {
            return Err(thrown::argument(lua, 2, "value expected"));
        };
        read.behind(&table).unwrap_or(table).raw_get::<Value>(key)
    })?;
    let written = shields.clone();
    let set = lua.create_function(move |lua, arguments: MultiValue| {
        let table = table_argument(lua, &arguments)?;
        let (Some(key), Some(value)) = (arguments.get(1), arguments.get(2)) else {
            return Err(thrown::argument(lua, arguments.len() + 1, "value expected"));
        };
        if written.hides(&table) {
            return refuse_call();
        }
        match key {
            Value::Nil => return Err(plain("table index is nil")),
            Value::Number(number) if number.is_nan() => return Err(plain("table index is NaN")),
            _ => table.raw_set(key, value)?,
        }
        Ok(table)
    })?;
    globals.raw_set("rawget", get)?;
    globals.raw_set("rawset", set)
}

/// Puts those that have to do with metatables there; strings have their functions from `strings`.
pub fn install_metatables(
    lua: &Lua,
    shields: &Shields,
    globals: &Table,
    strings: &Table,
) -> mlua::Result<()> {
    let own: Function = globals.raw_get("getmetatable")?;
    let of_strings: Table = own.call("")?;
    of_strings.raw_set("__index", strings)?;
    let of_strings = shields.shield(lua, &of_strings)?;
    let hidden = shields.clone();
    let get = lua.create_function(move |lua, arguments: MultiValue| match arguments.front() {
        None => Err(thrown::argument(lua, 1, "value expected")),
        Some(Value::String(_)) => Ok(Value::Table(of_strings.clone())),
        Some(Value::Table(table)) if hidden.hides(table) => Ok(Value::Nil),
        Some(Value::Table(table)) => own.call(table),
        Some(_) => Ok(Value::Nil),
    })?;
    let own: Function = globals.raw_get("setmetatable")?;
    let hidden = shields.clone();
    let set = lua.create_function(move |lua, arguments: MultiValue| {
        let table = table_argument(lua, &arguments)?;
        match arguments.get(1) {
            Some(Value::Nil | Value::Table(_)) => {}
            _ => return Err(thrown::argument(lua, 2, "nil or table expected")),
        }
        if hidden.hides(&table) {
            return refuse_call();
        }
        if let Some(rules) = table.metatable()
            && !matches!(rules.raw_get::<Value>("__metatable")?, Value::Nil)
        {
            return Err(thrown::here(lua, "cannot change a protected metatable"));
        }
        own.call::<Value>(arguments)
    })?;
    globals.raw_set("getmetatable", get)?;
    globals.raw_set("setmetatable", set)
}

/// Compiles a text; what is compiled already is no text.
fn load_string(lua: &Lua, arguments: &MultiValue) -> mlua::Result<MultiValue> {
    let Some(text) = arguments.front().cloned().and_then(|v| lua.coerce_string(v).ok().flatten())
    else {
        return Err(thrown::wrong_type(lua, 1, "string", arguments.front()));
    };
    let name = match arguments.get(1) {
        None | Some(Value::Nil) => text.clone(),
        Some(name) => match lua.coerce_string(name.clone())? {
            Some(name) => name,
            None => return Err(thrown::wrong_type(lua, 2, "string", Some(name))),
        },
    };
    match compile(lua, &text, &name)? {
        Ok(function) => Ok([Value::Function(function)].into_iter().collect()),
        Err(text) => Ok([Value::Nil, Value::String(text)].into_iter().collect()),
    }
}

/// Compiles what a function gives piece by piece, with the function of `guard.lua` for that.
pub fn load(lua: &Lua, gather: Function) -> mlua::Result<Function> {
    lua.create_function(move |lua, arguments: MultiValue| match arguments.front() {
        Some(Value::Function(_)) => gather.call::<MultiValue>(arguments),
        other => Err(thrown::wrong_type(lua, 1, "function", other)),
    })
}

/// Compiles a text; the inner error is what Lua says of it.
pub fn compile(
    lua: &Lua,
    text: &LuaString,
    name: &LuaString,
) -> mlua::Result<Result<Function, LuaString>> {
    const COMPILED: u8 = 0x1B;
    // Behind the byte by which a compiled chunk is known, there is nothing that the compiler accepts.
    let text = match text.as_bytes().first() {
        Some(&COMPILED) => lua.create_string([b" ", &*text.as_bytes()].concat())?,
        _ => text.clone(),
    };
    // The compiler keeps no hold of the name that it reads up to a zero byte: it is held here.
    let name = lua.create_string(c_text(&name.as_bytes()))?;
    let own: Function = lua.named_registry_value(LOADSTRING)?;
    let (function, fault): (Option<Function>, Value) = own.call((text, &name))?;
    match (function, fault) {
        (Some(function), _) => Ok(Ok(function)),
        (None, Value::String(text)) => Ok(Err(text)),
        (None, other) => Ok(Err(lua.create_string(other.to_string()?)?)),
    }
}

/// Lets scripts collect and ask, and not change how memory is collected for those after them.
fn collect_garbage(lua: &Lua, own: Function) -> mlua::Result<Function> {
    const OPTIONS: [&[u8]; 7] =
        [b"stop", b"restart", b"collect", b"count", b"step", b"setpause", b"setstepmul"];
    lua.create_function(move |lua, arguments: MultiValue| {
        let option = match arguments.front() {
            None | Some(Value::Nil) => b"collect".to_vec(),
            Some(value) => match lua.coerce_string(value.clone())? {
                Some(text) => c_text(&text.as_bytes()).to_vec(),
                None => return Err(thrown::wrong_type(lua, 1, "string", Some(value))),
            },
        };
        if !OPTIONS.contains(&&*option) {
            let text = [b"invalid option '", &*option, b"'"].concat();
            return Err(thrown::argument(lua, 1, text));
        }
        match &*option {
            b"collect" | b"count" | b"step" => own.call::<Value>(arguments),
            _ => Ok(Value::Integer(0)),
        }
    })
}

fn install_random(lua: &Lua, math: &Table) -> mlua::Result<()> {
    let state = Rc::new(Random::default());
    let random = Rc::clone(&state);
    let draw = lua.create_function(move |lua, arguments: MultiValue| {
        let number = |at| number_argument(lua, &arguments, at).map(|n| f64::from(as_int(n)));
        let drawn = random.next();
        let (from, to) = match arguments.len() {
            0 => return Ok(drawn),
            1 => (1.0, number(1)?),
            2 => (number(1)?, number(2)?),
            _ => return Err(thrown::here(lua, "wrong number of arguments")),
        };
        if from > to {
            return Err(thrown::argument(lua, arguments.len(), "interval is empty"));
        }
        Ok((drawn * (to - from + 1.0)).floor() + from)
    })?;
    let seed = lua.create_function(move |lua, arguments: MultiValue| {
        let number = number_argument(lua, &arguments, 1)?;
        state.seed(as_int(number));
        Ok(())
    })?;
    math.raw_set("random", draw)?;
    math.raw_set("randomseed", seed)
}

/// Makes of a number what C's `int` makes of it.
fn as_int(number: f64) -> i32 {
    as_c_casts(number) as i32
}

/// Reads an argument of a function of our own Lua code as C's `int`.
pub fn int_argument(lua: &Lua, (number, value): (usize, Value)) -> mlua::Result<i32> {
    let Some(found) = lua.coerce_number(value.clone())? else {
        let text = format!("number expected, got {}", thrown::type_name(&value));
        return thrown::complain(lua, (number, text)).map(|()| 0);
    };
    Ok(as_c_casts(found) as i32)
}

fn number_argument(lua: &Lua, arguments: &MultiValue, at: usize) -> mlua::Result<f64> {
    let value = arguments.get(at - 1);
    let number = value.map(|value| lua.coerce_number(value.clone())).transpose()?.flatten();
    number.ok_or_else(|| thrown::wrong_type(lua, at, "number", value))
}

fn table_argument(lua: &Lua, arguments: &MultiValue) -> mlua::Result<Table> {
    match arguments.front() {
        Some(Value::Table(table)) => Ok(table.clone()),
        other => Err(thrown::wrong_type(lua, 1, "table", other)),
    }
}

fn plain(text: &str) -> Error {
    Error::external(Thrown::Text(text.as_bytes().to_vec()))
}
