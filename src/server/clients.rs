//! The clients connected.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::command::ClientInfo;
use crate::command::session::flag;
use crate::command::weight::Weights;

use super::eviction::Helpless;

/// The clients connected, and how many there have been.
#[derive(Debug, Default)]
pub struct Clients {
    all: Mutex<BTreeMap<u64, Arc<ClientInfo>>>,
    next: AtomicU64,
    count: AtomicUsize,
    /// How many there had been when that was last forgotten.
    forgotten: AtomicU64,
    refused: AtomicU64,
    weights: Arc<Weights>,
    /// Whoever closes some of them for what all take.
    pub(super) evicting: Mutex<()>,
    pub(super) helpless: Helpless,
}

impl Clients {
    /// Begins with nobody, and with a limit to what all of them may take.
    pub fn limited(bytes: Option<usize>) -> Arc<Self> {
        let clients = Self::default();
        clients.weights.set_limit(bytes);
        Arc::new(clients)
    }

    /// What all of them take together, where that is limited.
    pub fn weights(&self) -> &Arc<Weights> {
        &self.weights
    }

    /// Returns a number never used before.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes a client in; it leaves when the guard is dropped.
    pub fn enter(self: &Arc<Self>, client: &Arc<ClientInfo>) -> Present {
        self.all.lock().insert(client.id, Arc::clone(client));
        self.count.fetch_add(1, Ordering::Relaxed);
        Present { clients: Arc::clone(self), client: Arc::clone(client) }
    }

    /// Lists them in the order of their numbers.
    pub fn list(&self) -> Vec<Arc<ClientInfo>> {
        self.all.lock().values().cloned().collect()
    }

    /// Counts them.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts all there have been since that was last forgotten.
    pub fn total(&self) -> u64 {
        self.next.load(Ordering::Relaxed).saturating_sub(self.forgotten.load(Ordering::Relaxed))
    }

    /// Forgets how many there have been, and how many were refused.
    pub fn forget(&self) {
        self.forgotten.store(self.next.load(Ordering::Relaxed), Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
    }

    /// Notes that one was refused.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts those refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Keeps a client on the list for as long as its connection lasts.
#[derive(Debug)]
pub struct Present {
    clients: Arc<Clients>,
    client: Arc<ClientInfo>,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.client.flags.fetch_or(flag::LEFT, Ordering::Relaxed);
        self.client.weight.end();
        self.clients.all.lock().remove(&self.client.id);
        self.clients.count.fetch_sub(1, Ordering::Relaxed);
    }
}
