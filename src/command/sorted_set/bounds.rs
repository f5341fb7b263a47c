//! The ends of ranges, as they are written.

use std::ops::Range;

use crate::command::Fault;
use crate::keyspace::{Cut, SortedSet};
use crate::number::{parse_f64_of_c, parse_i64_strict};

/// What lies between two ends, both of them read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds<'a> {
    /// From one rank to another, inclusive; from the end if negative.
    Ranks(i64, i64),
    /// What lies between two cuts of the scores.
    Scores(Cut<f64>, Cut<f64>),
    /// What lies between two cuts of the members.
    Members(Cut<&'a [u8]>, Cut<&'a [u8]>),
}

/// What the ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Member,
}

impl<'a> Bounds<'a> {
    /// Reads the lower and the upper end.
    pub(super) fn parse(by: By, low: &'a [u8], high: &'a [u8]) -> Result<Self, Fault> {
        match by {
            By::Rank => {
                let rank = |text| parse_i64_strict(text).ok_or(Fault::NOT_AN_INTEGER);
                Ok(Self::Ranks(rank(low)?, rank(high)?))
            }
            By::Score => scores(low, high).ok_or(Fault::fixed("ERR min or max is not a float")),
            By::Member => {
                members(low, high).ok_or(Fault::fixed("ERR min or max not valid string range item"))
            }
        }
    }

    /// Finds the ranks of the members in between.
    pub(super) fn ranks(&self, set: &SortedSet<'_>) -> Range<usize> {
        match self {
            Self::Ranks(first, last) => ranks(*first, *last, set.len()),
            Self::Scores(low, high) => set.ranks_by_score(*low, *high),
            Self::Members(low, high) => set.ranks_by_member(*low, *high),
        }
    }
}

/// Resolves ranks of which the last is included, and negative ones count from the end.
fn ranks(first: i64, last: i64, len: usize) -> Range<usize> {
    let from_start = |rank: i64| if rank < 0 { len as i64 + rank } else { rank };
    let start = from_start(first).max(0) as usize;
    let end = usize::try_from(from_start(last)).map_or(0, |last| last.saturating_add(1));
    start.min(len)..end.min(len).max(start.min(len))
}

fn scores<'a>(low: &[u8], high: &[u8]) -> Option<Bounds<'a>> {
    let low = match low {
        [b'(', text @ ..] => Cut::After(parse_f64_of_c(text)?),
        text => Cut::Before(parse_f64_of_c(text)?),
    };
    let high = match high {
        [b'(', text @ ..] => Cut::Before(parse_f64_of_c(text)?),
        text => Cut::After(parse_f64_of_c(text)?),
    };
    Some(Bounds::Scores(low, high))
}

fn members<'a>(low: &'a [u8], high: &'a [u8]) -> Option<Bounds<'a>> {
    let low = match low {
        [b'(', member @ ..] => Cut::After(member),
        [b'[', member @ ..] => Cut::Before(member),
        other => without_member(other)?,
    };
    let high = match high {
        [b'(', member @ ..] => Cut::Before(member),
        [b'[', member @ ..] => Cut::After(member),
        other => without_member(other)?,
    };
    Some(Bounds::Members(low, high))
}

/// Reads an end that is no member; a zero byte ends it for C.
fn without_member(text: &[u8]) -> Option<Cut<&'static [u8]>> {
    match text {
        [b'-'] | [b'-', 0, ..] => Some(Cut::Start),
        [b'+'] | [b'+', 0, ..] => Some(Cut::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_may_count_from_the_end_and_lie_outside() {
        for (first, last, found) in [
            (0, -1, 0..5),
            (1, 2, 1..3),
            (-2, -1, 3..5),
            (-100, 100, 0..5),
            (3, 1, 3..3),
            (5, 9, 5..5),
            (0, -6, 0..0),
            (i64::MIN, i64::MAX, 0..5),
            (i64::MAX, i64::MIN, 5..5),
        ] {
            assert_eq!(ranks(first, last, 5), found, "{first} {last}");
        }
    }
}
