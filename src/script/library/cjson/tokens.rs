//! JSON cut into tokens. What it takes beyond JSON is what lua-cjson takes.

use super::super::numerals;

/// One token, or what is wrong where one should be.
#[derive(Debug, PartialEq)]
pub enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Colon,
    Comma,
    Null,
    Boolean(bool),
    Number(f64),
    String(Vec<u8>),
    End,
    Invalid(&'static str),
}

impl Token {
    /// What an error calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::Null => "T_NULL",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Number(_) => "T_NUMBER",
            Self::String(_) => "T_STRING",
            Self::End => "T_END",
            Self::Invalid(why) => why,
        }
    }
}

/// Which numbers are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Those of JSON, and `1.` and `-.5`.
    Json,
    /// All that C's `strtod` takes, but for a point in front.
    Any,
}

/// Takes token after token off a text.
pub struct Tokens<'text> {
    text: &'text [u8],
    at: usize,
    numbers: Numbers,
}

impl<'text> Tokens<'text> {
    /// Tokens of `text`; a zero byte ends it.
    pub fn new(text: &'text [u8], numbers: Numbers) -> Self {
        Self { text, at: 0, numbers }
    }

    /// How many bytes were taken.
    pub fn taken(&self) -> usize {
        self.at
    }

    /// The next token, and where it or what is wrong with it begins.
    pub fn next(&mut self) -> (Token, usize) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let start = self.at;
        let rest = &self.text[start..];
        let Some(&first) = rest.first().filter(|byte| **byte != 0) else {
            return (Token::End, start);
        };
        let (token, length) = match first {
            b'{' => (Token::ObjectBegin, 1),
            b'}' => (Token::ObjectEnd, 1),
            b'[' => (Token::ArrayBegin, 1),
            b']' => (Token::ArrayEnd, 1),
            b':' => (Token::Colon, 1),
            b',' => (Token::Comma, 1),
            b'"' => return self.string(start + 1, start),
            b'-' | b'0'..=b'9' => self.number(rest),
            b'+' if self.numbers == Numbers::Any => self.number(rest),
            _ if rest.starts_with(b"true") => (Token::Boolean(true), 4),
            _ if rest.starts_with(b"false") => (Token::Boolean(false), 5),
            _ if rest.starts_with(b"null") => (Token::Null, 4),
            b'i' | b'I' | b'n' | b'N' if self.numbers == Numbers::Any && is_beyond_json(rest) => {
                self.number(rest)
            }
            _ => (Token::Invalid("invalid token"), 0),
        };
        self.at += length;
        (token, start)
    }

    fn number(&self, rest: &[u8]) -> (Token, usize) {
        let refused = self.numbers == Numbers::Json && is_beyond_json(rest);
        match numerals::read(rest).filter(|_| !refused) {
            Some((number, length)) => (Token::Number(number), length),
            None => (Token::Invalid("invalid number"), 0),
        }
    }

    /// Takes a string whose first byte is at `from` and whose quote was at `start`.
    fn string(&mut self, from: usize, start: usize) -> (Token, usize) {
        let mut value = Vec::new();
        let mut at = from;
        loop {
            let rest = &self.text[at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0));
            let Some(plain) = plain else {
                return (Token::Invalid("unexpected end of string"), self.text.len());
            };
            value.extend_from_slice(&rest[..plain]);
            at += plain;
            match rest[plain] {
                b'"' => {
                    self.at = at + 1;
                    return (Token::String(value), start);
                }
                b'\\' => match unescape(&self.text[at + 1..], &mut value) {
                    Ok(length) => at += 1 + length,
                    Err(why) => return (Token::Invalid(why), at),
                },
                _ => return (Token::Invalid("unexpected end of string"), at),
            }
        }
    }
}

/// Whether a number is hexadecimal, named or has a zero in front.
fn is_beyond_json(text: &[u8]) -> bool {
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    match unsigned {
        [b'0', b'x' | b'X' | b'0'..=b'9', ..] => true,
        [first, ..] if *first <= b'9' => false,
        [first, second, third, ..] => {
            let begins = [*first, *second, *third].map(|byte| byte.to_ascii_lowercase());
            begins == *b"inf" || begins == *b"nan"
        }
        _ => false,
    }
}

/// Adds what an escape stands for; gives its length without the backslash.
fn unescape(text: &[u8], value: &mut Vec<u8>) -> Result<usize, &'static str> {
    let byte = match text.first() {
        Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
        Some(b'b') => 0x08,
        Some(b'f') => 0x0c,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => return unescape_unicode(text, value),
        _ => return Err("invalid escape code"),
    };
    value.push(byte);
    Ok(1)
}

fn unescape_unicode(text: &[u8], value: &mut Vec<u8>) -> Result<usize, &'static str> {
    const WRONG: &str = "invalid unicode escape code";
    let unit = code_unit(text, 1).ok_or(WRONG)?;
    let (code, length) = match unit {
        0xd800..0xdc00 => {
            let low = text.get(5..7).filter(|escape| *escape == b"\\u");
            let low = low.and_then(|_| code_unit(text, 7)).ok_or(WRONG)?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(WRONG);
            }
            (0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 11)
        }
        _ => (unit, 5),
    };
    let code = char::from_u32(code).ok_or(WRONG)?;
    value.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(length)
}

/// Four hexadecimal digits from `at` on.
fn code_unit(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?
        .iter()
        .try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}
