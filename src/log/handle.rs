//! Opening a log, and the handle by which everyone but the writer uses it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::age;
use super::core::{Core, Options, random_salt};
use super::directory::Directory;
use super::format::Header;
use super::prepare::{NoSpace, Secured, Supply};
use super::reader::{ReadError, Reader};
use super::recovery::{self, Expectation, Plan, Recovered, RecoveryError};
use super::repair;
use super::retention::Extent;
use super::segment::{Segment, Segments};
use super::storage::{Storage, StorageError};
use super::sync::{SyncPolicy, SyncStatistics};
use super::watermarks::{SyncFailed, Watermarks};
use super::writer::{Writer, now_ms};
use crate::position::Offset;

/// A handle to an open log; cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    core: Arc<Core>,
}

/// A log that was opened, its one writer, and what was found.
#[derive(Debug)]
pub struct Opened {
    /// For everyone.
    pub log: Log,
    /// For the one who appends.
    pub writer: Writer,
    /// What recovery found and did.
    pub recovered: Recovered,
}

/// A log as it was found; nothing has been changed.
#[derive(Debug)]
pub struct Examined {
    storage: Arc<dyn Storage>,
    plan: Plan,
}

/// Whether the log has helper threads. Only tests do without: each step is then theirs to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helpers {
    /// One thread syncs and one prepares segments.
    Threads,
    /// The writer prepares segments when it needs them, and syncs happen when asked for.
    Inline,
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its files cannot be used as they are.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The disk refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A helper thread could not be started.
    #[error("cannot start the helper threads of the log: {0}")]
    Threads(#[source] std::io::Error),
    /// A log was to be created where there is one.
    #[error("there is a log in {} already", .0.display())]
    Exists(std::path::PathBuf),
}

impl Examined {
    /// What was found, and what opening will do about it.
    pub fn recovered(&self) -> &Recovered {
        &self.plan.report
    }

    /// Repairs the log and opens it.
    pub fn open(self, options: &Options) -> Result<Opened, OpenError> {
        self.open_with(options, Helpers::Threads)
    }

    fn open_with(self, options: &Options, helpers: Helpers) -> Result<Opened, OpenError> {
        let Self { storage, plan } = self;
        let recovered = plan.report.clone();
        let repaired = repair::apply(&*storage, plan, options)?;
        let segments = Segments::new(repaired.closed);
        segments.push(Arc::clone(&repaired.tail));
        let marks = Watermarks::new(recovered.start, recovered.end);
        let core = Core::new(storage, options.clone(), segments, marks, repaired.next_seq);
        let core = Arc::new(core);
        let writer = Writer::new(Arc::clone(&core), repaired.tail, repaired.writable);
        let log = Log::start(core, helpers)?;
        Ok(Opened { log, writer, recovered })
    }
}

impl Log {
    /// Creates a log in `directory` whose first byte will be at `base`.
    pub fn create(
        directory: &Path,
        base: Offset,
        options: &Options,
    ) -> Result<(Self, Writer), OpenError> {
        let storage = Arc::new(Directory::open_or_create(directory)?);
        Self::create_in(storage, base, options, Helpers::Threads)
    }

    /// Opens the log in `directory` after a stop of any kind.
    pub fn open(
        directory: &Path,
        options: &Options,
        expectation: &Expectation,
    ) -> Result<Opened, OpenError> {
        Self::examine(directory, expectation)?.open(options)
    }

    /// Reads the log in `directory` after a stop of any kind, and changes nothing yet.
    pub fn examine(directory: &Path, expectation: &Expectation) -> Result<Examined, OpenError> {
        Self::examine_in(Arc::new(Directory::open(directory)?), expectation)
    }

    /// Removes every segment in `directory`, the newest first: the log gives way to another history.
    pub fn remove_all(directory: &Path) -> Result<(), StorageError> {
        Self::remove_all_in(&Directory::open(directory)?)
    }

    /// [`Log::create`] in any storage.
    pub fn create_in(
        storage: Arc<dyn Storage>,
        base: Offset,
        options: &Options,
        helpers: Helpers,
    ) -> Result<(Self, Writer), OpenError> {
        if let Some(&seq) = storage.list()?.first() {
            return Err(OpenError::Exists(storage.path(seq)));
        }
        let header = |seq, file_len| Header {
            epoch: 1,
            file_len,
            seq,
            salt: random_salt(),
            base,
            replid: options.replid,
            prev_seq: 0,
            prev_end: base,
            prev_chain: 0,
            durable: base,
            boot_id: options.boot_id,
            created_ms: now_ms(),
        };
        let (tail, writable) = repair::begin_tail(&*storage, 1, options, header)?;
        let segments = Segments::default();
        segments.push(Arc::clone(&tail));
        let marks = Watermarks::new(base, base);
        let core = Arc::new(Core::new(storage, options.clone(), segments, marks, 2));
        let writer = Writer::new(Arc::clone(&core), tail, writable);
        Self::start(core, helpers).map(|log| (log, writer))
    }

    /// [`Log::open`] in any storage.
    pub fn open_in(
        storage: Arc<dyn Storage>,
        options: &Options,
        expectation: &Expectation,
        helpers: Helpers,
    ) -> Result<Opened, OpenError> {
        Self::examine_in(storage, expectation)?.open_with(options, helpers)
    }

    fn examine_in(
        storage: Arc<dyn Storage>,
        expectation: &Expectation,
    ) -> Result<Examined, OpenError> {
        let plan = recovery::plan(&*storage, expectation)?;
        Ok(Examined { storage, plan })
    }

    /// [`Log::remove_all`] in any storage.
    pub fn remove_all_in(storage: &dyn Storage) -> Result<(), StorageError> {
        storage.list()?.into_iter().rev().try_for_each(|seq| storage.remove(seq))
    }

    fn start(core: Arc<Core>, helpers: Helpers) -> Result<Self, OpenError> {
        if helpers == Helpers::Threads {
            core.start().map_err(OpenError::Threads)?;
        }
        Ok(Self { core })
    }

    /// The offset of the first byte still held.
    pub fn first(&self) -> Offset {
        self.core.marks.start()
    }

    /// The first offset from which on no byte is known to be damaged: where the backlog begins.
    ///
    /// Above [`Log::first`] only after a reader has found damage below it. What lies between is of
    /// no use to anybody, but to a restart until a snapshot is taken above it.
    pub fn sound_from(&self) -> Offset {
        self.core.marks.sound()
    }

    /// Everything below is on the disk.
    pub fn durable(&self) -> Offset {
        self.core.marks.durable()
    }

    /// Everything below may be read and replied to.
    pub fn sealed(&self) -> Offset {
        self.core.marks.sealed()
    }

    /// Everything below has been appended.
    pub fn written(&self) -> Offset {
        self.core.marks.written()
    }

    /// Waits until everything below `offset` is durable, asking for it if need be.
    pub async fn durable_at(&self, offset: Offset) -> Result<(), SyncFailed> {
        if self.durable() < offset {
            self.core.sync.request(offset);
        }
        self.core.marks.durable_at(offset).await
    }

    /// Waits until `durable` reaches `offset` in its own time, without asking for it.
    pub async fn becomes_durable_at(&self, offset: Offset) -> Result<(), SyncFailed> {
        self.core.marks.durable_at(offset).await
    }

    /// Blocks until everything below `offset` is durable, asking for it if need be.
    pub fn block_until_durable_at(&self, offset: Offset) -> Result<(), SyncFailed> {
        if self.durable() >= offset { Ok(()) } else { self.core.sync_to(offset) }
    }

    /// Makes everything below `offset` durable on the calling thread; one sync serves all who wait.
    pub fn sync_through(&self, offset: Offset) -> Result<(), SyncFailed> {
        if self.durable() >= offset { Ok(()) } else { self.core.sync_through(offset) }
    }

    /// Waits until everything below `offset` is sealed.
    pub async fn sealed_at(&self, offset: Offset) {
        self.core.marks.sealed_at(offset).await;
    }

    /// Blocks until `offset` is sealed or the deadline passes; tells whether it is.
    pub fn block_until_sealed_at(&self, offset: Offset, deadline: Option<Instant>) -> bool {
        self.core.marks.block_until_sealed_at(offset, deadline)
    }

    /// Waits for the failure after which nothing more becomes durable and the server must stop.
    pub async fn failed(&self) -> SyncFailed {
        self.core.marks.failed().await
    }

    /// Asks for what is sealed now to become durable soon.
    pub fn request_sync(&self) {
        self.core.sync.request(self.sealed());
    }

    /// Changes when the log is made durable, from now on.
    pub fn set_sync_policy(&self, policy: SyncPolicy) {
        self.core.sync.set_policy(policy);
    }

    /// Says whether somebody waits to send durable bytes: if so, syncs follow each other closely.
    pub fn set_eager(&self, eager: bool) {
        self.core.sync.set_eager(eager);
    }

    /// Places a cursor at `offset`.
    pub fn reader(&self, offset: Offset) -> Result<Reader, ReadError> {
        Reader::new(Arc::clone(&self.core), offset)
    }

    /// Whether a write of ordinary size may go ahead. One atomic load, unless space is short.
    pub fn admission(&self) -> Result<(), NoSpace> {
        self.core.supply.admission(&self.core)
    }

    /// Whether [`Self::admission`] would have to wait for room, or refuse; one load.
    pub fn is_short(&self) -> bool {
        self.core.supply.is_short()
    }

    /// Whether a unit of `bytes` has room wherever [`Self::admission`] lets it pass; a larger one needs
    /// [`Self::secure`].
    pub fn is_ordinary(&self, bytes: u64) -> bool {
        bytes <= self.core.options.reserve_bytes()
    }

    /// Blocks until there is certainly room for a unit of `bytes`, as long as the result is kept.
    pub fn secure(&self, bytes: u64) -> Result<Secured, NoSpace> {
        Supply::secure(&self.core, bytes)
    }

    /// Retires the segments wholly below `horizon`, as far as they are durable; never the tail.
    ///
    /// Names are removed on a helper thread; readers keep what they have.
    pub fn retire_to(&self, horizon: Offset) {
        let retired = self.core.segments.take_below(horizon.min(self.durable()));
        if let Some(first) = self.core.segments.first() {
            self.core.marks.raise_start(first.base());
        }
        if !retired.is_empty() {
            let seqs = retired.iter().map(|segment| segment.header.seq);
            self.core.supply.remove(&self.core, seqs);
        }
    }

    /// Counts the segment files in use.
    pub fn segments(&self) -> usize {
        self.core.segments.extent().0
    }

    /// Counts the bytes of the files in use.
    pub fn file_bytes(&self) -> u64 {
        self.core.segments.extent().1
    }

    /// Counts the bytes of the files that are mapped, whether in memory or not.
    pub fn mapped_bytes(&self) -> u64 {
        self.core.segments.mapped_bytes()
    }

    /// How many milliseconds the log reaches back, by the wall clock; at least.
    pub fn covered_ms(&self) -> u64 {
        let first = self.core.segments.first();
        first.map_or(0, |segment| now_ms().saturating_sub(segment.header.created_ms))
    }

    /// When the byte at `offset` was sealed, in milliseconds since 1970; never later than it was.
    ///
    /// `None` if it is not sealed yet, or no longer there. Reads a few frames, maybe from the disk.
    pub fn sealed_ms(&self, offset: Offset) -> Option<u64> {
        age::sealed_ms(&*self.core.segments.containing(offset)?, offset)
    }

    /// The files in use, oldest first.
    pub fn extents(&self) -> Vec<Extent> {
        let all = self.core.segments.overlapping(Offset::ZERO, Offset(u64::MAX));
        let extent = |segment: &Arc<Segment>| Extent {
            base: segment.header.base,
            begun_ms: segment.header.created_ms,
            file_bytes: segment.occupied,
        };
        all.iter().map(extent).collect()
    }

    /// How the syncs went.
    pub fn sync_statistics(&self) -> SyncStatistics {
        self.core.sync.statistics()
    }
}
