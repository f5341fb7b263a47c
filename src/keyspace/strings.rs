//! Writing strings into a partition: in the record while short, in the slab when long.

use std::sync::Arc;

use ahash::RandomState;

use super::arena::Address;
use super::key::Key;
use super::partition::Partition;
use super::record::{Head, INLINE_BYTES_MAX, Payload};
use super::slab::Large;
use super::usage::Use;
use super::value::{Blocks, PIECE_BYTES_MAX, Str, StrMut};

/// What is done to a string once it has so many bytes.
pub(super) struct Edit<F> {
    pub(super) len: usize,
    pub(super) edit: F,
}

/// The head of a string that was not there before.
const PLAIN: Head = Head { raw: false, accessed: 0, expiry: None };

impl Partition {
    /// Gives a key a value that lies in its record, over the record at `at` if there is one.
    #[inline]
    pub(super) fn put(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        head: Head,
        payload: Payload<'_>,
        hasher: &RandomState,
    ) {
        match at {
            Some(at) => self.rewrite(key.hash(), at, head, Some(payload)),
            None => self.insert(key, head, payload, hasher),
        };
    }

    /// Gives a key a string.
    #[inline]
    pub(super) fn put_string(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        head: Head,
        string: Str<'_>,
        hasher: &RandomState,
    ) {
        match string {
            Str::Int(number) => self.put(key, at, head, Payload::Int(number), hasher),
            Str::Bytes(bytes) if bytes.len() <= INLINE_BYTES_MAX => {
                self.put(key, at, head, Payload::Bytes(bytes), hasher);
            }
            Str::Bytes(bytes) if bytes.len() > PIECE_BYTES_MAX => {
                self.put_blocks(key, at, head, Blocks::of(bytes), hasher);
            }
            Str::Bytes(bytes) => self.put_long(key, at, head, bytes, hasher),
            Str::Blocks(blocks) => self.put_blocks(key, at, head, blocks.clone(), hasher),
        }
    }

    /// Gives a key a value that lies in the slab.
    pub(super) fn put_large(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        head: Head,
        large: Large,
        hasher: &RandomState,
    ) {
        let slot = self.keep(large);
        self.put(key, at, head, Payload::Large(slot), hasher);
    }

    /// Edits the string at `at`, or an empty one; it reads as raw afterwards.
    ///
    /// # Panics
    /// When the record holds something other than a string.
    pub(super) fn edit_string(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        scratch: &mut Vec<u8>,
        hasher: &RandomState,
        used: Use,
        edit: Edit<impl FnOnce(StrMut<'_>)>,
    ) {
        let before = at.map(|at| self.record(at).head());
        let accessed = used.noted(|| before.map(|head| head.accessed));
        let head = Head { raw: true, accessed, ..before.unwrap_or(PLAIN) };
        scratch.clear();
        match at.map(|at| (at, self.record(at).payload())) {
            None => {}
            Some((_, Payload::Int(number))) => Str::Int(number).write_to(scratch),
            Some((_, Payload::Bytes(bytes))) => scratch.extend_from_slice(bytes),
            Some((at, Payload::Large(slot))) => {
                edit.apply_to_large(self.large_mut(slot));
                self.rewrite(key.hash(), at, head, None);
                return;
            }
            Some((_, Payload::Packed(kind, _))) => panic!("editing a {} as a string", kind.name()),
        }
        if edit.len > PIECE_BYTES_MAX {
            let blocks = edit.apply_to_blocks(Blocks::of(scratch));
            self.put_blocks(key, at, head, blocks, hasher);
            return;
        }
        edit.apply_to_piece(scratch);
        if scratch.len() <= INLINE_BYTES_MAX {
            self.put(key, at, head, Payload::Bytes(scratch), hasher);
        } else {
            let large = Large::Bytes(Arc::new(std::mem::take(scratch)));
            self.put_large(key, at, head, large, hasher);
        }
    }

    /// Gives a key a string in blocks.
    #[cold]
    fn put_blocks(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        head: Head,
        blocks: Blocks,
        hasher: &RandomState,
    ) {
        self.put_large(key, at, head, Large::Blocks(Arc::new(blocks)), hasher);
    }

    /// Gives a key a long string, in the buffer of the one it has if that is of a like size.
    #[cold]
    fn put_long(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        head: Head,
        bytes: &[u8],
        hasher: &RandomState,
    ) {
        if let Some(at) = at
            && let Payload::Large(slot) = self.record(at).payload()
            && let Large::Bytes(held) = self.large_mut(slot)
            && let Some(held) = Arc::get_mut(held)
            && (bytes.len()..=bytes.len().saturating_mul(2)).contains(&held.capacity())
        {
            held.clear();
            held.extend_from_slice(bytes);
            self.rewrite(key.hash(), at, head, None);
            return;
        }
        self.put_large(key, at, head, Large::Bytes(Arc::new(bytes.to_vec())), hasher);
    }
}

impl<F: FnOnce(StrMut<'_>)> Edit<F> {
    fn apply_to_piece(self, bytes: &mut Vec<u8>) {
        if bytes.len() < self.len {
            bytes.resize(self.len, 0);
        }
        (self.edit)(StrMut::Piece(bytes));
    }

    fn apply_to_blocks(self, mut blocks: Blocks) -> Blocks {
        blocks.grow(self.len);
        (self.edit)(StrMut::Blocks(&mut blocks));
        blocks
    }

    fn apply_to_large(self, large: &mut Large) {
        match large {
            Large::Bytes(bytes) if self.len > PIECE_BYTES_MAX => {
                let blocks = self.apply_to_blocks(Blocks::of(bytes));
                *large = Large::Blocks(Arc::new(blocks));
            }
            Large::Bytes(bytes) => self.apply_to_piece(Arc::make_mut(bytes)),
            Large::Blocks(blocks) => {
                let blocks = Arc::make_mut(blocks);
                blocks.grow(self.len);
                (self.edit)(StrMut::Blocks(blocks));
            }
            other => panic!("editing {other:?} as a string"),
        }
    }
}

#[cfg(test)]
mod tests;
