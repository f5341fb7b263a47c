//! The stream in use: set when the data is there, and exchanged when a full resync brings another
//! history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::log::SyncFailed;
use crate::replication::stream::Stream;

/// The stream in use, if the data is there.
///
/// It is exchanged while every shard is held. So whoever holds one, and has looked at the generation
/// since, appends to the right stream; that look is all it costs on the way of a command.
#[derive(Default)]
pub struct Streams {
    current: RwLock<Option<Arc<Stream>>>,
    generation: AtomicU64,
    exchanged: watch::Sender<()>,
}

impl Streams {
    /// Returns the stream in use.
    pub fn current(&self) -> Option<Arc<Stream>> {
        self.current.read().clone()
    }

    /// Puts a stream to use; the one before, if any, has been closed.
    pub fn put(&self, stream: Stream) {
        *self.current.write() = Some(Arc::new(stream));
        self.generation.fetch_add(1, Ordering::Release);
        self.exchanged.send_replace(());
    }

    /// Waits until the log of the stream in use has failed.
    pub async fn failed(&self) -> SyncFailed {
        let mut exchanged = self.exchanged.subscribe();
        loop {
            let stream = self.current();
            let failed = async {
                match &stream {
                    Some(stream) => stream.log().failed().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                failed = failed => return failed,
                // The sender is in this very struct.
                _ = exchanged.changed() => {}
            }
        }
    }

    /// Tells how often a stream was put to use.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

/// The stream that one thread appends to, without counting references.
#[derive(Default)]
pub struct Appending {
    stream: Option<Arc<Stream>>,
    generation: u64,
}

impl Appending {
    /// Looks whether the stream was exchanged; the caller holds a shard, or does not append.
    #[inline]
    pub fn refresh(&mut self, streams: &Streams) -> Option<&Arc<Stream>> {
        let generation = streams.generation();
        if self.generation != generation {
            (self.stream, self.generation) = (streams.current(), generation);
        }
        self.stream.as_ref()
    }
}
