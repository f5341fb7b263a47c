//! Reads what a primary answers during the handshake.
//!
//! The decoder of `redis-protocol` recurses into arrays without a bound and begins anew with each
//! byte that arrives. So it is shown an answer only once all of it is there, and never an array:
//! the guard before it looks at one line and a length.

use redis_protocol::resp2::decode::decode_range;
use redis_protocol::resp2::types::RangeFrame;

/// The longest line, without its end.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// The longest bulk string; `INFO replication` has a few KiB.
const BULK_BYTES_MAX: usize = 1 << 20;
/// The most digits that a length within the limit has.
const LENGTH_DIGITS_MAX: usize = 7;

/// One answer of a primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `+text`
    Status(Vec<u8>),
    /// `-text`
    Error(Vec<u8>),
    /// `:number`
    Integer(i64),
    /// `$length`, then so many bytes.
    Bulk(Vec<u8>),
    /// `$-1`
    Null,
}

/// Why bytes are no answer that a handshake can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not one of RESP2's kinds.
    #[error(
        "what came begins with \"{}\", which no answer of Redis does: \
         is there another service, or TLS, on the primary's port?",
        .0.escape_ascii()
    )]
    Kind(u8),
    /// Nothing that is asked in a handshake is answered by one.
    #[error("an array came, which answers nothing that was asked")]
    Array,
    /// A line without an end.
    #[error("a line of more than {LINE_BYTES_MAX} bytes came")]
    LineTooLong,
    /// A length that is no number.
    #[error("a length came that is no number")]
    Length,
    /// More than anything asked can have.
    #[error("a bulk string of {0} bytes was announced, more than {BULK_BYTES_MAX}")]
    BulkTooLong(usize),
    /// A bulk string goes on behind its length.
    #[error("a bulk string does not end where its length says")]
    Unterminated,
    /// The decoder makes nothing of it, such as an integer that is none.
    #[error("a line came that is no answer of its kind")]
    Malformed,
}

/// Reads the first answer in `input` and tells how many bytes it took; `None` if more are needed.
///
/// Line feeds before it, by which stock primaries keep a replica waiting, are skipped and count as
/// taken. As long as there is no answer the caller drops them by [`leading_newlines`].
pub fn read(input: &[u8]) -> Result<Option<(Answer, usize)>, AnswerError> {
    let begin = leading_newlines(input);
    let input = &input[begin..];
    let Some(whole) = whole_bytes(input)? else { return Ok(None) };
    let input = &input[..whole];
    match decode_range(input) {
        Ok(Some((frame, consumed))) if consumed == whole => {
            Ok(Some((answer(&frame, input)?, begin + whole)))
        }
        _ => Err(AnswerError::Malformed),
    }
}

/// Counts the line feeds at the beginning of `input`: signs of life, and nothing more.
pub fn leading_newlines(input: &[u8]) -> usize {
    input.iter().take_while(|byte| **byte == b'\n').count()
}

/// Counts the bytes of the answer at the beginning of `input`, if all of them are there.
fn whole_bytes(input: &[u8]) -> Result<Option<usize>, AnswerError> {
    let Some((kind, rest)) = input.split_first() else { return Ok(None) };
    match kind {
        b'+' | b'-' | b':' => Ok(line_bytes(rest, LINE_BYTES_MAX)?.map(|line| 1 + line + 2)),
        b'$' => whole_bulk_bytes(rest),
        b'*' => Err(AnswerError::Array),
        other => Err(AnswerError::Kind(*other)),
    }
}

/// Counts the bytes before the first line end, if there is one.
fn line_bytes(input: &[u8], max: usize) -> Result<Option<usize>, AnswerError> {
    let window = &input[..input.len().min(max + 2)];
    match window.windows(2).position(|pair| pair == b"\r\n") {
        Some(line) => Ok(Some(line)),
        None if input.len() >= max + 2 => Err(AnswerError::LineTooLong),
        None => Ok(None),
    }
}

/// Counts the bytes of a bulk string from behind its `$`, with it.
fn whole_bulk_bytes(input: &[u8]) -> Result<Option<usize>, AnswerError> {
    let line = line_bytes(input, LENGTH_DIGITS_MAX).map_err(|_| AnswerError::Length)?;
    let Some(line) = line else { return Ok(None) };
    let head = 1 + line + 2;
    if &input[..line] == b"-1" {
        return Ok(Some(head));
    }
    let length = number(&input[..line]).ok_or(AnswerError::Length)?;
    if length > BULK_BYTES_MAX {
        return Err(AnswerError::BulkTooLong(length));
    }
    match input[line + 2..].get(length..length + 2) {
        Some(b"\r\n") => Ok(Some(head + length + 2)),
        Some(_) => Err(AnswerError::Unterminated),
        None => Ok(None),
    }
}

/// Reads digits and nothing else.
fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Takes over what the decoder found, by its ranges: an error need not be UTF-8.
fn answer(frame: &RangeFrame, input: &[u8]) -> Result<Answer, AnswerError> {
    let bytes = |(begin, end): &(usize, usize)| {
        input.get(*begin..*end).map(<[u8]>::to_vec).ok_or(AnswerError::Malformed)
    };
    match frame {
        RangeFrame::SimpleString(range) => bytes(range).map(Answer::Status),
        RangeFrame::Error(range) => bytes(range).map(Answer::Error),
        RangeFrame::Integer(number) => Ok(Answer::Integer(*number)),
        RangeFrame::BulkString(range) => bytes(range).map(Answer::Bulk),
        RangeFrame::Null => Ok(Answer::Null),
        RangeFrame::Array(_) => Err(AnswerError::Array),
    }
}

#[cfg(test)]
mod tests;
