//! A score in a packed sorted set: its eight bytes, the highest first, without the zeroes at the end.
//!
//! Whole numbers below a million take four bytes or fewer so, and 0 none.

const BYTES_MAX: usize = size_of::<f64>();

/// A score as it is packed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl Score {
    #[inline]
    pub(super) fn new(score: f64) -> Self {
        let bits = score.to_bits();
        let len = BYTES_MAX - bits.trailing_zeros() as usize / 8;
        Self { bytes: bits.to_be_bytes(), len }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Reads the score that all of `packed` are the bytes of.
#[inline]
pub(super) fn read(packed: &[u8]) -> f64 {
    let bits = match (packed.first_chunk(), packed.last_chunk()) {
        (Some(first), Some(last)) => {
            // Where the two overlap they have the same bits.
            let low = u64::from(u32::from_be_bytes(*last)) << ((BYTES_MAX - packed.len()) * 8);
            u64::from(u32::from_be_bytes(*first)) << u32::BITS | low
        }
        _ => packed.iter().rev().fold(0, |bits, byte| bits >> 8 | u64::from(*byte) << 56),
    };
    f64::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_reads_back(score: f64) {
        let packed = Score::new(score);
        assert_eq!(read(packed.as_bytes()).to_bits(), score.to_bits(), "{score}");
    }

    #[test]
    fn round_scores_are_short() {
        let sizes = [(0.0, 0), (-0.0, 1), (1.0, 2), (0.5, 2), (f64::INFINITY, 2), (100.0, 2)];
        for (score, size) in sizes.into_iter().chain([(9999.0, 4), (1_048_575.0, 4), (0.1, 8)]) {
            assert_eq!(Score::new(score).as_bytes().len(), size, "{score}");
            assert_reads_back(score);
        }
    }

    proptest! {
        #[test]
        fn every_score_reads_as_it_was_packed(bits: u64, zeroes in 0..65_u32) {
            assert_reads_back(f64::from_bits(bits.checked_shl(zeroes).unwrap_or(0)));
        }
    }
}
