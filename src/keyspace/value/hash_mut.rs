//! Editing a hash where it lies, and the change from its packed form to a map.

use std::sync::Arc;

use super::hash::Hash;
use super::place::Place;
use super::{Value, packed};
use crate::keyspace::large::LargeFields;
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
pub struct HashMut<'m>(pub(in crate::keyspace) Place<'m>);

impl HashMut<'_> {
    /// Borrows the hash for reading.
    pub fn view(&self) -> Hash<'_> {
        match self.0.value() {
            Value::Hash(hash) => hash,
            other => unreachable!("the record of a hash stays one: {other:?}"),
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
        if field.len().max(value.len()) > self.0.limits.hash_value_bytes_max() {
            self.unpack();
        }
        let created = match self.0.large_mut() {
            Some(Large::Hash(hash)) => Arc::make_mut(hash).set(field, value),
            _ => self.set_packed(field, value),
        };
        if created && self.len() > self.0.limits.hash_entries_max().min(packed::PAIRS_MAX - 1) {
            self.unpack();
        }
        if created { FieldSet::Created } else { FieldSet::Updated }
    }

    /// Removes a field; says whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        if let Some(Large::Hash(hash)) = self.0.large_mut() {
            return Arc::make_mut(hash).remove(field);
        }
        let found = self.0.packed().and_then(|packed| packed::find(packed, field));
        let Some(whole) = found.map(|pair| pair.whole) else { return false };
        self.0.edit_packed(|packed| packed::remove(packed, whole, 1));
        true
    }

    /// Sets a field of a packed hash; says whether it is new.
    fn set_packed(&mut self, field: &[u8], value: &[u8]) -> bool {
        let pair = self.0.packed().and_then(|packed| packed::find(packed, field));
        let tail = pair.map(|pair| (pair.value.len(), pair.tail));
        if let Some((len, tail)) = &tail
            && *len == value.len()
            && self.0.patch_inline(tail.end - len, value)
        {
            return false;
        }
        let created = tail.is_none();
        self.0.edit_packed(|packed| match tail {
            Some((_, tail)) => packed::replace(packed, tail, value),
            None => packed::push(packed, field, value),
        });
        created
    }

    /// Gives the hash a map, if it has none.
    fn unpack(&mut self) {
        if let Some(packed) = self.0.packed() {
            let mut hash = LargeFields::new(self.0.hasher);
            for pair in packed::pairs(packed) {
                hash.set(pair.field, pair.value);
            }
            self.0.put_large(Large::Hash(Arc::new(hash)));
        }
    }
}
