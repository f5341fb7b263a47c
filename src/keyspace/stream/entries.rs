//! A stream: its entries, what is counted of them, and its groups.

use std::borrow::Cow;
use std::sync::Arc;

use super::group::{Group, Name};
use super::id::StreamId;
use super::items::StreamEntry;
use super::pack::Pack;
use super::range::{StreamIter, StreamIterBack};
use crate::keyspace::Limits;
use crate::keyspace::large::OrderedMap;
use crate::listpack::{self, ENTRY_OVERHEAD_MAX};

/// The longest pack, and the most bytes of the fields and values of one entry.
const PACK_BYTES_MAX: usize = listpack::BYTES_MAX;

/// What a stream takes for itself.
const OWN_BYTES: usize = size_of::<Stream>();

/// A stream with its groups.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub(super) packs: OrderedMap<StreamId, Pack>,
    pub(super) len: u64,
    pub(super) counters: Counters,
    pub(super) groups: OrderedMap<Name, Group>,
}

/// What is noted of the entries of a stream, those that are gone too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The ID that was given last.
    pub last_id: StreamId,
    /// The ID of the first entry; the least ID if there is none.
    pub first_id: StreamId,
    /// The greatest ID of an entry that was removed by its ID.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// Entries as they lie in a stream, for whoever writes them to a file.
#[derive(Clone, Debug)]
pub struct StreamPart<'s> {
    /// The ID of the first of them, which those of the others are told by.
    pub first_id: StreamId,
    /// A listpack.
    pub bytes: Cow<'s, [u8]>,
}

impl Stream {
    /// Makes a stream of what a file holds: packs that were found to be such.
    ///
    /// Of packs with the same ID the last one stays.
    pub fn of_parts<'a>(
        parts: impl Iterator<Item = StreamPart<'a>>,
        len: u64,
        counters: Counters,
    ) -> Self {
        let mut stream = Self { len, counters, ..Self::default() };
        parts.for_each(|part| stream.packs.insert(part.first_id, Pack::of(&part.bytes)));
        stream
    }

    /// Counts the entries.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Tells whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns what is noted of its entries.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Changes what is noted of its entries.
    pub fn set_counters(&mut self, counters: Counters) {
        self.counters = counters;
    }

    /// Counts what a file did not tell: as if every entry that was added were there.
    pub fn count_anew(&mut self) {
        self.counters.entries_added = self.len;
        self.counters.max_deleted_id = StreamId::MIN;
        self.find_first();
    }

    /// Counts the listpacks that the entries lie in.
    pub fn packs_count(&self) -> usize {
        self.packs.len()
    }

    /// Makes the listpacks that the entries lie in at a stock server, one after the other.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = StreamPart<'_>> {
        self.packs.iter().map(|(id, pack): (&StreamId, &Pack)| StreamPart {
            first_id: *id,
            bytes: pack.listpack().into(),
        })
    }

    /// Counts the bytes of these listpacks.
    pub fn parts_bytes(&self) -> usize {
        self.packs.iter().map(|(_, pack)| pack.listpack_bytes()).sum()
    }

    /// Counts the bytes it takes, whether shared with a clone or not.
    pub(in crate::keyspace) fn memory_bytes(&self) -> usize {
        OWN_BYTES + self.packs.memory_bytes() + self.groups.memory_bytes()
    }

    /// Tells whether freeing it takes long.
    pub(in crate::keyspace) fn is_much(&self) -> bool {
        /// The listpacks, or the groups, from which on it does.
        const PARTS_MIN: usize = 16;
        let pending = |group: &Group| group.pending_count() + group.consumers_count();
        self.packs.len() >= PARTS_MIN
            || self.groups.len() >= PARTS_MIN
            || self.groups().any(|(_, group)| pending(group) >= PARTS_MIN * PARTS_MIN)
    }

    /// Tells whether so many fields and values, of so many bytes together, are too much for one entry.
    pub fn is_too_much(bytes: usize, strings: usize) -> bool {
        packed_bytes(bytes, strings) > PACK_BYTES_MAX
    }

    /// Adds an entry, whose ID must be greater than the last one.
    pub fn append<'a>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        limits: &Limits,
    ) {
        let bytes: usize = fields.clone().map(|(field, value)| field.len() + value.len()).sum();
        let size = (bytes, 2 * fields.clone().count());
        let last = self.packs.last().map(|(id, pack)| (*id, has_room(pack, size, limits)));
        match last {
            Some((first_id, true)) => {
                self.packs.change(&first_id, |pack| pack.push(first_id, id, fields));
            }
            other => {
                if let Some((first_id, _)) = other {
                    self.packs.change(&first_id, Pack::close);
                }
                self.packs.insert(id, Pack::new(fields));
            }
        }
        self.len += 1;
        self.counters.entries_added = self.counters.entries_added.wrapping_add(1);
        self.counters.last_id = id;
        if self.len == 1 {
            self.counters.first_id = id;
        }
    }

    /// Removes an entry; says whether it was there.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let Some((first_id, pack)) = self.pack_of(id) else { return false };
        let mut items = pack.items(first_id);
        let Some(item) = items.find(|item| item.entry.id == id && !item.is_deleted) else {
            return false;
        };
        let place = item.place();
        if pack.live() == 1 {
            self.packs.remove(&first_id);
        } else {
            self.packs.change(&first_id, |pack| pack.remove(&[place]));
        }
        self.len -= 1;
        let counters = &mut self.counters;
        counters.max_deleted_id = counters.max_deleted_id.max(id);
        if id == counters.first_id || self.len == 0 {
            self.find_first();
        }
        true
    }

    /// Finds an entry.
    pub fn get(&self, id: StreamId) -> Option<StreamEntry<'_>> {
        self.range(id, id).next()
    }

    /// Tells whether there is an entry with this ID.
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// Walks the entries from an ID to another, both of them included.
    pub fn range(&self, start: StreamId, end: StreamId) -> StreamIter<'_> {
        StreamIter::new(self, start, end)
    }

    /// Walks the entries from an ID down to another, both of them included.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> StreamIterBack<'_> {
        StreamIterBack::new(self, start, end)
    }

    /// Finds the ID of the last entry that is there.
    pub fn last_entry_id(&self) -> Option<StreamId> {
        self.range_back(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// Notes which entry is the first one.
    pub(super) fn find_first(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id);
        self.counters.first_id = first.unwrap_or(StreamId::MIN);
    }

    /// Finds the index of the pack in which an ID would be.
    pub(super) fn pack_index(&self, id: StreamId) -> usize {
        let below = self.packs.count_below(&id);
        let begins = self.packs.nth(below).is_some_and(|(first_id, _)| *first_id == id);
        if begins { below } else { below.saturating_sub(1) }
    }

    fn pack_of(&self, id: StreamId) -> Option<(StreamId, &Pack)> {
        self.packs.nth(self.pack_index(id)).map(|(first_id, pack)| (*first_id, pack))
    }

    /// Counts the groups.
    pub fn groups_count(&self) -> usize {
        self.groups.len()
    }

    /// Walks the groups with their names, in the order of these.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// Finds a group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Adds a group, unless there is one of this name; says whether there was none.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let is_new = self.group(name).is_none();
        if is_new {
            self.groups.insert(Arc::from(name), group);
        }
        is_new
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Group> {
        self.groups.remove(name)
    }

    /// Changes a group; none if there is none of this name.
    pub fn change_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        self.groups.change(name, change)
    }
}

/// Tells what fields and values come to in a pack of their own, at most.
///
/// Stock does not count what lies between them, and could make one that nobody loads.
fn packed_bytes(bytes: usize, strings: usize) -> usize {
    const MASTER_BYTES: usize = 128;
    let between = strings.saturating_mul(ENTRY_OVERHEAD_MAX);
    bytes.saturating_add(between).saturating_add(MASTER_BYTES)
}

/// Tells whether a pack takes one more entry with so many bytes of so many fields and values.
fn has_room(pack: &Pack, (bytes, strings): (usize, usize), limits: &Limits) -> bool {
    let bytes_max = match limits.stream_node_bytes_max() {
        0 => PACK_BYTES_MAX,
        max => max.min(PACK_BYTES_MAX),
    };
    let entries_max = limits.stream_node_entries_max();
    let len = pack.listpack_bytes();
    len.saturating_add(bytes) < bytes_max
        && len.saturating_add(packed_bytes(bytes, strings)) <= PACK_BYTES_MAX
        && (entries_max == 0 || pack.all() < entries_max as u64)
}
