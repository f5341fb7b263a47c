//! What a key can hold, borrowed for reading or for editing.

mod blocks;
mod cut;
mod hash;
mod hash_mut;
mod integers;
mod list;
mod list_mut;
mod members;
mod packed;
mod place;
mod score;
mod set;
mod set_build;
mod set_mut;
mod sorted_set;
mod sorted_set_mut;
mod string;
mod string_mut;
mod strings;

#[cfg(test)]
mod tests;

pub use blocks::{BlockPieces, Blocks};
pub use cut::Cut;
pub use hash::{Hash, HashIter};
pub use hash_mut::{FieldSet, HashMut};
pub use list::{List, ListIter, ListIterBack};
pub use list_mut::{ListCut, ListEnd, ListMut};
pub use place::Place;
pub use set::{Set, SetIter};
pub use set_build::SetBuilder;
pub use set_mut::SetMut;
pub use sorted_set::{Member, SortedSet, SortedSetIter, SortedSetIterBack};
pub use sorted_set_mut::{RemovedMembers, ScoreSet, SortedSetMut};
pub use string::{Pieces, Str};
pub use string_mut::StrMut;

pub(super) use string_mut::PIECE_BYTES_MAX;

use super::stream::Stream;

/// The type of a value, as TYPE names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes or an integer.
    String,
    /// Fields with values.
    Hash,
    /// A sequence of strings.
    List,
    /// Strings, each once.
    Set,
    /// Strings, each once, in the order of their scores.
    SortedSet,
    /// Entries by their IDs, and the groups that read them.
    Stream,
}

impl Kind {
    /// Returns the word TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Stream => "stream",
        }
    }

    /// Returns the packed bytes of a value without elements.
    pub(super) fn empty(self) -> &'static [u8] {
        match self {
            Self::Hash | Self::SortedSet => packed::EMPTY,
            Self::List => strings::EMPTY,
            Self::Set => members::EMPTY,
            Self::String | Self::Stream => &[],
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
    /// A sequence of strings.
    List(List<'e>),
    /// Strings, each once.
    Set(Set<'e>),
    /// Strings, each once, in the order of their scores.
    SortedSet(SortedSet<'e>),
    /// Entries by their IDs, and the groups that read them.
    Stream(&'e Stream),
}

impl Value<'_> {
    /// Counts the elements; a string is one.
    pub fn elements(&self) -> usize {
        match self {
            Self::String(_) => 1,
            Self::Hash(hash) => hash.len(),
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::SortedSet(set) => set.len(),
            Self::Stream(stream) => stream.len() as usize,
        }
    }

    /// Returns the type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Hash(_) => Kind::Hash,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::SortedSet(_) => Kind::SortedSet,
            Self::Stream(_) => Kind::Stream,
        }
    }
}
