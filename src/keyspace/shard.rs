//! One shard: the part of every database that one lock guards.

use super::table::Table;
use super::waiting::Waiting;
use super::watch::Watchers;

/// One shard's part of every database, who watches its keys, and who waits for them.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) tables: Vec<Table>,
    pub(super) watchers: Watchers,
    pub(super) waiting: Waiting,
    /// A buffer for values being edited, kept so that editing does not allocate.
    pub(super) scratch: Vec<u8>,
}

impl Shard {
    pub(super) fn new(databases: usize, keys_max: usize) -> Self {
        Self {
            tables: (0..databases).map(|_| Table::new(keys_max)).collect(),
            watchers: Watchers::default(),
            waiting: Waiting::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn keys_max(&self) -> usize {
        self.tables[0].keys_max()
    }
}
