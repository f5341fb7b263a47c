//! What may go first: the policies, and the best candidates seen so far.
//!
//! As redis.conf describes it, nobody looks for the key that is best to remove among all of them: a
//! few are sampled, and the best of those and of what was sampled before goes.

use crate::keyspace::{Among, Usage};

/// How many candidates are kept.
const CANDIDATES_MAX: usize = 16;
/// What the counter of the most used key says.
const FREQUENCY_MAX: u32 = 255;

/// Which keys go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Those that have not been used for longest.
    Idle,
    /// Those that are used least often.
    Rare,
    /// Those that expire first.
    Soon,
    /// Any.
    Random,
}

/// What is evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which keys may go.
    pub among: Among,
    /// Which of them go first.
    pub order: Order,
}

/// What is known of a key that might go.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// What is noted of its use.
    pub accessed: u32,
    /// When it expires, in Unix milliseconds.
    pub expiry: Option<i64>,
}

/// A key that might go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The higher, the sooner it goes.
    pub score: u64,
    /// Its database.
    pub database: usize,
    /// Its name.
    pub key: Vec<u8>,
}

/// The best candidates, the best one last.
#[derive(Debug, Default)]
pub struct Pool(Vec<Candidate>);

impl Policy {
    /// Reads a `maxmemory-policy`; none where nothing is evicted.
    pub fn named(name: &str) -> Option<Self> {
        let (among, order) = name.split_once('-')?;
        let among = if among == "volatile" { Among::Expiring } else { Among::All };
        let order = match order {
            "lru" => Order::Idle,
            "lfu" => Order::Rare,
            "ttl" => Order::Soon,
            _ => Order::Random,
        };
        Some(Self { among, order })
    }
}

impl Order {
    /// Tells how soon a key goes: the higher the sooner. `clock` is in seconds.
    pub fn score(self, facts: Facts, usage: &Usage, clock: u32) -> u64 {
        let Facts { accessed, expiry } = facts;
        match self {
            Self::Idle => Usage::idle_s(accessed, clock).into(),
            Self::Rare => {
                let frequency = usage.frequency(accessed, clock).unwrap_or_default();
                FREQUENCY_MAX.saturating_sub(frequency).into()
            }
            // What has expired long ago is before zero, and goes before everything else.
            Self::Soon => expiry.map_or(0, |at_ms| (i64::MAX as u64).wrapping_sub(at_ms as u64)),
            Self::Random => 0,
        }
    }
}

impl Pool {
    /// Takes in a candidate that is better than one of those kept, or for which there is room.
    pub fn offer(&mut self, score: u64, database: usize, key: &[u8]) {
        let is_full = self.0.len() == CANDIDATES_MAX;
        if is_full && self.0.first().is_some_and(|worst| worst.score >= score) {
            return;
        }
        let is_same = |one: &Candidate| one.database == database && one.key == key;
        let mut freed = match self.0.iter().position(is_same) {
            Some(at) => self.0.remove(at).key,
            None if is_full => self.0.remove(0).key,
            None => Vec::new(),
        };
        freed.clear();
        freed.extend_from_slice(key);
        let at = self.0.partition_point(|one| one.score < score);
        self.0.insert(at, Candidate { score, database, key: freed });
    }

    /// Takes out the best candidate.
    pub fn take_best(&mut self) -> Option<Candidate> {
        self.0.pop()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::UsagePolicy;

    fn scores(pool: &mut Pool) -> Vec<u64> {
        std::iter::from_fn(|| pool.take_best()).map(|one| one.score).collect()
    }

    #[test]
    fn the_best_sixteen_are_kept_and_the_best_goes_first() {
        let mut pool = Pool::default();
        for score in [5, 30, 1, 17, 8, 25, 2, 11, 3, 29, 7, 23, 4, 19, 6, 13, 9, 27, 10, 21] {
            pool.offer(score, 0, format!("key {score}").as_bytes());
        }
        assert_eq!(pool.take_best().map(|best| best.key), Some(b"key 30".to_vec()));
        assert_eq!(scores(&mut pool), [29, 27, 25, 23, 21, 19, 17, 13, 11, 10, 9, 8, 7, 6, 5]);
    }

    #[test]
    fn a_key_that_is_offered_again_is_kept_once_with_its_new_score() {
        let mut pool = Pool::default();
        pool.offer(5, 0, b"a");
        pool.offer(7, 0, b"b");
        pool.offer(9, 0, b"a");
        pool.offer(8, 1, b"a");
        assert_eq!(scores(&mut pool), [9, 8, 7]);
        (0..16).for_each(|number: u8| pool.offer(10, 0, &[number]));
        pool.offer(10, 0, b"an equal");
        assert_eq!(scores(&mut pool), [10; 16]);
        assert_eq!(pool.take_best(), None);
    }

    #[test]
    fn policies_are_read_by_their_names() {
        let read = |name| Policy::named(name).map(|policy| (policy.among, policy.order));
        assert_eq!(read("noeviction"), None);
        assert_eq!(read("allkeys-lru"), Some((Among::All, Order::Idle)));
        assert_eq!(read("allkeys-lfu"), Some((Among::All, Order::Rare)));
        assert_eq!(read("allkeys-random"), Some((Among::All, Order::Random)));
        assert_eq!(read("volatile-lru"), Some((Among::Expiring, Order::Idle)));
        assert_eq!(read("volatile-lfu"), Some((Among::Expiring, Order::Rare)));
        assert_eq!(read("volatile-random"), Some((Among::Expiring, Order::Random)));
        assert_eq!(read("volatile-ttl"), Some((Among::Expiring, Order::Soon)));
    }

    #[test]
    fn what_is_idle_or_rarely_used_or_expires_soon_goes_first() {
        let usage = Usage::default();
        let facts = |accessed, expiry| Facts { accessed, expiry };
        let idle = |accessed, clock| Order::Idle.score(facts(accessed, None), &usage, clock);
        assert_eq!((idle(100, 100), idle(90, 100)), (0, 10));
        // The clock begins anew after 2^24 seconds.
        assert_eq!(idle(0xff_ffff, 0x100_0004), 5);
        let policy = UsagePolicy::Frequency { log_factor: 10, decay_minutes: 1 };
        usage.set_policy(policy);
        let rare = |count| Order::Rare.score(facts(count, None), &usage, 0);
        assert_eq!((rare(0), rare(5), rare(255)), (255, 250, 0));
        let soon = |at_ms| Order::Soon.score(facts(0, Some(at_ms)), &usage, 0);
        assert!(soon(-5) > soon(0) && soon(0) > soon(1_000) && soon(1_000) > soon(i64::MAX));
        assert_eq!(Order::Soon.score(facts(0, None), &usage, 0), 0);
    }
}
