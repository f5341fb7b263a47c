//! Trees against plain models: what they hold, that clones stay, and the shape of every node.

mod list;
mod map;
mod ordered;
mod sorted_set;

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::bucket::{Bucket, Hashing};
use super::node::{CHILDREN_MAX, CHILDREN_MIN, Inner, Leaf, Node, Size};
use super::ranked::{Bound, Ranked};
use super::run::Run;
use super::tree::Tree;

/// A leaf that can tell whether its elements lie between two bounds.
trait Bounded: Leaf {
    fn assert_between(
        &self,
        lower: Option<&Self::Bound>,
        upper: Option<&Self::Bound>,
        context: &Self::Context,
    );

    /// Whether a leaf may be overfull, since nothing tells its elements apart.
    fn is_of_one_place(&self, _context: &Self::Context) -> bool {
        false
    }
}

impl Bounded for Run {
    fn assert_between(&self, _lower: Option<&()>, _upper: Option<&()>, (): &()) {}
}

impl<const WIDTH: usize> Bounded for Bucket<WIDTH> {
    fn assert_between(&self, lower: Option<&u64>, upper: Option<&u64>, hashing: &Hashing) {
        for (i, (member, _)) in self.iter_from(0).enumerate() {
            let hashed = hashing.hash(member);
            assert!(lower.is_none_or(|lower| *lower <= hashed.place), "{hashed:?}, {lower:?}");
            assert!(upper.is_none_or(|upper| *upper > hashed.place), "{hashed:?}, {upper:?}");
            assert_eq!(self.find(hashed.tag, member), Some(i));
        }
    }

    fn is_of_one_place(&self, hashing: &Hashing) -> bool {
        let mut places = self.iter_from(0).map(|(member, _)| hashing.hash(member).place);
        let first = places.next();
        places.all(|place| Some(place) == first)
    }
}

impl Bounded for Ranked {
    fn assert_between(&self, lower: Option<&Bound>, upper: Option<&Bound>, (): &()) {
        for (i, (member, score)) in self.iter_from(0).enumerate() {
            assert!(lower.is_none_or(|lower| lower.is_left_of(score, member)), "{lower:?}");
            assert!(upper.is_none_or(|upper| !upper.is_left_of(score, member)), "{upper:?}");
            assert_eq!((self.position(score, member), self.index(score, member)), (i, i));
        }
    }
}

/// Fails unless every node of a tree is as it should be.
fn assert_shape<L: Bounded>(tree: &Tree<L>, context: &L::Context) {
    assert_eq!(tree.size, tree.root.size());
    if let Node::Inner(inner) = &*tree.root {
        assert!(inner.children.len() > 1, "a root with one child");
        assert_below(inner, tree.height, (None, None), context);
    } else {
        assert_eq!(tree.height, 0);
        assert_node(&tree.root, 0, (None, None), context);
    }
    let len = tree.leaves().map(Leaf::len).sum::<usize>();
    assert_eq!(len, tree.len());
}

fn assert_node<L: Bounded>(
    node: &Node<L>,
    height: usize,
    (lower, upper): (Option<&L::Bound>, Option<&L::Bound>),
    context: &L::Context,
) {
    match node {
        Node::Leaf(leaf) => {
            assert_eq!(height, 0, "leaves have one height");
            assert!(!leaf.is_overfull() || leaf.is_of_one_place(context), "{leaf:?}");
            leaf.assert_between(lower, upper, context);
        }
        Node::Inner(inner) => {
            assert!(inner.children.len() >= CHILDREN_MIN, "{} children", inner.children.len());
            assert_below(inner, height, (lower, upper), context);
        }
    }
}

fn assert_below<L: Bounded>(
    inner: &Inner<L>,
    height: usize,
    (lower, upper): (Option<&L::Bound>, Option<&L::Bound>),
    context: &L::Context,
) {
    assert!(height > 0, "leaves have one height");
    assert!(inner.children.len() <= CHILDREN_MAX, "{} children", inner.children.len());
    assert_eq!(inner.bounds.len() + 1, inner.children.len());
    for (at, child) in inner.children.iter().enumerate() {
        assert_ne!(child.size.len, 0, "an empty child");
        assert_eq!(child.size, child.node.size());
        let lower = if at == 0 { lower } else { inner.bounds.get(at - 1) };
        let upper = inner.bounds.get(at).or(upper);
        assert_node(&child.node, height - 1, (lower, upper), context);
    }
}

/// The nodes of a tree, by their addresses.
fn nodes<L: Leaf>(tree: &Tree<L>) -> HashSet<*const Node<L>> {
    let mut found = HashSet::new();
    let mut left = vec![&tree.root];
    while let Some(node) = left.pop() {
        found.insert(Arc::as_ptr(node));
        if let Node::Inner(inner) = &**node {
            left.extend(inner.children.iter().map(|child| &child.node));
        }
    }
    found
}

/// Counts the nodes of a tree that are not those of another.
fn own_nodes<L: Leaf>(tree: &Tree<L>, other: &Tree<L>) -> usize {
    nodes(tree).difference(&nodes(other)).count()
}

/// Fails unless leaves hold `least` elements on average.
fn assert_filled<L: Leaf>(tree: &Tree<L>, least: usize) {
    let leaves = tree.leaves().count();
    assert!(tree.len() >= leaves * least, "{} elements in {leaves} leaves", tree.len());
}

fn some_string() -> impl Strategy<Value = Vec<u8>> {
    let long = (250_usize..700).prop_map(|len| vec![b'l'; len]);
    prop_oneof![12 => prop::collection::vec(any::<u8>(), 0..12), 1 => long]
}

#[test]
fn sizes_that_shrink_wrap_around_and_back() {
    let (small, large) =
        (Size { len: 1, payload: 2, memory: 3 }, Size { len: 9, payload: 9, memory: 9 });
    assert_eq!(large.plus(small.minus(large)), small);
}
