//! Taking snapshots: one at a time, at one exact offset, published once the log is durable there.

use std::fs::{File, Metadata};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::command::{REDIS_VERSION, stored};
use crate::keyspace::Image;
use crate::log::{Log, SyncFailed};
use crate::position::{Offset, Position, Replid};
use crate::script::functions::{Libraries, Set};
use crate::snapshot::rdb::{EncodeError, Encoder, Preamble, format};
use crate::snapshot::{self, StoreError};

use super::Server;
use super::clock::unix_ms;
use super::priority::give_way;
use super::throttle::{Throttle, Throttled};

/// A log up to this long since the last snapshot is always sent rather than a new snapshot taken.
const WORTH_REPLAYING_BYTES: u64 = 16 * 1024 * 1024;

/// How snapshots go.
#[derive(Debug, Default)]
pub struct Saving {
    turn: Mutex<()>,
    state: Mutex<State>,
    failed: AtomicBool,
    busy: AtomicBool,
    again: AtomicBool,
    /// How many keys the snapshot under way has, and how many are written; zeroes between.
    keys_total: AtomicUsize,
    keys_done: AtomicUsize,
}

/// What `INFO` tells of snapshots.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The newest snapshot.
    pub newest: Option<snapshot::Snapshot>,
    /// When it was completed, in Unix seconds; when the server started if there is none.
    pub last_save_s: i64,
    /// How long the last one took; `None` before the first.
    pub last_took: Option<Duration>,
    /// When the one under way began, in Unix seconds.
    pub began_s: Option<i64>,
    /// When the last attempt was made, in Unix seconds.
    pub last_try_s: i64,
    /// How many were completed.
    pub saves: u64,
}

/// A snapshot to be sent.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The file, to be read by position.
    pub file: Arc<File>,
    /// Its size.
    pub bytes: u64,
    /// The offset it was taken at.
    pub offset: Offset,
}

impl From<&snapshot::Snapshot> for Snapshot {
    fn from(stored: &snapshot::Snapshot) -> Self {
        let meta = stored.meta();
        Self { file: Arc::clone(stored.file()), bytes: meta.bytes, offset: meta.offset }
    }
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The data is still being loaded.
    #[error("the data set is still being loaded")]
    Loading,
    /// The log has failed.
    #[error(transparent)]
    Sync(#[from] SyncFailed),
    /// The file could not be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The file could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread that takes it could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// No file in memory could be had for an empty snapshot.
    #[error("cannot make a file in memory: {0}")]
    Memory(std::io::Error),
}

/// The data set as it was at one offset of the stream.
///
/// All shards are held only while the image is taken; afterwards writers go on, and a partition
/// that is written before it is encoded is copied first.
struct Cut {
    image: Image,
    libraries: Arc<Set>,
    position: Position,
    stream_db: u64,
    changes: u64,
}

impl Cut {
    fn take(server: &Server) -> Result<Self, SaveError> {
        let stream = server.stream().ok_or(SaveError::Loading)?;
        let locked = server.keyspace.lock_all();
        // What is in memory then is not what the log says: a resync has made room, or restores.
        if server.live.is_loading() {
            return Err(SaveError::Loading);
        }
        let (offset, database) = stream.cut();
        let image = locked.image();
        let libraries = server.scripts.libraries().current();
        let changes = server.live.changes();
        drop(locked);
        let position = Position { replid: server.replid(), offset };
        // Whatever it says, the next write selects its own.
        let stream_db = database.unwrap_or(0) as u64;
        Ok(Self { image, libraries, position, stream_db, changes })
    }

    fn keys(&self) -> usize {
        let databases = 0..self.image.databases();
        databases.map(|database| self.image.counts(database).keys).sum()
    }

    fn encode<W: Write>(
        mut self,
        encoder: &mut Encoder<W>,
        done: &AtomicUsize,
    ) -> Result<(), EncodeError> {
        encoder.preamble(&preamble(self.position, self.stream_db))?;
        self.libraries.iter().try_for_each(|library| encoder.function(&library.source))?;
        let mut database = None;
        while let Some(part) = self.image.next_part() {
            if database != Some(part.db()) {
                database = Some(part.db());
                let counts = self.image.counts(part.db());
                encoder.select_db(part.db() as u64)?;
                encoder.resize_db(counts.keys as u64, counts.expiring as u64)?;
            }
            let (mut result, mut keys) = (Ok(()), 0);
            part.for_each(|entry| {
                keys += 1;
                if result.is_ok() {
                    result = stored::encode(encoder, &entry);
                }
            });
            result?;
            done.fetch_add(keys, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn preamble(position: Position, stream_db: u64) -> Preamble<'static> {
    Preamble {
        redis_version: REDIS_VERSION,
        created_seconds: (unix_ms() / 1000) as u64,
        used_memory_bytes: crate::admin::memory::memory().allocated,
        position,
        stream_db,
    }
}

impl Saving {
    /// Tells whether the file of the newest one was removed or replaced by somebody else.
    ///
    /// A restart begins with it: without it there is nothing to begin with.
    pub fn is_newest_gone(&self, directory: &Path) -> bool {
        let Some(newest) = self.state.lock().newest.clone() else { return false };
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let named = std::fs::metadata(directory.join(&newest.meta().file)).map(identity);
        newest.file().metadata().map(identity).ok() != named.ok()
    }

    /// Takes note that one more was asked for while another was under way.
    pub fn is_wanted_again(&self) -> bool {
        self.again.swap(false, Ordering::AcqRel)
    }

    /// Tells whether the last attempt failed.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Tells whether one is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Tells how many keys of the snapshot under way are written, and how many it has.
    pub fn progress(&self) -> (usize, usize) {
        (self.keys_done.load(Ordering::Relaxed), self.keys_total.load(Ordering::Relaxed))
    }

    /// Tells how snapshots go.
    pub fn state(&self) -> State {
        self.state.lock().clone()
    }

    /// Waits until no snapshot is under way, and lets none begin as long as the result is kept.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    /// Notes the snapshot that the server started from, and when it started.
    pub fn begin_with(&self, newest: Option<snapshot::Snapshot>) {
        let mut state = self.state.lock();
        state.newest = newest;
        state.last_save_s = unix_ms() / 1000;
    }
}

/// Takes a snapshot and waits for it.
pub fn save(server: &Arc<Server>) -> Result<(), SaveError> {
    let _turn = server.saving.turn.lock();
    take(server).map(|_| ())
}

/// Starts a snapshot on a thread of its own; one more follows if one is under way already.
pub fn start(server: &Arc<Server>) -> std::io::Result<()> {
    let shared = Arc::clone(server);
    server.saving.busy.store(true, Ordering::Relaxed);
    let started = std::thread::Builder::new().name("saving".to_owned()).spawn(move || {
        // Why it failed is in the tracing log, and in INFO that it did.
        let _ = save(&shared);
        while shared.saving.again.swap(false, Ordering::AcqRel) {
            let _ = save(&shared);
        }
    });
    if started.is_err() {
        server.saving.busy.store(false, Ordering::Relaxed);
    }
    started.map(drop)
}

/// Lets one more snapshot follow the one under way: at once, or as soon as the clock sees that it has
/// ended, where that was taken for a replica or a client that waits.
pub fn start_again(server: &Server) {
    server.saving.again.store(true, Ordering::Release);
}

/// Returns a snapshot that a new replica can begin with; takes one only if none serves.
///
/// Replicas that come at the same time wait for the same one.
pub fn for_replica(server: &Arc<Server>) -> Result<Snapshot, SaveError> {
    let _turn = server.saving.turn.lock();
    let stream = server.stream().ok_or(SaveError::Loading)?;
    let log = stream.log();
    let newest = server.saving.state.lock().newest.clone();
    if let Some(newest) = newest
        && is_worth_sending(server, newest.meta(), log)
    {
        return Ok(Snapshot::from(&newest));
    }
    take(server).map(|stored| Snapshot::from(&stored))
}

/// Returns a snapshot of all that is written now, for somebody who will not be sent the rest.
pub fn up_to_date(server: &Arc<Server>) -> Result<Snapshot, SaveError> {
    let wanted = server.stream().ok_or(SaveError::Loading)?.log().sealed();
    let _turn = server.saving.turn.lock();
    let newest = server.saving.state.lock().newest.clone();
    let version = newest_version(server);
    let is_up_to_date =
        |meta: &snapshot::SnapshotMeta| meta.offset >= wanted && meta.serves_replicas(version);
    match newest.filter(|newest| is_up_to_date(newest.meta())) {
        Some(newest) => Ok(Snapshot::from(&newest)),
        None => take(server).map(|stored| Snapshot::from(&stored)),
    }
}

fn is_worth_sending(server: &Server, meta: &snapshot::SnapshotMeta, log: &Log) -> bool {
    let since = log.sealed().since(meta.offset);
    let is_short = since <= WORTH_REPLAYING_BYTES.max(meta.bytes / 2);
    let is_sound = meta.offset >= log.sound_from();
    is_short && is_sound && meta.serves_replicas(newest_version(server))
}

/// The newest version of the format that replicas are sent: all of them read the usual one.
fn newest_version(server: &Server) -> u32 {
    server.settings().writing.rdb_version.max(format::VERSION)
}

/// Makes a snapshot with nothing in it, for a replica that wants the stream alone.
pub fn empty(server: &Arc<Server>) -> Result<Snapshot, SaveError> {
    without_keys(server, |_| Arc::default())
}

/// Makes a snapshot of the libraries of functions, without any key.
pub fn of_functions(server: &Arc<Server>) -> Result<Snapshot, SaveError> {
    without_keys(server, Libraries::current)
}

fn without_keys(
    server: &Server,
    wanted: impl FnOnce(&Libraries) -> Arc<Set>,
) -> Result<Snapshot, SaveError> {
    let stream = server.stream().ok_or(SaveError::Loading)?;
    let locked = server.keyspace.lock_all();
    let (offset, database) = stream.cut();
    let libraries = wanted(server.scripts.libraries());
    drop(locked);
    let file = rustix::fs::memfd_create("empty-snapshot", rustix::fs::MemfdFlags::CLOEXEC)
        .map_err(|errno| SaveError::Memory(errno.into()))?;
    let file = File::from(file);
    let mut encoder = Encoder::new(&file, server.rdb_options())?;
    let position = Position { replid: server.replid(), offset };
    encoder.preamble(&preamble(position, database.unwrap_or(0) as u64))?;
    libraries.iter().try_for_each(|library| encoder.function(&library.source))?;
    let (_, finished) = encoder.finish()?;
    wait_durable(stream.log(), offset)?;
    Ok(Snapshot { file: Arc::new(file), bytes: finished.bytes, offset })
}

/// Takes a snapshot and waits for it; what takes long gives way to the workers. The caller has the
/// turn.
fn take(server: &Arc<Server>) -> Result<snapshot::Snapshot, SaveError> {
    let saving = &server.saving;
    saving.busy.store(true, Ordering::Relaxed);
    let now_s = unix_ms() / 1000;
    {
        let mut state = saving.state.lock();
        (state.began_s, state.last_try_s) = (Some(now_s), now_s);
    }
    let began = Instant::now();
    // All shards are held for the cut: no thread that gives way may do that.
    let taken = Cut::take(server).and_then(|cut| {
        give_way("snapshot", || write(server, cut)).map_err(SaveError::Thread).flatten()
    });
    for keys in [&saving.keys_total, &saving.keys_done] {
        keys.store(0, Ordering::Relaxed);
    }
    let took = began.elapsed();
    let mut state = saving.state.lock();
    state.began_s = None;
    state.last_took = Some(took);
    saving.busy.store(false, Ordering::Relaxed);
    if !matches!(taken, Err(SaveError::Loading)) {
        saving.failed.store(taken.is_err(), Ordering::Relaxed);
    }
    match &taken {
        Ok(stored) => {
            state.last_save_s = unix_ms() / 1000;
            state.saves += 1;
            let meta = stored.meta();
            tracing::info!(offset = %meta.offset, bytes = meta.bytes, took_ms = took.as_millis() as u64, "snapshot saved");
        }
        Err(error) => tracing::warn!(%error, "the snapshot could not be saved"),
    }
    taken
}

fn write(server: &Arc<Server>, cut: Cut) -> Result<snapshot::Snapshot, SaveError> {
    let stream = server.stream().ok_or(SaveError::Loading)?;
    let store = server.store().ok_or(SaveError::Loading)?;
    let (offset, changes) = (cut.position.offset, cut.changes);
    let pending = store.begin(offset, cut.stream_db)?;
    // A value may be all of the data, so the pace is kept within values too.
    let mut throttle = Throttle::new(server);
    let paced = Throttled::new(pending, |bytes| throttle.keep(bytes));
    let mut encoder = Encoder::new(paced, server.rdb_options())?;
    server.saving.keys_total.store(cut.keys(), Ordering::Relaxed);
    cut.encode(&mut encoder, &server.saving.keys_done)?;
    let (paced, finished) = encoder.finish()?;
    let sealed = paced.into_inner().seal(finished, &server.dump_name())?;
    // A snapshot counts as sent bytes: what it holds must never be lost from the log (R3).
    wait_durable(stream.log(), offset)?;
    let stored = {
        let mut manifest = server.manifest.lock();
        let manifest = manifest.as_mut().ok_or(SaveError::Loading)?;
        let durable = stream.log().durable();
        sealed.publish(manifest, |manifest| manifest.durable_floor = durable)?
    };
    server.live.saved(changes);
    let replaced = server.saving.state.lock().newest.replace(stored.clone());
    // To give up the pages of a large file takes long: not under a lock, and not on a busy thread.
    drop(replaced);
    Ok(stored)
}

fn wait_durable(log: &Log, offset: Offset) -> Result<(), SyncFailed> {
    if log.durable() < offset {
        log.request_sync();
        log.block_until_durable_at(offset)?;
    }
    Ok(())
}

/// Makes the mark that ends an RDB sent without its length.
pub fn random_mark() -> String {
    Replid::random().to_string()
}
