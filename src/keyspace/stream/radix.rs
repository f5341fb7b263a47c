//! How many nodes the radix tree would have in which stock servers keep packs by their IDs.

use super::entries::Stream;
use super::id::StreamId;

/// The bytes of an ID.
const KEY_BYTES: usize = 16;

impl Stream {
    /// Counts the nodes: of a run of bytes that all IDs below share, of a byte at which they part, and of
    /// an ID.
    pub fn radix_nodes(&self) -> usize {
        let mut ids = self.packs.iter().map(|(id, _)| *id);
        let Some(mut last) = ids.next() else { return 1 };
        // The depths of the nodes at which the way to the last ID parts from those before it.
        let (mut open, mut nodes) = (Vec::new(), 0);
        // How deep the last ID parts from the one before it.
        let mut before = None;
        for id in ids {
            let depth = shared(last, id);
            nodes += leaf_nodes(before.max(Some(depth)));
            while open.last().is_some_and(|deepest| *deepest > depth) {
                let deepest = open.pop().unwrap_or_default();
                nodes += inner_nodes(deepest, open.last().copied().max(Some(depth)));
            }
            if open.last() != Some(&depth) {
                open.push(depth);
            }
            (last, before) = (id, Some(depth));
        }
        nodes += leaf_nodes(before);
        while let Some(deepest) = open.pop() {
            nodes += inner_nodes(deepest, open.last().copied());
        }
        nodes
    }
}

/// Counts the bytes that two IDs begin with.
fn shared(one: StreamId, other: StreamId) -> usize {
    let (one, other) = (one.to_bytes(), other.to_bytes());
    one.iter().zip(other).take_while(|(a, b)| **a == *b).count()
}

/// Counts the node of an ID, and of the run of bytes before it if there is one.
fn leaf_nodes(parent: Option<usize>) -> usize {
    1 + usize::from(parent.map_or(0, |depth| depth + 1) < KEY_BYTES)
}

/// Counts the node at which IDs part, and of the run of bytes before it if there is one.
fn inner_nodes(depth: usize, parent: Option<usize>) -> usize {
    1 + usize::from(parent.map_or(0, |depth| depth + 1) < depth)
}
