//! List values: packed while small.

use super::Value;
use super::place::Place;
use super::strings::{self, Strings};

/// A list borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct List<'e>(&'e [u8]);

/// Walks the elements from the first on.
#[derive(Clone, Debug)]
pub struct ListIter<'e>(Strings<'e>);

/// A list borrowed for editing.
///
/// It may become empty; whoever empties it removes the key.
#[derive(Debug)]
pub struct ListMut<'m>(pub(in crate::keyspace) Place<'m>);

impl<'e> List<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(bytes)
    }

    /// Counts the elements.
    pub fn len(&self) -> usize {
        strings::len(self.0)
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Walks the elements from the first on.
    pub fn iter(&self) -> ListIter<'e> {
        ListIter(strings::strings(self.0))
    }
}

impl<'e> IntoIterator for &List<'e> {
    type Item = &'e [u8];
    type IntoIter = ListIter<'e>;

    fn into_iter(self) -> ListIter<'e> {
        self.iter()
    }
}

impl<'e> Iterator for ListIter<'e> {
    type Item = &'e [u8];

    fn next(&mut self) -> Option<&'e [u8]> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for ListIter<'_> {}

impl ListMut<'_> {
    /// Borrows the list for reading.
    pub fn view(&self) -> List<'_> {
        match self.0.value() {
            Value::List(list) => list,
            other => unreachable!("the record of a list stays one: {other:?}"),
        }
    }

    /// Counts the elements.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Puts an element behind all others.
    pub fn push_back(&mut self, element: &[u8]) {
        self.0.edit_packed(|packed| strings::push(packed, element));
    }

    /// Puts an element before all others.
    pub fn push_front(&mut self, element: &[u8]) {
        self.0.edit_packed(|packed| strings::push_front(packed, element));
    }
}
