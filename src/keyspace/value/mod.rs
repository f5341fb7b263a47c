//! What a key can hold: strings and hashes, borrowed for reading or for editing.

mod hash;
mod hash_mut;
mod packed;
mod string;

pub use hash::{Hash, HashIter};
pub use hash_mut::{FieldSet, HashMut};
pub use string::Str;

pub(super) use hash::LargeHash;
pub(super) use packed::EMPTY as EMPTY_HASH;
pub(super) use string::canonical_integer;

/// The type of a value, as TYPE names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes or an integer.
    String,
    /// Fields with values.
    Hash,
}

impl Kind {
    /// Returns the word TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
        }
    }
}

/// A value borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub enum Value<'e> {
    /// Bytes or an integer.
    String(Str<'e>),
    /// Fields with values.
    Hash(Hash<'e>),
}

impl Value<'_> {
    /// Returns the type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Hash(_) => Kind::Hash,
        }
    }
}
