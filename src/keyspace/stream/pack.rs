//! A pack: entries with neighbouring IDs, as one listpack of stock servers holds them, but denser
//! (`listpack/dense.rs`).

use std::sync::Arc;

use super::id::StreamId;
use super::items::{Items, names};
use crate::keyspace::large::Held;
use crate::listpack::entries::{SAME_FIELDS, elements_of};
use crate::listpack::{self, Element, dense};

/// Entries with neighbouring IDs.
#[derive(Clone, Debug)]
pub(super) struct Pack {
    bytes: Arc<Vec<u8>>,
    live: u32,
    deleted: u32,
    /// How many bytes the listpack has but for those two numbers.
    other_bytes: u32,
}

impl Pack {
    /// Begins a pack with one entry.
    pub(super) fn new<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Self {
        let mut bytes = Vec::new();
        let mut other = listpack::EMPTY_BYTES + listpack::integer_bytes(0);
        other += dense::push_integer(&mut bytes, fields.clone().count() as i64);
        fields.clone().for_each(|(field, _)| other += dense::push(&mut bytes, field));
        let mut pack =
            Self { bytes: Arc::new(bytes), live: 0, deleted: 0, other_bytes: other as u32 };
        pack.push(StreamId::MIN, StreamId::MIN, fields);
        pack
    }

    /// Makes a pack of a listpack that was found to hold one.
    pub(super) fn of(listpack: &[u8]) -> Self {
        let (live, deleted) = dense::counts(listpack);
        let counts_bytes = listpack::integer_bytes(live) + listpack::integer_bytes(deleted);
        Self {
            bytes: Arc::new(dense::of(listpack)),
            live: live as u32,
            deleted: deleted as u32,
            other_bytes: (listpack.len() - counts_bytes) as u32,
        }
    }

    /// Counts the entries that were not removed.
    pub(super) fn live(&self) -> u64 {
        u64::from(self.live)
    }

    /// Counts the entries, those that were removed too.
    pub(super) fn all(&self) -> u64 {
        self.live() + u64::from(self.deleted)
    }

    /// Makes the listpack that a stock server has for it.
    pub(super) fn listpack(&self) -> Vec<u8> {
        dense::listpack(&self.bytes, i64::from(self.live), i64::from(self.deleted))
    }

    /// Counts the bytes of that listpack.
    pub(super) fn listpack_bytes(&self) -> usize {
        let counts = [self.live, self.deleted].map(|count| listpack::integer_bytes(count.into()));
        counts.iter().sum::<usize>() + self.other_bytes as usize
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
        let mut added = dense::push_integer(bytes, if is_same { SAME_FIELDS } else { 0 });
        added += dense::push_integer(bytes, id.ms.wrapping_sub(first_id.ms) as i64);
        added += dense::push_integer(bytes, id.seq.wrapping_sub(first_id.seq) as i64);
        if !is_same {
            added += dense::push_integer(bytes, count as i64);
        }
        for (field, value) in fields {
            if !is_same {
                added += dense::push(bytes, field);
            }
            added += dense::push(bytes, value);
        }
        added += listpack::integer_bytes(elements_of(count as i64, is_same));
        self.other_bytes += added as u32;
        self.live += 1;
    }

    /// Gives back the room for entries that will not come, unless a clone shares it.
    pub(super) fn close(&mut self) {
        if let Some(bytes) = Arc::get_mut(&mut self.bytes) {
            bytes.shrink_to_fit();
        }
    }

    /// Walks the entries, those that were removed too; `first_id` is that of the pack.
    pub(super) fn items(&self, first_id: StreamId) -> Items<'_> {
        Items::new(&self.bytes, first_id)
    }

    /// Marks entries as removed, which are there; where they are is as `Item::place` told.
    pub(super) fn remove(&mut self, places: &[usize]) {
        let bytes = Arc::make_mut(&mut self.bytes);
        for &place in places {
            dense::mark_deleted(bytes, place);
        }
        self.live -= places.len() as u32;
        self.deleted += places.len() as u32;
    }

    /// Tells whether the master entry has these fields.
    fn has_fields<'a>(&self, mut fields: impl Iterator<Item = &'a [u8]>, count: usize) -> bool {
        let (own_count, mut at) = names(&self.bytes);
        if own_count != count {
            return false;
        }
        fields.all(|field| {
            let Some((name, next)) = dense::at(&self.bytes, at) else { return false };
            at = next;
            match name {
                Element::Bytes(name) => name == field,
                Element::Integer(number) => itoa::Buffer::new().format(number).as_bytes() == field,
            }
        })
    }

    /// Where its bytes lie, to tell whether a clone shares them.
    #[cfg(test)]
    pub(super) fn address(&self) -> *const u8 {
        self.bytes.as_ptr()
    }
}

impl Held for Pack {
    fn held_bytes(&self) -> usize {
        size_of::<Vec<u8>>() + 2 * size_of::<usize>() + self.bytes.capacity()
    }
}
