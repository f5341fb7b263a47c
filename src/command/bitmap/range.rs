//! The part of a string that a command looks at, as clients write it.

use std::ops::RangeInclusive;

use crate::command::Fault;
use crate::net::args::Args;
use crate::number::parse_i64_strict;

/// What the ends of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// Reads `BYTE` or `BIT`; bytes where the word is left out.
    pub(super) fn parse(word: Option<&[u8]>) -> Result<Self, Fault> {
        match word {
            None => Ok(Self::Byte),
            Some(word) if word.eq_ignore_ascii_case(b"BIT") => Ok(Self::Bit),
            Some(word) if word.eq_ignore_ascii_case(b"BYTE") => Ok(Self::Byte),
            Some(_) => Err(Fault::SYNTAX),
        }
    }

    fn bits(self) -> usize {
        match self {
            Self::Byte => 8,
            Self::Bit => 1,
        }
    }
}

/// The ends of a range, the last one included; negative ones count from the end of the string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) unit: Unit,
}

impl Ends {
    /// All of a string.
    pub(super) const ALL: Self = Self { first: 0, last: -1, unit: Unit::Byte };

    /// Returns the bits of a string of `len` bytes that are meant, if there are any.
    pub(super) fn bits(self, len: usize) -> Option<RangeInclusive<usize>> {
        let each = self.unit.bits();
        let total = (len * 8 / each) as i64;
        let from_end = |index: i64| if index < 0 { (total + index).max(0) } else { index };
        let (first, last) = (from_end(self.first), from_end(self.last).min(total - 1));
        if first > last {
            return None;
        }
        Some(first as usize * each..=last as usize * each + (each - 1))
    }
}

/// Reads the integer in a word.
pub(super) fn integer(args: &Args<'_>, index: usize) -> Result<i64, Fault> {
    parse_i64_strict(args.word(index)).ok_or(Fault::NOT_AN_INTEGER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_bits_that_are_there() {
        for (first, last, unit, expected) in [
            (0, -1, Unit::Byte, Some(0..=23)),
            (1, 1, Unit::Byte, Some(8..=15)),
            (-2, 100, Unit::Byte, Some(8..=23)),
            (-100, 0, Unit::Byte, Some(0..=7)),
            (2, 1, Unit::Byte, None),
            (3, 100, Unit::Byte, None),
            (-100, -100, Unit::Byte, Some(0..=7)),
            (5, -3, Unit::Bit, Some(5..=21)),
            (-1, -1, Unit::Bit, Some(23..=23)),
            (24, 24, Unit::Bit, None),
            (i64::MIN, i64::MAX, Unit::Bit, Some(0..=23)),
            (i64::MAX, i64::MIN, Unit::Bit, None),
        ] {
            assert_eq!(Ends { first, last, unit }.bits(3), expected, "{first} {last} {unit:?}");
        }
        assert_eq!(Ends::ALL.bits(0), None);
        assert_eq!(Ends { first: -1, last: -1, unit: Unit::Bit }.bits(0), None);
    }
}
