//! Numbers as text: what Redis takes for an integer or a float, and how it prints a float.

pub mod long_double;

mod grisu;

use grisu::Digits;

pub use long_double::LongDouble;

/// The longest text of an `i64`: nineteen digits and a sign.
const I64_DIGITS_MAX: usize = 20;
/// The longest text of a finite double: `-d.dddddddddddddddde-308`, or plain digits with zeros.
const DOUBLE_TEXT_BYTES: usize = 32;

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
        return LongDouble::parse(text.as_bytes())?.to_f64();
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
        return Some(LongDouble::parse(text.as_bytes())?.nearest_f64());
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

    fn push(&mut self, text: &[u8]) {
        self.bytes[self.len..][..text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    fn push_zeros(&mut self, count: i32) {
        // The text is made of zeros where nothing is written yet.
        self.len += count as usize;
    }
}

/// Prints the digits that Redis 7.2 finds for `number`, in the notation it chooses for them.
///
/// They read back to `number`, and are the fewest that do but for exceptions, those of Redis.
/// Whole numbers are printed in full up to 2^62, and beyond with up to seven zeros after their
/// digits; fractions are plain down to `0.000001`. Others get an exponent with its sign (`1e+21`,
/// `1.5e-7`).
///
/// # Panics
/// Never: the buffer holds the longest text a double has.
pub fn format_double(number: f64) -> DoubleText {
    /// Up to here a whole number is printed as the integer it is.
    const PLAIN_MAX: f64 = (1u64 << 62) as f64;
    let mut text = DoubleText { bytes: [b'0'; DOUBLE_TEXT_BYTES], len: 0 };
    if number.is_nan() {
        text.push(b"nan");
        return text;
    }
    if number.is_sign_negative() {
        text.push(b"-");
    }
    let magnitude = number.abs();
    if magnitude.is_infinite() {
        text.push(b"inf");
    } else if magnitude <= PLAIN_MAX && magnitude.fract() == 0.0 {
        text.push(itoa::Buffer::new().format(magnitude as u64).as_bytes());
    } else {
        write_digits(&mut text, &Digits::of(magnitude));
    }
    text
}

fn write_digits(out: &mut DoubleText, found: &Digits) {
    /// Zeros that may follow the digits of a whole number before an exponent is shorter.
    const ZEROS_MAX: i32 = 7;
    let (digits, last_place) = (found.as_bytes(), found.last_place);
    let count = digits.len() as i32;
    let exponent = last_place + count - 1;
    if last_place >= 0 && exponent < count + ZEROS_MAX {
        out.push(digits);
        out.push_zeros(last_place);
    } else if last_place < 0 && (last_place > -7 || exponent.abs() < 4) {
        if exponent < 0 {
            out.push(b"0.");
            out.push_zeros(-exponent - 1);
            return out.push(digits);
        }
        let (whole, fraction) = digits.split_at(exponent as usize + 1);
        out.push(whole);
        out.push(b".");
        out.push(fraction);
    } else {
        let (first, rest) = digits.split_at(1);
        out.push(first);
        if !rest.is_empty() {
            out.push(b".");
            out.push(rest);
        }
        out.push(if exponent < 0 { b"e-" } else { b"e+" });
        out.push(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
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

    #[test]
    fn digits_that_are_not_the_fewest_or_closest_are_those_of_redis() {
        // What the shortest digits are, and what 7.2.6 prints.
        for (shortest, text) in [
            ("45.38107259365432", "45.381072593654316"),
            ("137.17286", "137.17285999999999"),
            ("23.72058", "23.720580000000002"),
            ("-11.4831046014", "-11.483104601400001"),
            ("808.67577", "808.6757700000001"),
            ("148.3286031814729", "148.32860318147289"),
            ("18.42920965587283", "18.429209655872832"),
            ("-32.64882943143812", "-32.648829431438124"),
            ("47.69033138075444", "47.690331380754436"),
            ("0.676125008541618", "0.6761250085416179"),
            ("0.4578435949731193", "0.45784359497311933"),
            ("0.4798333416020302", "0.47983334160203017"),
            ("124459527762765.88", "124459527762765.87"),
            ("2251799813685245.3", "2251799813685245.2"),
            ("-1125899906842623.8", "-1125899906842623.7"),
            ("2778972646060.7188", "2778972646060.7187"),
            ("3.8872145935870043e-16", "3.8872145935870042e-16"),
            ("-3.454467422037779e-77", "-3.4544674220377786e-77"),
            ("1.408840731473654e-132", "1.4088407314736538e-132"),
            ("-1.01533082615454e-176", "-1.0153308261545401e-176"),
            ("-5.446758685573605e-267", "-5.4467586855736054e-267"),
            ("8.8222e+27", "8.822200000000001e+27"),
            ("1.856e+24", "1.8559999999999999e+24"),
            ("4.88222e+61", "4.8822200000000003e+61"),
            ("8.53e+105", "8.529999999999999e+105"),
            ("4e+126", "3.9999999999999997e+126"),
            ("-2.3026201245905005e+221", "-2.3026201245905004e+221"),
            ("-1.6131e+21", "-1613100000000000100000"),
            ("9.510257238e+18", "9510257238000001000"),
            ("1.3908e+22", "13907999999999999000000"),
            ("3.3216e+23", "332160000000000030000000"),
            ("9217749945800000000", "9217749945799999000"),
            // These have two powers to choose from.
            ("-5.018e-4", "-5.018000000000001e-4"),
            ("5.2353702e-4", "5.235370199999999e-4"),
            ("8.67429974e-100", "8.674299739999999e-100"),
            ("8.4641e+36", "8.464099999999999e+36"),
        ] {
            let number = shortest.parse().expect("it is a number");
            assert_eq!(String::from_utf8_lossy(format_double(number).as_bytes()), text);
        }
    }

    #[test]
    fn whole_numbers_are_printed_in_full_up_to_two_to_the_62() {
        for (number, text) in [
            (0x0010_0000_0000_0001u64, "4503599627370497"),
            (90_307_847_693_202_416, "90307847693202416"),
            (78_145_311_000_000_000, "78145311000000000"),
            ((1 << 62) - 512, "4611686018427387392"),
            (1 << 62, "4611686018427387904"),
            ((1 << 62) + 1024, "4611686018427389000"),
            (1 << 63, "9223372036854776000"),
        ] {
            for (sign, number) in [("", number as f64), ("-", -(number as f64))] {
                let printed = format_double(number);
                assert_eq!(String::from_utf8_lossy(printed.as_bytes()), format!("{sign}{text}"));
            }
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
