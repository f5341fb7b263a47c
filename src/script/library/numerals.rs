//! Doubles as C prints them by `%g`, and as its `strtod` reads them.

use std::io::Write;

/// Prints `number` with at most `digits` significant digits, as C's `%.*g` does.
pub fn print(out: &mut Vec<u8>, number: f64, digits: usize) {
    if number.is_nan() {
        out.extend_from_slice(if number.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = number.abs();
    if magnitude.is_infinite() {
        out.extend_from_slice(b"inf");
        return;
    }
    let scientific = format!("{magnitude:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let significant: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let kept = significant.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
    if exponent < -4 || exponent >= digits as i32 {
        place_point(out, &significant[..kept], 1);
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a vector cannot fail.
        let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
        out.extend_from_slice(&significant[..kept]);
    } else {
        let whole = exponent as usize + 1;
        place_point(out, &significant[..kept.max(whole)], whole);
    }
}

/// Writes digits, a point after `whole` of them if there are more.
fn place_point(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    out.extend_from_slice(&digits[..whole]);
    if digits.len() > whole {
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}

/// The number at the beginning of `text` and how many bytes it takes, as C's `strtod` has it.
pub fn read(text: &[u8]) -> Option<(f64, usize)> {
    let signed = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let negative = text.first() == Some(&b'-');
    let rest = &text[signed..];
    let (magnitude, length) =
        read_named(rest).or_else(|| read_hex(rest)).or_else(|| read_decimal(rest))?;
    Some((if negative { -magnitude } else { magnitude }, signed + length))
}

fn read_named(text: &[u8]) -> Option<(f64, usize)> {
    let begins =
        |name: &[u8]| text.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
    if begins(b"infinity") {
        return Some((f64::INFINITY, 8));
    }
    if begins(b"inf") {
        return Some((f64::INFINITY, 3));
    }
    if !begins(b"nan") {
        return None;
    }
    let payload = match text.get(3) {
        Some(b'(') => {
            let inner = &text[4..];
            let inside = run(inner, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if inner.get(inside) == Some(&b')') { inside + 2 } else { 0 }
        }
        _ => 0,
    };
    Some((f64::NAN, 3 + payload))
}

fn read_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let whole = run(text, |byte| byte.is_ascii_digit());
    let mut length = whole;
    let mut digits = whole;
    if text.get(length) == Some(&b'.') {
        let fraction = run(&text[length + 1..], |byte| byte.is_ascii_digit());
        digits += fraction;
        length += 1 + fraction;
    }
    if digits == 0 {
        return None;
    }
    length += exponent_length(&text[length..], b'e');
    let number = std::str::from_utf8(&text[..length]).ok()?.parse().ok()?;
    Some((number, length))
}

/// Reads `0x1.8p3`.
fn read_hex(text: &[u8]) -> Option<(f64, usize)> {
    let [b'0', b'x' | b'X', rest @ ..] = text else { return None };
    let whole = run(rest, |byte| byte.is_ascii_hexdigit());
    let fraction = match rest.get(whole) {
        Some(b'.') => run(&rest[whole + 1..], |byte| byte.is_ascii_hexdigit()),
        _ => 0,
    };
    if whole + fraction == 0 {
        return None;
    }
    let mut length = whole + if rest.get(whole) == Some(&b'.') { 1 + fraction } else { 0 };
    let mut bits = HexBits::default();
    for byte in rest[..length].iter().filter(|byte| **byte != b'.') {
        bits.push((*byte as char).to_digit(16).unwrap_or(0));
    }
    let suffix = exponent_length(&rest[length..], b'p');
    let mut exponent = bits.dropped - 4 * fraction as i64;
    if suffix > 0 {
        let written = std::str::from_utf8(&rest[length + 1..length + suffix]).ok()?;
        // What overflows an i64 is as good as infinite.
        let far = if written.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
        exponent = exponent.saturating_add(written.parse().unwrap_or(far));
        length += suffix;
    }
    Some((scaled(bits.value, bits.inexact, exponent), 2 + length))
}

/// The first 64 bits of a hexadecimal number, and what is behind them.
#[derive(Default)]
struct HexBits {
    value: u64,
    /// How many bits were left out.
    dropped: i64,
    /// Whether one of those was set.
    inexact: bool,
}

impl HexBits {
    fn push(&mut self, digit: u32) {
        if self.value >> 60 == 0 {
            self.value = self.value << 4 | u64::from(digit);
        } else {
            self.dropped += 4;
            self.inexact |= digit != 0;
        }
    }
}

/// `value` * 2^`exponent`, rounded to the nearest double, ties to even.
fn scaled(value: u64, inexact: bool, exponent: i64) -> f64 {
    if value == 0 {
        return 0.0;
    }
    let shift = value.leading_zeros();
    let top = exponent.saturating_add(63 - i64::from(shift));
    if top > 1023 {
        return f64::INFINITY;
    }
    // Below the normal range each power of two costs a digit.
    let kept = if top >= -1022 { 53 } else { 53 - (-1022 - top) };
    if kept < 0 {
        return 0.0;
    }
    let aligned = value << shift;
    let cut = 64 - kept as u32;
    let whole = if cut == 64 { 0 } else { aligned >> cut };
    let rest = u128::from(aligned) & ((1u128 << cut) - 1);
    let half = 1u128 << (cut - 1);
    let up = rest > half || rest == half && (inexact || whole & 1 == 1);
    let power = top - kept + 1;
    let first = power / 2;
    (whole + u64::from(up)) as f64 * power_of_two(first) * power_of_two(power - first)
}

fn power_of_two(exponent: i64) -> f64 {
    2f64.powi(exponent as i32)
}

/// How long an exponent such as `e-5` at the beginning of `text` is; 0 if there is none.
fn exponent_length(text: &[u8], letter: u8) -> usize {
    if text.first().map(u8::to_ascii_lowercase) != Some(letter) {
        return 0;
    }
    let signed = usize::from(matches!(text.get(1), Some(b'+' | b'-')));
    match run(&text[1 + signed..], |byte| byte.is_ascii_digit()) {
        0 => 0,
        digits => 1 + signed + digits,
    }
}

/// How many bytes at the beginning of `text` are `wanted`.
fn run(text: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !wanted(*byte)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::{print, read};

    fn printed(number: f64, digits: usize) -> String {
        let mut out = Vec::new();
        print(&mut out, number, digits);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_printed_as_c_prints_them() {
        let cases = [
            (0.0, 14, "0"),
            (-0.0, 14, "-0"),
            (100.0, 14, "100"),
            (100.0, 2, "1e+02"),
            (0.1, 14, "0.1"),
            (1.0 / 3.0, 14, "0.33333333333333"),
            (1e14, 14, "1e+14"),
            (99_999_999_999_999.5, 14, "1e+14"),
            (1e-4, 14, "0.0001"),
            (1e-5, 14, "1e-05"),
            (123_456.0, 3, "1.23e+05"),
            (2.5, 1, "2"),
            (3.5, 1, "4"),
            (5e-324, 14, "4.9406564584125e-324"),
            (f64::MAX, 14, "1.7976931348623e+308"),
            (f64::NEG_INFINITY, 14, "-inf"),
        ];
        for (number, digits, text) in cases {
            assert_eq!(printed(number, digits), text);
        }
    }

    #[test]
    fn numbers_are_read_as_far_as_c_reads_them() {
        let cases: [(&str, Option<(f64, usize)>); 16] = [
            ("12a", Some((12.0, 2))),
            ("-1.5e3,", Some((-1500.0, 6))),
            ("1e+", Some((1.0, 1))),
            (".", None),
            ("-.5", Some((-0.5, 3))),
            ("0x", Some((0.0, 1))),
            ("0x1.8p3", Some((12.0, 7))),
            ("0x.p1", Some((0.0, 1))),
            ("infinit", Some((f64::INFINITY, 3))),
            ("0x1p-1074", Some((5e-324, 9))),
            ("0x1p-1075", Some((0.0, 9))),
            ("0x1.8p-1075", Some((5e-324, 11))),
            ("0x1p1024", Some((f64::INFINITY, 8))),
            ("0x1.fffffffffffff8p0", Some((2.0, 20))),
            ("0x20000000000001", Some((9_007_199_254_740_992.0, 16))),
            ("0x1p99999999999999999999", Some((f64::INFINITY, 24))),
        ];
        for (text, number) in cases {
            assert_eq!(read(text.as_bytes()), number, "{text}");
        }
        assert_eq!(read(b"nan(1_a)").map(|(_, length)| length), Some(8));
        assert_eq!(read(b"nan(1!)").map(|(_, length)| length), Some(3));
    }
}
