//! Values that are gone from the keyspace and that take long to free.

use std::sync::Arc;

use super::arena::Address;
use super::partition::Partition;
use super::record::Payload;
use super::seldom::Seldom;
use super::slab::Large;

/// The elements from which on a value takes long.
const ELEMENTS_MIN: usize = 64;

/// The bytes from which on a string in one piece does.
const BYTES_MIN: usize = 64 * 1024;

/// A value that nobody sees any more; dropping it frees it.
#[derive(Debug)]
#[must_use = "dropping frees the value: choose the thread that does"]
pub struct Spent(#[expect(dead_code, reason = "it is there to be dropped")] Large);

/// Those that one holder of locks has made; nothing but a null while there is none.
pub(super) type SpentList = Seldom<Vec<Spent>>;

/// What one holder of locks did that others are told of, or that is left for others to do.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// What was removed and takes long to free.
    pub(super) spent: SpentList,
    /// Whether a key was created since somebody last asked.
    pub(super) has_created: bool,
}

/// Puts a value that was removed on a list if it takes long to free, and frees it otherwise.
#[inline]
pub(super) fn discard(removed: Option<Large>, list: &mut SpentList) {
    if let Some(large) = removed
        && large.is_much()
    {
        list.get_or_default().push(Spent(large));
    }
}

impl Partition {
    /// Takes out the value of a record that is about to get another, if it takes long to free.
    #[inline]
    pub(super) fn vacate(&mut self, at: Option<Address>) -> Option<Large> {
        let Payload::Large(slot) = self.record(at?).payload() else { return None };
        let large = self.large_mut(slot);
        // Bytes in one piece are freed at once, and what comes may take their place.
        let is_whole = matches!(large, Large::Bytes(_));
        (!is_whole && large.is_much())
            .then(|| std::mem::replace(large, Large::Bytes(Arc::default())))
    }
}

impl Large {
    /// Tells whether freeing it takes long; what is shared is not freed here.
    #[cold]
    fn is_much(&self) -> bool {
        match self {
            Self::Packed(..) => false,
            Self::Bytes(bytes) => Arc::strong_count(bytes) == 1 && bytes.len() >= BYTES_MIN,
            Self::Blocks(blocks) => Arc::strong_count(blocks) == 1,
            Self::Hash(hash) => Arc::strong_count(hash) == 1 && hash.len() >= ELEMENTS_MIN,
            Self::SortedSet(set) => Arc::strong_count(set) == 1 && set.len() >= ELEMENTS_MIN,
            Self::List(list) => Arc::strong_count(list) == 1 && list.len() >= ELEMENTS_MIN,
            Self::Set(map) => Arc::strong_count(map) == 1 && map.len() >= ELEMENTS_MIN,
            Self::Stream(stream) => Arc::strong_count(stream) == 1 && stream.is_much(),
        }
    }
}
