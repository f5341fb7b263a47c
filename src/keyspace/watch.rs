//! Who watches which key: flags to raise when a watched key changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Release};

use ahash::RandomState;

/// A database and a key of it.
type Watched = (usize, Box<[u8]>);

/// The watched keys of one shard, by database.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    keys: HashMap<Watched, Vec<Watcher>, RandomState>,
}

/// One client that watches a key.
#[derive(Debug)]
struct Watcher {
    /// Raised when the key changes.
    flag: Arc<AtomicBool>,
    seen: Seen,
}

/// What a watcher takes the key for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Absent or live: any removal or change is one that the watcher asked for.
    Plain,
    /// Expired and not yet removed, and so absent to the watcher: removing it changes nothing.
    Expired,
}

/// Whether a key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Absent,
    /// There, though its time has passed.
    Expired,
    Live,
}

impl Watchers {
    /// Adds a watcher of a key; one flag watches a key once however often it asks.
    pub(super) fn add(&mut self, db: usize, key: &[u8], flag: &Arc<AtomicBool>, found: Presence) {
        let watchers = self.keys.entry((db, key.into())).or_default();
        if !watchers.iter().any(|held| Arc::ptr_eq(&held.flag, flag)) {
            let seen = if found == Presence::Expired { Seen::Expired } else { Seen::Plain };
            watchers.push(Watcher { flag: Arc::clone(flag), seen });
        }
    }

    /// Removes a watcher of a key.
    pub(super) fn remove(&mut self, db: usize, key: &[u8], flag: &Arc<AtomicBool>) {
        let name = (db, key.into());
        if let Some(watchers) = self.keys.get_mut(&name) {
            watchers.retain(|held| !Arc::ptr_eq(&held.flag, flag));
            if watchers.is_empty() {
                self.keys.remove(&name);
            }
        }
    }

    /// Tells whether the key has been expired ever since this flag watches it.
    pub(super) fn has_seen_expired(&self, db: usize, key: &[u8], flag: &Arc<AtomicBool>) -> bool {
        let watchers = self.keys.get(&(db, key.into()));
        let watcher = watchers.and_then(|all| all.iter().find(|w| Arc::ptr_eq(&w.flag, flag)));
        watcher.is_some_and(|watcher| watcher.seen == Seen::Expired)
    }

    /// Raises the flags of those who watch a key that was changed; `present` tells if it is there.
    #[inline]
    pub(super) fn touched(&mut self, db: usize, key: &[u8], present: impl FnOnce() -> bool) {
        if !self.keys.is_empty() {
            self.raise(db, key, present);
        }
    }

    /// Raises flags of the keys of a database that another one, or none, takes the place of.
    pub(super) fn replaced(
        &mut self,
        db: usize,
        was_there: impl Fn(&[u8]) -> bool,
        becomes: impl Fn(&[u8]) -> Presence,
    ) {
        for ((watched, key), watchers) in &mut self.keys {
            if *watched != db {
                continue;
            }
            match (was_there(key), becomes(key)) {
                (false, Presence::Absent) => {}
                // To its watchers it was absent, and is.
                (false, Presence::Expired) => {
                    for watcher in watchers {
                        watcher.seen = Seen::Expired;
                    }
                }
                (_, now) => {
                    for watcher in watchers {
                        watcher.changed(now);
                    }
                }
            }
        }
    }

    #[cold]
    fn raise(&mut self, db: usize, key: &[u8], present: impl FnOnce() -> bool) {
        if let Some(watchers) = self.keys.get_mut(&(db, key.into())) {
            let now = if present() { Presence::Live } else { Presence::Absent };
            for watcher in watchers {
                watcher.changed(now);
            }
        }
    }
}

impl Watcher {
    fn changed(&mut self, now: Presence) {
        match (self.seen, now) {
            (Seen::Expired, Presence::Absent) => self.seen = Seen::Plain,
            (Seen::Expired, Presence::Expired) => {}
            _ => self.flag.store(true, Release),
        }
    }
}
