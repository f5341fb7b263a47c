//! Numbers as text: what Redis takes for an integer or a float, and how it prints a float.

use std::fmt::Write as _;

/// The longest text of an `i64`: nineteen digits and a sign.
const I64_DIGITS_MAX: usize = 20;
/// The longest text of a finite double: `-d.dddddddddddddddde-308`, or plain digits with zeros.
const DOUBLE_TEXT_BYTES: usize = 32;
const FITS: &str = "a double takes at most 25 characters";

/// Reads an integer written the one way an integer is printed: no plus, space or leading zero.
#[inline]
pub fn parse_i64_strict(text: &[u8]) -> Option<i64> {
    if text.len() > I64_DIGITS_MAX {
        return None;
    }
    match text {
        b"0" => Some(0),
        [b'-', digits @ ..] => 0i64.checked_sub_unsigned(positive(digits)?),
        digits => i64::try_from(positive(digits)?).ok(),
    }
}

/// Reads digits whose first is not zero.
#[inline]
fn positive(digits: &[u8]) -> Option<u64> {
    let mut number = match digits.first()? {
        first @ b'1'..=b'9' => u64::from(first - b'0'),
        _ => return None,
    };
    for byte in &digits[1..] {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(number)
}

/// Reads a double as C's `strtod` does, the whole text or nothing.
///
/// No space, no NaN, nothing too large for a finite double, nothing too small to differ from zero;
/// infinity only where it is spelt out.
pub fn parse_f64_strict(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        return super::long_double::LongDouble::parse(text.as_bytes())?.to_f64();
    }
    let number: f64 = text.parse().ok()?;
    let spelt_out = unsigned.starts_with(['i', 'I']);
    let vanished = number == 0.0 && has_nonzero_digit(unsigned);
    (!number.is_nan() && (number.is_finite() || spelt_out) && !vanished).then_some(number)
}

/// Reads a double as C's `strtod` does, up to a zero byte, where nothing that is no NaN is refused.
///
/// Space may come first, and what is too large or too small is infinite or zero; so is nothing at all.
pub fn parse_f64_of_c(text: &[u8]) -> Option<f64> {
    const SPACES: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let text = std::str::from_utf8(text).ok()?.trim_start_matches(SPACES);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        return Some(super::long_double::LongDouble::parse(text.as_bytes())?.nearest_f64());
    }
    text.parse().ok().filter(|number: &f64| !number.is_nan())
}

fn has_nonzero_digit(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// The text of a double, kept on the stack.
#[derive(Clone, Copy, Debug)]
pub struct DoubleText {
    bytes: [u8; DOUBLE_TEXT_BYTES],
    len: usize,
}

impl DoubleText {
    /// Returns the characters, all of them ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Write for DoubleText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Prints the fewest digits that read back to `number`, in the notation Redis 7.2 chooses for them.
///
/// Whole numbers are plain up to 2^52, and beyond up to seven zeros after their digits; fractions are plain
/// down to `0.000001`. Others get an exponent with its sign (`1e+21`, `1.5e-7`).
///
/// # Panics
/// Never: the buffer holds the longest text a double has.
pub fn format_double(number: f64) -> DoubleText {
    /// Up to here every whole number is a double.
    const PLAIN_MAX: f64 = (1u64 << 52) as f64;
    let mut text = DoubleText { bytes: [0; DOUBLE_TEXT_BYTES], len: 0 };
    if number.is_nan() || number.is_infinite() {
        let name = if number.is_nan() { "nan" } else { ["inf", "-inf"][usize::from(number < 0.0)] };
        text.write_str(name).expect(FITS);
        return text;
    }
    if number.is_sign_negative() {
        text.write_str("-").expect(FITS);
    }
    if number.fract() == 0.0 && number.abs() <= PLAIN_MAX {
        write!(text, "{}", number.abs()).expect(FITS);
        return text;
    }
    let mut scientific = DoubleText { bytes: [0; DOUBLE_TEXT_BYTES], len: 0 };
    write!(scientific, "{:e}", number.abs()).expect(FITS);
    let (digits, exponent) = digits_and_exponent(&scientific);
    write_digits(&mut text, digits.as_bytes(), exponent).expect(FITS);
    text
}

/// Parts `d.ddde<exponent>` into its digits without the point, and the exponent of the first one.
fn digits_and_exponent(scientific: &DoubleText) -> (DoubleText, i32) {
    let mut digits = DoubleText { bytes: [0; DOUBLE_TEXT_BYTES], len: 0 };
    let mut exponent = 0;
    let mut negative = false;
    let mut past_e = false;
    for byte in scientific.as_bytes() {
        match byte {
            b'e' => past_e = true,
            b'-' => negative = true,
            b'.' => {}
            digit if past_e => exponent = exponent * 10 + i32::from(digit - b'0'),
            digit => {
                digits.bytes[digits.len] = *digit;
                digits.len += 1;
            }
        }
    }
    (digits, if negative { -exponent } else { exponent })
}

fn write_digits(out: &mut DoubleText, digits: &[u8], exponent: i32) -> std::fmt::Result {
    /// Zeros that may follow the digits of a whole number before an exponent is shorter.
    const ZEROS_MAX: i32 = 7;
    let digits = std::str::from_utf8(digits).map_err(|_| std::fmt::Error)?;
    let count = digits.len() as i32;
    let last_place = exponent - (count - 1);
    if last_place >= 0 && exponent < count + ZEROS_MAX {
        write!(out, "{digits}{:0<width$}", "", width = last_place as usize)
    } else if last_place < 0 && (last_place > -7 || exponent.abs() < 4) {
        if exponent < 0 {
            return write!(out, "0.{:0<width$}{digits}", "", width = (-exponent - 1) as usize);
        }
        let (whole, fraction) = digits.split_at(exponent as usize + 1);
        write!(out, "{whole}.{fraction}")
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        write!(out, "{first}{point}{rest}e{exponent:+}")
    }
}

/// Prints a number as C's `%.17g` does: 17 significant digits, without zeros at their end.
///
/// # Panics
/// Never: what is split is what was printed.
pub fn format_17_digits(number: f64) -> String {
    const DIGITS: i32 = 17;
    if !number.is_finite() {
        return String::from_utf8_lossy(format_double(number).as_bytes()).into_owned();
    }
    let text = format!("{number:.16e}");
    let (mantissa, exponent) = text.split_once('e').expect("the form has an exponent");
    let exponent: i32 = exponent.parse().expect("it is a number");
    if (-4..DIGITS).contains(&exponent) {
        let text = format!("{number:.*}", (DIGITS - 1 - exponent) as usize);
        return without_zeros(&text).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs())
}

/// Prints a number in full, with at most 17 decimals and no zeros at their end; never `-0`.
pub fn format_17_decimals(number: f64) -> String {
    if !number.is_finite() {
        return String::from_utf8_lossy(format_double(number).as_bytes()).into_owned();
    }
    let mut text = format!("{number:.17}");
    text.truncate(without_zeros(&text).len());
    if text == "-0" { "0".to_owned() } else { text }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_have_one_spelling() {
        for (text, number) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("18446744073709551616", None),
            ("00000000000000000000000001", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("+1", None),
            ("01", None),
            (" 1", None),
            ("1 ", None),
            ("1a", None),
        ] {
            assert_eq!(parse_i64_strict(text.as_bytes()), number, "{text:?}");
        }
    }

    #[test]
    fn doubles_are_read_whole_or_not_at_all() {
        for (text, number) in [
            ("1.5", Some(1.5)),
            ("+1.", Some(1.0)),
            (".5e1", Some(5.0)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("inf", Some(f64::INFINITY)),
            ("0x1p4", Some(16.0)),
            ("0e5", Some(0.0)),
            ("1e400", None),
            ("1e-400", None),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            ("1e", None),
        ] {
            assert_eq!(parse_f64_strict(text.as_bytes()), number, "{text:?}");
        }
    }

    #[test]
    fn doubles_of_c_may_be_empty_spaced_and_out_of_range() {
        for (text, number) in [
            (&b""[..], Some(0.0)),
            (b" \t1.5", Some(1.5)),
            (b"1\0x", Some(1.0)),
            (b"1e400", Some(f64::INFINITY)),
            (b"-1e-400", Some(-0.0)),
            (b"-0x1p2000", Some(f64::NEG_INFINITY)),
            (b"0x1p4", Some(16.0)),
            (b"inf", Some(f64::INFINITY)),
            (b"nan", None),
            (b" ", None),
            (b"1 ", None),
            (b"x", None),
        ] {
            assert_eq!(parse_f64_of_c(text), number, "{text:?}");
        }
    }

    #[test]
    fn seventeen_digits_are_those_of_c() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-3.5, "-3.5"),
            (0.1, "0.10000000000000001"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_17_digits(number), text);
        }
    }

    #[test]
    fn seventeen_decimals_are_those_of_the_double_itself() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-1e-18, "0"),
            (100.0, "100"),
            (-1.5, "-1.5"),
            (0.1, "0.10000000000000001"),
            (85.051_128_78, "85.0511287799999991"),
            (13.361_389_338_970_184, "13.36138933897018433"),
            (1e22, "10000000000000000000000"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_17_decimals(number), text);
        }
    }

    #[test]
    fn doubles_are_printed_as_redis_prints_scores() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (0.1, "0.1"),
            (-1.25, "-1.25"),
            (1e21, "1e+21"),
            (100_000_000.0, "100000000"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (1.5e-7, "1.5e-7"),
            (0.000_001, "0.000001"),
            (17_179_869_184.5, "17179869184.5"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(format_double(number).as_bytes(), text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn a_printed_double_reads_back(bits: u64) {
            let number = f64::from_bits(bits);
            prop_assume!(!number.is_nan());
            let text = format_double(number);
            prop_assert_eq!(parse_f64_strict(text.as_bytes()), Some(number));
        }

        #[test]
        fn a_printed_integer_reads_back(number: i64) {
            prop_assert_eq!(parse_i64_strict(number.to_string().as_bytes()), Some(number));
        }
    }
}
