//! Where large values go, so that freeing them holds up no client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use crate::keyspace::{Locked, Spent};

use super::priority::be_nice;

/// How many values may wait to be freed; beyond that they are freed on the spot.
const WAITING_MAX: usize = 1024;

/// Frees what it is given on a thread of its own.
#[derive(Debug)]
pub struct Bin {
    values: SyncSender<Box<dyn Send>>,
    freed: Arc<AtomicU64>,
    given: AtomicU64,
}

impl Bin {
    /// Starts the thread; it ends when the bin is gone.
    pub fn start() -> std::io::Result<Self> {
        let (values, receiver): (_, Receiver<Box<dyn Send>>) = sync_channel(WAITING_MAX);
        let freed = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&freed);
        std::thread::Builder::new().name("free".to_owned()).spawn(move || {
            be_nice();
            for value in receiver {
                drop(value);
                count.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self { values, freed, given: AtomicU64::new(0) })
    }

    /// Counts the values that wait, and those that were freed.
    pub fn counts(&self) -> (u64, u64) {
        let freed = self.freed.load(Ordering::Relaxed);
        (self.given.load(Ordering::Relaxed).saturating_sub(freed), freed)
    }

    /// Lets go of shards, and takes what was removed from them meanwhile.
    #[inline]
    pub fn unlock(&self, mut locked: Locked<'_>) {
        let spent = locked.take_spent();
        drop(locked);
        if let Some(spent) = spent {
            self.put_all(*spent);
        }
    }

    #[cold]
    fn put_all(&self, spent: Vec<Spent>) {
        for value in spent {
            self.put(Box::new(value));
        }
    }

    /// Takes a value to be freed.
    pub fn put(&self, value: Box<dyn Send>) {
        match self.values.try_send(value) {
            Ok(()) => {
                self.given.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Full(value) | TrySendError::Disconnected(value)) => drop(value),
        }
    }
}
