//! A list that is found by index: leaves of strings, in the order they were given.

use super::node::{LEAF_BYTES_MAX, LEAF_LEN_MAX, Leaf, Seek, Sequence};
use super::run::{Run, RunIter};
use super::tree::Tree;

/// A list too large for the packed form.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct LargeList {
    tree: Tree<Run>,
}

/// Walks elements forward.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct ListIter<'l> {
    list: &'l LargeList,
    leaf: RunIter<'l>,
    /// The index behind the leaf.
    next: usize,
}

/// Walks elements backward.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct ListIterBack<'l> {
    list: &'l LargeList,
    leaf: Option<&'l Run>,
    /// How many elements of the leaf are left.
    within: usize,
    /// How many elements of the list are left.
    left: usize,
}

impl LargeList {
    pub(in crate::keyspace) fn new() -> Self {
        Self { tree: Tree::new() }
    }

    /// Counts the elements.
    pub(in crate::keyspace) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(in crate::keyspace) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds up the lengths of the elements.
    pub(in crate::keyspace) fn payload_bytes(&self) -> usize {
        self.tree.payload_bytes()
    }

    /// Counts the bytes it takes, whether shared with a clone or not.
    pub(in crate::keyspace) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.tree.memory_bytes()
    }

    /// Borrows the element at an index.
    pub(in crate::keyspace) fn get(&self, i: usize) -> Option<&[u8]> {
        let (leaf, within) = (i < self.len()).then(|| self.tree.leaf_at(i))?;
        Some(leaf.get(within))
    }

    /// Inserts an element before the one at an index, or behind the last one.
    ///
    /// # Panics
    /// When the index is greater than the length.
    pub(in crate::keyspace) fn insert(&mut self, i: usize, element: &[u8]) {
        assert!(i <= self.len(), "insertion at {i} of {}", self.len());
        let (path, leaf, within) = self.tree.find_index(i, Seek::Gap);
        match leaf.beside(within, element.len()) {
            Some(side) => self.tree.insert_beside(&path, side, Run::of(element)),
            None => self.tree.edit(&path, &(), |leaf| leaf.insert(within, element)),
        }
    }

    /// Inserts an element before the first one.
    pub(in crate::keyspace) fn push_front(&mut self, element: &[u8]) {
        self.insert(0, element);
    }

    /// Inserts an element behind the last one.
    pub(in crate::keyspace) fn push_back(&mut self, element: &[u8]) {
        self.insert(self.len(), element);
    }

    /// Puts an element in the place of the one at an index.
    ///
    /// # Panics
    /// When there is none.
    pub(in crate::keyspace) fn set(&mut self, i: usize, element: &[u8]) {
        let (path, _, within) = self.tree.find_index(i, Seek::Element);
        self.tree.edit(&path, &(), |leaf| leaf.replace(within, element));
    }

    /// Takes out the element at an index.
    ///
    /// # Panics
    /// When there is none.
    pub(in crate::keyspace) fn remove(&mut self, i: usize) -> Vec<u8> {
        let (path, leaf, within) = self.tree.find_index(i, Seek::Element);
        let element = leaf.get(within).to_vec();
        self.tree.edit(&path, &(), |leaf| leaf.remove(within));
        element
    }

    /// Takes out the first element.
    pub(in crate::keyspace) fn pop_front(&mut self) -> Option<Vec<u8>> {
        (!self.is_empty()).then(|| self.remove(0))
    }

    /// Takes out the last element.
    pub(in crate::keyspace) fn pop_back(&mut self) -> Option<Vec<u8>> {
        Some(self.remove(self.len().checked_sub(1)?))
    }

    /// Moves the elements from an index on into a list of their own.
    ///
    /// # Panics
    /// When the index is greater than the length.
    pub(in crate::keyspace) fn split_off(&mut self, at: usize) -> Self {
        assert!(at <= self.len(), "a cut at {at} of {}", self.len());
        Self { tree: self.tree.split_off(at) }
    }

    /// Takes in the elements of another list behind the last one.
    pub(in crate::keyspace) fn append(&mut self, other: Self) {
        self.tree.append(other.tree);
    }

    /// Walks the elements from an index on; none are there from the length on.
    pub(in crate::keyspace) fn iter_from(&self, i: usize) -> ListIter<'_> {
        let mut iter = ListIter { list: self, leaf: RunIter::default(), next: i.min(self.len()) };
        iter.turn();
        iter
    }

    /// Walks the elements from an index down to the first; from the last one if there is no such.
    pub(in crate::keyspace) fn iter_back_from(&self, i: usize) -> ListIterBack<'_> {
        let left = i.saturating_add(1).min(self.len());
        ListIterBack { list: self, leaf: None, within: 0, left }
    }

    #[cfg(test)]
    pub(super) fn tree(&self) -> &Tree<Run> {
        &self.tree
    }
}

impl ListIter<'_> {
    /// Goes on to the next leaf; tells whether there is one.
    fn turn(&mut self) -> bool {
        let has_more = self.next < self.list.len();
        if has_more {
            let (leaf, within) = self.list.tree.leaf_at(self.next);
            self.leaf = leaf.iter_from(within);
            self.next += leaf.len() - within;
        }
        has_more
    }
}

impl<'l> Iterator for ListIter<'l> {
    type Item = &'l [u8];

    #[inline]
    fn next(&mut self) -> Option<&'l [u8]> {
        let element = self.leaf.next();
        if element.is_some() || !self.turn() { element } else { self.leaf.next() }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.list.len() - self.next + self.leaf.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for ListIter<'_> {}

impl<'l> Iterator for ListIterBack<'l> {
    type Item = &'l [u8];

    fn next(&mut self) -> Option<&'l [u8]> {
        if self.within == 0 {
            let (leaf, last) = self.list.tree.leaf_at(self.left.checked_sub(1)?);
            (self.leaf, self.within) = (Some(leaf), last + 1);
        }
        self.within -= 1;
        self.left -= 1;
        self.leaf.map(|leaf| leaf.get(self.within))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for ListIterBack<'_> {}

impl Leaf for Run {
    type Bound = ();
    type Context = ();
    // Nothing is looked for in the leaf of a list, so it may have more than others: in bytes a size
    // that the allocator has without rounding, and of which several fill its pages.
    const LEN_MAX: usize = 5 * LEAF_LEN_MAX;
    const BYTES_MAX: usize = if cfg!(test) { LEAF_BYTES_MAX } else { 10240 };

    fn len(&self) -> usize {
        self.len()
    }

    fn payload_bytes(&self) -> usize {
        self.payload_bytes()
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes()
    }

    fn bytes_len(&self) -> usize {
        self.bytes_len()
    }

    fn split(&mut self, (): &()) -> Option<((), Self)> {
        Some(((), self.split_off(self.middle())))
    }

    fn append(&mut self, right: Self) {
        Self::append(self, &right);
    }
}

impl Sequence for Run {
    fn split_off(&mut self, at: usize) -> Self {
        self.split_off(at)
    }

    fn bound_before(&self, _right: &Self) {}
}
