//! Memory sizes as redis.conf writes them: `1k` is a thousand bytes, `1kb` is 1024.

/// Powers of 1024 with the suffix that names them, largest first.
const BINARY_UNITS: [(&str, u64); 3] = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];

/// Powers of 1000 with the suffix that names them.
const DECIMAL_UNITS: [(&str, u64); 3] = [("g", 1_000_000_000), ("m", 1_000_000), ("k", 1_000)];

/// Digits beyond which the number is not read at all.
const DIGITS_MAX: usize = 127;

/// Reads a size; `None` when it is not one.
///
/// What exceeds 64 bits saturates, so that the range check that follows refuses it. No digits at
/// all mean zero, as they do for stock servers.
#[must_use]
pub fn parse(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > DIGITS_MAX {
        return None;
    }
    let (number, unit) = text.split_at(digits);
    let number = number
        .iter()
        .fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(number.saturating_mul(unit_bytes(unit)?))
}

/// Writes a size with the largest unit that leaves no remainder.
#[must_use]
pub fn format(bytes: u64) -> String {
    BINARY_UNITS
        .iter()
        .find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit))
        .map_or_else(|| bytes.to_string(), |(suffix, unit)| format!("{}{suffix}", bytes / unit))
}

fn unit_bytes(unit: &[u8]) -> Option<u64> {
    if unit.is_empty() || unit.eq_ignore_ascii_case(b"b") {
        return Some(1);
    }
    let mut units = BINARY_UNITS.iter().chain(&DECIMAL_UNITS);
    units.find(|(suffix, _)| unit.eq_ignore_ascii_case(suffix.as_bytes())).map(|(_, bytes)| *bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bare_suffix_is_decimal_and_one_with_b_is_binary() {
        assert_eq!(parse(b"1k"), Some(1_000));
        assert_eq!(parse(b"1KB"), Some(1_024));
        assert_eq!(parse(b"3m"), Some(3_000_000));
        assert_eq!(parse(b"3Mb"), Some(3 << 20));
        assert_eq!(parse(b"2g"), Some(2_000_000_000));
        assert_eq!(parse(b"2gb"), Some(2 << 30));
        assert_eq!(parse(b"17"), Some(17));
        assert_eq!(parse(b"17b"), Some(17));
    }

    #[test]
    fn no_digits_mean_zero() {
        assert_eq!(parse(b""), Some(0));
        assert_eq!(parse(b"kb"), Some(0));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["-1", "1.5gb", "1 gb", "1tb", "x", "+1"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[b'1'; 128]), None);
    }

    #[test]
    fn too_large_a_size_saturates() {
        assert_eq!(parse(b"99999999999999999999"), Some(u64::MAX));
        assert_eq!(parse(b"18446744073709551615gb"), Some(u64::MAX));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes: u64) {
            prop_assert_eq!(parse(format(bytes).as_bytes()), Some(bytes));
        }
    }
}
