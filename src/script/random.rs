//! The numbers that `math.random` gives: those of `lrand48` of POSIX, as stock servers have them.

use std::cell::Cell;

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// The lowest bits of a seed.
const LOW: u64 = 0x330E;
/// Where everybody begins who has set no seed.
const UNSEEDED: u64 = 0x1234_ABCD_330E;
/// What C calls `RAND_MAX`.
const MOST: u64 = 0x7FFF_FFFF;

/// The generator of one interpreter.
#[derive(Debug)]
pub struct Random(Cell<u64>);

impl Default for Random {
    fn default() -> Self {
        Self(Cell::new(UNSEEDED))
    }
}

impl Random {
    /// Begins anew from a seed, of which 32 bits count.
    pub fn seed(&self, seed: i32) {
        self.0.set((u64::from(seed as u32) << 16) | LOW);
    }

    /// Returns the next number from 0 on, below 1.
    pub fn next(&self) -> f64 {
        let state = self.0.get().wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        self.0.set(state);
        ((state >> 17) % MOST) as f64 / MOST as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_stock_servers() {
        let random = Random::default();
        let below = |most: f64| (random.next() * most).floor() as i64 + 1;
        assert_eq!((below(1000.0), below(1000.0)), (397, 841));
        random.seed(5);
        assert_eq!(below(1000.0), 525);
    }
}
