//! LZF, the compression of strings in RDB files.
//!
//! A control byte `000lllll` is followed by `l + 1` literal bytes; `lllooooo oooooooo` copies
//! `l + 2` bytes from `o + 1` bytes back; with `lll = 111` another length byte is added, which
//! stands between the two.

/// No input byte can stand for more than this many output bytes: 3 bytes copy up to 264.
pub const RATIO_MAX: u64 = 88;

const HASH_BITS: u32 = 14;
const LITERALS_MAX: usize = 32;
const COPY_MIN: usize = 3;
const COPY_MAX: usize = 264;
const DISTANCE_MAX: usize = 8192;

/// Why bytes are not an LZF stream of the promised size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LzfError {
    /// A literal or copy needs bytes past the end of the input.
    #[error("the compressed bytes end too early")]
    Truncated,
    /// A copy reaches back before the first byte of the output.
    #[error("a copy reaches back before the start")]
    Distance,
    /// The output is longer or shorter than promised.
    #[error("the compressed bytes do not yield the promised size")]
    Size,
}

/// Appends the `size` bytes that `input` stands for.
///
/// Memory grows with what the input yields, never by the promise alone.
pub fn decompress(input: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), LzfError> {
    if size as u64 > (input.len() as u64).saturating_mul(RATIO_MAX) {
        return Err(LzfError::Size);
    }
    out.reserve(size);
    let start = out.len();
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        let left = size - (out.len() - start);
        if control < 32 {
            let count = usize::from(control) + 1;
            let (literals, after) = rest.split_at_checked(count).ok_or(LzfError::Truncated)?;
            if count > left {
                return Err(LzfError::Size);
            }
            out.extend_from_slice(literals);
            rest = after;
        } else {
            let (copy, after) = Copy::read(control, rest).ok_or(LzfError::Truncated)?;
            rest = after;
            if copy.length > left {
                return Err(LzfError::Size);
            }
            copy.perform(start, out)?;
        }
    }
    if out.len() - start == size { Ok(()) } else { Err(LzfError::Size) }
}

struct Copy {
    length: usize,
    distance: usize,
}

impl Copy {
    fn read(control: u8, rest: &[u8]) -> Option<(Self, &[u8])> {
        let (mut length, mut rest) = (usize::from(control >> 5), rest);
        if length == 7 {
            let (&more, after) = rest.split_first()?;
            length += usize::from(more);
            rest = after;
        }
        let (&low, rest) = rest.split_first()?;
        let distance = (usize::from(control & 0x1f) << 8 | usize::from(low)) + 1;
        Some((Self { length: length + 2, distance }, rest))
    }

    fn perform(&self, start: usize, out: &mut Vec<u8>) -> Result<(), LzfError> {
        let from = out.len().checked_sub(self.distance).filter(|&from| from >= start);
        let from = from.ok_or(LzfError::Distance)?;
        if self.distance >= self.length {
            out.extend_from_within(from..from + self.length);
        } else {
            // The copy feeds on its own output: runs repeat.
            for at in from..from + self.length {
                let byte = out[at];
                out.push(byte);
            }
        }
        Ok(())
    }
}

/// Compresses, and keeps its table from one string to the next.
#[derive(Debug)]
pub struct Compressor {
    /// For a hash of three bytes, where it was last seen: `base` plus the position; made when used.
    table: Vec<u32>,
    /// Grows by each string's length, so that entries of earlier strings lie below it; never zero.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { table: Vec::new(), base: 1 }
    }
}

impl Compressor {
    /// Replaces `out` with the compressed form if that takes at most `size_max` bytes.
    ///
    /// Returns whether it does; otherwise `out` holds nothing of use.
    #[must_use]
    pub fn compress(&mut self, input: &[u8], size_max: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        let Ok(len) = u32::try_from(input.len()) else { return false };
        self.table.resize(1 << HASH_BITS, 0);
        if self.base.checked_add(len).is_none() {
            self.table.fill(0);
            self.base = 1;
        }
        if self.base.checked_add(len).is_none() {
            return false;
        }
        let fits = self.compress_at_base(input, size_max, out);
        self.base += len;
        fits
    }

    fn compress_at_base(&mut self, input: &[u8], size_max: usize, out: &mut Vec<u8>) -> bool {
        let mut literals_from = 0;
        let mut at = 0;
        while at + COPY_MIN <= input.len() {
            let Some(earlier) = self.remember(input, at) else {
                at += 1;
                continue;
            };
            put_literals(&input[literals_from..at], out);
            let length = match_length(input, earlier, at);
            put_copy(length, at - earlier, out);
            if out.len() > size_max {
                return false;
            }
            let end = at + length;
            // The last places of a copy are worth remembering; all of them would cost too much.
            for place in (at + 1).max(end - 2)..end {
                if place + COPY_MIN <= input.len() {
                    let _ = self.remember(input, place);
                }
            }
            at = end;
            literals_from = end;
        }
        put_literals(&input[literals_from..], out);
        out.len() <= size_max
    }

    /// Notes that the three bytes at `at` are there; returns an earlier place that holds the same.
    fn remember(&mut self, input: &[u8], at: usize) -> Option<usize> {
        let three = &input[at..at + COPY_MIN];
        let word = u32::from_le_bytes([three[0], three[1], three[2], 0]);
        let slot = &mut self.table[(word.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize];
        let earlier = slot.checked_sub(self.base).map(|earlier| earlier as usize);
        *slot = self.base + at as u32;
        let earlier = earlier.filter(|earlier| at - earlier <= DISTANCE_MAX)?;
        (input[earlier..earlier + COPY_MIN] == *three).then_some(earlier)
    }
}

fn match_length(input: &[u8], earlier: usize, at: usize) -> usize {
    let ahead = input[at..].iter().take(COPY_MAX);
    ahead.zip(&input[earlier..]).take_while(|(now, then)| now == then).count()
}

fn put_literals(mut literals: &[u8], out: &mut Vec<u8>) {
    while !literals.is_empty() {
        let (run, rest) = literals.split_at(literals.len().min(LITERALS_MAX));
        out.push((run.len() - 1) as u8);
        out.extend_from_slice(run);
        literals = rest;
    }
}

fn put_copy(length: usize, distance: usize, out: &mut Vec<u8>) {
    let (length, distance) = (length - 2, distance - 1);
    let high = (distance >> 8) as u8;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((length - 7) as u8);
    }
    out.push(distance as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(compressor: &mut Compressor, input: &[u8]) -> usize {
        let mut small = Vec::new();
        assert!(compressor.compress(input, input.len() * 2 + 16, &mut small));
        let mut back = b"before".to_vec();
        decompress(&small, input.len(), &mut back).unwrap();
        assert_eq!(&back[6..], input);
        small.len()
    }

    #[test]
    fn runs_and_repeats_shrink_and_come_back() {
        let mut compressor = Compressor::default();
        assert!(round_trip(&mut compressor, &b"x".repeat(100_000)) < 2000);
        assert!(round_trip(&mut compressor, &b"hello, replica. ".repeat(1000)) < 800);
        round_trip(&mut compressor, b"");
        round_trip(&mut compressor, b"ab");
    }

    #[test]
    fn a_string_never_refers_to_the_one_before_it() {
        let mut compressor = Compressor::default();
        for base in [1, u32::MAX - 20, u32::MAX - 64] {
            compressor.base = base;
            for _ in 0..4 {
                round_trip(&mut compressor, b"the same text twice over and over and over");
            }
        }
    }

    #[test]
    fn what_does_not_shrink_is_declined() {
        let noise: Vec<u8> = (0..=255).collect();
        assert!(!Compressor::default().compress(&noise, 252, &mut Vec::new()));
    }

    #[test]
    fn bad_streams_are_refused() {
        let refused = |input: &[u8], size| decompress(input, size, &mut Vec::new()).unwrap_err();
        assert_eq!(refused(&[4, b'a'], 5), LzfError::Truncated);
        assert_eq!(refused(&[0x20], 3), LzfError::Truncated);
        assert_eq!(refused(&[0xe0, 1], 10), LzfError::Truncated);
        assert_eq!(refused(&[0, b'a', 0x20, 1], 4), LzfError::Distance);
        assert_eq!(refused(&[0, b'a'], 2), LzfError::Size);
        assert_eq!(refused(&[1, b'a', b'b'], 1), LzfError::Size);
        assert_eq!(refused(&[0, b'a'], 1 << 40), LzfError::Size);
    }

    #[test]
    fn a_copy_sees_nothing_of_what_the_buffer_held_before() {
        let mut out = b"secret".to_vec();
        assert_eq!(decompress(&[0x20, 2], 3, &mut out), Err(LzfError::Distance));
    }

    proptest! {
        #[test]
        fn any_bytes_round_trip(
            inputs in prop::collection::vec(prop::collection::vec(0u8..4, 0..3000), 1..4),
        ) {
            let mut compressor = Compressor::default();
            for input in inputs {
                round_trip(&mut compressor, &input);
            }
        }

        #[test]
        fn arbitrary_streams_never_exceed_the_promise(
            input in prop::collection::vec(any::<u8>(), 0..200), size in 0usize..5000,
        ) {
            let mut out = Vec::new();
            let _ = decompress(&input, size, &mut out);
            prop_assert!(out.len() <= size);
        }
    }
}
