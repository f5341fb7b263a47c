//! How fast snapshots are made: at a bounded rate as long as clients are served beside.
//!
//! A thread that gives way still has a core to itself when a worker wakes up, and is put off it only
//! by and by; and what it writes the disk has to write as well. So it pauses often, and briefly.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::Server;

/// What a step that took too long, for want of a core or of the disk, is made up for by at most.
const ARREARS_MAX: Duration = Duration::from_millis(10);
/// What is written at most before it is looked at whether more is due.
const STEP_BYTES: usize = 128 << 10;
/// How long it takes at most until a changed limit, or the end of the server, is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// Holds whoever makes a snapshot to `backlog-snapshot-max-rate`.
pub struct Throttle<'s> {
    server: &'s Server,
    /// When the bytes that there are were due.
    due: Instant,
}

/// Takes what is written no faster than `keep` lets, which waits until so many more bytes are due.
#[derive(Debug)]
pub struct Throttled<W, K> {
    out: W,
    keep: K,
}

impl<'s> Throttle<'s> {
    /// Begins with a snapshot of which nothing is made yet.
    pub fn new(server: &'s Server) -> Self {
        Self { server, due: Instant::now() }
    }

    /// Waits until so many more bytes are due; nobody waits while no client is served.
    pub fn keep(&mut self, step: u64) {
        let began = Instant::now();
        loop {
            let now = Instant::now();
            let due = self.limit().map_or(now, |rate| due(self.due, began, step, rate));
            let left = due.saturating_duration_since(now);
            if left.is_zero() {
                self.due = due;
                return;
            }
            thread::park_timeout(left.min(LOOK));
        }
    }

    /// Bytes a second; `None` if there is no limit now.
    fn limit(&self) -> Option<u64> {
        let Server { live, .. } = self.server;
        let may_wait = !self.server.is_ending() && !live.is_loading() && !live.disk_is_short();
        self.server.settings().backlog_snapshot_max_rate.filter(|_| may_wait)
    }
}

impl<W: Write, K: FnMut(u64)> Throttled<W, K> {
    /// Writes to `out`.
    pub fn new(out: W, keep: K) -> Self {
        Self { out, keep }
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write, K: FnMut(u64)> Write for Throttled<W, K> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(&bytes[..bytes.len().min(STEP_BYTES)])?;
        (self.keep)(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// When a step is due that follows one that was due then; `now` is when it was done.
fn due(before: Instant, now: Instant, bytes: u64, rate: u64) -> Instant {
    let earliest = now.checked_sub(ARREARS_MAX).unwrap_or(before);
    before.max(earliest) + Duration::from_secs_f64(bytes as f64 / rate as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn steps_are_due_at_the_rate_however_the_bytes_are_cut() {
        let start = Instant::now();
        let mut at = start;
        for bytes in [1000, 2000, 0, 7000] {
            at = due(at, start, bytes, 100_000);
        }
        assert_eq!(at, start + 100 * MS);
    }

    #[test]
    fn a_step_that_took_long_is_not_made_up_for_beyond_a_little() {
        let start = Instant::now();
        // Done three milliseconds late, and a second late.
        assert_eq!(due(start, start + 3 * MS, 1000, 100_000), start + 10 * MS);
        assert_eq!(due(start, start + 1000 * MS, 1000, 100_000), start + 1000 * MS);
    }

    #[test]
    fn what_is_written_at_once_is_kept_to_the_pace_step_by_step() {
        let (mut out, mut steps) = (Vec::new(), Vec::new());
        let mut throttled = Throttled::new(&mut out, |bytes| steps.push(bytes));
        let long: Vec<_> = (0..=3 * STEP_BYTES).map(|at| at as u8).collect();
        throttled.write_all(&long).expect("a vector takes everything");
        throttled.write_all(b"more").expect("a vector takes everything");
        assert_eq!(throttled.into_inner().len(), long.len() + 4);
        assert_eq!(steps, [STEP_BYTES, STEP_BYTES, STEP_BYTES, 1, 4].map(|step| step as u64));
        assert!(out.starts_with(&long) && out.ends_with(b"more"), "the bytes differ");
    }
}
