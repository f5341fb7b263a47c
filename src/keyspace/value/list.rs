//! List values: packed while small, a tree of runs when large.

use super::strings::{self, Strings};
use crate::keyspace::large::{self, LargeList};

/// A list borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct List<'e>(Form<'e>);

#[derive(Clone, Copy, Debug)]
enum Form<'e> {
    Packed(&'e [u8]),
    Large(&'e LargeList),
}

/// Walks elements forward.
#[derive(Clone, Debug)]
pub struct ListIter<'e>(Walk<'e>);

#[derive(Clone, Debug)]
enum Walk<'e> {
    Packed(Strings<'e>),
    Large(large::ListIter<'e>),
}

/// Walks elements backward.
#[derive(Clone, Debug)]
pub struct ListIterBack<'e>(WalkBack<'e>);

#[derive(Clone, Debug)]
enum WalkBack<'e> {
    /// Packed elements are found from the first on only.
    Packed(std::iter::Rev<std::vec::IntoIter<&'e [u8]>>),
    Large(large::ListIterBack<'e>),
}

impl<'e> List<'e> {
    #[inline]
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(Form::Packed(bytes))
    }

    #[inline]
    pub(in crate::keyspace) fn large(list: &'e LargeList) -> Self {
        Self(Form::Large(list))
    }

    /// Counts the elements.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0 {
            Form::Packed(bytes) => strings::len(bytes),
            Form::Large(list) => list.len(),
        }
    }

    /// Adds up the lengths of the elements, about: of a packed list, of which few are long.
    #[inline]
    pub(super) fn payload_bytes(&self) -> usize {
        match self.0 {
            Form::Packed(bytes) => bytes.len() - strings::EMPTY.len() - strings::len(bytes),
            Form::Large(list) => list.payload_bytes(),
        }
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds the element at an index.
    #[inline]
    pub fn get(&self, i: usize) -> Option<&'e [u8]> {
        match self.0 {
            Form::Packed(bytes) => strings::strings(bytes).nth(i),
            Form::Large(list) => list.get(i),
        }
    }

    /// Walks the elements from the first on.
    pub fn iter(&self) -> ListIter<'e> {
        self.iter_from(0)
    }

    /// Walks the elements from an index on; none are there from the length on.
    pub fn iter_from(&self, i: usize) -> ListIter<'e> {
        ListIter(match self.0 {
            Form::Packed(bytes) => {
                let mut strings = strings::strings(bytes);
                if i > 0 {
                    strings.nth(i - 1);
                }
                Walk::Packed(strings)
            }
            Form::Large(list) => Walk::Large(list.iter_from(i)),
        })
    }

    /// Walks the elements from an index down to the first; from the last one if there is no such.
    pub fn iter_back_from(&self, i: usize) -> ListIterBack<'e> {
        ListIterBack(match self.0 {
            Form::Packed(bytes) => {
                let strings = strings::strings(bytes).take(i.saturating_add(1));
                WalkBack::Packed(strings.collect::<Vec<_>>().into_iter().rev())
            }
            Form::Large(list) => WalkBack::Large(list.iter_back_from(i)),
        })
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

    #[inline]
    fn next(&mut self) -> Option<&'e [u8]> {
        match &mut self.0 {
            Walk::Packed(strings) => strings.next(),
            Walk::Large(elements) => elements.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Walk::Packed(strings) => strings.size_hint(),
            Walk::Large(elements) => elements.size_hint(),
        }
    }
}

impl ExactSizeIterator for ListIter<'_> {}

impl<'e> Iterator for ListIterBack<'e> {
    type Item = &'e [u8];

    #[inline]
    fn next(&mut self) -> Option<&'e [u8]> {
        match &mut self.0 {
            WalkBack::Packed(strings) => strings.next(),
            WalkBack::Large(elements) => elements.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            WalkBack::Packed(strings) => strings.size_hint(),
            WalkBack::Large(elements) => elements.size_hint(),
        }
    }
}

impl ExactSizeIterator for ListIterBack<'_> {}
