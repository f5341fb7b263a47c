//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in Unix milliseconds; a clock before 1970 reads as 1970.
pub fn unix_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
