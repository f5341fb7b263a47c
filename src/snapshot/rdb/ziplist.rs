//! The ziplist, which Redis wrote for small aggregate values before version 7.0.
//!
//! ```text
//! total bytes u32 LE | tail offset u32 LE | count u16 LE (65535: not known) | entry … | 0xFF
//! entry = length of the entry before (1 byte, or 0xFE and u32 LE) | encoding | data
//! ```

use super::elements::Found;
use crate::listpack::signed_little_endian;
use crate::number::parse_i64_strict;

const HEADER: usize = 10;
/// How many bytes a ziplist without entries has.
pub(super) const EMPTY_BYTES: usize = HEADER + 1;
const END: u8 = 0xff;
const PREVIOUS_LONG: u8 = 0xfe;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Why bytes are not a ziplist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZiplistError {
    /// The header's size is not the size of the string that holds the ziplist.
    #[error("a ziplist's size differs from that of its string")]
    Size,
    /// An entry reaches past the end, or the end marker is missing.
    #[error("a ziplist ends too early")]
    Truncated,
    /// An entry's encoding means nothing.
    #[error("a ziplist entry has an unknown encoding")]
    Encoding,
    /// An entry tells another length of the entry before it than that has.
    #[error("a ziplist entry misstates the length of the one before it")]
    BackLength,
    /// The header's tail offset is not where the last entry begins.
    #[error("a ziplist's tail offset is not where its last entry begins")]
    Tail,
    /// The header's count is not the number of entries.
    #[error("a ziplist's count differs from its entries")]
    Count,
    /// Bytes follow the end marker.
    #[error("a ziplist has bytes after its end")]
    Trailing,
}

/// Builds a ziplist as Redis 5 and 6 do; reusable.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Where the last entry begins.
    last: usize,
    count: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER], last: HEADER, count: 0 }
    }
}

impl Writer {
    /// Starts afresh.
    pub(super) fn clear(&mut self) {
        self.bytes.truncate(HEADER);
        (self.last, self.count) = (HEADER, 0);
    }

    /// Adds an element; decimal integers take an integer's room.
    pub(super) fn push(&mut self, element: &[u8]) {
        let out = &mut self.bytes;
        let previous = out.len() - self.last;
        self.last = out.len();
        if previous < usize::from(PREVIOUS_LONG) {
            out.push(previous as u8);
        } else {
            out.push(PREVIOUS_LONG);
            out.extend_from_slice(&(previous as u32).to_le_bytes());
        }
        match parse_i64_strict(element) {
            Some(integer) => put_integer(integer, out),
            None => put_bytes(element, out),
        }
        self.count += 1;
    }

    /// Completes the ziplist and shows it; [`Self::clear`] comes before the next.
    ///
    /// The caller sees to it that it stays far below 4 GiB.
    pub(super) fn finish(&mut self) -> &[u8] {
        self.bytes.push(END);
        let total = self.bytes.len() as u32;
        let count = u16::try_from(self.count).unwrap_or(COUNT_UNKNOWN);
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        self.bytes[4..8].copy_from_slice(&(self.last as u32).to_le_bytes());
        self.bytes[8..HEADER].copy_from_slice(&count.to_le_bytes());
        &self.bytes
    }
}

/// Counts the bytes that an element takes behind one that takes `previous`.
pub(super) fn entry_bytes(element: &[u8], previous: usize) -> usize {
    let backwards = if previous < usize::from(PREVIOUS_LONG) { 1 } else { 5 };
    let own = match (parse_i64_strict(element), element.len()) {
        (Some(integer), _) => 1 + integer_encoding(integer).1,
        (None, len @ 0..=63) => 1 + len,
        (None, len @ 64..=16_383) => 2 + len,
        (None, len) => 5 + len,
    };
    backwards + own
}

/// Tells the first byte of an integer, and how many follow.
fn integer_encoding(n: i64) -> (u8, usize) {
    match n {
        0..=12 => (0xf1 + n as u8, 0),
        -0x80..=0x7f => (0xfe, 1),
        -0x8000..=0x7fff => (0xc0, 2),
        -0x80_0000..=0x7f_ffff => (0xf0, 3),
        -0x8000_0000..=0x7fff_ffff => (0xd0, 4),
        _ => (0xe0, 8),
    }
}

fn put_integer(n: i64, out: &mut Vec<u8>) {
    let (encoding, width) = integer_encoding(n);
    out.push(encoding);
    out.extend_from_slice(&n.to_le_bytes()[..width]);
}

fn put_bytes(element: &[u8], out: &mut Vec<u8>) {
    match element.len() {
        len @ 0..=63 => out.push(len as u8),
        len @ 64..=16_383 => out.extend([0x40 | (len >> 8) as u8, len as u8]),
        len => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(element);
}

/// Appends the entries of `bytes` to those found.
pub(super) fn read(bytes: &[u8], found: &mut Found<'_>) -> Result<(), ZiplistError> {
    let header = bytes.first_chunk::<HEADER>().ok_or(ZiplistError::Truncated)?;
    let (words, count) = header.as_chunks::<4>();
    let word = |index: usize| u32::from_le_bytes(words[index]) as usize;
    if word(0) != bytes.len() {
        return Err(ZiplistError::Size);
    }
    let (tail, count) = (word(1), u16::from_le_bytes([count[0], count[1]]));
    let (mut at, mut last, mut entries) = (HEADER, HEADER, 0usize);
    while *bytes.get(at).ok_or(ZiplistError::Truncated)? != END {
        let length = read_entry(&bytes[at..], at - last, found)?;
        last = at;
        at += length;
        entries += 1;
    }
    if at + 1 != bytes.len() {
        return Err(ZiplistError::Trailing);
    }
    if tail != last {
        return Err(ZiplistError::Tail);
    }
    if count != COUNT_UNKNOWN && usize::from(count) != entries {
        return Err(ZiplistError::Count);
    }
    Ok(())
}

/// Reads the entry that `rest` begins with; returns its length.
fn read_entry(rest: &[u8], previous: usize, found: &mut Found<'_>) -> Result<usize, ZiplistError> {
    let bytes = |at: usize, len: usize| {
        let end = at.checked_add(len).ok_or(ZiplistError::Truncated)?;
        rest.get(at..end).ok_or(ZiplistError::Truncated)
    };
    let (stated, at) = match rest[0] {
        PREVIOUS_LONG => (signed_little_endian(bytes(1, 4)?) as u32 as usize, 5),
        short => (usize::from(short), 1),
    };
    if stated != previous {
        return Err(ZiplistError::BackLength);
    }
    let encoding = bytes(at, 1)?[0];
    let string = |at: usize, len: usize, found: &mut Found<'_>| {
        found.push(bytes(at, len)?);
        Ok(at + len)
    };
    let integer = |len: usize, found: &mut Found<'_>| {
        found.push_integer(signed_little_endian(bytes(at + 1, len)?));
        Ok(at + 1 + len)
    };
    match encoding {
        0x00..=0x3f => string(at + 1, usize::from(encoding), found),
        0x40..=0x7f => {
            let low = bytes(at + 1, 1)?[0];
            string(at + 2, usize::from(encoding & 0x3f) << 8 | usize::from(low), found)
        }
        0x80 => {
            let len = bytes(at + 1, 4)?.iter().fold(0, |len, &b| len << 8 | usize::from(b));
            string(at + 5, len, found)
        }
        0xc0 => integer(2, found),
        0xd0 => integer(4, found),
        0xe0 => integer(8, found),
        0xf0 => integer(3, found),
        0xfe => integer(1, found),
        0xf1..=0xfd => {
            found.push_integer(i64::from(encoding & 0x0f) - 1);
            Ok(at + 1)
        }
        _ => Err(ZiplistError::Encoding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::elements::unpacked;
    use super::*;

    fn write(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.push(b"left over from the one before");
        writer.finish();
        writer.clear();
        for element in elements {
            writer.push(element);
        }
        let entries = elements.iter().scan(0, |last, element| {
            *last = entry_bytes(element, *last);
            Some(*last)
        });
        assert_eq!(writer.finish().len(), EMPTY_BYTES + entries.sum::<usize>());
        writer.bytes.clone()
    }

    #[test]
    fn golden_bytes() {
        let bytes = [
            &[22, 0, 0, 0, 18, 0, 0, 0, 3, 0][..],
            &[0, 2, b'h', b'i'],
            &[4, 0xfe, 0xff],
            &[3, 0xf3],
            &[0xff],
        ];
        let mut bytes = bytes.concat();
        bytes[0] = bytes.len() as u8;
        bytes[4] = (bytes.len() - 3) as u8;
        let elements = [b"hi".to_vec(), b"-1".to_vec(), b"2".to_vec()];
        assert_eq!(unpacked(&bytes, read).unwrap(), elements);
        assert_eq!(write(&elements), bytes);
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let good = write(&[b"ab".to_vec(), b"x".to_vec()]);
        let damaged = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            unpacked(&bytes, read).unwrap_err()
        };
        assert_eq!(damaged(0, 1), ZiplistError::Size);
        assert_eq!(damaged(4, 1), ZiplistError::Tail);
        assert_eq!(damaged(8, 9), ZiplistError::Count);
        assert_eq!(damaged(11, 0x3f), ZiplistError::Truncated);
        assert_eq!(damaged(11, 0xff), ZiplistError::Encoding);
        assert_eq!(damaged(14, 3), ZiplistError::BackLength);
        assert_eq!(damaged(14, END), ZiplistError::Trailing);
    }

    proptest! {
        #[test]
        fn any_elements_come_back(elements in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..400),
                prop::collection::vec(any::<u8>(), 16_380..16_390),
                any::<i64>().prop_map(|n| n.to_string().into_bytes()),
                (-300i64..70_000).prop_map(|n| n.to_string().into_bytes()),
            ], 0..40)) {
            prop_assert_eq!(unpacked(&write(&elements), read).unwrap(), elements);
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 11..100)) {
            let len = bytes.len() as u32;
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            bytes[10] = 0;
            let _ = unpacked(&bytes, read);
        }
    }
}
