//! Scanning in hash order: the cursor, and the walk over the partitions of a table.

use ahash::RandomState;

use super::entry::Entry;
use super::key::{SHARD_BITS, SHARDS, hash_bytes};
use super::table::{Table, position};

/// The bits of a position that a cursor keeps beside the shard.
const PLACE_BITS: u32 = 53 - SHARD_BITS;

/// The first place that no element can have.
const PLACES: u64 = 1 << PLACE_BITS;

/// Where a scan goes on: every element at an earlier position has been visited.
///
/// At most 53 bits, so that it survives clients that keep numbers as doubles: the shard, then as much
/// of the position within it as fits. Elements that agree in those bits are visited together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScanCursor(pub u64);

impl ScanCursor {
    /// The beginning of a scan; as an answer, its end.
    pub const START: Self = Self(0);

    /// Tells whether a cursor that was handed out says that the scan is over.
    pub fn is_end(self) -> bool {
        self.0 == 0
    }

    /// Names a place within a shard.
    pub(super) fn new(shard: usize, place: u64) -> Self {
        let cursor = ((shard as u64) << PLACE_BITS) + place;
        // The place after the last shard's last one is the end.
        Self(if cursor >= (SHARDS as u64) << PLACE_BITS { 0 } else { cursor })
    }

    /// Returns the shard, which a cursor made up by a client may put beyond the last one.
    pub(super) fn shard(self) -> usize {
        usize::try_from(self.0 >> PLACE_BITS).unwrap_or(usize::MAX)
    }

    /// Returns the place within the shard.
    pub(super) fn place(self) -> u64 {
        self.0 & (PLACES - 1)
    }
}

/// How far a scan of one table came.
pub(super) struct Scanned {
    /// How many elements were visited.
    pub(super) count: usize,
    /// Where to go on in this table; none at its end.
    pub(super) next: Option<u64>,
}

impl Table {
    /// Visits the elements from `place` on in hash order until about `count` were visited.
    pub(super) fn scan<'t>(
        &'t self,
        mut place: u64,
        count: usize,
        hasher: &RandomState,
        mut visit: impl FnMut(Entry<'t>),
    ) -> Scanned {
        let mut visited = 0;
        let mut found: Vec<(u64, Entry<'t>)> = Vec::new();
        while visited < count.max(1) {
            let slot_bits = PLACE_BITS - self.depth();
            let slot = (place >> slot_bits) as usize;
            let Some(partition) = self.partition_at(slot) else {
                return Scanned { count: visited, next: None };
            };
            let width = self.width(partition);
            let end = (((slot & !(width - 1)) + width) as u64) << slot_bits;
            found.clear();
            for at in partition.offsets() {
                let entry = partition.entry(at);
                let at_place = position(hash_bytes(hasher, entry.key())) >> (64 - PLACE_BITS);
                if at_place >= place {
                    found.push((at_place, entry));
                }
            }
            let wanted = count.max(1) - visited;
            place = end;
            if found.len() > wanted {
                let (_, last, _) = found.select_nth_unstable_by_key(wanted - 1, |(at, _)| *at);
                place = last.0 + 1;
            }
            for (_, entry) in found.iter().filter(|(at, _)| *at < place) {
                visited += 1;
                visit(*entry);
            }
        }
        Scanned { count: visited, next: (place < PLACES).then_some(place) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_fits_in_a_double_and_ends_after_the_last_shard() {
        let last = ScanCursor::new(SHARDS - 1, PLACES - 1);
        assert_eq!(last.0, (1 << 53) - 1);
        assert_eq!((last.shard(), last.place()), (SHARDS - 1, PLACES - 1));
        assert!(ScanCursor::new(SHARDS, 0).is_end());
        assert_eq!(ScanCursor::new(1, 0).shard(), 1);
    }
}
