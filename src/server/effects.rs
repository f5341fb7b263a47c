//! From the effect of a command to its place in the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::table::{Command, flag};
use crate::command::{Effect, Mode, Session};
use crate::net::Args;
use crate::position::Offset;
use crate::replication::stream::{Stream, StreamError, Unit};

use super::Server;
use super::clock::unix_ms;
use super::commit::Sight;

/// A buffer that has grown beyond is given back.
const SCRATCH_BYTES_MAX: usize = 1024 * 1024;

/// Where sentinels tell each other whom they take for the primary.
const HELLO: &[u8] = b"__sentinel__:hello";

/// Tells whether an effect is for this server alone.
///
/// What a client of a replica does that is no write, such as PUBLISH, is. So is a message where no
/// replica is attached: one that comes back later has missed it, as subscribers have. A server that
/// was a primary before, and is told every other second by Sentinel who is one now, so gets no history
/// of its own by that.
#[inline]
pub fn stays_here(server: &Server, mode: Mode, effect: &Effect) -> bool {
    mode == Mode::Reader || (effect.is_only_messages() && server.replicas.count() == 0)
}

/// Tells what a command shows its client that replicas must have first; notes what it wrote.
///
/// A key that was found to have expired is gone whether its removal is kept or not.
#[inline]
pub fn seen(
    server: &Server,
    session: &Session,
    command: &Command,
    has_written: bool,
) -> Option<Sight> {
    if has_written {
        server.commit.note_write(Offset(session.info.written.load(Ordering::Relaxed)));
        return Some(Sight::Wrote);
    }
    let touches = flag::WRITE | flag::READONLY | flag::QUEUED_KEYS | flag::RUNS_SCRIPT;
    (command.flags & touches != 0).then_some(Sight::Read)
}

/// Hears what Sentinel says to a primary that may have been replaced.
#[cold]
pub fn hear(server: &Server, session: &Session, effect: &Effect) {
    for message in effect.publications().filter(|message| message.channel == HELLO) {
        server.heard_hello(&session.info.local_address, message.text);
    }
}

/// Appends the effect to the log; the shards it speaks of are still held.
///
/// Tells whether it is there: at the very end of a server nothing is taken any more.
#[inline]
pub fn log(
    (server, stream): (&Server, Option<&Arc<Stream>>),
    effect: &Effect,
    scratch: &mut Vec<u8>,
    session: &Session,
    (database, args): (usize, &Args<'_>),
) -> bool {
    let Some(stream) = stream else { return true };
    let unit = match args.raw() {
        Some(raw) if effect.is_plain_request() => Unit::command(database, raw),
        _ => encode_unit(effect, args, database, scratch),
    };
    server.live.changed(effect.changes());
    if effect.expirations() > 0 {
        server.stats.expired.fetch_add(effect.expirations(), Ordering::Relaxed);
        if let Some(took) = effect.removals.longest() {
            server.note_event("expire-del", took, unix_ms());
        }
    }
    match stream.append(unit) {
        Ok(end) => session.info.written.store(end.0, Ordering::Relaxed),
        Err(StreamError::Closed) => return false,
        // Memory now holds what the log does not.
        Err(error) => server.fail("cannot append to the log", &error),
    }
    if scratch.capacity() > SCRATCH_BYTES_MAX {
        *scratch = Vec::new();
    }
    true
}

/// Encodes an effect of any number of commands as one unit, several between `MULTI` and `EXEC`.
fn encode_unit<'u>(
    effect: &Effect,
    request: &Args<'_>,
    selected: usize,
    out: &'u mut Vec<u8>,
) -> Unit<'u> {
    out.clear();
    let several = effect.command_count() > 1;
    // The selection of a database belongs to the transaction, as in 7.2.
    let opening: &[u8] = if several { b"*1\r\n$5\r\nMULTI\r\n" } else { b"" };
    let (mut first, mut last) = (None, None);
    effect.emit(request, selected, |database, part| {
        if last.is_some_and(|last| last != database) {
            let digits = database.to_string();
            crate::command::effect::encode(out, &[b"SELECT", digits.as_bytes()]);
        }
        first.get_or_insert(database);
        last = Some(database);
        part.encode_into(out);
    });
    if several {
        out.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
    }
    Unit { database: first, database_after: last, opening, bytes: out }
}
