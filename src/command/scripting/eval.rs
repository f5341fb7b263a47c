//! `EVAL` and its kin.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::session::Memory;
use crate::command::table::{self, Command};
use crate::command::{Call, Fault, Flow, Session};
use crate::net::Reply;
use crate::net::args::Args;
use crate::number::parse_i64_strict;
use crate::script::{
    self, Cache, Commands, Conduct, Failure, Flags, Ran, Script, Sha, Stopped, Told,
};

use super::FACTS;
use super::inner::{Inner, Rights};

const NO_SCRIPT: Fault = Fault::fixed("NOSCRIPT No matching script. Please use EVAL.");
const TOO_MANY_KEYS: Fault =
    Fault::fixed("ERR Number of keys can't be greater than number of args");
const NEGATIVE_KEYS: Fault = Fault::fixed("ERR Number of keys can't be negative");
const WRITES: Fault =
    Fault::fixed("ERR Can not execute a script with write flag using *_ro command.");
const STALE: Fault = Fault::fixed(
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);
const OUT_OF_MEMORY: Fault =
    Fault::fixed("OOM command not allowed when used memory > 'maxmemory'.");

/// How much room for replies a client keeps of a script that failed with a long one.
const REPLY_BYTES_KEPT: usize = 64 << 10;

/// Whether the command lets its script write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// It does.
    Writing,
    /// It does not.
    ReadOnly,
}

/// `EVAL script numkeys key … arg …`.
pub fn eval(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    eval_text(call, Form::Writing)
}

/// `EVAL_RO script numkeys key … arg …`.
pub fn eval_ro(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    eval_text(call, Form::ReadOnly)
}

/// `EVALSHA sha1 numkeys key … arg …`.
pub fn evalsha(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    eval_known(call, Form::Writing)
}

/// `EVALSHA_RO sha1 numkeys key … arg …`.
pub fn evalsha_ro(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    eval_known(call, Form::ReadOnly)
}

fn eval_text(call: &mut Call<'_, '_>, form: Form) -> Result<Flow, Fault> {
    show(call);
    let keys = count_keys(&call.args, Fault::NOT_AN_INTEGER)?;
    let text = call.args.word(1);
    if !recalls_text(call.session, text, call.host.scripts()) {
        call.session.script = Some(keep(call, text)?);
    }
    run_recalled(call, keys, form)
}

fn eval_known(call: &mut Call<'_, '_>, form: Form) -> Result<Flow, Fault> {
    show(call);
    let digits = call.args.word(1);
    if digits.len() != Sha::DIGITS {
        return Err(NO_SCRIPT);
    }
    let keys = count_keys(&call.args, Fault::NOT_AN_INTEGER)?;
    if !recalls(call.session, digits, call.host.scripts()) {
        return Err(NO_SCRIPT);
    }
    run_recalled(call, keys, form)
}

/// Has the script of a command at hand in the session; returns it, if the server knows it.
pub(super) fn recall<'s>(
    session: &'s mut Session,
    command: &Command,
    args: &Args<'_>,
    scripts: &Cache,
) -> Option<&'s Script> {
    let word = args.word(1);
    let is_known = match command.name {
        "eval" | "eval_ro" => recalls_text(session, word, scripts),
        _ => recalls(session, word, scripts),
    };
    session.script.as_deref().filter(|_| is_known)
}

fn recalls_text(session: &mut Session, text: &[u8], scripts: &Cache) -> bool {
    let is_last = |last: &Script| last.source() == text && scripts.holds(last);
    if !session.script.as_deref().is_some_and(is_last) {
        session.script = scripts.find(&Sha::of(text));
    }
    session.script.is_some()
}

fn recalls(session: &mut Session, digits: &[u8], scripts: &Cache) -> bool {
    let is_last = |last: &Script| last.is_called(digits) && scripts.holds(last);
    if !session.script.as_deref().is_some_and(is_last) {
        session.script = Sha::parse(digits).and_then(|sha| scripts.find(&sha));
    }
    session.script.is_some()
}

/// Runs the script that the session has at hand.
///
/// It stays there: a count of references would be one for all workers to fight over.
fn run_recalled(call: &mut Call<'_, '_>, keys: usize, form: Form) -> Result<Flow, Fault> {
    let script = call.session.script.take().expect("it was looked for");
    let result = run(call, &script, keys, form);
    call.session.script = Some(script);
    result
}

/// Shows monitors the script before its commands.
pub(super) fn show(call: &Call<'_, '_>) {
    if call.host.hub().has_monitors() {
        call.host.show_script(&call.args, call.session.database, Some(&call.session.info));
    }
}

/// Takes a script in, if it is one.
pub(super) fn keep(call: &Call<'_, '_>, text: &[u8]) -> Result<Arc<Script>, Fault> {
    let scripts = call.host.scripts();
    let script = Script::new(Sha::of(text), text).map_err(Fault::of_bytes)?;
    script::check(&FACTS, scripts, &script).map_err(told)?;
    Ok(scripts.keep(script))
}

/// Counts the keys that a program is given; `no_number` is told where that is no number.
pub(super) fn count_keys(args: &Args<'_>, no_number: Fault) -> Result<usize, Fault> {
    let count = parse_i64_strict(args.word(2)).ok_or(no_number)?;
    let count = usize::try_from(count).map_err(|_| NEGATIVE_KEYS)?;
    if count > args.len() - 3 { Err(TOO_MANY_KEYS) } else { Ok(count) }
}

fn run(call: &mut Call<'_, '_>, script: &Script, keys: usize, form: Form) -> Result<Flow, Fault> {
    let rights = rights(call, script.flags, form)?;
    let (args, cache) = (call.args, call.host.scripts());
    let ran = Ran {
        script,
        keys: args.from(3).first(keys).iter(),
        arguments: args.from(3 + keys).iter(),
    };
    run_program(call, (rights, &script.conduct), |commands, reply| {
        script::run(&FACTS, cache, ran, commands, reply)
    })
}

/// Has `work` run a program; what it returns becomes the reply.
pub(super) fn run_program(
    call: &mut Call<'_, '_>,
    (rights, conduct): (Rights, &Conduct),
    work: impl FnOnce(&mut dyn Commands, &mut Reply<'_>) -> Result<Told, Failure>,
) -> Result<Flow, Fault> {
    let mut reply = std::mem::take(call.reply.buffer());
    let start = reply.len();
    let mut written = Reply::new(&mut reply, call.reply.protocol());
    let mut inner = Inner::new(call, rights, conduct);
    let ended = work(&mut inner, &mut written);
    inner.end();
    // A database that the program has chosen was shown to others, and is left with it.
    call.session.info.database.store(call.session.database, Ordering::Relaxed);
    *call.reply.buffer() = reply;
    let failure = match ended {
        Ok(told) => {
            note(call, told);
            return Ok(Flow::Done);
        }
        Err(failure) => failure,
    };
    call.reply.buffer().truncate(start);
    call.reply.buffer().shrink_to(REPLY_BYTES_KEPT);
    match failure {
        Failure::Stopped(Stopped::Abandoned) => Ok(Flow::Anew),
        failure => Err(told(failure)),
    }
}

/// Has the errors counted that the program returned.
fn note(call: &mut Call<'_, '_>, told: Told) {
    let tally = &mut call.data.effect.tally;
    for head in told.uncounted {
        tally.note_refused(None, Fault::of_bytes(head.into()));
    }
    if told.count > 0
        && let Some(command) = table::find(&call.args)
    {
        tally.note_told(command);
    }
}

fn told(failure: Failure) -> Fault {
    match failure {
        Failure::Said(text) => Fault::of_bytes(text),
        Failure::Repeated(text) => Fault::of_bytes(text).counted(),
        Failure::Stopped(_) => Fault::fixed("ERR Error running script: it was stopped"),
    }
}

/// Tells what the script may do; what says of itself what it does is refused at once.
pub(super) fn rights(
    call: &Call<'_, '_>,
    flags: Option<Flags>,
    form: Form,
) -> Result<Rights, Fault> {
    let is_short = call.session.memory == Memory::Short;
    let Some(flags) = flags else {
        return Ok(Rights { writes: form == Form::Writing, lacks_memory: is_short });
    };
    let writes = !flags.has(Flags::NO_WRITES);
    if writes {
        if is_short && !flags.has(Flags::ALLOW_OOM) {
            return Err(OUT_OF_MEMORY);
        }
        call.host.admits_write()?;
    }
    if call.host.withholds_stale() && !flags.has(Flags::ALLOW_STALE) {
        return Err(STALE);
    }
    if writes && form == Form::ReadOnly {
        return Err(WRITES);
    }
    Ok(Rights { writes, lacks_memory: false })
}
