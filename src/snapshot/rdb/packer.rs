//! What small values, and the nodes of lists, are packed in.

use super::encode::Options;
use super::score::{Packed, pack};
use super::{format as rdb, ziplist};
use crate::listpack;

/// The bytes that the nodes of a list may have, by `list-max-listpack-size` of -1, -2 and so on.
const NODE_BYTES_MAX: [usize; 5] = [4096, 8192, 16_384, 32_768, 65_536];
/// The bytes that a node may have whose elements are counted.
const COUNTED_NODE_BYTES_MAX: usize = 8192;
/// What is added to the size of an element before it is asked whether a listpack has room for it.
const LISTPACK_OVERHEAD: usize = 8;
/// Elements of this size or more are not packed.
const ELEMENT_BYTES_MAX: usize = listpack::BYTES_MAX / 2;

/// Packs elements into listpacks, or into ziplists for versions that know no listpacks; reusable.
#[derive(Debug)]
pub(super) enum Packer {
    Ziplist(ziplist::Writer),
    Listpack(listpack::Writer),
}

impl Default for Packer {
    fn default() -> Self {
        Self::new(rdb::VERSION)
    }
}

impl Packer {
    pub(super) fn new(version: u32) -> Self {
        if version < rdb::VERSION_LISTPACK_MIN {
            Self::Ziplist(ziplist::Writer::default())
        } else {
            Self::Listpack(listpack::Writer::default())
        }
    }

    /// Starts afresh.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Ziplist(writer) => writer.clear(),
            Self::Listpack(writer) => writer.clear(),
        }
    }

    /// Adds an element; decimal integers take an integer's room.
    pub(super) fn push(&mut self, element: &[u8]) {
        match self {
            Self::Ziplist(writer) => writer.push(element),
            Self::Listpack(writer) => writer.push(element),
        }
    }

    /// Adds the score of a sorted set's member.
    pub(super) fn push_score(&mut self, score: f64, version: u32) {
        match pack(score, version) {
            Packed::Integer(integer) => self.push(itoa::Buffer::new().format(integer).as_bytes()),
            Packed::Text(text) => self.push(text.as_bytes()),
        }
    }

    /// Completes what is packed and shows it; [`Self::clear`] comes before the next.
    pub(super) fn finish(&mut self) -> &[u8] {
        match self {
            Self::Ziplist(writer) => writer.finish(),
            Self::Listpack(writer) => writer.finish(),
        }
    }
}

/// Where an element of a list belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into the node that is being filled.
    Same,
    /// Into a new node.
    New,
    /// Into a node of its own, as it is.
    Alone,
}

/// Cuts the elements of a list into nodes as stock servers do when they are pushed one by one.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    version: u32,
    /// Directive `list-max-listpack-size`.
    size: i64,
    bytes: usize,
    count: i64,
    /// The size of the last entry.
    last: usize,
}

impl Cutter {
    pub(super) fn new(options: &Options) -> Self {
        let (version, size) = (options.version, options.list_node_max);
        Self { version, size, bytes: 0, count: 0, last: 0 }
    }

    /// Takes an element into account, and tells where it belongs.
    pub(super) fn step(&mut self, element: &[u8]) -> Step {
        if element.len() > ELEMENT_BYTES_MAX {
            (self.bytes, self.count) = (0, 0);
            return Step::Alone;
        }
        let step =
            if self.count > 0 && self.admits(element.len()) { Step::Same } else { Step::New };
        let is_ziplist = self.version < rdb::VERSION_LISTPACK_MIN;
        if step == Step::New {
            let empty = if is_ziplist { ziplist::EMPTY_BYTES } else { listpack::EMPTY_BYTES };
            (self.bytes, self.count, self.last) = (empty, 0, 0);
        }
        self.last = if is_ziplist {
            ziplist::entry_bytes(element, self.last)
        } else {
            listpack::entry_bytes(element)
        };
        self.bytes += self.last;
        self.count += 1;
        step
    }

    fn admits(&self, len: usize) -> bool {
        let is_ziplist = self.version < rdb::VERSION_LISTPACK_MIN;
        let overhead = if is_ziplist {
            let backwards = if len < 254 { 1 } else { 5 };
            let forwards = match len {
                0..64 => 1,
                64..16_384 => 2,
                _ => 5,
            };
            backwards + forwards
        } else {
            LISTPACK_OVERHEAD
        };
        let bytes = self.bytes + len + overhead;
        match usize::try_from(-1 - self.size) {
            Ok(index) => bytes <= NODE_BYTES_MAX[index.min(NODE_BYTES_MAX.len() - 1)],
            Err(_) => bytes <= COUNTED_NODE_BYTES_MAX && self.count < self.size,
        }
    }
}
