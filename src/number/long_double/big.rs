//! Natural numbers of any size: the few operations that exact decimal conversion needs.

use std::cmp::Ordering;

/// A natural number in limbs of 64 bits, the least significant first, the last one never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Big(Vec<u64>);

impl Big {
    pub(super) fn new(number: u64) -> Self {
        let mut big = Self(vec![number]);
        big.trim();
        big
    }

    /// Reads decimal digits.
    pub(super) fn from_digits(digits: &[u8]) -> Self {
        let mut big = Self::new(0);
        for digit in digits {
            big.multiply_add(10, u64::from(digit - b'0'));
        }
        big
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts the bits from the first set one down.
    pub(super) fn bits(&self) -> usize {
        let top = self.0.last().map_or(64, |limb| limb.leading_zeros() as usize);
        self.0.len() * 64 - if self.is_zero() { 0 } else { top }
    }

    /// Multiplies by `factor` and adds `summand`.
    pub(super) fn multiply_add(&mut self, factor: u64, summand: u64) {
        let mut carry = u128::from(summand);
        for limb in &mut self.0 {
            carry += u128::from(*limb) * u128::from(factor);
            *limb = carry as u64;
            carry >>= 64;
        }
        self.0.push(carry as u64);
        self.trim();
    }

    /// Multiplies by `10^exponent`.
    pub(super) fn scale(&mut self, exponent: usize) {
        const STEP: usize = 19;
        for _ in 0..exponent / STEP {
            self.multiply_add(10u64.pow(STEP as u32), 0);
        }
        self.multiply_add(10u64.pow((exponent % STEP) as u32), 0);
    }

    pub(super) fn shift_left(&mut self, bits: usize) {
        let factor = 1 << (bits % 64);
        self.multiply_add(factor, 0);
        self.0.splice(0..0, std::iter::repeat_n(0, bits / 64));
        self.trim();
    }

    /// Takes away `other`, which is not greater.
    pub(super) fn subtract(&mut self, other: &Self) {
        let mut borrowed = false;
        for (index, limb) in self.0.iter_mut().enumerate() {
            let taken = other.0.get(index).copied().unwrap_or(0);
            let (rest, first) = limb.overflowing_sub(taken);
            let (rest, second) = rest.overflowing_sub(u64::from(borrowed));
            *limb = rest;
            borrowed = first || second;
        }
        assert!(!borrowed, "a greater number was taken away");
        self.trim();
    }

    /// Divides by `divisor` and returns the remainder.
    pub(super) fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0u128;
        for limb in self.0.iter_mut().rev() {
            let wide = remainder << 64 | u128::from(*limb);
            *limb = (wide / u128::from(divisor)) as u64;
            remainder = wide % u128::from(divisor);
        }
        self.trim();
        remainder as u64
    }

    /// Returns the top 128 bits, how many bits lie below them, and whether one of those is set.
    pub(super) fn top(&self) -> (u128, usize, bool) {
        let below = self.bits().saturating_sub(128);
        let (limb, bit) = (below / 64, below % 64);
        let at = |index: usize| u128::from(self.0.get(index).copied().unwrap_or(0));
        let mut wide = at(limb + 1) << 64 | at(limb);
        if bit > 0 {
            wide = wide >> bit | at(limb + 2) << (128 - bit);
        }
        let rest = self.0.iter().take(limb).any(|limb| *limb != 0);
        (wide, below, rest || at(limb) & ((1 << bit) - 1) != 0)
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_size = self.0.len().cmp(&other.0.len());
        by_size.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn big(number: u128) -> Big {
        Big::from_digits(number.to_string().as_bytes())
    }

    #[test]
    fn zero_has_no_bits() {
        assert_eq!(Big::new(0).bits(), 0);
        assert!(Big::from_digits(b"000").is_zero());
    }

    #[test]
    fn the_top_of_a_long_number_knows_what_lies_below() {
        let mut number = Big::new(3);
        number.shift_left(1000);
        assert_eq!(number.top(), (3 << 126, 874, false));
        number.multiply_add(1, 1);
        assert_eq!(number.top(), (3 << 126, 874, true));
        assert_eq!(number.bits(), 1002);
    }

    proptest! {
        #[test]
        fn it_agrees_with_machine_integers(a: u128, b: u128, small in 1u64.., shift in 0usize..64) {
            let (low, high) = (a.min(b), a.max(b));
            let mut difference = big(high);
            difference.subtract(&big(low));
            prop_assert_eq!(&difference, &big(high - low));
            prop_assert_eq!(big(a).cmp(&big(b)), a.cmp(&b));
            prop_assert_eq!(big(a).bits() as u32, 128 - a.leading_zeros());
            prop_assert_eq!(big(a).top(), (a, 0, false));

            let mut quotient = big(a);
            prop_assert_eq!(u128::from(quotient.divide(small)), a % u128::from(small));
            prop_assert_eq!(quotient, big(a / u128::from(small)));

            let mut shifted = big(a >> 64);
            shifted.shift_left(shift);
            prop_assert_eq!(shifted, big((a >> 64) << shift));
        }
    }
}
