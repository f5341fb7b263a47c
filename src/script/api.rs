//! The table `redis`: what a script may ask of the server.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Error, Function, IntoLuaMulti, Lua, MultiValue, Table, Value};
use scoped_tls_hkt::{ReborrowMut, scoped_thread_local};
use sha1_smol::Sha1;

use crate::net::args::Gathered;
use crate::net::reply::Protocol;
use crate::number::format_double;

use super::bounds::hand_over;
use super::names::Names;
use super::thrown::{self, Counted, Thrown};
use super::to_reply::{as_c_casts, c_text};
use super::{Commands, Facts, to_lua};

const NO_WORDS: &str = "ERR Please specify at least one argument for this redis lib call";
const NO_TEXT: &str = "ERR Lua redis lib command arguments must be strings or integers";
const NO_REPLY: &str = "ERR wrong number or type of arguments";
/// The room for replies that is kept from one to the next.
const REPLY_BYTES_KEPT: usize = 16 * 1024;
/// Beyond, every double is an integer, and is written as a double is.
const EXACT_MAX: f64 = 4_503_599_627_370_496.0;

/// What a script has chosen.
#[derive(Debug, Default)]
pub struct Settings {
    /// The protocol of the replies that it reads.
    pub protocol: Cell<Protocol>,
}

scoped_thread_local!(
    /// What runs the commands of the script that this thread runs.
    static mut RUNNING: for<'r> Running<'r>
);

/// What runs the commands of a script.
struct Running<'r>(&'r mut (dyn Commands + 'r));

impl<'r> ReborrowMut<'r> for Running<'_> {
    type Result = Running<'r>;

    fn reborrow_mut(&'r mut self) -> Running<'r> {
        Running(&mut *self.0)
    }
}

/// Has `commands` run what a script calls for as long as `work` takes.
pub fn with_commands<R>(commands: &mut dyn Commands, work: impl FnOnce() -> R) -> R {
    RUNNING.set(Running(commands), work)
}

/// Where the words of a command and its reply are put.
#[derive(Default)]
struct Scratch {
    words: Gathered,
    reply: Vec<u8>,
}

/// Gathers the words of a command as a script gives them.
fn gather(values: &MultiValue, words: &mut Gathered) -> Result<(), &'static str> {
    if values.is_empty() {
        return Err(NO_WORDS);
    }
    words.begin(values.len());
    for value in values {
        match value {
            Value::String(text) => words.push(&text.as_bytes()),
            Value::Number(number) => push_number(words, *number),
            Value::Integer(number) => words.push(itoa::Buffer::new().format(*number).as_bytes()),
            _ => return Err(NO_TEXT),
        }
    }
    Ok(())
}

/// Adds a number as commands get it.
fn push_number(words: &mut Gathered, number: f64) {
    if number.is_nan() {
        words.push(if number.is_sign_negative() { b"-nan" } else { b"nan" });
    } else if number.abs() <= EXACT_MAX && number.fract() == 0.0 {
        words.push(itoa::Buffer::new().format(number as i64).as_bytes());
    } else {
        words.push(format_double(number).as_bytes());
    }
}

/// Puts the functions into the table that run commands.
fn put_commands(
    (lua, names): (&Lua, &Rc<Names>),
    table: &Table,
    settings: &Rc<Settings>,
) -> mlua::Result<()> {
    let shared = Rc::new(RefCell::new(Scratch::default()));
    let (scratch, told) = (Rc::clone(&shared), (Rc::clone(names), Rc::clone(settings)));
    let call = lua.create_function(move |lua, words: MultiValue| {
        match run(lua, &words, &mut scratch.borrow_mut(), (&told.0, &told.1))? {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::external(error)),
        }
    })?;
    let (scratch, told) = (shared, (Rc::clone(names), Rc::clone(settings)));
    let pcall = lua.create_function(move |lua, words: MultiValue| {
        match run(lua, &words, &mut scratch.borrow_mut(), (&told.0, &told.1))? {
            Ok(value) => Ok(value),
            Err(error) => thrown::caught(lua, Value::Error(Box::new(Error::external(error)))),
        }
    })?;
    table.raw_set("call", call)?;
    table.raw_set("pcall", pcall)
}

/// Runs a command; the inner error is an error reply.
fn run(
    lua: &Lua,
    words: &MultiValue,
    scratch: &mut Scratch,
    (names, settings): (&Names, &Settings),
) -> mlua::Result<Result<Value, Thrown>> {
    let error = |text: &[u8], is_counted| Thrown::Reply { text: text.to_vec(), is_counted };
    let Scratch { words: gathered, reply } = scratch;
    if let Err(text) = gather(words, gathered) {
        return Ok(Err(error(text.as_bytes(), Counted::No)));
    }
    reply.clear();
    reply.shrink_to(REPLY_BYTES_KEPT);
    let ran =
        RUNNING.with(|running| running.0.run(&gathered.as_args(), settings.protocol.get(), reply));
    ran.map_err(|stopped| thrown::stop(lua, stopped))?;
    if let [b'-', text @ ..] = reply.as_slice() {
        let text = text.strip_suffix(b"\r\n").unwrap_or(text);
        return Ok(Err(error(text, Counted::Yes)));
    }
    let value = || to_lua::value(lua, names, reply);
    // Numbers and what is missing take no memory.
    let is_none = matches!(&reply[..], [b':', ..] | b"$-1\r\n" | b"_\r\n");
    if is_none { value() } else { hand_over(lua, reply.len(), value) }.map(Ok)
}

/// Makes the table.
pub fn table(
    (lua, names): (&Lua, &Rc<Names>),
    facts: &Facts,
    settings: &Rc<Settings>,
) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    put_commands((lua, names), &table, settings)?;
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
    let check = lua.create_function(|_, words: MultiValue| {
        let mut gathered = Gathered::default();
        gather(&words, &mut gathered).map_err(thrown::reply)?;
        let may = RUNNING.with(|running| running.0.may_run(&gathered.as_args()));
        may.ok_or_else(|| thrown::reply("ERR Invalid command passed to redis.acl_check_cmd()"))
    })?;
    table.raw_set("acl_check_cmd", check)?;
    let settings = Rc::clone(settings);
    let choose = lua.create_function(move |lua, arguments: MultiValue| {
        if arguments.len() != 1 {
            return Err(thrown::reply("ERR redis.setresp() requires one argument."));
        }
        settings.protocol.set(match number(lua, arguments.front()).map(as_c_casts) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
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
    let text = c_text(&text);
    let end = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    let text = &text[..end];
    let text = text.strip_prefix(b"-").unwrap_or(text).to_vec();
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
    let Some(level) = number(lua, arguments.front()) else {
        return Err(thrown::reply("ERR First argument must be a number (log level)."));
    };
    let texts = arguments.iter().skip(1).filter_map(|value| {
        let text = lua.coerce_string(value.clone()).ok().flatten()?;
        Some(text.to_string_lossy())
    });
    let text = texts.collect::<Vec<_>>().join(" ");
    match as_c_casts(level) {
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
    match number(lua, arguments.front()).map(as_c_casts) {
        Some(0..=3) => Ok(()),
        _ => Err(thrown::reply(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        )),
    }
}
