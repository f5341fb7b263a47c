//! What a key holds: a value, perhaps an expiry, and when it was last used.

use std::sync::Arc;

use super::arena::padded;
use super::record::{KeyField, Payload, Record};
use super::slab::{Large, Slab};
use super::stream::Stream;
use super::value::{Blocks, Hash, Kind, List, PIECE_BYTES_MAX, Set, SortedSet, Str, Value};

/// What OBJECT ENCODING calls a string that is long or was edited.
pub const RAW: &str = "raw";

/// The longest string that OBJECT ENCODING calls "embstr".
const EMBEDDED_BYTES_MAX: usize = 44;

/// What the table of a partition takes for one key: an offset and a byte, at its usual load.
const INDEX_BYTES: usize = 8;

/// What a large value takes besides its bytes: its slot, its counts and the list's own words.
const LARGE_BYTES: usize = 16 + 16 + size_of::<Vec<u8>>();

/// A key with what it holds, borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'e> {
    record: Record<'e>,
    slab: &'e Slab,
}

/// A value with its expiry, taken out of the keyspace or copied.
///
/// A copy of a large one shares it until either is written to.
#[derive(Clone, Debug)]
pub struct OwnedEntry {
    pub(super) value: OwnedValue,
    pub(super) raw: bool,
    pub(super) expiry: Option<i64>,
}

/// A value outside the keyspace.
#[derive(Clone, Debug)]
pub(super) enum OwnedValue {
    Int(i64),
    Large(Large),
}

impl<'e> Entry<'e> {
    #[inline]
    pub(super) fn new(record: Record<'e>, slab: &'e Slab) -> Self {
        Self { record, slab }
    }

    /// Returns the key.
    #[inline]
    pub fn key(&self) -> &'e [u8] {
        match self.record.key() {
            KeyField::Inline(bytes) => bytes,
            KeyField::Slot(slot) => self.slab.bytes(slot),
        }
    }

    /// Returns the value.
    #[inline]
    pub fn value(&self) -> Value<'e> {
        match self.record.payload() {
            Payload::Int(number) => Value::String(Str::Int(number)),
            Payload::Bytes(bytes) => Value::String(Str::Bytes(bytes)),
            Payload::Packed(kind, bytes) => packed_value(kind, bytes),
            Payload::Large(slot) => self.slab.at(slot).view(),
        }
    }

    /// Returns the type of the value.
    pub fn kind(&self) -> Kind {
        self.value().kind()
    }

    /// Returns when the key expires, in Unix milliseconds.
    #[inline]
    pub fn expiry(&self) -> Option<i64> {
        self.record.expiry()
    }

    /// Tells whether the expiry has passed.
    #[inline]
    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expiry().is_some_and(|at| at < now_ms)
    }

    /// Returns the 24 bits that are noted of its use; [`super::Usage`] says what they mean.
    pub fn accessed(&self) -> u32 {
        self.record.head().accessed
    }

    /// Returns the word OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.value() {
            Value::String(Str::Int(_)) => "int",
            Value::String(Str::Bytes(bytes)) => {
                let short = bytes.len() <= EMBEDDED_BYTES_MAX && !self.record.head().raw;
                if short { "embstr" } else { RAW }
            }
            Value::String(Str::Blocks(_)) => RAW,
            Value::Hash(hash) => {
                if hash.is_packed() {
                    "listpack"
                } else {
                    "hashtable"
                }
            }
            Value::SortedSet(_) => {
                if self.record.head().raw {
                    "skiplist"
                } else {
                    "listpack"
                }
            }
            Value::List(_) => {
                if self.record.head().raw {
                    "quicklist"
                } else {
                    "listpack"
                }
            }
            Value::Set(set) if set.is_integers() => "intset",
            Value::Set(set) if !set.is_packed() => "hashtable",
            Value::Set(_) => "listpack",
            Value::Stream(_) => "stream",
        }
    }

    /// Estimates the memory the key takes.
    ///
    /// The tables know their size, so that no elements need be sampled: `_samples` may be anything.
    pub fn memory_bytes(&self, _samples: usize) -> usize {
        let record = padded(self.record.as_bytes().len()) + INDEX_BYTES;
        let key = match self.record.key() {
            KeyField::Inline(_) => 0,
            KeyField::Slot(slot) => LARGE_BYTES + self.slab.bytes(slot).len(),
        };
        let value = match self.record.payload() {
            Payload::Large(slot) => LARGE_BYTES + self.slab.at(slot).memory_bytes(),
            _ => 0,
        };
        record + key + value
    }

    /// Copies value and expiry.
    pub(super) fn to_owned_entry(self) -> OwnedEntry {
        let copied = |bytes: &[u8]| Arc::new(bytes.to_vec());
        let value = match self.record.payload() {
            Payload::Int(number) => OwnedValue::Int(number),
            Payload::Bytes(bytes) => OwnedValue::Large(Large::Bytes(copied(bytes))),
            Payload::Packed(kind, bytes) => OwnedValue::Large(Large::Packed(kind, copied(bytes))),
            Payload::Large(slot) => OwnedValue::Large(self.slab.at(slot).clone()),
        };
        let head = self.record.head();
        OwnedEntry { value, raw: head.raw, expiry: head.expiry }
    }
}

impl OwnedEntry {
    /// Makes a string that reads as raw, however short, and does not expire.
    pub fn raw(string: Blocks) -> Self {
        let large = if string.len() <= PIECE_BYTES_MAX {
            Large::Bytes(Arc::new(string.to_vec()))
        } else {
            Large::Blocks(Arc::new(string))
        };
        Self { value: OwnedValue::Large(large), raw: true, expiry: None }
    }

    /// Makes a key's entry of a stream, which does not expire.
    pub fn of_stream(stream: Stream) -> Self {
        let value = OwnedValue::Large(Large::Stream(Arc::new(stream)));
        Self { value, raw: false, expiry: None }
    }

    /// Returns the value.
    pub fn value_ref(&self) -> Value<'_> {
        match &self.value {
            OwnedValue::Int(number) => Value::String(Str::Int(*number)),
            OwnedValue::Large(large) => large.view(),
        }
    }

    /// Returns when it expires, in Unix milliseconds.
    pub fn expiry(&self) -> Option<i64> {
        self.expiry
    }

    /// Sets or clears the expiry.
    pub fn set_expiry(&mut self, at_ms: Option<i64>) {
        self.expiry = at_ms;
    }
}

impl Large {
    /// Views the value.
    pub(super) fn view(&self) -> Value<'_> {
        match self {
            Self::Bytes(bytes) => Value::String(Str::Bytes(bytes)),
            Self::Blocks(blocks) => Value::String(Str::Blocks(blocks)),
            Self::Packed(kind, bytes) => packed_value(*kind, bytes),
            Self::Hash(hash) => Value::Hash(Hash::large(hash)),
            Self::SortedSet(set) => Value::SortedSet(SortedSet::large(set)),
            Self::List(list) => Value::List(List::large(list)),
            Self::Set(map) => Value::Set(Set::large(map)),
            Self::Stream(stream) => Value::Stream(stream),
        }
    }

    /// Tells whether something else has it too, such as an image.
    pub(super) fn is_shared(&self) -> bool {
        let count = match self {
            Self::Bytes(bytes) | Self::Packed(_, bytes) => Arc::strong_count(bytes),
            Self::Blocks(blocks) => Arc::strong_count(blocks),
            Self::Hash(hash) => Arc::strong_count(hash),
            Self::SortedSet(set) => Arc::strong_count(set),
            Self::List(list) => Arc::strong_count(list),
            Self::Set(map) => Arc::strong_count(map),
            Self::Stream(stream) => Arc::strong_count(stream),
        };
        count > 1
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) | Self::Packed(_, bytes) => bytes.capacity(),
            Self::Blocks(blocks) => blocks.memory_bytes(),
            Self::Hash(hash) => hash.memory_bytes(),
            Self::SortedSet(set) => set.memory_bytes(),
            Self::List(list) => list.memory_bytes(),
            Self::Set(map) => map.memory_bytes(),
            Self::Stream(stream) => stream.memory_bytes(),
        }
    }
}

/// Views a packed value.
#[inline]
fn packed_value(kind: Kind, bytes: &[u8]) -> Value<'_> {
    match kind {
        Kind::Hash => Value::Hash(Hash::packed(bytes)),
        Kind::List => Value::List(List::packed(bytes)),
        Kind::Set => Value::Set(Set::packed(bytes)),
        Kind::SortedSet => Value::SortedSet(SortedSet::packed(bytes)),
        Kind::String => Value::String(Str::Bytes(bytes)),
        Kind::Stream => unreachable!("a stream is not packed"),
    }
}
