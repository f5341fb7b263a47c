//! The words that scripts and functions are given.

use mlua::{Either, Function, Lua, LuaString, Table, Variadic};

use crate::net::args::Words;

use super::position::OWN_CHUNK;

/// Up to so many words are handed over at once.
const FEW: usize = 64;

/// Words on their way to Lua; what is text is put on its stack as it is.
type Few<'w> = Variadic<Either<&'w str, LuaString>>;

/// Functions that take few words at once, by the number of keys among them.
struct AtOnce(Vec<Function>);

impl AtOnce {
    /// Returns the function to call, and the words to call it with, if these are few.
    fn of<'w>(
        &self,
        lua: &Lua,
        keys: &Words<'w>,
        arguments: &Words<'w>,
    ) -> mlua::Result<Option<(&Function, Few<'w>)>> {
        let count = keys.len() + arguments.len();
        let Some(function) = self.0.get(keys.len()).filter(|_| count <= FEW) else {
            return Ok(None);
        };
        let mut words = Vec::with_capacity(count);
        for word in keys.clone().chain(arguments.clone()) {
            words.push(match std::str::from_utf8(word) {
                Ok(text) => Either::Left(text),
                Err(_) => Either::Right(lua.create_string(word)?),
            });
        }
        Ok(Some((function, words.into())))
    }
}

/// Puts the words of scripts where these find them: `KEYS` and `ARGV`.
pub struct Placer {
    globals: Table,
    at_once: AtOnce,
    keys: LuaString,
    arguments: LuaString,
}

impl Placer {
    /// Makes one for the table of globals.
    pub fn new(lua: &Lua, globals: &Table) -> mlua::Result<Self> {
        let chunk = lua.load(include_str!("place.lua")).set_name(OWN_CHUNK);
        let at_once: Variadic<Function> = chunk.call(globals)?;
        let (keys, arguments) = (lua.create_string("KEYS")?, lua.create_string("ARGV")?);
        Ok(Self { globals: globals.clone(), at_once: AtOnce(at_once.into()), keys, arguments })
    }

    /// Puts the words of a script there.
    pub fn place(&self, lua: &Lua, keys: Words<'_>, arguments: Words<'_>) -> mlua::Result<()> {
        if let Some((place, words)) = self.at_once.of(lua, &keys, &arguments)? {
            return place.call(words);
        }
        self.globals.raw_set(&self.keys, table(lua, keys)?)?;
        self.globals.raw_set(&self.arguments, table(lua, arguments)?)
    }
}

/// Binds functions to the words that they are called with.
pub struct Binder {
    /// Calls what was bound last.
    run: Function,
    bind: Function,
    at_once: AtOnce,
}

impl Binder {
    /// Makes one for an interpreter.
    pub fn new(lua: &Lua) -> mlua::Result<Self> {
        let chunk = lua.load(include_str!("bind.lua")).set_name(OWN_CHUNK);
        let (run, bind, at_once): (_, _, Variadic<Function>) = chunk.call(())?;
        Ok(Self { run, bind, at_once: AtOnce(at_once.into()) })
    }

    /// Returns what calls a function with lists of these words, once.
    pub fn bind(
        &self,
        lua: &Lua,
        function: &Function,
        keys: Words<'_>,
        arguments: Words<'_>,
    ) -> mlua::Result<&Function> {
        match self.at_once.of(lua, &keys, &arguments)? {
            Some((bind, words)) => bind.call::<()>((function, words))?,
            None => self.bind.call::<()>((function, table(lua, keys)?, table(lua, arguments)?))?,
        }
        Ok(&self.run)
    }
}

/// Makes a list of words.
fn table(lua: &Lua, words: Words<'_>) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(words.len(), 0)?;
    for (place, word) in (1..).zip(words) {
        table.raw_seti(place, lua.create_string(word)?)?;
    }
    Ok(table)
}
