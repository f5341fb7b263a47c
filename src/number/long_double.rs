//! The arithmetic of INCRBYFLOAT and HINCRBYFLOAT: floats with a mantissa of 64 bits.
//!
//! Stock servers compute these in the x87 extended format ("double extended" of IEEE 754) and print 17
//! decimals. The wider mantissa is why `0.1 + 0.2` prints `0.3`. Clients and replicas rely on such
//! results, so the same format is computed here in integers, on every machine alike.

mod big;
mod decimal;

/// The exponent of the first bit of the largest numbers.
const FIRST_BIT_MAX: i32 = 16_383;
/// Half the smallest number: what is not greater rounds to zero.
const FIRST_BIT_VANISHED: i32 = -16_446;
/// A mantissa of which only the first bit is set.
const TOP_BIT: u64 = 1 << 63;

/// A sign and a magnitude: nothing, `mantissa × 2^exponent`, or infinity.
///
/// Numbers below the format's normal range keep their whole mantissa here; they all print as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    Zero,
    /// The mantissa's first bit is always set.
    Finite {
        mantissa: u64,
        exponent: i32,
    },
    Infinite,
}

impl LongDouble {
    /// Reads a number as C's `strtold` does, the whole text or nothing.
    ///
    /// No space, no NaN, nothing beyond the format's range in either direction; infinity only where it is
    /// spelt out. Hexadecimal floats are numbers too.
    pub fn parse(text: &[u8]) -> Option<Self> {
        decimal::parse(text)
    }

    /// Tells whether it is a number and not an infinity.
    pub fn is_finite(self) -> bool {
        self.magnitude != Magnitude::Infinite
    }

    /// Adds, rounding to the nearest and ties to even; `None` unless the sum is finite.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = match (self.magnitude, other.magnitude) {
            (Magnitude::Infinite, _) | (_, Magnitude::Infinite) => return None,
            (Magnitude::Zero, _) => other,
            (_, Magnitude::Zero) => self,
            (
                Magnitude::Finite { mantissa, exponent },
                Magnitude::Finite { mantissa: other_mantissa, exponent: other_exponent },
            ) => {
                let left = (exponent, mantissa, self.negative);
                let right = (other_exponent, other_mantissa, other.negative);
                add_aligned(left.max(right), left.min(right))
            }
        };
        sum.is_finite().then_some(sum)
    }

    /// Rounds to a double; `None` where that is infinite or vanishes.
    pub fn to_f64(self) -> Option<f64> {
        let rounded = self.nearest_f64();
        let is_lost = matches!(self.magnitude, Magnitude::Finite { .. })
            && (rounded == 0.0 || rounded.is_infinite());
        (!is_lost).then_some(rounded)
    }

    /// Rounds to a double, be it infinite or zero.
    pub fn nearest_f64(self) -> f64 {
        let magnitude = match self.magnitude {
            Magnitude::Zero => 0.0,
            Magnitude::Infinite => f64::INFINITY,
            Magnitude::Finite { mantissa, exponent } => {
                // In two steps, for the scale alone may leave the range of a double.
                let half = exponent / 2;
                mantissa as f64 * 2f64.powi(half) * 2f64.powi(exponent - half)
            }
        };
        if self.negative { -magnitude } else { magnitude }
    }

    /// Appends the decimal text with at most 17 decimals and no trailing zeros; never `-0`.
    pub fn write_human(self, out: &mut Vec<u8>) {
        match self.magnitude {
            Magnitude::Zero => out.push(b'0'),
            Magnitude::Infinite => {
                out.extend_from_slice(if self.negative { b"-inf" } else { b"inf" });
            }
            Magnitude::Finite { mantissa, exponent } => {
                decimal::write_human(self.negative, mantissa, exponent, out);
            }
        }
    }

    fn zero(negative: bool) -> Self {
        Self { negative, magnitude: Magnitude::Zero }
    }

    /// Rounds `wide × 2^exponent` to 64 bits; `inexact` says that a little more than `wide` is meant.
    ///
    /// With `inexact`, `wide` must have at least 66 bits, so that the rest is below what rounding looks at.
    fn rounded(negative: bool, wide: u128, exponent: i32, inexact: bool) -> Self {
        if wide == 0 {
            return Self::zero(negative);
        }
        let excess = 64 - wide.leading_zeros() as i32;
        if excess <= 0 {
            assert!(!inexact, "too few bits to round what is not exact");
            let mantissa = (wide << -excess) as u64;
            return Self::ranged(negative, mantissa, exponent + excess);
        }
        let mantissa = (wide >> excess) as u64;
        let rest = wide << (128 - excess);
        let half = 1 << 127;
        let up = rest > half || (rest == half && (inexact || mantissa & 1 == 1));
        match mantissa.checked_add(u64::from(up)) {
            Some(mantissa) => Self::ranged(negative, mantissa, exponent + excess),
            None => Self::ranged(negative, TOP_BIT, exponent + excess + 1),
        }
    }

    /// Turns what leaves the format's range into infinity or zero.
    fn ranged(negative: bool, mantissa: u64, exponent: i32) -> Self {
        let first_bit = exponent + 63;
        let magnitude = if first_bit > FIRST_BIT_MAX {
            Magnitude::Infinite
        } else if (first_bit, mantissa) <= (FIRST_BIT_VANISHED, TOP_BIT) {
            Magnitude::Zero
        } else {
            Magnitude::Finite { mantissa, exponent }
        };
        Self { negative, magnitude }
    }
}

/// Adds two numbers of (exponent, mantissa, negative), the greater magnitude first.
fn add_aligned(greater: (i32, u64, bool), lesser: (i32, u64, bool)) -> LongDouble {
    /// Bits below the mantissa: room for the lesser number, less one for the carry.
    const ROOM: i32 = 63;
    let (exponent, mantissa, negative) = greater;
    let wide = u128::from(mantissa) << ROOM;
    let (aligned, inexact) = shifted_right(u128::from(lesser.1) << ROOM, exponent - lesser.0);
    let sum = if negative == lesser.2 {
        wide + aligned
    } else {
        // What is taken away is a little more than `aligned` then: one less stays, and a rest.
        wide - aligned - u128::from(inexact)
    };
    LongDouble::rounded(negative && sum != 0, sum, exponent - ROOM, inexact)
}

/// Shifts, and tells whether a set bit was lost.
fn shifted_right(wide: u128, bits: i32) -> (u128, bool) {
    if bits >= 128 {
        return (0, wide != 0);
    }
    (wide >> bits, wide.trailing_zeros() < bits as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> LongDouble {
        LongDouble::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text:?} is a number"))
    }

    fn sum(left: &str, right: &str) -> String {
        let mut out = Vec::new();
        number(left).checked_add(number(right)).expect("finite").write_human(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimal_sums_come_out_as_people_expect() {
        for (left, right, expected) in [
            ("10.5", "0.1", "10.6"),
            ("0.1", "0.2", "0.3"),
            ("3.0e3", "200", "3200"),
            ("5.0e3", "-5000", "0"),
            ("-0", "-0", "0"),
            ("0", "-1.5", "-1.5"),
            ("1e-17", "0", "0.00000000000000001"),
            ("1e-18", "0", "0"),
            ("-1e-18", "0", "0"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("18446744073709551616", "1", "18446744073709551616"),
            ("0x10", "0x.8p1", "17"),
        ] {
            assert_eq!(sum(left, right), expected, "{left} + {right}");
        }
    }

    #[test]
    fn a_sum_beyond_the_range_is_none() {
        let largest = number("1.18973149535723176502e4932");
        assert_eq!(largest.checked_add(largest), None);
        assert_eq!(number("inf").checked_add(number("1")), None);
        assert_eq!(number("inf").checked_add(number("-inf")), None);
        assert!(!number("-Infinity").is_finite());
    }

    #[test]
    fn numbers_outside_the_range_or_with_anything_around_them_are_refused() {
        for text in [
            "",
            " 1",
            "1 ",
            "1e",
            "1e+",
            ".",
            "-",
            "+-1",
            "nan",
            "nan(1)",
            "1e4933",
            "1e-4952",
            "0x",
            "0x.",
            "0xg",
            "0x1p",
            "1_0",
            "infinit",
            "1\0",
            "0x1p16384",
            "0x1p-16446",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(LongDouble::parse(&[b'1'; 5120]), None);
    }

    #[test]
    fn the_edges_of_the_range_are_numbers() {
        for text in ["1.1e4932", "3.7e-4951", "0x1p16383", "0x1.8p-16446", "0e99999999999999999999"]
        {
            assert!(number(text).is_finite(), "{text:?}");
        }
    }

    #[test]
    fn a_cancelled_difference_keeps_its_last_bit() {
        assert_eq!(sum("0x1.0000000000000002p63", "-0x1p63"), "1");
        assert_eq!(sum("0x1p64", "-0x0.8p0"), "18446744073709551616");
        assert_eq!(sum("0x1p64", "-0x1.0p0"), "18446744073709551615");
        assert_eq!(sum("0x1p64", "-0x1.8p0"), "18446744073709551614");
    }

    #[test]
    fn huge_numbers_print_all_their_digits() {
        let text = sum("1e40", "0");
        assert_eq!(text, "9999999999999999999783686092270256259072");
        assert_eq!(sum("1.5e4000", "0").len(), 4001);
    }

    #[test]
    fn long_input_rounds_like_short_input() {
        let padded = format!("0.1{}", "0".repeat(4000));
        assert_eq!(number(&padded), number("0.1"));
        let nudged = format!("{}.5{}1", 1u128 << 64, "0".repeat(3000));
        assert_eq!(number(&nudged), number("18446744073709551616"));
        let above_half = format!("{}.{}1", (1u128 << 64) + 1, "0".repeat(3000));
        assert_eq!(number(&above_half), number("18446744073709551618"));
        assert_eq!(number(&format!("{}", (1u128 << 64) + 1)), number("18446744073709551616"));
    }
}
