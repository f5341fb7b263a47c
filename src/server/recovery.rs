//! Starting: which data, which log, which history; and telling what was decided and why.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::config::settings::BacklogFeed;
use crate::log::{
    Cut, Examined, Expectation, Log, OnCorruption, OpenError, Opened, Options, Recovered,
    RecoveryError, StorageError, Writer,
};
use crate::position::{Offset, Replid};
use crate::replication::identity::{self, DurableBytes, Identity};
use crate::replication::lineage::Lineage;
use crate::replication::stream::Stream;
use crate::snapshot::{
    BootIdentity, FeedsSeen, FileError, LogFiles, Manifest, ManifestError, ManifestFile, Role,
    RunState, Snapshot, SnapshotStore, StoreError,
};

use super::Server;
use super::beginning;
use super::clock::unix_ms;
use super::damaged;
use super::failure;
use super::load::{self, Loaded};
use super::replay::{self, Replayed, Stretch};
use super::restore::RestoreError;
use super::saving::{self, SaveError};

/// Why the server cannot start on this directory.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The snapshot cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be opened.
    #[error("{source}{}", force_hint(source))]
    Log {
        /// The reason.
        #[from]
        source: OpenError,
    },
    /// The log's directory cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The log cannot be replayed.
    #[error(transparent)]
    Replay(#[from] RestoreError),
    /// The snapshot cannot be loaded.
    #[error("cannot load {}: {source}", path.display())]
    Load {
        /// The snapshot.
        path: PathBuf,
        /// The reason.
        source: RestoreError,
    },
    /// The file to be imported goes on behind the RDB data.
    #[error(
        "{}: {bytes} bytes follow the end of the RDB data at byte {end}. It may be an append-only \
         file that begins with a snapshot: its commands would be lost. If they are of no use, cut \
         them off: truncate -s {end} {}",
        path.display(),
        path.display()
    )]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Where the RDB data end.
        end: u64,
        /// How many bytes follow.
        bytes: u64,
    },
    /// There is a log, and nothing that says what it belongs to.
    #[error(
        "{directory} holds log segments but no manifest: it is not the data of a server that was shut down or crashed; restore backlogd.manifest beside them, or name an empty directory"
    )]
    Orphaned {
        /// The directory.
        directory: String,
    },
    /// The log ends before the snapshot.
    #[error(
        "the log ends at {end}, before the snapshot at {snapshot}: bytes that were durable are missing"
    )]
    ShortOfSnapshot {
        /// The end of the log.
        end: Offset,
        /// The snapshot's offset.
        snapshot: Offset,
    },
}

fn force_hint(error: &OpenError) -> &'static str {
    match error {
        OpenError::Recovery(RecoveryError::Corrupt { .. }) => {
            ". Nothing was changed. Restore the file from a replica or a backup; or start with \
             --backlog-force-recovery yes, which cuts the log there, loses what lies beyond and \
             makes replicas resynchronise"
        }
        _ => "",
    }
}

/// What was recovered, for the start-up report.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) loaded: Option<(Loaded, Offset)>,
    pub(super) replayed: Replayed,
    pub(super) cut: Option<String>,
    pub(super) unsealed: u64,
    pub(super) identity: String,
}

/// Restores data, log and history, and opens the server for clients.
pub fn start(server: &Arc<Server>) -> Result<(), StartError> {
    let began = Instant::now();
    let path = server.directory.path();
    let found = Manifest::load(path).map_err(StartError::from);
    let resumed = match found {
        Ok(None) => None,
        Ok(Some(mut manifest)) => {
            manifest.sync_failed |= failure::is_marked(path)?;
            Some(resume(server, manifest))
        }
        Err(error) => Some(Err(error)),
    };
    let report = match resumed {
        Some(Ok(report)) => report,
        Some(Err(error)) => {
            damaged::set_aside(server, error)?;
            beginning::begin(server)?
        }
        None => beginning::begin(server)?,
    };
    let Some(stream) = server.stream() else { unreachable!("it was set by either way") };
    let log = stream.log();
    server.live.set_loading(false);
    if let Some((loaded, at)) = report.loaded {
        tracing::info!(keys = loaded.keys, offset = %at, "snapshot loaded");
    }
    if report.replayed.bytes > 0 {
        let (commands, bytes) = (report.replayed.commands, report.replayed.bytes);
        tracing::info!(commands, bytes, "log replayed");
    }
    if let Some(cut) = report.cut {
        tracing::warn!("{cut}");
    }
    if report.unsealed > 0 {
        let bytes = report.unsealed;
        tracing::info!(bytes, "cut off what no seal covers: it had not become durable");
    }
    let keys: usize =
        (0..server.keyspace.databases()).map(|db| server.keyspace.keys_count(db)).sum();
    tracing::info!(
        directory = %path.display(),
        keys,
        start = %log.first(),
        end = %log.sealed(),
        took_ms = began.elapsed().as_millis() as u64,
        "recovered"
    );
    tracing::info!(replid = %server.replid(), "{}", report.identity);
    Ok(())
}

/// Goes on in a directory with a history.
fn resume(server: &Arc<Server>, manifest: Manifest) -> Result<Report, StartError> {
    let boot = server.boot_identity()?;
    let store = SnapshotStore::new(Arc::clone(&server.directory), Some(&manifest))?;
    let newest = manifest.snapshot.as_ref().map(|meta| store.open(meta)).transpose()?;
    let examined = examine_log(server, &manifest, &boot)?;
    let end = examined.as_ref().map_or(manifest.log.first, |log| log.recovered().end);
    let mut report = Report::default();
    let from = match &manifest.snapshot {
        Some(meta) if meta.offset > end => {
            return Err(StartError::ShortOfSnapshot { end, snapshot: meta.offset });
        }
        Some(meta) => meta.offset,
        None => manifest.log.first,
    };
    // What may prove to be unreadable is read before the log is changed in any way.
    let mut locked = server.keyspace.lock_all();
    if let Some(snapshot) = &newest {
        let loaded = load_snapshot(server, &mut locked, snapshot)?;
        report.loaded = Some((loaded, snapshot.meta().offset));
    }
    let opened = open_log(server, &manifest, examined, &boot)?;
    let stream_db = manifest.snapshot.as_ref().map_or(0, |meta| meta.stream_db as usize);
    let reader = opened.log.reader(from).map_err(RestoreError::from)?.trusting();
    let stretch = Stretch { reader, to: end, database: stream_db };
    report.replayed = replay(server, &mut locked, stretch)?;
    drop(locked);
    server.saving.begin_with(newest);
    report.cut = opened.recovered.cut.as_ref().map(describe_cut);
    report.unsealed = opened.recovered.unsealed;
    let (lineage, told) = settle_identity(server, &manifest, &opened, &boot);
    report.identity = told;
    let file = ManifestFile::resume(Arc::clone(&server.directory), manifest);
    let Opened { log, mut writer, .. } = opened;
    writer.set_replid(lineage.current());
    let stream = stream_of(server, writer, log, report.replayed.database);
    open_for_clients(server, file, store, lineage, stream, &boot)?;
    server.begin_doubt();
    Ok(report)
}

fn describe_cut(cut: &Cut) -> String {
    let (bytes, path) = (cut.bytes, cut.path.display());
    if cut.was_durable {
        format!("as forced, at least {bytes} durable bytes were cut off behind {path}")
    } else {
        format!("a torn tail of at least {bytes} bytes was cut off behind {path}")
    }
}

/// Reads the log; none if the first start was cut short before it was created.
fn examine_log(
    server: &Server,
    manifest: &Manifest,
    boot: &BootIdentity,
) -> Result<Option<Examined>, StartError> {
    let first = manifest.log.first;
    if manifest.log.files == LogFiles::GivenUp {
        return Ok(None);
    }
    let never_used = manifest.run == RunState::Clean { end: first }
        && manifest.durable_floor == first
        && manifest.snapshot.as_ref().is_none_or(|meta| meta.offset == first);
    let force = server.settings().backlog_force_recovery;
    let is_own = manifest.directory == server.directory.id();
    let expectation = Expectation {
        durable_floor: Some(manifest.known_durable()),
        needed_from: Some(manifest.needed_from()),
        // What the page cache held is no evidence for a copy: it may be of another moment.
        boot_id: if is_own { boot_number(boot) } else { [0; 16] },
        on_corruption: if force { OnCorruption::Cut } else { OnCorruption::Refuse },
    };
    match Log::examine(&server.log_dir(), &expectation) {
        Err(OpenError::Recovery(RecoveryError::Empty(_)) | OpenError::Storage(_)) if never_used => {
            Ok(None)
        }
        examined => Ok(Some(examined?)),
    }
}

/// Opens the log that was found, or creates it.
fn open_log(
    server: &Server,
    manifest: &Manifest,
    examined: Option<Examined>,
    boot: &BootIdentity,
) -> Result<Opened, StartError> {
    let options = options(server, manifest.replid, boot);
    if let Some(examined) = examined {
        return Ok(examined.open(&options)?);
    }
    let (log_dir, first) = (server.log_dir(), manifest.log.first);
    if log_dir.exists() {
        Log::remove_all(&log_dir)?;
    }
    let (log, writer) = Log::create(&log_dir, first, &options)?;
    let recovered = Recovered {
        start: first,
        end: first,
        durable_floor: first,
        cut: None,
        unsealed: 0,
        segments: 1,
        was_clean: true,
        same_boot: true,
        healed: 0,
    };
    Ok(Opened { log, writer, recovered })
}

pub(super) fn options(server: &Server, replid: Replid, boot: &BootIdentity) -> Options {
    let settings = server.settings();
    let mut options = Options::new(replid);
    options.segment_bytes = settings.backlog_segment_size;
    options.sync = super::sync_policy(settings.appendfsync);
    options.boot_id = boot_number(boot);
    options
}

/// Names the boot and the mount in sixteen bytes: equal ones mean that the page cache survived.
fn boot_number(boot: &BootIdentity) -> [u8; 16] {
    let text = format!("{} {:?}", boot.boot_id, boot.mount_id);
    let mut number = [0; 16];
    let digest = sha1_smol::Sha1::from(text).digest().bytes();
    number.copy_from_slice(&digest[..16]);
    number
}

fn load_snapshot(
    server: &Server,
    locked: &mut crate::keyspace::Locked<'_>,
    snapshot: &Snapshot,
) -> Result<Loaded, StartError> {
    let meta = snapshot.meta();
    server.loading.begin(meta.bytes);
    let progress = |at| server.loading.at(at);
    let data = (&server.keyspace, &server.scripts);
    let loaded =
        load::load(locked, data, snapshot.reader(), meta.bytes, progress).map_err(|source| {
            let path = server.directory.path().join(&meta.file);
            StartError::Load { path, source }
        })?;
    snapshot.check_contents(loaded.checksum)?;
    server.scripts.libraries().replace(Arc::clone(&loaded.libraries));
    server.loading.found(loaded.keys);
    Ok(loaded)
}

fn replay(
    server: &Server,
    locked: &mut crate::keyspace::Locked<'_>,
    stretch: Stretch,
) -> Result<Replayed, RestoreError> {
    let (from, to) = (stretch.reader.at(), stretch.to);
    let (database, databases) = (stretch.database, server.keyspace.databases());
    if from < to && database >= databases {
        return Err(RestoreError::LogDatabase { database: database as u64, at: from, databases });
    }
    server.loading.begin(to.since(from));
    let progress = |at: Offset| server.loading.at(at.since(from));
    replay::replay(locked, &server.keyspace, server, stretch, progress)
}

/// Whose history this run goes on with.
fn role(server: &Server) -> Role {
    if server.settings().following.primary.is_some() { Role::Replica } else { Role::Primary }
}

/// The stream of a log that was opened, with `database` selected at its end.
pub(super) fn stream_of(server: &Server, writer: Writer, log: Log, database: usize) -> Stream {
    match role(server) {
        Role::Primary => Stream::new(writer, log),
        Role::Replica => Stream::following(writer, log, database),
    }
}

/// Decides whether the replid stays, and says why.
fn settle_identity(
    server: &Server,
    manifest: &Manifest,
    opened: &Opened,
    boot: &BootIdentity,
) -> (Lineage, String) {
    let end = opened.recovered.end;
    let forced = opened.recovered.cut.as_ref().is_some_and(|cut| cut.was_durable);
    let recovered = identity::Recovered {
        end,
        durable_bytes: if forced { DurableBytes::Cut } else { DurableBytes::Kept },
        boot,
        directory: server.directory.id(),
        role: role(server),
    };
    let mut lineage = Lineage::from_manifest(manifest);
    lineage.keep(server.settings().backlog_lineage_size);
    match identity::decide(manifest, &recovered) {
        Identity::Keep(reason) => (lineage, format!("the replid is kept: {reason}")),
        Identity::Rotate(reason) => {
            let old = lineage.current();
            let shared = identity::shared_up_to(manifest, &recovered);
            lineage.rotate(Replid::random(), shared);
            let told =
                format!("the replid is new: {reason}; replicas of {old} continue up to {shared}");
            (lineage, told)
        }
    }
}

/// Records the run in the manifest, and only then lets anybody write.
pub(super) fn open_for_clients(
    server: &Arc<Server>,
    mut file: ManifestFile,
    store: SnapshotStore,
    lineage: Lineage,
    stream: Stream,
    boot: &BootIdentity,
) -> Result<(), StartError> {
    let durable = stream.log().durable();
    let feeds = match server.settings().backlog_feed {
        BacklogFeed::Durable => FeedsSeen::DurableOnly,
        BacklogFeed::Sealed => FeedsSeen::Sealed,
    };
    let id = server.directory.id();
    file.update(|manifest| {
        lineage.record(manifest);
        manifest.log.files = LogFiles::Own;
        // Even before it has heard of its primary: that the last run may have lost bytes it had sent
        // is nowhere else from here on.
        manifest.role = role(server);
        manifest.run = RunState::Running { boot: boot.clone(), feeds };
        manifest.sync_failed = false;
        manifest.directory = id;
        manifest.durable_floor = durable;
    })?;
    failure::unmark(server.directory.path())?;
    *server.manifest.lock() = Some(file);
    *server.identity.lock() = lineage;
    server.open(stream, store);
    Ok(())
}

/// `DEBUG RELOAD`: writes a snapshot, forgets the data and loads it again.
pub fn reload(server: &Arc<Server>) -> Result<(), ReloadError> {
    saving::save(server)?;
    replay_again(server)
}

/// `DEBUG LOADAOF`: forgets the data and restores it from the newest snapshot and the log.
pub fn replay_again(server: &Arc<Server>) -> Result<(), ReloadError> {
    let stream = server.stream().ok_or(SaveError::Loading)?;
    let mut locked = server.keyspace.lock_all();
    if let Err(error) = restore(server, &stream, &mut locked) {
        // The data in memory is no longer what the log says.
        server.fail("cannot restore the data", &error);
    }
    Ok(())
}

/// Makes the data what snapshot and log say; every shard is held.
pub fn restore(
    server: &Server,
    stream: &Stream,
    locked: &mut crate::keyspace::Locked<'_>,
) -> Result<(), StartError> {
    let end = stream.seal();
    let store = server.store().expect("there is a stream, so there is a store");
    let (first, snapshot) = {
        let manifest = server.manifest.lock();
        let manifest = manifest.as_ref().expect("there is a stream, so there is a manifest");
        let current = manifest.current();
        // Under the lock: another snapshot may take the name of this one at any time.
        let opened = current.snapshot.as_ref().map(|meta| store.open(meta)).transpose()?;
        (current.log.first, opened)
    };
    for database in 0..server.keyspace.databases() {
        server.bin.put(Box::new(locked.clear(database)));
    }
    server.scripts.libraries().replace(Arc::default());
    server.hub.invalidate_all(unix_ms());
    server.hub.ring();
    let (mut from, mut database) = (first, 0);
    if let Some(snapshot) = snapshot {
        load_snapshot(server, locked, &snapshot)?;
        (from, database) = (snapshot.meta().offset, snapshot.meta().stream_db as usize);
    }
    let reader = stream.log().reader(from).map_err(RestoreError::from)?;
    replay(server, locked, Stretch { reader, to: end, database })?;
    Ok(())
}

/// Why the data could not be loaded again; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// No snapshot could be taken.
    #[error(transparent)]
    Save(#[from] SaveError),
}

/// Progress of the loading, for `INFO`.
#[derive(Debug, Default)]
pub struct Loading {
    began_ms: std::sync::atomic::AtomicI64,
    total: std::sync::atomic::AtomicU64,
    done: std::sync::atomic::AtomicU64,
    keys: std::sync::atomic::AtomicU64,
}

impl Loading {
    pub(super) fn begin(&self, total: u64) {
        self.began_ms.store(unix_ms(), Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
    }

    pub(super) fn at(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// Notes how many keys the snapshot held.
    pub(super) fn found(&self, keys: u64) {
        self.keys.store(keys, Ordering::Relaxed);
    }

    /// Tells how many keys the snapshot held that was loaded last.
    pub fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    /// Tells when the present loading began, in Unix milliseconds, if anything was ever loaded.
    pub fn began_ms(&self) -> Option<i64> {
        Some(self.began_ms.load(Ordering::Relaxed)).filter(|ms| *ms > 0)
    }

    /// Tells how many bytes are to be loaded and how many are.
    pub fn progress(&self) -> (u64, u64) {
        (self.total.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed))
    }
}
