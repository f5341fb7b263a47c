//! Powers of ten as the nearest numbers of 64 bits, one in eight, computed exactly when compiled.

use super::Scaled;

/// The exponents of ten of the first power, and from one to the next.
const FIRST: i32 = -348;
const STEP: i32 = 8;
const COUNT: usize = 87;
/// The last power below one is the ten-thousandth, the first above it ten thousand.
const BELOW_ONE: usize = 44;
const NEAREST_ONE: u64 = 10_000;
const TEN_TO_STEP: u64 = 100_000_000;
/// A product has at least this exponent, and so at most 32 bits before the point.
const PRODUCT_EXPONENT_MIN: i32 = -60;

/// Room for the largest power, and for 64 bits and more of the least, behind 1156 zeros.
const WORDS: usize = 40;
const WORD_BITS: u32 = 32;

static POWERS: [Scaled; COUNT] = powers();

/// The power, and its exponent of ten, that takes a mantissa of 64 bits to where digits begin.
///
/// It is the least power that makes the exponent of the product at least -60, and so at most -33.
pub(super) fn for_exponent(exponent: i32) -> (Scaled, i32) {
    let wanted = PRODUCT_EXPONENT_MIN - 64 - exponent;
    // A power has a mantissa of at least 2^63.
    let ten_exponent = ceiling_log10(wanted + 63);
    let index = (ten_exponent - FIRST + STEP - 1) / STEP;
    (POWERS[index as usize], FIRST + index * STEP)
}

/// The exponent of the least power of ten that is no less than `2^exponent`, as far as doubles go.
const fn ceiling_log10(exponent: i32) -> i32 {
    const LOG10_OF_2: i32 = 78_913;
    const BITS: u32 = 18;
    (exponent * LOG10_OF_2 + (1 << BITS) - 1) >> BITS
}

const fn powers() -> [Scaled; COUNT] {
    let mut powers = [Scaled { mantissa: 0, exponent: 0 }; COUNT];
    let mut big = [0; WORDS];
    big[0] = 1;
    let mut factor = NEAREST_ONE;
    let mut index = BELOW_ONE;
    while index < COUNT {
        multiply(&mut big, factor);
        powers[index] = nearest(&big, 0);
        factor = TEN_TO_STEP;
        index += 1;
    }
    let mut big = [0; WORDS];
    big[WORDS - 1] = 1;
    let mut divisor = NEAREST_ONE;
    let mut index = BELOW_ONE;
    while index > 0 {
        index -= 1;
        divide(&mut big, divisor);
        powers[index] = nearest(&big, -(WORD_BITS as i32) * (WORDS as i32 - 1));
        divisor = TEN_TO_STEP;
    }
    powers
}

/// Multiplies a number, of which the least word is the first.
const fn multiply(big: &mut [u32; WORDS], factor: u64) {
    let mut carry = 0;
    let mut index = 0;
    while index < WORDS {
        carry += big[index] as u64 * factor;
        big[index] = carry as u32;
        carry >>= WORD_BITS;
        index += 1;
    }
    assert!(carry == 0, "the largest power has room");
}

/// Divides a number and drops what is left, which does not change the quotients to come.
const fn divide(big: &mut [u32; WORDS], divisor: u64) {
    let mut left = 0;
    let mut index = WORDS;
    while index > 0 {
        index -= 1;
        left = left << WORD_BITS | big[index] as u64;
        big[index] = (left / divisor) as u32;
        left %= divisor;
    }
}

/// The nearest number of 64 bits to `big × 2^exponent`.
const fn nearest(big: &[u32; WORDS], exponent: i32) -> Scaled {
    let mut bit = WORDS as u32 * WORD_BITS;
    let mut mantissa: u64 = 0;
    while mantissa >> 63 == 0 {
        bit -= 1;
        mantissa = mantissa << 1 | bit_of(big, bit);
        // The whole number ends before the mantissa is full.
        if bit == 0 {
            let shift = mantissa.leading_zeros();
            return Scaled { mantissa: mantissa << shift, exponent: exponent - shift as i32 };
        }
    }
    Scaled { mantissa: mantissa + bit_of(big, bit - 1), exponent: exponent + bit as i32 }
}

const fn bit_of(big: &[u32; WORDS], bit: u32) -> u64 {
    (big[(bit / WORD_BITS) as usize] >> (bit % WORD_BITS) & 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exponents that the upper boundaries of doubles have when their mantissas have 64 bits.
    const EXPONENTS: std::ops::RangeInclusive<i32> = -1137..=960;

    #[test]
    fn the_least_power_that_reaches_the_range_is_taken() {
        for exponent in EXPONENTS {
            let reaches = |power: &Scaled| power.exponent + exponent + 64 >= PRODUCT_EXPONENT_MIN;
            let index = POWERS.iter().position(reaches).expect("the table covers all doubles");
            let (power, ten_exponent) = for_exponent(exponent);
            assert_eq!((power, ten_exponent), (POWERS[index], FIRST + index as i32 * STEP));
            assert!(power.exponent + exponent + 64 <= -33, "{exponent}");
        }
    }

    #[test]
    fn powers_are_the_nearest_ones() {
        let entry = |ten_exponent: i32| POWERS[((ten_exponent - FIRST) / STEP) as usize];
        for (ten_exponent, mantissa, exponent) in [
            (-348, 0xfa8f_d5a0_081c_0288, -1220),
            (-4, 0xd1b7_1758_e219_652c, -77),
            (4, 0x9c40_0000_0000_0000, -50),
            (20, 0xad78_ebc5_ac62_0000, 3),
            (28, 0x813f_3978_f894_0984, 30),
            (340, 0xaf87_023b_9bf0_ee6b, 1066),
        ] {
            assert_eq!(entry(ten_exponent), Scaled { mantissa, exponent });
        }
    }

    #[test]
    fn powers_below_one_are_the_inverses_of_those_above() {
        for distance in 0..COUNT - BELOW_ONE {
            let (above, below) = (POWERS[BELOW_ONE + distance], POWERS[BELOW_ONE - 1 - distance]);
            let product = u128::from(above.mantissa) * u128::from(below.mantissa);
            let one = 1u128 << -(above.exponent + below.exponent);
            // Each is wrong by half a unit at most.
            let error_max = u128::from(above.mantissa / 2) + u128::from(below.mantissa / 2) + 1;
            assert!(product.abs_diff(one) <= error_max, "{distance}");
        }
    }
}
