//! IDs of entries as clients write them.

use crate::command::Fault;
use crate::keyspace::StreamId;
use crate::number::parse_i64_strict;

pub(super) const INVALID: Fault =
    Fault::fixed("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: Fault = Fault::fixed("ERR invalid start ID for the interval");
const INVALID_END: Fault = Fault::fixed("ERR invalid end ID for the interval");

/// The longest text of an ID.
const TEXT_BYTES_MAX: usize = 127;

/// An ID whose second half may be left to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole(StreamId),
    /// The milliseconds alone: `5-*`.
    Within(u64),
}

/// Reads an ID; a second half that is left out is zero.
pub(in crate::command) fn parse(text: &[u8]) -> Result<StreamId, Fault> {
    let (ms, seq) = halves(text)?;
    Ok(StreamId { ms, seq: seq.map_or(Ok(0), number)? })
}

/// Reads an ID whose second half may be `*`.
pub(super) fn parse_wanted(text: &[u8]) -> Result<Wanted, Fault> {
    match halves(text)? {
        (ms, Some(b"*")) => Ok(Wanted::Within(ms)),
        (ms, seq) => Ok(Wanted::Whole(StreamId { ms, seq: seq.map_or(Ok(0), number)? })),
    }
}

/// Reads the lower end of a range; `(` in front leaves the ID itself out.
pub(super) fn parse_start(text: &[u8]) -> Result<StreamId, Fault> {
    match end_of_range(text, 0)? {
        (id, Included::Yes) => Ok(id),
        (id, Included::No) => id.next().ok_or(INVALID_START),
    }
}

/// Reads the upper end of a range; `(` in front leaves the ID itself out.
pub(super) fn parse_end(text: &[u8]) -> Result<StreamId, Fault> {
    match end_of_range(text, u64::MAX)? {
        (id, Included::Yes) => Ok(id),
        (id, Included::No) => id.previous().ok_or(INVALID_END),
    }
}

/// Whether a range includes its end.
enum Included {
    Yes,
    No,
}

fn end_of_range(text: &[u8], seq_left_out: u64) -> Result<(StreamId, Included), Fault> {
    let whole = |text| {
        let (ms, seq) = halves(text)?;
        Ok(StreamId { ms, seq: seq.map_or(Ok(seq_left_out), number)? })
    };
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => Ok((whole(rest)?, Included::No)),
        b"-" => Ok((StreamId::MIN, Included::Yes)),
        b"+" => Ok((StreamId::MAX, Included::Yes)),
        _ => Ok((whole(text)?, Included::Yes)),
    }
}

/// Reads the first half; what follows the dash behind it is the second one.
fn halves(text: &[u8]) -> Result<(u64, Option<&[u8]>), Fault> {
    if text.len() > TEXT_BYTES_MAX || matches!(text, b"-" | b"+") {
        return Err(INVALID);
    }
    // Stock servers read it as C reads a string.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    match text.iter().position(|byte| *byte == b'-') {
        None => Ok((number(text)?, None)),
        Some(dash) => Ok((number(&text[..dash])?, Some(&text[dash + 1..]))),
    }
}

/// Reads a number as `strtoull` does, which also takes spaces in front, signs and zeros.
fn number(text: &[u8]) -> Result<u64, Fault> {
    if let Some(number) = parse_i64_strict(text) {
        return u64::try_from(number).map_err(|_| INVALID);
    }
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(INVALID);
    }
    let number = digits.iter().try_fold(0u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    let number = number.ok_or(INVALID)?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_stock_servers_read_them() {
        let id = |ms, seq| StreamId { ms, seq };
        for (text, read) in [
            ("5", id(5, 0)),
            ("5-7", id(5, 7)),
            ("18446744073709551615-18446744073709551615", StreamId::MAX),
            ("007-+1", id(7, 1)),
            (" 1-1", id(1, 1)),
            ("1--05", id(1, u64::MAX - 4)),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(read), "{text}");
        }
        for text in ["", "-", "+", "x", "1-", "-1", "1-2-3", "18446744073709551616", "1--5", "1-*"]
        {
            assert_eq!(parse(text.as_bytes()), Err(INVALID), "{text}");
        }
        assert_eq!(parse(&[b'1'; 128]), Err(INVALID));
        assert_eq!(parse_wanted(b"9-*"), Ok(Wanted::Within(9)));
        assert_eq!(parse_wanted(b"9"), Ok(Wanted::Whole(id(9, 0))));
    }

    #[test]
    fn ends_of_ranges_may_be_left_out_or_open() {
        let id = |ms, seq| StreamId { ms, seq };
        assert_eq!(parse_start(b"-"), Ok(StreamId::MIN));
        assert_eq!(parse_end(b"+"), Ok(StreamId::MAX));
        assert_eq!(parse_start(b"5"), Ok(id(5, 0)));
        assert_eq!(parse_end(b"5"), Ok(id(5, u64::MAX)));
        assert_eq!(parse_start(b"(5-1"), Ok(id(5, 2)));
        assert_eq!(parse_end(b"(5"), Ok(id(5, u64::MAX - 1)));
        assert_eq!(parse_start(b"(-"), Err(INVALID));
        let end = b"(18446744073709551615-18446744073709551615";
        assert_eq!(parse_start(end), Err(INVALID_START));
        assert_eq!(parse_end(b"(0-0"), Err(INVALID_END));
    }
}
