//! Random numbers for whatever picks something; no use for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};

thread_local! {
    static STATE: Cell<u64> = Cell::new(ahash::RandomState::new().build_hasher().finish());
}

/// Draws 64 random bits.
///
/// The generator is `SplitMix64` (Steele, Lea, Flood 2014), one for each thread, its beginning from the
/// operating system.
pub fn random_bits() -> u64 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Draws a number below `bound`, each as likely as the others but for one part in 2^32 or less.
///
/// # Panics
/// When the bound is zero.
pub fn random_below(bound: usize) -> usize {
    assert!(bound > 0, "there is no number below zero");
    ((u128::from(random_bits()) * bound as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_the_bound_is_drawn() {
        let mut drawn = [0; 7];
        for _ in 0..7_000 {
            drawn[random_below(7)] += 1;
        }
        assert!(drawn.iter().all(|count| (600..1_400).contains(count)), "{drawn:?}");
        assert_eq!(random_below(1), 0);
    }
}
