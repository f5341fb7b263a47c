//! Keys whose time is over, gathered some at a time, so that no lock is held for long.

use std::sync::atomic::Ordering::Relaxed;

use super::database::Db;
use super::partition::{NEVER, Partition};
use super::table::Table;

/// How many keys are gathered at once.
const KEYS_MAX: usize = 64;
/// With so many bytes of keys no more are gathered.
const KEYS_BYTES_MAX: usize = 16 * 1024;
/// How many partitions are looked at at once.
const PARTITIONS_MAX: usize = 256;

/// Keys whose time is over, and how many others were passed on the way to them.
#[derive(Debug, Default)]
pub struct Due {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    passed: usize,
}

/// How far a search for them has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// There may be more.
    Part,
    /// All of the shard.
    All,
}

impl Due {
    /// Counts the keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether none was found.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Walks the keys.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    /// Counts the bytes of the keys.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Counts the keys that were passed and expire later.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// Forgets all of it, for another search.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.passed = 0;
    }

    fn is_full(&self) -> bool {
        self.ends.len() >= KEYS_MAX || self.bytes.len() >= KEYS_BYTES_MAX
    }

    fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }
}

impl Db<'_> {
    /// Gathers some keys of the held shard whose time was over before `now_ms`, from a place on.
    ///
    /// A search begins at 0; the place is moved to where it goes on. Costs next to nothing when there
    /// is no such key: the table knows a time before which none expires.
    ///
    /// # Panics
    /// When not just one shard is held.
    pub fn gather_due(&self, now_ms: i64, place: &mut usize, due: &mut Due) -> Searched {
        self.only_table().gather_due(now_ms, place, due)
    }
}

impl Table {
    fn gather_due(&self, now_ms: i64, place: &mut usize, due: &mut Due) -> Searched {
        if *place == 0 && self.earliest() >= now_ms {
            due.passed += self.expiring();
            return Searched::All;
        }
        let end = place.saturating_add(PARTITIONS_MAX);
        while let Some(partition) = self.numbered(*place) {
            if *place == end || partition.gather_due(now_ms, due) == Searched::Part {
                return Searched::Part;
            }
            *place += 1;
        }
        self.note_earliest();
        Searched::All
    }
}

impl Partition {
    /// Gathers keys; makes the bound exact if all were seen.
    fn gather_due(&self, now_ms: i64, due: &mut Due) -> Searched {
        if self.earliest() >= now_ms {
            due.passed += self.expiring();
            return Searched::All;
        }
        let (mut earliest, mut passed) = (NEVER, 0);
        for at in self.offsets() {
            let Some(expiry) = self.record(at).expiry() else { continue };
            earliest = earliest.min(expiry);
            if expiry >= now_ms {
                passed += 1;
            } else if due.is_full() {
                return Searched::Part;
            } else {
                due.push(self.entry(at).key());
            }
        }
        self.earliest.store(earliest, Relaxed);
        due.passed += passed;
        Searched::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::tests::small_world;
    use crate::keyspace::{SetExpiry, ShardSet};

    #[test]
    fn a_search_for_due_keys_goes_on_where_it_stopped_and_ends() {
        let space = small_world();
        // All in one shard, and more than are gathered at once; some are too long for one batch.
        let names = (0..).map(|i| format!("{i}{}", "x".repeat(i % 7 * 1000)).into_bytes());
        let here = |name: &Vec<u8>| ShardSet::of(&space.key(name)) == ShardSet::single(3);
        let names: Vec<_> = names.filter(here).take(900).collect();
        let mut locked = space.lock(ShardSet::single(3));
        for (i, name) in names.iter().enumerate() {
            let expiry = SetExpiry::At(if i % 3 == 0 { 2000 } else { 500 });
            locked.db(0).set_string(&space.key(name), b"value", expiry, 0);
        }
        let (mut place, mut due, mut found) = (0, Due::default(), 0);
        loop {
            due.clear();
            let searched = locked.db(0).gather_due(1000, &mut place, &mut due);
            found += due.len();
            assert!(
                due.len() <= 64 && due.bytes() < 16 * 1024 + 6004,
                "{} {}",
                due.len(),
                due.bytes()
            );
            assert_eq!(due.bytes(), due.keys().map(<[u8]>::len).sum::<usize>());
            for key in due.keys() {
                assert!(locked.db(0).remove(&space.key(key)));
            }
            if searched == Searched::All {
                break;
            }
        }
        assert_eq!((found, locked.db(0).len()), (600, 300));
        due.clear();
        assert_eq!(locked.db(0).gather_due(1000, &mut 0, &mut due), Searched::All);
        assert_eq!((due.len(), due.passed()), (0, 300));
    }
}
