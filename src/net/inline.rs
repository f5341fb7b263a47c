//! Splits an inline command, a line typed by hand, into its words.
//!
//! The quoting is that of redis-cli: double quotes know `\n \r \t \b \a \xHH` and keep the character
//! after any other backslash; single quotes know only `\'`; a quote opens anywhere in a word, and after a
//! closing quote only a space or the end may follow.

use super::args::Span;

/// Says that a quote is not closed, or is closed in the middle of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// Appends the words of `line` to `words`, unescaped, and their places there to `spans`.
///
/// The line comes without its line end.
pub fn split(line: &[u8], words: &mut Vec<u8>, spans: &mut Vec<Span>) -> Result<(), Unbalanced> {
    let mut rest = line;
    loop {
        let blank = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[blank..];
        if rest.is_empty() {
            return Ok(());
        }
        let start = words.len();
        rest = word(rest, words)?;
        spans.push(Span { start, end: words.len() });
    }
}

/// Takes one word off the front of `rest` and returns what follows it.
fn word<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    while let Some((&byte, tail)) = rest.split_first() {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => return Ok(rest),
            b'"' => return closed(double_quoted(tail, out)?),
            b'\'' => return closed(single_quoted(tail, out)?),
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    Ok(rest)
}

fn double_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    loop {
        rest = match rest {
            [] => return Err(Unbalanced),
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                out.push(hex_digit(*high) << 4 | hex_digit(*low));
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                out.push(unescaped(*escaped));
                tail
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    loop {
        rest = match rest {
            [] => return Err(Unbalanced),
            [b'\'', tail @ ..] => return Ok(tail),
            [b'\\', b'\'', tail @ ..] => {
                out.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        }
    }
}

/// Checks that nothing is glued to the closing quote.
fn closed(rest: &[u8]) -> Result<&[u8], Unbalanced> {
    match rest.first() {
        Some(byte) if !is_space(*byte) => Err(Unbalanced),
        _ => Ok(rest),
    }
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

/// What C's `isspace` accepts in its own locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_words(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
        let (mut words, mut spans) = (Vec::new(), Vec::new());
        split(line, &mut words, &mut spans)?;
        Ok(spans.iter().map(|span| words[span.start..span.end].to_vec()).collect())
    }

    #[test]
    fn words_are_parted_by_any_white_space() {
        assert_eq!(
            split_words(b"  SET\tkey \x0b value "),
            Ok(vec![b"SET".to_vec(), b"key".to_vec(), b"value".to_vec()])
        );
        assert_eq!(split_words(b" \t "), Ok(vec![]));
    }

    #[test]
    fn double_quotes_know_escapes() {
        assert_eq!(
            split_words(br#"a "\x41\n\r\t\b\a\\\"\q\xZ1" b"#),
            Ok(vec![b"a".to_vec(), b"A\n\r\t\x08\x07\\\"qxZ1".to_vec(), b"b".to_vec()])
        );
    }

    #[test]
    fn single_quotes_know_only_their_own() {
        assert_eq!(split_words(br"'a\n\'b'"), Ok(vec![br"a\n'b".to_vec()]));
    }

    #[test]
    fn a_quote_may_open_inside_a_word_and_may_hold_nothing() {
        assert_eq!(split_words(br#"foo"bar baz" ''"#), Ok(vec![b"foobar baz".to_vec(), vec![]]));
    }

    #[test]
    fn a_quote_that_is_open_or_glued_to_a_word_is_unbalanced() {
        for line in [&b"\"abc"[..], b"'abc", b"\"a\"b", b"'a'b", b"\"a\\", b"\"a\\\"", b"\"a\"'b'"]
        {
            assert_eq!(split_words(line), Err(Unbalanced), "{line:?}");
        }
    }
}
