//! Streams: entries by their IDs, and the groups of consumers that read them.
//!
//! The entries lie in packs of some hundred, each with what one listpack of a stock server has, so that
//! what is trimmed whole and what an image of a stream looks like is the same there. Packs, groups, consumers
//! and what is pending lie in ordered maps, which share their nodes one by one with clones: a write
//! copies one pack at most, however long the stream is.

mod entries;
mod group;
mod id;
mod items;
mod lag;
mod pack;
mod radix;
mod range;
mod trim;

#[cfg(test)]
mod tests;

pub use entries::{Counters, Stream, StreamPart};
pub use group::{Consumer, Group, Name, Pending};
pub use id::StreamId;
pub use items::{Fields, StreamEntry};
pub use range::{StreamIter, StreamIterBack};
pub use trim::{StreamCut, Trim, TrimTo};
