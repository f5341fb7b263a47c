//! One interpreter per thread, and the run of a script in it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use ahash::RandomState;
use mlua::{Function, HookTriggers, Lua, Value, VmState};

use crate::net::args::Words;
use crate::net::reply::{Protocol, Reply};

use super::api::{self, Settings};
use super::basics::compile;
use super::bounds::bounded;
use super::position::Place;
use super::runs::{Kind, Watch};
use super::sandbox::Sandbox;
use super::thrown::{self, Thrown};
use super::to_reply::{self, c_text};
use super::{Cache, Commands, Facts, Script, Sha, Stopped, Told};

/// The name of the chunk that a script is.
const CHUNK: &str = "@user_script";
/// What is told before what Lua says of a script that it cannot compile.
const HEAD: &str = "ERR Error compiling script (new function): ";
/// After how many instructions it is looked at how long a script has run.
pub const LOOKED_AT_EVERY: u32 = 10_000;

thread_local! {
    static INTERPRETER: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
}

/// How a script ended that did not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The client is told so.
    Said(Vec<u8>),
    /// The client is told so, by an error that the statistics have.
    Repeated(Vec<u8>),
    /// It was stopped.
    Stopped(Stopped),
}

/// A script, and what it is run with.
pub struct Ran<'r> {
    /// The script.
    pub script: &'r Script,
    /// Its keys.
    pub keys: Words<'r>,
    /// Its further arguments.
    pub arguments: Words<'r>,
}

/// Compiles a script for the thread that asks, to see whether it is one.
pub fn check(facts: &Facts, cache: &Cache, script: &Script) -> Result<(), Failure> {
    with(facts, cache, |interpreter| {
        interpreter.programs.of(&interpreter.sandbox.lua, cache, script).map(drop)
    })
}

/// Runs a script; what it returns becomes the reply.
pub fn run(
    facts: &Facts,
    cache: &Cache,
    ran: Ran<'_>,
    commands: &mut dyn Commands,
    reply: &mut Reply<'_>,
) -> Result<Told, Failure> {
    with(facts, cache, |interpreter| interpreter.run(cache, ran, commands, reply))
}

fn with<R>(
    facts: &Facts,
    cache: &Cache,
    work: impl FnOnce(&mut Interpreter) -> Result<R, Failure>,
) -> Result<R, Failure> {
    INTERPRETER.with_borrow_mut(|slot| {
        let interpreter = match slot {
            Some(interpreter) => interpreter,
            None => slot.insert(Interpreter::new(facts, cache).map_err(|error| broken(&error))?),
        };
        work(interpreter)
    })
}

/// Says that the interpreter could not do what it should.
pub fn broken(error: &mlua::Error) -> Failure {
    Failure::Said(format!("ERR {error}").replace(['\r', '\n'], " ").into_bytes())
}

struct Interpreter {
    sandbox: Sandbox,
    settings: Rc<Settings>,
    watch: Rc<Watch>,
    programs: Programs,
}

/// The scripts that were compiled for one thread.
#[derive(Default)]
struct Programs {
    functions: HashMap<Sha, Function, RandomState>,
    /// How often all scripts had been forgotten by then.
    generation: u64,
}

impl Programs {
    /// Returns a script as a function, which it is compiled to when it is first used.
    fn of(&mut self, lua: &Lua, cache: &Cache, script: &Script) -> Result<&Function, Failure> {
        let generation = cache.generation();
        if self.generation != generation {
            self.functions.clear();
            self.generation = generation;
        }
        Ok(match self.functions.entry(script.sha) {
            Entry::Occupied(at) => at.into_mut(),
            Entry::Vacant(at) => at.insert(compiled(lua, script.program(), CHUNK, HEAD)?),
        })
    }
}

impl Interpreter {
    fn new(facts: &Facts, cache: &Cache) -> mlua::Result<Self> {
        let settings = Rc::new(Settings::default());
        let sandbox = Sandbox::new(facts, &settings)?;
        let watch = Watch::of_thread(cache.runs());
        watch.note_memory(Kind::Script, sandbox.lua.used_memory());
        let watched = Rc::clone(&watch);
        let every = HookTriggers::new().every_nth_instruction(LOOKED_AT_EVERY);
        sandbox.lua.set_global_hook(every, move |lua, _| match watched.look() {
            Ok(()) => Ok(VmState::Continue),
            Err(stopped) => Err(thrown::stop(lua, stopped)),
        })?;
        Ok(Self { sandbox, settings, watch, programs: Programs::default() })
    }

    fn run(
        &mut self,
        cache: &Cache,
        ran: Ran<'_>,
        commands: &mut dyn Commands,
        reply: &mut Reply<'_>,
    ) -> Result<Told, Failure> {
        let Self { sandbox, settings, watch, programs } = self;
        let lua = &sandbox.lua;
        let function = programs.of(lua, cache, ran.script)?;
        settings.protocol.set(Protocol::Resp2);
        let placed = sandbox.placer.place(lua, ran.keys, ran.arguments);
        placed.map_err(|error| broken(&error))?;
        watch.begin();
        let ended = api::with_commands(commands, || {
            bounded(lua, || sandbox.guard.call::<(bool, Value)>((function, &sandbox.placed)))
        });
        watch.end();
        sandbox.end_run().map_err(|error| broken(&error))?;
        watch.note_memory(Kind::Script, lua.used_memory());
        if ran.script.reaches_tables() {
            sandbox.clear_shown().map_err(|error| broken(&error))?;
        }
        match ended.map_err(|error| broken(&error))? {
            (true, value) => {
                let chosen = settings.protocol.get();
                let names = (lua, &*sandbox.names);
                to_reply::write(names, value, chosen, reply).map_err(|error| broken(&error))
            }
            (false, error) => Err(failure(&error, &ran.script.sha.digits())),
        }
    }
}

/// Compiles a program; what is told of one that is none begins with `head`.
pub fn compiled(lua: &Lua, program: &[u8], chunk: &str, head: &str) -> Result<Function, Failure> {
    let texts = || Ok((lua.create_string(program)?, lua.create_string(chunk)?));
    let compiled = bounded(lua, || texts().and_then(|(text, name)| compile(lua, &text, &name)));
    compiled
        .map_err(|error| broken(&error))?
        .map_err(|text| Failure::Said([head.as_bytes(), &*text.as_bytes()].concat()))
}

/// Tells the client of an error that a script has not caught, whose name is `name`.
pub fn failure(error: &Value, name: &str) -> Failure {
    let table = match error {
        Value::Table(table) => table,
        Value::Error(error) => {
            return match thrown::of(error) {
                Some(Thrown::Stop(Stopped::Killed, place)) => killed(name, place),
                Some(Thrown::Stop(stopped, _)) => Failure::Stopped(*stopped),
                _ => broken(error),
            };
        }
        // There was no memory left to say where it happened.
        other => {
            let text = other.to_string().unwrap_or_default();
            return Failure::Said(format!("ERR {text} script: {name}").into_bytes());
        }
    };
    let text = |field: &str| match table.raw_get::<Value>(field) {
        Ok(Value::String(text)) => Some(c_text(&text.as_bytes()).to_vec()),
        Ok(value @ (Value::Integer(_) | Value::Number(_))) => {
            value.to_string().ok().map(String::into_bytes)
        }
        _ => None,
    };
    let mut said = text("err").unwrap_or_else(|| b"ERR unknown error".to_vec());
    said.extend_from_slice(format!(" script: {name}").as_bytes());
    if let (Some(source), Some(line)) = (text("source"), text("line")) {
        said.extend_from_slice(&[b", on ", &*source, b":", &*line, b"."].concat());
    }
    if thrown::is_counted(table) { Failure::Repeated(said) } else { Failure::Said(said) }
}

/// Tells the client that somebody has ended its script.
fn killed(name: &str, place: &Place) -> Failure {
    let Place { source, line } = place;
    let text = "ERR Script killed by user with SCRIPT KILL...";
    Failure::Said(format!("{text} script: {name}, on {source}:{line}.").into_bytes())
}
