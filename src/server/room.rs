//! Room in the log for what commands do, made sure of before they do it (L7).

use crate::command::table::{Command, flag};
use crate::command::{Fault, Session};
use crate::log::{Log, NoSpace, Secured, UNIT_BYTES_MAX};
use crate::net::Args;

/// That there is none, in stock's words.
pub const NO_SPACE: Fault = Fault::fixed(
    "MISCONF Errors writing to the AOF file: No space left on device. The backlog has no room for \
     another segment; free disk space and writes go on.",
);
const TOO_MUCH: Fault =
    Fault::fixed("ERR the command would put more than 4 GB at once into the replication stream");

/// What each word may cost beyond its bytes: a key that has expired is removed by a `DEL` of its own.
const WORD_BYTES: usize = 16;

/// Tells how much the effect of a request may take, if the request does not ask for more.
#[inline]
pub fn request_bytes(session: &Session, command: &Command, args: &Args<'_>) -> u64 {
    let own = args.raw().map_or(0, <[u8]>::len) + args.len() * WORD_BYTES;
    let queued = if command.flags & flag::QUEUED_KEYS == 0 { 0 } else { queued_bytes(session) };
    (own + queued) as u64
}

#[cold]
fn queued_bytes(session: &Session) -> usize {
    let Some(transaction) = &session.transaction else { return 0 };
    let bytes_of = |words: &crate::net::args::OwnedArgs| {
        words.heap_bytes() + words.as_args().len() * WORD_BYTES
    };
    transaction.commands.iter().map(|(_, words)| bytes_of(words)).sum()
}

/// Makes sure of room for an effect of so many bytes.
///
/// What is logged may be longer than what was asked, and another worker may be about to append: so it
/// is twice as much.
#[inline]
pub fn make(log: &Log, bytes: u64) -> Result<Option<Secured>, Fault> {
    let doubled = bytes.saturating_mul(2);
    if log.is_ordinary(doubled) {
        return log.admission().map(|()| None).map_err(|refusal| refused(&refusal));
    }
    if bytes > UNIT_BYTES_MAX {
        return Err(TOO_MUCH);
    }
    log.secure(doubled.min(UNIT_BYTES_MAX)).map(Some).map_err(|refusal| refused(&refusal))
}

/// Tells whether an effect of so many bytes needs more room than is there anyway.
#[inline]
pub fn is_short(log: &Log, bytes: u64) -> bool {
    log.is_short() || !log.is_ordinary(bytes.saturating_mul(2))
}

/// Says why there is no room for a write; a full disk in stock's words.
#[cold]
fn refused(refusal: &NoSpace) -> Fault {
    match refusal {
        NoSpace::Shortage(error) if error.is_no_space() => NO_SPACE,
        other => Fault::of(format!(
            "MISCONF Errors writing to the AOF file: {other}. The backlog gets no further segment; \
             once it does, writes go on."
        )),
    }
}
