//! The time of day.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time in Unix milliseconds; a clock before 1970 reads as 1970.
pub fn unix_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// For how long the wall clock is told by the steady one before it is read again.
const TRUSTED: Duration = Duration::from_millis(10);

/// Both clocks for little more than the price of one, for who looks at them with every request.
///
/// Where the wall clock is set, that shows a hundredth of a second late.
#[derive(Debug)]
pub struct Clock {
    read_at: Instant,
    read: Duration,
}

impl Clock {
    /// Reads both clocks.
    pub fn new() -> Self {
        let mut clock = Self { read_at: Instant::now(), read: Duration::ZERO };
        clock.read_again();
        clock
    }

    /// Tells the time by the steady clock, and in Unix milliseconds.
    pub fn look(&mut self) -> (Instant, i64) {
        let now = Instant::now();
        if now.duration_since(self.read_at) >= TRUSTED {
            self.read_again();
        }
        let wall = self.read + now.saturating_duration_since(self.read_at);
        (now, wall.as_millis() as i64)
    }

    fn read_again(&mut self) {
        self.read_at = Instant::now();
        self.read = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_requests_agrees_with_the_wall() {
        let mut clock = Clock::new();
        let begun = Instant::now();
        while begun.elapsed() < 3 * TRUSTED {
            let before = unix_ms();
            let (_, told) = clock.look();
            // A step of the wall clock's own may come between.
            assert!((before - 1..=unix_ms() + 1).contains(&told), "{before} {told}");
        }
    }
}
