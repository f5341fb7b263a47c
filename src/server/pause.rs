//! Holding clients back: `CLIENT PAUSE`, `DEBUG SLEEP`, and the last moments before a shutdown.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::command::host::PauseScope;

use super::clock::unix_ms;

/// Holds clients back for a while.
#[derive(Debug)]
pub struct Pause {
    until_ms: AtomicI64,
    scope: AtomicU8,
    /// Until then nothing at all is executed or sent.
    asleep_until_ms: AtomicI64,
    /// Whether writes are held back for good; asked for each command, which a lock would be felt by.
    no_writes: AtomicBool,
    /// Says so, once the server is about to end, to those who wait: nothing is written after that.
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
            asleep_until_ms: AtomicI64::new(0),
            no_writes: AtomicBool::new(false),
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

    /// Holds back every command, whoever sends it; nothing ends that but the time.
    pub fn sleep(&self, until_ms: i64) {
        self.asleep_until_ms.fetch_max(until_ms, Ordering::AcqRel);
    }

    /// Waits until nobody has put the server to sleep.
    pub async fn awake(&self) {
        loop {
            let left_ms = self.asleep_until_ms.load(Ordering::Acquire).saturating_sub(unix_ms());
            let Some(left_ms) = u64::try_from(left_ms).ok().filter(|left| *left > 0) else {
                return;
            };
            tokio::time::sleep(Duration::from_millis(left_ms)).await;
        }
    }

    /// Holds back all writes for good, as the server is about to end.
    pub fn end_of_writes(&self) {
        self.no_writes.store(true, Ordering::Release);
        self.ending.send_replace(Ending::Yes);
    }

    /// Takes back [`Self::end_of_writes`], as the server stays after all.
    pub fn writes_again(&self) {
        self.no_writes.store(false, Ordering::Release);
        self.ending.send_replace(Ending::No);
    }

    /// Tells whether a command is held back now.
    #[inline]
    pub fn holds(&self, who: Who, now_ms: i64) -> bool {
        if self.asleep_until_ms.load(Ordering::Acquire) > now_ms {
            return true;
        }
        let writes = who == Who::Writer;
        if writes && self.no_writes.load(Ordering::Acquire) {
            return true;
        }
        let until_ms = self.until_ms.load(Ordering::Acquire);
        until_ms != 0 && self.holds_until(until_ms, writes, now_ms)
    }

    #[cold]
    fn holds_until(&self, until_ms: i64, writes: bool, now_ms: i64) -> bool {
        if until_ms <= now_ms {
            self.scope.store(WRITES, Ordering::Release);
            self.until_ms.store(0, Ordering::Release);
            return false;
        }
        writes || self.scope.load(Ordering::Acquire) == ALL
    }

    /// Waits until the pause may be over; the caller looks again.
    pub async fn over(&self, now_ms: i64) {
        self.awake().await;
        let mut changes = self.ending.subscribe();
        let until_ms = self.until_ms.load(Ordering::Acquire);
        if until_ms > now_ms {
            let left = Duration::from_millis((until_ms - now_ms) as u64);
            // Whether time or a change ended the wait makes no difference to the caller.
            let _ = tokio::time::timeout(left, changes.changed()).await;
        } else if *changes.borrow_and_update() == Ending::Yes {
            // Nothing can come but the end, or a change.
            let _ = changes.changed().await;
        }
    }
}

/// Who may be held back.
///
/// As in stock servers nobody is exempt from a pause of all: who runs the server waits too, and
/// `CLIENT UNPAUSE` is heard by those who are let in while a pause holds back writes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A command that may write.
    Writer,
    /// Any other command.
    Reader,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_of_writes_lets_reads_pass_until_it_is_over() {
        let pause = Pause::default();
        pause.begin(100, PauseScope::Writes);
        assert!(pause.holds(Who::Writer, 99));
        assert!(!pause.holds(Who::Reader, 99));
        assert!(!pause.holds(Who::Writer, 100));
    }

    #[test]
    fn a_wider_pause_is_not_narrowed_by_a_later_one() {
        let pause = Pause::default();
        pause.begin(100, PauseScope::All);
        pause.begin(50, PauseScope::Writes);
        assert!(pause.holds(Who::Reader, 99));
        pause.end();
        assert!(!pause.holds(Who::Writer, 1));
    }

    #[test]
    fn the_end_holds_back_writes_for_good() {
        let pause = Pause::default();
        pause.end_of_writes();
        assert!(pause.holds(Who::Writer, i64::MAX) && !pause.holds(Who::Reader, 0));
        pause.writes_again();
        assert!(!pause.holds(Who::Writer, 0));
    }

    #[test]
    fn a_sleep_is_ended_by_the_time_alone() {
        let pause = Pause::default();
        pause.sleep(50);
        pause.sleep(20);
        assert!(pause.holds(Who::Reader, 49) && !pause.holds(Who::Reader, 50));
        pause.end();
        assert!(pause.holds(Who::Reader, 49) && !pause.holds(Who::Reader, 50));
    }
}
