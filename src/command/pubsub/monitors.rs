//! The clients that are shown what all others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::Mailbox;

/// The clients that are shown what all others do.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    count: AtomicUsize,
    all: RwLock<Vec<Arc<Mailbox>>>,
}

impl Monitors {
    /// Tells whether there is none, for which no lock is taken.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Takes one in; nothing happens if it is one already.
    pub fn add(&self, mailbox: &Arc<Mailbox>) {
        let mut all = self.all.write();
        if !all.iter().any(|other| other.client() == mailbox.client()) {
            all.push(Arc::clone(mailbox));
        }
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// Lets one go, if it is there.
    pub fn remove(&self, client: u64) {
        let mut all = self.all.write();
        all.retain(|mailbox| mailbox.client() != client);
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// Hands out all of them, in the order in which they came.
    pub fn each(&self, visit: impl FnMut(&Arc<Mailbox>)) {
        self.all.read().iter().for_each(visit);
    }
}
