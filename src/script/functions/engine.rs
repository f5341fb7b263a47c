//! One interpreter per thread for functions: loading a library, and calling a function of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ahash::RandomState;
use mlua::{Function as LuaFunction, HookTriggers, Table, Value, VmState};

use crate::net::args::{Args, Words};
use crate::net::reply::{Protocol, Reply};
use crate::script::api::{self, Settings};
use crate::script::bounds::bounded;
use crate::script::interpreter::{Failure, LOOKED_AT_EVERY, broken, compiled, failure};
use crate::script::runs::{Kind, Watch};
use crate::script::sandbox::{Sandbox, missing};
use crate::script::words::Binder;
use crate::script::{Cache, Commands, Facts, Told, thrown, to_reply};

use super::library::Library;
use super::metadata;
use super::registering::{self, Loading, Registered};
use super::set::Found;

/// The name of the chunk that a library is.
const CHUNK: &str = "@user_function";
/// What only scripts find in the table `redis`.
const OF_SCRIPTS: [&str; 3] = ["breakpoint", "debug", "replicate_commands"];
/// What of the table `redis` a library finds that is being loaded; nothing else is there then.
const WHILE_LOADING: [&str; 7] = [
    "LOG_DEBUG",
    "LOG_NOTICE",
    "LOG_VERBOSE",
    "LOG_WARNING",
    "REDIS_VERSION",
    "REDIS_VERSION_NUM",
    "log",
];

thread_local! {
    static ENGINE: RefCell<Option<Engine>> = const { RefCell::new(None) };
}

/// How long a library may take to register its functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadTime {
    /// As a client waits for it, half a second.
    OfClients,
    /// As it has been loaded elsewhere before: a minute, by which nothing hangs forever.
    OfStream,
}

impl LoadTime {
    fn duration(self) -> Duration {
        match self {
            Self::OfClients => Duration::from_millis(500),
            Self::OfStream => Duration::from_mins(1),
        }
    }
}

/// A function, and what it is called with.
pub struct Called<'r> {
    /// The function.
    pub found: &'r Found,
    /// Its keys.
    pub keys: Words<'r>,
    /// Its further arguments.
    pub arguments: Words<'r>,
    /// The request that calls it.
    pub request: Args<'r>,
}

/// Loads a library, to see what functions it has; the error is what the client is told.
pub fn load(
    facts: &Facts,
    cache: &Cache,
    source: &[u8],
    time: LoadTime,
) -> Result<Library, Vec<u8>> {
    let first = metadata::read(source)?;
    let loaded = with(facts, cache, |engine| {
        let registered = engine.load(&source[first.bytes..], time)?;
        if registered.is_empty() {
            return Err(Failure::Said(b"ERR No functions registered".to_vec()));
        }
        let functions = registered.iter().map(|(function, _)| function.clone()).collect();
        let library = Library::new(first.name, source, first.bytes, functions);
        engine.keep(&library, registered);
        engine.note_memory();
        Ok(library)
    });
    loaded.map_err(|failure| match failure {
        Failure::Said(text) | Failure::Repeated(text) => text,
        Failure::Stopped(_) => b"ERR FUNCTION LOAD was stopped".to_vec(),
    })
}

/// Calls a function; what it returns becomes the reply.
pub fn call(
    facts: &Facts,
    cache: &Cache,
    called: Called<'_>,
    commands: &mut dyn Commands,
    reply: &mut Reply<'_>,
) -> Result<Told, Failure> {
    with(facts, cache, |engine| engine.call(cache, called, commands, reply))
}

fn with<R>(
    facts: &Facts,
    cache: &Cache,
    work: impl FnOnce(&mut Engine) -> Result<R, Failure>,
) -> Result<R, Failure> {
    ENGINE.with_borrow_mut(|slot| {
        let engine = match slot {
            Some(engine) => engine,
            None => slot.insert(Engine::new(facts, cache).map_err(|error| broken(&error))?),
        };
        work(engine)
    })
}

struct Engine {
    sandbox: Sandbox,
    settings: Rc<Settings>,
    watch: Rc<Watch>,
    loading: Rc<Loading>,
    /// By what rules globals are found: those of scripts, or the few that there are while loading.
    rules: Table,
    while_loading: Table,
    binder: Binder,
    /// The functions of the libraries that were loaded here, by the library's number.
    loaded: HashMap<u64, Loaded, RandomState>,
    /// How often the libraries had changed by then.
    generation: u64,
}

/// A library that was loaded here.
struct Loaded {
    name: Box<[u8]>,
    /// In the order of its functions; another run of its program need not register all of them.
    callbacks: Vec<Option<LuaFunction>>,
}

impl Engine {
    fn new(facts: &Facts, cache: &Cache) -> mlua::Result<Self> {
        let settings = Rc::new(Settings::default());
        let sandbox = Sandbox::new(facts, &settings)?;
        for name in OF_SCRIPTS {
            sandbox.redis.raw_set(name, Value::Nil)?;
        }
        let loading = Rc::new(Loading::default());
        let while_loading = while_loading(&sandbox, &loading)?;
        let binder = Binder::new(&sandbox.lua)?;
        let rules = sandbox.rules_of_globals()?;
        let watch = Watch::of_thread(cache.runs());
        let (watched, loads) = (Rc::clone(&watch), Rc::clone(&loading));
        let every = HookTriggers::new().every_nth_instruction(LOOKED_AT_EVERY);
        sandbox.lua.set_global_hook(every, move |lua, _| match loads.until() {
            Some(until) if Instant::now() > until => {
                Err(thrown::reply("ERR FUNCTION LOAD timeout"))
            }
            Some(_) => Ok(VmState::Continue),
            None => match watched.look() {
                Ok(()) => Ok(VmState::Continue),
                Err(stopped) => Err(thrown::stop(lua, stopped)),
            },
        })?;
        let (loaded, generation) = (HashMap::default(), 0);
        Ok(Self {
            sandbox,
            settings,
            watch,
            loading,
            rules,
            while_loading,
            binder,
            loaded,
            generation,
        })
    }

    /// Runs the program of a library, which registers its functions.
    fn load(&mut self, program: &[u8], time: LoadTime) -> Result<Registered, Failure> {
        let lua = &self.sandbox.lua;
        let function = compiled(lua, program, CHUNK, "ERR Error compiling function: ")?;
        let ran = self.run_program(function, time);
        let registered = self.loading.end();
        match ran.map_err(|error| broken(&error))? {
            (true, _) => Ok(registered),
            (false, error) => {
                let text = text_of(&error);
                Err(Failure::Said([b"ERR Error registering functions: ", &*text].concat()))
            }
        }
    }

    fn run_program(&self, function: LuaFunction, time: LoadTime) -> mlua::Result<(bool, Value)> {
        let Sandbox { lua, globals, guard, placed, .. } = &self.sandbox;
        self.rules.raw_set("__index", &self.while_loading)?;
        self.loading.begin(Instant::now() + time.duration());
        let ran = bounded(lua, || guard.call::<(bool, Value)>((function, placed)));
        self.rules.raw_set("__index", globals)?;
        ran
    }

    /// Keeps the functions of a library that was loaded here.
    fn keep(&mut self, library: &Library, registered: Registered) {
        let mut registered: HashMap<_, _> =
            registered.into_iter().map(|(function, callback)| (function.name, callback)).collect();
        let names = library.functions.iter().map(|function| &function.name);
        let callbacks = names.map(|name| registered.remove(name)).collect();
        let name = library.name.clone();
        self.loaded.insert(library.number, Loaded { name, callbacks });
    }

    /// Forgets the libraries that are no more.
    fn forget(&mut self, cache: &Cache) {
        let generation = cache.libraries().generation();
        if self.generation != generation {
            let set = cache.libraries().current();
            self.loaded.retain(|number, loaded| set.has_number(&loaded.name, *number));
            self.generation = generation;
        }
    }

    /// Has the library of a function at hand, which is loaded when it is first used.
    fn prepare(&mut self, cache: &Cache, library: &Library) -> Result<(), Failure> {
        self.forget(cache);
        if !self.loaded.contains_key(&library.number) {
            let registered = self.load(library.program(), LoadTime::OfStream)?;
            self.keep(library, registered);
        }
        Ok(())
    }

    fn call(
        &mut self,
        cache: &Cache,
        called: Called<'_>,
        commands: &mut dyn Commands,
        reply: &mut Reply<'_>,
    ) -> Result<Told, Failure> {
        let Called { found, keys, arguments, request } = called;
        self.prepare(cache, &found.library)?;
        let Self { sandbox, settings, watch, binder, loaded, .. } = self;
        let callbacks = loaded.get(&found.library.number).map(|loaded| &*loaded.callbacks);
        let Some(Some(function)) = callbacks.and_then(|callbacks| callbacks.get(found.index))
        else {
            return Err(Failure::Said(b"ERR Function not found".to_vec()));
        };
        let lua = &sandbox.lua;
        settings.protocol.set(Protocol::Resp2);
        let bound = binder.bind(lua, function, keys, arguments);
        let bound = bound.map_err(|error| broken(&error))?;
        watch.begin_function(&found.function().name, &request);
        let ended = api::with_commands(commands, || {
            bounded(lua, || sandbox.guard.call::<(bool, Value)>((bound, &sandbox.placed)))
        });
        watch.end();
        let ending = self.sandbox.end_run();
        self.note_memory();
        ending.map_err(|error| broken(&error))?;
        if found.library.reaches_tables {
            self.sandbox.clear_shown().map_err(|error| broken(&error))?;
        }
        let lua = &self.sandbox.lua;
        match ended.map_err(|error| broken(&error))? {
            (true, value) => {
                let chosen = self.settings.protocol.get();
                let names = (lua, &*self.sandbox.names);
                to_reply::write(names, value, chosen, reply).map_err(|error| broken(&error))
            }
            (false, error) => {
                Err(failure(&error, &String::from_utf8_lossy(&found.function().name)))
            }
        }
    }

    fn note_memory(&self) {
        self.watch.note_memory(Kind::Function, self.sandbox.lua.used_memory());
    }
}

/// Makes the globals that there are while a library is loaded: the table `redis`, with little in it.
fn while_loading(sandbox: &Sandbox, loading: &Rc<Loading>) -> mlua::Result<Table> {
    let lua = &sandbox.lua;
    let refuse = lua.create_function(missing)?;
    let with_refusal = |table: &Table| {
        let rules = lua.create_table()?;
        rules.raw_set("__index", &refuse)?;
        table.set_metatable(Some(rules))
    };
    let redis = lua.create_table()?;
    for name in WHILE_LOADING {
        redis.raw_set(name, sandbox.redis.raw_get::<Value>(name)?)?;
    }
    redis.raw_set("register_function", registering::function(lua, loading)?)?;
    with_refusal(&redis)?;
    let globals = lua.create_table()?;
    globals.raw_set("redis", sandbox.shields.shield(lua, &redis)?)?;
    with_refusal(&globals)?;
    Ok(globals)
}

/// Returns the text of what a library raised while it was loaded.
fn text_of(error: &Value) -> Vec<u8> {
    if let Value::Table(table) = error
        && let Ok(Value::String(text)) = table.raw_get("err")
    {
        return to_reply::c_text(&text.as_bytes()).to_vec();
    }
    format!("ERR {}", error.to_string().unwrap_or_default()).into_bytes()
}
