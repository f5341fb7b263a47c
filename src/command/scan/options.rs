//! What the words of `SCAN` and `HSCAN` mean, and the shape of their answer.

use crate::command::Fault;
use crate::command::glob::{Case, matches};
use crate::keyspace::{Kind, ScanCursor};
use crate::net::{Args, Reply};
use crate::number::parse_i64_strict;

const INVALID_CURSOR: Fault = Fault::fixed("ERR invalid cursor");
/// How many elements are visited unless `COUNT` says otherwise.
const COUNT_DEFAULT: usize = 10;

/// Which filters a command of the family knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filters {
    /// `MATCH`.
    Pattern,
    /// `MATCH` and `TYPE`.
    PatternAndType,
}

/// The options of one scan.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// About how many elements are visited.
    pub count: usize,
    pattern: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options in `words`.
    pub fn parse(words: Args<'a>, filters: Filters) -> Result<Self, Fault> {
        let mut options = Self { count: COUNT_DEFAULT, pattern: None, kind: None };
        let mut words = words.iter();
        while let Some(name) = words.next() {
            let value = words.next().ok_or(Fault::SYNTAX)?;
            if name.eq_ignore_ascii_case(b"COUNT") {
                options.count = parse_count(value)?;
            } else if name.eq_ignore_ascii_case(b"MATCH") {
                options.pattern = (value != b"*").then_some(value);
            } else if name.eq_ignore_ascii_case(b"TYPE") && filters == Filters::PatternAndType {
                options.kind = Some(value);
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Tells whether an element of that name was asked for.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive))
    }

    /// Tells whether keys of that type were asked for; a type that does not exist has no keys.
    pub fn matches_kind(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|name| name.eq_ignore_ascii_case(kind.name().as_bytes()))
    }
}

fn parse_count(text: &[u8]) -> Result<usize, Fault> {
    match parse_i64_strict(text) {
        None => Err(Fault::NOT_AN_INTEGER),
        Some(count) => usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Fault::SYNTAX),
    }
}

/// Reads a cursor as C's `strtoul` does: digits, a sign, or nothing at all; a minus wraps around.
pub fn parse_cursor(text: &[u8]) -> Result<ScanCursor, Fault> {
    // The end of the text for C.
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let (negative, digits) = match text {
        [] => return Ok(ScanCursor::START),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(INVALID_CURSOR);
    }
    let number: u64 = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(INVALID_CURSOR)?;
    Ok(ScanCursor(if negative { number.wrapping_neg() } else { number }))
}

/// Writes the answer of a scan: where to go on, and the elements that `visit` writes.
///
/// `visit` returns the next cursor and how many elements it wrote.
pub fn answer_scan(
    reply: &mut Reply<'_>,
    visit: impl FnOnce(&mut Reply<'_>) -> (ScanCursor, usize),
) {
    let begun = reply.buffer().len();
    let elements = reply.defer();
    let (next, count) = visit(reply);
    reply.array_since(elements, count);
    // The cursor stands before the elements, but is known after them.
    let end = reply.buffer().len();
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next.0).as_bytes());
    let header_bytes = reply.buffer().len() - end;
    reply.buffer()[begun..].rotate_right(header_bytes);
}
