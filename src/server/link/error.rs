//! Why a link ended.

use std::io;

use crate::log::{AppendError, NoSpace, SyncFailed};
use crate::replication::answer::AnswerError;
use crate::replication::handshake::HandshakeError;
use crate::replication::payload::PayloadError;
use crate::replication::stream::StreamError;
use crate::replication::units::UnitError;
use crate::server::restore::RestoreError;
use crate::server::role::HistoryError;
use crate::snapshot::StoreError;

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It was told to.
    #[error("this server follows no longer")]
    Stopped,
    /// The primary cannot be reached.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where it should be.
        address: String,
        /// The reason.
        source: io::Error,
    },
    /// Hands could not be shaken with whoever listens there.
    #[error("no TLS with the primary: {source}")]
    Tls {
        /// The reason.
        source: io::Error,
    },
    /// The connection failed.
    #[error("the connection to the primary failed: {0}")]
    Socket(#[source] io::Error),
    /// The primary closed the connection.
    #[error("the primary closed the connection")]
    Closed,
    /// The primary has not been heard of.
    #[error("nothing was heard of the primary for {seconds} s (repl-timeout)")]
    Silent {
        /// The timeout.
        seconds: u64,
    },
    /// What the primary answered is no answer.
    #[error("the primary breaks the protocol: {0}")]
    Answer(#[from] AnswerError),
    /// There was no agreement.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// What came was no snapshot.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The snapshot could not be written aside.
    #[error("cannot write the primary's snapshot: {0}")]
    Store(#[from] StoreError),
    /// The snapshot could not be written aside.
    #[error("cannot write the primary's snapshot: {0}")]
    Write(#[source] io::Error),
    /// The snapshot is larger than what the disk has left beyond its reserve.
    #[error(
        "the primary's snapshot of {bytes} bytes does not fit on the disk with what \
         backlog-min-free-disk keeps free; the data is as it was"
    )]
    TooLarge {
        /// How long it was said to be.
        bytes: u64,
    },
    /// The snapshot cannot be used.
    #[error("the primary's snapshot cannot be used: {0}; the data is as it was")]
    Load(#[source] RestoreError),
    /// The snapshot is not as long as it was said to be.
    #[error(
        "the primary's snapshot ends at byte {end} of {bytes}, and something else follows; the data \
         is as it was"
    )]
    Trailing {
        /// Where its end is.
        end: u64,
        /// How long it was said to be.
        bytes: u64,
    },
    /// The stream is none.
    #[error("the primary breaks the protocol: {0}")]
    Unit(#[from] UnitError),
    /// Something in the stream cannot be applied.
    #[error("the primary's stream cannot be applied, and nothing is skipped: {0}")]
    Apply(#[source] RestoreError),
    /// There is no room for the stream.
    #[error("no room for the primary's stream: {0}; reads go on, and the link when there is room")]
    NoRoom(#[from] NoSpace),
    /// The disk has less room than `backlog-min-free-disk`.
    #[error(
        "the disk has less room than backlog-min-free-disk; reads go on, and the link when there is \
         room"
    )]
    DiskShort,
    /// The log takes no more.
    #[error("cannot append to the log: {0}")]
    Append(#[from] StreamError),
    /// A sync failed.
    #[error(transparent)]
    Sync(#[from] SyncFailed),
    /// The history could not be given the primary's name for it.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A thread could not be started, or panicked.
    #[error("a thread that loads the data has failed")]
    Thread,
}

impl LinkError {
    /// Tells whether the next attempt will most likely end the same way.
    pub fn is_stuck(&self) -> bool {
        match self {
            Self::Handshake(error) => !matches!(error, HandshakeError::Refused { .. }),
            Self::Answer(_)
            | Self::Payload(_)
            | Self::Store(_)
            | Self::Write(_)
            | Self::TooLarge { .. }
            | Self::Load(_)
            | Self::Trailing { .. }
            | Self::Unit(_)
            | Self::Apply(_) => true,
            Self::Stopped
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Socket(_)
            | Self::Closed
            | Self::Silent { .. }
            | Self::NoRoom(_)
            | Self::DiskShort
            | Self::Append(_)
            | Self::Sync(_)
            | Self::History(_)
            | Self::Thread => false,
        }
    }

    /// Leaves out what a client may have written, as `hide-user-data-from-log` wants.
    #[must_use]
    pub fn without_user_data(self) -> Self {
        match self {
            Self::Apply(error) => Self::Apply(error.without_user_data()),
            other => other,
        }
    }

    /// Tells whether the log has no room, which is no reason to end the process.
    pub fn of_append(error: StreamError) -> Self {
        match error {
            StreamError::Append(AppendError::NoSpace(refusal)) => Self::NoRoom(refusal),
            StreamError::Closed => Self::Stopped,
            other => Self::Append(other),
        }
    }
}
