//! The table `redis`: what a script may ask of the server.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{
    Error, FromLua, Function, IntoLuaMulti, Lua, MultiValue, Scope, Table, Value, Variadic,
};
use sha1_smol::Sha1;

use crate::net::args::OwnedArgs;
use crate::net::reply::Protocol;
use crate::number::format_double;

use super::thrown::{self, Counted, Thrown};
use super::{Commands, Facts, to_lua};

const NO_WORDS: &str = "ERR Please specify at least one argument for this redis lib call";
const NO_TEXT: &str = "ERR Lua redis lib command arguments must be strings or integers";
const NO_REPLY: &str = "ERR wrong number or type of arguments";
/// Beyond, every double is an integer, and is written as a double is.
const EXACT_MAX: f64 = 4_503_599_627_370_496.0;

/// What a script has chosen.
#[derive(Debug, Default)]
pub struct Settings {
    /// The protocol of the replies that it reads.
    pub protocol: Cell<Protocol>,
}

/// A word of a command, as a script gives it; `None` if it is neither text nor a number.
struct Word(Option<Vec<u8>>);

impl FromLua for Word {
    fn from_lua(value: Value, _: &Lua) -> mlua::Result<Self> {
        Ok(Self(match value {
            Value::String(text) => Some(text.as_bytes().to_vec()),
            Value::Number(number) => Some(number_text(number)),
            Value::Integer(number) => Some(number.to_string().into_bytes()),
            _ => None,
        }))
    }
}

/// Writes a number as commands get it.
fn number_text(number: f64) -> Vec<u8> {
    if number.is_nan() {
        return if number.is_sign_negative() { b"-nan".to_vec() } else { b"nan".to_vec() };
    }
    if number.abs() <= EXACT_MAX && number.fract() == 0.0 {
        return (number as i64).to_string().into_bytes();
    }
    format_double(number).as_bytes().to_vec()
}

/// What the commands of a run need.
pub struct Running<'r> {
    commands: &'r mut dyn Commands,
    reply: Vec<u8>,
}

impl<'r> Running<'r> {
    /// Begins a run.
    pub fn new(commands: &'r mut dyn Commands) -> RefCell<Self> {
        RefCell::new(Self { commands, reply: Vec::new() })
    }
}

/// Puts the functions into the table that run commands, for as long as the scope lasts.
pub fn install_commands<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    redis: &Table,
    running: &'env RefCell<Running<'env>>,
    settings: &'env Settings,
) -> mlua::Result<()> {
    let call = scope.create_function(|lua, words: Variadic<Word>| {
        match run(lua, words, running, settings)? {
            Ok(value) => Ok(value),
            Err(text) => Err(Error::external(Thrown::Reply { text, is_counted: Counted::Yes })),
        }
    })?;
    let pcall = scope.create_function(|lua, words: Variadic<Word>| {
        match run(lua, words, running, settings)? {
            Ok(value) => Ok(value),
            Err(text) => {
                let error = Thrown::Reply { text, is_counted: Counted::Yes };
                thrown::caught(lua, Value::Error(Box::new(Error::external(error))))
            }
        }
    })?;
    redis.raw_set("call", call)?;
    redis.raw_set("pcall", pcall)
}

/// Runs a command; the inner error is the text of an error reply.
fn run(
    lua: &Lua,
    words: Variadic<Word>,
    running: &RefCell<Running<'_>>,
    settings: &Settings,
) -> mlua::Result<Result<Value, Vec<u8>>> {
    let words = match command(words) {
        Ok(words) => words,
        Err(text) => return Ok(Err(text.as_bytes().to_vec())),
    };
    let mut running = running.borrow_mut();
    let Running { commands, reply } = &mut *running;
    reply.clear();
    commands
        .run(&words, settings.protocol.get(), reply)
        .map_err(|stopped| thrown::stop(lua, stopped))?;
    if let [b'-', text @ ..] = reply.as_slice() {
        return Ok(Err(text.strip_suffix(b"\r\n").unwrap_or(text).to_vec()));
    }
    to_lua::value(lua, reply).map(Ok)
}

fn command(words: Variadic<Word>) -> Result<OwnedArgs, &'static str> {
    if words.is_empty() {
        return Err(NO_WORDS);
    }
    let words: Option<Vec<_>> = Vec::from(words).into_iter().map(|Word(text)| text).collect();
    words.map(OwnedArgs::from_words).ok_or(NO_TEXT)
}

/// Makes the table, without the functions that run commands.
pub fn table(lua: &Lua, facts: &Facts, settings: &Rc<Settings>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (level, name) in ["DEBUG", "VERBOSE", "NOTICE", "WARNING"].into_iter().enumerate() {
        table.raw_set(format!("LOG_{name}"), level)?;
    }
    for (name, set) in [("NONE", 0), ("AOF", 1), ("REPLICA", 2), ("SLAVE", 2), ("ALL", 3)] {
        table.raw_set(format!("REPL_{name}"), set)?;
    }
    table.raw_set("REDIS_VERSION", facts.version)?;
    let parts = facts.version.split('.').filter_map(|part| part.parse::<i64>().ok());
    table.raw_set("REDIS_VERSION_NUM", parts.fold(0, |number, part| number << 8 | part))?;
    table.raw_set("sha1hex", function(lua, sha1hex)?)?;
    table.raw_set("error_reply", function(lua, error_reply)?)?;
    table.raw_set("status_reply", function(lua, status_reply)?)?;
    table.raw_set("log", function(lua, log)?)?;
    table.raw_set("set_repl", function(lua, set_repl)?)?;
    table.raw_set("replicate_commands", lua.create_function(|_, ()| Ok(true))?)?;
    table.raw_set("breakpoint", lua.create_function(|_, _: MultiValue| Ok(false))?)?;
    table.raw_set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    let is_command = facts.is_command;
    let check = lua.create_function(move |_, words: Variadic<Word>| {
        let words = command(words).map_err(thrown::reply)?;
        if is_command(&words) {
            return Ok(true);
        }
        Err(thrown::reply("ERR Invalid command passed to redis.acl_check_cmd()"))
    })?;
    table.raw_set("acl_check_cmd", check)?;
    let settings = Rc::clone(settings);
    let choose = lua.create_function(move |lua, arguments: MultiValue| {
        if arguments.len() != 1 {
            return Err(thrown::reply("ERR redis.setresp() requires one argument."));
        }
        settings.protocol.set(match number(lua, arguments.front()) {
            Some(2.0) => Protocol::Resp2,
            Some(3.0) => Protocol::Resp3,
            _ => return Err(thrown::reply("ERR RESP version must be 2 or 3.")),
        });
        Ok(())
    })?;
    table.raw_set("setresp", choose)?;
    Ok(table)
}

/// Makes a function of Lua that looks at its arguments.
fn function<R: IntoLuaMulti + 'static>(
    lua: &Lua,
    own: fn(&Lua, &MultiValue) -> mlua::Result<R>,
) -> mlua::Result<Function> {
    lua.create_function(move |lua, arguments: MultiValue| own(lua, &arguments))
}

fn number(lua: &Lua, value: Option<&Value>) -> Option<f64> {
    lua.coerce_number(value?.clone()).ok().flatten()
}

fn sha1hex(lua: &Lua, arguments: &MultiValue) -> mlua::Result<String> {
    if arguments.len() != 1 {
        return Err(thrown::reply("ERR wrong number of arguments"));
    }
    let text = lua.coerce_string(arguments[0].clone())?;
    Ok(Sha1::from(text.map_or_else(Vec::new, |text| text.as_bytes().to_vec())).digest().to_string())
}

fn error_reply(lua: &Lua, arguments: &MultiValue) -> mlua::Result<Table> {
    let Some(text) = only_text(arguments) else { return labelled(lua, "err", NO_REPLY.into()) };
    let text = text.strip_prefix(b"-").unwrap_or(&text).to_vec();
    // A word alone is no code.
    let text = if text.contains(&b' ') { text } else { [b"ERR ", &*text].concat() };
    labelled(lua, "err", text)
}

fn status_reply(lua: &Lua, arguments: &MultiValue) -> mlua::Result<Table> {
    match only_text(arguments) {
        Some(text) => labelled(lua, "ok", text),
        None => labelled(lua, "err", NO_REPLY.into()),
    }
}

fn only_text(arguments: &MultiValue) -> Option<Vec<u8>> {
    match arguments.as_slices() {
        ([Value::String(text)], []) => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

fn labelled(lua: &Lua, label: &str, text: Vec<u8>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set(label, lua.create_string(text)?)?;
    Ok(table)
}

/// Writes into the server's text log; the levels are those of the directive `loglevel`.
fn log(lua: &Lua, arguments: &MultiValue) -> mlua::Result<()> {
    if arguments.len() < 2 {
        return Err(thrown::reply("ERR redis.log() requires two arguments or more."));
    }
    let Some(level @ (Value::Integer(_) | Value::Number(_))) = arguments.front() else {
        return Err(thrown::reply("ERR First argument must be a number (log level)."));
    };
    let level = number(lua, Some(level)).unwrap_or(-1.0) as i64;
    let texts = arguments.iter().skip(1).filter_map(|value| {
        let text = lua.coerce_string(value.clone()).ok().flatten()?;
        Some(text.to_string_lossy())
    });
    let text = texts.collect::<Vec<_>>().join(" ");
    match level {
        0 => tracing::trace!("{text}"),
        1 => tracing::debug!("{text}"),
        2 => tracing::info!("{text}"),
        3 => tracing::warn!("{text}"),
        _ => return Err(thrown::reply("ERR Invalid debug level.")),
    }
    Ok(())
}

/// Accepts what stock accepts; what a script writes goes into the stream, as the log is the data too.
fn set_repl(lua: &Lua, arguments: &MultiValue) -> mlua::Result<()> {
    if arguments.len() != 1 {
        return Err(thrown::reply("ERR redis.set_repl() requires one argument."));
    }
    match number(lua, arguments.front()).map(|set| set as i64) {
        Some(0..=3) => Ok(()),
        _ => Err(thrown::reply(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        )),
    }
}
