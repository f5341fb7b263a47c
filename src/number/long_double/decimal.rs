//! Converts between text and mantissa exactly: rounded once, to the nearest, ties to even.

use super::big::Big;
use super::{LongDouble, Magnitude};

/// The longest text taken for a number: what stock servers copy for `strtold`, less its NUL.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// Decimals printed before trailing zeros are dropped.
const DECIMALS: u32 = 17;
/// Powers of ten up to here have an odd part (a power of five) of less than 64 bits.
const SHORT_EXPONENT_MAX: i64 = 27;
/// Digits that certainly fit 64 bits.
const SHORT_DIGITS_MAX: usize = 19;
/// A number whose first digit stands this far before the point is beyond the format's range.
const POINT_MAX: i64 = 4_934;
/// A number with this many zeros after the point vanishes.
const POINT_MIN: i64 = -4_952;

/// See [`LongDouble::parse`].
pub(super) fn parse(text: &[u8]) -> Option<LongDouble> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (negative, unsigned) = signed(text);
    if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
        return Some(LongDouble { negative, magnitude: Magnitude::Infinite });
    }
    match unsigned {
        [b'0', b'x' | b'X', rest @ ..] => hexadecimal(negative, rest),
        _ => decimal(negative, unsigned),
    }
}

/// Takes the sign off the front; tells whether it was a minus.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    }
}

/// Significant digits and where the point is: `0.digits × base^point`.
struct Digits {
    significant: Vec<u8>,
    point: i64,
}

impl Digits {
    /// Takes digits with at most one point among them off the front of `text`; `None` without any digit.
    fn take(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<(Self, &[u8])> {
        let run = |text: &[u8]| text.iter().take_while(|byte| is_digit(byte)).count();
        let (whole, rest) = text.split_at(run(text));
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => rest.split_at(run(rest)),
            _ => (&[][..], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut significant = [whole, fraction].concat();
        let leading = significant.iter().take_while(|digit| **digit == b'0').count();
        significant.drain(..leading);
        let trailing = significant.iter().rev().take_while(|digit| **digit == b'0').count();
        significant.truncate(significant.len() - trailing);
        Some((Self { significant, point: whole.len() as i64 - leading as i64 }, rest))
    }
}

/// Reads the exponent that ends a number: nothing, or `letter`, a sign and digits; huge ones saturate.
fn exponent(text: &[u8], letter: u8) -> Option<i64> {
    /// Beyond any number of digits a text can hold, and far from overflow.
    const SATURATED: i64 = 1 << 40;
    let rest = match text {
        [] => return Some(0),
        [first, rest @ ..] if first.eq_ignore_ascii_case(&letter) => rest,
        _ => return None,
    };
    let (negative, digits) = signed(rest);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size =
        digits.iter().fold(0i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(SATURATED));
    Some(if negative { -size } else { size })
}

fn decimal(negative: bool, text: &[u8]) -> Option<LongDouble> {
    let (Digits { significant, point }, rest) = Digits::take(text, u8::is_ascii_digit)?;
    let point = point + exponent(rest, b'e')?;
    if significant.is_empty() {
        return Some(LongDouble::zero(negative));
    }
    if !(POINT_MIN..=POINT_MAX).contains(&point) {
        return None;
    }
    let exponent = point - significant.len() as i64;
    let short = significant.len() <= SHORT_DIGITS_MAX && exponent.abs() <= SHORT_EXPONENT_MAX;
    in_range(match (short, exponent < 0) {
        (true, false) => short_product(negative, short_digits(&significant), exponent as u32),
        (true, true) => short_quotient(negative, short_digits(&significant), -exponent as u32),
        (false, false) => long_product(negative, &significant, exponent as usize),
        (false, true) => long_quotient(negative, &significant, -exponent as usize),
    })
}

/// Refuses a number, known not to be zero or infinite, that became so by rounding.
fn in_range(number: LongDouble) -> Option<LongDouble> {
    matches!(number.magnitude, Magnitude::Finite { .. }).then_some(number)
}

fn short_digits(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// `number × 10^exponent`, the power of five multiplied and that of two left to the exponent.
fn short_product(negative: bool, number: u64, exponent: u32) -> LongDouble {
    let wide = u128::from(number) * u128::from(5u64.pow(exponent));
    LongDouble::rounded(negative, wide, exponent as i32, false)
}

/// `number / 10^exponent`, with a quotient of 64 bits or 65 and two more that stand for the remainder.
fn short_quotient(negative: bool, number: u64, exponent: u32) -> LongDouble {
    let divisor = 5u64.pow(exponent);
    let (up, down) = (number.leading_zeros(), divisor.leading_zeros());
    let (dividend, divisor) = (u128::from(number << up) << 64, u128::from(divisor << down));
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    // One more bit of quotient, then one for all that follows.
    let next = u128::from(remainder * 2 >= divisor);
    let rest = u128::from(remainder * 2 % divisor != 0);
    let wide = quotient << 2 | next << 1 | rest;
    let exponent = down as i32 - up as i32 - 64 - 2 - exponent as i32;
    LongDouble::rounded(negative, wide, exponent, false)
}

fn long_product(negative: bool, digits: &[u8], exponent: usize) -> LongDouble {
    let mut number = Big::from_digits(digits);
    number.scale(exponent);
    let (wide, below, inexact) = number.top();
    LongDouble::rounded(negative, wide, below as i32, inexact)
}

/// Divides bit by bit; only numbers of many digits or far exponents come here.
fn long_quotient(negative: bool, digits: &[u8], exponent: usize) -> LongDouble {
    /// At least 66 bits of quotient, though the first one may be zero.
    const BITS: i32 = 68;
    let mut dividend = Big::from_digits(digits);
    let mut divisor = Big::new(1);
    divisor.scale(exponent);
    let (up, down) = (divisor.bits(), dividend.bits());
    dividend.shift_left(up.saturating_sub(down));
    divisor.shift_left(down.saturating_sub(up));
    let mut quotient = 0u128;
    for _ in 0..BITS {
        quotient <<= 1;
        if dividend >= divisor {
            dividend.subtract(&divisor);
            quotient |= 1;
        }
        dividend.shift_left(1);
    }
    let scale = down as i32 - up as i32 - (BITS - 1);
    LongDouble::rounded(negative, quotient, scale, !dividend.is_zero())
}

fn hexadecimal(negative: bool, text: &[u8]) -> Option<LongDouble> {
    /// Digits that fit 128 bits; what follows them only matters as a whole.
    const DIGITS_MAX: usize = 32;
    let (Digits { significant, point }, rest) = Digits::take(text, u8::is_ascii_hexdigit)?;
    let binary = exponent(rest, b'p')?;
    if significant.is_empty() {
        return Some(LongDouble::zero(negative));
    }
    let kept = &significant[..significant.len().min(DIGITS_MAX)];
    let wide = kept.iter().fold(0u128, |wide, digit| {
        wide << 4 | u128::from((*digit as char).to_digit(16).unwrap_or_default())
    });
    let exponent = binary + 4 * (point - kept.len() as i64);
    let exponent = i32::try_from(exponent.clamp(-100_000, 100_000)).ok()?;
    in_range(LongDouble::rounded(negative, wide, exponent, significant.len() > DIGITS_MAX))
}

/// Appends `mantissa × 2^exponent` with 17 decimals, less the zeros that end them.
pub(super) fn write_human(negative: bool, mantissa: u64, exponent: i32, out: &mut Vec<u8>) {
    if exponent > 0 {
        write_sign(negative, out);
        write_whole(mantissa, exponent as usize, out);
        return;
    }
    let shift = exponent.unsigned_abs();
    let whole = mantissa.checked_shr(shift).unwrap_or(0);
    let fraction = if shift < 64 { mantissa & ((1 << shift) - 1) } else { mantissa };
    let one = 10u64.pow(DECIMALS);
    let decimals = halfway_to_even(u128::from(fraction) * u128::from(one), shift);
    let (whole, decimals) =
        if decimals == one { (u128::from(whole) + 1, 0) } else { (u128::from(whole), decimals) };
    if (whole, decimals) != (0, 0) {
        write_sign(negative, out);
    }
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    if decimals != 0 {
        write_decimals(decimals, out);
    }
}

fn write_sign(negative: bool, out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
}

/// Divides by `2^shift`, rounding to the nearest and ties to even.
fn halfway_to_even(wide: u128, shift: u32) -> u64 {
    if shift == 0 {
        return wide as u64;
    }
    // Fewer than 122 bits are set, so half of 2^128 or more is never reached.
    let Some(quotient) = wide.checked_shr(shift) else { return 0 };
    let rest = wide & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    let up = rest > half || (rest == half && quotient & 1 == 1);
    (quotient + u128::from(up)) as u64
}

fn write_decimals(decimals: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; DECIMALS as usize];
    let mut rest = decimals;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    out.push(b'.');
    out.extend_from_slice(&digits[..kept]);
}

/// Appends `mantissa × 2^exponent`, a whole number.
fn write_whole(mantissa: u64, exponent: usize, out: &mut Vec<u8>) {
    const CHUNK_DIGITS: usize = 19;
    let mut number = Big::new(mantissa);
    number.shift_left(exponent);
    let mut chunks = Vec::new();
    while !number.is_zero() {
        chunks.push(number.divide(10u64.pow(CHUNK_DIGITS as u32)));
    }
    let mut digits = itoa::Buffer::new();
    for (index, chunk) in chunks.iter().rev().enumerate() {
        let text = digits.format(*chunk).as_bytes();
        if index > 0 {
            out.extend(std::iter::repeat_n(b'0', CHUNK_DIGITS - text.len()));
        }
        out.extend_from_slice(text);
    }
}
