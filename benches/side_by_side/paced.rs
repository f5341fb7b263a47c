//! Writers that send at given times, whatever the server does meanwhile.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;

/// How many writes are due in a second.
pub const PER_SECOND: u64 = 4000;
/// The length of what is written.
pub const VALUE_BYTES: usize = 1000;

const WRITERS: u64 = 8;
const EVERY: Duration = Duration::from_micros(1_000_000 * WRITERS / PER_SECOND);
/// Spreads numbers that follow each other: 2⁶⁴ divided by the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Values that a snapshot cannot make shorter.
#[derive(Debug)]
pub struct Values(String);

/// The writers of one run.
struct Writers<'w, W> {
    port: u16,
    write: &'w W,
    start: Instant,
    over: AtomicBool,
}

/// Writes while `event` goes on; returns what each write took, and how long the event did.
///
/// `write` is given the write's number, and waits for the reply.
///
/// A write that is due while the one before it is unanswered counts from when it was due, so that
/// one stall is felt by all the writes it holds up. A writer that wakes up late by itself counts
/// from then: that is not the server's doing.
pub fn during<W: Fn(&mut Client, u64) -> io::Result<String> + Sync>(
    port: u16,
    write: &W,
    event: impl FnOnce() -> io::Result<()>,
) -> io::Result<(Vec<Duration>, Duration)> {
    let over = AtomicBool::new(false);
    let writers = &Writers { port, write, start: Instant::now(), over };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || writers.write(writer))).collect();
        let ended = event();
        let took = writers.start.elapsed();
        writers.over.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| io::Error::other("a writer panicked"))??);
        }
        ended.map(|()| (all, took))
    })
}

impl<W: Fn(&mut Client, u64) -> io::Result<String>> Writers<'_, W> {
    fn write(&self, writer: u64) -> io::Result<Vec<Duration>> {
        let mut client = Client::connect(self.port)?;
        let mut latencies = Vec::new();
        let mut due = self.start + EVERY * writer as u32 / WRITERS as u32;
        let mut answered = self.start;
        for number in (writer..).step_by(WRITERS as usize) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            let begun = if answered > due { due } else { Instant::now() };
            (self.write)(&mut client, number)?;
            answered = Instant::now();
            latencies.push(answered - begun);
            due += EVERY;
        }
        Ok(latencies)
    }
}

/// Returns numbers below `bound` in no order, the same in each run.
pub fn scattered(number: u64, bound: u64) -> u64 {
    (number.wrapping_mul(SPREAD) >> 32) % bound
}

impl Values {
    const STARTS: usize = 64 * 1024;

    /// Makes them up; they are the same in each run.
    pub fn new() -> Self {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut state = SPREAD;
        let letters = (0..Self::STARTS + VALUE_BYTES).map(|_| {
            // Marsaglia's xorshift64.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(LETTERS[(state >> 58) as usize])
        });
        Self(letters.collect())
    }

    /// Returns one of them.
    pub fn of(&self, number: u64) -> &str {
        let start = scattered(number, Self::STARTS as u64) as usize;
        &self.0[start..start + VALUE_BYTES]
    }
}
