//! How long to wait before the next attempt.

use std::time::Duration;

use super::LinkError;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest while the primary may just be starting.
const STARTING_MAX: Duration = Duration::from_secs(1);
/// The longest while somebody has to do something about it.
const STUCK_MAX: Duration = Duration::from_mins(1);

/// Pauses that double from attempt to attempt.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// Tells how long to wait after an attempt that ended so; one that had succeeded begins anew.
    pub fn next(&mut self, error: &LinkError, was_up: bool) -> Duration {
        if was_up && !error.is_stuck() {
            self.next = FIRST;
        }
        let max = if error.is_stuck() { STUCK_MAX } else { STARTING_MAX };
        let pause = self.next.min(max);
        self.next = (pause * 2).min(max);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_that_starts_is_soon_found_and_one_that_lies_is_left_alone() {
        let mut backoff = Backoff::default();
        let closed = LinkError::Closed;
        let pauses: Vec<_> = (0..7).map(|_| backoff.next(&closed, false).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.next(&closed, true), FIRST);
        let stuck = LinkError::Silent { seconds: 1 };
        assert!(!stuck.is_stuck());
        let lies = LinkError::Answer(crate::replication::answer::AnswerError::Array);
        let last = (0..20).map(|_| backoff.next(&lies, true)).last();
        assert_eq!(last, Some(STUCK_MAX));
    }
}
