//! From registers to a count: the improved raw estimator of Otmar Ertl, "New cardinality estimation
//! algorithms for `HyperLogLog` sketches" (2017), algorithm 6.

use super::sketch::REGISTERS;

/// The values that six bits can have.
const VALUES: usize = 64;
/// The bits of a hash that do not name the register; a register holds one more at most.
const RANK_BITS: usize = 50;
/// One half over the natural logarithm of two.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers hold each value.
#[derive(Clone, Debug)]
pub(super) struct Histogram([u32; VALUES]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; VALUES])
    }
}

impl Histogram {
    /// Counts so many registers with one value.
    ///
    /// # Panics
    /// When the value takes more than six bits.
    pub(super) fn add(&mut self, value: u8, registers: usize) {
        self.0[usize::from(value)] += registers as u32;
    }

    fn at(&self, value: usize) -> f64 {
        f64::from(self.0[value])
    }
}

/// Estimates how many distinct elements gave these registers.
pub(super) fn estimate(histogram: &Histogram) -> u64 {
    let m = REGISTERS as f64;
    let full = m * tau((m - histogram.at(RANK_BITS + 1)) / m);
    let sum = (1..=RANK_BITS).rev().fold(full, |sum, value| (sum + histogram.at(value)) * 0.5);
    let sum = sum + m * sigma(histogram.at(0) / m);
    (ALPHA * m * m / sum).round() as u64
}

/// The share of the registers that are zero.
fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (x, 1.0, x);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if is_same(sum, before) {
            return sum;
        }
    }
}

/// The share of the registers that are as high as can be.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if is_same(sum, before) {
            return sum / 3.0;
        }
    }
}

/// The series have converged when another term changes nothing at all.
fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}
