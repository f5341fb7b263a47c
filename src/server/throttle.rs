//! How fast snapshots are made: at a bounded rate as long as clients are served beside.
//!
//! A thread that gives way still has a core to itself when a worker wakes up, and is put off it only
//! by and by; and what it writes the disk has to write as well. So it pauses often, and briefly.

use std::thread;
use std::time::{Duration, Instant};

use super::Server;

/// What a step that took too long, for want of a core or of the disk, is made up for by at most.
const ARREARS_MAX: Duration = Duration::from_millis(10);
/// How long it takes at most until a changed limit, or the end of the server, is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// Holds whoever makes a snapshot to `backlog-snapshot-max-rate`.
pub struct Throttle<'s> {
    server: &'s Server,
    /// How many bytes there were when it was looked at last.
    seen_bytes: u64,
    /// When these were due.
    due: Instant,
}

impl<'s> Throttle<'s> {
    /// Begins with a snapshot of which nothing is made yet.
    pub fn new(server: &'s Server) -> Self {
        Self { server, seen_bytes: 0, due: Instant::now() }
    }

    /// Waits until so many bytes in all are due; nobody waits while no client is served.
    pub fn keep(&mut self, bytes: u64) {
        let step = bytes.saturating_sub(self.seen_bytes);
        self.seen_bytes = bytes;
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
}
