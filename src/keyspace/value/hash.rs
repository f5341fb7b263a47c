//! Hash values: packed while small, a map when large.

use super::packed;
use crate::keyspace::large::{LargeFields, MapIter};
use crate::keyspace::scan::ScanCursor;

/// A hash borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct Hash<'e>(Form<'e>);

#[derive(Clone, Copy, Debug)]
enum Form<'e> {
    Packed(&'e [u8]),
    Large(&'e LargeFields),
}

/// Walks the fields and values of a hash: in insertion order while it is packed.
#[derive(Clone, Debug)]
pub struct HashIter<'e>(Walk<'e>);

#[derive(Clone, Debug)]
enum Walk<'e> {
    Packed(packed::Pairs<'e>),
    Large(MapIter<'e, 2>),
}

impl<'e> Hash<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(Form::Packed(bytes))
    }

    pub(in crate::keyspace) fn large(hash: &'e LargeFields) -> Self {
        Self(Form::Large(hash))
    }

    /// Counts the fields.
    pub fn len(&self) -> usize {
        match self.0 {
            Form::Packed(bytes) => packed::len(bytes),
            Form::Large(hash) => hash.len(),
        }
    }

    /// Tells whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds the value of a field.
    pub fn get(&self, field: &[u8]) -> Option<&'e [u8]> {
        match self.0 {
            Form::Packed(bytes) => packed::find(bytes, field).map(|pair| pair.value),
            Form::Large(hash) => hash.get(field),
        }
    }

    /// Tells whether the field is there.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Counts the bytes of a field's value.
    pub fn value_len(&self, field: &[u8]) -> Option<usize> {
        self.get(field).map(<[u8]>::len)
    }

    /// Walks all fields and values.
    pub fn iter(&self) -> HashIter<'e> {
        HashIter(match self.0 {
            Form::Packed(bytes) => Walk::Packed(packed::pairs(bytes)),
            Form::Large(hash) => Walk::Large(hash.iter()),
        })
    }

    /// Tells whether the hash has its small, packed form.
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Finds the pair at index `i` of [`Self::iter`], for picking one at random.
    pub fn nth(&self, i: usize) -> Option<(&'e [u8], &'e [u8])> {
        match self.0 {
            Form::Packed(bytes) => packed::pairs(bytes).nth(i).map(|pair| (pair.field, pair.value)),
            Form::Large(hash) => hash.nth(i),
        }
    }

    /// Visits about `count` pairs from `cursor` on and returns where to go on, or the end.
    ///
    /// A packed hash is visited whole. A field that is there throughout a scan is visited.
    pub fn scan(
        &self,
        cursor: ScanCursor,
        count: usize,
        mut visit: impl FnMut(&'e [u8], &'e [u8]),
    ) -> ScanCursor {
        match self.0 {
            Form::Packed(bytes) => {
                packed::pairs(bytes).for_each(|pair| visit(pair.field, pair.value));
                ScanCursor::START
            }
            // A hash has no shards: a cursor that names one was made up by the client.
            Form::Large(_) if cursor.shard() != 0 => ScanCursor::START,
            Form::Large(hash) => {
                let next = hash.scan(cursor.place(), count, visit);
                next.map_or(ScanCursor::START, |place| ScanCursor::new(0, place))
            }
        }
    }
}

impl<'e> IntoIterator for &Hash<'e> {
    type Item = (&'e [u8], &'e [u8]);
    type IntoIter = HashIter<'e>;

    fn into_iter(self) -> HashIter<'e> {
        self.iter()
    }
}

impl<'e> Iterator for HashIter<'e> {
    type Item = (&'e [u8], &'e [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(pairs) => pairs.next().map(|pair| (pair.field, pair.value)),
            Walk::Large(walk) => walk.next(),
        }
    }
}
