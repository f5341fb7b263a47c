//! The errors that a client reads, in Redis's words.

use std::borrow::Cow;
use std::fmt;

/// A word that is longer is no code, as in stock.
const CODE_BYTES_MAX: usize = 30;

/// An error reply: its code and text, without the leading dash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    text: Cow<'static, [u8]>,
    /// Whether the statistics have it already.
    is_counted: bool,
}

impl Fault {
    /// The key holds another type.
    pub const WRONG_TYPE: Self =
        Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// The options make no sense.
    pub const SYNTAX: Self = Self::fixed("ERR syntax error");
    /// A word is not a signed 64-bit integer.
    pub const NOT_AN_INTEGER: Self = Self::fixed("ERR value is not an integer or out of range");
    /// A word is not a floating point number.
    pub const NOT_A_FLOAT: Self = Self::fixed("ERR value is not a valid float");
    /// The key is not there, and the command needs it.
    pub const NO_SUCH_KEY: Self = Self::fixed("ERR no such key");
    /// A database number beyond `databases`.
    pub const DB_INDEX: Self = Self::fixed("ERR DB index is out of range");

    /// Makes an error of a text known beforehand.
    pub const fn fixed(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text.as_bytes()), is_counted: false }
    }

    /// Makes an error of a text put together now.
    pub fn of(text: String) -> Self {
        Self::of_bytes(text.into_bytes())
    }

    /// Makes an error of a text that repeats words of the client, which may be any bytes.
    pub fn of_bytes(text: Vec<u8>) -> Self {
        Self { text: Cow::Owned(text), is_counted: false }
    }

    /// Makes an error that repeats a word of the client, up to its first zero byte as C prints it.
    pub fn quoting(before: &str, word: &[u8], after: &str) -> Self {
        let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
        Self::of_bytes([before.as_bytes(), word, after.as_bytes()].concat())
    }

    /// Says that the statistics have it already, as a script repeats it.
    #[must_use]
    pub fn counted(self) -> Self {
        Self { is_counted: true, ..self }
    }

    /// Tells whether the statistics have it already.
    pub fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// Returns the bytes of the reply, beginning with the error's code.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// Returns the text for people; bytes that are no text are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// Returns the error's code: the text up to the first space, if that comes soon.
    pub fn code(&self) -> &str {
        let head = &self.text[..self.text.len().min(CODE_BYTES_MAX + 1)];
        let end = head.iter().position(|byte| *byte == b' ');
        end.and_then(|end| std::str::from_utf8(&head[..end]).ok()).unwrap_or("ERR")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_too_long_or_alone_is_no_code() {
        let code = |text: String| Fault::of(text).code().to_owned();
        let long = "A".repeat(CODE_BYTES_MAX);
        assert_eq!(code(format!("{long} text")), long);
        assert_eq!(code(format!("{long}A text")), "ERR");
        assert_eq!(code("NOSPACE".to_owned()), "ERR");
        assert_eq!(Fault::WRONG_TYPE.code(), "WRONGTYPE");
    }
}
