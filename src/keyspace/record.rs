//! The layout of one key with its value in a partition's arena.
//!
//! ```text
//! 0      tag        bits 0–2 form of the value · 3 expires · 4 long key · 5 raw string, or a list or
//!                   a sorted set that has outgrown its compact encoding
//! 1..4   accessed   what is noted of its use (usage.rs), little-endian
//! 4..12  expiry     Unix milliseconds, i64 little-endian; only when the tag says so
//!        key        varint length · bytes;  a long key: u32 slot in the slab
//!        value      integer: i64 little-endian
//!                   bytes:   varint length · bytes
//!                   packed:  varint length · packed value; each type has a form of its own
//!                   large:   u32 slot in the slab
//! ```
//!
//! Raw is what OBJECT ENCODING calls other than it would be called for its size: a string that was
//! edited, "raw"; a list that has been long, "quicklist".
//!
//! A record takes the next multiple of eight bytes. Keys and values longer than [`INLINE_BYTES_MAX`]
//! live in the slab, so that a record fits in a chunk of the arena.

use std::ops::Range;

use super::value::Kind;
use super::varint::{self, Varint};

/// The longest key or value that lies in the record itself.
pub(super) const INLINE_BYTES_MAX: usize = 1024;

/// What is noted of uses has 24 bits; by recency, seconds that wrap.
pub(super) const CLOCK_MASK: u32 = 0xff_ffff;

const HEADER_BYTES: usize = 4;
pub(super) const EXPIRY_BYTES: usize = 8;
const INTEGER_BYTES: usize = 8;
const SLOT_BYTES: usize = 4;

const FORM_MASK: u8 = 0b111;
const FORM_INT: u8 = 0;
const FORM_BYTES: u8 = 1;
const FORM_PACKED_HASH: u8 = 2;
const FORM_LARGE: u8 = 3;
const FORM_PACKED_LIST: u8 = 4;
const FORM_PACKED_SET: u8 = 5;
const FORM_PACKED_SORTED_SET: u8 = 6;
const EXPIRES: u8 = 1 << 3;
const LONG_KEY: u8 = 1 << 4;
const RAW: u8 = 1 << 5;

/// What a record says besides key and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) raw: bool,
    pub(super) accessed: u32,
    pub(super) expiry: Option<i64>,
}

/// A key as a record holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyField<'r> {
    Inline(&'r [u8]),
    Slot(u32),
}

/// A value as a record holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload<'r> {
    Int(i64),
    Bytes(&'r [u8]),
    /// A small value that is no string.
    Packed(Kind, &'r [u8]),
    Large(u32),
}

/// A record, borrowed for reading: the arena's bytes from its start on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'r> {
    bytes: &'r [u8],
}

/// The places of a record's parts, from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The key with its length.
    pub(super) key: Range<usize>,
    /// The value with its length.
    pub(super) value: Range<usize>,
}

impl Head {
    /// Counts the bytes before the key.
    #[inline]
    pub(super) fn size(&self) -> usize {
        HEADER_BYTES + if self.expiry.is_some() { EXPIRY_BYTES } else { 0 }
    }
}

impl KeyField<'_> {
    /// Counts the bytes the key takes in a record.
    #[inline]
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Inline(bytes) => varint::size(bytes.len()) + bytes.len(),
            Self::Slot(_) => SLOT_BYTES,
        }
    }

    /// Writes the key to the start of `out`.
    pub(super) fn write(&self, out: &mut [u8]) {
        match self {
            Self::Inline(bytes) => write_bytes(out, bytes),
            Self::Slot(slot) => out[..SLOT_BYTES].copy_from_slice(&slot.to_le_bytes()),
        }
    }
}

impl Payload<'_> {
    /// Counts the bytes the value takes in a record.
    #[inline]
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Int(_) => INTEGER_BYTES,
            Self::Bytes(bytes) | Self::Packed(_, bytes) => varint::size(bytes.len()) + bytes.len(),
            Self::Large(_) => SLOT_BYTES,
        }
    }

    /// Writes the value to the start of `out`.
    #[inline]
    pub(super) fn write(&self, out: &mut [u8]) {
        match self {
            Self::Int(number) => out[..INTEGER_BYTES].copy_from_slice(&number.to_le_bytes()),
            Self::Bytes(bytes) | Self::Packed(_, bytes) => write_bytes(out, bytes),
            Self::Large(slot) => out[..SLOT_BYTES].copy_from_slice(&slot.to_le_bytes()),
        }
    }

    fn form(&self) -> u8 {
        match self {
            Self::Int(_) => FORM_INT,
            Self::Bytes(_) => FORM_BYTES,
            Self::Packed(Kind::Hash, _) => FORM_PACKED_HASH,
            Self::Packed(Kind::List, _) => FORM_PACKED_LIST,
            Self::Packed(Kind::Set, _) => FORM_PACKED_SET,
            Self::Packed(Kind::SortedSet, _) => FORM_PACKED_SORTED_SET,
            Self::Packed(kind @ (Kind::String | Kind::Stream), _) => {
                unreachable!("a {} is not packed", kind.name())
            }
            Self::Large(_) => FORM_LARGE,
        }
    }
}

impl<'r> Record<'r> {
    /// Views the record that starts where `bytes` does.
    #[inline]
    pub(super) fn new(bytes: &'r [u8]) -> Self {
        Self { bytes }
    }

    /// Reads what it says besides key and value.
    #[inline]
    pub(super) fn head(&self) -> Head {
        let [_, low, middle, high] = self.array::<HEADER_BYTES>(0);
        Head {
            raw: self.bytes[0] & RAW != 0,
            accessed: u32::from_le_bytes([low, middle, high, 0]),
            expiry: self.expiry(),
        }
    }

    /// Reads the expiry.
    #[inline]
    pub(super) fn expiry(&self) -> Option<i64> {
        self.expires().then(|| i64::from_le_bytes(self.array(HEADER_BYTES)))
    }

    /// Reads the key.
    #[inline]
    pub(super) fn key(&self) -> KeyField<'r> {
        let at = self.key_start();
        if self.bytes[0] & LONG_KEY != 0 {
            KeyField::Slot(u32::from_le_bytes(self.array(at)))
        } else {
            let (len, start) = varint::read(self.bytes, at);
            KeyField::Inline(&self.bytes[start..start + len])
        }
    }

    /// Reads the value.
    #[inline]
    pub(super) fn payload(&self) -> Payload<'r> {
        self.payload_at(self.key_end())
    }

    /// Reads the value if it is an integer, and tells where its eight bytes start.
    #[inline]
    pub(super) fn integer(&self) -> Option<(i64, usize)> {
        let is_integer = self.bytes[0] & FORM_MASK == FORM_INT;
        is_integer.then(|| {
            let start = self.key_end();
            (i64::from_le_bytes(self.array(start)), start)
        })
    }

    /// Finds the places of the parts.
    #[inline]
    pub(super) fn parts(&self) -> Parts {
        let start = self.key_end();
        let size = match self.bytes[0] & FORM_MASK {
            FORM_INT => INTEGER_BYTES,
            FORM_LARGE => SLOT_BYTES,
            _ => {
                let (len, bytes_start) = varint::read(self.bytes, start);
                bytes_start - start + len
            }
        };
        Parts { key: self.key_start()..start, value: start..start + size }
    }

    /// Borrows the bytes of this record alone.
    pub(super) fn as_bytes(&self) -> &'r [u8] {
        &self.bytes[..self.parts().value.end]
    }

    fn payload_at(&self, at: usize) -> Payload<'r> {
        let bytes = || {
            let (len, start) = varint::read(self.bytes, at);
            &self.bytes[start..start + len]
        };
        match self.bytes[0] & FORM_MASK {
            FORM_INT => Payload::Int(i64::from_le_bytes(self.array(at))),
            FORM_BYTES => Payload::Bytes(bytes()),
            FORM_PACKED_HASH => Payload::Packed(Kind::Hash, bytes()),
            FORM_PACKED_LIST => Payload::Packed(Kind::List, bytes()),
            FORM_PACKED_SET => Payload::Packed(Kind::Set, bytes()),
            FORM_PACKED_SORTED_SET => Payload::Packed(Kind::SortedSet, bytes()),
            _ => Payload::Large(u32::from_le_bytes(self.array(at))),
        }
    }

    #[inline]
    fn expires(&self) -> bool {
        self.bytes[0] & EXPIRES != 0
    }

    #[inline]
    fn key_start(&self) -> usize {
        HEADER_BYTES + if self.expires() { EXPIRY_BYTES } else { 0 }
    }

    #[inline]
    fn key_end(&self) -> usize {
        let at = self.key_start();
        if self.bytes[0] & LONG_KEY != 0 {
            at + SLOT_BYTES
        } else {
            let (len, start) = varint::read(self.bytes, at);
            start + len
        }
    }

    #[inline]
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        *self.bytes[at..].first_chunk().expect("a record is whole")
    }
}

/// Writes the head of a new record.
pub(super) fn write_head(out: &mut [u8], head: Head, key: KeyField<'_>, payload: Payload<'_>) {
    let long_key = if matches!(key, KeyField::Slot(_)) { LONG_KEY } else { 0 };
    write_tagged_head(out, head, long_key | payload.form());
}

/// Writes the head again over a record that keeps its key; a new value may have another form.
#[inline]
pub(super) fn rewrite_head(out: &mut [u8], old_tag: u8, head: Head, payload: Option<Payload<'_>>) {
    let form = payload.map_or(old_tag & FORM_MASK, |payload| payload.form());
    write_tagged_head(out, head, old_tag & LONG_KEY | form);
}

/// Sets what is noted of the use of the record that starts where `out` does.
pub(super) fn write_accessed(out: &mut [u8], accessed: u32) {
    out[1..HEADER_BYTES].copy_from_slice(&accessed.to_le_bytes()[..3]);
}

#[inline]
fn write_tagged_head(out: &mut [u8], head: Head, mut tag: u8) {
    if head.raw {
        tag |= RAW;
    }
    if let Some(at_ms) = head.expiry {
        tag |= EXPIRES;
        out[HEADER_BYTES..HEADER_BYTES + EXPIRY_BYTES].copy_from_slice(&at_ms.to_le_bytes());
    }
    out[0] = tag;
    write_accessed(out, head.accessed);
}

#[inline]
fn write_bytes(out: &mut [u8], bytes: &[u8]) {
    let length = Varint::new(bytes.len());
    let start = length.as_bytes().len();
    out[..start].copy_from_slice(length.as_bytes());
    out[start..start + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(head: Head, key: KeyField<'_>, payload: Payload<'_>) -> Vec<u8> {
        let mut bytes = vec![0; head.size() + key.size() + payload.size()];
        write_head(&mut bytes, head, key, payload);
        key.write(&mut bytes[head.size()..]);
        payload.write(&mut bytes[head.size() + key.size()..]);
        bytes
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let long = vec![7; 300];
        for head in [
            Head { raw: false, accessed: 0, expiry: None },
            Head { raw: true, accessed: CLOCK_MASK, expiry: Some(-1) },
        ] {
            for key in [KeyField::Inline(b""), KeyField::Inline(&long), KeyField::Slot(9)] {
                for payload in [
                    Payload::Int(-3),
                    Payload::Bytes(&long),
                    Payload::Packed(Kind::Hash, b"\0\0"),
                    Payload::Packed(Kind::List, &long),
                    Payload::Packed(Kind::Set, b"\0"),
                    Payload::Packed(Kind::SortedSet, b""),
                    Payload::Large(u32::MAX),
                ] {
                    let mut bytes = encode(head, key, payload);
                    let size = bytes.len();
                    bytes.extend_from_slice(b"the next record");
                    let record = Record::new(&bytes);
                    assert_eq!(record.head(), head);
                    assert_eq!(record.key(), key);
                    assert_eq!(record.payload(), payload);
                    let number = record.integer().map(|(number, _)| Payload::Int(number));
                    assert_eq!(number, matches!(payload, Payload::Int(_)).then_some(payload));
                    assert_eq!(record.parts().value.end, size);
                    assert_eq!(record.as_bytes(), &bytes[..size]);
                }
            }
        }
    }

    #[test]
    fn a_small_string_has_six_bytes_of_overhead() {
        let head = Head { raw: false, accessed: 1, expiry: None };
        let bytes = encode(head, KeyField::Inline(b"key"), Payload::Bytes(b"value"));
        assert_eq!(bytes, b"\x01\x01\0\0\x03key\x05value");
    }
}
