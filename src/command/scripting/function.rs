//! `FUNCTION`: the libraries of functions.
//!
//! They are data: what changes them goes into the stream as it is, while every shard is held. So the order
//! of the stream is that of the changes, and a snapshot has the libraries of its moment.

use std::sync::Arc;

use crate::command::glob::{Case, matches};
use crate::command::{self, Call, Fault, Flow, Mode};
use crate::net::Reply;
use crate::script::functions::{self, Existing, Function, Libraries, Library, LoadTime, Set};
use crate::script::{Cache, Kind};
use crate::snapshot::rdb::Limits;
use crate::snapshot::rdb::payload::{self, FunctionsError};

use super::FACTS;
use super::script::busy_with;

const NO_LIBRARY: Fault = Fault::fixed("ERR Library not found");
const NO_PATTERN: Fault = Fault::fixed("ERR library name argument was not given");
const BAD_MODE: Fault = Fault::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
const BAD_POLICY: Fault = Fault::fixed(
    "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
);

/// Loads a library, to see what functions it has; the error is what a client is told.
pub fn load_library(cache: &Cache, source: &[u8], time: LoadTime) -> Result<Arc<Library>, Vec<u8>> {
    functions::load(&FACTS, cache, source, time).map(Arc::new)
}

/// `FUNCTION LOAD [REPLACE] function-code`.
pub fn load(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let args = call.args;
    let (options, source) = (2..args.len() - 1, args.word(args.len() - 1));
    let mut existing = Existing::Stays;
    for option in options.map(|index| args.word(index)) {
        if !option.eq_ignore_ascii_case(b"REPLACE") {
            return Err(Fault::quoting("ERR Unknown option given: ", option, ""));
        }
        existing = Existing::Replaced;
    }
    let cache = call.host.scripts();
    let libraries = cache.libraries();
    refuse_name(libraries, source, existing)?;
    let library = load_library(cache, source, load_time(call)).map_err(Fault::of_bytes)?;
    libraries.change(|set| set.add(Arc::clone(&library), existing)).map_err(Fault::of_bytes)?;
    call.data.effect.changed(1);
    call.reply.bulk(&library.name);
    Ok(Flow::Done)
}

/// Refuses a library whose name is taken before it is looked at any further.
fn refuse_name(libraries: &Libraries, source: &[u8], existing: Existing) -> Result<(), Fault> {
    if existing == Existing::Replaced {
        return Ok(());
    }
    let name = functions::name_of(source).map_err(Fault::of_bytes)?;
    if libraries.current().has(&name) {
        return Err(Fault::of_bytes([b"ERR Library '", &*name, b"' already exists"].concat()));
    }
    Ok(())
}

fn load_time(call: &Call<'_, '_>) -> LoadTime {
    if call.data.mode == Mode::Replay { LoadTime::OfStream } else { LoadTime::OfClients }
}

/// `FUNCTION DELETE library-name`.
pub fn delete(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let name = call.args.word(2);
    let libraries = call.host.scripts().libraries();
    libraries.change(|set| if set.remove(name) { Ok(()) } else { Err(NO_LIBRARY) })?;
    call.data.effect.changed(1);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `FUNCTION FLUSH [ASYNC|SYNC]`.
pub fn flush(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let is_mode =
        |word: &[u8]| [&b"async"[..], b"sync"].iter().any(|m| word.eq_ignore_ascii_case(m));
    match call.args.len() {
        2 => {}
        3 if is_mode(call.args.word(2)) => {}
        3 => return Err(BAD_MODE),
        _ => return Err(misused(call)),
    }
    call.host.scripts().libraries().replace(Arc::default());
    call.data.effect.changed(1);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `FUNCTION DUMP`.
pub fn dump(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let set = call.host.scripts().libraries().current();
    let payload = payload::encode(call.host.rdb_options(), |encoder| {
        set.iter().try_for_each(|library| encoder.function(&library.source))
    });
    let payload = payload.map_err(|error| Fault::of(format!("ERR {error}")))?;
    call.reply.bulk(&payload);
    Ok(Flow::Done)
}

/// `FUNCTION RESTORE serialized-value [FLUSH|APPEND|REPLACE]`.
pub fn restore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    if call.args.len() > 4 {
        return Err(misused(call));
    }
    let policy = call.args.get(3).map(<[u8]>::to_ascii_lowercase);
    let (keeps, existing) = match policy.as_deref() {
        None | Some(b"append") => (true, Existing::Stays),
        Some(b"replace") => (true, Existing::Replaced),
        Some(b"flush") => (false, Existing::Stays),
        Some(_) => return Err(BAD_POLICY),
    };
    let cache = call.host.scripts();
    let coming = restored(cache, call.args.word(2), load_time(call))?;
    if keeps {
        cache.libraries().change(|set| set.join(&coming, existing)).map_err(Fault::of_bytes)?;
    } else {
        cache.libraries().replace(Arc::new(coming));
    }
    call.data.effect.changed(1);
    call.reply.ok();
    Ok(Flow::Done)
}

/// Loads the libraries of a payload.
fn restored(cache: &Cache, payload: &[u8], time: LoadTime) -> Result<Set, Fault> {
    let mut set = Set::default();
    let sources = payload::decode_functions(payload, Limits::default()).map_err(|error| {
        Fault::fixed(match error {
            FunctionsError::Envelope => "ERR DUMP payload version or checksum are wrong",
            FunctionsError::Type => "ERR given type is not a function",
            FunctionsError::PreGa => "ERR Pre-GA function format not supported",
            FunctionsError::Text(_) => "ERR Failed loading library payload",
        })
    })?;
    for source in sources {
        let library = load_library(cache, &source, time);
        let added = library.and_then(|library| set.add(library, Existing::Stays));
        added.map_err(Fault::of_bytes)?;
    }
    Ok(set)
}

/// `FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]`.
pub fn list(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (mut pattern, mut with_code) = (None, false);
    let mut words = call.args.from(2).iter();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"WITHCODE") && !with_code {
            with_code = true;
        } else if word.eq_ignore_ascii_case(b"LIBRARYNAME") && pattern.is_none() {
            pattern = Some(words.next().ok_or(NO_PATTERN)?);
        } else {
            return Err(Fault::quoting("ERR Unknown argument ", word, ""));
        }
    }
    let set = call.host.scripts().libraries().current();
    let is_wanted =
        |name: &[u8]| pattern.is_none_or(|pattern| matches(pattern, name, Case::Ignored));
    let wanted: Vec<_> = set.iter().filter(|library| is_wanted(&library.name)).collect();
    call.reply.array(wanted.len());
    for library in wanted {
        describe(library, with_code, &mut call.reply);
    }
    Ok(Flow::Done)
}

fn describe(library: &Library, with_code: bool, reply: &mut Reply<'_>) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(&library.name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for Function { name, description, flags } in &library.functions {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"description");
        reply.bulk_or_null(description.as_deref());
        reply.bulk(b"flags");
        reply.set(flags.names().count());
        flags.names().for_each(|name| reply.simple(name));
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.source);
    }
}

/// `FUNCTION STATS`.
pub fn stats(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    write_stats(call.host.scripts(), &mut call.reply)?;
    Ok(Flow::Done)
}

/// Tells what function runs for too long, and how many there are.
pub fn write_stats(cache: &Cache, reply: &mut Reply<'_>) -> Result<(), Fault> {
    let slow = cache.runs().slow();
    if slow.as_ref().is_some_and(|slow| slow.kind == Kind::Script) {
        return Err(busy_with(Kind::Script));
    }
    let set = cache.libraries().current();
    reply.map(2);
    reply.bulk(b"running_script");
    match slow {
        None => reply.null(),
        Some(slow) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&slow.name);
            reply.bulk(b"command");
            reply.buffer().extend_from_slice(&slow.request);
            reply.bulk(b"duration_ms");
            reply.integer(slow.ran().as_millis() as i64);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.count(set.iter().len());
    reply.bulk(b"functions_count");
    reply.count(set.functions_count());
    Ok(())
}

/// `FUNCTION KILL`.
pub fn kill(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    super::kill(call.host.scripts().runs(), Kind::Function)?;
    call.reply.ok();
    Ok(Flow::Done)
}

/// `FUNCTION HELP`.
pub fn help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    command::help::subcommands(call)
}

#[cold]
fn misused(call: &Call<'_, '_>) -> Fault {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    Fault::quoting(before, call.args.word(1), "'. Try FUNCTION HELP.")
}
