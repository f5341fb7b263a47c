//! The entries of a pack, one after the other.

use super::id::StreamId;
use crate::listpack::entries::{DELETED, SAME_FIELDS};
use crate::listpack::{Element, dense};

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
    fields: usize,
    names_at: usize,
    front: usize,
    back: usize,
    /// Where entries begin, once the way leads backwards.
    starts: Option<Vec<usize>>,
}

impl Item<'_> {
    /// Where it is, for `Pack::remove`.
    pub(super) fn place(&self) -> usize {
        self.at
    }
}

impl<'p> Items<'p> {
    pub(super) fn new(bytes: &'p [u8], first_id: StreamId) -> Self {
        let (fields, names_at) = names(bytes);
        let front = skip(bytes, names_at, fields);
        Self { bytes, first_id, fields, names_at, front, back: bytes.len(), starts: None }
    }

    /// Reads the entry that begins at a place; returns it with the place behind it.
    fn read(&self, at: usize) -> (Item<'p>, usize) {
        let bytes = self.bytes;
        let mut next = at;
        let mut take = || match dense::at(bytes, next) {
            Some((Element::Integer(number), end)) => {
                next = end;
                number
            }
            _ => unreachable!("an entry begins with integers"),
        };
        let (flags, ms, seq) = (take(), take(), take());
        let is_same = flags & SAME_FIELDS != 0;
        let left = if is_same { self.fields } else { take() as usize };
        let name_at = is_same.then_some(self.names_at);
        let end = skip(bytes, next, if is_same { left } else { 2 * left });
        let id = StreamId {
            ms: self.first_id.ms.wrapping_add(ms as u64),
            seq: self.first_id.seq.wrapping_add(seq as u64),
        };
        let fields = Fields { bytes, name_at, value_at: next, left };
        let entry = StreamEntry { id, fields };
        (Item { is_deleted: flags & DELETED != 0, entry, at }, end)
    }

    /// Finds where the entries begin that are left.
    fn starts(&self) -> Vec<usize> {
        let mut starts = Vec::new();
        let mut at = self.front;
        while at < self.back {
            starts.push(at);
            at = self.read(at).1;
        }
        starts
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
        let mut starts = self.starts.take().unwrap_or_else(|| self.starts());
        self.back = starts.pop()?;
        self.starts = Some(starts);
        Some(self.read(self.back).0)
    }
}

impl<'p> Iterator for Fields<'p> {
    type Item = (Element<'p>, Element<'p>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name_at = self.name_at.as_mut().unwrap_or(&mut self.value_at);
        let (name, next) = dense::at(self.bytes, *name_at)?;
        *name_at = next;
        let (value, next) = dense::at(self.bytes, self.value_at)?;
        self.value_at = next;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// Reads how many names the master entry has, and where the first of them is.
pub(super) fn names(bytes: &[u8]) -> (usize, usize) {
    match dense::at(bytes, 0) {
        Some((Element::Integer(count), at)) => (count as usize, at),
        _ => unreachable!("a pack begins with a number"),
    }
}

/// Finds the place so many elements further on.
fn skip(bytes: &[u8], mut at: usize, elements: usize) -> usize {
    for _ in 0..elements {
        let Some((_, next)) = dense::at(bytes, at) else { break };
        at = next;
    }
    at
}
