//! What is known of one directive, and how it is found by the names people give it.

use super::table::{ABSENT, TABLE};
use super::value::{Kind, Value, ValueError};

/// A directive: one row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Directive {
    /// The name it is listed and rewritten under.
    pub name: &'static str,
    /// An older name, which CONFIG GET lists too.
    pub alias: Option<&'static str>,
    /// The shape of its arguments.
    pub kind: Kind,
    /// Its value when nobody says otherwise, as a configuration file spells it.
    pub default: &'static str,
    /// What becomes of it.
    pub class: Class,
    /// Whether CONFIG SET may change it.
    pub access: Access,
}

/// What becomes of a directive's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It does what it says.
    Implemented,
    /// It is taken, kept and shown, and changes nothing; the reason is for the start-up warning.
    Ignored(&'static str),
    /// Any value but the default is an error, for this reason.
    Refused(&'static str),
}

/// Whether CONFIG SET may change a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Mutable,
    /// It may not.
    Immutable,
    /// It may where `enable-protected-configs` says so.
    Protected,
    /// As [`Access::Protected`], but then this server cannot, for this reason.
    Anchored(&'static str),
}

/// Begins a row of the table: a directive that is implemented and may be changed.
pub(super) const fn row(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    let (class, access) = (Class::Implemented, Access::Mutable);
    Directive { name, alias: None, kind, default, class, access }
}

impl Directive {
    pub(super) const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    pub(super) const fn fixed(mut self) -> Self {
        self.access = Access::Immutable;
        self
    }

    pub(super) const fn protected(mut self) -> Self {
        self.access = Access::Protected;
        self
    }

    pub(super) const fn anchored(mut self, reason: &'static str) -> Self {
        self.access = Access::Anchored(reason);
        self
    }

    pub(super) const fn ignored(mut self, reason: &'static str) -> Self {
        self.class = Class::Ignored(reason);
        self
    }

    pub(super) const fn refused(mut self, reason: &'static str) -> Self {
        self.class = Class::Refused(reason);
        self
    }

    /// Finds the row of a directive by its name or alias.
    ///
    /// Letters of either case are the same, and underscores stand for hyphens.
    #[must_use]
    pub fn find(name: &[u8]) -> Option<usize> {
        let named = |name: &[u8]| {
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            TABLE.iter().position(|row| is(row.name) || row.alias.is_some_and(is))
        };
        // As it stands first: some names have underscores of their own.
        named(name).or_else(|| named(&hyphenated(name)))
    }

    /// Tells whether this is its older name, spelled as leniently as [`Self::find`] takes it.
    #[must_use]
    pub fn is_alias(&self, name: &[u8]) -> bool {
        let is = |known: &str| hyphenated(name).eq_ignore_ascii_case(known.as_bytes());
        self.alias.is_some_and(is)
    }

    /// Returns the one of its names that `name` spells, as the table has it.
    #[must_use]
    pub fn spelled(&self, name: &[u8]) -> &'static str {
        self.alias.filter(|_| self.is_alias(name)).unwrap_or(self.name)
    }

    /// Reads its default.
    ///
    /// # Panics
    /// When the table is wrong, which its test excludes.
    #[must_use]
    pub fn default_value(&self) -> Value {
        let words = match self.kind {
            // The one default that need not exist yet: the server makes it.
            Kind::Directory => return Value::Text(self.default.into()),
            kind if kind.takes_many() && !self.default.is_empty() => {
                self.default.split(' ').map(str::as_bytes).collect()
            }
            _ => vec![self.default.as_bytes()],
        };
        self.kind.parse(&words, &ABSENT).expect("the table's test reads every default")
    }

    /// Reads a value and refuses what this server will not do.
    pub fn parse(&self, words: &[&[u8]], current: &Value) -> Result<Value, ValueError> {
        let value = self.kind.parse(words, current)?;
        match self.class {
            Class::Refused(reason) if value != self.default_value() => {
                Err(ValueError::Refused(reason))
            }
            _ => Ok(value),
        }
    }
}

/// Whether the value of this directive must not show up in logs and monitors.
#[must_use]
pub fn is_sensitive(name: &[u8]) -> bool {
    const SENSITIVE: [&str; 7] = [
        "requirepass",
        "masterauth",
        "masteruser",
        "primaryauth",
        "primaryuser",
        "tls-key-file-pass",
        "tls-client-key-file-pass",
    ];
    let name = hyphenated(name);
    SENSITIVE.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Writes a name with hyphens in the place of underscores.
pub(super) fn hyphenated(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect()
}
