//! The listpack: elements of a small value in one string.
//!
//! ```text
//! total bytes u32 LE | count u16 LE (65535: not known) | entry … | 0xFF
//! entry = encoding and data | length of those, 7 bits a byte, read backwards
//! ```

use std::borrow::Cow;

use crate::number::parse_i64_strict;

pub mod dense;
pub mod entries;

const HEADER: usize = 6;
/// How many bytes a listpack without entries has.
pub const EMPTY_BYTES: usize = HEADER + 1;
const END: u8 = 0xff;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// No listpack grows beyond this; Redis refuses larger ones.
pub const BYTES_MAX: usize = 1 << 30;
/// What an entry takes beside the bytes of its string, at most.
pub const ENTRY_OVERHEAD_MAX: usize = 10;

/// Why bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListpackError {
    /// The header's size is not the size of the string that holds the listpack.
    #[error("a listpack's size differs from that of its string")]
    Size,
    /// An entry reaches past the end, or the end marker is missing.
    #[error("a listpack ends too early")]
    Truncated,
    /// An entry's first byte means nothing.
    #[error("a listpack entry has an unknown encoding")]
    Encoding,
    /// The length at an entry's end is not the entry's length.
    #[error("a listpack entry's two lengths differ")]
    BackLength,
    /// The header's count is not the number of entries.
    #[error("a listpack's count differs from its entries")]
    Count,
    /// Bytes follow the end marker.
    #[error("a listpack has bytes after its end")]
    Trailing,
}

/// An entry, as it lies in the listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// An integer, which stands for its decimal form.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    /// Returns the bytes, for an integer those of its decimal form.
    #[must_use]
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Integer(integer) => {
                Cow::Owned(itoa::Buffer::new().format(integer).as_bytes().to_vec())
            }
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }
}

/// Builds a listpack; reusable.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    count: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER], count: 0 }
    }
}

impl Writer {
    /// Starts afresh.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER);
        self.count = 0;
    }

    /// Adds an element; decimal integers take an integer's room.
    pub fn push(&mut self, element: &[u8]) {
        match parse_i64_strict(element) {
            Some(integer) => self.push_integer(integer),
            None => self.append(|out| put_bytes(out, element)),
        }
    }

    fn push_integer(&mut self, integer: i64) {
        self.append(|out| put_integer(out, integer));
    }

    /// Adds an element as it is encoded, without the length behind it.
    fn push_encoded(&mut self, encoded: &[u8]) {
        self.append(|out| out.extend_from_slice(encoded));
    }

    fn append(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let from = self.bytes.len();
        put(&mut self.bytes);
        let length = self.bytes.len() - from;
        put_back_length(&mut self.bytes, length);
        self.count += 1;
    }

    /// Completes the listpack and shows it; [`Self::clear`] comes before the next.
    ///
    /// # Panics
    /// When the elements together exceed [`BYTES_MAX`], which the caller checks beforehand.
    pub fn finish(&mut self) -> &[u8] {
        self.bytes.push(END);
        assert!(self.bytes.len() <= BYTES_MAX, "a listpack holds small values only");
        let total = self.bytes.len() as u32;
        let count = u16::try_from(self.count).unwrap_or(COUNT_UNKNOWN);
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        self.bytes[4..HEADER].copy_from_slice(&count.to_le_bytes());
        &self.bytes
    }
}

fn put_integer(out: &mut Vec<u8>, n: i64) {
    match n {
        0..=127 => out.push(n as u8),
        -4096..=4095 => out.extend_from_slice(&[0xc0 | (n >> 8) as u8 & 0x1f, n as u8]),
        -0x8000..=0x7fff => {
            out.push(0xf1);
            out.extend_from_slice(&(n as i16).to_le_bytes());
        }
        -0x80_0000..=0x7f_ffff => {
            out.push(0xf2);
            out.extend_from_slice(&(n as i32).to_le_bytes()[..3]);
        }
        -0x8000_0000..=0x7fff_ffff => {
            out.push(0xf3);
            out.extend_from_slice(&(n as i32).to_le_bytes());
        }
        _ => {
            out.push(0xf4);
            out.extend_from_slice(&n.to_le_bytes());
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len();
    match len {
        0..=63 => out.push(0x80 | len as u8),
        64..=4095 => out.extend_from_slice(&[0xe0 | (len >> 8) as u8, len as u8]),
        _ => {
            out.push(0xf0);
            out.extend_from_slice(&(len as u32).to_le_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

fn put_back_length(out: &mut Vec<u8>, length: usize) {
    let places = back_length_size(length);
    for place in (0..places).rev() {
        let more = if place + 1 == places { 0 } else { 0x80 };
        out.push((length >> (7 * place)) as u8 & 0x7f | more);
    }
}

/// Counts the bytes that an element takes.
pub fn entry_bytes(element: &[u8]) -> usize {
    let length = match (parse_i64_strict(element), element.len()) {
        (Some(integer), _) => return integer_bytes(integer),
        (None, len @ 0..=63) => 1 + len,
        (None, len @ 64..=4095) => 2 + len,
        (None, len) => 5 + len,
    };
    length + back_length_size(length)
}

/// Counts the bytes that an integer takes.
pub fn integer_bytes(integer: i64) -> usize {
    let length = match integer {
        0..=127 => 1,
        -4096..=4095 => 2,
        -0x8000..=0x7fff => 3,
        -0x80_0000..=0x7f_ffff => 4,
        -0x8000_0000..=0x7fff_ffff => 5,
        _ => 9,
    };
    length + back_length_size(length)
}

/// Tells how many bytes the length at an entry's end takes.
///
/// The bounds beyond the first are one short of what the bits could hold; all writers agree on that.
fn back_length_size(length: usize) -> usize {
    match length {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Walks the entries of a listpack and checks it on the way.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Entries still to come by the header; none when it does not say.
    expected: Option<u16>,
}

impl<'a> Reader<'a> {
    /// Reads the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ListpackError> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(ListpackError::Truncated)?;
        let [a, b, c, d, low, high] = *header;
        if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
            return Err(ListpackError::Size);
        }
        let count = u16::from_le_bytes([low, high]);
        Ok(Self { rest, expected: (count != COUNT_UNKNOWN).then_some(count) })
    }

    /// Returns the next entry, or none at the end marker.
    pub fn next_element(&mut self) -> Result<Option<Element<'a>>, ListpackError> {
        let entry = self.rest;
        let &first = entry.first().ok_or(ListpackError::Truncated)?;
        if first == END {
            return match (entry.len(), self.expected) {
                (1, None | Some(0)) => Ok(None),
                (1, Some(_)) => Err(ListpackError::Count),
                _ => Err(ListpackError::Trailing),
            };
        }
        let (element, length) = read_entry(first, entry)?;
        let back = back_length_size(length);
        let tail = entry.get(length..length + back).ok_or(ListpackError::Truncated)?;
        if read_back_length(tail) != Some(length) {
            return Err(ListpackError::BackLength);
        }
        if let Some(expected) = &mut self.expected {
            *expected = expected.checked_sub(1).ok_or(ListpackError::Count)?;
        }
        self.rest = &entry[length + back..];
        Ok(Some(element))
    }
}

/// Reads an entry without its back length; returns it with its length.
fn read_entry(first: u8, entry: &[u8]) -> Result<(Element<'_>, usize), ListpackError> {
    let data = |at: usize, len: usize| {
        let end = at.checked_add(len).ok_or(ListpackError::Truncated)?;
        entry.get(at..end).ok_or(ListpackError::Truncated)
    };
    let bytes = |at, len| Ok((Element::Bytes(data(at, len)?), at + len));
    let integer = |len| {
        let data = data(1, len)?;
        Ok((Element::Integer(signed_little_endian(data)), 1 + len))
    };
    match first {
        0x00..=0x7f => Ok((Element::Integer(i64::from(first)), 1)),
        0x80..=0xbf => bytes(1, usize::from(first & 0x3f)),
        0xc0..=0xdf => {
            let low = data(1, 1)?[0];
            let thirteen = u16::from(first & 0x1f) << 8 | u16::from(low);
            // Shifting up and down again spreads the sign bit.
            Ok((Element::Integer(i64::from((thirteen << 3) as i16 >> 3)), 2))
        }
        0xe0..=0xef => bytes(2, usize::from(first & 0x0f) << 8 | usize::from(data(1, 1)?[0])),
        0xf0 => {
            let len = data(1, 4)?.iter().rev().fold(0, |len, &byte| len << 8 | usize::from(byte));
            bytes(5, len)
        }
        0xf1 => integer(2),
        0xf2 => integer(3),
        0xf3 => integer(4),
        0xf4 => integer(8),
        0xf5..=0xff => Err(ListpackError::Encoding),
    }
}

/// Reads a two's complement integer of one to eight bytes.
pub fn signed_little_endian(bytes: &[u8]) -> i64 {
    let unsigned = bytes.iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    let spare = 64 - 8 * bytes.len() as u32;
    (unsigned << spare) as i64 >> spare
}

fn read_back_length(tail: &[u8]) -> Option<usize> {
    let (&first, rest) = tail.split_first()?;
    if first & 0x80 != 0 || rest.iter().any(|byte| byte & 0x80 == 0) {
        return None;
    }
    Some(tail.iter().fold(0, |length, &byte| length << 7 | usize::from(byte & 0x7f)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.push(b"left over from the one before");
        writer.clear();
        for element in elements {
            writer.push(element);
        }
        let bytes = writer.finish().to_vec();
        let entries: usize = elements.iter().map(|element| entry_bytes(element)).sum();
        assert_eq!(bytes.len(), EMPTY_BYTES + entries);
        bytes
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ListpackError> {
        let mut reader = Reader::new(bytes)?;
        let mut all = Vec::new();
        while let Some(element) = reader.next_element()? {
            all.push(match element {
                Element::Integer(n) => n.to_string().into_bytes(),
                Element::Bytes(bytes) => bytes.to_vec(),
            });
        }
        Ok(all)
    }

    #[test]
    fn golden_bytes() {
        let elements = [b"a".to_vec(), b"7".to_vec(), b"-2".to_vec(), b"300000".to_vec()];
        let expected = [
            &[21, 0, 0, 0, 4, 0][..],
            &[0x81, b'a', 2],
            &[7, 1],
            &[0xdf, 0xfe, 2],
            &[0xf2, 0xe0, 0x93, 0x04, 4],
            &[0xff],
        ];
        let mut expected = expected.concat();
        expected[0] = expected.len() as u8;
        assert_eq!(write(&elements), expected);
    }

    #[test]
    fn every_width_and_every_bound_round_trips() {
        let mut elements = Vec::new();
        for bits in 0..63 {
            for near in [-1, 0, 1] {
                elements.push(((1i64 << bits) + near).to_string().into_bytes());
                elements.push((-(1i64 << bits) + near).to_string().into_bytes());
            }
        }
        elements.push(i64::MIN.to_string().into_bytes());
        for len in [0, 63, 64, 126, 127, 128, 4095, 4096, 16_376, 16_377, 16_378, 16_379, 16_400] {
            elements.push(vec![b'x'; len]);
        }
        elements.push(vec![b'y'; 2_097_146]);
        elements.push(vec![b'y'; 2_097_147]);
        assert_eq!(read_all(&write(&elements)).unwrap(), elements);
    }

    #[test]
    fn a_count_too_large_for_the_header_is_left_open() {
        let elements = vec![b"1".to_vec(); 70_000];
        let bytes = write(&elements);
        assert_eq!(bytes[4..6], [0xff, 0xff]);
        assert_eq!(read_all(&bytes).unwrap().len(), 70_000);
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let good = write(&[b"abc".to_vec(), b"1".to_vec()]);
        let damaged = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            read_all(&bytes).unwrap_err()
        };
        assert_eq!(damaged(0, 9), ListpackError::Size);
        assert_eq!(damaged(4, 1), ListpackError::Count);
        assert_eq!(damaged(4, 3), ListpackError::Count);
        assert_eq!(damaged(6, 0xf5), ListpackError::Encoding);
        assert_eq!(damaged(6, 0xbf), ListpackError::Truncated);
        assert_eq!(damaged(10, 5), ListpackError::BackLength);
        assert_eq!(damaged(11, 0xff), ListpackError::Trailing);
        assert_eq!(read_all(&good[..5]), Err(ListpackError::Truncated));
    }

    proptest! {
        #[test]
        fn any_elements_round_trip(elements in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                any::<i64>().prop_map(|n| n.to_string().into_bytes()),
                (-70_000i64..70_000).prop_map(|n| n.to_string().into_bytes()),
            ], 0..50)) {
            prop_assert_eq!(read_all(&write(&elements)).unwrap(), elements);
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 7..100)) {
            let len = bytes.len() as u32;
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            bytes[4..6].copy_from_slice(&[0xff, 0xff]);
            let _ = read_all(&bytes);
        }
    }
}
