//! Who is to be told of which keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use parking_lot::{Mutex, RwLock};

use crate::command::ClientInfo;
use crate::command::pubsub::Mailbox;

/// The parts of the table of keys, each behind one lock.
const PARTS: usize = 64;

/// Who is to be told of which keys.
///
/// A part of the table is never held while another lock is taken.
#[derive(Debug)]
pub struct Tracker {
    count: AtomicUsize,
    clients: RwLock<HashMap<u64, Arc<Tracked>>>,
    prefixes: RwLock<Prefixes>,
    parts: Box<[Mutex<Part>]>,
    hasher: RandomState,
    keys: AtomicUsize,
    items: AtomicUsize,
    /// How many keys are remembered at most, or zero for any number.
    keys_max: AtomicUsize,
}

/// The beginnings of names, in order, and who is told of such keys.
pub(super) type Prefixes = BTreeMap<Box<[u8]>, Vec<Arc<Tracked>>>;

/// Keys, and the numbers of the clients that have read them.
type Part = HashMap<Box<[u8]>, BTreeSet<u64>>;

/// A client that tracks.
#[derive(Debug)]
pub struct Tracked {
    /// What others see of it.
    pub info: Arc<ClientInfo>,
    /// Where it is told.
    pub mailbox: Arc<Mailbox>,
    /// Whether it is not told of its own changes.
    pub skips_own: bool,
    /// How the names begin of which it is told; none if it is told of what it has read.
    pub prefixes: Option<Vec<Box<[u8]>>>,
    /// Who is told in its place.
    pub redirect: Option<Arc<ClientInfo>>,
}

impl Default for Tracker {
    fn default() -> Self {
        Self {
            count: AtomicUsize::new(0),
            clients: RwLock::default(),
            prefixes: RwLock::default(),
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            keys: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
            keys_max: AtomicUsize::new(0),
        }
    }
}

impl Tracker {
    /// Tells whether nobody tracks, for which no lock is taken.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Counts the clients that track, the keys remembered, the pairs of both, and the prefixes.
    pub fn counts(&self) -> [usize; 4] {
        let prefixes = self.prefixes.read().len();
        let [clients, keys, items] =
            [&self.count, &self.keys, &self.items].map(|count| count.load(Ordering::Relaxed));
        [clients, keys, items, prefixes]
    }

    /// Has no more keys remembered than so many; zero for any number.
    pub fn limit(&self, keys_max: usize) {
        self.keys_max.store(keys_max, Ordering::Relaxed);
    }

    /// Takes a client in, in the place of what it tracked before.
    pub fn begin(&self, tracked: Tracked) {
        let tracked = Arc::new(tracked);
        let id = tracked.info.id;
        let mut clients = self.clients.write();
        let old = clients.insert(id, Arc::clone(&tracked));
        self.count.store(clients.len(), Ordering::Relaxed);
        let mut all = self.prefixes.write();
        leave(&mut all, old.as_deref());
        for prefix in tracked.prefixes.iter().flatten() {
            all.entry(prefix.clone()).or_default().push(Arc::clone(&tracked));
        }
    }

    /// Lets a client go, if it is there; the keys that it has read are forgotten as they are changed.
    pub fn end(&self, id: u64) {
        let mut clients = self.clients.write();
        let old = clients.remove(&id);
        self.count.store(clients.len(), Ordering::Relaxed);
        leave(&mut self.prefixes.write(), old.as_deref());
    }

    /// Finds a client that tracks.
    pub(super) fn find(&self, id: u64) -> Option<Arc<Tracked>> {
        self.clients.read().get(&id).cloned()
    }

    /// Lists all clients that track.
    pub(super) fn all(&self) -> Vec<Arc<Tracked>> {
        self.clients.read().values().cloned().collect()
    }

    /// Lists the prefixes with those who are told of them.
    pub(super) fn prefixes(&self) -> Prefixes {
        self.prefixes.read().clone()
    }

    /// Remembers that a client has read a key.
    pub(super) fn remember(&self, id: u64, key: &[u8]) {
        let mut part = self.part(key).lock();
        if !part.contains_key(key) {
            part.insert(key.into(), BTreeSet::new());
            self.keys.fetch_add(1, Ordering::Relaxed);
        }
        if part.get_mut(key).is_some_and(|clients| clients.insert(id)) {
            self.items.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets a key; returns who has read it.
    pub(super) fn take(&self, key: &[u8]) -> BTreeSet<u64> {
        if self.keys.load(Ordering::Relaxed) == 0 {
            return BTreeSet::new();
        }
        let clients = self.part(key).lock().remove(key);
        self.forgot(clients.as_ref());
        clients.unwrap_or_default()
    }

    /// Forgets some key if there are more than allowed; returns it and who has read it.
    pub(super) fn take_excess(&self) -> Option<(Box<[u8]>, BTreeSet<u64>)> {
        let max = self.keys_max.load(Ordering::Relaxed);
        if max == 0 || self.keys.load(Ordering::Relaxed) <= max {
            return None;
        }
        self.parts.iter().find_map(|part| {
            let mut part = part.lock();
            let key = part.keys().next()?.clone();
            let clients = part.remove(&key)?;
            self.forgot(Some(&clients));
            Some((key, clients))
        })
    }

    /// Forgets all keys.
    pub(super) fn clear(&self) {
        for part in &self.parts {
            let gone = std::mem::take(&mut *part.lock());
            for clients in gone.values() {
                self.forgot(Some(clients));
            }
        }
    }

    fn forgot(&self, clients: Option<&BTreeSet<u64>>) {
        if let Some(clients) = clients {
            self.keys.fetch_sub(1, Ordering::Relaxed);
            self.items.fetch_sub(clients.len(), Ordering::Relaxed);
        }
    }

    fn part(&self, key: &[u8]) -> &Mutex<Part> {
        &self.parts[self.hasher.hash_one(key) as usize % PARTS]
    }
}

/// Takes a client off the lists of its prefixes.
fn leave(all: &mut Prefixes, old: Option<&Tracked>) {
    for prefix in old.and_then(|old| old.prefixes.as_ref()).into_iter().flatten() {
        if let Some(clients) = all.get_mut(prefix) {
            clients.retain(|other| Some(other.info.id) != old.map(|old| old.info.id));
            if clients.is_empty() {
                all.remove(prefix);
            }
        }
    }
}
