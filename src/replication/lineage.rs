//! Which histories the present one continues, and up to where.
//!
//! Pure: what is recorded where, and when it is durable, is decided elsewhere.

use std::fmt;

use crate::position::{Offset, Position, Replid};
use crate::snapshot::{Ancestor, Manifest};

/// How many histories of old are remembered unless configured (directive `backlog-lineage-size`).
///
/// One is added by each promotion and by each crash that may have lost sent bytes; a replica would
/// have to sleep through this many to need an older one, and then it gets a full resync.
pub const ANCESTORS_KEPT: usize = 64;
/// The most that can be configured: the manifest holds them all.
pub const ANCESTORS_MAX: usize = 1024;

/// The present history and those it grew out of.
///
/// Invariants
/// - Every ceiling is at or below the end of the present history, or of the primary's that is followed.
/// - Ceilings do not rise towards the older: a history shares with us no more than a later one does.
/// - No replid occurs twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    current: Replid,
    /// Newest first.
    past: Vec<Ancestor>,
    /// How many of old are remembered.
    kept: usize,
}

/// Whether a replica may go on from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes it lacks are all it needs.
    Continues(Under),
    /// Its data differ from ours, or may.
    Diverges(Divergence),
}

/// Under which name a replica knows our history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// The present one.
    Current,
    /// One of old; it must be told the present one.
    Ancestor,
}

/// Why a replica cannot go on from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// Its history is none of ours.
    UnknownHistory,
    /// It has bytes of our present history that we have not.
    AheadOfEnd {
        /// The end of ours.
        end: Offset,
    },
    /// It went on with an old history after ours had parted from it.
    PastCeiling {
        /// Where the two parted.
        ceiling: Offset,
    },
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHistory => write!(f, "its replid is not part of this server's lineage"),
            Self::AheadOfEnd { end } => {
                write!(f, "it is ahead of this server: the history ends at {end}")
            }
            Self::PastCeiling { ceiling } => {
                write!(
                    f,
                    "it followed an older history past {ceiling} where this one parted from it"
                )
            }
        }
    }
}

impl Lineage {
    /// A history without a past.
    pub fn new(current: Replid) -> Self {
        Self { current, past: Vec::new(), kept: ANCESTORS_KEPT }
    }

    /// Remembers so many histories of old from now on, and forgets the oldest beyond.
    pub fn keep(&mut self, count: usize) {
        self.kept = count.min(ANCESTORS_MAX);
        self.past.truncate(self.kept);
    }

    /// Takes the lineage that a manifest records.
    pub fn from_manifest(manifest: &Manifest) -> Self {
        let mut past = manifest.past.clone();
        past.truncate(ANCESTORS_MAX);
        let kept = ANCESTORS_KEPT.max(past.len());
        Self { current: manifest.replid, past, kept }
    }

    /// Puts the lineage into a manifest.
    pub fn record(&self, manifest: &mut Manifest) {
        manifest.replid = self.current;
        manifest.past.clone_from(&self.past);
    }

    /// Names the present history.
    pub fn current(&self) -> Replid {
        self.current
    }

    /// Returns the histories of old, newest first; the first is what INFO calls `master_replid2`.
    pub fn past(&self) -> &[Ancestor] {
        &self.past
    }

    /// Whether a replica at `at` shares our past, so that the bytes it lacks are all it needs.
    ///
    /// `end` is the end of our history. Says nothing of whether the log still holds those bytes.
    #[must_use]
    pub fn continues(&self, at: Position, end: Offset) -> Verdict {
        if at.replid == self.current {
            if at.offset <= end {
                return Verdict::Continues(Under::Current);
            }
            return Verdict::Diverges(Divergence::AheadOfEnd { end });
        }
        let Some(ancestor) = self.past.iter().find(|ancestor| ancestor.replid == at.replid) else {
            return Verdict::Diverges(Divergence::UnknownHistory);
        };
        let ceiling = ancestor.ceiling.min(end);
        if at.offset <= ceiling {
            Verdict::Continues(Under::Ancestor)
        } else {
            Verdict::Diverges(Divergence::PastCeiling { ceiling })
        }
    }

    /// Begins a new history at `ceiling`, the end of the present one, which becomes the newest of old.
    ///
    /// Everything below `ceiling` is durable (R9), and nothing was appended since (R2). An older
    /// ceiling above it is lowered: those bytes are no longer ours.
    pub fn rotate(&mut self, new: Replid, ceiling: Offset) {
        if new == self.current {
            return;
        }
        let parted = Ancestor { replid: self.current, ceiling };
        self.past.retain(|ancestor| ancestor.replid != new);
        for ancestor in &mut self.past {
            ancestor.ceiling = ancestor.ceiling.min(ceiling);
        }
        self.past.insert(0, parted);
        self.past.truncate(self.kept);
        self.current = new;
    }

    /// Goes on under the name `new`, which the primary told a replica that ends at `end`.
    ///
    /// `learned` is what the primary says of its own past, newest first; nothing if it did not. Where
    /// it names a history, its word on the ceiling counts: it has the bytes we have not yet.
    pub fn follow(&mut self, new: Replid, end: Offset, learned: &[Ancestor]) {
        let mut own = self.clone();
        own.rotate(new, end);
        let unnamed = |ancestor: &Ancestor| {
            learned.iter().all(|known| known.replid != ancestor.replid) && ancestor.replid != new
        };
        own.past.retain(unnamed);
        self.past = learned.iter().copied().filter(|known| known.replid != new).collect();
        self.past.append(&mut own.past);
        self.past.sort_by_key(|ancestor| std::cmp::Reverse(ancestor.ceiling));
        self.past.truncate(self.kept);
        self.current = new;
    }

    /// Forgets the own past: a full resync replaced the data by those of `current`.
    ///
    /// `learned` is what the primary says of its own past, newest first.
    pub fn adopt(&mut self, current: Replid, learned: &[Ancestor]) {
        self.current = current;
        self.past = learned.iter().copied().filter(|known| known.replid != current).collect();
        self.past.sort_by_key(|ancestor| std::cmp::Reverse(ancestor.ceiling));
        self.past.truncate(self.kept);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u8) -> Replid {
        Replid::from_bytes([n; 20])
    }

    fn at(n: u8, offset: u64) -> Position {
        Position { replid: id(n), offset: Offset(offset) }
    }

    fn ancestor(n: u8, ceiling: u64) -> Ancestor {
        Ancestor { replid: id(n), ceiling: Offset(ceiling) }
    }

    fn continues(lineage: &Lineage, at: Position, end: u64) -> bool {
        matches!(lineage.continues(at, Offset(end)), Verdict::Continues(_))
    }

    #[test]
    fn the_present_history_continues_up_to_its_end_and_no_further() {
        let lineage = Lineage::new(id(1));
        assert_eq!(lineage.continues(at(1, 10), Offset(10)), Verdict::Continues(Under::Current));
        assert_eq!(
            lineage.continues(at(1, 11), Offset(10)),
            Verdict::Diverges(Divergence::AheadOfEnd { end: Offset(10) })
        );
        assert_eq!(
            lineage.continues(at(2, 0), Offset(10)),
            Verdict::Diverges(Divergence::UnknownHistory)
        );
    }

    #[test]
    fn after_a_rotation_in_sync_replicas_continue_and_those_a_byte_ahead_do_not() {
        let mut lineage = Lineage::new(id(1));
        let recovered_end = Offset(1000);
        lineage.rotate(id(2), recovered_end);
        assert_eq!(lineage.past()[0].ceiling.first_wanted(), 1001, "second_repl_offset");
        // Much later, when writes have long passed the offset of a replica that was ahead.
        assert_eq!(
            lineage.continues(at(1, 1000), Offset(9999)),
            Verdict::Continues(Under::Ancestor)
        );
        assert_eq!(
            lineage.continues(at(1, 1001), Offset(9999)),
            Verdict::Diverges(Divergence::PastCeiling { ceiling: recovered_end })
        );
    }

    #[test]
    fn a_replica_that_slept_through_three_crashes_and_two_failovers_continues() {
        let mut lineage = Lineage::new(id(1));
        for (n, ceiling) in [(2, 100), (3, 200), (4, 200), (5, 350), (6, 400)] {
            lineage.rotate(id(n), Offset(ceiling));
        }
        assert!(continues(&lineage, at(1, 100), 500));
        assert!(!continues(&lineage, at(1, 101), 500));
        assert!(continues(&lineage, at(3, 200), 500));
        assert!(!continues(&lineage, at(3, 201), 500));
        assert_eq!(lineage.past()[0].replid, id(5));
    }

    #[test]
    fn stray_writes_of_a_deposed_primary_do_not_continue_on_the_promoted_one() {
        // The promoted replica parted at 500; the old primary recovered to 450, took a new replid,
        // wrote 20 stray bytes and now asks under that replid, or under the old one beyond 500.
        let mut promoted = Lineage::new(id(1));
        promoted.rotate(id(2), Offset(500));
        assert!(!continues(&promoted, at(3, 470), 600));
        assert!(!continues(&promoted, at(1, 501), 600));
    }

    #[test]
    fn a_lossy_end_lowers_older_ceilings() {
        let mut lineage = Lineage::new(id(1));
        lineage.rotate(id(2), Offset(100));
        lineage.rotate(id(3), Offset(60));
        assert!(continues(&lineage, at(1, 60), 60));
        assert!(!continues(&lineage, at(1, 61), 200));
    }

    #[test]
    fn a_full_resync_clears_the_past() {
        let mut lineage = Lineage::new(id(1));
        lineage.rotate(id(2), Offset(10));
        lineage.adopt(id(9), &[]);
        assert_eq!(lineage, Lineage::new(id(9)));
        lineage.adopt(id(8), &[ancestor(7, 30), ancestor(6, 20)]);
        assert!(continues(&lineage, at(7, 30), 40));
        assert!(!continues(&lineage, at(7, 30), 29), "the bytes up to there are not here yet");
        assert!(!continues(&lineage, at(9, 0), 40));
    }

    #[test]
    fn who_follows_under_a_new_name_believes_the_primary_on_where_histories_parted() {
        // This replica ends at 50 of history 2, which the primary carried on to 80 before it was 3.
        let mut lineage = Lineage::new(id(1));
        lineage.rotate(id(2), Offset(20));
        lineage.follow(id(3), Offset(50), &[ancestor(2, 80), ancestor(9, 10)]);
        assert_eq!(lineage.current(), id(3));
        assert_eq!(lineage.past(), [ancestor(2, 80), ancestor(1, 20), ancestor(9, 10)]);
        assert!(continues(&lineage, at(2, 80), 90));
        assert!(!continues(&lineage, at(2, 81), 90));
    }

    #[test]
    fn who_follows_a_primary_of_few_words_parts_where_it_is() {
        let mut lineage = Lineage::new(id(1));
        lineage.rotate(id(2), Offset(20));
        lineage.follow(id(3), Offset(50), &[]);
        assert_eq!(lineage.past(), [ancestor(2, 50), ancestor(1, 20)]);
        lineage.follow(id(3), Offset(60), &[]);
        assert_eq!(lineage.past(), [ancestor(2, 50), ancestor(1, 20)], "it knew that name");
    }

    #[test]
    fn as_many_are_remembered_as_configured() {
        let mut lineage = Lineage::new(id(1));
        lineage.keep(2);
        for n in 2..=5 {
            lineage.rotate(id(n), Offset(10));
        }
        assert_eq!(lineage.past(), [ancestor(4, 10), ancestor(3, 10)]);
        lineage.keep(1);
        assert_eq!(lineage.past(), [ancestor(4, 10)]);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut lineage = Lineage::new(id(0));
        for n in 1..=70 {
            lineage.rotate(id(n), Offset(u64::from(n)));
        }
        assert_eq!(lineage.past().len(), ANCESTORS_KEPT);
        assert_eq!(lineage.past()[0].replid, id(69));
        assert_eq!(lineage.past()[63].replid, id(6));
    }

    #[test]
    fn learning_the_present_name_again_changes_nothing() {
        let mut lineage = Lineage::new(id(1));
        lineage.rotate(id(1), Offset(10));
        assert_eq!(lineage, Lineage::new(id(1)));
    }

    proptest! {
        /// Simulates crashes that lose bytes: whoever continues has a true prefix of ours.
        #[test]
        fn exactly_those_who_share_all_their_bytes_continue(
            steps in prop::collection::vec((1u64..50, 0u64..30), 1..30),
            which in any::<prop::sample::Index>(),
            offset in 0u64..1500,
        ) {
            let mut ours: Vec<u8> = Vec::new();
            let mut lineage = Lineage::new(id(0));
            let mut histories: Vec<Vec<u8>> = Vec::new();
            for (number, &(written, lost)) in steps.iter().enumerate() {
                // Every byte is the number of the history that wrote it, so lost bytes differ from
                // those written in their place.
                ours.extend(std::iter::repeat_n(number as u8, written as usize));
                histories.push(ours.clone());
                ours.truncate(ours.len().saturating_sub(lost as usize));
                lineage.rotate(id(number as u8 + 1), Offset(ours.len() as u64));
            }
            ours.extend([0xee; 40]);
            histories.push(ours.clone());
            let which = which.index(histories.len());
            let Some(held) = histories[which].get(..offset as usize) else { return Ok(()) };
            let continues = continues(&lineage, at(which as u8, offset), ours.len() as u64);
            prop_assert_eq!(continues, ours.starts_with(held));
        }

        #[test]
        fn ceilings_never_rise_towards_the_older(
            ceilings in prop::collection::vec(0u64..1000, 0..100),
        ) {
            let mut lineage = Lineage::new(id(255));
            for (n, ceiling) in ceilings.into_iter().enumerate() {
                lineage.rotate(id(n as u8), Offset(ceiling));
                prop_assert!(lineage.past().is_sorted_by(|a, b| a.ceiling >= b.ceiling));
                prop_assert!(lineage.past().len() <= ANCESTORS_KEPT);
            }
        }
    }
}
