//! The packed form of a small hash: lengths and bytes one after the other, in insertion order; and of a
//! small sorted set, whose members have their scores for values, in their order.
//!
//! ```text
//! varint:   how many pairs
//! repeated: varint field length · field · varint value length · value
//! ```

use std::ops::Range;

use crate::keyspace::growth;
use crate::keyspace::varint::{self, Varint};

/// A packed hash without fields.
pub(super) const EMPTY: &[u8] = &[0];

/// The most pairs, since each operation walks them.
pub(super) const PAIRS_MAX: usize = u16::MAX as usize;

/// One pair, by the places of its parts.
pub(super) struct Pair<'p> {
    pub(super) field: &'p [u8],
    pub(super) value: &'p [u8],
    /// The whole pair, lengths included.
    pub(super) whole: Range<usize>,
    /// The value with its length.
    pub(super) tail: Range<usize>,
}

/// Walks the pairs in insertion order.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'p> {
    bytes: &'p [u8],
    at: usize,
}

/// Counts the pairs.
#[inline]
pub(super) fn len(bytes: &[u8]) -> usize {
    varint::read(bytes, 0).0
}

/// Walks the pairs.
pub(super) fn pairs(bytes: &[u8]) -> Pairs<'_> {
    Pairs { bytes, at: varint::read(bytes, 0).1 }
}

/// Walks the pairs from the one at an index on.
pub(super) fn pairs_from(bytes: &[u8], index: usize) -> Pairs<'_> {
    let mut pairs = pairs(bytes);
    if let Some(last) = index.checked_sub(1) {
        pairs.nth(last);
    }
    pairs
}

/// Finds the pair of a field.
#[inline]
pub(super) fn find<'p>(bytes: &'p [u8], field: &[u8]) -> Option<Pair<'p>> {
    pairs(bytes).find(|pair| pair.field == field)
}

/// Appends a pair whose field is not there yet.
///
/// # Panics
/// When there are [`PAIRS_MAX`] already.
pub(super) fn push(packed: &mut Vec<u8>, field: &[u8], value: &[u8]) {
    push_string(packed, field);
    push_string(packed, value);
    let pairs = len(packed) + 1;
    set_len(packed, pairs);
}

/// Counts the bytes that a string of a pair takes with its length.
pub(super) fn size(string_bytes: usize) -> usize {
    varint::size(string_bytes) + string_bytes
}

/// Inserts a pair before what is at byte `at`: the start of another, or the end.
///
/// # Panics
/// When there are [`PAIRS_MAX`] already.
pub(super) fn insert(packed: &mut Vec<u8>, at: usize, field: &[u8], value: &[u8]) {
    let tail = packed.split_off(at);
    push(packed, field, value);
    packed.extend_from_slice(&tail);
}

/// Replaces the value of a pair, given the place of its tail.
pub(super) fn replace(packed: &mut Vec<u8>, tail: Range<usize>, value: &[u8]) {
    let length = Varint::new(value.len());
    packed.splice(tail, length.as_bytes().iter().chain(value).copied());
}

/// Removes some pairs in a row, given their place.
pub(super) fn remove(packed: &mut Vec<u8>, whole: Range<usize>, count: usize) {
    packed.drain(whole);
    let pairs = len(packed) - count;
    set_len(packed, pairs);
}

fn push_string(packed: &mut Vec<u8>, string: &[u8]) {
    packed.extend_from_slice(Varint::new(string.len()).as_bytes());
    packed.extend_from_slice(string);
}

/// Writes how many pairs there are, by which all of them may move.
fn set_len(packed: &mut Vec<u8>, pairs: usize) {
    assert!(pairs <= PAIRS_MAX, "a hash is unpacked before it has too many pairs");
    let (_, start) = varint::read(packed, 0);
    growth::splice(packed, 0, start, Varint::new(pairs).as_bytes());
}

impl<'p> Pairs<'p> {
    /// Where the next pair begins, or where the last one ends.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn string(&mut self) -> &'p [u8] {
        let (len, start) = varint::read(self.bytes, self.at);
        self.at = start + len;
        &self.bytes[start..self.at]
    }
}

impl<'p> Iterator for Pairs<'p> {
    type Item = Pair<'p>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'p>> {
        if self.at == self.bytes.len() {
            return None;
        }
        let start = self.at;
        let field = self.string();
        let middle = self.at;
        let value = self.string();
        Some(Pair { field, value, whole: start..self.at, tail: middle..self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(packed: &[u8]) -> Vec<(&[u8], &[u8])> {
        pairs(packed).map(|pair| (pair.field, pair.value)).collect()
    }

    #[test]
    fn an_updated_field_keeps_its_place_and_a_removed_one_leaves_no_gap() {
        let mut packed = EMPTY.to_vec();
        push(&mut packed, b"a", b"1");
        push(&mut packed, b"b", b"2");
        push(&mut packed, b"", b"");
        let long = [b'x'; 200];
        let tail = find(&packed, b"a").unwrap().tail;
        replace(&mut packed, tail, &long);
        assert_eq!(listed(&packed), [(&b"a"[..], &long[..]), (b"b", b"2"), (b"", b"")]);
        let whole = find(&packed, b"b").unwrap().whole;
        remove(&mut packed, whole, 1);
        assert_eq!(listed(&packed), [(&b"a"[..], &long[..]), (b"", b"")]);
        assert_eq!(len(&packed), 2);
    }

    #[test]
    fn pairs_stay_what_they_are_when_their_count_takes_another_byte() {
        let mut packed = EMPTY.to_vec();
        let fields: Vec<_> = (0..300_u16).map(u16::to_be_bytes).collect();
        for (i, field) in fields.iter().enumerate() {
            // Each goes in front, so that what follows moves with the count.
            let front = pairs(&packed).at();
            insert(&mut packed, front, field, b"value");
            assert_eq!(len(&packed), i + 1);
        }
        for left in (0..fields.len()).rev() {
            let fields = fields[..=left].iter().rev();
            assert!(pairs(&packed).map(|pair| pair.field).eq(fields));
            let first = pairs(&packed).next().unwrap().whole;
            remove(&mut packed, first, 1);
            assert_eq!(len(&packed), left);
        }
        assert_eq!(packed, EMPTY);
    }
}
