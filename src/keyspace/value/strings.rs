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

/// The bytes of the length before a string of a value that lies in its record.
pub(super) const PREFIX_BYTES_MAX: usize = 2;

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

/// Counts the bytes a string takes.
#[inline]
pub(super) fn size(string: &[u8]) -> usize {
    varint::size(string.len()) + string.len()
}

/// Inserts a string before what is at byte `at`, into bytes that are longer by its [`size`] already.
///
/// # Panics
/// When there are 65,535 already.
pub(super) fn insert_grown(grown: &mut [u8], at: usize, string: &[u8]) {
    let (length, size) = (Varint::new(string.len()), size(string));
    let length = length.as_bytes();
    let end = grown.len();
    if at + size < end {
        grown.copy_within(at..end - size, at + size);
    }
    grown[at..at + length.len()].copy_from_slice(length);
    grown[at + length.len()..at + size].copy_from_slice(string);
    let count = len(grown) + 1;
    set_len(grown, count);
}

/// Moves up what follows the `count` strings that take `whole`, so that the bytes can be made shorter.
pub(super) fn close_gap(packed: &mut [u8], whole: Range<usize>, count: usize) {
    packed.copy_within(whole.end.., whole.start);
    let left = len(packed) - count;
    set_len(packed, left);
}

/// Appends a string.
pub(super) fn push(packed: &mut Vec<u8>, string: &[u8]) {
    insert(packed, packed.len(), string);
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

    /// Passes over so many strings, and tells the place where the next one starts.
    #[inline]
    pub(super) fn place_after(&mut self, count: usize) -> usize {
        if count > 0 {
            self.nth(count - 1);
        }
        self.at
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
        insert(&mut packed, COUNT_BYTES, &[b'x'; 200]);
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

    #[test]
    fn strings_go_into_bytes_that_have_grown_and_out_of_bytes_that_shrink() {
        let mut packed = EMPTY.to_vec();
        let mut put = |at: usize, string: &[u8]| {
            packed.resize(packed.len() + size(string), 0xff);
            insert_grown(&mut packed, at, string);
        };
        put(COUNT_BYTES, b"c");
        put(COUNT_BYTES, &[b'a'; 200]);
        put(COUNT_BYTES + 202, b"bb");
        put(COUNT_BYTES + 207, b"");
        let mut walk = strings(&packed);
        assert_eq!(walk.place_after(0), COUNT_BYTES);
        let gap = walk.place_after(1)..walk.place_after(2);
        assert_eq!(gap, COUNT_BYTES + 202..COUNT_BYTES + 207);
        assert_eq!(walk.collect::<Vec<_>>(), [b""]);
        close_gap(&mut packed, gap.clone(), 2);
        packed.truncate(packed.len() - gap.len());
        assert_eq!(strings(&packed).collect::<Vec<_>>(), [&[b'a'; 200][..], b""]);
    }
}
