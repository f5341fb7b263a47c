//! A counted B+tree that shares its nodes with its clones: its shape, and how places in it are found.

use std::sync::Arc;

use super::node::{Leaf, Node, Seek, Size};

/// The most inner nodes on a way down: more elements than memory could hold.
const HEIGHT_MAX: usize = 16;

/// Elements in leaves of kind `L`, found by index or by the bounds between leaves.
#[derive(Clone, Debug)]
pub(super) struct Tree<L: Leaf> {
    pub(super) root: Arc<Node<L>>,
    pub(super) size: Size,
    /// How many inner nodes there are above each leaf.
    pub(super) height: usize,
}

/// The way down to a leaf: which child to take at each inner node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Path {
    steps: [u8; HEIGHT_MAX],
    len: usize,
}

/// A leaf found by a bound.
#[derive(Debug)]
pub(super) struct Found<'t, L: Leaf> {
    pub(super) path: Path,
    pub(super) leaf: &'t L,
    /// The bound right of the leaf; none if it is the last one.
    pub(super) upper: Option<&'t L::Bound>,
}

impl Path {
    fn push(&mut self, step: usize) {
        self.steps[self.len] = step as u8;
        self.len += 1;
    }

    pub(super) fn steps(&self) -> &[u8] {
        &self.steps[..self.len]
    }
}

impl<L: Leaf> Tree<L> {
    /// A tree without elements.
    pub(super) fn new() -> Self {
        let root = Arc::new(Node::Leaf(L::default()));
        Self { size: root.size(), root, height: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.size.len
    }

    /// Adds up the bytes of the elements.
    #[inline]
    pub(super) fn payload_bytes(&self) -> usize {
        self.size.payload
    }

    /// Counts the bytes of all nodes, whether shared with a clone or not.
    #[inline]
    pub(super) fn memory_bytes(&self) -> usize {
        self.size.memory
    }

    /// Finds the leaf of an index, and the index within it.
    ///
    /// # Panics
    /// When there is no such element or gap.
    pub(super) fn find_index(&self, mut index: usize, seek: Seek) -> (Path, &L, usize) {
        let mut path = Path::default();
        let mut total = self.len();
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return (path, leaf, index),
                Node::Inner(inner) => {
                    let (at, within) = inner.child_at(index, total, seek);
                    path.push(at);
                    let child = &inner.children[at];
                    (node, index, total) = (&child.node, within, child.size.len);
                }
            }
        }
    }

    /// Finds the leaf with the element at an index, and the index within it.
    #[inline]
    pub(super) fn leaf_at(&self, index: usize) -> (&L, usize) {
        let (_, leaf, within) = self.find_index(index, Seek::Element);
        (leaf, within)
    }

    /// Finds the leaf where something belongs; `is_left` tells whether a bound is no greater than it.
    pub(super) fn find_bound(&self, is_left: impl Fn(&L::Bound) -> bool) -> Found<'_, L> {
        let mut path = Path::default();
        let mut upper = None;
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(leaf) => return Found { path, leaf, upper },
                Node::Inner(inner) => {
                    let at = inner.bounds.partition_point(&is_left);
                    upper = inner.bounds.get(at).or(upper);
                    path.push(at);
                    node = &inner.children[at].node;
                }
            }
        }
    }

    /// Counts the elements left of the leaf that a path leads to.
    pub(super) fn count_before(&self, path: &Path) -> usize {
        let mut count = 0;
        let mut node = &*self.root;
        for step in path.steps() {
            let Node::Inner(inner) = node else { break };
            let at = usize::from(*step);
            count += inner.children[..at].iter().map(|child| child.size.len).sum::<usize>();
            node = &inner.children[at].node;
        }
        count
    }

    /// Walks the leaves from the left.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &L> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (leaf, _) = (next < self.len()).then(|| self.leaf_at(next))?;
            next += leaf.len();
            Some(leaf)
        })
    }
}
