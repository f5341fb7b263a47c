//! Runs: entries of an RDB file as they lie in it, for several threads to decode.

use super::decode::{Decoder, Entry, Item};
use super::source::{DecodeError, Kept, Limits, Source};

/// One part of an RDB file, whose entries have been passed over but not decoded.
#[derive(Debug)]
pub enum RawItem<'a> {
    /// A key and the bytes of all that belongs to it.
    Entry(Raw<'a>),
    /// Anything else; never [`Item::Entry`].
    Other(Item<'a>),
}

/// An entry as it lies in the file.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// The key.
    pub key: &'a [u8],
    pub(super) offset: u64,
    pub(super) bytes: Kept<'a>,
}

/// Entries of one file, in the order they were added.
#[derive(Debug)]
pub struct Run {
    version: u32,
    limits: Limits,
    bytes: Vec<u8>,
    /// Where in the file each entry lay.
    offsets: Vec<u64>,
}

impl Run {
    /// Begins an empty run of a file of this version.
    pub fn new(version: u32, limits: Limits) -> Self {
        Self { version, limits, bytes: Vec::new(), offsets: Vec::new() }
    }

    /// Adds an entry.
    pub fn push(&mut self, raw: &Raw<'_>) {
        self.offsets.push(raw.offset);
        raw.bytes.0.iter().for_each(|part| self.bytes.extend_from_slice(part));
    }

    /// Takes the entries out, and leaves an empty run of the same file.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self::new(self.version, self.limits);
        std::mem::replace(self, empty)
    }

    /// Counts the bytes of the entries.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Tells whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Decodes the entries one by one; an error names the place in the file.
    pub fn decode(&self, mut each: impl FnMut(Entry<'_>)) -> Result<(), DecodeError> {
        let source = Source::with_buffer(&self.bytes[..], self.limits, self.bytes.len());
        let mut decoder = Decoder::within(source, self.version);
        for &offset in &self.offsets {
            decoder.relocate(offset);
            let Item::Entry(entry) = decoder.next_item()? else {
                unreachable!("a run holds nothing but entries")
            };
            each(entry);
        }
        Ok(())
    }
}
