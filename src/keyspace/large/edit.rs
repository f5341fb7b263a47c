//! Editing a leaf of a tree: nodes on the way are copied if shared, split if overfull, joined if sparse.

use std::mem;
use std::sync::Arc;

use super::node::{Edge, Inner, Leaf, Node, Piece, Sequence, Side, Size, split_leaf};
use super::tree::{Path, Tree};

/// What became of a node.
struct Edited<L: Leaf, R> {
    result: R,
    /// How its size changed, as far as it is still this node.
    change: Size,
    /// What comes right of it now.
    more: Vec<Piece<L>>,
}

impl<L: Leaf> Tree<L> {
    /// Changes the leaf that a path leads to; elements may be added to it or removed.
    pub(super) fn edit<R>(
        &mut self,
        path: &Path,
        context: &L::Context,
        change: impl FnOnce(&mut L) -> R,
    ) -> R {
        self.edit_node(path, |node| {
            let Node::Leaf(leaf) = Arc::make_mut(node) else { unreachable!("paths end at leaves") };
            let result = change(leaf);
            (result, split_leaf(leaf, context))
        })
    }

    fn edit_node<R>(
        &mut self,
        path: &Path,
        change: impl FnOnce(&mut Arc<Node<L>>) -> (R, Vec<Piece<L>>),
    ) -> R {
        let edited = edit_below(&mut self.root, path.steps(), Edge::Only, change);
        self.size = self.size.plus(edited.change);
        if !edited.more.is_empty() {
            let old = mem::take(&mut self.root);
            self.root = Arc::new(Node::Inner(Inner::over(old, edited.more)));
            self.height += 1;
            self.size = self.root.size();
        }
        self.lower();
        edited.result
    }

    /// Gives up a root that has one child only.
    fn lower(&mut self) {
        while let Node::Inner(inner) = &*self.root
            && let [child] = &inner.children[..]
        {
            let child = child.clone();
            (self.root, self.size) = (child.node, child.size);
            self.height -= 1;
        }
    }
}

impl<L: Sequence> Tree<L> {
    /// Puts a leaf beside that which a path leads to, and leaves that one as it is.
    pub(super) fn insert_beside(&mut self, path: &Path, side: Side, leaf: L) {
        self.edit_node(path, |node| {
            let mut right = Arc::new(Node::Leaf(leaf));
            if side == Side::Left {
                mem::swap(node, &mut right);
            }
            let (Node::Leaf(first), Node::Leaf(second)) = (&**node, &*right) else {
                unreachable!("paths end at leaves")
            };
            let bound = first.bound_before(second);
            ((), vec![(bound, right)])
        });
    }
}

fn edit_below<L: Leaf, R>(
    node: &mut Arc<Node<L>>,
    steps: &[u8],
    edge: Edge,
    change: impl FnOnce(&mut Arc<Node<L>>) -> (R, Vec<Piece<L>>),
) -> Edited<L, R> {
    let Some((step, steps)) = steps.split_first() else {
        // Not measured after a copy was made, which has less room to spare.
        let before = node.size();
        let (result, more) = change(node);
        return Edited { result, change: node.size().minus(before), more };
    };
    let Node::Inner(inner) = Arc::make_mut(node) else { unreachable!("a step is for inner nodes") };
    let at = usize::from(*step);
    let child_edge = edge.of_child(at, inner.children.len());
    let child = &mut inner.children[at];
    let edited = edit_below(&mut child.node, steps, child_edge, change);
    let has_shrunk = (edited.change.len as isize) < 0;
    if edited.more.is_empty() && !(has_shrunk && child.node.is_weak()) {
        child.size = child.size.plus(edited.change);
        return Edited { result: edited.result, change: edited.change, more: edited.more };
    }
    let before = inner.size();
    inner.children[at].measure();
    let last = at + edited.more.len();
    inner.adopt(at, edited.more);
    (at..=last).rev().for_each(|at| inner.mend(at));
    let more = inner.split(edge).into_iter().collect();
    Edited { result: edited.result, change: inner.size().minus(before), more }
}
