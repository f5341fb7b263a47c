//! `MurmurHash64A` (Austin Appleby), which elements are hashed by, and where an element goes.

use super::sketch::REGISTERS;

/// The seed that Redis hashes with.
const SEED: u64 = 0xadc8_3b19;
const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// The bits of a hash that name the register.
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// What an element does: the register it belongs to, and the least that this then holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) register: usize,
    /// One more than the zeroes its hash goes on with; from 1 to 51.
    pub(super) rank: u8,
}

impl Mark {
    /// Returns what an element does.
    pub(super) fn of(element: &[u8]) -> Self {
        let hash = hash(element);
        let register = hash as usize % REGISTERS;
        // A bit beyond the last one, so that there is an end to the zeroes.
        let rest = hash >> INDEX_BITS | 1 << (u64::BITS - INDEX_BITS);
        Self { register, rank: rest.trailing_zeros() as u8 + 1 }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks();
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    for word in words {
        let mut mixed = u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> SHIFT;
        hash = (hash ^ mixed.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        let mut padded = [0; 8];
        padded[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(padded)).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> SHIFT;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ hash >> SHIFT
}
