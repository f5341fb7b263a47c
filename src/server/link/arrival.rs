//! A snapshot that is read while it arrives: the file it is written to, and how much of it is there.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// After so many bytes the file is synced, so that little is left to be synced at its end.
const SYNC_STEP_BYTES: u64 = 32 << 20;

/// How much of the snapshot has arrived; one writes it, others read what there is.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    bytes: u64,
    /// Whether there is more to come.
    end: End,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    /// There may be.
    #[default]
    NotYet,
    /// All of it is there.
    Whole,
    /// Nothing more comes, and it is not whole; or nobody wants it any more.
    Broken,
}

impl Arrival {
    /// Notes how many bytes are in the file.
    pub fn reached(&self, bytes: u64) {
        self.shared.state.lock().bytes = bytes;
        self.shared.changed.notify_all();
    }

    /// Notes that all bytes are in the file.
    pub fn is_whole(&self) {
        self.finish(End::Whole);
    }

    /// Has those who read it end with an error, unless all bytes are there.
    pub fn break_off(&self) {
        let mut state = self.shared.state.lock();
        if state.end == End::NotYet {
            state.end = End::Broken;
        }
        self.shared.changed.notify_all();
    }

    /// Has those who read it end with an error, even if all bytes are there.
    pub fn give_up(&self) {
        self.finish(End::Broken);
    }

    fn finish(&self, end: End) {
        self.shared.state.lock().end = end;
        self.shared.changed.notify_all();
    }

    /// Waits until there are more bytes than `bytes`, or none will come.
    fn beyond(&self, bytes: u64) -> State {
        let mut state = self.shared.state.lock();
        while state.bytes <= bytes && state.end == End::NotYet {
            self.shared.changed.wait(&mut state);
        }
        *state
    }

    /// Reads the file from its beginning, waiting for what has not arrived yet.
    pub fn reader(&self, file: File) -> Reading {
        Reading { file, at: 0, arrival: self.clone() }
    }

    /// Makes durable what has arrived, again and again, until all has.
    pub fn keep_syncing(&self, file: &File) {
        let mut synced = 0;
        loop {
            let state = self.beyond(synced + SYNC_STEP_BYTES);
            if state.end != End::NotYet {
                // The rest is synced by whoever makes it a snapshot.
                return;
            }
            // An error is told by the sync at the end, which waits for the same bytes.
            let _ = file.sync_data();
            synced = state.bytes;
        }
    }
}

/// Reads a snapshot as it arrives.
#[derive(Debug)]
pub struct Reading {
    file: File,
    at: u64,
    arrival: Arrival,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.arrival.beyond(self.at);
        if state.end == End::Broken {
            return Err(io::Error::other("the snapshot does not come to its end"));
        }
        let there = (state.bytes - self.at).min(buffer.len() as u64) as usize;
        let count = self.file.read_at(&mut buffer[..there], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_has_not_arrived_is_waited_for() {
        let mut file = tempfile::tempfile().unwrap();
        let arrival = Arrival::default();
        let mut reading = arrival.reader(file.try_clone().unwrap());
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            reading.read_to_end(&mut all).map(|_| all)
        });
        for number in 1..=100_u64 {
            file.write_all(b"0123456789").unwrap();
            arrival.reached(number * 10);
        }
        arrival.is_whole();
        assert_eq!(reader.join().unwrap().unwrap(), b"0123456789".repeat(100));
        // Too late to break off.
        arrival.break_off();
        let mut byte = [0];
        assert_eq!(arrival.reader(file.try_clone().unwrap()).read(&mut byte).unwrap(), 1);
        arrival.give_up();
        arrival.reader(file).read(&mut byte).unwrap_err();
    }

    #[test]
    fn a_snapshot_that_does_not_come_to_its_end_is_an_error() {
        let arrival = Arrival::default();
        let mut reading = arrival.reader(tempfile::tempfile().unwrap());
        let reader = std::thread::spawn(move || reading.read(&mut [0]));
        arrival.break_off();
        reader.join().unwrap().unwrap_err();
    }
}
