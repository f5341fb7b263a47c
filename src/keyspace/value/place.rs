//! The place of a value that is being edited: its record, and the slab for what is large.

use std::sync::Arc;

use ahash::RandomState;

use super::{Kind, Value};
use crate::keyspace::arena::Address;
use crate::keyspace::limits::Limits;
use crate::keyspace::partition::Partition;
use crate::keyspace::record::{Head, INLINE_BYTES_MAX, Payload};
use crate::keyspace::slab::Large;
use crate::keyspace::stream::Stream;

/// The place of one key's value, borrowed for editing.
///
/// A small value is packed: its bytes lie in the record or, if there are too many, in the slab. A large
/// one has a form of its own there. Which of the two it is, and when it changes, is up to its type.
#[derive(Debug)]
pub struct Place<'m> {
    pub(in crate::keyspace) partition: &'m mut Partition,
    /// Where the key's record starts, and the hash it is found by.
    pub(in crate::keyspace) at: Address,
    pub(in crate::keyspace) key_hash: u64,
    pub(in crate::keyspace) scratch: &'m mut Vec<u8>,
    pub(in crate::keyspace) hasher: &'m RandomState,
    pub(in crate::keyspace) limits: &'m Limits,
}

impl<'m> Place<'m> {
    /// Borrows the stream that it holds, and copies what of it is shared.
    ///
    /// # Panics
    /// When it holds something else.
    pub(in crate::keyspace) fn into_stream(self) -> &'m mut Stream {
        let Payload::Large(slot) = self.partition.record(self.at).payload() else {
            unreachable!("a stream lies in the slab")
        };
        match self.partition.large_mut(slot) {
            Large::Stream(stream) => Arc::make_mut(stream),
            other => panic!("editing {other:?} as a stream"),
        }
    }
}

impl Place<'_> {
    /// Views the value.
    #[inline]
    pub(super) fn value(&self) -> Value<'_> {
        self.partition.entry(self.at).value()
    }

    /// Borrows the bytes of a packed value.
    pub(super) fn packed(&self) -> Option<&[u8]> {
        match self.partition.record(self.at).payload() {
            Payload::Packed(_, packed) => Some(packed),
            Payload::Large(slot) => match self.partition.large(slot) {
                Large::Packed(_, packed) => Some(packed),
                _ => None,
            },
            Payload::Int(_) | Payload::Bytes(_) => None,
        }
    }

    /// Borrows the form of a value that is not packed.
    pub(super) fn large_mut(&mut self) -> Option<&mut Large> {
        let Payload::Large(slot) = self.partition.record(self.at).payload() else { return None };
        match self.partition.large_mut(slot) {
            Large::Packed(..) => None,
            large => Some(large),
        }
    }

    /// Edits the bytes of a packed value, which stays packed.
    ///
    /// # Panics
    /// When the value is not packed.
    pub(super) fn edit_packed<R>(&mut self, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        match self.partition.record(self.at).payload() {
            Payload::Packed(kind, packed) => {
                self.scratch.clear();
                self.scratch.extend_from_slice(packed);
                let edited = edit(self.scratch);
                self.put_scratch(kind);
                edited
            }
            Payload::Large(slot) => match self.partition.large_mut(slot) {
                Large::Packed(_, packed) => edit(Arc::make_mut(packed)),
                other => panic!("editing {other:?} as packed"),
            },
            other => panic!("editing {other:?} as packed"),
        }
    }

    /// Overwrites bytes of a packed value that lies in its record, from `start` of the packed bytes on.
    ///
    /// False when it lies elsewhere; nothing has changed then.
    pub(super) fn patch_inline(&mut self, start: usize, bytes: &[u8]) -> bool {
        let record = self.partition.record(self.at);
        let Payload::Packed(_, packed) = record.payload() else { return false };
        let start = record.parts().value.end - packed.len() + start;
        self.partition.patch(self.at, start, bytes);
        true
    }

    /// Changes how many bytes a packed value has, and lends them for writing.
    ///
    /// The first ones stay what they were; what is added is left open. Nothing is copied that can stay
    /// where it is.
    ///
    /// # Panics
    /// When the value is not packed.
    pub(super) fn resize_packed(&mut self, len: usize) -> &mut [u8] {
        match self.partition.record(self.at).payload() {
            Payload::Packed(..) => {
                let at = self.partition.resize_packed(self.key_hash, self.at, len);
                let at = self.partition.compact_if_needed(Some(at), self.hasher);
                self.at = at.expect("a record in the table is found by compaction");
                self.partition.packed_mut(self.at)
            }
            Payload::Large(slot) => match self.partition.large_mut(slot) {
                Large::Packed(_, packed) => {
                    let packed = Arc::make_mut(packed);
                    packed.resize(len, 0);
                    packed
                }
                other => panic!("resizing {other:?} as packed"),
            },
            other => panic!("resizing {other:?} as packed"),
        }
    }

    /// Makes what `fill` writes the packed bytes of the value, which may have been large.
    pub(super) fn put_packed(&mut self, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.clear();
        fill(self.scratch);
        self.put_scratch(kind);
    }

    /// Reads what the record says besides key and value.
    pub(super) fn head(&self) -> Head {
        self.partition.record(self.at).head()
    }

    /// Changes what the record says besides key and value, but for whether it expires.
    pub(super) fn set_head(&mut self, head: Head) {
        self.at = self.partition.rewrite(self.key_hash, self.at, head, None);
    }

    /// Replaces the value by one in a form of its own, of the same type.
    pub(super) fn put_large(&mut self, large: Large) {
        let head = self.partition.record(self.at).head();
        let slot = self.partition.keep(large);
        let payload = Some(Payload::Large(slot));
        self.at = self.partition.rewrite(self.key_hash, self.at, head, payload);
    }

    /// Tells whether the value has outgrown what stock servers call its compact encoding.
    pub(super) fn has_outgrown(&self) -> bool {
        self.partition.record(self.at).head().raw
    }

    /// Notes for good that the value has outgrown what stock servers call its compact encoding.
    pub(super) fn outgrow(&mut self) {
        let head = self.partition.record(self.at).head();
        if !head.raw {
            let head = Head { raw: true, ..head };
            self.at = self.partition.rewrite(self.key_hash, self.at, head, None);
        }
    }

    /// Makes the packed bytes in the scratch buffer the value.
    fn put_scratch(&mut self, kind: Kind) {
        if self.scratch.len() <= INLINE_BYTES_MAX {
            let head = self.partition.record(self.at).head();
            let payload = Some(Payload::Packed(kind, self.scratch));
            let at = self.partition.rewrite(self.key_hash, self.at, head, payload);
            // One command may rewrite the record any number of times.
            let at = self.partition.compact_if_needed(Some(at), self.hasher);
            self.at = at.expect("a record in the table is found by compaction");
        } else {
            self.put_large(Large::Packed(kind, Arc::new(self.scratch.clone())));
        }
    }
}
