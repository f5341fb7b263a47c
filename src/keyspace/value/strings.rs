//! The packed form of a few strings in a row: of a small list, or of a small set.
//!
//! ```text
//! u16 little-endian: how many strings
//! repeated:          varint length · bytes
//! ```

use std::ops::Range;

use crate::keyspace::varint::{self, Varint};

/// No strings, packed.
pub(super) const EMPTY: &[u8] = &[0; COUNT_BYTES];

const COUNT_BYTES: usize = 2;

/// Walks the strings from the first on, with their places.
#[derive(Clone, Debug)]
pub(super) struct Strings<'p> {
    bytes: &'p [u8],
    at: usize,
    left: usize,
}

/// Counts the strings.
#[inline]
pub(super) fn len(bytes: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// Walks the strings.
#[inline]
pub(super) fn strings(bytes: &[u8]) -> Strings<'_> {
    Strings { bytes, at: COUNT_BYTES, left: len(bytes) }
}

/// Inserts a string before what is at byte `at`: the start of another, or the end.
///
/// # Panics
/// When there are 65,535 already.
pub(super) fn insert(packed: &mut Vec<u8>, at: usize, string: &[u8]) {
    let length = Varint::new(string.len());
    let length = length.as_bytes();
    if at == packed.len() {
        packed.extend_from_slice(length);
        packed.extend_from_slice(string);
    } else {
        packed.splice(at..at, length.iter().chain(string).copied());
    }
    let count = len(packed) + 1;
    set_len(packed, count);
}

/// Appends a string.
pub(super) fn push(packed: &mut Vec<u8>, string: &[u8]) {
    insert(packed, packed.len(), string);
}

/// Puts a string before all others.
pub(super) fn push_front(packed: &mut Vec<u8>, string: &[u8]) {
    insert(packed, COUNT_BYTES, string);
}

/// Removes the `count` strings that take `whole` together.
pub(super) fn remove(packed: &mut Vec<u8>, whole: Range<usize>, count: usize) {
    packed.drain(whole);
    let left = len(packed) - count;
    set_len(packed, left);
}

fn set_len(packed: &mut [u8], count: usize) {
    let count =
        u16::try_from(count).expect("values are unpacked before they have too many strings");
    packed[..COUNT_BYTES].copy_from_slice(&count.to_le_bytes());
}

impl<'p> Strings<'p> {
    /// Takes the next string, with its place.
    #[inline]
    pub(super) fn next_placed(&mut self) -> Option<(&'p [u8], Range<usize>)> {
        let start = self.at;
        self.next().map(|string| (string, start..self.at))
    }
}

impl<'p> Iterator for Strings<'p> {
    type Item = &'p [u8];

    #[inline]
    fn next(&mut self) -> Option<&'p [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (len, start) = varint::read(self.bytes, self.at);
        self.at = start + len;
        Some(&self.bytes[start..self.at])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Strings<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_in_anywhere_and_leave_no_gap() {
        let mut packed = EMPTY.to_vec();
        push(&mut packed, b"b");
        push_front(&mut packed, &[b'x'; 200]);
        push(&mut packed, b"");
        let at = strings(&packed).next_placed().unwrap().1.end;
        insert(&mut packed, at, b"a");
        let listed = |packed: &[u8]| strings(packed).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(listed(&packed), [&[b'x'; 200][..], b"a", b"b", b""]);
        let whole = strings(&packed).next_placed().unwrap().1.start..packed.len() - 1;
        remove(&mut packed, whole, 3);
        assert_eq!(listed(&packed), [b""]);
        assert_eq!(len(&packed), 1);
    }
}
