//! The sending side of replication: one cursor into the log per replica, and no buffer.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::log::{Log, ReadError, Reader};
use crate::net::socket::Socket;
use crate::position::Offset;

use super::replicas::Replica;

/// How much of the log is handed to a socket at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Why the feeding of a replica ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The socket failed, or the replica closed it.
    #[error("the connection to the replica ended: {0}")]
    Socket(#[source] io::Error),
    /// The snapshot file could not be read.
    #[error("cannot read the snapshot at byte {at}: {source}")]
    Snapshot {
        /// Where.
        at: u64,
        /// The reason.
        source: io::Error,
    },
    /// The log does not hold what the replica needs next.
    #[error("the log cannot serve the replica: {0}")]
    Log(#[from] ReadError),
    /// A sync failed, and so nothing more becomes durable.
    #[error("the log has failed, nothing more can be sent")]
    LogFailed,
    /// No snapshot could be made.
    #[error("no snapshot for the replica: {0}")]
    NoSnapshot(String),
    /// The replica sent something that is no command.
    #[error("the replica broke the protocol: {0}")]
    Garbled(#[from] crate::net::ProtocolError),
    /// The data and their history were replaced by a primary's.
    #[error("the history it follows was replaced by that of a primary")]
    Replaced,
    /// This server follows a primary that it has heard nothing of yet.
    #[error("there is nothing to follow yet: this server has not heard of its own primary")]
    NothingYet,
    /// The replica wanted a snapshot and nothing more, and has it.
    #[error("the snapshot was all it asked for")]
    Served,
    /// The replica has not been heard of for `repl-timeout` seconds.
    #[error("nothing was heard of the replica for {seconds} s (repl-timeout)")]
    Silent {
        /// The timeout.
        seconds: u64,
    },
}

/// Up to which watermark replicas are fed.
///
/// With the durable one, a byte that a replica has can never be lost by its primary. With the
/// sealed one replicas are a few milliseconds closer, and a power failure may cost the replid.
#[derive(Debug)]
pub struct FeedPolicy(AtomicBool);

impl FeedPolicy {
    /// Feeds durable bytes only, or all sealed ones.
    pub fn new(durable_only: DurableOnly) -> Self {
        Self(AtomicBool::new(durable_only == DurableOnly::Yes))
    }

    /// Changes the policy for the feeds under way.
    pub fn set(&self, durable_only: DurableOnly) {
        self.0.store(durable_only == DurableOnly::Yes, Ordering::Release);
    }

    /// Tells the policy.
    pub fn durable_only(&self) -> DurableOnly {
        if self.0.load(Ordering::Acquire) { DurableOnly::Yes } else { DurableOnly::No }
    }

    /// Tells up to where replicas may be fed now.
    pub fn limit(&self, log: &Log) -> Offset {
        match self.durable_only() {
            DurableOnly::Yes => log.durable(),
            DurableOnly::No => log.sealed(),
        }
    }
}

/// Whether only durable bytes are sent to replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurableOnly {
    /// `backlog-feed durable`.
    Yes,
    /// `backlog-feed sealed`.
    No,
}

/// Sends the stream from the reader's place on, for as long as the connection lasts.
///
/// Adds to `sent` what the socket has taken.
pub async fn send_stream(
    socket: &Socket,
    log: &Log,
    mut reader: Reader,
    replica: &Replica,
    policy: &FeedPolicy,
    sent: &AtomicU64,
) -> Result<std::convert::Infallible, FeedError> {
    loop {
        let limit = policy.limit(log);
        let read = if reader.is_cold() {
            // What is not in memory is read off this thread, which serves others.
            let reading = tokio::task::spawn_blocking(move || {
                let read = reader.read(limit, CHUNK_BYTES);
                (reader, read)
            });
            let (reader_again, read) = reading.await.map_err(|_| FeedError::LogFailed)?;
            reader = reader_again;
            read
        } else {
            reader.read(limit, CHUNK_BYTES)
        };
        match read? {
            Some(chunk) => {
                socket.write_all(&chunk).await.map_err(FeedError::Socket)?;
                sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                replica.set_cursor(reader.at());
            }
            None => wait_beyond(log, policy, reader.at()).await?,
        }
    }
}

/// Waits until there is something to send beyond `offset`.
async fn wait_beyond(log: &Log, policy: &FeedPolicy, offset: Offset) -> Result<(), FeedError> {
    let next = offset.advanced(1);
    match policy.durable_only() {
        DurableOnly::Yes => {
            log.becomes_durable_at(next).await.map_err(|_| FeedError::LogFailed)?;
        }
        DurableOnly::No => log.sealed_at(next).await,
    }
    Ok(())
}
