//! A partition: the few hundred keys of one stretch of the hash, found by a small table.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use ahash::RandomState;

use super::arena::{Address, Arena, padded};
use super::entry::Entry;
use super::held;
use super::index::{Addresses, Index};
use super::key::{Key, hash_bytes};
use super::record::{
    Head, INLINE_BYTES_MAX, KeyField, Payload, Record, rewrite_head, write_accessed, write_head,
};
use super::slab::{Large, Slab};
use super::usage::Use;
use super::varint::Varint;

/// An expiry later than every other.
pub(super) const NEVER: i64 = i64::MAX;

/// The records of one stretch of the hash, and where each one starts.
#[derive(Debug, Default)]
pub(super) struct Partition {
    index: Index,
    arena: Arena,
    slab: Slab,
    expiring: usize,
    /// No key expires before this; atomic, for it is made exact while only looking for due keys.
    pub(super) earliest: AtomicI64,
    /// How many bits of the hash all its keys share.
    pub(super) depth: u32,
}

/// What became of a record's slab slot when its value was replaced.
enum OldSlot {
    Kept,
    Freed(u32),
}

impl Partition {
    /// Makes an empty partition for keys that share `depth` bits of their hash.
    pub(super) fn new(depth: u32) -> Self {
        Self { depth, earliest: AtomicI64::new(NEVER), ..Self::default() }
    }

    /// Counts the keys.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Counts the keys that have an expiry.
    pub(super) fn expiring(&self) -> usize {
        self.expiring
    }

    /// Returns a time before which no key expires.
    pub(super) fn earliest(&self) -> i64 {
        self.earliest.load(Relaxed)
    }

    /// Counts the bytes of the living records.
    pub(super) fn live_bytes(&self) -> usize {
        self.arena.live_bytes()
    }

    /// Counts the bytes it takes beside its records.
    pub(super) fn overhead_bytes(&self) -> usize {
        size_of::<Self>() + self.index.memory_bytes()
    }

    /// Counts the bytes it takes with its records; large values apart.
    pub(super) fn room_bytes(&self) -> usize {
        self.overhead_bytes() + self.arena.room_bytes()
    }

    /// Notes that an image has it alone, where it is taken out of the keyspace and that shares it.
    pub(super) fn note_if_held(self: &Arc<Self>) {
        if held::has_images() && Arc::strong_count(self) > 1 {
            held::note(self.unshared_bytes());
        }
    }

    /// Counts the bytes that go with it, as nothing else has them.
    pub(super) fn unshared_bytes(&self) -> usize {
        self.room_bytes() + self.slab.unshared_bytes()
    }

    /// Finds the record of a key.
    #[inline]
    pub(super) fn find(&self, key: &Key<'_>) -> Option<Address> {
        self.index.find(key.hash(), |at| match self.record(at).key() {
            KeyField::Inline(bytes) => bytes == key.bytes(),
            KeyField::Slot(slot) => self.slab.bytes(slot) == key.bytes(),
        })
    }

    /// Reads where a key of this hash is looked for.
    #[inline]
    pub(super) fn fetch(&self, hash: u64) {
        self.index.fetch(hash);
    }

    /// Views a record.
    #[inline]
    pub(super) fn entry(&self, at: Address) -> Entry<'_> {
        Entry::new(self.record(at), &self.slab)
    }

    /// Borrows a record.
    #[inline]
    pub(super) fn record(&self, at: Address) -> Record<'_> {
        Record::new(self.arena.at(at))
    }

    /// Borrows the large value of a slot.
    pub(super) fn large(&self, slot: u32) -> &Large {
        self.slab.at(slot)
    }

    /// Borrows the large value of a slot for writing.
    pub(super) fn large_mut(&mut self, slot: u32) -> &mut Large {
        self.slab.at_mut(slot)
    }

    /// Finds the key at index `i` of [`Self::offsets`].
    pub(super) fn nth(&self, i: usize) -> Option<Entry<'_>> {
        self.offsets().nth(i).map(|at| self.entry(at))
    }

    /// Walks where the records start, in no order.
    pub(super) fn offsets(&self) -> Addresses<'_> {
        self.index.iter()
    }

    /// Walks where the records start, from a place on that a number names.
    pub(super) fn offsets_from(&self, number: u64) -> impl Iterator<Item = Address> + Clone {
        self.index.iter_from(number)
    }

    /// Adds a record for a key that has none.
    pub(super) fn insert(
        &mut self,
        key: &Key<'_>,
        head: Head,
        payload: Payload<'_>,
        hasher: &RandomState,
    ) -> Address {
        let field = if key.bytes().len() > INLINE_BYTES_MAX {
            KeyField::Slot(self.slab.insert(Large::Bytes(Arc::new(key.bytes().to_vec()))))
        } else {
            KeyField::Inline(key.bytes())
        };
        let value_start = head.size() + field.size();
        let at = self.arena.allocate(padded(value_start + payload.size()));
        let out = self.arena.at_mut(at);
        write_head(out, head, field, payload);
        field.write(&mut out[head.size()..]);
        payload.write(&mut out[value_start..]);
        self.note_expiry(None, head.expiry);
        self.add_to_index(key.hash(), at, hasher);
        at
    }

    /// Gives a record a new head and, if there is one, a new value; says where it is now.
    ///
    /// It stays where it is while it fits and its expiry neither comes nor goes.
    pub(super) fn rewrite(
        &mut self,
        hash: u64,
        at: Address,
        head: Head,
        payload: Option<Payload<'_>>,
    ) -> Address {
        let (old, old_slot) = (self.record(at), self.released_slot(at, payload));
        let (parts, old_expiry, old_tag) = (old.parts(), old.expiry(), self.arena.at(at)[0]);
        let value_size = payload.map_or(parts.value.len(), |payload| payload.size());
        let old_size = padded(parts.value.end);
        let size = padded(head.size() + parts.key.len() + value_size);
        let stays = old_expiry.is_some() == head.expiry.is_some()
            && (size <= old_size || self.arena.grow_last(at, old_size, size));
        let to = if stays { at } else { self.arena.allocate(size) };
        if stays {
            self.arena.free(old_size.saturating_sub(size));
        } else {
            let (key_to, value_to) = (head.size(), head.size() + parts.key.len());
            self.arena.copy((at, parts.key.start), parts.key.len(), (to, key_to));
            if payload.is_none() {
                self.arena.copy((at, parts.value.start), parts.value.len(), (to, value_to));
            }
            self.arena.free(old_size);
            self.index.replace(hash, at, to);
        }
        let out = self.arena.at_mut(to);
        rewrite_head(out, old_tag, head, payload);
        if let Some(payload) = payload {
            payload.write(&mut out[head.size() + parts.key.len()..]);
        }
        self.note_expiry(old_expiry, head.expiry);
        if let OldSlot::Freed(slot) = old_slot {
            self.slab.remove(slot);
        }
        to
    }

    /// Changes how many bytes the packed value of a record has; says where the record is now.
    ///
    /// The first bytes stay what they were; what bytes are added is left open.
    ///
    /// # Panics
    /// When the record has no packed value.
    pub(super) fn resize_packed(&mut self, hash: u64, at: Address, len: usize) -> Address {
        let record = self.record(at);
        let Payload::Packed(_, packed) = record.payload() else { panic!("no packed value") };
        let (value, kept) = (record.parts().value, packed.len().min(len));
        let length = Varint::new(len);
        let bytes_at = value.end - packed.len();
        let to_bytes_at = value.start + length.as_bytes().len();
        let (old_size, size) = (padded(value.end), padded(to_bytes_at + len));
        let stays = size <= old_size || self.arena.grow_last(at, old_size, size);
        let to = if stays { at } else { self.arena.allocate(size) };
        if !stays {
            self.arena.copy((at, 0), value.start, (to, 0));
        }
        if !stays || bytes_at != to_bytes_at {
            self.arena.copy((at, bytes_at), kept, (to, to_bytes_at));
        }
        if !stays {
            self.arena.free(old_size);
            self.index.replace(hash, at, to);
        } else if size < old_size {
            self.arena.shrink(at, old_size, size);
        }
        self.patch(to, value.start, length.as_bytes());
        to
    }

    /// Borrows the bytes of a record's packed value for writing.
    ///
    /// # Panics
    /// When the record has no packed value.
    pub(super) fn packed_mut(&mut self, at: Address) -> &mut [u8] {
        let record = self.record(at);
        let Payload::Packed(_, packed) = record.payload() else { panic!("no packed value") };
        let end = record.parts().value.end;
        let start = end - packed.len();
        &mut self.arena.at_mut(at)[start..end]
    }

    /// Keeps a large value and names its slot, for a record to be written.
    pub(super) fn keep(&mut self, large: Large) -> u32 {
        self.slab.insert(large)
    }

    /// Overwrites bytes of a record's value, from `start` after the record's own start.
    pub(super) fn patch(&mut self, at: Address, start: usize, bytes: &[u8]) {
        self.arena.at_mut(at)[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Notes the use of a record.
    #[inline]
    pub(super) fn touch(&mut self, at: Address, used: Use) {
        let accessed = used.noted(|| Some(self.record(at).head().accessed));
        write_accessed(self.arena.at_mut(at), accessed);
    }

    /// Removes a record; returns its value if that was large.
    pub(super) fn remove(&mut self, hash: u64, at: Address) -> Option<Large> {
        let record = self.record(at);
        let (key, payload, expiry) = (record.key(), record.payload(), record.expiry());
        let size = padded(record.parts().value.end);
        let slot = if let Payload::Large(slot) = payload { Some(slot) } else { None };
        if let KeyField::Slot(slot) = key {
            self.slab.remove(slot);
        }
        let value = slot.map(|slot| self.slab.remove(slot));
        self.note_expiry(expiry, None);
        self.arena.free(size);
        self.index.remove(hash, at);
        if self.index.is_empty() {
            *self = Self::new(self.depth);
        }
        value
    }

    /// Copies the living records into a new arena, if so much is dead that it pays.
    ///
    /// Every record may move: says where the one at `at` is now.
    #[inline]
    pub(super) fn compact_if_needed(
        &mut self,
        at: Option<Address>,
        hasher: &RandomState,
    ) -> Option<Address> {
        if self.arena.wants_compaction() { self.compact(at, hasher) } else { at }
    }

    /// Compacts it, if that gives back a little at least.
    pub(super) fn tighten(&mut self, hasher: &RandomState) {
        if self.arena.is_loose() {
            self.compact(None, hasher);
        }
    }

    /// Adds to `found` what it holds of another partition of the same keyspace, where `keep` holds.
    pub(super) fn adopt(&mut self, other: &Self, hasher: &RandomState, keep: impl Fn(u64) -> bool) {
        for at in other.offsets() {
            let hash = hash_bytes(hasher, other.entry(at).key());
            if keep(hash) {
                self.adopt_record(hash, other, at, hasher);
            }
        }
    }

    /// Makes an empty partition with room for some keys in its table, and for the bytes of some records.
    pub(super) fn with_room(depth: u32, keys: usize, bytes: usize) -> Self {
        let (index, arena) = (Index::with_room(keys), Arena::with_room(bytes));
        Self { index, arena, ..Self::new(depth) }
    }

    /// Makes its table as small as it would be if it had grown.
    pub(super) fn fit(&mut self, hasher: &RandomState) {
        let (arena, slab) = (&self.arena, &self.slab);
        self.index.fit(|at| hash_at(arena, slab, at, hasher));
    }

    #[cold]
    fn compact(&mut self, tracked: Option<Address>, hasher: &RandomState) -> Option<Address> {
        let mut arena = Arena::with_room(self.live_bytes());
        let mut moved = None;
        self.index.move_all(|at| {
            let to = arena.adopt(Record::new(self.arena.at(at)).as_bytes());
            if tracked == Some(at) {
                moved = Some(to);
            }
            to
        });
        self.arena = arena;
        let (arena, slab) = (&self.arena, &self.slab);
        self.index.shrink_if_sparse(|at| hash_at(arena, slab, at, hasher));
        moved
    }

    fn adopt_record(&mut self, hash: u64, other: &Self, from: Address, hasher: &RandomState) {
        let record = other.record(from);
        let parts = record.parts();
        let at = self.arena.adopt(record.as_bytes());
        if let KeyField::Slot(slot) = record.key() {
            let moved = self.slab.insert(other.slab.at(slot).clone());
            self.patch(at, parts.key.start, &moved.to_le_bytes());
        }
        if let Payload::Large(slot) = record.payload() {
            let moved = self.slab.insert(other.slab.at(slot).clone());
            self.patch(at, parts.value.start, &moved.to_le_bytes());
        }
        self.note_expiry(None, record.expiry());
        self.add_to_index(hash, at, hasher);
    }

    fn add_to_index(&mut self, hash: u64, at: Address, hasher: &RandomState) {
        let (arena, slab) = (&self.arena, &self.slab);
        self.index.insert(hash, at, |at| hash_at(arena, slab, at, hasher));
    }

    /// Names the slot that a record's value leaves behind when `payload` replaces it.
    fn released_slot(&self, at: Address, payload: Option<Payload<'_>>) -> OldSlot {
        match (self.record(at).payload(), payload) {
            (Payload::Large(old), Some(new)) if new != Payload::Large(old) => OldSlot::Freed(old),
            _ => OldSlot::Kept,
        }
    }

    #[inline]
    fn note_expiry(&mut self, old: Option<i64>, new: Option<i64>) {
        self.expiring -= usize::from(old.is_some());
        if let Some(at_ms) = new {
            self.expiring += 1;
            let earliest = self.earliest.get_mut();
            *earliest = at_ms.min(*earliest);
        }
    }
}

/// A partition is copied where an image shares it, and is the image's alone then.
impl Clone for Partition {
    fn clone(&self) -> Self {
        held::note(self.room_bytes());
        Self {
            index: self.index.clone(),
            arena: self.arena.clone(),
            slab: self.slab.clone(),
            expiring: self.expiring,
            earliest: AtomicI64::new(self.earliest()),
            depth: self.depth,
        }
    }
}

fn hash_at(arena: &Arena, slab: &Slab, at: Address, hasher: &RandomState) -> u64 {
    hash_bytes(hasher, Entry::new(Record::new(arena.at(at)), slab).key())
}
