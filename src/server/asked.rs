//! What a request may do, worked out once for all who have to know.

use std::sync::Arc;

use crate::command::table::{Command, flag};
use crate::command::{Mode, Session};
use crate::net::Args;
use crate::replication::stream::Stream;

use super::pause::Who;
use super::{Server, room};

/// What may go into the stream.
const LOGS: u32 = flag::WRITE | flag::PUBLISHES | flag::KEEPS_RESULT | flag::RUNS_SCRIPT;

/// What a request may do; of `EXEC` that is what its transaction may do.
pub struct Asked {
    /// What a pause takes it for.
    pub who: Who,
    /// Whether it is refused where no data may be changed.
    pub writes: bool,
    /// Whether it may change data, as a script may that is not refused for it.
    pub may_write: bool,
    /// How much its effect may take, if it does not ask for more.
    pub bytes: u64,
}

impl Asked {
    /// Looks at a request.
    #[inline]
    pub fn of(session: &Session, command: &Command, args: &Args<'_>) -> Self {
        let logs = does(session, command, LOGS);
        Self {
            who: if logs { Who::Writer } else { Who::Reader },
            writes: logs && does(session, command, flag::WRITE),
            may_write: logs && does(session, command, flag::WRITE | flag::RUNS_SCRIPT),
            bytes: room::request_bytes(session, command, args),
        }
    }

    /// How it may run; looked at again while its shards are held, as it cannot change then.
    ///
    /// Who only reads has no room made for it. So where there is none to spare, keys that have expired
    /// stay.
    #[inline]
    pub fn mode(&self, server: &Server, stream: Option<&Arc<Stream>>, now_ms: i64) -> Mode {
        if server.live.is_replica() || server.live.is_doubtful() {
            return Mode::Reader;
        }
        let may_wait = || {
            let is_short = |stream: &Arc<Stream>| room::is_short(stream.log(), self.bytes);
            stream.is_some_and(is_short) || server.pause.holds(Who::Writer, now_ms)
        };
        if self.who == Who::Reader && may_wait() { Mode::Paused } else { Mode::Client }
    }
}

/// Tells whether one of `flags` is the command's, or that of a command in the transaction it runs.
#[inline]
pub fn does(session: &Session, command: &Command, flags: u32) -> bool {
    command.has(flags) || (command.has(flag::QUEUED_KEYS) && queued_does(session, flags))
}

#[cold]
fn queued_does(session: &Session, flags: u32) -> bool {
    let transaction = session.transaction.as_ref();
    transaction.is_some_and(|t| t.commands.iter().any(|(command, _)| command.has(flags)))
}
