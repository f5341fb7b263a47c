//! How long a command may wait.

use std::time::Duration;

use crate::command::Fault;
use crate::number::long_double::LongDouble;

const NOT_A_FLOAT: Fault = Fault::fixed("ERR timeout is not a float or out of range");
const OUT_OF_RANGE: Fault = Fault::fixed("ERR timeout is out of range");
const NEGATIVE: Fault = Fault::fixed("ERR timeout is negative");

/// Reads a time in seconds, rounded up to whole milliseconds; zero means for ever.
pub(super) fn time(word: &[u8], now_ms: i64) -> Result<Option<Duration>, Fault> {
    let seconds = LongDouble::parse(word).ok_or(NOT_A_FLOAT)?;
    let ms = (seconds.to_f64().ok_or(OUT_OF_RANGE)? * 1000.0).ceil();
    // The nearest double above the largest integer is 2^63.
    if ms >= i64::MAX as f64 {
        return Err(OUT_OF_RANGE);
    }
    let ms = u64::try_from(ms as i64).map_err(|_| NEGATIVE)?;
    if ms > (i64::MAX - now_ms) as u64 {
        return Err(OUT_OF_RANGE);
    }
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_to_milliseconds() {
        let ms = |word: &str| time(word.as_bytes(), 1_000).map(|time| time.map(|t| t.as_millis()));
        assert_eq!(ms("0"), Ok(None));
        assert_eq!(ms("1.5"), Ok(Some(1500)));
        assert_eq!(ms("0.0001"), Ok(Some(1)));
        assert_eq!(ms("-0.0001"), Ok(None));
        assert_eq!(ms("1e3"), Ok(Some(1_000_000)));
        assert_eq!([ms("-1"), ms("-1e30")], [Err(NEGATIVE), Err(NEGATIVE)]);
        for word in ["9223372036854775.807", "1e30", "inf"] {
            assert_eq!(ms(word), Err(OUT_OF_RANGE), "{word}");
        }
        for word in ["", "x", "1x", "nan", " 1"] {
            assert_eq!(ms(word), Err(NOT_A_FLOAT), "{word}");
        }
    }
}
