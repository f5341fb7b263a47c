//! Holding clients back: `CLIENT PAUSE`, `DEBUG SLEEP`, a failover, and the moments before a shutdown.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::command::host::PauseScope;

use super::clock::unix_ms;

/// Holds clients back for a while.
#[derive(Debug)]
pub struct Pause {
    /// Held by who changes the two that follow, which belong together.
    turn: Mutex<()>,
    until_ms: AtomicI64,
    scope: AtomicU8,
    /// Until then nothing at all is executed or sent.
    asleep_until_ms: AtomicI64,
    /// Who holds writes back until further notice: a bit for each. It is asked for each command, which
    /// a lock would be felt by.
    holders: AtomicU8,
    /// Tells those who wait that something of it has changed.
    changed: watch::Sender<()>,
}

/// Who holds writes back until further notice, whatever clients say of pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The server is about to end.
    Shutdown = 1,
    /// Its replica is to have all that is written, and then to lead.
    Failover = 2,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            turn: Mutex::default(),
            until_ms: AtomicI64::new(0),
            scope: AtomicU8::new(WRITES),
            asleep_until_ms: AtomicI64::new(0),
            holders: AtomicU8::new(0),
            changed: watch::Sender::new(()),
        }
    }
}

const WRITES: u8 = 0;
const ALL: u8 = 1;

impl Pause {
    /// Holds commands back until then; a longer or wider pause under way stays as it is.
    pub fn begin(&self, until_ms: i64, scope: PauseScope) {
        let _turn = self.turn.lock();
        self.until_ms.fetch_max(until_ms, Ordering::AcqRel);
        let scope = match scope {
            PauseScope::Writes => WRITES,
            PauseScope::All => ALL,
        };
        self.scope.fetch_max(scope, Ordering::AcqRel);
    }

    /// Ends the pause; the clients held back are woken.
    pub fn end(&self) {
        let turn = self.turn.lock();
        self.until_ms.store(0, Ordering::Release);
        self.scope.store(WRITES, Ordering::Release);
        drop(turn);
        self.changed.send_modify(|()| ());
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

    /// Holds back all writes until [`Self::release`].
    pub fn hold(&self, holder: Holder) {
        self.holders.fetch_or(holder as u8, Ordering::AcqRel);
        self.changed.send_modify(|()| ());
    }

    /// Takes back [`Self::hold`]; what others hold stays held.
    pub fn release(&self, holder: Holder) {
        self.holders.fetch_and(!(holder as u8), Ordering::AcqRel);
        self.changed.send_modify(|()| ());
    }

    /// Tells whether anybody holds writes back until further notice.
    pub fn is_held(&self) -> bool {
        self.holders.load(Ordering::Acquire) != 0
    }

    /// Tells whether a command is held back now.
    #[inline]
    pub fn holds(&self, who: Who, now_ms: i64) -> bool {
        if self.asleep_until_ms.load(Ordering::Acquire) > now_ms {
            return true;
        }
        let writes = who == Who::Writer;
        if writes && self.holders.load(Ordering::Acquire) != 0 {
            return true;
        }
        let until_ms = self.until_ms.load(Ordering::Acquire);
        until_ms != 0 && self.holds_until(until_ms, writes, now_ms)
    }

    #[cold]
    fn holds_until(&self, until_ms: i64, writes: bool, now_ms: i64) -> bool {
        if until_ms <= now_ms {
            let _turn = self.turn.lock();
            // Another may have begun meanwhile.
            if self.until_ms.load(Ordering::Acquire) == until_ms {
                self.scope.store(WRITES, Ordering::Release);
                self.until_ms.store(0, Ordering::Release);
            }
            return false;
        }
        writes || self.scope.load(Ordering::Acquire) == ALL
    }

    /// Waits until the pause may be over; the caller looks again.
    pub async fn over(&self, now_ms: i64) {
        self.awake().await;
        let mut changes = self.changed.subscribe();
        let until_ms = self.until_ms.load(Ordering::Acquire);
        if until_ms > now_ms {
            let left = Duration::from_millis((until_ms - now_ms) as u64);
            // Whether time or a change ended the wait makes no difference to the caller.
            let _ = tokio::time::timeout(left, changes.changed()).await;
        } else if self.holders.load(Ordering::Acquire) != 0 {
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
    fn who_holds_writes_back_is_not_overruled_by_clients_or_others() {
        let pause = Pause::default();
        pause.hold(Holder::Shutdown);
        pause.hold(Holder::Failover);
        assert!(pause.holds(Who::Writer, i64::MAX) && !pause.holds(Who::Reader, 0));
        pause.end();
        pause.release(Holder::Failover);
        assert!(pause.holds(Who::Writer, 0));
        pause.release(Holder::Shutdown);
        assert!(!pause.holds(Who::Writer, 0));
        pause.begin(100, PauseScope::Writes);
        pause.hold(Holder::Failover);
        pause.release(Holder::Failover);
        assert!(pause.holds(Who::Writer, 99), "what a client paused is paused still");
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
