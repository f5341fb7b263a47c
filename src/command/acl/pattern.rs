//! Patterns of the names of keys and channels.

use crate::command::glob::{self, Case};

/// What is done with a key, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access(u8);

impl Access {
    /// Nothing that its contents tell or that changes them.
    pub const NONE: Self = Self(0);
    /// Its contents are read.
    pub const READ: Self = Self(1);
    /// It is changed.
    pub const WRITE: Self = Self(2);
    /// Both.
    pub const BOTH: Self = Self(3);

    /// Tells whether all of `other` is part of this.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns what either of them is.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A glob pattern; those that are a name, or the beginning of names, are matched without a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<[u8]>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// The name itself.
    Name,
    /// So many bytes, and then anything.
    Beginning(usize),
    /// Anything else.
    Glob,
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &[u8]) -> Self {
        let is_special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
        let plain = text.iter().position(is_special).unwrap_or(text.len());
        let shape = match &text[plain..] {
            [] => Shape::Name,
            rest if rest.iter().all(|byte| *byte == b'*') => Shape::Beginning(plain),
            _ => Shape::Glob,
        };
        Self { text: text.into(), shape }
    }

    /// Returns its text.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Tells whether a name matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        match self.shape {
            Shape::Name => name == &*self.text,
            // No star matches the empty name.
            Shape::Beginning(len) => name.starts_with(&self.text[..len]) && !name.is_empty(),
            Shape::Glob => glob::matches(&self.text, name, Case::Sensitive),
        }
    }
}

/// What rules are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown to a client, as stock does it.
    Shown,
    /// To make the same user again.
    Kept,
}

/// A pattern of keys, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    /// The pattern.
    pub pattern: Pattern,
    /// What may be done.
    pub access: Access,
}

impl KeyPattern {
    /// Reads what stands behind a `~` or `%`, which is `sign`; `None` if it is no such rule.
    pub fn read(sign: u8, rest: &[u8]) -> Option<Self> {
        let (access, text) = match sign {
            b'~' => (Access::BOTH, rest),
            _ => read_access(rest)?,
        };
        let is_sound = access != Access::NONE && !super::has_blanks(text);
        is_sound.then(|| Self { pattern: Pattern::new(text), access })
    }

    /// Writes it as a rule.
    pub fn write(&self, out: &mut Vec<u8>, purpose: Purpose) {
        out.extend_from_slice(match self.access {
            Access::READ => b"%R~",
            Access::WRITE => b"%W~",
            // `~*` is another rule, behind which no pattern may come.
            _ if purpose == Purpose::Kept && self.pattern.text() == b"*" => b"%RW~",
            _ => b"~",
        });
        out.extend_from_slice(self.pattern.text());
    }
}

/// Reads `R`, `W` or both, each once, up to the `~`, and returns what follows.
///
/// As in stock the `~` may be missing where nothing follows it: the pattern is the empty name then.
fn read_access(mut rest: &[u8]) -> Option<(Access, &[u8])> {
    let mut access = Access::NONE;
    while let [letter, tail @ ..] = rest {
        let more = match letter.to_ascii_uppercase() {
            b'R' => Access::READ,
            b'W' => Access::WRITE,
            b'~' => return Some((access, tail)),
            _ => return None,
        };
        if access.covers(more) {
            return None;
        }
        access = access.and(more);
        rest = tail;
    }
    Some((access, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_may_be_done_stands_before_the_pattern() {
        let read = |text: &str| {
            let (sign, rest) = text.as_bytes().split_first().unwrap();
            let mut written = Vec::new();
            KeyPattern::read(*sign, rest)?.write(&mut written, Purpose::Shown);
            Some(String::from_utf8(written).unwrap())
        };
        for (rule, written) in [
            ("~a*", "~a*"),
            ("%R~a", "%R~a"),
            ("%w~", "%W~"),
            ("%RW~*", "~*"),
            ("%wr~x~y", "~x~y"),
            ("%R", "%R~"),
        ] {
            assert_eq!(read(rule).as_deref(), Some(written), "{rule}");
        }
        for rule in ["%~a", "%", "%RR~a", "%X~a", "%R a", "~a b", "~\0", "%Ra~", "%RWR~a", "%W~\n"]
        {
            assert_eq!(read(rule), None, "{rule}");
        }
    }

    proptest! {
        #[test]
        fn every_shape_matches_what_the_glob_does(
            pattern in r"[ab*?\[\]\\^-]{0,6}",
            name in "[ab*]{0,6}",
        ) {
            let expected = glob::matches(pattern.as_bytes(), name.as_bytes(), Case::Sensitive);
            let matched = Pattern::new(pattern.as_bytes()).matches(name.as_bytes());
            prop_assert_eq!(matched, expected);
        }
    }
}
