//! Entries of a stream as they are kept where no more are added: a listpack without what can be told
//! from the rest of it.
//!
//! ```text
//! fields · field …                                the master entry
//! flags · ms · seq [· fields] · [field ·] value … each entry
//! ```
//!
//! Elements are encoded as in a listpack, but no length stands behind them. How many entries there are
//! is kept elsewhere; how many elements each has is known from its flags.

use super::entries::{DELETED, SAME_FIELDS, elements_of};
use super::{END, Element, HEADER, Writer, back_length_size, put_bytes, put_integer, read_entry};
use crate::number::parse_i64_strict;

/// Reads the element at a place; returns it with the place of the next one. None at the end.
///
/// # Panics
/// When no element begins there.
#[inline]
pub fn at(dense: &[u8], place: usize) -> Option<(Element<'_>, usize)> {
    let &first = dense.get(place)?;
    let (element, length) =
        read_entry(first, &dense[place..]).expect("an element that was written");
    Some((element, place + length))
}

/// Adds an element at the end; decimal integers take an integer's room. Tells what it takes in a
/// listpack.
pub fn push(dense: &mut Vec<u8>, element: &[u8]) -> usize {
    match parse_i64_strict(element) {
        Some(integer) => push_integer(dense, integer),
        None => append(dense, |out| put_bytes(out, element)),
    }
}

/// Adds an integer at the end; tells what it takes in a listpack.
pub fn push_integer(dense: &mut Vec<u8>, integer: i64) -> usize {
    append(dense, |out| put_integer(out, integer))
}

fn append(dense: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) -> usize {
    let from = dense.len();
    put(dense);
    let length = dense.len() - from;
    length + back_length_size(length)
}

/// Marks the entry that begins at a place as removed.
pub fn mark_deleted(dense: &mut [u8], place: usize) {
    // The flag is the lowest bit of the number: in its only byte, or in the one behind the encoding.
    let is_one_byte = dense[place] & 0x80 == 0;
    dense[place + usize::from(!is_one_byte)] |= DELETED as u8;
}

/// Reads how many entries of a listpack are there, and how many were removed.
#[must_use]
pub fn counts(pack: &[u8]) -> (i64, i64) {
    let (live, next) = encoded(pack, HEADER).unwrap_or_default();
    let (deleted, _) = encoded(pack, next).unwrap_or_default();
    (integer(live), integer(deleted))
}

/// Leaves out of a listpack, which holds the entries of a stream, what can be told from the rest.
#[must_use]
pub fn of(pack: &[u8]) -> Vec<u8> {
    let mut dense = Vec::with_capacity(pack.len());
    let mut place = HEADER;
    let mut next = |dense: Option<&mut Vec<u8>>| {
        let (encoded, next) = encoded(pack, place)?;
        place = next;
        if let Some(dense) = dense {
            dense.extend_from_slice(encoded);
        }
        Some(integer(encoded))
    };
    next(None);
    next(None);
    let fields = next(Some(&mut dense)).unwrap_or_default();
    for _ in 0..fields {
        next(Some(&mut dense));
    }
    next(None);
    while let Some(flags) = next(Some(&mut dense)) {
        next(Some(&mut dense));
        next(Some(&mut dense));
        let is_same = flags & SAME_FIELDS != 0;
        let strings = if is_same { fields } else { 2 * next(Some(&mut dense)).unwrap_or_default() };
        for _ in 0..strings {
            next(Some(&mut dense));
        }
        next(None);
    }
    dense.shrink_to_fit();
    dense
}

/// Makes the listpack again, in which so many entries are there and so many were removed.
#[must_use]
pub fn listpack(dense: &[u8], live: i64, deleted: i64) -> Vec<u8> {
    let mut pack = Writer::default();
    let mut place = 0;
    let mut copy = |pack: &mut Writer| {
        let (element, end) = at(dense, place)?;
        pack.push_encoded(&dense[place..end]);
        place = end;
        match element {
            Element::Integer(number) => Some(number),
            Element::Bytes(_) => Some(0),
        }
    };
    pack.push_integer(live);
    pack.push_integer(deleted);
    let fields = copy(&mut pack).unwrap_or_default();
    for _ in 0..fields {
        copy(&mut pack);
    }
    pack.push_integer(0);
    while let Some(flags) = copy(&mut pack) {
        copy(&mut pack);
        copy(&mut pack);
        let is_same = flags & SAME_FIELDS != 0;
        let count = if is_same { fields } else { copy(&mut pack).unwrap_or_default() };
        for _ in 0..if is_same { count } else { 2 * count } {
            copy(&mut pack);
        }
        pack.push_integer(elements_of(count, is_same));
    }
    pack.finish();
    pack.bytes
}

/// Reads the element at a place of a listpack as it is encoded, without the length behind it; returns it
/// with the place of the next one. None at the end marker.
fn encoded(pack: &[u8], place: usize) -> Option<(&[u8], usize)> {
    let first = pack[place];
    if first == END {
        return None;
    }
    let (_, length) = read_entry(first, &pack[place..]).expect("an entry that was written");
    let end = place + length;
    Some((&pack[place..end], end + back_length_size(length)))
}

fn integer(encoded: &[u8]) -> i64 {
    match at(encoded, 0) {
        Some((Element::Integer(number), _)) => number,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_comes_back_byte_for_byte() {
        let long = "l".repeat(20_000);
        let middle = "v".repeat(100);
        let entries: [&[&str]; 4] = [
            &["2", "1", "2", "a", "12", "0"],
            &["2", "0", "-1", "x", "70000", "5"],
            &["3", "5", "-1", &long, "", "5"],
            &["0", "300000", "7", "1", "other", &middle, "6"],
        ];
        let mut writer = Writer::default();
        entries.concat().iter().for_each(|word| writer.push(word.as_bytes()));
        let pack = writer.finish();
        assert_eq!(super::super::entries::check(pack), Ok(2));
        let dense = of(pack);
        assert!(dense.len() < pack.len() - 20);
        assert_eq!((counts(pack), listpack(&dense, 2, 1)), ((2, 1), pack.to_vec()));
        assert_eq!(at(&dense, dense.len()), None);
    }

    #[test]
    fn an_entry_is_marked_where_its_flags_lie_whatever_their_length() {
        for flags in [0, 2, 126, 4094, 32_766, -2, -4096, 70_000, 1 << 40] {
            let mut dense = Vec::new();
            let bytes = push_integer(&mut dense, flags);
            assert_eq!(bytes, super::super::integer_bytes(flags));
            mark_deleted(&mut dense, 0);
            assert_eq!(at(&dense, 0), Some((Element::Integer(flags | DELETED), dense.len())));
        }
    }
}
