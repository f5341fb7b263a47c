//! How long it takes to remove keys that have expired, where somebody wants to know.

use std::time::{Duration, Instant};

/// The longest removal of an expired key that a request came upon.
///
/// Measured where it is asked for only: elsewhere nothing looks at the clock.
#[derive(Debug, Default)]
pub struct Removals {
    longest: Option<Duration>,
}

impl Removals {
    /// Begins anew, and measures if there is a time from which on a removal is told of.
    #[inline]
    pub fn watch(&mut self, limit_ms: Option<u64>) {
        self.longest = limit_ms.map(|_| Duration::ZERO);
    }

    /// Begins anew for a part of what `whole` is for.
    pub(super) fn watch_as(&mut self, whole: &Self) {
        self.longest = whole.longest.map(|_| Duration::ZERO);
    }

    /// Tells when a removal begins, which [`Self::end`] wants back.
    pub(super) fn begin(&self) -> Option<Instant> {
        self.longest.map(|_| Instant::now())
    }

    /// Notes that a removal is over.
    pub(super) fn end(&mut self, began: Option<Instant>) {
        if let (Some(longest), Some(began)) = (&mut self.longest, began) {
            *longest = began.elapsed().max(*longest);
        }
    }

    /// Takes over what a part has measured.
    pub(super) fn absorb(&mut self, part: &Self) {
        self.longest = self.longest.max(part.longest);
    }

    /// Tells how long the longest took, if it was measured.
    pub fn longest(&self) -> Option<Duration> {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_looks_at_the_clock_unless_it_is_asked_for() {
        let mut whole = Removals::default();
        assert_eq!(whole.begin(), None);
        whole.end(None);
        assert_eq!(whole.longest(), None);
        whole.watch(Some(1));
        assert!(whole.begin().is_some());
        whole.watch(None);
        assert_eq!(whole.begin(), None);
    }

    #[test]
    fn the_longest_counts_whichever_part_it_was_in() {
        let (mut whole, mut part) = (Removals::default(), Removals::default());
        whole.watch(Some(1));
        part.watch_as(&whole);
        part.longest = Some(Duration::from_millis(5));
        part.end(part.begin());
        whole.absorb(&part);
        assert_eq!(whole.longest(), Some(Duration::from_millis(5)));
        part.watch_as(&whole);
        whole.absorb(&part);
        assert_eq!(whole.longest(), Some(Duration::from_millis(5)));
        whole.watch(Some(1));
        assert_eq!(whole.longest(), Some(Duration::ZERO));
    }
}
