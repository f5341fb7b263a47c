//! Cutting a tree in two at an index, and joining two trees.
//!
//! Both go down one edge only: trees of different height are joined by hanging the lower one into the
//! higher one, and a cut is a chain of such joins along the way to the index.

use std::mem;
use std::sync::Arc;

use super::node::{Edge, Inner, Node, Piece, Seek, Sequence};
use super::tree::Tree;

/// A tree that is not empty, taken apart.
struct Part<L: Sequence> {
    node: Arc<Node<L>>,
    height: usize,
}

impl<L: Sequence> Tree<L> {
    /// Moves the elements from an index on into a tree of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        if at == 0 {
            return mem::replace(self, Self::new());
        }
        let tree = mem::replace(self, Self::new());
        let part = Part { node: tree.root, height: tree.height };
        let (left, right) = cut(part, at, tree.size.len);
        *self = left.into();
        right.into()
    }

    /// Takes in another tree's elements behind the last one.
    pub(super) fn append(&mut self, other: Self) {
        if other.len() == 0 {
            return;
        }
        let tree = mem::replace(self, Self::new());
        if tree.len() == 0 {
            *self = other;
            return;
        }
        let bound = tree.leaf_at(tree.len() - 1).0.bound_before(other.leaf_at(0).0);
        let left = Part { node: tree.root, height: tree.height };
        let right = Part { node: other.root, height: other.height };
        *self = Some(join(left, bound, right)).into();
    }
}

impl<L: Sequence> From<Option<Part<L>>> for Tree<L> {
    fn from(part: Option<Part<L>>) -> Self {
        part.map_or_else(Self::new, |Part { node, height }| Self {
            size: node.size(),
            root: node,
            height,
        })
    }
}

impl<L: Sequence> Part<L> {
    /// The children of an inner node of some height, as a tree.
    fn group(mut inner: Inner<L>, height: usize) -> Option<Self> {
        match inner.children.len() {
            0 => None,
            1 => inner.children.pop().map(|child| Self { node: child.node, height: height - 1 }),
            _ => Some(Self { node: Arc::new(Node::Inner(inner)), height }),
        }
    }
}

/// Joins two trees, where all elements of one lie left of those of the other.
fn join<L: Sequence>(mut left: Part<L>, bound: L::Bound, mut right: Part<L>) -> Part<L> {
    if left.height > right.height {
        let levels = left.height - right.height;
        let more = hang(&mut left.node, levels, Edge::Last, (bound, right.node));
        return top(left, more);
    }
    if left.height < right.height {
        let levels = right.height - left.height;
        let more = hang(&mut right.node, levels, Edge::First, (bound, left.node));
        return top(right, more);
    }
    let mut inner = Inner::over(left.node, [(bound, right.node)]);
    inner.mend(0);
    inner.mend(inner.children.len() - 1);
    let height = left.height + 1;
    Part::group(inner, height).expect("two nodes, or one of both")
}

/// Puts a root over a node and what has come right of it.
fn top<L: Sequence>(part: Part<L>, more: Option<Piece<L>>) -> Part<L> {
    if more.is_none() {
        return part;
    }
    let inner = Inner::over(part.node, more);
    Part { node: Arc::new(Node::Inner(inner)), height: part.height + 1 }
}

/// Makes a node the first or the last child of the one `levels` above it on that edge of a tree.
///
/// Returns what comes right of the tree's root then.
fn hang<L: Sequence>(
    root: &mut Arc<Node<L>>,
    levels: usize,
    edge: Edge,
    (bound, node): Piece<L>,
) -> Option<Piece<L>> {
    let Node::Inner(inner) = Arc::make_mut(root) else { unreachable!("it is above a node") };
    let last = inner.children.len() - 1;
    let at = if edge == Edge::First { 0 } else { last };
    if levels > 1 {
        let more = hang(&mut inner.children[at].node, levels - 1, edge, (bound, node));
        inner.children[at].measure();
        inner.adopt(at, more);
    } else if edge == Edge::First {
        let first = mem::replace(&mut inner.children[0].node, node);
        inner.children[0].measure();
        inner.adopt(0, [(bound, first)]);
        inner.mend(0);
    } else {
        inner.adopt(last, [(bound, node)]);
        inner.mend(last + 1);
    }
    inner.split(edge)
}

/// Cuts a tree of `len` elements at an index.
fn cut<L: Sequence>(part: Part<L>, at: usize, len: usize) -> (Option<Part<L>>, Option<Part<L>>) {
    if at == 0 {
        return (None, Some(part));
    }
    if at == len {
        return (Some(part), None);
    }
    let height = part.height;
    let mut inner = match Arc::unwrap_or_clone(part.node) {
        Node::Leaf(mut leaf) => {
            let right = leaf.split_off(at);
            let part = |leaf| Part { node: Arc::new(Node::Leaf(leaf)), height };
            return (Some(part(leaf)), Some(part(right)));
        }
        Node::Inner(inner) => inner,
    };
    let (step, within) = inner.child_at(at, len, Seek::Gap);
    let rest = Inner {
        children: inner.children.split_off(step + 1),
        bounds: inner.bounds.split_off((step + 1).min(inner.bounds.len())),
    };
    // The bounds on either side of the child; the first and the last one lack one of them.
    let after = if rest.children.is_empty() { None } else { inner.bounds.pop() };
    let child = inner.children.pop().expect("the child of the index");
    let before = inner.bounds.pop();
    let (left, right) = cut(Part { node: child.node, height: height - 1 }, within, child.size.len);
    let left = join_any(Part::group(inner, height), before, left);
    let right = join_any(right, after, Part::group(rest, height));
    (left, right)
}

fn join_any<L: Sequence>(
    left: Option<Part<L>>,
    bound: Option<L::Bound>,
    right: Option<Part<L>>,
) -> Option<Part<L>> {
    match (left, bound, right) {
        (Some(left), Some(bound), Some(right)) => Some(join(left, bound, right)),
        (left, _, right) => left.or(right),
    }
}
