//! `LCS`: the longest sequence of bytes that two strings have in common, gaps allowed.

use std::ops::Range;

use crate::command::{Call, Fault, Flow};
use crate::net::{Args, Reply};
use crate::number::parse_i64_strict;

use super::limit;

/// Runs `LCS`.
pub fn lcs(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    // Both are looked for before either is judged.
    let (a, b) = (read(call, 1), read(call, 2));
    let (a, b) = (a?, b?);
    let wanted = Wanted::parse(call.args.from(3))?;
    check_size(call, &a, &b)?;
    match wanted {
        Wanted::Length => call.reply.integer(lengths(&a, &b, |_, _| {}).into()),
        Wanted::Bytes => {
            let found = Comparison::of(&a, &b).matches();
            let bytes: Vec<u8> =
                found.iter().rev().flat_map(|found| &a[found.a.clone()]).copied().collect();
            call.reply.bulk(&bytes);
        }
        Wanted::Ranges(options) => {
            let comparison = Comparison::of(&a, &b);
            write_ranges(&mut call.reply, &comparison, options);
        }
    }
    Ok(Flow::Done)
}

/// What the options ask for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// The sequence.
    Bytes,
    /// Its length.
    Length,
    /// Where its parts are.
    Ranges(RangeOptions),
}

/// How ranges are listed.
#[derive(Clone, Copy, Debug, Default)]
struct RangeOptions {
    /// The shortest that is listed.
    len_min: usize,
    /// Whether each comes with its length.
    with_len: bool,
}

impl Wanted {
    fn parse(words: Args<'_>) -> Result<Self, Fault> {
        const BOTH: Fault =
            Fault::fixed("ERR If you want both the length and indexes, please just use IDX.");
        let mut length = false;
        let mut ranges = false;
        let mut options = RangeOptions::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            if is(b"IDX") {
                ranges = true;
            } else if is(b"LEN") {
                length = true;
            } else if is(b"WITHMATCHLEN") {
                options.with_len = true;
            } else if is(b"MINMATCHLEN") {
                let number = words.next().ok_or(Fault::SYNTAX)?;
                let number = parse_i64_strict(number).ok_or(Fault::NOT_AN_INTEGER)?;
                options.len_min = usize::try_from(number).unwrap_or(0);
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        match (length, ranges) {
            (true, true) => Err(BOTH),
            (true, false) => Ok(Self::Length),
            (false, true) => Ok(Self::Ranges(options)),
            (false, false) => Ok(Self::Bytes),
        }
    }
}

/// A part of the sequence: the same bytes at a place in either string.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Match {
    a: Range<usize>,
    b: Range<usize>,
}

/// Two strings compared: for each pair of beginnings, which of the two must be shortened.
///
/// The textbook keeps the length for each pair. One bit is enough to walk back, and the lengths are
/// needed of one row at a time.
struct Comparison<'s> {
    a: &'s [u8],
    b: &'s [u8],
    shorten_a: Vec<u64>,
    len: u32,
}

impl<'s> Comparison<'s> {
    fn of(a: &'s [u8], b: &'s [u8]) -> Self {
        let mut shorten_a = vec![0; (a.len() * b.len()).div_ceil(64)];
        let len = lengths(a, b, |cell, longer_without_a| {
            shorten_a[cell / 64] |= u64::from(longer_without_a) << (cell % 64);
        });
        Self { a, b, shorten_a, len }
    }

    /// Returns the parts of the sequence, the last one first.
    fn matches(&self) -> Vec<Match> {
        let mut matches: Vec<Match> = Vec::new();
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while i > 0 && j > 0 {
            if self.a[i - 1] == self.b[j - 1] {
                match matches.last_mut() {
                    Some(last) if last.a.start == i && last.b.start == j => {
                        last.a.start -= 1;
                        last.b.start -= 1;
                    }
                    _ => matches.push(Match { a: i - 1..i, b: j - 1..j }),
                }
                (i, j) = (i - 1, j - 1);
            } else if self.shortens_a(i, j) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        matches
    }

    fn shortens_a(&self, i: usize, j: usize) -> bool {
        let cell = (i - 1) * self.b.len() + j - 1;
        self.shorten_a[cell / 64] >> (cell % 64) & 1 == 1
    }
}

/// Refuses strings whose comparison would take stock servers more memory than a string may have.
///
/// They keep four bytes for each pair of beginnings. It takes less here, but time grows the same.
fn check_size(call: &Call<'_, '_>, a: &[u8], b: &[u8]) -> Result<(), Fault> {
    const TOO_LARGE: Fault = Fault::fixed(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    );
    let cells = (a.len() + 1).checked_mul(b.len() + 1);
    let bytes = cells.and_then(|cells| cells.checked_mul(size_of::<u32>()));
    bytes.filter(|bytes| limit::allows(call.host, *bytes)).map(drop).ok_or(TOO_LARGE)
}

/// Computes the length of the sequence, and tells `note` of each cell with unequal bytes whether
/// the beginnings have more in common without the last byte of `a` than without that of `b`.
fn lengths(a: &[u8], b: &[u8], mut note: impl FnMut(usize, bool)) -> u32 {
    let mut row = vec![0u32; b.len()];
    for (i, byte) in a.iter().enumerate() {
        let (mut diagonal, mut left) = (0, 0);
        for (j, (other, above)) in b.iter().zip(&mut row).enumerate() {
            let here = if byte == other {
                diagonal + 1
            } else {
                note(i * b.len() + j, *above > left);
                left.max(*above)
            };
            (diagonal, left) = (*above, here);
            *above = here;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn write_ranges(reply: &mut Reply<'_>, comparison: &Comparison<'_>, options: RangeOptions) {
    let mut matches = comparison.matches();
    matches.retain(|found| found.a.len() >= options.len_min);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.len());
    for found in matches {
        reply.array(2 + usize::from(options.with_len));
        for range in [&found.a, &found.b] {
            reply.array(2);
            reply.count(range.start);
            reply.count(range.end - 1);
        }
        if options.with_len {
            reply.count(found.a.len());
        }
    }
    reply.bulk(b"len");
    reply.integer(comparison.len.into());
}

fn read(call: &mut Call<'_, '_>, index: usize) -> Result<Vec<u8>, Fault> {
    const NOT_STRINGS: Fault = Fault::fixed("ERR The specified keys must contain string values");
    let key = call.key(index);
    let mut bytes = Vec::new();
    if let Some(value) = call.data.read_string(&key).map_err(|_| NOT_STRINGS)? {
        value.write_to(&mut bytes);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The length by the definition: drop the last byte of either, or take it from both.
    fn length_by_definition(a: &[u8], b: &[u8]) -> u32 {
        match (a, b) {
            ([a_rest @ .., x], [b_rest @ .., y]) if x == y => {
                1 + length_by_definition(a_rest, b_rest)
            }
            ([a_rest @ .., _], [b_rest @ .., _]) => {
                length_by_definition(a_rest, b).max(length_by_definition(a, b_rest))
            }
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn the_matches_are_a_common_sequence_of_the_greatest_length(
            a in "[abc]{0,9}", b in "[abc]{0,9}",
        ) {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let comparison = Comparison::of(a, b);
            let expected = length_by_definition(a, b);
            prop_assert_eq!(comparison.len, expected);
            prop_assert_eq!(lengths(b, a, |_, _| {}), expected);
            let matches = comparison.matches();
            prop_assert_eq!(matches.iter().map(|found| found.a.len() as u32).sum::<u32>(), expected);
            for found in &matches {
                prop_assert_eq!(&a[found.a.clone()], &b[found.b.clone()]);
            }
            for pair in matches.windows(2) {
                prop_assert!(pair[1].a.end <= pair[0].a.start && pair[1].b.end <= pair[0].b.start);
            }
        }
    }
}
