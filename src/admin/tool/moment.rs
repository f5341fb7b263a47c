//! Moments as the tools spell them.

use std::fmt;

use crate::admin::tracing::date;

/// A moment in milliseconds since 1970, spelt as ISO 8601 does, in UTC; a dash if it is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) Option<u64>);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(milliseconds) = self.0 else { return f.write_str("-") };
        let (seconds, millisecond) = (milliseconds / 1000, milliseconds % 1000);
        let (year, month, day) = date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let month = month + 1;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_the_calendar() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_772_719_651_204, "2026-03-05T14:07:31.204Z"),
        ] {
            assert_eq!(Moment(Some(milliseconds)).to_string(), expected);
        }
        assert_eq!(Moment(None).to_string(), "-");
    }
}
