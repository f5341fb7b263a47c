//! A directory of partitions, chosen by the leading bits of the hash (extendible hashing).
//!
//! The directory has `2^depth` places in hash order; a partition that shares `d` bits fills
//! `2^(depth − d)` of them in a row. A full partition splits in two by its next bit, which costs the
//! same however many keys there are; the directory doubles when that needs a bit it does not have.
//! Partitions are shared by reference count: a copy of the table costs one count for each, and
//! whoever writes to a shared partition copies that one first.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use ahash::RandomState;

use super::arena::Address;
use super::entry::Entry;
use super::key::{Key, SHARD_BITS};
use super::partition::{NEVER, Partition};
use super::slab::Large;
use super::usage::Use;

/// The bytes of records above which a partition splits, unless it has few keys.
const PARTITION_BYTES_MAX: usize = 128 * 1024;

/// Partitions with fewer keys than this are not split for their bytes: their arena has room.
///
/// Splitting down to single keys would make the directory grow with the square of the keys.
const SPLIT_KEYS_MIN: usize = 64;

/// This share of a partition stays free when room is made ahead: hashes are not quite even.
const RESERVE_SHARE: usize = 8;

/// The most bits the directory takes; partitions grow beyond their limits instead.
const DEPTH_MAX: u32 = 24;

/// Two neighbours merge when they have together less than this share of a full partition.
const MERGE_SHARE: usize = 4;

/// The partitions that picking a key may walk one by one.
const PICK_PARTITIONS_MAX: usize = 64;

/// 2^64 over the golden ratio: a product with it has well-mixed upper bits.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;

/// Keys by hash, in partitions.
#[derive(Debug)]
pub(super) struct Table {
    partitions: Vec<Arc<Partition>>,
    directory: Vec<u32>,
    /// Places in `partitions` that merging left empty.
    spare: Vec<u32>,
    depth: u32,
    keys_max: usize,
    len: usize,
    expiring: usize,
    /// No key expires before this.
    earliest: AtomicI64,
}

impl Table {
    /// Makes an empty table whose partitions split when they have `keys_max` keys.
    pub(super) fn new(keys_max: usize) -> Self {
        Self {
            partitions: Vec::new(),
            directory: Vec::new(),
            spare: Vec::new(),
            depth: 0,
            keys_max,
            len: 0,
            expiring: 0,
            earliest: AtomicI64::new(NEVER),
        }
    }

    /// Makes another empty table with the same limits.
    pub(super) fn empty_like(&self) -> Self {
        Self::new(self.keys_max)
    }

    /// Makes the partitions that so many keys will need, if the table is empty.
    ///
    /// Growing there step by step moves each key as many times as the directory doubles, and hashes
    /// it again whenever the table of its partition grows.
    pub(super) fn reserve(&mut self, keys: usize) {
        if !self.is_empty() {
            return;
        }
        let room = self.keys_max - self.keys_max / RESERVE_SHARE;
        let partitions = keys.div_ceil(room.max(1)).next_power_of_two();
        let depth = partitions.trailing_zeros().min(DEPTH_MAX);
        let partitions = 1 << depth;
        let each = (keys >> depth).min(self.keys_max);
        let partition = || Arc::new(Partition::with_room(depth, each, 0));
        *self = Self {
            partitions: (0..partitions).map(|_| partition()).collect(),
            directory: (0..partitions).collect(),
            depth,
            ..self.empty_like()
        };
    }

    /// Gives back what was reserved and is not used.
    pub(super) fn fit(&mut self, hasher: &RandomState) {
        for partition in self.partitions.iter_mut().filter_map(Arc::get_mut) {
            partition.fit(hasher);
        }
    }

    /// Returns the keys a partition may have.
    pub(super) fn keys_max(&self) -> usize {
        self.keys_max
    }

    /// Counts the keys.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Tells whether there is no key.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Counts the keys that have an expiry.
    pub(super) fn expiring(&self) -> usize {
        self.expiring
    }

    /// Finds what a key holds.
    #[inline]
    pub(super) fn find(&self, key: &Key<'_>) -> Option<Entry<'_>> {
        let partition = &self.partitions[*self.directory.get(self.place(key.hash()))? as usize];
        partition.find(key).map(|at| partition.entry(at))
    }

    /// Reads where a key of this hash is looked for.
    #[inline]
    pub(super) fn fetch(&self, hash: u64) {
        if let Some(&number) = self.directory.get(self.place(hash)) {
            self.partitions[number as usize].fetch(hash);
        }
    }

    /// Finds what a key holds and notes its use, unless its partition is shared.
    #[inline]
    pub(super) fn find_used(&mut self, key: &Key<'_>, used: Use) -> Option<Entry<'_>> {
        let number = *self.directory.get(self.place(key.hash()))? as usize;
        let at = self.partitions[number].find(key)?;
        if Use::At(self.partitions[number].entry(at).accessed()) != used
            && let Some(partition) = Arc::get_mut(&mut self.partitions[number])
        {
            partition.touch(at, used);
        }
        Some(self.partitions[number].entry(at))
    }

    /// Tells whether a key is there and its time has passed.
    #[inline]
    pub(super) fn has_expired(&self, key: &Key<'_>, now_ms: i64) -> bool {
        self.expiring > 0 && self.find(key).is_some_and(|entry| entry.is_expired(now_ms))
    }

    /// Changes the partition of a key, in which there is room for one more.
    ///
    /// `edit` gets the partition with the key's record, if it has one.
    #[inline]
    pub(super) fn edit<R>(
        &mut self,
        key: &Key<'_>,
        hasher: &RandomState,
        edit: impl FnOnce(&mut Partition, Option<Address>) -> R,
    ) -> R {
        let number = self.roomy_partition(key.hash(), hasher);
        let at = self.partitions[number].find(key);
        self.edit_partition(number, at, hasher, edit)
    }

    /// Changes the record of a key, if it has one.
    #[inline]
    pub(super) fn edit_found<R>(
        &mut self,
        key: &Key<'_>,
        hasher: &RandomState,
        edit: impl FnOnce(&mut Partition, Address) -> R,
    ) -> Option<R> {
        let number = *self.directory.get(self.place(key.hash()))? as usize;
        let at = self.partitions[number].find(key)?;
        self.edit_partition(number, Some(at), hasher, |partition, at| {
            at.map(|at| edit(partition, at))
        })
    }

    /// Changes the integer a key holds and notes the use; none if it holds no integer.
    #[inline]
    pub(super) fn change_int<E>(
        &mut self,
        key: &Key<'_>,
        used: Use,
        change: impl FnOnce(i64) -> Result<i64, E>,
    ) -> Option<Result<i64, E>> {
        let number = *self.directory.get(self.place(key.hash()))? as usize;
        let partition = &mut self.partitions[number];
        let at = partition.find(key)?;
        let (old, start) = partition.record(at).integer()?;
        Some(change(old).inspect(|new| {
            let partition = Arc::make_mut(partition);
            partition.touch(at, used);
            partition.patch(at, start, &new.to_le_bytes());
        }))
    }

    /// Removes a key if it is there; returns its value then, if that was large.
    #[expect(clippy::option_option, reason = "a key may be there, and its value may be large")]
    pub(super) fn remove(&mut self, key: &Key<'_>, hasher: &RandomState) -> Option<Option<Large>> {
        let removed =
            self.edit_found(key, hasher, |partition, at| partition.remove(key.hash(), at));
        if removed.is_some() {
            self.merge(key.hash(), hasher);
        }
        removed
    }

    /// Gives back what lies unused in the partition of a hash, unless that is shared.
    pub(super) fn tighten(&mut self, hash: u64, hasher: &RandomState) {
        let Some(&number) = self.directory.get(self.place(hash)) else { return };
        if let Some(partition) = Arc::get_mut(&mut self.partitions[number as usize]) {
            partition.tighten(hasher);
        }
    }

    /// Borrows the partition and record of a key for changes that neither add nor remove keys.
    pub(super) fn partition_mut(
        &mut self,
        key: &Key<'_>,
        hasher: &RandomState,
    ) -> Option<(&mut Partition, Address)> {
        let number = self.roomy_partition(key.hash(), hasher);
        let at = self.partitions[number].find(key)?;
        let partition = Arc::make_mut(&mut self.partitions[number]);
        let at = partition.compact_if_needed(Some(at), hasher)?;
        Some((partition, at))
    }

    /// Notes the use of a key, unless its partition is shared.
    #[inline]
    pub(super) fn touch(&mut self, key: &Key<'_>, used: Use) {
        let Some(&number) = self.directory.get(self.place(key.hash())) else { return };
        if let Some(partition) = Arc::get_mut(&mut self.partitions[number as usize])
            && let Some(at) = partition.find(key)
        {
            partition.touch(at, used);
        }
    }

    /// Picks a key: the one at index `i` in a small table, one by the number `random` in a large one.
    pub(super) fn pick(&self, mut i: usize, random: u64) -> Option<Entry<'_>> {
        if self.partitions.len() <= PICK_PARTITIONS_MAX {
            for partition in &self.partitions {
                if i < partition.len() {
                    return partition.nth(i);
                }
                i -= partition.len();
            }
            return None;
        }
        let mixed = random.wrapping_mul(GOLDEN_RATIO);
        let start = (mixed >> (u64::BITS - self.depth)) as usize;
        let mut places = (start..self.directory.len()).chain(0..start);
        places.find_map(|place| {
            let partition = self.partition_at(place)?;
            partition.nth((mixed as usize).checked_rem(partition.len())?)
        })
    }

    /// Walks the partitions in hash order, each once.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> + Clone {
        let mut place = 0;
        std::iter::from_fn(move || {
            let partition = self.partition_at(place)?;
            place += self.width(partition);
            Some(partition)
        })
    }

    /// Returns the partition at a place of the directory.
    pub(super) fn partition_at(&self, place: usize) -> Option<&Arc<Partition>> {
        self.directory.get(place).map(|&number| &self.partitions[number as usize])
    }

    /// Counts the places of the directory a partition fills.
    pub(super) fn width(&self, partition: &Partition) -> usize {
        1 << (self.depth - partition.depth)
    }

    /// Returns the bits the directory takes.
    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Counts the bytes it takes beside the records.
    pub(super) fn overhead_bytes(&self) -> usize {
        let places = size_of_val(&self.directory[..]) + size_of_val(&self.partitions[..]);
        let partitions = self.partitions.iter().map(|partition| partition.overhead_bytes());
        places + partitions.sum::<usize>()
    }

    /// Notes what only images hold of it, once it is taken out.
    pub(super) fn note_if_held(&self) {
        self.partitions.iter().for_each(Partition::note_if_held);
    }

    /// Counts the bytes of its partitions, large values apart.
    #[cfg(test)]
    pub(super) fn rooms_bytes(&self) -> usize {
        self.partitions.iter().map(|partition| partition.room_bytes()).sum()
    }

    /// Visits every key.
    pub(super) fn for_each<'t>(&'t self, mut visit: impl FnMut(Entry<'t>)) {
        for partition in &self.partitions {
            partition.offsets().for_each(|at| visit(partition.entry(at)));
        }
    }

    /// Returns a time before which no key expires.
    pub(super) fn earliest(&self) -> i64 {
        self.earliest.load(Relaxed)
    }

    /// Makes that time exact, as far as those of the partitions are.
    pub(super) fn note_earliest(&self) {
        let times = self.partitions.iter().map(|partition| partition.earliest());
        self.earliest.store(times.min().unwrap_or(NEVER), Relaxed);
    }

    /// Returns the partition of a number, in no order; one that was merged into another is empty.
    pub(super) fn numbered(&self, number: usize) -> Option<&Partition> {
        self.partitions.get(number).map(|partition| &**partition)
    }

    #[inline]
    fn edit_partition<R>(
        &mut self,
        number: usize,
        at: Option<Address>,
        hasher: &RandomState,
        edit: impl FnOnce(&mut Partition, Option<Address>) -> R,
    ) -> R {
        let partition = Arc::make_mut(&mut self.partitions[number]);
        let at = partition.compact_if_needed(at, hasher);
        let (len, expiring) = (partition.len(), partition.expiring());
        let done = edit(partition, at);
        self.len = self.len - len + partition.len();
        self.expiring = self.expiring - expiring + partition.expiring();
        let earliest = self.earliest.get_mut();
        *earliest = partition.earliest().min(*earliest);
        done
    }

    /// Names the partition of a hash, after splitting it if it is full.
    #[inline]
    fn roomy_partition(&mut self, hash: u64, hasher: &RandomState) -> usize {
        if self.directory.is_empty() {
            self.partitions.push(Arc::new(Partition::new(0)));
            self.directory.push(0);
        }
        loop {
            let number = self.directory[self.place(hash)] as usize;
            let partition = &self.partitions[number];
            let heavy = partition.live_bytes() >= PARTITION_BYTES_MAX;
            let full =
                partition.len() >= self.keys_max || heavy && partition.len() >= SPLIT_KEYS_MIN;
            if !full || partition.depth == DEPTH_MAX {
                return number;
            }
            self.split(self.place(hash), hasher);
        }
    }

    /// Splits the partition at a place of the directory by its next bit.
    #[cold]
    fn split(&mut self, mut place: usize, hasher: &RandomState) {
        let number = self.directory[place] as usize;
        if self.partitions[number].depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&number| [number; 2]).collect();
            self.depth += 1;
            place *= 2;
        }
        let full = Arc::clone(&self.partitions[number]);
        let depth = full.depth + 1;
        let (keys, bytes) = (full.len() / 2, full.live_bytes() / 2);
        let half = |bit: u64| {
            let mut half = Partition::with_room(depth, keys, bytes);
            half.adopt(&full, hasher, |hash| position(hash) >> (u64::BITS - depth) & 1 == bit);
            Arc::new(half)
        };
        let (lower, upper) = (half(0), half(1));
        let width = self.width(&full);
        let start = place & !(width - 1);
        self.partitions[number] = lower;
        full.note_if_held();
        let number = self.add(upper);
        self.directory[start + width / 2..start + width].fill(number);
    }

    /// Merges the partition of a hash with its neighbour while both together are small.
    #[inline]
    fn merge(&mut self, hash: u64, hasher: &RandomState) {
        if self.len == 0 {
            *self = self.empty_like();
            return;
        }
        let partition = &self.partitions[self.directory[self.place(hash)] as usize];
        if partition.depth > 0 && partition.len() * MERGE_SHARE * 2 < self.keys_max {
            self.merge_small(self.place(hash), hasher);
        }
    }

    #[cold]
    fn merge_small(&mut self, place: usize, hasher: &RandomState) {
        let number = self.directory[place];
        let partition = Arc::clone(&self.partitions[number as usize]);
        let width = self.width(&partition);
        let start = place & !(width - 1);
        let other_number = self.directory[start ^ width];
        let other = Arc::clone(&self.partitions[other_number as usize]);
        let (keys, bytes) =
            (partition.len() + other.len(), partition.live_bytes() + other.live_bytes());
        let small = keys * MERGE_SHARE < self.keys_max && bytes * MERGE_SHARE < PARTITION_BYTES_MAX;
        if other.depth != partition.depth || !small {
            return;
        }
        let mut merged = Partition::with_room(partition.depth - 1, keys, bytes);
        merged.adopt(&partition, hasher, |_| true);
        merged.adopt(&other, hasher, |_| true);
        let start = start & !width;
        self.directory[start..start + width * 2].fill(number);
        self.partitions[number as usize] = Arc::new(merged);
        self.partitions[other_number as usize] = Arc::new(Partition::new(0));
        partition.note_if_held();
        other.note_if_held();
        self.spare.push(other_number);
    }

    /// Keeps a partition and names its place in the list.
    fn add(&mut self, partition: Arc<Partition>) -> u32 {
        if let Some(number) = self.spare.pop() {
            self.partitions[number as usize] = partition;
            return number;
        }
        self.partitions.push(partition);
        u32::try_from(self.partitions.len() - 1).expect("fewer than 2^25 partitions")
    }

    /// Names the place of a hash in the directory.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        position(hash).checked_shr(u64::BITS - self.depth).unwrap_or(0) as usize
    }
}

impl Clone for Table {
    fn clone(&self) -> Self {
        Self {
            partitions: self.partitions.clone(),
            directory: self.directory.clone(),
            spare: self.spare.clone(),
            earliest: AtomicI64::new(self.earliest.load(Relaxed)),
            ..*self
        }
    }
}

/// The place of a hash within its shard, from the top: what is left when the shard's bits are gone.
#[inline]
pub(super) fn position(hash: u64) -> u64 {
    hash << SHARD_BITS
}
