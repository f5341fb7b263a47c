//! The large values of a partition, which its records name by slot.
//!
//! Each is shared by reference count, so that copying a partition copies no large value; whoever
//! writes to a shared one copies it first.

use std::sync::Arc;

use super::held;
use super::large::{LargeFields, LargeList, LargeMembers, LargeSortedSet};
use super::stream::Stream;
use super::value::{Blocks, Kind};

/// A value, or a key, too large for the arena.
#[derive(Clone, Debug)]
pub(super) enum Large {
    /// A string, or a long key.
    Bytes(Arc<Vec<u8>>),
    /// A string in blocks.
    Blocks(Arc<Blocks>),
    /// A value of this type in its packed form.
    Packed(Kind, Arc<Vec<u8>>),
    /// A hash as a map.
    Hash(Arc<LargeFields>),
    /// A sorted set with trees of its own.
    SortedSet(Arc<LargeSortedSet>),
    /// A list as a tree of runs.
    List(Arc<LargeList>),
    /// A set as a map without values.
    Set(Arc<LargeMembers>),
    /// A stream, however small.
    Stream(Arc<Stream>),
}

/// Large values by slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Slab {
    slots: Vec<Option<Large>>,
    free: Vec<u32>,
}

impl Slab {
    /// Keeps a value and names its slot.
    ///
    /// # Panics
    /// When there are 2^32 values; a partition splits long before.
    pub(super) fn insert(&mut self, large: Large) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(large);
            return slot;
        }
        self.slots.push(Some(large));
        u32::try_from(self.slots.len() - 1).expect("a partition splits before it has 2^32 values")
    }

    /// Borrows the value of a slot.
    pub(super) fn at(&self, slot: u32) -> &Large {
        self.slots[slot as usize].as_ref().expect("a record names a slot in use")
    }

    /// Borrows the value of a slot for writing.
    pub(super) fn at_mut(&mut self, slot: u32) -> &mut Large {
        self.slots[slot as usize].as_mut().expect("a record names a slot in use")
    }

    /// Takes the value out of a slot and frees the slot.
    pub(super) fn remove(&mut self, slot: u32) -> Large {
        let large = self.slots[slot as usize].take().expect("a record names a slot in use");
        if held::has_images() && large.is_shared() {
            held::note(large.memory_bytes());
        }
        if self.free.len() + 1 == self.slots.len() {
            *self = Self::default();
        } else {
            self.free.push(slot);
        }
        large
    }

    /// Counts the bytes of the values that nothing else has.
    pub(super) fn unshared_bytes(&self) -> usize {
        let own = self.slots.iter().flatten().filter(|large| !large.is_shared());
        own.map(Large::memory_bytes).sum()
    }

    /// Borrows the bytes of a slot that holds some.
    pub(super) fn bytes(&self, slot: u32) -> &[u8] {
        match self.at(slot) {
            Large::Bytes(bytes) => bytes,
            other => panic!("slot {slot} holds {other:?}, not bytes"),
        }
    }
}
