//! The locks, atomics and threads of the log, under names to which tests give a second meaning.
//!
//! A server gets those of `std`, `parking_lot` and `tokio`, with nothing added. Unit tests get them too,
//! except inside an execution of `shuttle`: there they are shuttle's, so that a test decides who
//! goes on at each of them and explores one schedule after the other with the very same code.

#[cfg(not(test))]
mod plain {
    pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
    pub use std::thread::JoinHandle;

    pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
    pub use tokio::sync::Notify;

    /// Starts a thread called `name`.
    pub fn spawn(
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(name.into()).spawn(body)
    }
}

#[cfg(test)]
mod modelled;

pub use std::sync::atomic::Ordering;

#[cfg(test)]
pub use modelled::*;
#[cfg(not(test))]
pub use plain::*;
