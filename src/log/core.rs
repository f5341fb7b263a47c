//! What the writer, the readers and the helper threads of one log share.

use std::sync::Arc;
use std::time::Duration;

use super::format::{Header, SEGMENT_BYTES_MIN};
use super::prepare::{NoSpace, Supply};
use super::residency::{Readers, Residency};
use super::schedulable::{JoinHandle, Mutex, spawn};
use super::segment::Segments;
use super::storage::{Preparation, Spare, Storage};
use super::sync::{SyncControl, SyncPolicy};
use super::watermarks::{SyncFailed, Watermarks};
use super::writer::now_ms;
use crate::position::{Offset, Replid};

/// How a log is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The length of an ordinary segment file.
    pub segment_bytes: u64,
    /// When to sync without being asked.
    pub sync: SyncPolicy,
    /// How long an eager sync waits after the one before, so that several seals share it.
    pub coalesce: Duration,
    /// The history new segments are labelled with.
    pub replid: Replid,
    /// Names the present boot of the machine; zeroes if it is unknown.
    pub boot_id: [u8; 16],
    /// How much of it is kept in memory.
    pub residency: Residency,
}

impl Options {
    /// The length of a segment file unless said otherwise.
    pub const SEGMENT_BYTES: u64 = 64 << 20;

    /// The defaults, for a log of history `replid`.
    pub fn new(replid: Replid) -> Self {
        Self {
            segment_bytes: Self::SEGMENT_BYTES,
            sync: SyncPolicy::EverySecond,
            coalesce: Duration::from_millis(2),
            replid,
            boot_id: [0; 16],
            residency: Residency::default(),
        }
    }

    /// The room in the tail below which nothing more is admitted unless a spare is ready.
    pub(super) fn reserve_bytes(&self) -> u64 {
        self.segment_bytes() / 4
    }

    pub(super) fn segment_bytes(&self) -> u64 {
        self.segment_bytes.next_multiple_of(4096).max(SEGMENT_BYTES_MIN)
    }
}

/// The shared part of one open log.
#[derive(Debug)]
pub struct Core {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) options: Options,
    pub(super) marks: Watermarks,
    pub(super) segments: Segments,
    pub(super) supply: Supply,
    pub(super) sync: SyncControl,
    pub(super) readers: Readers,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Core {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        options: Options,
        segments: Segments,
        marks: Watermarks,
        next_seq: u64,
    ) -> Self {
        let sync = SyncControl::new(options.sync);
        let threads = Mutex::new(Vec::new());
        let (supply, readers) = (Supply::new(next_seq), Readers::default());
        Self { storage, options, marks, segments, supply, sync, readers, threads }
    }

    /// Starts the helper threads. Without them the writer prepares and the caller syncs.
    pub(super) fn start(self: &Arc<Self>) -> std::io::Result<()> {
        self.supply.set_threaded();
        let preparing = Arc::clone(self);
        let prepare = spawn("log-prepare", move || preparing.supply.run(&preparing))?;
        self.threads.lock().push(prepare);
        self.sync.set_threaded();
        let syncing = Arc::clone(self);
        let sync = spawn("log-sync", move || syncing.sync.run(&syncing))?;
        self.threads.lock().push(sync);
        Ok(())
    }

    /// Stops and joins the helper threads; the second call finds nothing to do.
    pub(super) fn stop(&self) {
        self.sync.stop();
        self.supply.stop();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a helper thread of the log had panicked");
            }
        }
    }

    pub(super) fn take_spare(&self, len: u64) -> Result<Spare, NoSpace> {
        self.supply.take(self, len)
    }

    /// A header for `spare`, begun at `base` as the first of its log.
    pub(super) fn new_header(&self, spare: &Spare, base: Offset, replid: Replid) -> Header {
        Header {
            epoch: 0,
            file_len: spare.len,
            seq: spare.seq,
            salt: random_salt(),
            base,
            replid,
            prev_seq: 0,
            prev_end: base,
            prev_chain: 0,
            durable: self.marks.durable(),
            boot_id: self.options.boot_id,
            created_ms: now_ms(),
        }
    }

    /// Makes everything up to `offset` durable, through the sync thread if there is one.
    pub(super) fn sync_to(&self, offset: Offset) -> Result<(), SyncFailed> {
        if self.sync.is_threaded() {
            self.sync.request(offset);
            return self.marks.block_until_durable_at(offset);
        }
        self.sync_through(offset)
    }

    /// How new segments are to be prepared under the present policy and write rate.
    pub(super) fn preparation(&self, is_fast: bool) -> Preparation {
        match self.sync.policy() {
            SyncPolicy::Always => Preparation::WriteThrough,
            _ if is_fast => Preparation::LargeFolios,
            _ if self.sync.is_eager() => Preparation::WriteThrough,
            _ => Preparation::SinglePages,
        }
    }
}

/// Draws a salt; never zero, so that zeroes never validate.
pub(super) fn random_salt() -> u64 {
    let random = Replid::random();
    let bytes = random.as_bytes();
    let word = bytes[..8].iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    word | 1
}
