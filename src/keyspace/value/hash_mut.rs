//! Editing a hash where it lies, and the change from its packed form to a table.

use std::sync::Arc;

use ahash::RandomState;

use super::hash::{Hash, unpacked};
use super::{Value, packed};
use crate::keyspace::arena::Address;
use crate::keyspace::limits::Limits;
use crate::keyspace::partition::Partition;
use crate::keyspace::record::{INLINE_BYTES_MAX, Payload};
use crate::keyspace::slab::Large;

/// What setting a field did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldSet {
    /// The field is new.
    Created,
    /// The field had a value before.
    Updated,
}

/// A hash borrowed for editing.
///
/// It may become empty; whoever empties it removes the key.
#[derive(Debug)]
pub struct HashMut<'m> {
    pub(in crate::keyspace) partition: &'m mut Partition,
    /// Where the key's record starts, and the hash it is found by.
    pub(in crate::keyspace) at: Address,
    pub(in crate::keyspace) key_hash: u64,
    pub(in crate::keyspace) scratch: &'m mut Vec<u8>,
    pub(in crate::keyspace) hasher: &'m RandomState,
    pub(in crate::keyspace) limits: &'m Limits,
    /// The fields that a partition of a large hash may have.
    pub(in crate::keyspace) keys_max: usize,
}

impl HashMut<'_> {
    /// Borrows the hash for reading.
    pub fn view(&self) -> Hash<'_> {
        match self.partition.entry(self.at).value() {
            Value::Hash(hash) => hash,
            Value::String(_) => unreachable!("the record of a hash stays one"),
        }
    }

    /// Counts the fields.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Tells whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Finds the value of a field.
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.view().get(field)
    }

    /// Gives a field a value; a field of a packed hash that was there keeps its place.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> FieldSet {
        if field.len().max(value.len()) > self.limits.hash_value_bytes_max() {
            self.unpack();
        }
        let created = match self.partition.record(self.at).payload() {
            Payload::Large(slot) => match self.partition.large_mut(slot) {
                Large::Hash(hash) => Arc::make_mut(hash).set(field, value),
                Large::Packed(packed) => set_packed(Arc::make_mut(packed), field, value),
                Large::Bytes(_) => unreachable!("the record of a hash stays one"),
            },
            _ => self.set_inline(field, value),
        };
        if created && self.len() > self.limits.hash_entries_max().min(packed::PAIRS_MAX - 1) {
            self.unpack();
        }
        if created { FieldSet::Created } else { FieldSet::Updated }
    }

    /// Removes a field; says whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self.partition.record(self.at).payload() {
            Payload::Large(slot) => match self.partition.large_mut(slot) {
                Large::Hash(hash) => hash.get(field).is_some() && Arc::make_mut(hash).remove(field),
                Large::Packed(packed) => remove_packed(Arc::make_mut(packed), field),
                Large::Bytes(_) => unreachable!("the record of a hash stays one"),
            },
            Payload::Packed(packed) => {
                let Some(pair) = packed::find(packed, field) else { return false };
                self.scratch.clear();
                self.scratch.extend_from_slice(packed);
                packed::remove(self.scratch, pair.whole);
                self.put_scratch();
                true
            }
            _ => unreachable!("the record of a hash stays one"),
        }
    }

    /// Sets a field of a hash that lies in the record; says whether it is new.
    fn set_inline(&mut self, field: &[u8], value: &[u8]) -> bool {
        let record = self.partition.record(self.at);
        let Payload::Packed(packed) = record.payload() else {
            unreachable!("the record of a hash stays one")
        };
        let pair = packed::find(packed, field);
        if let Some(pair) = &pair
            && pair.value.len() == value.len()
        {
            let start = record.parts().value.end - packed.len();
            let value_at = start + pair.tail.end - value.len();
            self.partition.patch(self.at, value_at, value);
            return false;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(packed);
        let created = pair.is_none();
        match pair {
            Some(pair) => packed::replace(self.scratch, pair.tail, value),
            None => packed::push(self.scratch, field, value),
        }
        self.put_scratch();
        created
    }

    /// Makes the packed hash in the scratch buffer the value.
    fn put_scratch(&mut self) {
        if self.scratch.len() <= INLINE_BYTES_MAX {
            let head = self.partition.record(self.at).head();
            let payload = Some(Payload::Packed(self.scratch));
            let at = self.partition.rewrite(self.key_hash, self.at, head, payload);
            // One command may rewrite the record any number of times.
            let at = self.partition.compact_if_needed(Some(at), self.hasher);
            self.at = at.expect("a record in the table is found by compaction");
        } else {
            self.put_large(Large::Packed(Arc::new(self.scratch.clone())));
        }
    }

    /// Gives the hash a table of its own, if it has none.
    fn unpack(&mut self) {
        let partition = &*self.partition;
        let hash = match partition.record(self.at).payload() {
            Payload::Packed(packed) => unpacked(packed, self.keys_max, self.hasher),
            Payload::Large(slot) => match partition.large(slot) {
                Large::Packed(packed) => unpacked(packed, self.keys_max, self.hasher),
                _ => return,
            },
            _ => return,
        };
        self.put_large(Large::Hash(hash));
    }

    fn put_large(&mut self, large: Large) {
        let head = self.partition.record(self.at).head();
        let slot = self.partition.keep(large);
        let payload = Some(Payload::Large(slot));
        self.at = self.partition.rewrite(self.key_hash, self.at, head, payload);
    }
}

fn set_packed(packed: &mut Vec<u8>, field: &[u8], value: &[u8]) -> bool {
    let tail = packed::find(packed, field).map(|pair| pair.tail);
    let created = tail.is_none();
    match tail {
        Some(tail) => packed::replace(packed, tail, value),
        None => packed::push(packed, field, value),
    }
    created
}

fn remove_packed(packed: &mut Vec<u8>, field: &[u8]) -> bool {
    let whole = packed::find(packed, field).map(|pair| pair.whole);
    let found = whole.is_some();
    if let Some(whole) = whole {
        packed::remove(packed, whole);
    }
    found
}
