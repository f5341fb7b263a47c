//! Who watches which key: flags to raise when a watched key changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Release};

use ahash::RandomState;

/// A database and a key of it.
type Watched = (usize, Box<[u8]>);

/// One flag per watcher.
type Flags = Vec<Arc<AtomicBool>>;

/// The watched keys of one shard, by database.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    keys: HashMap<Watched, Flags, RandomState>,
}

impl Watchers {
    /// Adds a watcher of a key; one flag watches a key once however often it asks.
    pub(super) fn add(&mut self, db: usize, key: &[u8], flag: &Arc<AtomicBool>) {
        let flags = self.keys.entry((db, key.into())).or_default();
        if !flags.iter().any(|held| Arc::ptr_eq(held, flag)) {
            flags.push(Arc::clone(flag));
        }
    }

    /// Removes a watcher of a key.
    pub(super) fn remove(&mut self, db: usize, key: &[u8], flag: &Arc<AtomicBool>) {
        let name = (db, key.into());
        if let Some(flags) = self.keys.get_mut(&name) {
            flags.retain(|held| !Arc::ptr_eq(held, flag));
            if flags.is_empty() {
                self.keys.remove(&name);
            }
        }
    }

    /// Raises the flags of those who watch a key.
    #[inline]
    pub(super) fn touched(&self, db: usize, key: &[u8]) {
        if !self.keys.is_empty() {
            self.raise(db, key);
        }
    }

    /// Raises the flags of the watched keys of a database for which `changed` holds.
    pub(super) fn touched_where(&self, db: usize, mut changed: impl FnMut(&[u8]) -> bool) {
        for ((watched, key), flags) in &self.keys {
            if *watched == db && changed(key) {
                raise_all(flags);
            }
        }
    }

    #[cold]
    fn raise(&self, db: usize, key: &[u8]) {
        if let Some(flags) = self.keys.get(&(db, key.into())) {
            raise_all(flags);
        }
    }
}

fn raise_all(flags: &[Arc<AtomicBool>]) {
    for flag in flags {
        flag.store(true, Release);
    }
}
