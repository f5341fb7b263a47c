//! How much memory is used, told so cheaply that it can be asked before each command.
//!
//! The allocator's own figure is the sum over all its arenas, and takes a few microseconds to get. So
//! it is asked some times a second, and in between each thread that executes commands adds what it
//! has allocated and freed since, which the allocator counts for each thread where reading it costs a
//! load. What other threads do shows when the allocator is asked next.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};
use tokio::sync::Notify;

use crate::admin::memory;
use crate::keyspace::held_bytes;
use crate::server::clock::unix_ms;

/// After how long the allocator is asked again.
const ASK_MS: i64 = 10;
/// After how long it is asked again before anything is evicted.
const ASK_WHEN_FULL_MS: i64 = 1;
/// What a thread keeps to itself, so that threads do not write to one line of memory all the time.
const GRAIN_BYTES: i64 = 4096;

thread_local! {
    static OWN: Own = Own::of_this_thread();
}

/// What one thread has allocated and freed.
struct Own {
    counters: Option<(ThreadLocal<u64>, ThreadLocal<u64>)>,
    /// How much of it is in the sum.
    told: Cell<i64>,
}

/// How much memory is used.
#[derive(Debug, Default)]
pub struct Gauge {
    used: AtomicI64,
    asked_ms: AtomicI64,
    excess: Mutex<Since>,
    is_excess: AtomicBool,
    /// Wakes who goes on evicting.
    pub(super) unfinished: Notify,
}

/// Since when there has been too much, and for how long there was before.
#[derive(Debug, Default)]
struct Since {
    begun: Option<Instant>,
    before: Duration,
}

/// For how long there was more in memory than there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// All in all.
    pub total: Duration,
    /// Without a break until now.
    pub current: Duration,
}

impl Gauge {
    /// Tells about how many bytes are used, what images alone hold left out.
    #[inline]
    pub fn used(&self, now_ms: i64) -> u64 {
        self.ask_after(ASK_MS, now_ms);
        self.used_now()
    }

    /// Does what [`Self::used`] does, and asks the allocator unless that was done just now.
    pub fn used_for_sure(&self, now_ms: i64) -> u64 {
        self.ask_after(ASK_WHEN_FULL_MS, now_ms);
        self.used_now()
    }

    /// Asks the allocator now.
    pub fn used_anew(&self) -> u64 {
        self.ask(self.asked_ms.load(Relaxed), unix_ms());
        self.used_now()
    }

    /// Tells what is used after what this thread has just done.
    #[inline]
    pub fn used_now(&self) -> u64 {
        let own = OWN.with(|own| {
            let untold = own.net() - own.told.get();
            if untold.abs() < GRAIN_BYTES {
                return untold;
            }
            own.told.set(own.told.get() + untold);
            self.used.fetch_add(untold, Relaxed);
            0
        });
        let used = (self.used.load(Relaxed) + own).max(0) as u64;
        used.saturating_sub(held_bytes())
    }

    /// Notes whether there is too much now.
    #[inline]
    pub fn note_excess(&self, is_excess: bool) {
        if self.is_excess.load(Relaxed) != is_excess {
            self.excess_changed(is_excess);
        }
    }

    /// Tells for how long there was too much.
    pub fn excess(&self, now: Instant) -> Excess {
        let since = self.excess.lock();
        let current = since.begun.map(|begun| now.duration_since(begun)).unwrap_or_default();
        Excess { total: since.before + current, current }
    }

    /// Begins to count anew for how long there is too much.
    pub fn forget_excess(&self) {
        *self.excess.lock() = Since::default();
        self.is_excess.store(false, Relaxed);
    }

    #[cold]
    fn excess_changed(&self, is_excess: bool) {
        let mut since = self.excess.lock();
        self.is_excess.store(is_excess, Relaxed);
        if is_excess {
            since.begun.get_or_insert_with(Instant::now);
        } else if let Some(begun) = since.begun.take() {
            since.before += begun.elapsed();
        }
    }

    #[inline]
    fn ask_after(&self, wait_ms: i64, now_ms: i64) {
        let asked_ms = self.asked_ms.load(Relaxed);
        if !(0..wait_ms).contains(&(now_ms - asked_ms)) {
            self.ask(asked_ms, now_ms);
        }
    }

    /// Asks the allocator, unless another thread does.
    #[cold]
    fn ask(&self, asked_ms: i64, now_ms: i64) {
        if self.asked_ms.compare_exchange(asked_ms, now_ms, Relaxed, Relaxed).is_ok() {
            OWN.with(|own| own.told.set(own.net()));
            let allocated = memory::allocated() as i64;
            self.used.store(allocated, Relaxed);
        }
    }
}

impl Own {
    fn of_this_thread() -> Self {
        // Where the allocator does not count by thread, it is all left to asking.
        let counters = allocatedp::read().ok().zip(deallocatedp::read().ok());
        let own = Self { counters, told: Cell::new(0) };
        own.told.set(own.net());
        own
    }

    #[inline]
    fn net(&self) -> i64 {
        let Some((allocated, freed)) = self.counters else { return 0 };
        allocated.get().wrapping_sub(freed.get()) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_too_much_goes_on_until_there_is_room_and_stays_in_the_sum() {
        let gauge = Gauge::default();
        gauge.note_excess(false);
        assert_eq!(gauge.excess(Instant::now()), Excess::default());
        gauge.note_excess(true);
        let later = Instant::now() + Duration::from_secs(5);
        let excess = gauge.excess(later);
        assert!(excess.current >= Duration::from_secs(5) && excess.total == excess.current);
        gauge.note_excess(true);
        assert_eq!(gauge.excess(later), excess);
        gauge.note_excess(false);
        let over = gauge.excess(later);
        assert!(over.current.is_zero() && !over.total.is_zero() && over == gauge.excess(later));
        gauge.forget_excess();
        assert_eq!(gauge.excess(later), Excess::default());
    }
}
