//! The offsets that tell how far the log has come, each of which can be awaited.
//!
//! `start ≤ durable ≤ sealed ≤ written` (L2), and none moves back while the log is open.

use std::sync::OnceLock;
use std::time::Instant;

use super::schedulable::{AtomicU64, AtomicUsize, Condvar, Mutex, Notify, Ordering};
use crate::position::Offset;

/// The watermarks of one log.
#[derive(Debug)]
pub struct Watermarks {
    start: AtomicU64,
    /// Never below `start`; above it only where bytes that are held proved to be damaged.
    sound: AtomicU64,
    durable: Watermark,
    sealed: Watermark,
    written: AtomicU64,
    failure: OnceLock<SyncFailed>,
    /// Those who wait for nothing but the failure, so that no sync wakes them.
    failing: Notify,
}

/// Says that the log can no longer be made durable. It is final: the server must stop.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the log could not be made durable: {reason}")]
pub struct SyncFailed {
    /// What failed, on which file.
    pub reason: std::sync::Arc<str>,
}

impl Watermarks {
    /// Starts with a log that holds `start..end`, all of it durable.
    pub fn new(start: Offset, end: Offset) -> Self {
        Self {
            start: AtomicU64::new(start.0),
            sound: AtomicU64::new(start.0),
            durable: Watermark::new(end),
            sealed: Watermark::new(end),
            written: AtomicU64::new(end.0),
            failure: OnceLock::new(),
            failing: Notify::new(),
        }
    }

    /// The offset of the first byte still held.
    pub fn start(&self) -> Offset {
        Offset(self.start.load(Ordering::Acquire))
    }

    /// The first offset from which on no byte is known to be damaged.
    pub fn sound(&self) -> Offset {
        Offset(self.sound.load(Ordering::Acquire)).max(self.start())
    }

    /// Everything below is on the disk.
    pub fn durable(&self) -> Offset {
        self.durable.value()
    }

    /// Everything below may be read and replied to.
    pub fn sealed(&self) -> Offset {
        self.sealed.value()
    }

    /// Everything below has been appended.
    pub fn written(&self) -> Offset {
        Offset(self.written.load(Ordering::Acquire))
    }

    /// Tells why no further byte will become durable, if that is so.
    pub fn failure(&self) -> Option<&SyncFailed> {
        self.failure.get()
    }

    /// Waits for the failure after which no further byte becomes durable.
    pub async fn failed(&self) -> SyncFailed {
        loop {
            let mut notified = std::pin::pin!(self.failing.notified());
            notified.as_mut().enable();
            if let Some(failure) = self.failure() {
                return failure.clone();
            }
            notified.await;
        }
    }

    /// Waits until `durable` reaches `offset`; fails once a sync has.
    pub async fn durable_at(&self, offset: Offset) -> Result<(), SyncFailed> {
        self.durable.reach(offset, || self.failure.get().is_some()).await;
        self.durable_or_failure(offset)
    }

    /// Blocks until `durable` reaches `offset`; fails once a sync has.
    pub fn block_until_durable_at(&self, offset: Offset) -> Result<(), SyncFailed> {
        self.durable.block(offset, None, || self.failure.get().is_some());
        self.durable_or_failure(offset)
    }

    /// Waits until `sealed` reaches `offset`.
    pub async fn sealed_at(&self, offset: Offset) {
        self.sealed.reach(offset, || false).await;
    }

    /// Blocks until `sealed` reaches `offset` or the deadline passes; tells whether it did.
    pub fn block_until_sealed_at(&self, offset: Offset, deadline: Option<Instant>) -> bool {
        self.sealed.block(offset, deadline, || false);
        self.sealed() >= offset
    }

    pub(super) fn set_written(&self, to: Offset) {
        self.written.store(to.0, Ordering::Release);
    }

    pub(super) fn raise_sealed(&self, to: Offset) {
        self.sealed.raise(to);
    }

    /// # Panics
    /// When `to` is above `sealed`, which would break L2.
    pub(super) fn raise_durable(&self, to: Offset) {
        assert!(to <= self.sealed(), "only sealed bytes can be durable");
        self.durable.raise(to);
    }

    pub(super) fn raise_start(&self, to: Offset) {
        self.start.fetch_max(to.0, Ordering::AcqRel);
    }

    /// To be called when bytes just below `to` proved to be damaged.
    pub(super) fn raise_sound(&self, to: Offset) {
        self.sound.fetch_max(to.0, Ordering::AcqRel);
    }

    /// Records the first failure and wakes everyone who waits for durability. Later ones are lost.
    pub(super) fn fail(&self, failure: SyncFailed) {
        if self.failure.set(failure).is_ok() {
            self.durable.wake();
            self.failing.notify_waiters();
        }
    }

    fn durable_or_failure(&self, offset: Offset) -> Result<(), SyncFailed> {
        match self.failure.get() {
            Some(failure) if self.durable() < offset => Err(failure.clone()),
            _ => Ok(()),
        }
    }
}

/// One rising offset with any number of waiters, which cost nothing while there are none.
#[derive(Debug)]
struct Watermark {
    value: AtomicU64,
    /// How many wait. Raised before the value is looked at, so that either the waiter sees the new
    /// value or the one who raises it sees the waiter; hence sequential consistency on both.
    waiting: AtomicUsize,
    tasks: Notify,
    lock: Mutex<()>,
    threads: Condvar,
}

impl Watermark {
    fn new(value: Offset) -> Self {
        Self {
            value: AtomicU64::new(value.0),
            waiting: AtomicUsize::new(0),
            tasks: Notify::new(),
            lock: Mutex::new(()),
            threads: Condvar::new(),
        }
    }

    fn value(&self) -> Offset {
        Offset(self.value.load(Ordering::SeqCst))
    }

    fn raise(&self, to: Offset) {
        debug_assert!(to >= self.value(), "a watermark never falls");
        self.value.store(to.0, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.wake();
        }
    }

    fn wake(&self) {
        self.tasks.notify_waiters();
        drop(self.lock.lock());
        self.threads.notify_all();
    }

    async fn reach(&self, target: Offset, gives_up: impl Fn() -> bool) {
        if self.value() >= target {
            return;
        }
        let _waiting = Waiting::enter(&self.waiting);
        loop {
            let mut notified = std::pin::pin!(self.tasks.notified());
            notified.as_mut().enable();
            if self.value() >= target || gives_up() {
                return;
            }
            notified.await;
        }
    }

    fn block(&self, target: Offset, deadline: Option<Instant>, gives_up: impl Fn() -> bool) {
        if self.value() >= target {
            return;
        }
        let _waiting = Waiting::enter(&self.waiting);
        let mut guard = self.lock.lock();
        while self.value() < target && !gives_up() {
            match deadline {
                None => self.threads.wait(&mut guard),
                Some(deadline) => {
                    if self.threads.wait_until(&mut guard, deadline).timed_out() {
                        return;
                    }
                }
            }
        }
    }
}

/// Counts a waiter for as long as it waits, also when its task is dropped meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(offset: u64) -> Offset {
        Offset(offset)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn waiters_wake_when_the_mark_reaches_them() {
        let marks = Arc::new(Watermarks::new(at(0), at(10)));
        marks.durable_at(at(10)).await.unwrap();
        let waiting = Arc::clone(&marks);
        let task = tokio::spawn(async move { waiting.durable_at(at(20)).await });
        tokio::task::yield_now().await;
        marks.raise_sealed(at(20));
        marks.raise_durable(at(15));
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        marks.raise_durable(at(20));
        task.await.unwrap().unwrap();
        assert_eq!(marks.durable.waiting.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_failed_sync_is_told_to_those_who_wait_and_only_for_what_is_not_durable() {
        let marks = Arc::new(Watermarks::new(at(0), at(10)));
        let waiting = Arc::clone(&marks);
        let task = tokio::spawn(async move { waiting.durable_at(at(20)).await });
        tokio::task::yield_now().await;
        marks.fail(SyncFailed { reason: "no disk".into() });
        marks.fail(SyncFailed { reason: "second".into() });
        assert_eq!(&*task.await.unwrap().unwrap_err().reason, "no disk");
        marks.durable_at(at(10)).await.unwrap();
        assert!(marks.block_until_durable_at(at(11)).is_err());
    }

    #[test]
    fn threads_wait_too() {
        let marks = Arc::new(Watermarks::new(at(0), at(0)));
        let waiting = Arc::clone(&marks);
        let thread = std::thread::spawn(move || waiting.block_until_sealed_at(at(5), None));
        marks.raise_sealed(at(5));
        assert!(thread.join().unwrap());
        assert!(!marks.block_until_sealed_at(at(6), Some(Instant::now())));
    }

    #[test]
    #[should_panic(expected = "only sealed bytes")]
    fn durable_never_passes_sealed() {
        Watermarks::new(at(0), at(0)).raise_durable(at(1));
    }
}
