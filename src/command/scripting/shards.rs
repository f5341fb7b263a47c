//! Which shards a script is run with.
//!
//! A script may ask for any key, though it ought to name those that it will. One that does is run with
//! their shards only, so that others run at the same time. Whether it does is found out as it runs
//! ([`Conduct`]); one that asks for more than is held is run anew with all, and where it has written by
//! then, more is taken.

use crate::command::table::{Command, flag};
use crate::command::{Fault, LocatedKey, Session, transaction};
use crate::keyspace::{Keyspace, ShardSet};
use crate::net::args::Args;
use crate::script::{Cache, Flags};

use super::{eval, fcall};

/// Tells which shards a script is run with; one that is known already is noted in the session.
pub fn shards(
    (command, args): (&Command, &Args<'_>),
    session: &mut Session,
    scripts: &Cache,
    keyspace: &Keyspace,
) -> ShardSet {
    let program = match command.name {
        "fcall" | "fcall_ro" => fcall::recall(session, args.word(1), scripts.libraries())
            .map(|found| (found.conduct(), Some(found.function().flags))),
        _ => eval::recall(session, command, args, scripts)
            .map(|script| (&script.conduct, script.flags)),
    };
    let Some((conduct, flags)) = program else { return ShardSet::ALL };
    let only_reads =
        !command.has(flag::RUNS_SCRIPT) || flags.is_some_and(|flags| flags.has(Flags::NO_WRITES));
    // What only reads may be run anew at any time.
    let is_trusted = conduct.is_trusted() || (only_reads && !conduct.has_strayed());
    if is_trusted { named(args, keyspace) } else { ShardSet::ALL }
}

/// Tells in which shards the keys are that a script is given; none, if it is called in a wrong way.
pub(super) fn named(args: &Args<'_>, keyspace: &Keyspace) -> ShardSet {
    let keys = eval::count_keys(args, Fault::NOT_AN_INTEGER).unwrap_or(0);
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
