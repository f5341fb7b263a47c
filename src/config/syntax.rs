//! The shape of a configuration line: words, quotes and escapes.
//!
//! A line is blank, a comment (`#` first) or a directive's name and its arguments. An argument is
//! bare, in double quotes with the escapes `\n \r \t \b \a \xHH \\ \"`, or in single quotes where
//! only `\'` is one.

use std::fmt::Write;

/// A line of a configuration file that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, counted from one.
    pub number: usize,
    /// The line without the white space around it.
    pub text: &'a [u8],
    /// Its words without their quotes; `None` when a quote is not closed.
    pub words: Option<Vec<Vec<u8>>>,
}

/// Yields the lines of `text` that are neither blank nor comments.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    text.split(|byte| *byte == b'\n').enumerate().filter_map(|(index, line)| {
        let text = trim(line);
        let says_something = !text.is_empty() && text[0] != b'#';
        says_something.then(|| Line { number: index + 1, text, words: words(text) })
    })
}

/// Removes the white space around a line.
#[must_use]
pub fn trim(line: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !is_blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

/// Splits a line into its words and takes their quotes away; `None` when a quote is not closed.
///
/// After a closing quote there must be white space or the end.
#[must_use]
pub fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = line;
    let mut words = Vec::new();
    loop {
        let blanks = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[blanks..];
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after;
    }
}

/// Writes `text` in double quotes, such that [`words`] gives it back.
#[must_use]
pub fn quote(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text {
        match byte {
            b'\\' | b'"' => {
                quoted.push('\\');
                quoted.push(char::from(*byte));
            }
            b'\n' => quoted.push_str("\\n"),
            b'\r' => quoted.push_str("\\r"),
            b'\t' => quoted.push_str("\\t"),
            0x07 => quoted.push_str("\\a"),
            0x08 => quoted.push_str("\\b"),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            _ => write!(quoted, "\\x{byte:02x}").expect("a string takes any text"),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a word without blanks such that [`words`] gives it back, in quotes only where it needs them.
#[must_use]
pub fn quoted_if_needed(word: &[u8]) -> Vec<u8> {
    let needs_quotes = word.is_empty() || word.iter().any(|byte| matches!(byte, b'"' | b'\''));
    if needs_quotes { quote(word).into_bytes() } else { word.to_vec() }
}

/// Reads the word at the head of `rest`, which begins with no white space.
fn word(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        match byte {
            byte if is_space(*byte) || *byte == 0 => break,
            b'"' => {
                at += 1 + double_quoted(&rest[at + 1..], &mut word)?;
                return ends_here(rest, at).then(|| (word, &rest[at..]));
            }
            b'\'' => {
                at += 1 + single_quoted(&rest[at + 1..], &mut word)?;
                return ends_here(rest, at).then(|| (word, &rest[at..]));
            }
            byte => word.push(*byte),
        }
        at += 1;
    }
    // A zero byte ends a word as white space does, but is not skipped as such.
    let at = at + usize::from(rest.get(at) == Some(&0));
    Some((word, &rest[at..]))
}

/// Reads up to and including the closing quote, and tells how many bytes that took.
fn double_quoted(rest: &[u8], word: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        match &rest[at..] {
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex(*high) << 4 | hex(*low));
                at += 4;
            }
            [b'\\', escape, ..] => {
                word.push(unescaped(*escape));
                at += 2;
            }
            [b'"', ..] => return Some(at + 1),
            [plain, ..] => {
                word.push(*plain);
                at += 1;
            }
            [] => return None,
        }
    }
}

fn single_quoted(rest: &[u8], word: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        match &rest[at..] {
            [b'\\', b'\'', ..] => {
                word.push(b'\'');
                at += 2;
            }
            [b'\'', ..] => return Some(at + 1),
            [plain, ..] => {
                word.push(*plain);
                at += 1;
            }
            [] => return None,
        }
    }
}

fn unescaped(escape: u8) -> u8 {
    match escape {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

fn ends_here(rest: &[u8], at: usize) -> bool {
    rest.get(at).is_none_or(|byte| is_space(*byte))
}

/// The white space of C's `isspace`.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let words = words(line.as_bytes())?;
        Some(words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect())
    }

    #[test]
    fn words_and_quotes() {
        assert_eq!(split("  save  900\t1 ").unwrap(), ["save", "900", "1"]);
        assert_eq!(split(r#"requirepass "a b""#).unwrap(), ["requirepass", "a b"]);
        assert_eq!(split(r#"x "a\n\"\\\x41\q""#).unwrap(), ["x", "a\n\"\\Aq"]);
        assert_eq!(split(r"x 'a\'b\n'").unwrap(), ["x", r"a'b\n"]);
        assert_eq!(split(r#"x """#).unwrap(), ["x", ""]);
        assert_eq!(split(r#"x foo"bar""#).unwrap(), ["x", "foobar"]);
        assert_eq!(split("").unwrap(), [""; 0]);
    }

    #[test]
    fn an_open_quote_or_one_closed_inside_a_word_is_an_error() {
        for line in [r#"x "abc"#, r"x 'abc", r#"x "a"b"#, r"x 'a'b", r#"x "a\"#] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        let found: Vec<_> = lines(b"# a\n\n  port 1 \r\n\t# b\nhz 2").collect();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].number, found[0].text), (3, &b"port 1"[..]));
        assert_eq!((found[1].number, found[1].text), (5, &b"hz 2"[..]));
    }

    #[test]
    fn quoting_follows_the_server_s_own_spelling() {
        assert_eq!(quote(b"a\"\\\n\r\t\x07\x08\x00\xff z"), r#""a\"\\\n\r\t\a\b\x00\xff z""#);
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(text: Vec<u8>) {
            let line = format!("name {} tail", quote(&text));
            let expected = vec![b"name".to_vec(), text, b"tail".to_vec()];
            prop_assert_eq!(words(line.as_bytes()), Some(expected));
        }

        #[test]
        fn any_line_is_read_or_refused(line: Vec<u8>) {
            let _ = words(&line);
        }
    }
}
