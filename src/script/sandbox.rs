//! What a script finds when it begins: the libraries, read-only, and nothing that leads out of them.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value};

use super::basics::{self, Shields};
use super::library::{bits, cjson, cmsgpack, structs};
use super::names::Names;
use super::thrown;
use super::to_reply::c_text;
use super::words::Placer;
use super::{Facts, api, position};

/// What Lua gives and a script does not get.
const WITHHELD: [&str; 6] = ["dofile", "getfenv", "loadfile", "newproxy", "print", "setfenv"];
/// How much a script may leave that is collected as others run.
const COLLECTED_BYTES_MIN: usize = 64 << 20;
/// The tables that scripts may only read.
const LIBRARIES: [&str; 9] =
    ["bit", "cjson", "cmsgpack", "coroutine", "math", "redis", "string", "struct", "table"];

/// An interpreter that has been made ready for scripts.
pub struct Sandbox {
    /// The interpreter.
    pub lua: Lua,
    /// The table of globals, behind the one that scripts see.
    pub globals: Table,
    /// The table `redis`, likewise.
    pub redis: Table,
    /// Puts the words of scripts among the globals.
    pub placer: Placer,
    /// The names of fields of replies.
    pub names: Rc<Names>,
    /// Lua's `xpcall`, which runs a script: whether that went well, and what it returned or raised.
    pub guard: Function,
    /// Notes with what a script raised where that was.
    pub placed: Function,
    /// What scripts see of the read-only tables; functions of Lua can still put elements into these.
    shown: Vec<Table>,
    /// The read-only tables.
    pub shields: Shields,
    /// How the table `cjson` encodes and decodes, which a script may change for itself.
    json: Rc<Cell<cjson::Settings>>,
    /// What was left when all that a script had left was last collected at once.
    kept_bytes: Cell<usize>,
}

impl Sandbox {
    /// Makes an interpreter.
    pub fn new(facts: &Facts, settings: &Rc<api::Settings>) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::new())?;
        let globals = lua.globals();
        for name in WITHHELD {
            globals.raw_set(name, Value::Nil)?;
        }
        // One of them keeps Lua's own `next`.
        globals.raw_set("bit", bits::table(&lua)?)?;
        let json = Rc::<Cell<cjson::Settings>>::default();
        globals.raw_set("cjson", cjson::table(&lua, &json)?)?;
        globals.raw_set("cmsgpack", cmsgpack::table(&lua)?)?;
        globals.raw_set("struct", structs::table(&lua)?)?;
        let shields = Shields::default();
        basics::install(&lua, &shields)?;
        let guard = globals.raw_get("xpcall")?;
        let placed = lua.create_function(placed)?;
        globals.raw_set("load", basics::load(&lua, guard_functions(&lua, &placed)?)?)?;
        let names = Rc::new(Names::new(&lua)?);
        let redis = api::table((&lua, &names), facts, settings)?;
        globals.raw_set("redis", &redis)?;
        let mut shown = Vec::new();
        for name in LIBRARIES {
            let shield = shields.shield(&lua, &globals.raw_get(name)?)?;
            globals.raw_set(name, &shield)?;
            shown.push(shield);
        }
        let strings: Table = globals.raw_get("string")?;
        basics::install_metatables(&lua, &shields, &globals, &strings)?;
        let rules = lua.create_table()?;
        rules.raw_set("__index", lua.create_function(missing)?)?;
        globals.set_metatable(Some(rules))?;
        let shield = shields.shield(&lua, &globals)?;
        globals.raw_set("_G", &shield)?;
        lua.set_globals(shield.clone())?;
        shown.push(shield);
        let words = Placer::new(&lua, &globals)?;
        Ok(Self {
            lua,
            globals,
            redis,
            placer: words,
            names,
            guard,
            placed,
            shown,
            shields,
            json,
            kept_bytes: Cell::new(0),
        })
    }

    /// Returns the rules by which scripts find globals.
    pub fn rules_of_globals(&self) -> mlua::Result<Table> {
        let rules = self.lua.globals().metatable();
        rules.ok_or_else(|| mlua::Error::runtime("the globals are shown without rules"))
    }

    /// Ends what a script has set for itself, and frees what it has left, where that is much.
    pub fn end_run(&self) -> mlua::Result<()> {
        self.json.take();
        if self.lua.used_memory() > COLLECTED_BYTES_MIN.max(2 * self.kept_bytes.get()) {
            self.collect()?;
            self.kept_bytes.set(self.lua.used_memory());
        }
        Ok(())
    }

    /// Frees what a script has left: Lua that may have no more memory does not look for what it could free.
    ///
    /// A buffer that it keeps for itself loses half of its size each time.
    #[cold]
    fn collect(&self) -> mlua::Result<()> {
        loop {
            let before = self.lua.used_memory();
            self.lua.gc_collect()?;
            let used = self.lua.used_memory();
            if used > before / 4 * 3 || used < COLLECTED_BYTES_MIN {
                return Ok(());
            }
        }
    }

    /// Empties what scripts see of the read-only tables.
    pub fn clear_shown(&self) -> mlua::Result<()> {
        self.shown.iter().filter(|shown| shown.raw_len() > 0).try_for_each(Table::clear)
    }
}

fn guard_functions(lua: &Lua, placed: &Function) -> mlua::Result<Function> {
    let chunk = lua.load(include_str!("guard.lua")).set_name(position::OWN_CHUNK);
    chunk.call((
        lua.create_function(thrown::caught)?,
        lua.create_function(thrown::caught_as_text)?,
        lua.create_function(|_, value: Value| Ok(thrown::is_stop(&value)))?,
        placed,
        lua.create_function(thrown::complain)?,
        lua.create_function(|lua, text: String| thrown::refuse(lua, &text))?,
        lua.create_function(basics::int_argument)?,
    ))
}

/// Notes with an error that nobody has caught where the script is; the end of the script stays as it is.
fn placed(lua: &Lua, value: Value) -> mlua::Result<Value> {
    if thrown::is_stop(&value) {
        return Ok(value);
    }
    let table = match thrown::caught(lua, value)? {
        Value::Table(table) => table,
        other => {
            let text = match lua.coerce_string(other.clone())? {
                Some(text) => text.as_bytes().to_vec(),
                None => other.to_string()?.into_bytes(),
            };
            let table = lua.create_table()?;
            table.raw_set("err", lua.create_string([b"ERR ", &*text].concat())?)?;
            table
        }
    };
    if let Some(place) = position::of_error(lua) {
        table.raw_set("source", place.source)?;
        table.raw_set("line", place.line)?;
    }
    Ok(Value::Table(table))
}

/// Says that there is no such global variable.
pub fn missing(lua: &Lua, (_, name): (Value, Value)) -> mlua::Result<()> {
    let name = lua.coerce_string(name)?.map_or_else(Vec::new, |name| name.as_bytes().to_vec());
    let text = b"Script attempted to access nonexistent global variable '";
    Err(thrown::here(lua, [text, c_text(&name), b"'"].concat()))
}
