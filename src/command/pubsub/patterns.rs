//! Who listens to all channels whose names match a pattern.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use crate::command::glob::{Case, matches};

use super::Mailbox;
use super::channels::Listeners;

/// Who listens to which pattern; a pattern is there as long as somebody does.
#[derive(Debug, Default)]
pub struct Patterns {
    listed: RwLock<Listed>,
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Listed {
    /// In the order in which they came.
    all: BTreeMap<u64, (Arc<[u8]>, Listeners)>,
    places: HashMap<Arc<[u8]>, u64>,
    next: u64,
}

impl Patterns {
    /// Counts the patterns.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds a listener, who has not listened to this pattern yet; returns the name to remember.
    pub fn add(&self, name: &[u8], mailbox: &Arc<Mailbox>) -> Arc<[u8]> {
        let mut listed = self.listed.write();
        let listed = &mut *listed;
        let place = listed.places.get(name).copied().unwrap_or_else(|| {
            listed.next += 1;
            let name: Arc<[u8]> = name.into();
            listed.places.insert(Arc::clone(&name), listed.next);
            listed.all.insert(listed.next, (name, Listeners::default()));
            self.count.fetch_add(1, Ordering::Relaxed);
            listed.next
        });
        let (name, listeners) = listed.all.get_mut(&place).expect("each place is that of one");
        listeners.insert(mailbox.client(), Arc::clone(mailbox));
        Arc::clone(name)
    }

    /// Removes a listener.
    pub fn remove(&self, name: &[u8], client: u64) {
        let mut listed = self.listed.write();
        let Some(place) = listed.places.get(name).copied() else { return };
        let (_, listeners) = listed.all.get_mut(&place).expect("each place is that of one");
        listeners.remove(&client);
        if listeners.is_empty() {
            listed.all.remove(&place);
            listed.places.remove(name);
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Lists those who listen to patterns that are `wanted`.
    pub fn listeners_to(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<u64> {
        let listed = self.listed.read();
        let patterns = listed.all.values().filter(|(name, _)| wanted(name));
        patterns.flat_map(|(_, listeners)| listeners.keys().copied()).collect()
    }

    /// Hands out each pattern that the name of a channel matches, with those who listen to it.
    pub fn each(&self, channel: &[u8], mut visit: impl FnMut(&[u8], &Listeners)) {
        if self.count() == 0 {
            return;
        }
        let listed = self.listed.read();
        for (pattern, listeners) in listed.all.values() {
            if matches(pattern, channel, Case::Sensitive) {
                visit(pattern, listeners);
            }
        }
    }
}
