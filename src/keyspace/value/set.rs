//! Set values: packed while small.

use super::Value;
use super::place::Place;
use super::strings::{self, Strings};

/// A packed set without members.
pub(super) const EMPTY: &[u8] = strings::EMPTY;

/// A set borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct Set<'e>(&'e [u8]);

/// Walks the members.
#[derive(Clone, Debug)]
pub struct SetIter<'e>(Strings<'e>);

/// A set borrowed for editing.
///
/// It may become empty; whoever empties it removes the key.
#[derive(Debug)]
pub struct SetMut<'m>(pub(in crate::keyspace) Place<'m>);

impl<'e> Set<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(bytes)
    }

    /// Counts the members.
    pub fn len(&self) -> usize {
        strings::len(self.0)
    }

    /// Tells whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether `member` is one.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.iter().any(|found| found == member)
    }

    /// Walks the members.
    pub fn iter(&self) -> SetIter<'e> {
        SetIter(strings::strings(self.0))
    }
}

impl<'e> IntoIterator for &Set<'e> {
    type Item = &'e [u8];
    type IntoIter = SetIter<'e>;

    fn into_iter(self) -> SetIter<'e> {
        self.iter()
    }
}

impl<'e> Iterator for SetIter<'e> {
    type Item = &'e [u8];

    fn next(&mut self) -> Option<&'e [u8]> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for SetIter<'_> {}

impl SetMut<'_> {
    /// Borrows the set for reading.
    pub fn view(&self) -> Set<'_> {
        match self.0.value() {
            Value::Set(set) => set,
            other => unreachable!("the record of a set stays one: {other:?}"),
        }
    }

    /// Counts the members.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Tells whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Adds a member; says whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let new = !self.view().contains(member);
        if new {
            self.0.edit_packed(|packed| strings::push(packed, member));
        }
        new
    }

    /// Removes a member; says whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(packed) = self.0.packed() else { return false };
        let mut walk = strings::strings(packed);
        while let Some((found, whole)) = walk.next_placed() {
            if found == member {
                self.0.edit_packed(|packed| strings::remove(packed, whole, 1));
                return true;
            }
        }
        false
    }
}
