//! `KEYS` and `ARGV`: the words that a script is given.

use mlua::{Either, Function, Lua, LuaString, Table, Variadic};

use crate::net::args::Words;

use super::position::OWN_CHUNK;

/// Up to so many words are handed over at once.
const FEW: usize = 64;

/// Puts the words of scripts where these find them.
pub struct Placer {
    globals: Table,
    /// By the number of keys.
    at_once: Vec<Function>,
    keys: LuaString,
    arguments: LuaString,
}

impl Placer {
    /// Makes one for the table of globals.
    pub fn new(lua: &Lua, globals: &Table) -> mlua::Result<Self> {
        let chunk = lua.load(include_str!("place.lua")).set_name(OWN_CHUNK);
        let at_once: Variadic<Function> = chunk.call(globals)?;
        let (keys, arguments) = (lua.create_string("KEYS")?, lua.create_string("ARGV")?);
        Ok(Self { globals: globals.clone(), at_once: at_once.into(), keys, arguments })
    }

    /// Puts the words of a script there.
    pub fn place(&self, lua: &Lua, keys: Words<'_>, arguments: Words<'_>) -> mlua::Result<()> {
        if keys.len() + arguments.len() <= FEW
            && let Some(place) = self.at_once.get(keys.len())
        {
            let mut words = Vec::with_capacity(keys.len() + arguments.len());
            for word in keys.chain(arguments) {
                // What is text is put on the stack as it is.
                words.push(match std::str::from_utf8(word) {
                    Ok(text) => Either::Left(text),
                    Err(_) => Either::Right(lua.create_string(word)?),
                });
            }
            return place.call(Variadic::from(words));
        }
        self.globals.raw_set(&self.keys, table(lua, keys)?)?;
        self.globals.raw_set(&self.arguments, table(lua, arguments)?)
    }
}

/// Makes a list of words.
pub fn table(lua: &Lua, words: Words<'_>) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(words.len(), 0)?;
    for (place, word) in (1..).zip(words) {
        table.raw_seti(place, lua.create_string(word)?)?;
    }
    Ok(table)
}
