//! Hash values: packed while small, with a table of their own when large.

use std::sync::Arc;

use ahash::RandomState;

use super::packed;
use crate::keyspace::arena::Address;
use crate::keyspace::index::Addresses;
use crate::keyspace::key::{Key, hash_bytes};
use crate::keyspace::partition::Partition;
use crate::keyspace::scan::ScanCursor;
use crate::keyspace::table::Table;

/// A hash too large for the packed form: its fields are the keys of a table.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct LargeHash {
    table: Table,
    hasher: RandomState,
}

/// A hash borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct Hash<'e>(Form<'e>);

#[derive(Clone, Copy, Debug)]
enum Form<'e> {
    Packed(&'e [u8]),
    Large(&'e LargeHash),
}

/// Walks the fields and values of a hash: in insertion order while it is packed.
#[derive(Clone, Debug)]
pub struct HashIter<'e>(Walk<'e>);

#[derive(Clone, Debug)]
enum Walk<'e> {
    Packed(packed::Pairs<'e>),
    Large { table: &'e Table, place: usize, current: Option<Current<'e>> },
}

/// A partition being walked.
#[derive(Clone, Debug)]
struct Current<'e> {
    partition: &'e Partition,
    offsets: Addresses<'e>,
}

impl<'e> Hash<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(Form::Packed(bytes))
    }

    pub(in crate::keyspace) fn large(hash: &'e LargeHash) -> Self {
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
            Form::Large(hash) => Walk::Large { table: &hash.table, place: 0, current: None },
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
            Form::Large(hash) => hash.scan(cursor, count, visit),
        }
    }

    /// Estimates the memory a large hash takes outside its key's record.
    pub(in crate::keyspace) fn large_bytes(&self) -> usize {
        match self.0 {
            Form::Packed(bytes) => bytes.len(),
            Form::Large(hash) => hash.memory_bytes(),
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
        let (table, place, current) = match &mut self.0 {
            Walk::Packed(pairs) => return pairs.next().map(|pair| (pair.field, pair.value)),
            Walk::Large { table, place, current } => (*table, place, current),
        };
        loop {
            if let Some(Current { partition, offsets }) = current
                && let Some(at) = offsets.next()
            {
                return Some(pair_at(partition, at));
            }
            let partition = table.partition_at(*place)?;
            *place += table.width(partition);
            *current = Some(Current { partition, offsets: partition.offsets() });
        }
    }
}

impl LargeHash {
    /// Unpacks a hash, into partitions of `keys_max` fields.
    pub(super) fn unpack(packed: &[u8], keys_max: usize, hasher: &RandomState) -> Self {
        let mut hash = Self { table: Table::new(keys_max), hasher: hasher.clone() };
        for pair in packed::pairs(packed) {
            hash.set(pair.field, pair.value);
        }
        hash
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.table.find(&self.key(field)).map(|entry| entry.bytes())
    }

    /// Gives a field a value; says whether the field is new.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let key = Key::new(field, hash_bytes(&self.hasher, field));
        self.table.edit(&key, &self.hasher, |partition, at| {
            partition.set_bytes(&key, at, value, &self.hasher);
            at.is_none()
        })
    }

    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let key = Key::new(field, hash_bytes(&self.hasher, field));
        self.table.remove(&key, &self.hasher)
    }

    fn nth(&self, mut i: usize) -> Option<(&[u8], &[u8])> {
        for partition in self.table.partitions() {
            if i < partition.len() {
                return partition.offsets().nth(i).map(|at| pair_at(partition, at));
            }
            i -= partition.len();
        }
        None
    }

    fn scan<'e>(
        &'e self,
        cursor: ScanCursor,
        count: usize,
        mut visit: impl FnMut(&'e [u8], &'e [u8]),
    ) -> ScanCursor {
        let visit = |entry: crate::keyspace::Entry<'e>| visit(entry.key(), entry.bytes());
        let scanned = self.table.scan(cursor.place(), count, &self.hasher, visit);
        scanned.next.map_or(ScanCursor::START, |place| ScanCursor::new(0, place))
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.table.memory_bytes()
    }

    fn key<'k>(&self, field: &'k [u8]) -> Key<'k> {
        Key::new(field, hash_bytes(&self.hasher, field))
    }
}

fn pair_at(partition: &Partition, at: Address) -> (&[u8], &[u8]) {
    let entry = partition.entry(at);
    (entry.key(), entry.bytes())
}

/// Makes a packed hash a large one that can be shared.
pub(super) fn unpacked(packed: &[u8], keys_max: usize, hasher: &RandomState) -> Arc<LargeHash> {
    Arc::new(LargeHash::unpack(packed, keys_max, hasher))
}
