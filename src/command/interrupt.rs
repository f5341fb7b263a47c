//! How the waiting of a client is ended from outside: `CLIENT UNBLOCK`, and a change of role.

use std::sync::atomic::{AtomicU8, Ordering, fence};

use tokio::sync::Notify;

use super::Fault;

/// Whether a client waits for something, and whether it is to stop.
#[derive(Debug, Default)]
pub struct Interrupt {
    state: AtomicU8,
    changed: Notify,
}

/// Why a client is to wait no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// As though its time were over: `CLIENT UNBLOCK id TIMEOUT`.
    Timeout,
    /// With an error: `CLIENT UNBLOCK id ERROR`.
    Error,
    /// The server begins to follow another, and clients must not wait for its own writes.
    RoleChange,
}

const BUSY: u8 = 0;
const WAITS: u8 = 1;
const TIMEOUT: u8 = 2;
const ERROR: u8 = 3;
const ROLE_CHANGE: u8 = 4;

impl Interruption {
    /// Returns the error to answer; none where it is as though the time were over.
    pub fn fault(self) -> Option<Fault> {
        const UNBLOCKED: Fault = Fault::fixed("UNBLOCKED client unblocked via CLIENT UNBLOCK");
        const FORCED: Fault = Fault::fixed(
            "UNBLOCKED force unblock from blocking operation, instance state changed (master -> \
             replica?)",
        );
        match self {
            Self::Timeout => None,
            Self::Error => Some(UNBLOCKED),
            Self::RoleChange => Some(FORCED),
        }
    }
}

impl Interrupt {
    /// Has the client wait, until the guard is dropped.
    pub fn wait(&self) -> WaitsFor<'_> {
        self.state.store(WAITS, Ordering::Release);
        // Whoever interrupts after a change finds that it waits, or is found to have made the change.
        fence(Ordering::SeqCst);
        WaitsFor(self)
    }

    /// Ends the waiting; says whether the client waits.
    pub fn interrupt(&self, why: Interruption) -> bool {
        fence(Ordering::SeqCst);
        let why = match why {
            Interruption::Timeout => TIMEOUT,
            Interruption::Error => ERROR,
            Interruption::RoleChange => ROLE_CHANGE,
        };
        let waits =
            self.state.compare_exchange(WAITS, why, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if waits {
            self.changed.notify_one();
        }
        waits
    }
}

/// A client that waits.
#[derive(Debug)]
pub struct WaitsFor<'a>(&'a Interrupt);

impl WaitsFor<'_> {
    /// Waits until somebody ends this.
    pub async fn interrupted(&self) -> Interruption {
        loop {
            if let Some(why) = self.interruption() {
                return why;
            }
            self.0.changed.notified().await;
        }
    }

    /// Tells why the waiting is over, if somebody has ended it.
    pub fn interruption(&self) -> Option<Interruption> {
        match self.0.state.load(Ordering::Acquire) {
            TIMEOUT => Some(Interruption::Timeout),
            ERROR => Some(Interruption::Error),
            ROLE_CHANGE => Some(Interruption::RoleChange),
            _ => None,
        }
    }
}

impl Drop for WaitsFor<'_> {
    fn drop(&mut self) {
        self.0.state.store(BUSY, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn only_who_waits_is_interrupted_and_only_once() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.interrupt(Interruption::Error));
        let waits = interrupt.wait();
        assert_eq!(waits.interruption(), None);
        assert!(interrupt.interrupt(Interruption::Timeout));
        assert!(!interrupt.interrupt(Interruption::Error));
        assert_eq!(waits.interrupted().await, Interruption::Timeout);
        drop(waits);
        assert!(!interrupt.interrupt(Interruption::Error));
        assert_eq!(interrupt.wait().interruption(), None);
    }
}
