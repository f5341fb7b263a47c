//! Sends a snapshot file to a replica, from the page cache to the socket without a copy between.
//!
//! It blocks, for as long as the replica takes: a thread is needed for it that has nothing else to
//! do, and that gives way to those who serve clients.
//!
//! Where what is sent has to be encrypted first, the socket's own task does that ([`through`]).

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::sendfile;
use rustix::io::Errno;

use crate::net::socket::Socket;

use super::feed::FeedError;

/// How much is handed to the socket at once.
const CHUNK_BYTES: u64 = 1 << 20;
/// How much is read from the file at once where it is encrypted on its way.
const READ_BYTES: usize = 256 * 1024;
/// How much is encrypted before the worker's clients have a turn.
const TURN_BYTES: usize = 64 * 1024;
/// How long it takes at most until somebody who has given up is noticed.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A snapshot file on its way to one replica.
#[derive(Debug)]
pub struct Transfer<'t> {
    /// The replica's socket, which need not be blocking.
    pub socket: OwnedFd,
    /// The file.
    pub file: &'t File,
    /// Its size.
    pub bytes: u64,
    /// Each counts up by what the socket has taken.
    pub sent: &'t [&'t AtomicU64],
    /// Set once nobody wants the transfer any more.
    pub given_up: &'t AtomicBool,
}

impl Transfer<'_> {
    /// Sends all of it, and blocks until the socket has taken it.
    pub fn run(&self) -> Result<(), FeedError> {
        let mut at = 0;
        while at < self.bytes {
            let count = CHUNK_BYTES.min(self.bytes - at) as usize;
            match sendfile(&self.socket, self.file, Some(&mut at), count) {
                // The file is shorter than it was.
                Ok(0) => return Err(snapshot_error(at, io::ErrorKind::UnexpectedEof.into())),
                // The place has moved on by as much.
                Ok(count) => self.count(count as u64),
                Err(Errno::AGAIN) => self.await_room()?,
                Err(Errno::INTR) => {}
                Err(error @ Errno::IO) => return Err(snapshot_error(at, error.into())),
                Err(error) => return Err(FeedError::Socket(error.into())),
            }
        }
        Ok(())
    }

    fn count(&self, bytes: u64) {
        for counter in self.sent {
            counter.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Waits until the socket takes more, as long as somebody wants it to.
    fn await_room(&self) -> Result<(), FeedError> {
        let mut waiting = [PollFd::new(&self.socket, PollFlags::OUT)];
        while !self.given_up.load(Ordering::Relaxed) {
            match poll(&mut waiting, Some(&PATIENCE)) {
                // There is room, or an error that the next attempt tells.
                Ok(1..) => return Ok(()),
                Ok(0) | Err(Errno::INTR) => {}
                Err(error) => return Err(FeedError::Socket(error.into())),
            }
        }
        Err(FeedError::Socket(io::ErrorKind::ConnectionAborted.into()))
    }
}

/// Sends `bytes` of a file through a socket; each of `sent` counts up by what the system has taken.
///
/// The file is read by other threads, as it may not be in memory.
pub async fn through(
    socket: &Socket,
    file: &Arc<File>,
    bytes: u64,
    sent: &[&AtomicU64],
) -> Result<(), FeedError> {
    let (mut at, mut chunk) = (0, vec![0; READ_BYTES]);
    while at < bytes {
        chunk.resize(READ_BYTES.min((bytes - at) as usize), 0);
        let (file, mut room) = (Arc::clone(file), std::mem::take(&mut chunk));
        let reading =
            tokio::task::spawn_blocking(move || file.read_exact_at(&mut room, at).map(|()| room));
        let read = reading.await.map_err(|_| FeedError::LogFailed)?;
        chunk = read.map_err(|source| snapshot_error(at, source))?;
        for piece in chunk.chunks(TURN_BYTES) {
            socket.write_all(piece).await.map_err(FeedError::Socket)?;
            for counter in sent {
                counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
            tokio::task::yield_now().await;
        }
        at += chunk.len() as u64;
    }
    Ok(())
}

fn snapshot_error(at: u64, source: io::Error) -> FeedError {
    FeedError::Snapshot { at, source }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn pair() -> (OwnedFd, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours.into(), theirs)
    }

    #[test]
    fn all_bytes_arrive_in_order_though_the_socket_is_full_in_between() {
        let bytes: Vec<_> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
        let (file, (socket, mut replica)) = (file(&bytes), pair());
        let reading = std::thread::spawn(move || {
            let mut received = Vec::new();
            replica.read_to_end(&mut received).unwrap();
            received
        });
        let (sent, given_up) = (AtomicU64::new(0), AtomicBool::new(false));
        let bytes_max = bytes.len() as u64;
        Transfer { socket, file: &file, bytes: bytes_max, sent: &[&sent], given_up: &given_up }
            .run()
            .unwrap();
        assert_eq!(sent.into_inner(), bytes_max);
        assert!(reading.join().unwrap() == bytes);
    }

    #[test]
    fn a_file_that_has_become_shorter_is_told_with_the_place() {
        let (file, (socket, _replica)) = (file(b"short"), pair());
        let (sent, given_up) = (AtomicU64::new(0), AtomicBool::new(false));
        let transfer =
            Transfer { socket, file: &file, bytes: 9, sent: &[&sent], given_up: &given_up }.run();
        assert!(matches!(transfer, Err(FeedError::Snapshot { at: 5, .. })), "{transfer:?}");
    }

    #[test]
    fn nobody_waits_for_a_replica_that_is_given_up() {
        let (file, (socket, _deaf)) = (file(&vec![0; 16 << 20]), pair());
        let (sent, given_up) = (AtomicU64::new(0), AtomicBool::new(true));
        let bytes = 16 << 20;
        let transfer =
            Transfer { socket, file: &file, bytes, sent: &[&sent], given_up: &given_up }.run();
        assert!(matches!(transfer, Err(FeedError::Socket(_))), "{transfer:?}");
    }
}
