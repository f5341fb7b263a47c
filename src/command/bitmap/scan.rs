//! Counting and finding bits, eight bytes at a time.

use std::ops::RangeInclusive;

use crate::keyspace::Str;

/// Counts the bits that are set among `bits` of a string.
///
/// # Panics
/// When some of them are not there.
pub(super) fn count(string: Str<'_>, bits: &RangeInclusive<usize>) -> u64 {
    let (first, last) = (*bits.start() / 8, *bits.end() / 8);
    let outside = byte(string, first) & !head_mask(bits);
    let beyond = byte(string, last) & !tail_mask(bits);
    let excess = outside.count_ones() + beyond.count_ones();
    let mut digits = [0; 20];
    let set: u64 = string.pieces(&mut digits, first..last + 1).map(ones).sum();
    set - u64::from(excess)
}

/// Finds the first bit with the value `bit` among `bits` of a string.
///
/// # Panics
/// When some of them are not there.
pub(super) fn find(string: Str<'_>, bits: &RangeInclusive<usize>, bit: Bit) -> Option<usize> {
    let (first, last) = (*bits.start() / 8, *bits.end() / 8);
    let wanted = |at: usize, mask: u8| {
        let found = bit.marks(byte(string, at)) & mask;
        (found != 0).then(|| at * 8 + found.leading_zeros() as usize)
    };
    if first == last {
        return wanted(first, head_mask(bits) & tail_mask(bits));
    }
    let middle = || {
        let mut at = first + 1;
        for piece in string.pieces(&mut [0; 20], at..last) {
            if let Some(skipped) = first_with(piece, bit) {
                return wanted(at + skipped, u8::MAX);
            }
            at += piece.len();
        }
        None
    };
    wanted(first, head_mask(bits)).or_else(middle).or_else(|| wanted(last, tail_mask(bits)))
}

/// The value of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bit {
    Clear,
    Set,
}

impl Bit {
    /// Returns the byte with those bits set that have this value.
    fn marks(self, byte: u8) -> u8 {
        match self {
            Self::Clear => !byte,
            Self::Set => byte,
        }
    }

    /// The byte without any bit of this value.
    fn barren(self) -> u8 {
        self.marks(0)
    }
}

/// The bits of the first byte that are within the range.
fn head_mask(bits: &RangeInclusive<usize>) -> u8 {
    u8::MAX >> (bits.start() % 8)
}

/// The bits of the last byte that are within the range.
fn tail_mask(bits: &RangeInclusive<usize>) -> u8 {
    u8::MAX << (7 - bits.end() % 8)
}

fn byte(string: Str<'_>, at: usize) -> u8 {
    let mut byte = [0];
    string.read(at, &mut byte);
    byte[0]
}

fn ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks();
    let words: u64 = words.iter().map(|w| u64::from(u64::from_le_bytes(*w).count_ones())).sum();
    words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// Finds the first byte that has a bit of a value.
fn first_with(bytes: &[u8], bit: Bit) -> Option<usize> {
    let barren = bit.barren();
    let (words, _) = bytes.as_chunks::<8>();
    let skipped = words.iter().take_while(|word| **word == [barren; 8]).count() * 8;
    let found = bytes[skipped..].iter().position(|byte| *byte != barren)?;
    Some(skipped + found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keyspace::Blocks;

    /// Bytes in which runs of equal bits are long.
    fn sparse() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![8 => Just(0), 8 => Just(0xff), 1 => any::<u8>()];
        prop::collection::vec((byte, 1usize..30), 1..12)
            .prop_map(|runs| runs.into_iter().flat_map(|(byte, count)| vec![byte; count]).collect())
    }

    proptest! {
        #[test]
        fn words_give_what_single_bits_give(
            bytes in sparse(), a: prop::sample::Index, b: prop::sample::Index,
        ) {
            let (a, b) = (a.index(bytes.len() * 8), b.index(bytes.len() * 8));
            let bits = a.min(b)..=a.max(b);
            let is_set = |at: &usize| bytes[at / 8] & (0x80 >> (at % 8)) != 0;
            let set = bits.clone().filter(is_set);
            let string = Str::Bytes(&bytes);
            prop_assert_eq!(count(string, &bits), set.clone().count() as u64);
            prop_assert_eq!(find(string, &bits, Bit::Set), set.clone().next());
            let clear = bits.clone().find(|at| !is_set(at));
            prop_assert_eq!(find(string, &bits, Bit::Clear), clear);
            // The same across the ends of blocks, between zeroes that are not there.
            let begin = 3 * 128 * 1024 - bytes.len() / 2;
            let mut long = Blocks::default();
            long.grow(1 << 20);
            long.write(begin, &bytes);
            let shifted = a.min(b) + begin * 8..=a.max(b) + begin * 8;
            let string = Str::Blocks(&long);
            prop_assert_eq!(count(string, &shifted), set.clone().count() as u64);
            let there = |found: Option<usize>| found.map(|at| at - begin * 8);
            prop_assert_eq!(there(find(string, &shifted, Bit::Set)), set.clone().next());
            prop_assert_eq!(there(find(string, &shifted, Bit::Clear)), clear);
        }
    }
}
