//! What clients take in memory, each and all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

/// No limit is in force.
const UNLIMITED: usize = usize::MAX;
/// The client has left, and counts no more.
const LEFT: usize = usize::MAX;
/// What a name that is subscribed to or begins keys takes beside its bytes.
const NAME_BYTES: usize = 64;

/// What all clients take together, counted as long as it is limited.
#[derive(Debug)]
pub struct Weights {
    /// The sum; below zero for a moment where a client leaves whose growth is being counted.
    bytes: AtomicIsize,
    limit: AtomicUsize,
}

impl Default for Weights {
    fn default() -> Self {
        Self { bytes: AtomicIsize::new(0), limit: AtomicUsize::new(UNLIMITED) }
    }
}

impl Weights {
    /// Limits what clients take, or no longer; who are there are to be weighed then.
    pub fn set_limit(&self, bytes: Option<usize>) {
        self.limit.store(bytes.unwrap_or(UNLIMITED), Relaxed);
    }

    /// Tells whether there is a limit; one load.
    #[inline]
    pub fn are_limited(&self) -> bool {
        self.limit.load(Relaxed) != UNLIMITED
    }

    /// Tells whether all clients together take as much as they may, or more.
    #[inline]
    pub fn are_too_much(&self) -> bool {
        let limit = self.limit.load(Relaxed);
        limit != UNLIMITED && self.bytes.load(Relaxed) >= limit as isize
    }
}

/// What one client counts for in the sum.
#[derive(Debug, Default)]
pub struct Weight {
    all: Arc<Weights>,
    counted: AtomicUsize,
}

impl Weight {
    /// Begins with nothing, of a sum.
    pub fn among(all: &Arc<Weights>) -> Self {
        Self { all: Arc::clone(all), counted: AtomicUsize::new(0) }
    }

    /// Tells whether anybody wants to know.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.all.are_limited()
    }

    /// Has the client count for so many bytes from now on, unless it has left.
    pub fn set(&self, bytes: usize) {
        let changed = self.counted.fetch_update(Relaxed, Relaxed, |counted| {
            (counted != LEFT && counted != bytes).then_some(bytes)
        });
        if let Ok(before) = changed {
            self.all.bytes.fetch_add(bytes as isize - before as isize, Relaxed);
        }
    }

    /// Has the client count for nothing any more, whatever is written for it yet.
    pub fn end(&self) {
        let before = self.counted.swap(LEFT, Relaxed);
        if before != LEFT {
            self.all.bytes.fetch_sub(before as isize, Relaxed);
        }
    }
}

/// What a session has in memory beside its buffers.
#[derive(Debug, Default)]
pub struct Holdings {
    /// The places of the words of the request that is being read: of short words more than these take.
    pub words: AtomicUsize,
    /// The commands queued since `MULTI`.
    pub queued: AtomicUsize,
    /// The keys under `WATCH`.
    pub watched: AtomicUsize,
    /// The names it subscribes to.
    pub subscribed: AtomicUsize,
    /// How the keys begin that it tracks.
    pub prefixes: AtomicUsize,
}

impl Holdings {
    /// Counts the bytes of a transaction, queued and watched.
    pub fn transaction_bytes(&self) -> usize {
        self.queued.load(Relaxed) + self.watched.load(Relaxed)
    }

    /// Counts all of the bytes.
    pub fn bytes(&self) -> usize {
        let names = self.subscribed.load(Relaxed) + self.prefixes.load(Relaxed);
        self.words.load(Relaxed) + self.transaction_bytes() + names
    }
}

/// Counts what a name takes.
pub fn name_bytes(name: &[u8]) -> usize {
    name.len() + NAME_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_follows_each_client_until_it_leaves() {
        let all = Arc::new(Weights::default());
        assert!(!all.are_limited() && !all.are_too_much());
        all.set_limit(Some(100));
        let (one, other) = (Weight::among(&all), Weight::among(&all));
        one.set(60);
        other.set(39);
        assert!(one.is_wanted() && !all.are_too_much());
        other.set(40);
        assert!(all.are_too_much());
        one.set(10);
        assert!(!all.are_too_much());
        one.set(60);
        one.end();
        one.set(1000);
        one.end();
        assert!(!all.are_too_much(), "who has left counts no more");
        other.set(100);
        assert!(all.are_too_much());
        all.set_limit(None);
        assert!(!all.are_too_much());
    }
}
