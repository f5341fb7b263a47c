//! Which shards a script is run with.
//!
//! A script may ask for any key, though it ought to name those that it will. One that does is run with
//! their shards only, so that others run at the same time. Whether it does is found out as it runs
//! ([`Conduct`]); one that asks for more than is held is run anew with all, and where it has written by
//! then, more is taken.

use crate::command::table::{Command, flag};
use crate::command::{LocatedKey, Session, transaction};
use crate::keyspace::{Keyspace, ShardSet};
use crate::net::args::Args;
use crate::script::{Cache, Conduct, Flags};

use super::{eval, fcall};

/// Tells which shards a script is run with; one that is known already is noted in the session.
pub fn shards(
    (command, args): (&Command, &Args<'_>),
    session: &mut Session,
    scripts: &Cache,
    keyspace: &Keyspace,
) -> ShardSet {
    if matches!(command.name, "fcall" | "fcall_ro") {
        return shards_of_function((command, args), session, scripts, keyspace);
    }
    let Some(script) = eval::recall(session, command, args, scripts) else { return ShardSet::ALL };
    let only_reads = !command.has(flag::RUNS_SCRIPT)
        || script.flags.is_some_and(|flags| flags.has(Flags::NO_WRITES));
    pick(&script.conduct, only_reads, || named(args, keyspace))
}

fn shards_of_function(
    (command, args): (&Command, &Args<'_>),
    session: &mut Session,
    scripts: &Cache,
    keyspace: &Keyspace,
) -> ShardSet {
    let found = fcall::recall(session, args.word(1), scripts.libraries());
    // The client is told that there is none.
    let Some(found) = found else { return ShardSet::EMPTY };
    let only_reads =
        !command.has(flag::RUNS_SCRIPT) || found.function().flags.has(Flags::NO_WRITES);
    pick(found.conduct(), only_reads, || named(args, keyspace))
}

/// Tells which shards a program is run with that names those of `named`.
fn pick(conduct: &Conduct, only_reads: bool, named: impl FnOnce() -> ShardSet) -> ShardSet {
    // What only reads may be run anew at any time.
    let is_trusted = conduct.is_trusted() || (only_reads && !conduct.has_strayed());
    if is_trusted { named() } else { ShardSet::ALL }
}

/// Tells in which shards the keys are that a script is given; none, if it is called in a wrong way.
pub(super) fn named(args: &Args<'_>, keyspace: &Keyspace) -> ShardSet {
    let keys = eval::count_keys(args).unwrap_or(0);
    let keys = args.from(3).first(keys).iter().map(|key| ShardSet::of(&keyspace.key(key)));
    keys.fold(ShardSet::EMPTY, ShardSet::union)
}

/// Tells which shards a command takes that a script runs, and its key where it has only one.
pub(super) fn of<'a>(
    command: &'static Command,
    args: &Args<'a>,
    keyspace: &Keyspace,
) -> (ShardSet, Option<LocatedKey<'a>>) {
    if command.flags & flag::OWN_SHARDS != 0 {
        return (ShardSet::ALL, None);
    }
    transaction::shards_of(command, args, keyspace)
}
