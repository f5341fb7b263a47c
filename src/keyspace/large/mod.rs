//! Collections too large for one packed record: lists, maps, sorted sets and ordered maps as trees of
//! small nodes.
//!
//! A tree is a counted B+tree whose nodes are held by reference count. A clone of a whole value costs
//! one count, and a write to one of two clones copies the nodes on its way only; snapshots rest on it.
//! Nothing grows by moving everything: each operation, also by index, and cutting and joining too,
//! takes time with the logarithm of the number of elements. What is cut off is a value of its own,
//! which can be dropped where nobody waits.
//!
//! The types know bytes, order and hashes; commands, replies and clocks they do not.

mod lengths;
mod run;

mod node;
mod tree;

mod edit;
mod join;

mod list;

mod bucket;
mod map;

mod ranked;
mod sorted_set;

mod ordered;
mod pairs;

#[cfg(test)]
mod tests;

pub(in crate::keyspace) use list::{LargeList, ListIter, ListIterBack};
pub(in crate::keyspace) use map::{LargeFields, LargeMap, LargeMembers, MapIter};
pub(in crate::keyspace) use node::Side;
pub(in crate::keyspace) use ordered::{OrderedIter, OrderedMap};
pub(in crate::keyspace) use pairs::Held;
pub(in crate::keyspace) use sorted_set::{
    LargeSortedSet, RankIter, RankIterBack, RankedPart, Scored,
};
