//! What commands of lists read from their words: numbers, ends and indices.

use std::ops::Range;

use crate::command::Fault;
use crate::keyspace::ListEnd;
use crate::number::parse_i64_strict;

/// Reads an integer.
#[inline]
pub(super) fn integer(word: &[u8]) -> Result<i64, Fault> {
    parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER)
}

/// Reads a number that is `min` at least; whatever else it is gets this error.
#[inline]
pub(super) fn at_least(min: usize, word: &[u8], otherwise: Fault) -> Result<usize, Fault> {
    let number = parse_i64_strict(word).and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number >= min).ok_or(otherwise)
}

/// Reads `LEFT` or `RIGHT`.
pub(in crate::command) fn end(word: &[u8]) -> Result<ListEnd, Fault> {
    if word.eq_ignore_ascii_case(b"LEFT") {
        Ok(ListEnd::Left)
    } else if word.eq_ignore_ascii_case(b"RIGHT") {
        Ok(ListEnd::Right)
    } else {
        Err(Fault::SYNTAX)
    }
}

/// Finds the place of an index in a list of `len` elements; negative ones count from the end.
#[inline]
pub(super) fn index(index: i64, len: usize) -> Option<usize> {
    let place = if index < 0 { index + len as i64 } else { index };
    usize::try_from(place).ok().filter(|place| *place < len)
}

/// Finds the places from `start` to `stop`, that one included, in a list of `len` elements.
pub(super) fn range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let place = |index: i64| if index < 0 { index + len as i64 } else { index };
    let start = usize::try_from(place(start)).unwrap_or(0);
    let end = usize::try_from(place(stop).saturating_add(1)).unwrap_or(0).min(len);
    if start < end { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_lies_within_the_list_or_is_empty() {
        for (start, stop, places) in [
            (0, -1, 0..3),
            (1, 1, 1..2),
            (-2, 100, 1..3),
            (-100, 0, 0..1),
            (i64::MIN, i64::MAX, 0..3),
            (2, 1, 0..0),
            (3, 5, 0..0),
            (0, -4, 0..0),
            (i64::MAX, i64::MIN, 0..0),
        ] {
            assert_eq!(range(start, stop, 3), places, "{start} {stop}");
        }
        assert_eq!(range(0, -1, 0), 0..0);
    }

    #[test]
    fn an_index_may_count_from_the_end() {
        let places = [0, 2, -1, -3].map(|number| index(number, 3));
        assert_eq!(places, [Some(0), Some(2), Some(2), Some(0)]);
        assert_eq!([3, -4, i64::MIN, i64::MAX].map(|number| index(number, 3)), [None; 4]);
    }
}
