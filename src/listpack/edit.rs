//! Editing a listpack where it lies. The bytes must be a listpack, as the reader has found or as made here.

use super::{
    COUNT_UNKNOWN, END, Element, HEADER, back_length_size, put_back_length, put_bytes, put_integer,
    read_entry,
};
use crate::number::parse_i64_strict;

/// The place of the first entry, or of the end marker.
pub fn first() -> usize {
    HEADER
}

/// Makes a listpack without entries.
#[must_use]
pub fn empty() -> Vec<u8> {
    let mut pack = vec![0; HEADER];
    pack.push(END);
    finish(&mut pack, 0);
    pack
}

/// Reads the entry at a place; returns it with the place of the next one. None at the end marker.
///
/// # Panics
/// When no entry begins there.
#[inline]
pub fn at(pack: &[u8], place: usize) -> Option<(Element<'_>, usize)> {
    let first = pack[place];
    if first == END {
        return None;
    }
    let (element, length) = read_entry(first, &pack[place..]).expect("an entry that was written");
    Some((element, place + length + back_length_size(length)))
}

/// Finds the place of the entry before a place; none before the first.
#[inline]
pub fn before(pack: &[u8], place: usize) -> Option<usize> {
    if place <= HEADER {
        return None;
    }
    let (mut length, mut shift, mut end) = (0, 0, place);
    loop {
        end -= 1;
        let byte = pack[end];
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(end - length);
        }
    }
}

/// Finds the place of the last entry; none if there is none.
#[inline]
pub fn last(pack: &[u8]) -> Option<usize> {
    before(pack, pack.len() - 1)
}

/// Adds an element at the end; decimal integers take an integer's room.
pub fn push(pack: &mut Vec<u8>, element: &[u8]) {
    match parse_i64_strict(element) {
        Some(integer) => push_integer(pack, integer),
        None => append(pack, |out| put_bytes(out, element)),
    }
}

/// Adds an integer at the end.
pub fn push_integer(pack: &mut Vec<u8>, integer: i64) {
    append(pack, |out| put_integer(out, integer));
}

/// Puts an integer in the place of the entry at a place.
///
/// # Panics
/// When no entry begins there.
pub fn replace_integer(pack: &mut Vec<u8>, place: usize, integer: i64) {
    let (_, next) = at(pack, place).expect("an entry is replaced");
    let mut entry = Vec::with_capacity(10);
    put_entry(&mut entry, |out| put_integer(out, integer));
    if entry.len() == next - place {
        pack[place..next].copy_from_slice(&entry);
        return;
    }
    pack.splice(place..next, entry);
    finish(pack, 0);
}

fn append(pack: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    pack.pop();
    put_entry(pack, put);
    pack.push(END);
    finish(pack, 1);
}

fn put_entry(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let from = out.len();
    put(out);
    let length = out.len() - from;
    put_back_length(out, length);
}

/// Brings the header up to date; a count that is not known stays so.
fn finish(pack: &mut [u8], more: u16) {
    let total = u32::try_from(pack.len()).expect("a listpack holds small values only");
    pack[..4].copy_from_slice(&total.to_le_bytes());
    let count = u16::from_le_bytes([pack[4], pack[5]]);
    let count = if count == COUNT_UNKNOWN { count } else { count + more };
    pack[4..HEADER].copy_from_slice(&count.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Writer};
    use super::*;

    #[test]
    fn what_is_edited_is_what_would_have_been_written() {
        let long = vec![b'x'; 20_000];
        let elements: [&[u8]; 7] = [b"7", b"-1", b"", b"abc", &long[..200], &long, b"123456789012"];
        let (mut pack, mut writer) = (empty(), Writer::default());
        for element in elements {
            push(&mut pack, element);
            writer.push(element);
        }
        assert_eq!(pack, writer.finish());
        let mut place = last(&pack);
        let mut count = 0;
        while let Some(at) = place {
            place = before(&pack, at);
            count += 1;
        }
        assert_eq!(count, elements.len());
        replace_integer(&mut pack, first(), 70_000);
        writer.clear();
        writer.push(b"70000");
        elements[1..].iter().for_each(|element| writer.push(element));
        assert_eq!(pack, writer.finish());
        replace_integer(&mut pack, first(), 7);
        let mut reader = Reader::new(&pack).unwrap();
        assert_eq!(reader.next_element(), Ok(Some(Element::Integer(7))));
        assert_eq!(at(&pack, pack.len() - 1), None);
        assert_eq!((empty().len(), last(&empty())), (7, None));
    }

    #[test]
    fn a_count_that_is_too_large_for_the_header_stays_unknown() {
        let mut pack = empty();
        for _ in 0..70_000 {
            push_integer(&mut pack, 1);
        }
        assert_eq!(pack[4..6], [0xff, 0xff]);
    }
}
