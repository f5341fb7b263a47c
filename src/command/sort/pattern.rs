//! Patterns that name keys by the elements that are sorted.

use crate::command::Data;
use crate::keyspace::Value;

/// The longest text of an `i64`: nineteen digits and a sign.
const INTEGER_BYTES_MAX: usize = 20;

/// What `BY` and `GET` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'p> {
    /// `#`: the element itself.
    Element,
    /// `before*after` or `before*after->field`: the value of that key, or of its field.
    Key { before: &'p [u8], after: &'p [u8], field: Option<&'p [u8]> },
    /// A word without an asterisk, by which nothing is found.
    Nothing,
}

impl<'p> Pattern<'p> {
    /// Reads a pattern; as in stock, what marks its parts is looked for up to a zero byte.
    pub(super) fn read(word: &'p [u8]) -> Self {
        if c_text(word) == b"#" {
            return Self::Element;
        }
        let Some(star) = c_text(word).iter().position(|byte| *byte == b'*') else {
            return Self::Nothing;
        };
        let (before, rest) = (&word[..star], &word[star + 1..]);
        let arrow = c_text(rest).windows(2).position(|pair| pair == b"->");
        match arrow.map(|arrow| (&rest[..arrow], &rest[arrow + 2..])) {
            Some((after, field)) if !c_text(field).is_empty() => {
                Self::Key { before, after, field: Some(field) }
            }
            _ => Self::Key { before, after: rest, field: None },
        }
    }

    /// Tells how long the names of keys are beside the element, if it names any.
    pub(super) fn fixed_bytes(self) -> Option<usize> {
        match self {
            Self::Key { before, after, .. } => Some(before.len() + after.len()),
            Self::Element | Self::Nothing => None,
        }
    }

    /// Finds what the pattern names for an element and hands it to `visit`, none if it is not there.
    ///
    /// `name` is a buffer for the names of keys.
    pub(super) fn look_up<R>(
        self,
        data: &mut Data<'_, '_>,
        element: &[u8],
        name: &mut Vec<u8>,
        visit: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        let (before, after, field) = match self {
            Self::Element => return visit(Some(element)),
            Self::Nothing => return visit(None),
            Self::Key { before, after, field } => (before, after, field),
        };
        name.clear();
        for part in [before, element, after] {
            name.extend_from_slice(part);
        }
        let key = data.keyspace.key(name);
        let found = data.read(&key).map(|entry| entry.value());
        match (found, field) {
            (Some(Value::Hash(hash)), Some(field)) => visit(hash.get(field)),
            (Some(Value::String(string)), None) => {
                visit(Some(&string.as_bytes(&mut [0; INTEGER_BYTES_MAX])))
            }
            _ => visit(None),
        }
    }
}

/// Returns the bytes as C reads them as text: up to the first zero byte.
pub(super) fn c_text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_an_asterisk_and_may_name_a_field() {
        let key = |before: &'static str, after: &'static str, field: Option<&'static str>| {
            let (before, after) = (before.as_bytes(), after.as_bytes());
            Pattern::Key { before, after, field: field.map(str::as_bytes) }
        };
        for (word, pattern) in [
            ("#", Pattern::Element),
            ("#\0x*", Pattern::Element),
            ("##", Pattern::Nothing),
            ("a->b", Pattern::Nothing),
            ("a\0*", Pattern::Nothing),
            ("*", key("", "", None)),
            ("a*b*c", key("a", "b*c", None)),
            ("a*b->c", key("a", "b", Some("c"))),
            ("a->*b->c->d", key("a->", "b", Some("c->d"))),
            ("a*->", key("a", "->", None)),
            ("a*\0->b", key("a", "\0->b", None)),
            ("a*->\0b", key("a", "->\0b", None)),
        ] {
            assert_eq!(Pattern::read(word.as_bytes()), pattern, "{word:?}");
        }
    }
}
