//! The digits of a double as Redis 7.2 picks them: by Grisu2.
//!
//! Florian Loitsch: "Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010.
//! What lies between the two boundaries of a double reads back to it. Both are scaled by a power of
//! ten of 64 bits and moved towards each other by the error of that; the upper one is printed up to
//! the first digit where it may end. So the digits always read back, and nearly always are the
//! fewest that do and the closest of these. Which doubles are the exceptions depends on how the
//! powers are spaced, chosen and rounded: as here, they are those of Redis.

mod powers;

/// The boundaries of a double are further apart than numbers of so many digits are.
const DIGITS_MAX: usize = 17;
/// The bits of a double behind its first.
const FRACTION_BITS: u32 = 52;
/// The bit that a double leaves out, as it is always set in a normal one.
const HIDDEN_BIT: u64 = 1 << FRACTION_BITS;
/// The exponent of the last bit of the least doubles.
const EXPONENT_MIN: i32 = -1074;

/// Digits, the first of them not zero, and the exponent of the last: `12` and `-1` are 1.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    bytes: [u8; DIGITS_MAX],
    len: usize,
    pub(super) last_place: i32,
}

/// The number `mantissa × 2^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scaled {
    mantissa: u64,
    exponent: i32,
}

/// How far below the upper boundary things are, in one unit.
#[derive(Clone, Copy)]
struct Below {
    /// The number itself.
    number: u64,
    /// The lower boundary.
    lower: u64,
}

impl Digits {
    /// Finds digits of a number that is finite and more than zero.
    pub(super) fn of(number: f64) -> Self {
        let exact = Scaled::of(number);
        let (lower, upper) = exact.boundaries();
        let (power, power_exponent) = powers::for_exponent(upper.exponent);
        let upper = upper.times(power);
        let upper = Scaled { mantissa: upper.mantissa - 1, ..upper };
        let lower = lower.times(power).mantissa + 1;
        let number = exact.normalized().times(power).mantissa;
        let below = Below { number: upper.mantissa - number, lower: upper.mantissa - lower };
        let mut digits = Self { bytes: [0; DIGITS_MAX], len: 0, last_place: -power_exponent };
        digits.generate(upper, below);
        digits
    }

    /// Returns the digits, all of them ASCII.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Adds the digits of `upper` until what is left of it is above the lower boundary only.
    fn generate(&mut self, upper: Scaled, mut below: Below) {
        let point = -upper.exponent;
        let one = 1u64 << point;
        // Less than 2^32, by the choice of the power.
        let mut whole = (upper.mantissa >> point) as u32;
        let mut fraction = upper.mantissa & (one - 1);
        let first_place = whole.ilog10();
        let mut unit = 10u32.pow(first_place);
        self.last_place += first_place as i32 + 1;
        while unit > 0 {
            self.push(whole / unit);
            whole %= unit;
            let left = (u64::from(whole) << point) + fraction;
            if left <= below.lower {
                return self.approach(below, left, u64::from(unit) << point);
            }
            unit /= 10;
        }
        loop {
            // Nothing overflows: `below` was less than what was left, which is less than one.
            fraction *= 10;
            below = Below { number: below.number * 10, lower: below.lower * 10 };
            self.push((fraction >> point) as u32);
            fraction &= one - 1;
            if fraction < below.lower {
                return self.approach(below, fraction, one);
            }
        }
    }

    fn push(&mut self, digit: u32) {
        self.bytes[self.len] = b'0' + digit as u8;
        self.len += 1;
        self.last_place -= 1;
    }

    /// Takes units off the last digit while that comes closer to the number, within the boundaries.
    fn approach(&mut self, below: Below, mut left: u64, unit: u64) {
        let is_closer = |left: u64| {
            let next = left + unit;
            next < below.number || below.number - left > next - below.number
        };
        while left < below.number && below.lower - left >= unit && is_closer(left) {
            self.bytes[self.len - 1] -= 1;
            left += unit;
        }
    }
}

impl Scaled {
    fn of(number: f64) -> Self {
        let bits = number.to_bits();
        let fraction = bits & (HIDDEN_BIT - 1);
        match (bits >> FRACTION_BITS) as i32 {
            0 => Self { mantissa: fraction, exponent: EXPONENT_MIN },
            biased => Self { mantissa: fraction | HIDDEN_BIT, exponent: EXPONENT_MIN - 1 + biased },
        }
    }

    fn normalized(self) -> Self {
        let shift = self.mantissa.leading_zeros();
        Self { mantissa: self.mantissa << shift, exponent: self.exponent - shift as i32 }
    }

    /// The middles between a double and its neighbours, in the unit where the upper has 64 bits.
    fn boundaries(self) -> (Self, Self) {
        let upper = Self { mantissa: (self.mantissa << 1) + 1, exponent: self.exponent - 1 };
        let upper = upper.normalized();
        // Below a power of two, doubles are twice as close.
        let closer = if self.mantissa == HIDDEN_BIT { 2 } else { 1 };
        let lower = (self.mantissa << closer) - 1;
        let shift = self.exponent - closer - upper.exponent;
        (Self { mantissa: lower << shift, exponent: upper.exponent }, upper)
    }

    /// The upper half of the product, rounded.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        let mantissa = ((product + (1 << 63)) >> 64) as u64;
        Self { mantissa, exponent: self.exponent + other.exponent + 64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `<digits>e<exponent of the last>`.
    fn shown(number: f64) -> String {
        let digits = Digits::of(number);
        let text = std::str::from_utf8(digits.as_bytes()).expect("digits are text");
        format!("{text}e{}", digits.last_place)
    }

    #[test]
    fn the_edges_of_doubles_have_their_digits() {
        for (number, text) in [
            (5e-324, "5e-324"),
            (2.225_073_858_507_201e-308, "2225073858507201e-323"),
            (f64::MIN_POSITIVE, "22250738585072014e-324"),
            (f64::MAX, "17976931348623157e292"),
            (0.1, "1e-1"),
            (0.1 + 0.2, "30000000000000004e-17"),
            (1e23, "9999999999999999e7"),
        ] {
            assert_eq!(shown(number), text);
        }
    }

    proptest! {
        #[test]
        fn digits_read_back_and_have_no_zero_first(bits in 1..f64::INFINITY.to_bits()) {
            let number = f64::from_bits(bits);
            prop_assert_eq!(shown(number).parse(), Ok(number));
            prop_assert!(Digits::of(number).as_bytes()[0] != b'0');
        }

        #[test]
        fn few_digits_read_back(digits in 1..1_000_000u32, exponent in -320..300) {
            let number: f64 = format!("{digits}e{exponent}").parse().expect("it is a number");
            prop_assert_eq!(shown(number).parse(), Ok(number));
        }
    }
}
