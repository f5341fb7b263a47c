//! Cuts a client's bytes into commands: resumable, bounded, and without copying a word.
//!
//! The caller owns the read buffer. It calls [`Parser::parse`] with the bytes from the first one that
//! belongs to the command at hand; when more bytes have come it calls again with the same beginning, and the
//! parser goes on where it stopped. Word places are kept in one list that is used again for every command,
//! so a usual command costs no allocation.
//!
//! What is accepted and how it is refused follows Redis to the byte, with two exceptions, both where Redis
//! waits in silence: a NUL in a length is an invalid length, and a NUL in an inline command is a character.

use super::args::{Args, Span};
use super::inline;
use crate::number::parse_i64_strict;

/// The most bytes a line may have: an inline command, or the digits of a length.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// The most words a command may have: what stock servers can count.
///
/// Nothing is reserved for a count: what its words take grows with the bytes that come, which the limit of
/// a client's buffer bounds (`client-query-buffer-limit`).
pub const ARGS_MAX: usize = i32::MAX as usize;
/// The most words before authentication.
pub const UNAUTHENTICATED_ARGS_MAX: usize = 10;
/// The most bytes in a word before authentication.
pub const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;
/// The most bytes in a word unless configured otherwise (`proto-max-bulk-len`).
pub const BULK_BYTES_MAX_DEFAULT: usize = 512 * 1024 * 1024;

/// Word places kept from one command to the next; a larger list is given back.
const SPANS_KEPT_MAX: usize = 1024;
/// Bytes of unescaped inline words kept from one command to the next.
const WORDS_KEPT_BYTES_MAX: usize = 4096;

/// Who sends the bytes, and so which limits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A client that has still to authenticate: small commands only.
    Unauthenticated,
    /// A client.
    Client,
    /// The primary of a replica: its words may have any length.
    Upstream,
}

/// What a call found at the beginning of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The command is not whole; at least `need_hint` more bytes must come.
    Incomplete {
        /// Bytes that are certainly missing; a whole word's length once that is known.
        need_hint: usize,
    },
    /// A whole command of `consumed` bytes, whose words [`Parser::args`] gives.
    Command {
        /// Bytes to drop from the buffer before the next call.
        consumed: usize,
    },
    /// Nothing to execute in `consumed` bytes: an empty line, or a command of no words.
    Empty {
        /// Bytes to drop from the buffer before the next call.
        consumed: usize,
    },
}

/// A request that breaks the protocol; the connection cannot be used any further.
///
/// The text is the client's reply after `-ERR Protocol error: `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The word count is no number or too large.
    #[error("invalid multibulk length")]
    InvalidMultibulkLength,
    /// More words than an unauthenticated client may send.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// No line end within the longest possible word count.
    #[error("too big mbulk count string")]
    TooBigMultibulkCount,
    /// A word's length is no number, negative or too large.
    #[error("invalid bulk length")]
    InvalidBulkLength,
    /// A longer word than an unauthenticated client may send.
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// No line end within the longest possible word length.
    #[error("too big bulk count string")]
    TooBigBulkCount,
    /// A word begins with another byte than `$`.
    #[error("expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    /// An inline command without a line end within its limit.
    #[error("too big inline request")]
    TooBigInline,
    /// An inline command whose quotes do not pair.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A primary sent something other than multibulk commands and empty lines.
    #[error("inline command from a primary")]
    InlineFromUpstream,
}

impl ProtocolError {
    /// Appends the error reply, exactly as Redis spells it.
    pub fn encode_into(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"-ERR Protocol error: ");
        match self {
            // The byte goes out as it came in, which need not be text.
            Self::ExpectedBulk(byte) => {
                let shown = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
                out.extend_from_slice(b"expected '$', got '");
                out.extend_from_slice(&[shown, b'\'']);
            }
            other => out.extend_from_slice(other.to_string().as_bytes()),
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Where in a command the parser stands between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the first whole line.
    Start,
    /// Before the length of a word, with so many words to come.
    Length { left: usize },
    /// Before a word of so many bytes, with so many words to come, this one included.
    Word { left: usize, length: usize },
    /// After a whole command; the next call begins another.
    Whole,
}

/// Cuts one connection's bytes into commands.
#[derive(Debug)]
pub struct Parser {
    peer: Peer,
    bulk_bytes_max: usize,
    stage: Stage,
    /// Index of the first byte not yet taken.
    at: usize,
    /// No line end lies before this index, so the search for one need not begin again.
    searched: usize,
    /// Whether the bytes taken are what this server would write for the same words.
    canonical: bool,
    /// Length of the last whole command.
    consumed: usize,
    spans: Vec<Span>,
    /// Unescaped words of an inline command; the spans refer to it when `inline` is set.
    words: Vec<u8>,
    inline: bool,
}

impl Parser {
    /// Makes a parser for one connection's bytes.
    pub fn new(peer: Peer, bulk_bytes_max: usize) -> Self {
        Self {
            peer,
            bulk_bytes_max,
            stage: Stage::Whole,
            at: 0,
            searched: 0,
            canonical: true,
            consumed: 0,
            spans: Vec::new(),
            words: Vec::new(),
            inline: false,
        }
    }

    /// Changes whose limits hold, for every length read from now on.
    pub fn set_peer(&mut self, peer: Peer) {
        self.peer = peer;
    }

    /// Changes the most bytes a word may have (`proto-max-bulk-len`).
    pub fn set_bulk_bytes_max(&mut self, bulk_bytes_max: usize) {
        self.bulk_bytes_max = bulk_bytes_max;
    }

    /// Goes on with the command at the beginning of `buffer`.
    ///
    /// After [`Parsed::Incomplete`] the next call gets the same bytes and more; after the other two the
    /// consumed bytes are gone from the front. After an error the parser is of no further use.
    #[inline]
    pub fn parse(&mut self, buffer: &[u8]) -> Result<Parsed, ProtocolError> {
        if self.stage == Stage::Whole {
            self.begin();
        }
        match (self.stage, buffer.first()) {
            (Stage::Start, None) => Ok(Parsed::Incomplete { need_hint: 1 }),
            (Stage::Start, Some(b'*')) => self.multibulk(buffer),
            (Stage::Start, Some(_)) => self.inline(buffer),
            (Stage::Length { left }, _) => self.words(buffer, left, None),
            (Stage::Word { left, length }, _) => self.words(buffer, left, Some(length)),
            (Stage::Whole, _) => unreachable!("a whole command was left behind above"),
        }
    }

    /// Lends the words of the command found last; `buffer` is the one [`Self::parse`] was given.
    #[inline]
    pub fn args<'a>(&'a self, buffer: &'a [u8]) -> Args<'a> {
        if self.inline {
            return Args::new(&self.words, &self.spans, None);
        }
        let bytes = &buffer[..self.consumed];
        Args::new(bytes, &self.spans, self.canonical.then_some(bytes))
    }

    /// Tells whether a command has begun and is not whole.
    pub fn is_mid_command(&self) -> bool {
        self.stage != Stage::Whole
    }

    /// Counts the bytes it holds on the heap, for the accounting of a client's memory.
    pub fn heap_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.words.capacity()
    }

    #[inline]
    fn begin(&mut self) {
        self.stage = Stage::Start;
        self.at = 0;
        self.searched = 0;
        self.canonical = true;
        self.inline = false;
        self.spans.clear();
        if self.spans.capacity() > SPANS_KEPT_MAX {
            self.spans.shrink_to(SPANS_KEPT_MAX);
        }
        if self.words.capacity() > WORDS_KEPT_BYTES_MAX {
            self.words = Vec::new();
        }
    }

    /// Reads the word count, then the words.
    #[inline]
    fn multibulk(&mut self, buffer: &[u8]) -> Result<Parsed, ProtocolError> {
        let (count, next) = match plain_length(buffer, 0) {
            Some((count, next)) => (count as i64, next),
            None => match self.line(buffer, ProtocolError::TooBigMultibulkCount)? {
                Some((digits, next)) => (
                    parse_i64_strict(&digits[1..]).ok_or(ProtocolError::InvalidMultibulkLength)?,
                    next,
                ),
                None => return Ok(Parsed::Incomplete { need_hint: 1 }),
            },
        };
        self.check_count(count)?;
        if count <= 0 {
            self.stage = Stage::Whole;
            return Ok(Parsed::Empty { consumed: next });
        }
        self.at = next;
        self.searched = next;
        self.words(buffer, count as usize, None)
    }

    #[inline]
    fn check_count(&self, count: i64) -> Result<(), ProtocolError> {
        if count > ARGS_MAX as i64 {
            return Err(ProtocolError::InvalidMultibulkLength);
        }
        if self.peer == Peer::Unauthenticated && count > UNAUTHENTICATED_ARGS_MAX as i64 {
            return Err(ProtocolError::UnauthenticatedMultibulkLength);
        }
        Ok(())
    }

    /// Reads `left` words; `length` is that of the first one if it has been read already.
    #[inline]
    fn words(
        &mut self,
        buffer: &[u8],
        mut left: usize,
        mut length: Option<usize>,
    ) -> Result<Parsed, ProtocolError> {
        while left > 0 {
            let Some(word_bytes) = (match length.take() {
                Some(length) => Some(length),
                None => self.word_length(buffer)?,
            }) else {
                self.stage = Stage::Length { left };
                return Ok(Parsed::Incomplete { need_hint: 1 });
            };
            let (start, end) = (self.at, self.at + word_bytes);
            match buffer.get(end..end + 2) {
                Some(b"\r\n") => {}
                // Redis does not look at these two bytes; what is written on must be canonical.
                Some(_) => self.canonical = false,
                None => {
                    self.stage = Stage::Word { left, length: word_bytes };
                    return Ok(Parsed::Incomplete { need_hint: end + 2 - buffer.len() });
                }
            }
            self.spans.push(Span { start, end });
            self.at = end + 2;
            self.searched = self.at;
            left -= 1;
        }
        self.consumed = self.at;
        self.stage = Stage::Whole;
        Ok(Parsed::Command { consumed: self.at })
    }

    /// Reads the length of the next word and moves on to the word; `None` if its line is not whole.
    #[inline]
    fn word_length(&mut self, buffer: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let (length, next) = match plain_length(buffer, self.at) {
            Some((length, next)) if buffer[self.at] == b'$' => (length as i64, next),
            _ => match self.line(buffer, ProtocolError::TooBigBulkCount)? {
                Some((line, next)) => (odd_word_length(line)?, next),
                None => return Ok(None),
            },
        };
        self.check_length(length)?;
        self.at = next;
        Ok(Some(length as usize))
    }

    #[inline]
    fn check_length(&self, length: i64) -> Result<(), ProtocolError> {
        let too_long = self.peer != Peer::Upstream && length as u64 > self.bulk_bytes_max as u64;
        if length < 0 || too_long {
            return Err(ProtocolError::InvalidBulkLength);
        }
        if self.peer == Peer::Unauthenticated && length > UNAUTHENTICATED_BULK_BYTES_MAX as i64 {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        Ok(())
    }

    /// Finds the line at `self.at` and the index after its two end bytes; `None` if it is not whole.
    #[cold]
    fn line<'b>(
        &mut self,
        buffer: &'b [u8],
        too_big: ProtocolError,
    ) -> Result<Option<(&'b [u8], usize)>, ProtocolError> {
        let from = self.searched.max(self.at);
        let Some(end) = buffer[from..].iter().position(|byte| *byte == b'\r') else {
            self.searched = buffer.len();
            let too_long = buffer.len() - self.at > LINE_BYTES_MAX;
            return if too_long { Err(too_big) } else { Ok(None) };
        };
        let end = from + end;
        self.searched = end;
        if end - self.at > LINE_BYTES_MAX {
            return Err(too_big);
        }
        let Some(line_feed) = buffer.get(end + 1) else { return Ok(None) };
        self.canonical &= *line_feed == b'\n';
        Ok(Some((&buffer[self.at..end], end + 2)))
    }

    #[cold]
    fn inline(&mut self, buffer: &[u8]) -> Result<Parsed, ProtocolError> {
        let Some(end) = buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = buffer.len();
            let too_long = buffer.len() > LINE_BYTES_MAX;
            let incomplete = Parsed::Incomplete { need_hint: 1 };
            return if too_long { Err(ProtocolError::TooBigInline) } else { Ok(incomplete) };
        };
        let end = self.searched + end;
        if end > LINE_BYTES_MAX {
            return Err(ProtocolError::TooBigInline);
        }
        let line = buffer[..end].strip_suffix(b"\r").unwrap_or(&buffer[..end]);
        if self.peer == Peer::Upstream && !line.is_empty() {
            return Err(ProtocolError::InlineFromUpstream);
        }
        self.inline = true;
        self.words.clear();
        inline::split(line, &mut self.words, &mut self.spans)
            .map_err(|inline::Unbalanced| ProtocolError::UnbalancedQuotes)?;
        self.stage = Stage::Whole;
        self.consumed = end + 1;
        let consumed = self.consumed;
        Ok(if self.spans.is_empty() {
            Parsed::Empty { consumed }
        } else {
            Parsed::Command { consumed }
        })
    }
}

/// Reads `<any byte><digits>\r\n` at `at` where the digits are the shortest for their number.
///
/// `None` for everything unusual, a line that is not whole included: that is for the slow path to judge.
#[inline]
fn plain_length(buffer: &[u8], at: usize) -> Option<(usize, usize)> {
    /// Nine digits cannot overflow, and longer lengths are rare.
    const DIGITS_MAX: usize = 9;
    let line = buffer.get(at + 1..)?;
    let first = line.first()?.wrapping_sub(b'0');
    if first > 9 {
        return None;
    }
    let mut number = usize::from(first);
    for (index, byte) in line.iter().enumerate().take(DIGITS_MAX + 1).skip(1) {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 && number != 0 {
            number = number * 10 + usize::from(digit);
        } else if *byte == b'\r' && line.get(index + 1) == Some(&b'\n') {
            return Some((number, at + index + 3));
        } else {
            return None;
        }
    }
    None
}

/// Judges a length line that [`plain_length`] would not take.
#[cold]
fn odd_word_length(line: &[u8]) -> Result<i64, ProtocolError> {
    match line.split_first() {
        Some((b'$', digits)) => parse_i64_strict(digits).ok_or(ProtocolError::InvalidBulkLength),
        Some((other, _)) => Err(ProtocolError::ExpectedBulk(*other)),
        None => Err(ProtocolError::ExpectedBulk(b'\r')),
    }
}

#[cfg(test)]
mod tests;
