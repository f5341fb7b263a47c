//! One database over the held shards: what commands call.

use super::arena::Address;
use super::entry::{Entry, OwnedEntry, OwnedValue};
use super::guards::Shards;
use super::key::{Key, ShardSet};
use super::partition::Partition;
use super::record::{Head, INLINE_BYTES_MAX, Payload};
use super::scan::ScanCursor;
use super::shard::Shard;
use super::slab::Large;
use super::space::{Keyspace, Leftovers};
use super::spent::{Noted, discard};
use super::stream::Stream;
use super::strings::Edit;
use super::table::Table;
use super::value::{HashMut, Kind, ListMut, Place, SetMut, SortedSetMut, Str, StrMut};
use crate::number::parse_i64_strict;

/// A view of one database over the shards that are held.
///
/// Nothing here looks at a clock: an expired key is found like any other.
pub struct Db<'l> {
    space: &'l Keyspace,
    set: ShardSet,
    shards: Shards<'l>,
    index: usize,
    noted: &'l mut Noted,
}

/// What setting a string does to the expiry that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetExpiry {
    /// Keeps it.
    Keep,
    /// Removes it.
    Clear,
    /// Replaces it by this one, in Unix milliseconds.
    At(i64),
}

impl<'l> Db<'l> {
    #[inline]
    pub(super) fn new(
        space: &'l Keyspace,
        set: ShardSet,
        shards: Shards<'l>,
        index: usize,
        noted: &'l mut Noted,
    ) -> Self {
        Self { space, set, shards, index, noted }
    }

    /// Returns the number of the database.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Counts the keys in the held shards.
    pub fn len(&self) -> usize {
        self.tables().map(|(_, table)| table.len()).sum()
    }

    /// Tells whether the held shards have no key.
    pub fn is_empty(&self) -> bool {
        self.tables().all(|(_, table)| table.is_empty())
    }

    /// Finds what a key holds, expired or not.
    #[inline]
    pub fn find(&self, key: &Key<'_>) -> Option<Entry<'_>> {
        self.shard(key).tables[self.index].find(key)
    }

    /// Finds what a key holds, and keeps the view for as long as the entry is looked at.
    ///
    /// # Panics
    /// When the key's shard is not held.
    #[inline]
    pub fn into_entry(self, key: &Key<'_>) -> Option<Entry<'l>> {
        assert!(self.set.contains(ShardSet::of(key)), "shard {} is not held", key.shard());
        let shard: &'l Shard = match self.shards {
            Shards::One(shard) => shard,
            Shards::Many(shards) => shards.at(self.set.rank(key.shard())),
        };
        shard.tables[self.index].find(key)
    }

    /// Finds what a key holds as [`Self::into_entry`] does, and notes its use as [`Self::touch`] does.
    ///
    /// # Panics
    /// When the key's shard is not held.
    #[inline]
    pub fn into_used_entry(self, key: &Key<'_>, clock: u32) -> Option<Entry<'l>> {
        assert!(self.set.contains(ShardSet::of(key)), "shard {} is not held", key.shard());
        let used = self.space.usage().at(clock);
        let shard: &'l mut Shard = match self.shards {
            Shards::One(shard) => shard,
            Shards::Many(shards) => shards.at_mut(self.set.rank(key.shard())),
        };
        shard.tables[self.index].find_used(key, used)
    }

    /// Looks at what tells whether there is a key of this hash, for nothing but to have it at hand.
    ///
    /// The memory of several is waited for at once, if they are fetched together before they are used.
    #[inline]
    pub fn fetch(&mut self, hash: u64) {
        let key = Key::new(&[], hash);
        self.shard(&key).tables[self.index].fetch(hash);
    }

    /// Tells whether the key is there and its time has passed; cheap where no key expires.
    #[inline]
    pub fn has_expired(&self, key: &Key<'_>, now_ms: i64) -> bool {
        self.shard(key).tables[self.index].has_expired(key, now_ms)
    }

    /// Tells whether the key is there, expired or not.
    #[inline]
    pub fn contains(&self, key: &Key<'_>) -> bool {
        self.find(key).is_some()
    }

    /// Notes the use of a key at `clock` (seconds) as [`super::Usage`] says.
    ///
    /// Skipped while a snapshot still shares the key's partition: reading shall not copy it.
    #[inline]
    pub fn touch(&mut self, key: &Key<'_>, clock: u32) {
        let (index, used) = (self.index, self.space.usage().at(clock));
        self.shard_mut(key).tables[index].touch(key, used);
    }

    /// Notes what is told of the uses of a key: for how many seconds there was none, or how often it
    /// was used, whichever [`super::Usage`] asks for.
    pub fn note_use(&mut self, key: &Key<'_>, idle_s: Option<u32>, count: Option<u8>, clock: u32) {
        if let Some(told) = self.space.usage().told(idle_s, count, clock) {
            let index = self.index;
            self.shard_mut(key).tables[index].touch(key, told);
        }
    }

    /// Raises the flags of those who watch the key.
    #[inline]
    pub fn touched(&mut self, key: &Key<'_>) {
        let index = self.index;
        let Shard { tables, watchers, .. } = self.shard_mut(key);
        watchers.touched(index, key.bytes(), || tables[index].find(key).is_some());
    }

    /// Sets a key to a string, whatever it held before.
    ///
    /// Bytes that a 64-bit integer would print as are kept as that integer.
    #[inline]
    pub fn set_string(&mut self, key: &Key<'_>, value: &[u8], expiry: SetExpiry, clock: u32) {
        let string = parse_i64_strict(value).map_or(Str::Bytes(value), Str::Int);
        self.put_string(key, string, expiry, clock);
    }

    /// Sets a key to a string that stays one, even if it looks like an integer.
    pub fn set_text(&mut self, key: &Key<'_>, value: &[u8], expiry: SetExpiry, clock: u32) {
        self.put_string(key, Str::Bytes(value), expiry, clock);
    }

    /// Sets a key to an integer, whatever it held before.
    #[inline]
    pub fn set_int(&mut self, key: &Key<'_>, value: i64, expiry: SetExpiry, clock: u32) {
        self.put_string(key, Str::Int(value), expiry, clock);
    }

    /// Replaces the integer that a key holds by what `change` makes of it, where it lies.
    ///
    /// None when the key holds no integer, as when it is absent; the expiry stays.
    #[inline]
    pub fn change_int<E>(
        &mut self,
        key: &Key<'_>,
        clock: u32,
        change: impl FnOnce(i64) -> Result<i64, E>,
    ) -> Option<Result<i64, E>> {
        let (index, used) = (self.index, self.space.usage().at(clock));
        self.shard_mut(key).tables[index].change_int(key, used, change)
    }

    /// Edits a string in place; an absent key starts empty. The expiry stays, the use is noted.
    ///
    /// Zeroes are added first until there are `len` bytes.
    ///
    /// # Panics
    /// When the key holds something other than a string.
    pub fn edit_string(
        &mut self,
        key: &Key<'_>,
        clock: u32,
        len: usize,
        edit: impl FnOnce(StrMut<'_>),
    ) {
        let (index, hasher) = (self.index, self.space.hasher());
        let used = self.space.usage().at(clock);
        let Shard { tables, scratch, .. } = self.shard_mut(key);
        let is_new = tables[index].edit(key, hasher, |partition, at| {
            partition.edit_string(key, at, scratch, hasher, used, Edit { len, edit });
            at.is_none()
        });
        self.noted.has_created |= is_new;
        self.publish(key);
    }

    /// Borrows the hash of a key for editing; none when the key is absent.
    ///
    /// # Panics
    /// When the key holds something other than a hash.
    pub fn hash_mut(&mut self, key: &Key<'_>) -> Option<HashMut<'_>> {
        self.place(key, Kind::Hash).map(HashMut)
    }

    /// Borrows the hash of a key for editing; an absent key gets an empty one.
    ///
    /// # Panics
    /// When the key holds something other than a hash.
    pub fn hash_or_create(&mut self, key: &Key<'_>, clock: u32) -> HashMut<'_> {
        HashMut(self.place_or_create(key, Kind::Hash, clock))
    }

    /// Borrows the list of a key for editing; none when the key is absent.
    ///
    /// # Panics
    /// When the key holds something other than a list.
    pub fn list_mut(&mut self, key: &Key<'_>) -> Option<ListMut<'_>> {
        self.place(key, Kind::List).map(ListMut)
    }

    /// Borrows the list of a key for editing; an absent key gets an empty one.
    ///
    /// # Panics
    /// When the key holds something other than a list.
    pub fn list_or_create(&mut self, key: &Key<'_>, clock: u32) -> ListMut<'_> {
        ListMut(self.place_or_create(key, Kind::List, clock))
    }

    /// Borrows the list of a key for editing and notes the use; none when the key is absent.
    ///
    /// # Panics
    /// When the key holds something other than a list.
    pub fn list_mut_used(&mut self, key: &Key<'_>, clock: u32) -> Option<ListMut<'_>> {
        let used = self.space.usage().at(clock);
        let place = self.place(key, Kind::List)?;
        place.partition.touch(place.at, used);
        Some(ListMut(place))
    }

    /// Borrows the set of a key for editing; none when the key is absent.
    ///
    /// # Panics
    /// When the key holds something other than a set.
    pub fn set_mut(&mut self, key: &Key<'_>) -> Option<SetMut<'_>> {
        self.place(key, Kind::Set).map(SetMut)
    }

    /// Borrows the set of a key for editing; an absent key gets an empty one.
    ///
    /// # Panics
    /// When the key holds something other than a set.
    pub fn set_or_create(&mut self, key: &Key<'_>, clock: u32) -> SetMut<'_> {
        SetMut(self.place_or_create(key, Kind::Set, clock))
    }

    /// Borrows the sorted set of a key for editing; none when the key is absent.
    ///
    /// # Panics
    /// When the key holds something other than a sorted set.
    pub fn sorted_set_mut(&mut self, key: &Key<'_>) -> Option<SortedSetMut<'_>> {
        self.place(key, Kind::SortedSet).map(SortedSetMut)
    }

    /// Borrows the sorted set of a key for editing; an absent key gets an empty one.
    ///
    /// # Panics
    /// When the key holds something other than a sorted set.
    pub fn sorted_set_or_create(&mut self, key: &Key<'_>, clock: u32) -> SortedSetMut<'_> {
        SortedSetMut(self.place_or_create(key, Kind::SortedSet, clock))
    }

    /// Borrows the stream of a key for editing and notes the use; none when the key is absent.
    ///
    /// # Panics
    /// When the key holds something other than a stream.
    pub fn stream_mut(&mut self, key: &Key<'_>, clock: u32) -> Option<&mut Stream> {
        let used = self.space.usage().at(clock);
        let place = self.place(key, Kind::Stream)?;
        place.partition.touch(place.at, used);
        Some(place.into_stream())
    }

    /// Borrows the stream of a key for editing; an absent key gets one without entries.
    ///
    /// # Panics
    /// When the key holds something other than a stream.
    pub fn stream_or_create(&mut self, key: &Key<'_>, clock: u32) -> &mut Stream {
        if !self.contains(key) {
            self.insert(key, OwnedEntry::of_stream(Stream::default()), clock);
        }
        self.stream_mut(key, clock).expect("the key is there")
    }

    /// Removes a key; says whether it was there.
    pub fn remove(&mut self, key: &Key<'_>) -> bool {
        let (index, hasher) = (self.index, self.space.hasher());
        let gives_back = self.space.leftovers() == Leftovers::GivenBack;
        let table = &mut self.shard_mut(key).tables[index];
        let Some(value) = table.remove(key, hasher) else { return false };
        if gives_back {
            table.tighten(key.hash(), hasher);
        }
        discard(value, &mut self.noted.spent);
        self.publish(key);
        true
    }

    /// Moves what a key holds out, so that it can be put elsewhere or freed elsewhere.
    pub fn take(&mut self, key: &Key<'_>) -> Option<OwnedEntry> {
        let taken = self.copy_of(key)?;
        self.remove(key);
        Some(taken)
    }

    /// Puts in what was taken or copied, whatever the key held before.
    pub fn insert(&mut self, key: &Key<'_>, entry: OwnedEntry, clock: u32) {
        let OwnedEntry { value, raw, expiry } = entry;
        let accessed = self.space.usage().at(clock).noted(|| None);
        let head = Head { raw, accessed, expiry };
        let short = |bytes: &[u8]| bytes.len() <= INLINE_BYTES_MAX;
        let old = self.edit(key, |partition, at, space| {
            let hasher = space.hasher();
            let old = partition.vacate(at);
            match value {
                OwnedValue::Int(number) => {
                    partition.put(key, at, head, Payload::Int(number), hasher);
                }
                OwnedValue::Large(Large::Bytes(bytes)) if short(&bytes) => {
                    partition.put(key, at, head, Payload::Bytes(&bytes), hasher);
                }
                OwnedValue::Large(Large::Packed(kind, bytes)) if short(&bytes) => {
                    partition.put(key, at, head, Payload::Packed(kind, &bytes), hasher);
                }
                OwnedValue::Large(large) => partition.put_large(key, at, head, large, hasher),
            }
            old
        });
        discard(old, &mut self.noted.spent);
    }

    /// Copies what a key holds; a large value is shared until either copy is written to.
    pub fn copy_of(&self, key: &Key<'_>) -> Option<OwnedEntry> {
        self.find(key).map(Entry::to_owned_entry)
    }

    /// Sets or clears the expiry (Unix milliseconds, may have passed); says whether the key is there.
    pub fn set_expiry(&mut self, key: &Key<'_>, at_ms: Option<i64>) -> bool {
        let (index, hasher) = (self.index, self.space.hasher());
        let changed = self.shard_mut(key).tables[index].edit_found(key, hasher, |partition, at| {
            let head = Head { expiry: at_ms, ..partition.record(at).head() };
            partition.rewrite(key.hash(), at, head, None);
        });
        self.publish(key);
        changed.is_some()
    }

    /// Visits about `count` keys of the held shards in hash order, from `cursor` on.
    ///
    /// Returns where to go on, or the end. A key that is there throughout a scan is visited exactly
    /// once, whatever else is inserted or removed meanwhile.
    pub fn scan(
        &self,
        cursor: ScanCursor,
        count: usize,
        mut visit: impl FnMut(Entry<'_>),
    ) -> ScanCursor {
        let mut left = count.max(1);
        for (shard, table) in self.tables().filter(|(shard, _)| *shard >= cursor.shard()) {
            if left == 0 {
                return ScanCursor::new(shard, 0);
            }
            let place = if shard == cursor.shard() { cursor.place() } else { 0 };
            let scanned = table.scan(place, left, self.space.hasher(), &mut visit);
            if let Some(place) = scanned.next {
                return ScanCursor::new(shard, place);
            }
            left = left.saturating_sub(scanned.count);
        }
        ScanCursor::START
    }

    /// Picks a key by a random number; none when the held shards are empty.
    ///
    /// Every key is about equally likely.
    pub fn random(&self, random: u64) -> Option<Entry<'_>> {
        let mut i = (random % (self.len() as u64).max(1)) as usize;
        for (_, table) in self.tables() {
            if i < table.len() {
                return table.pick(i, random);
            }
            i -= table.len();
        }
        None
    }

    /// Visits every key of the held shards.
    pub fn for_each(&self, mut visit: impl FnMut(Entry<'_>)) {
        self.tables().for_each(|(_, table)| table.for_each(&mut visit));
    }

    /// Borrows the place of a value; none when the key is absent.
    fn place(&mut self, key: &Key<'_>, kind: Kind) -> Option<Place<'_>> {
        let (space, index) = (self.space, self.index);
        let Shard { tables, scratch, .. } = self.shard_mut(key);
        let (partition, at) = tables[index].partition_mut(key, space.hasher())?;
        let found = partition.entry(at).kind();
        assert!(found == kind, "editing a {} as a {}", found.name(), kind.name());
        Some(Place {
            partition,
            at,
            key_hash: key.hash(),
            scratch,
            hasher: space.hasher(),
            limits: space.limits(),
        })
    }

    /// Borrows the place of a value; an absent key gets an empty one.
    fn place_or_create(&mut self, key: &Key<'_>, kind: Kind, clock: u32) -> Place<'_> {
        let used = self.space.usage().at(clock);
        if !self.contains(key) {
            let head = Head { raw: false, accessed: used.noted(|| None), expiry: None };
            self.edit(key, |partition, at, space| {
                let payload = Payload::Packed(kind, kind.empty());
                partition.put(key, at, head, payload, space.hasher());
            });
            return self.place(key, kind).expect("the key was created");
        }
        let place = self.place(key, kind).expect("the key was found");
        place.partition.touch(place.at, used);
        place
    }

    #[inline]
    fn put_string(&mut self, key: &Key<'_>, string: Str<'_>, expiry: SetExpiry, clock: u32) {
        let used = self.space.usage().at(clock);
        let old = self.edit(key, |partition, at, space| {
            let expiry = match expiry {
                SetExpiry::Keep => at.and_then(|at| partition.record(at).expiry()),
                SetExpiry::Clear => None,
                SetExpiry::At(at_ms) => Some(at_ms),
            };
            let accessed = used.noted(|| at.map(|at| partition.record(at).head().accessed));
            let head = Head { raw: false, accessed, expiry };
            let old = partition.vacate(at);
            partition.put_string(key, at, head, string, space.hasher());
            old
        });
        discard(old, &mut self.noted.spent);
    }

    #[inline]
    fn edit<R>(
        &mut self,
        key: &Key<'_>,
        edit: impl FnOnce(&mut Partition, Option<Address>, &Keyspace) -> R,
    ) -> R {
        let (space, index) = (self.space, self.index);
        let table = &mut self.shard_mut(key).tables[index];
        let (is_new, done) = table
            .edit(key, space.hasher(), |partition, at| (at.is_none(), edit(partition, at, space)));
        space.publish(key.shard(), index, table.len(), table.expiring());
        self.noted.has_created |= is_new;
        done
    }

    /// The table of the one shard that is held.
    pub(super) fn only_table(&self) -> &Table {
        match &self.shards {
            Shards::One(shard) => &shard.tables[self.index],
            Shards::Many(_) => panic!("one shard is held, not {}", self.set.len()),
        }
    }

    #[inline]
    fn publish(&self, key: &Key<'_>) {
        let table = &self.shard(key).tables[self.index];
        self.space.publish(key.shard(), self.index, table.len(), table.expiring());
    }

    /// Walks the held shards upward, each with its number.
    fn tables(&self) -> impl Iterator<Item = (usize, &Table)> {
        self.set.iter().enumerate().map(|(rank, number)| match &self.shards {
            Shards::One(shard) => (number, &shard.tables[self.index]),
            Shards::Many(shards) => (number, &shards.at(rank).tables[self.index]),
        })
    }

    #[inline]
    fn shard(&self, key: &Key<'_>) -> &Shard {
        assert!(self.set.contains(ShardSet::of(key)), "shard {} is not held", key.shard());
        match &self.shards {
            Shards::One(shard) => shard,
            Shards::Many(shards) => shards.at(self.set.rank(key.shard())),
        }
    }

    #[inline]
    fn shard_mut(&mut self, key: &Key<'_>) -> &mut Shard {
        assert!(self.set.contains(ShardSet::of(key)), "shard {} is not held", key.shard());
        match &mut self.shards {
            Shards::One(shard) => shard,
            Shards::Many(shards) => shards.at_mut(self.set.rank(key.shard())),
        }
    }
}
