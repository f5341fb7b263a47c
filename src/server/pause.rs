//! Holding clients back for a while: `CLIENT PAUSE`, and the last moments before a shutdown.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use tokio::sync::watch;

use crate::command::host::PauseScope;

/// Holds clients back for a while.
#[derive(Debug)]
pub struct Pause {
    until_ms: AtomicI64,
    scope: AtomicU8,
    /// Set for good once the server is about to end: nothing is written after that.
    ending: watch::Sender<Ending>,
}

/// Whether the server is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    No,
    Yes,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            until_ms: AtomicI64::new(0),
            scope: AtomicU8::new(0),
            ending: watch::Sender::new(Ending::No),
        }
    }
}

const WRITES: u8 = 0;
const ALL: u8 = 1;

impl Pause {
    /// Holds commands back until then; a longer or wider pause under way stays as it is.
    pub fn begin(&self, until_ms: i64, scope: PauseScope) {
        self.until_ms.fetch_max(until_ms, Ordering::AcqRel);
        let scope = match scope {
            PauseScope::Writes => WRITES,
            PauseScope::All => ALL,
        };
        self.scope.fetch_max(scope, Ordering::AcqRel);
    }

    /// Ends the pause; the clients held back are woken.
    pub fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
        self.scope.store(WRITES, Ordering::Release);
        self.ending.send_modify(|_| ());
    }

    /// Holds back all writes for good, as the server is about to end.
    pub fn end_of_writes(&self) {
        self.ending.send_replace(Ending::Yes);
    }

    /// Takes back [`Self::end_of_writes`], as the server stays after all.
    pub fn writes_again(&self) {
        self.ending.send_replace(Ending::No);
    }

    /// Tells whether a command is held back now; `writes` tells whether it may write.
    pub fn holds(&self, writes: Writes, now_ms: i64) -> bool {
        if writes == Writes::Yes && *self.ending.borrow() == Ending::Yes {
            return true;
        }
        let until_ms = self.until_ms.load(Ordering::Acquire);
        if until_ms <= now_ms {
            if until_ms != 0 {
                self.scope.store(WRITES, Ordering::Release);
                self.until_ms.store(0, Ordering::Release);
            }
            return false;
        }
        writes == Writes::Yes || self.scope.load(Ordering::Acquire) == ALL
    }

    /// Waits until the pause may be over; the caller looks again.
    pub async fn over(&self, now_ms: i64) {
        let mut changes = self.ending.subscribe();
        let until_ms = self.until_ms.load(Ordering::Acquire);
        if until_ms > now_ms {
            let left = std::time::Duration::from_millis((until_ms - now_ms) as u64);
            // Whether time or a change ended the wait makes no difference to the caller.
            let _ = tokio::time::timeout(left, changes.changed()).await;
        } else if *changes.borrow_and_update() == Ending::Yes {
            // Nothing can come but the end, or a change.
            let _ = changes.changed().await;
        }
    }
}

/// Whether a command may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// It may.
    Yes,
    /// It only reads.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_writes_lets_reads_pass_until_it_is_over() {
        let pause = Pause::default();
        pause.begin(100, PauseScope::Writes);
        assert!(pause.holds(Writes::Yes, 99));
        assert!(!pause.holds(Writes::No, 99));
        assert!(!pause.holds(Writes::Yes, 100));
    }

    #[test]
    fn a_wider_pause_is_not_narrowed_by_a_later_one() {
        let pause = Pause::default();
        pause.begin(100, PauseScope::All);
        pause.begin(50, PauseScope::Writes);
        assert!(pause.holds(Writes::No, 99));
        pause.end();
        assert!(!pause.holds(Writes::Yes, 1));
    }

    #[test]
    fn the_end_holds_back_writes_for_good() {
        let pause = Pause::default();
        pause.end_of_writes();
        assert!(pause.holds(Writes::Yes, i64::MAX) && !pause.holds(Writes::No, 0));
        pause.writes_again();
        assert!(!pause.holds(Writes::Yes, 0));
    }
}
