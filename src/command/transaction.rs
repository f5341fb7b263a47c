//! `MULTI`, `EXEC`, `DISCARD`, `WATCH`, `UNWATCH`.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::keyspace::{Keyspace, Locked, ShardSet};
use crate::net::args::{Args, OwnedArgs};

use super::call::LocatedKey;
use super::flow::{Owed, Request};
use super::host::Ran;
use super::session::{Transaction, Watch, WatchedKey, flag};
use super::table::{self, Command};
use super::{Call, Classes, Effect, Fault, Flow, Session, acl, sort};

const EXEC_ABORT: Fault =
    Fault::fixed("EXECABORT Transaction discarded because of previous errors.");

const NOT_HERE: Fault = Fault::fixed("ERR Command not allowed inside a transaction");

/// `MULTI`: the commands that follow are queued.
pub fn multi(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    if call.session.transaction.is_some() {
        return Err(Fault::fixed("ERR MULTI calls can not be nested"));
    }
    call.session.transaction = Some(Transaction::default());
    call.session.info.queued.store(0, Ordering::Relaxed);
    call.session.info.flags.fetch_or(flag::TRANSACTION, Ordering::Relaxed);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `DISCARD`: the queued commands are forgotten.
pub fn discard(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    if call.session.transaction.take().is_none() {
        return Err(Fault::fixed("ERR DISCARD without MULTI"));
    }
    leave(call.session);
    call.session.unwatch_all(call.data.keyspace);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `WATCH key …`: the next transaction fails if one of the keys changes before it.
pub fn watch(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    if call.session.transaction.is_some() {
        return Err(Fault::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    let database = call.data.database;
    for index in 1..call.args.len() {
        let key = call.key(index);
        let watch = &mut call.session.watch;
        if watch.keys.iter().any(|k| k.database == database && k.key == key.bytes()) {
            continue;
        }
        call.data.locked.watch(database, &key, &watch.broken, call.data.now_ms);
        watch.keys.push(WatchedKey { database, key: key.bytes().to_vec() });
    }
    call.session.watch.show(&call.session.info);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `UNWATCH`: no key is watched any more.
pub fn unwatch(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    // Within `EXEC` the keys are unwatched already, and their shards are held.
    if !call.session.executing {
        call.session.unwatch_all(call.data.keyspace);
    }
    call.reply.ok();
    Ok(Flow::Done)
}

/// `EXEC`: the queued commands run as one, and go into the stream as one unit.
///
/// The shards of all their keys, and of the watched ones, are held: see [`shards_of_queue`]. What the
/// server has to work on cannot be done under them, and is done when they are let go of.
pub fn exec(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let Some(transaction) = call.session.transaction.take() else {
        return Err(Fault::fixed("ERR EXEC without MULTI"));
    };
    leave(call.session);
    let broken = is_broken(call);
    let watch = std::mem::take(&mut call.session.watch);
    release(&watch, call.data.keyspace, call.data.locked);
    call.session.watch.show(&call.session.info);
    if transaction.refused {
        return Err(EXEC_ABORT);
    }
    if broken {
        call.reply.null_array();
        return Ok(Flow::Done);
    }
    let start = call.reply.buffer().len();
    call.reply.array(transaction.commands.len());
    call.session.executing = true;
    let mut inner = call.data.effect.begin_part();
    let mut flow = Flow::Done;
    let mut owed = Vec::new();
    for (command, words) in &transaction.commands {
        match run_queued(call, command, words, &mut inner) {
            Ok(Flow::Done) => {}
            Ok(Flow::Await(request)) if request.is_work() => {
                let before = call.reply.buffer().split_off(start);
                owed.push(Owed { before, request: *request, words: words.clone() });
            }
            // Its reply would come after those of the commands behind it.
            Ok(Flow::Await(_) | Flow::Anew) => call.reply.error(NOT_HERE.bytes()),
            Ok(Flow::Close) => flow = Flow::Close,
            Err(fault) => call.reply.error(fault.bytes()),
        }
    }
    call.session.executing = false;
    call.data.effect.end_part(inner);
    if owed.is_empty() {
        return Ok(flow);
    }
    let rest = call.reply.buffer().split_off(start);
    if flow == Flow::Done {
        return Ok(Flow::ask(Request::Transaction { owed, rest }));
    }
    // Nobody is there to wait any more.
    for Owed { before, .. } in owed {
        call.reply.buffer().extend_from_slice(&before);
        call.reply.error(NOT_HERE.bytes());
    }
    call.reply.buffer().extend_from_slice(&rest);
    Ok(flow)
}

/// Ends the transaction of an `EXEC` that may not run; returns what to answer instead of `fault`.
pub fn abort(session: &mut Session, keyspace: &Keyspace, fault: &Fault) -> Fault {
    session.transaction = None;
    leave(session);
    session.unwatch_all(keyspace);
    let why = fault.bytes();
    let why = why.strip_prefix(b"ERR ").unwrap_or(why);
    let mut text = b"EXECABORT Transaction discarded because of: ".to_vec();
    text.extend_from_slice(why);
    Fault::of_bytes(text)
}

/// Runs one queued command; what it puts into the stream joins the transaction's effect.
fn run_queued(
    call: &mut Call<'_, '_>,
    command: &'static Command,
    words: &OwnedArgs,
    inner: &mut Effect,
) -> Result<Flow, Fault> {
    let handler = command.handler.expect("a container is never queued, only its subcommands");
    let began = Instant::now();
    let database = call.session.database;
    let args = words.as_args();
    check_again(call, command, &args)?;
    inner.clear();
    call.data.locked.take_created();
    // All of them are logged at once, and share the room.
    inner.room = std::mem::take(&mut call.data.effect.room);
    let mut queued = Call {
        args,
        located: None,
        data: call.data.lend(inner, database),
        session: &mut *call.session,
        reply: call.reply.reborrow(),
        host: call.host,
    };
    queued.data.no_touch = queued.session.no_touch;
    let result = handler(&mut queued);
    let (hits, misses) = (queued.data.hits, queued.data.misses);
    // A HELLO among them holds for those behind it.
    call.reply.set_protocol(call.session.protocol);
    if call.session.remembers_keys_of(command) {
        for index in table::keys::keys_of(command, &args) {
            inner.note(Classes::READ, "", database, args.word(index));
        }
    }
    if call.host.hub().has_monitors() {
        call.host.show(command, &args, call.session.database, &call.session.info);
    }
    call.data.hits += hits;
    call.data.misses += misses;
    call.data.effect.absorb(inner, &args, database);
    call.data.effect.room = std::mem::take(&mut inner.room);
    // What the server works on has not run yet.
    if !matches!(&result, Ok(Flow::Await(request)) if request.is_work()) {
        let took_us = began.elapsed().as_micros() as u64;
        let ran = Ran { command, args, took_us, at_ms: call.data.now_ms };
        call.host.account_queued(&ran, &call.session.info, result.as_ref().err());
    }
    result
}

/// Checks that the client may still run a command: users may have changed since it was queued.
fn check_again(
    call: &mut Call<'_, '_>,
    command: &'static Command,
    args: &Args<'_>,
) -> Result<(), Fault> {
    let users = call.host.users();
    if call.session.login.is_unbound(users.version()) {
        return Ok(());
    }
    call.session.notice_users(users)?;
    call.session.check(users, command, args).map_err(|denied| {
        let fault = acl::deny_queued(call, denied, (command, args));
        call.host.count_error(&fault);
        fault
    })
}

/// Tells whether a watched key was changed or has expired since.
fn is_broken(call: &mut Call<'_, '_>) -> bool {
    let now_ms = call.data.now_ms;
    let watch = &call.session.watch;
    watch.broken.load(Ordering::Acquire)
        || watch.keys.iter().any(|watched| {
            let key = call.data.keyspace.key(&watched.key);
            let locked = &mut *call.data.locked;
            locked.has_expired_watched(watched.database, &key, &watch.broken, now_ms)
        })
}

/// Shows other clients that this one is no longer within a transaction.
fn leave(session: &Session) {
    session.info.queued.store(-1, Ordering::Relaxed);
    session.info.holdings.queued.store(0, Ordering::Relaxed);
    session.info.flags.fetch_and(!(flag::TRANSACTION | flag::BROKEN), Ordering::Relaxed);
}

fn release(watch: &Watch, keyspace: &Keyspace, locked: &mut Locked<'_>) {
    for watched in &watch.keys {
        locked.unwatch(watched.database, &keyspace.key(&watched.key), &watch.broken);
    }
}

fn shards_of_watch(watch: &Watch, keyspace: &Keyspace) -> ShardSet {
    watch.keys.iter().fold(ShardSet::EMPTY, |set, w| set.union(ShardSet::of(&keyspace.key(&w.key))))
}

/// Tells which shards `EXEC` needs: those of every queued command's keys and of the watched keys.
pub fn shards_of_queue(session: &Session, keyspace: &Keyspace) -> ShardSet {
    let watched = shards_of_watch(&session.watch, keyspace);
    let Some(transaction) = &session.transaction else { return watched };
    transaction.commands.iter().fold(watched, |set, (command, words)| {
        if command.flags & table::flag::OWN_SHARDS != 0 {
            return ShardSet::ALL;
        }
        set.union(shards_of(command, &words.as_args(), keyspace).0)
    })
}

/// The commands whose shards are not those of their keys.
const APART: u32 = table::flag::ALL_SHARDS | table::flag::PUBSUB | table::flag::PATTERN_KEYS;

/// Tells which shards a command needs: those of its keys, or all where they are unknown beforehand.
///
/// Of a command that has one key, the key comes along: its hash need not be computed again.
#[inline]
pub fn shards_of<'a>(
    command: &'static Command,
    args: &Args<'a>,
    keyspace: &Keyspace,
) -> (ShardSet, Option<LocatedKey<'a>>) {
    if command.flags & APART == 0
        && let Some(index) = table::keys::only_key(command, args)
    {
        let key = keyspace.key(args.word(index));
        return (ShardSet::of(&key), Some(LocatedKey { index, key }));
    }
    (shards_of_many(command, args, keyspace), None)
}

/// Does what [`shards_of`] does for a command that has any other number of keys than one.
fn shards_of_many(command: &'static Command, args: &Args<'_>, keyspace: &Keyspace) -> ShardSet {
    if command.flags & APART != 0 {
        if command.has(table::flag::PATTERN_KEYS) {
            return sort::shards(args, keyspace);
        }
        // Channels are no keys, though those of shards are routed like them.
        let needs_all = command.flags & table::flag::ALL_SHARDS != 0;
        return if needs_all { ShardSet::ALL } else { ShardSet::EMPTY };
    }
    let mut set = ShardSet::EMPTY;
    for index in table::keys::keys_of(command, args) {
        set = set.union(ShardSet::of(&keyspace.key(args.word(index))));
    }
    set
}
