//! The data set as it was at one moment, to be read while writes go on.
//!
//! An image shares the partitions with the keyspace. A write to a partition that is still shared
//! copies that one first (at most some 128 KiB, its large values only when they are written to), so
//! the image never changes and the memory it costs is what was written to before it was read.

use std::sync::Arc;

use super::entry::Entry;
use super::held::{self, Holder};
use super::partition::Partition;

/// All keys of all databases at one moment.
///
/// Taking the parts out and dropping each when it has been read frees writers from copying it.
#[derive(Debug)]
pub struct Image {
    /// Backwards, so that the first is taken from the end.
    parts: Vec<ImagePart>,
    counts: Vec<ImageCounts>,
    /// Has memory that is only here left out of account.
    _holder: Holder,
}

/// How much of one database an image holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageCounts {
    /// The keys.
    pub keys: usize,
    /// The keys that have an expiry.
    pub expiring: usize,
}

/// Some hundred keys of one database at the moment of their image.
#[derive(Clone, Debug)]
pub struct ImagePart {
    db: usize,
    partition: Arc<Partition>,
}

impl Image {
    /// Collects partitions, given by database, one database after the other.
    pub(super) fn new(
        databases: usize,
        partitions: impl Iterator<Item = (usize, Arc<Partition>)>,
    ) -> Self {
        let mut counts = vec![ImageCounts::default(); databases];
        let mut parts = Vec::new();
        for (db, partition) in partitions {
            counts[db].keys += partition.len();
            counts[db].expiring += partition.expiring();
            parts.push(ImagePart { db, partition });
        }
        parts.reverse();
        Self { parts, counts, _holder: Holder::new() }
    }

    /// Counts the databases.
    pub fn databases(&self) -> usize {
        self.counts.len()
    }

    /// Counts the keys of a database, those of parts taken out included.
    pub fn counts(&self, db: usize) -> ImageCounts {
        self.counts[db]
    }

    /// Counts the parts not yet taken out.
    pub fn parts_left(&self) -> usize {
        self.parts.len()
    }

    /// Takes out the next part; those of one database follow each other, databases ascending.
    pub fn next_part(&mut self) -> Option<ImagePart> {
        self.parts.pop()
    }
}

impl ImagePart {
    /// Returns the number of the database.
    pub fn db(&self) -> usize {
        self.db
    }

    /// Visits its keys.
    pub fn for_each<'p>(&'p self, mut visit: impl FnMut(Entry<'p>)) {
        self.partition.offsets().for_each(|at| visit(self.partition.entry(at)));
    }
}

impl Drop for ImagePart {
    fn drop(&mut self) {
        if Arc::strong_count(&self.partition) == 1 {
            held::let_go(self.partition.unshared_bytes());
        }
    }
}
