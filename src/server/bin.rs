//! Where large values go, so that freeing them holds up no client.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// How many values may wait to be freed; beyond that they are freed on the spot.
const WAITING_MAX: usize = 1024;

/// Frees what it is given on a thread of its own.
#[derive(Debug)]
pub struct Bin(SyncSender<Box<dyn Send>>);

impl Bin {
    /// Starts the thread; it ends when the bin is gone.
    pub fn start() -> std::io::Result<Self> {
        let (sender, receiver): (_, Receiver<Box<dyn Send>>) = sync_channel(WAITING_MAX);
        std::thread::Builder::new()
            .name("free".to_owned())
            .spawn(move || receiver.into_iter().for_each(drop))?;
        Ok(Self(sender))
    }

    /// Takes a value to be freed.
    pub fn put(&self, value: Box<dyn Send>) {
        match self.0.try_send(value) {
            Ok(()) => {}
            Err(TrySendError::Full(value) | TrySendError::Disconnected(value)) => drop(value),
        }
    }
}
