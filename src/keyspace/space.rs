//! The keyspace: all shards, their locks and the counts that need no lock.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use ahash::RandomState;
use parking_lot::{Mutex, MutexGuard};

use super::dice::random_below;
use super::entry::Entry;
use super::key::{Key, SHARDS, ShardSet, hash_bytes};
use super::limits::Limits;
use super::locked::Locked;
use super::record::EXPIRY_BYTES;
use super::sampling::Among;
use super::scan::ScanCursor;
use super::shard::Shard;
use super::usage::Usage;
use super::value::SetBuilder;

/// The keys a partition may have: what a table of 1024 places holds before it grows.
const PARTITION_KEYS_MAX: usize = 1024 * 7 / 8;

/// The keys of a shard from which on all shards have about as many.
const EVEN_KEYS_MIN: usize = 256;

/// How often a shard that is held is asked for before one sleeps, each time after twice as long.
const SPIN_STEPS: u32 = 6;

/// How often whoever sleeps for a shard asks whether to give up.
const ASKED_EVERY: Duration = Duration::from_millis(10);

/// All keys of all databases, in shards with a lock each.
#[derive(Debug)]
pub struct Keyspace {
    pub(super) shards: Box<[ShardCell]>,
    databases: usize,
    hasher: RandomState,
    limits: Limits,
    usage: Usage,
    /// How many keys somebody waits for.
    awaited: AtomicUsize,
    /// Whether it is [`Leftovers::GivenBack`].
    gives_back: AtomicBool,
    /// How often somebody slept until another thread let go of a shard.
    sleeps: AtomicU64,
    /// Held by whoever takes more shards than it has.
    pub(super) extending: Mutex<()>,
}

/// What becomes of the memory that a few removed keys leave behind, where others lie around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// It stays until much has gathered, which costs least.
    Kept,
    /// It is given back when a little has gathered, as somebody waits for it.
    GivenBack,
}

/// A shard behind its lock, and its counts for those who do not want to take it.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct ShardCell {
    pub(super) shard: Mutex<Shard>,
    /// The shards that are needed to serve those who wait for keys of this one; stored only by the
    /// holder of the lock.
    reach: AtomicU64,
    counts: Box<[Counts]>,
}

/// How many keys one shard holds of one database; stored only by the holder of the lock.
#[derive(Debug, Default)]
struct Counts {
    keys: AtomicUsize,
    expiring: AtomicUsize,
}

impl Keyspace {
    /// Makes an empty keyspace whose hash is seeded by the operating system.
    pub fn new(databases: usize) -> Self {
        Self::with_partition_limit(databases, PARTITION_KEYS_MAX)
    }

    /// Makes an empty keyspace whose partitions split above `keys_max` keys, to have many in tests.
    pub fn with_partition_limit(databases: usize, keys_max: usize) -> Self {
        let cell = || ShardCell {
            shard: Mutex::new(Shard::new(databases, keys_max)),
            reach: AtomicU64::new(0),
            counts: (0..databases).map(|_| Counts::default()).collect(),
        };
        Self {
            shards: (0..SHARDS).map(|_| cell()).collect(),
            databases,
            hasher: RandomState::new(),
            limits: Limits::default(),
            usage: Usage::default(),
            awaited: AtomicUsize::new(0),
            gives_back: AtomicBool::new(false),
            sleeps: AtomicU64::new(0),
            extending: Mutex::new(()),
        }
    }

    /// Makes an empty keyspace that can take this one's place; see [`Locked::exchange`].
    #[must_use]
    pub fn empty_like(&self) -> Self {
        let keys_max = self.shards[0].shard.lock().keys_max();
        let mut other = Self::with_partition_limit(self.databases, keys_max);
        other.hasher = self.hasher.clone();
        other.limits.adopt(&self.limits);
        other.usage.set_policy(self.usage.policy());
        other.set_leftovers(self.leftovers());
        other
    }

    /// Counts the databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// Hashes a key.
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key::new(bytes, hash_bytes(&self.hasher, bytes))
    }

    /// Locks the shards of a set.
    #[inline]
    pub fn lock(&self, set: ShardSet) -> Locked<'_> {
        Locked::new(self, set)
    }

    /// Does what [`Self::lock`] does, unless it has to wait and is told to give up.
    #[inline]
    pub fn lock_unless(&self, set: ShardSet, gives_up: &dyn Fn() -> bool) -> Option<Locked<'_>> {
        Locked::unless(self, set, gives_up)
    }

    /// Locks a shard unless it is held, and not only for a moment.
    #[inline]
    pub(super) fn try_shard(&self, index: usize) -> Option<MutexGuard<'_, Shard>> {
        let shard = &self.shards[index].shard;
        shard.try_lock().or_else(|| spin_for(shard))
    }

    #[inline]
    pub(super) fn lock_shard_unless(
        &self,
        index: usize,
        gives_up: &dyn Fn() -> bool,
    ) -> Option<MutexGuard<'_, Shard>> {
        let shard = &self.shards[index].shard;
        shard.try_lock().or_else(|| self.wait_unless(shard, gives_up))
    }

    #[inline]
    pub(super) fn lock_shard(&self, index: usize) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[index].shard;
        shard.try_lock().unwrap_or_else(|| self.wait_for(shard))
    }

    #[cold]
    fn wait_for<'s>(&self, shard: &'s Mutex<Shard>) -> MutexGuard<'s, Shard> {
        spin_for(shard).unwrap_or_else(|| {
            self.sleeps.fetch_add(1, Relaxed);
            shard.lock()
        })
    }

    #[cold]
    fn wait_unless<'s>(
        &self,
        shard: &'s Mutex<Shard>,
        gives_up: &dyn Fn() -> bool,
    ) -> Option<MutexGuard<'s, Shard>> {
        if let Some(guard) = spin_for(shard) {
            return Some(guard);
        }
        self.sleeps.fetch_add(1, Relaxed);
        loop {
            if let Some(guard) = shard.try_lock_for(ASKED_EVERY) {
                return Some(guard);
            }
            if gives_up() {
                return None;
            }
        }
    }

    /// Counts how often somebody slept until another let go of a shard.
    pub fn sleeps(&self) -> u64 {
        self.sleeps.load(Relaxed)
    }

    /// Locks every shard.
    pub fn lock_all(&self) -> Locked<'_> {
        self.lock(ShardSet::ALL)
    }

    /// Counts the keys of a database without a lock; exact when nobody writes.
    pub fn keys_count(&self, db: usize) -> usize {
        self.shards.iter().map(|cell| cell.counts[db].keys.load(Relaxed)).sum()
    }

    /// Counts the keys of a database that have an expiry, without a lock.
    pub fn expiring_count(&self, db: usize) -> usize {
        self.shards.iter().map(|cell| cell.counts[db].expiring.load(Relaxed)).sum()
    }

    /// Counts the bytes that the expiries of a database take in the records, without a lock.
    pub fn expiries_bytes(&self, db: usize) -> usize {
        self.expiring_count(db) * EXPIRY_BYTES
    }

    /// Picks a shard at random that has such keys of a database, more likely one with more of them.
    pub fn pick_shard(&self, db: usize, among: Among) -> Option<ShardSet> {
        let count = |cell: &ShardCell| {
            let counts = &cell.counts[db];
            let count = if among == Among::All { &counts.keys } else { &counts.expiring };
            count.load(Relaxed)
        };
        // Where there are many they are spread evenly.
        let any = random_below(SHARDS);
        if count(&self.shards[any]) >= EVEN_KEYS_MIN {
            return Some(ShardSet::single(any));
        }
        let total: usize = self.shards.iter().map(count).sum();
        let mut left = random_below(total.max(1));
        let mut past = |cell: &ShardCell| {
            let is_past = left >= count(cell);
            left = left.saturating_sub(count(cell));
            is_past
        };
        self.shards.iter().position(|cell| !past(cell)).map(ShardSet::single)
    }

    /// Counts such keys of a database without a lock.
    pub fn count_among(&self, db: usize, among: Among) -> usize {
        match among {
            Among::All => self.keys_count(db),
            Among::Expiring => self.expiring_count(db),
        }
    }

    /// Returns what is noted of the use of keys.
    #[inline]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Tells what becomes of the memory of removed keys.
    #[inline]
    pub fn leftovers(&self) -> Leftovers {
        if self.gives_back.load(Relaxed) { Leftovers::GivenBack } else { Leftovers::Kept }
    }

    /// Says what becomes of the memory of keys that are removed from now on.
    pub fn set_leftovers(&self, leftovers: Leftovers) {
        self.gives_back.store(leftovers == Leftovers::GivenBack, Relaxed);
    }

    /// Returns the limits of packed values.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Visits about `count` keys of a database in hash order, locking one shard at a time.
    ///
    /// See [`super::Db::scan`], which does the same over shards that are held.
    pub fn scan(
        &self,
        db: usize,
        cursor: ScanCursor,
        count: usize,
        mut visit: impl FnMut(Entry<'_>),
    ) -> ScanCursor {
        let mut place = cursor.place();
        let mut left = count.max(1);
        for shard in cursor.shard()..SHARDS {
            let held = self.shards[shard].shard.lock();
            let scanned = held.tables[db].scan(place, left, &self.hasher, &mut visit);
            if let Some(place) = scanned.next {
                return ScanCursor::new(shard, place);
            }
            if scanned.count >= left {
                return ScanCursor::new(shard + 1, 0);
            }
            left -= scanned.count;
            place = 0;
        }
        ScanCursor::START
    }

    /// Adds to a set of shards those that are needed to serve whoever waits for keys of it.
    ///
    /// Who holds the result, and finds it the same, can serve them all, and whom serving them makes it
    /// possible to serve.
    #[inline]
    pub fn reach(&self, set: ShardSet) -> ShardSet {
        let of =
            |set: ShardSet| set.iter().fold(0, |all, at| all | self.shards[at].reach.load(Relaxed));
        let further = ShardSet::from_bits(of(set)).without(set);
        if further.is_empty() { set } else { self.reach_further(set.union(further)) }
    }

    #[cold]
    fn reach_further(&self, set: ShardSet) -> ShardSet {
        self.reach(set)
    }

    /// Counts the keys that somebody waits for.
    pub fn awaited_count(&self) -> usize {
        self.awaited.load(Relaxed)
    }

    /// Notes what serving those who wait for keys of a shard takes, whose lock is held.
    pub(super) fn set_reach(&self, shard: usize, set: ShardSet) {
        self.shards[shard].reach.store(set.bits(), Relaxed);
    }

    /// Tells what is noted by [`Self::set_reach`].
    pub(super) fn reach_of(&self, shard: usize) -> ShardSet {
        ShardSet::from_bits(self.shards[shard].reach.load(Relaxed))
    }

    /// Notes that somebody waits for one key more, or for one less.
    pub(super) fn count_awaited(&self, change: isize) {
        self.awaited.fetch_add(change as usize, Relaxed);
    }

    /// Begins a set that no key holds yet.
    pub fn set_builder(&self) -> SetBuilder<'_> {
        SetBuilder::new(&self.limits, &self.hasher)
    }

    /// Returns the seeded hash function.
    pub(super) fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    /// Tells everybody how many keys a shard now holds.
    pub(super) fn publish(&self, shard: usize, db: usize, keys: usize, expiring: usize) {
        let counts = &self.shards[shard].counts[db];
        counts.keys.store(keys, Relaxed);
        counts.expiring.store(expiring, Relaxed);
    }
}

/// Most commands are done with a shard sooner than a thread can fall asleep and be woken.
#[cold]
fn spin_for(shard: &Mutex<Shard>) -> Option<MutexGuard<'_, Shard>> {
    (0..SPIN_STEPS).find_map(|step| {
        (0..1 << step).for_each(|_| std::hint::spin_loop());
        shard.try_lock()
    })
}
