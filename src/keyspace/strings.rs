//! Writing strings into a partition: in the record while short, in the slab when long.

use std::sync::Arc;

use ahash::RandomState;

use super::arena::Address;
use super::key::Key;
use super::partition::Partition;
use super::record::{Head, INLINE_BYTES_MAX, Payload};
use super::slab::Large;
use super::usage::Use;
use super::value::Str;

/// A field's value needs nothing of a head.
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
            Str::Bytes(bytes) => self.put_long(key, at, head, bytes, hasher),
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

    /// Gives a field of a large hash its value.
    pub(super) fn set_bytes(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        value: &[u8],
        hasher: &RandomState,
    ) {
        self.put_string(key, at, PLAIN, Str::Bytes(value), hasher);
    }

    /// Edits the bytes of the string at `at`, or of an empty one; it reads as raw afterwards.
    ///
    /// # Panics
    /// When the record holds something other than a string.
    pub(super) fn edit_bytes(
        &mut self,
        key: &Key<'_>,
        at: Option<Address>,
        scratch: &mut Vec<u8>,
        hasher: &RandomState,
        used: Use,
        edit: impl FnOnce(&mut Vec<u8>),
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
                edit(self.long_string(slot));
                self.rewrite(key.hash(), at, head, None);
                return;
            }
            Some((_, Payload::Packed(kind, _))) => panic!("editing a {} as a string", kind.name()),
        }
        edit(scratch);
        if scratch.len() <= INLINE_BYTES_MAX {
            self.put(key, at, head, Payload::Bytes(scratch), hasher);
        } else {
            let large = Large::Bytes(Arc::new(std::mem::take(scratch)));
            self.put_large(key, at, head, large, hasher);
        }
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

    fn long_string(&mut self, slot: u32) -> &mut Vec<u8> {
        match self.large_mut(slot) {
            Large::Bytes(bytes) => Arc::make_mut(bytes),
            other => panic!("editing {other:?} as a string"),
        }
    }
}
