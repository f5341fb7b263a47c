//! Who listens to which channel.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use parking_lot::Mutex;

use super::Mailbox;

/// Into how many parts the channels are divided, each behind a lock of its own.
pub const PARTS: usize = 64;

/// Those who listen to one channel or pattern, by the numbers of the clients.
pub type Listeners = HashMap<u64, Arc<Mailbox>, RandomState>;

type Part = Mutex<HashMap<Arc<[u8]>, Listeners, RandomState>>;

/// Who listens to which channel; a channel is there as long as somebody does.
#[derive(Debug)]
pub struct Channels {
    parts: Box<[Part]>,
    count: AtomicUsize,
    hasher: RandomState,
}

impl Channels {
    /// Begins without any; `hasher` says in which part a name is.
    pub fn new(hasher: RandomState) -> Self {
        let parts = (0..PARTS).map(|_| Part::default()).collect();
        Self { parts, count: AtomicUsize::new(0), hasher }
    }

    /// Counts the channels.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds a listener, who has not listened to this channel yet; returns the name to remember.
    pub fn add(&self, name: &[u8], mailbox: &Arc<Mailbox>) -> Arc<[u8]> {
        let mut part = self.part(name).lock();
        let known = part.get_key_value(name).map(|(name, _)| Arc::clone(name));
        let name = known.unwrap_or_else(|| {
            self.count.fetch_add(1, Ordering::Relaxed);
            name.into()
        });
        let listeners = part.entry(Arc::clone(&name)).or_default();
        listeners.insert(mailbox.client(), Arc::clone(mailbox));
        name
    }

    /// Removes a listener.
    pub fn remove(&self, name: &[u8], client: u64) {
        let mut part = self.part(name).lock();
        let Some(listeners) = part.get_mut(name) else { return };
        listeners.remove(&client);
        if listeners.is_empty() {
            part.remove(name);
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts those who listen to a channel.
    pub fn listeners(&self, name: &[u8]) -> usize {
        if self.count() == 0 {
            return 0;
        }
        self.part(name).lock().get(name).map_or(0, HashMap::len)
    }

    /// Hands out everybody who listens to a channel; nobody comes or goes meanwhile.
    pub fn each(&self, name: &[u8], mut visit: impl FnMut(&Arc<Mailbox>)) {
        if self.count() == 0 {
            return;
        }
        if let Some(listeners) = self.part(name).lock().get(name) {
            listeners.values().for_each(&mut visit);
        }
    }

    /// Lists the channels whose names are `wanted`.
    pub fn names(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<Arc<[u8]>> {
        let mut found = Vec::new();
        for part in &self.parts {
            found.extend(part.lock().keys().filter(|name| wanted(name)).cloned());
        }
        found
    }

    /// Lists those who listen to channels whose names are `wanted`.
    pub fn listeners_to(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<u64> {
        let mut found = Vec::new();
        for part in &self.parts {
            let part = part.lock();
            let channels = part.iter().filter(|(name, _)| wanted(name));
            channels.for_each(|(_, listeners)| found.extend(listeners.keys()));
        }
        found
    }

    fn part(&self, name: &[u8]) -> &Part {
        &self.parts[part_of(&self.hasher, name)]
    }
}

/// Tells which part a name is in: the table of the part goes by another hash.
pub fn part_of(hasher: &RandomState, name: &[u8]) -> usize {
    hasher.hash_one(name) as usize % PARTS
}
