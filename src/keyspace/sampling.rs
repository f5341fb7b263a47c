//! Some keys picked at random, for whoever looks for one that may go.
//!
//! A sample is what lies together from a random place on: hashes have no order that has to do with the
//! use of keys, so that neighbours are as good as keys picked one by one, and cost one walk.

use super::arena::Address;
use super::database::Db;
use super::entry::Entry;
use super::index::LOAD;
use super::partition::Partition;
use super::table::Table;

/// Which keys of a database are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// All of them.
    All,
    /// Those that have an expiry.
    Expiring,
}

impl Db<'_> {
    /// Visits up to `max` keys of a held shard from a place on that the random number names; counts them.
    ///
    /// There are fewer only where there are no more. No key is visited twice.
    ///
    /// # Panics
    /// When not just one shard is held.
    pub fn sample<'e>(
        &'e self,
        max: usize,
        random: u64,
        among: Among,
        mut visit: impl FnMut(Entry<'e>),
    ) -> usize {
        self.only_table().sample(max, random, among, &mut visit)
    }
}

impl Table {
    fn sample<'t>(
        &'t self,
        max: usize,
        random: u64,
        among: Among,
        visit: &mut impl FnMut(Entry<'t>),
    ) -> usize {
        let places = 1_usize << self.depth();
        let mut place = random.checked_shr(u64::BITS - self.depth()).unwrap_or(0) as usize;
        let (mut seen, mut count) = (0, 0);
        while seen < places && count < max {
            let Some(partition) = self.partition_at(place) else { break };
            let width = self.width(partition);
            count += partition.sample(max - count, random, among, visit);
            seen += width;
            place = ((place & !(width - 1)) + width) % places;
        }
        count
    }
}

impl Partition {
    fn sample<'p>(
        &'p self,
        max: usize,
        random: u64,
        among: Among,
        visit: &mut impl FnMut(Entry<'p>),
    ) -> usize {
        if among == Among::Expiring && self.expiring() == 0 {
            return 0;
        }
        // The walk begins anywhere in a line, and ends with what it passed over there.
        let (walk, passed) = (self.offsets_from(random), random as usize % LOAD);
        let found = |at: Address| {
            let entry = self.entry(at);
            (among == Among::All || entry.expiry().is_some()).then_some(entry)
        };
        let sampled = walk.clone().skip(passed).chain(walk.take(passed)).filter_map(found);
        sampled.take(max).map(visit).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::keyspace::dice::random_bits;
    use crate::keyspace::{Keyspace, Leftovers, SetExpiry, ShardSet};

    const KEYS: usize = 20_000;

    fn filled(expiring: impl Fn(usize) -> bool) -> Keyspace {
        let keyspace = Keyspace::with_partition_limit(1, 64);
        for number in 0..KEYS {
            let (name, expiry) = (format!("key {number}"), SetExpiry::At(1_000_000));
            let expiry = if expiring(number) { expiry } else { SetExpiry::Clear };
            let key = keyspace.key(name.as_bytes());
            keyspace.lock(ShardSet::of(&key)).db(0).set_string(&key, b"v", expiry, 0);
        }
        keyspace
    }

    fn sample(keyspace: &Keyspace, max: usize, random: u64, among: Among) -> Vec<Vec<u8>> {
        let shard = keyspace.pick_shard(0, among).expect("there are keys");
        let mut found = Vec::new();
        let mut locked = keyspace.lock(shard);
        let visit = |entry: Entry<'_>| found.push(entry.key().to_vec());
        let count = locked.db(0).sample(max, random, among, visit);
        assert_eq!(count, found.len());
        found
    }

    #[test]
    fn every_key_is_sampled_about_as_often_as_the_others() {
        let keyspace = filled(|_| false);
        let mut times: HashMap<Vec<u8>, usize> = HashMap::new();
        for _ in 0..KEYS * 4 {
            for key in sample(&keyspace, 5, random_bits(), Among::All) {
                *times.entry(key).or_default() += 1;
            }
        }
        assert!(times.len() * 1000 > KEYS * 999, "{} of {KEYS} were seen", times.len());
        let most = times.values().max().copied().unwrap_or(0);
        assert!(most < 20 * 5, "one was seen {most} times, 20 would be its share");
    }

    #[test]
    fn a_sample_has_each_key_once_and_all_where_it_may() {
        let keyspace = filled(|_| false);
        for number in 0..200 {
            let shard = keyspace.pick_shard(0, Among::All).expect("there are keys");
            let mut locked = keyspace.lock(shard);
            let db = locked.db(0);
            let mut found = Vec::new();
            db.sample(KEYS, number << 57 | number, Among::All, |entry| {
                found.push(entry.key().to_vec());
            });
            assert_eq!(found.len(), db.len());
            found.sort();
            found.dedup();
            assert_eq!(found.len(), db.len());
        }
    }

    #[test]
    fn the_few_keys_that_expire_are_found() {
        let keyspace = filled(|number| number % 5_000 == 7);
        let mut seen: Vec<_> =
            (0..2_000).flat_map(|_| sample(&keyspace, 5, random_bits(), Among::Expiring)).collect();
        seen.sort();
        seen.dedup();
        let expected: [&[u8]; 4] = [b"key 10007", b"key 15007", b"key 5007", b"key 7"];
        assert_eq!(seen, expected);
        assert_eq!(filled(|_| false).pick_shard(0, Among::Expiring), None);
    }

    #[test]
    fn what_is_removed_leaves_little_behind_where_memory_is_limited() {
        let left = |leftovers| {
            let keyspace = Keyspace::new(1);
            keyspace.set_leftovers(leftovers);
            let named = |number: usize| format!("key {number}");
            for name in (0..KEYS).map(named) {
                let (key, value) = (keyspace.key(name.as_bytes()), [b'v'; 64]);
                let mut locked = keyspace.lock(ShardSet::of(&key));
                locked.db(0).set_text(&key, &value, SetExpiry::Clear, 0);
            }
            let room = || keyspace.lock_all().rooms_bytes(0);
            let before = room();
            for name in (0..KEYS / 8).map(named) {
                let key = keyspace.key(name.as_bytes());
                assert!(keyspace.lock(ShardSet::of(&key)).db(0).remove(&key));
            }
            room() * 100 / before
        };
        assert_eq!(left(Leftovers::Kept), 100);
        let percent = left(Leftovers::GivenBack);
        assert!(percent < 97, "{percent} percent are left of seven keys in eight");
    }
}
