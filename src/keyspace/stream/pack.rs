//! A pack: entries with neighbouring IDs in one listpack.
//! `listpack/entries.rs` draws it.

use std::sync::Arc;

use super::id::StreamId;
use crate::keyspace::large::Held;
use crate::listpack::entries::{DELETED, SAME_FIELDS, elements_of};
use crate::listpack::{self, Element};

/// Entries with neighbouring IDs.
#[derive(Clone, Debug)]
pub(super) struct Pack {
    bytes: Arc<Vec<u8>>,
    live: u64,
}

/// What the master entry says.
#[derive(Clone, Copy, Debug)]
struct Master {
    deleted: i64,
    deleted_at: usize,
    fields: usize,
    names_at: usize,
    entries_at: usize,
}

/// An entry as it lies in its pack.
#[derive(Clone, Debug)]
pub(super) struct Item<'p> {
    pub(super) is_deleted: bool,
    pub(super) entry: StreamEntry<'p>,
    at: usize,
}

/// An entry of a stream.
#[derive(Clone, Debug)]
pub struct StreamEntry<'p> {
    /// Its ID.
    pub id: StreamId,
    /// Its fields, each with a value.
    pub fields: Fields<'p>,
}

/// Walks the fields of an entry, each with its value.
#[derive(Clone, Debug)]
pub struct Fields<'p> {
    bytes: &'p [u8],
    /// Where the next name is, if the names lie together.
    name_at: Option<usize>,
    /// Where the next value is, or the name before it.
    value_at: usize,
    left: usize,
}

/// Walks the entries of a pack, those that were removed too.
#[derive(Clone, Debug)]
pub(super) struct Items<'p> {
    bytes: &'p [u8],
    first_id: StreamId,
    master: Master,
    front: usize,
    back: usize,
}

impl Pack {
    /// Begins a pack with one entry.
    pub(super) fn new<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Self {
        let mut bytes = listpack::empty();
        for number in [0, 0, fields.clone().count() as i64] {
            listpack::push_integer(&mut bytes, number);
        }
        fields.clone().for_each(|(field, _)| listpack::push(&mut bytes, field));
        listpack::push_integer(&mut bytes, 0);
        let mut pack = Self { bytes: Arc::new(bytes), live: 0 };
        pack.push(StreamId::MIN, StreamId::MIN, fields);
        pack
    }

    /// Makes a pack of bytes that were found to be one.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let live = integer(bytes, listpack::first()).unwrap_or_default() as u64;
        Self { bytes: Arc::new(bytes.to_vec()), live }
    }

    /// Counts the entries that were not removed.
    pub(super) fn live(&self) -> u64 {
        self.live
    }

    /// Counts the entries, those that were removed too.
    pub(super) fn all(&self) -> u64 {
        self.live + self.master().deleted as u64
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds an entry; `first_id` is that of the pack.
    pub(super) fn push<'a>(
        &mut self,
        first_id: StreamId,
        id: StreamId,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) {
        let count = fields.clone().count();
        let is_same = self.has_fields(fields.clone().map(|(field, _)| field), count);
        let bytes = Arc::make_mut(&mut self.bytes);
        listpack::push_integer(bytes, if is_same { SAME_FIELDS } else { 0 });
        listpack::push_integer(bytes, id.ms.wrapping_sub(first_id.ms) as i64);
        listpack::push_integer(bytes, id.seq.wrapping_sub(first_id.seq) as i64);
        if !is_same {
            listpack::push_integer(bytes, count as i64);
        }
        for (field, value) in fields {
            if !is_same {
                listpack::push(bytes, field);
            }
            listpack::push(bytes, value);
        }
        listpack::push_integer(bytes, elements_of(count as i64, is_same));
        self.live += 1;
        listpack::replace_integer(bytes, listpack::first(), self.live as i64);
    }

    /// Gives back the room for entries that will not come, unless a clone shares it.
    pub(super) fn close(&mut self) {
        if let Some(bytes) = Arc::get_mut(&mut self.bytes) {
            bytes.shrink_to_fit();
        }
    }

    /// Walks the entries, those that were removed too; `first_id` is that of the pack.
    pub(super) fn items(&self, first_id: StreamId) -> Items<'_> {
        let (bytes, master) = (&**self.bytes, self.master());
        let back = bytes.len() - 1;
        Items { bytes, first_id, master, front: master.entries_at, back }
    }

    /// Marks entries as removed, which are there; where they are is as [`Item::place`] told.
    pub(super) fn remove(&mut self, places: &[usize]) {
        let Master { deleted, deleted_at, .. } = self.master();
        let bytes = Arc::make_mut(&mut self.bytes);
        for &place in places {
            let flags = integer(bytes, place).unwrap_or_default();
            listpack::replace_integer(bytes, place, flags | DELETED);
        }
        self.live -= places.len() as u64;
        listpack::replace_integer(bytes, deleted_at, deleted + places.len() as i64);
        listpack::replace_integer(bytes, listpack::first(), self.live as i64);
    }

    fn master(&self) -> Master {
        let bytes = &**self.bytes;
        let take = |at: usize| match listpack::at(bytes, at) {
            Some((Element::Integer(number), next)) => (number, next),
            _ => unreachable!("a pack begins with three integers"),
        };
        let (_, deleted_at) = take(listpack::first());
        let (deleted, fields_at) = take(deleted_at);
        let (fields, names_at) = take(fields_at);
        // Behind the names is one more element.
        let entries_at = skip(bytes, names_at, fields as usize + 1);
        Master { deleted, deleted_at, fields: fields as usize, names_at, entries_at }
    }

    /// Tells whether the master entry has these fields.
    fn has_fields<'a>(&self, mut fields: impl Iterator<Item = &'a [u8]>, count: usize) -> bool {
        let master = self.master();
        if master.fields != count {
            return false;
        }
        let mut at = master.names_at;
        fields.all(|field| {
            let Some((name, next)) = listpack::at(&self.bytes, at) else { return false };
            at = next;
            match name {
                Element::Bytes(name) => name == field,
                Element::Integer(number) => itoa::Buffer::new().format(number).as_bytes() == field,
            }
        })
    }
}

impl Held for Pack {
    fn held_bytes(&self) -> usize {
        size_of::<Vec<u8>>() + 2 * size_of::<usize>() + self.bytes.capacity()
    }
}

impl Item<'_> {
    /// Where it is, for [`Pack::remove`].
    pub(super) fn place(&self) -> usize {
        self.at
    }
}

impl<'p> Items<'p> {
    /// Reads the entry that begins at a place; returns it with the place behind it.
    fn read(&self, at: usize) -> (Item<'p>, usize) {
        let bytes = self.bytes;
        let mut next = at;
        let mut take = || match listpack::at(bytes, next) {
            Some((Element::Integer(number), end)) => {
                next = end;
                number
            }
            _ => unreachable!("an entry begins with integers"),
        };
        let (flags, ms, seq) = (take(), take(), take());
        let is_same = flags & SAME_FIELDS != 0;
        let left = if is_same { self.master.fields } else { take() as usize };
        let name_at = is_same.then_some(self.master.names_at);
        let end = skip(bytes, next, if is_same { left } else { 2 * left } + 1);
        let id = StreamId {
            ms: self.first_id.ms.wrapping_add(ms as u64),
            seq: self.first_id.seq.wrapping_add(seq as u64),
        };
        let fields = Fields { bytes, name_at, value_at: next, left };
        let entry = StreamEntry { id, fields };
        (Item { is_deleted: flags & DELETED != 0, entry, at }, end)
    }
}

impl<'p> Iterator for Items<'p> {
    type Item = Item<'p>;

    fn next(&mut self) -> Option<Item<'p>> {
        if self.front >= self.back {
            return None;
        }
        let (item, next) = self.read(self.front);
        self.front = next;
        Some(item)
    }
}

impl DoubleEndedIterator for Items<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let before = |at| listpack::before(self.bytes, at).expect("an entry ends in its length");
        let mut at = before(self.back);
        for _ in 0..integer(self.bytes, at).unwrap_or_default() {
            at = before(at);
        }
        self.back = at;
        Some(self.read(at).0)
    }
}

impl<'p> Iterator for Fields<'p> {
    type Item = (Element<'p>, Element<'p>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name_at = self.name_at.as_mut().unwrap_or(&mut self.value_at);
        let (name, next) = listpack::at(self.bytes, *name_at)?;
        *name_at = next;
        let (value, next) = listpack::at(self.bytes, self.value_at)?;
        self.value_at = next;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

fn integer(bytes: &[u8], at: usize) -> Option<i64> {
    match listpack::at(bytes, at)?.0 {
        Element::Integer(number) => Some(number),
        Element::Bytes(_) => None,
    }
}

/// Finds the place so many elements further on.
fn skip(bytes: &[u8], mut at: usize, elements: usize) -> usize {
    for _ in 0..elements {
        let Some((_, next)) = listpack::at(bytes, at) else { break };
        at = next;
    }
    at
}
