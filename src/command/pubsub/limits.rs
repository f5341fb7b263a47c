//! How much a client may leave unread before it is cut off: `client-output-buffer-limit`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::command::session::{ClientInfo, flag};

/// How much of what was written for a client may wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Bytes at which it is cut off at once; zero for no limit.
    pub hard_bytes: u64,
    /// Bytes at which it is cut off when it stays there for `soft_seconds`; zero for no limit.
    pub soft_bytes: u64,
    /// See `soft_bytes`.
    pub soft_seconds: u64,
}

/// The limits in force, by the class of the client.
#[derive(Debug, Default)]
pub struct Limits {
    normal: Live,
    subscriber: Live,
}

/// One limit, which may change while it is looked at.
#[derive(Debug, Default)]
struct Live {
    hard_bytes: AtomicU64,
    soft_bytes: AtomicU64,
    soft_seconds: AtomicU64,
}

/// Remembers since when a client has been above its soft limit, and what it was cut off for.
#[derive(Debug, Default)]
pub struct Excess {
    /// In Unix milliseconds; zero if it is not.
    since_ms: AtomicI64,
    /// How much waited when the client was cut off; zero before.
    cut_bytes: AtomicU64,
}

impl Limits {
    /// Takes over what the configuration says now.
    pub fn set(&self, normal: Limit, subscriber: Limit) {
        self.normal.store(normal);
        self.subscriber.store(subscriber);
    }

    /// Returns the limit that a client is under; replicas are under none, as feeds have no buffer.
    pub fn of(&self, client: &ClientInfo) -> Limit {
        let flags = client.flags.load(Ordering::Relaxed);
        if flags & flag::REPLICA != 0 {
            Limit::default()
        } else if flags & flag::SUBSCRIBER != 0 {
            self.subscriber.load()
        } else {
            self.normal.load()
        }
    }

    /// Tells whether a client for which `waiting` bytes were written is to be cut off.
    pub fn cuts(&self, client: &ClientInfo, waiting: usize, now_ms: i64) -> bool {
        client.excess.is_too_much(self.of(client), waiting as u64, now_ms)
    }
}

impl Live {
    fn store(&self, limit: Limit) {
        self.hard_bytes.store(limit.hard_bytes, Ordering::Relaxed);
        self.soft_bytes.store(limit.soft_bytes, Ordering::Relaxed);
        self.soft_seconds.store(limit.soft_seconds, Ordering::Relaxed);
    }

    fn load(&self) -> Limit {
        Limit {
            hard_bytes: self.hard_bytes.load(Ordering::Relaxed),
            soft_bytes: self.soft_bytes.load(Ordering::Relaxed),
            soft_seconds: self.soft_seconds.load(Ordering::Relaxed),
        }
    }
}

impl Limit {
    /// Tells whether so many bytes are too many at once.
    #[inline]
    pub fn is_hit(&self, bytes: usize) -> bool {
        self.hard_bytes != 0 && bytes as u64 >= self.hard_bytes
    }
}

impl Excess {
    /// Notes that the client is cut off.
    pub(super) fn note_cut(&self, waiting: u64) {
        self.cut_bytes.store(waiting, Ordering::Relaxed);
    }

    /// Tells how much waited for a client that was cut off.
    pub fn cut_bytes(&self) -> Option<u64> {
        Some(self.cut_bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// Tells whether `bytes` at this time are too much, and notes whether they are above the soft limit.
    fn is_too_much(&self, limit: Limit, bytes: u64, now_ms: i64) -> bool {
        if limit.hard_bytes != 0 && bytes >= limit.hard_bytes {
            return true;
        }
        if limit.soft_bytes == 0 || bytes < limit.soft_bytes {
            if self.since_ms.load(Ordering::Relaxed) != 0 {
                self.since_ms.store(0, Ordering::Relaxed);
            }
            return false;
        }
        match self.since_ms.load(Ordering::Relaxed) {
            0 => {
                self.since_ms.store(now_ms, Ordering::Relaxed);
                false
            }
            since_ms => (now_ms - since_ms) / 1000 > limit.soft_seconds as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::{NOW_MS, session_of};

    #[test]
    fn the_hard_limit_cuts_at_once_and_the_soft_one_after_its_seconds() {
        let limit = Limit { hard_bytes: 1000, soft_bytes: 100, soft_seconds: 2 };
        let excess = Excess::default();
        let too_much = |bytes, after_ms| excess.is_too_much(limit, bytes, NOW_MS + after_ms);
        assert!(!too_much(99, 0) && too_much(1000, 0));
        assert!(!too_much(100, 0) && !too_much(999, 2_999));
        assert!(too_much(100, 3_000));
        // Once it was below, the time begins anew.
        assert!(!too_much(99, 4_000) && !too_much(100, 9_000) && !too_much(100, 11_999));
        assert!(too_much(100, 12_000));
    }

    #[test]
    fn zero_means_no_limit() {
        let excess = Excess::default();
        assert!(!excess.is_too_much(Limit::default(), u64::MAX, NOW_MS));
        assert!(!Limit::default().is_hit(usize::MAX));
    }

    #[test]
    fn each_class_has_its_own_limit_and_replicas_have_none() {
        let limits = Limits::default();
        let of = |hard_bytes| Limit { hard_bytes, ..Limit::default() };
        limits.set(of(1), of(2));
        let client = session_of(1).info;
        assert_eq!(limits.of(&client), of(1));
        client.flags.store(flag::SUBSCRIBER, Ordering::Relaxed);
        assert_eq!(limits.of(&client), of(2));
        client.flags.store(flag::SUBSCRIBER | flag::REPLICA, Ordering::Relaxed);
        assert_eq!(limits.of(&client), of(0));
    }
}
