//! The nodes of a tree: leaves, which its kinds define, and inner nodes over children of one height.

use std::fmt::Debug;
use std::sync::Arc;

use crate::keyspace::growth;

/// The most children of an inner node; small under test, so that small trees are high.
pub(super) const CHILDREN_MAX: usize = if cfg!(test) { 8 } else { 48 };

/// The fewest children of an inner node that is not the root.
pub(super) const CHILDREN_MIN: usize = if cfg!(test) { 3 } else { 16 };

/// The most elements of a leaf, unless its kind says otherwise.
pub(super) const LEAF_LEN_MAX: usize = if cfg!(test) { 8 } else { 128 };

/// The most bytes of a leaf's strings, unless it has one element or its kind says otherwise.
pub(super) const LEAF_BYTES_MAX: usize = if cfg!(test) { 512 } else { 3584 };

const _: () = assert!(CHILDREN_MIN * 2 <= CHILDREN_MAX, "both halves have children enough");

/// What allocation by reference count adds to a node.
const COUNTS_BYTES: usize = 2 * size_of::<usize>();

/// What an ordered tree has at its leaves.
///
/// Between two leaves lies a bound: greater than all that is left of it, and no greater than what is
/// right of it. Kinds that are found by index alone have `()` for that.
pub(super) trait Leaf: Clone + Debug + Default {
    type Bound: Clone + Debug;
    /// What a leaf needs to know the order of its elements.
    type Context;
    /// The most elements of a leaf.
    const LEN_MAX: usize = LEAF_LEN_MAX;
    /// The most bytes of a leaf's strings, unless it has one element.
    const BYTES_MAX: usize = LEAF_BYTES_MAX;

    fn len(&self) -> usize;
    /// Adds up the bytes of the elements.
    fn payload_bytes(&self) -> usize;
    /// Counts the bytes allocated, the leaf itself not included.
    fn memory_bytes(&self) -> usize;
    /// Counts the bytes that [`Self::BYTES_MAX`] is about.
    fn bytes_len(&self) -> usize;
    /// Moves what is right of some bound into a leaf of its own; none where all is of one place.
    fn split(&mut self, context: &Self::Context) -> Option<(Self::Bound, Self)>;
    /// Takes in the elements of the leaf that is right of this one.
    fn append(&mut self, right: Self);

    /// Tells whether the leaf is to be split.
    fn is_overfull(&self) -> bool {
        self.len() > 1 && (self.len() > Self::LEN_MAX || self.bytes_len() > Self::BYTES_MAX)
    }

    /// Tells whether the leaf is so empty that it should join a neighbour.
    fn is_sparse(&self) -> bool {
        self.len() < Self::LEN_MAX / 4 && self.bytes_len() < Self::BYTES_MAX / 4
    }

    /// Tells whether two neighbours become one leaf that has room left.
    fn fits(&self, right: &Self) -> bool {
        self.len() + right.len() <= Self::LEN_MAX / 4 * 3
            && self.bytes_len() + right.bytes_len() <= Self::BYTES_MAX / 4 * 3
    }
}

/// A leaf whose elements have an order of their own, so that it can be cut at an index.
pub(super) trait Sequence: Leaf {
    fn split_off(&mut self, at: usize) -> Self;
    /// A bound between this leaf and one that is right of it; neither is empty.
    fn bound_before(&self, right: &Self) -> Self::Bound;

    /// The side on which an element at either end gets a leaf of its own, if it does.
    ///
    /// What is large is neither moved nor copied for what comes beside it, and a full leaf is left full
    /// where elements arrive in their order.
    fn beside(&self, at: usize, bytes: usize) -> Option<Side> {
        let (len, bytes) = (self.len(), self.bytes_len() + bytes);
        if len == 0 || (len < Self::LEN_MAX && bytes <= Self::BYTES_MAX) {
            return None;
        }
        match at {
            0 => Some(Side::Left),
            at => (at == len).then_some(Side::Right),
        }
    }
}

/// A side of something in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::keyspace) enum Side {
    /// Before it.
    Left,
    /// Behind it.
    Right,
}

/// Whether a node is at an end of its tree, where elements may be arriving in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    First,
    Last,
    /// Both the first and the last of its height.
    Only,
    Within,
}

/// What a node and all below it come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) len: usize,
    pub(super) payload: usize,
    pub(super) memory: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Node<L: Leaf> {
    Leaf(L),
    Inner(Inner<L>),
}

/// Children of one height, and a bound between each two of them.
#[derive(Clone, Debug)]
pub(super) struct Inner<L: Leaf> {
    pub(super) children: Vec<Child<L>>,
    pub(super) bounds: Vec<L::Bound>,
}

#[derive(Clone, Debug)]
pub(super) struct Child<L: Leaf> {
    pub(super) node: Arc<Node<L>>,
    pub(super) size: Size,
}

/// A node that comes right of another, with the bound between them.
pub(super) type Piece<L> = (<L as Leaf>::Bound, Arc<Node<L>>);

impl Edge {
    /// The edge of a child, from that of its parent.
    pub(super) fn of_child(self, at: usize, children: usize) -> Self {
        let first = at == 0 && matches!(self, Self::First | Self::Only);
        let last = at + 1 == children && matches!(self, Self::Last | Self::Only);
        match (first, last) {
            (true, true) => Self::Only,
            (true, false) => Self::First,
            (false, true) => Self::Last,
            (false, false) => Self::Within,
        }
    }
}

impl Size {
    /// The difference that makes `before` this size; what shrank wraps around.
    pub(super) fn minus(self, before: Self) -> Self {
        Self {
            len: self.len.wrapping_sub(before.len),
            payload: self.payload.wrapping_sub(before.payload),
            memory: self.memory.wrapping_sub(before.memory),
        }
    }

    pub(super) fn plus(self, change: Self) -> Self {
        Self {
            len: self.len.wrapping_add(change.len),
            payload: self.payload.wrapping_add(change.payload),
            memory: self.memory.wrapping_add(change.memory),
        }
    }
}

impl<L: Leaf> Node<L> {
    const BYTES: usize = size_of::<Self>() + COUNTS_BYTES;

    pub(super) fn size(&self) -> Size {
        match self {
            Self::Leaf(leaf) => Size {
                len: leaf.len(),
                payload: leaf.payload_bytes(),
                memory: Self::BYTES + leaf.memory_bytes(),
            },
            Self::Inner(inner) => inner.size(),
        }
    }

    /// Tells whether the node has so little that it should join a neighbour.
    pub(super) fn is_weak(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.is_sparse(),
            Self::Inner(inner) => inner.children.len() < CHILDREN_MIN,
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Leaf(leaf) if leaf.len() == 0)
    }

    fn fits(&self, right: &Self) -> bool {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.fits(right),
            (Self::Inner(left), Self::Inner(right)) => {
                left.children.len() + right.children.len() <= CHILDREN_MAX
            }
            _ => unreachable!("children of one node have one height"),
        }
    }

    fn append(&mut self, bound: L::Bound, right: Self) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.append(right),
            (Self::Inner(left), Self::Inner(right)) => {
                growth::reserve(&mut left.bounds, right.bounds.len() + 1);
                left.bounds.push(bound);
                left.bounds.extend(right.bounds);
                growth::reserve(&mut left.children, right.children.len());
                left.children.extend(right.children);
            }
            _ => unreachable!("children of one node have one height"),
        }
    }
}

impl<L: Leaf> Child<L> {
    pub(super) fn new(node: Arc<Node<L>>) -> Self {
        let size = node.size();
        Self { node, size }
    }

    /// Brings the size up to date.
    pub(super) fn measure(&mut self) {
        self.size = self.node.size();
    }
}

impl<L: Leaf> Inner<L> {
    /// An inner node over a node and what comes right of it.
    pub(super) fn over(first: Arc<Node<L>>, more: impl IntoIterator<Item = Piece<L>>) -> Self {
        let mut inner = Self { children: vec![Child::new(first)], bounds: Vec::new() };
        inner.adopt(0, more);
        inner
    }

    pub(super) fn size(&self) -> Size {
        let own = self.children.len() * size_of::<Child<L>>()
            + self.bounds.len() * size_of::<L::Bound>()
            + Node::<L>::BYTES;
        let start = Size { len: 0, payload: 0, memory: own };
        self.children.iter().fold(start, |sum, child| sum.plus(child.size))
    }

    /// Finds the child with the element at an index, and the index in that child.
    ///
    /// `total` is the number of elements in all children. As a gap between elements, an index belongs
    /// to the child that ends there rather than to the one that begins there.
    pub(super) fn child_at(&self, index: usize, total: usize, seek: Seek) -> (usize, usize) {
        let is_past = |end: usize| match seek {
            Seek::Element => index >= end,
            Seek::Gap => index > end,
        };
        if index > total / 2 {
            let mut start = total;
            for (at, child) in self.children.iter().enumerate().rev() {
                start -= child.size.len;
                if at == 0 || is_past(start) {
                    return (at, index - start);
                }
            }
        }
        let mut start = 0;
        for (at, child) in self.children.iter().enumerate() {
            if !is_past(start + child.size.len) {
                return (at, index - start);
            }
            start += child.size.len;
        }
        unreachable!("index {index} of {total}")
    }

    /// Puts new nodes right of the child at `at`.
    pub(super) fn adopt(&mut self, at: usize, more: impl IntoIterator<Item = Piece<L>>) {
        for (skip, (bound, node)) in more.into_iter().enumerate() {
            growth::insert(&mut self.bounds, at + skip, bound);
            growth::insert(&mut self.children, at + skip + 1, Child::new(node));
        }
    }

    /// Moves half of the children, or few of them at an edge, into a new node if they are too many.
    pub(super) fn split(&mut self, edge: Edge) -> Option<Piece<L>> {
        let len = self.children.len();
        let at = match edge {
            _ if len <= CHILDREN_MAX => return None,
            Edge::First => CHILDREN_MIN,
            Edge::Last | Edge::Only => len - CHILDREN_MIN,
            Edge::Within => len / 2,
        };
        Some(self.split_off(at))
    }

    /// Moves the children from `at` on into a new node; neither is left empty.
    fn split_off(&mut self, at: usize) -> Piece<L> {
        let children = growth::split_off(&mut self.children, at);
        let bounds = growth::split_off(&mut self.bounds, at);
        let bound = self.bounds.pop().expect("a bound precedes each child but the first");
        (bound, Arc::new(Node::Inner(Self { children, bounds })))
    }

    /// Lets a child that has too little join a neighbour, or take from it.
    pub(super) fn mend(&mut self, at: usize) {
        let (len, child) = (self.children.len(), &self.children[at].node);
        if len == 1 || !child.is_weak() {
            return;
        }
        if child.is_empty() {
            self.children.remove(at);
            self.bounds.remove(at.saturating_sub(1));
            return;
        }
        let is_leaf = matches!(**child, Node::Leaf(_));
        let left = at.saturating_sub(1);
        let right = at.min(len - 2);
        let fits = |at: usize| self.children[at].node.fits(&self.children[at + 1].node);
        if fits(left) {
            self.merge(left);
        } else if fits(right) {
            self.merge(right);
        } else if !is_leaf {
            self.merge(left);
            self.halve(left);
        }
    }

    /// Makes one child of that at `at` and the next one.
    fn merge(&mut self, at: usize) {
        let right = self.children.remove(at + 1).node;
        let bound = self.bounds.remove(at);
        let child = &mut self.children[at];
        Arc::make_mut(&mut child.node).append(bound, Arc::unwrap_or_clone(right));
        child.measure();
    }

    /// Makes two children of an inner one.
    fn halve(&mut self, at: usize) {
        if let Node::Inner(child) = Arc::make_mut(&mut self.children[at].node) {
            let piece = child.split_off(child.children.len() / 2);
            self.children[at].measure();
            self.adopt(at, [piece]);
        }
    }
}

/// What an index names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seek {
    Element,
    /// The place in front of an element, or behind the last one.
    Gap,
}

impl<L: Leaf> Default for Node<L> {
    fn default() -> Self {
        Self::Leaf(L::default())
    }
}

/// Splits a leaf until nothing is overfull; returns what comes right of it.
pub(super) fn split_leaf<L: Leaf>(leaf: &mut L, context: &L::Context) -> Vec<Piece<L>> {
    let mut pieces = Vec::new();
    if !leaf.is_overfull() {
        return pieces;
    }
    if let Some((bound, mut right)) = leaf.split(context) {
        pieces = split_leaf(leaf, context);
        let more = split_leaf(&mut right, context);
        pieces.push((bound, Arc::new(Node::Leaf(right))));
        pieces.extend(more);
    }
    pieces
}
