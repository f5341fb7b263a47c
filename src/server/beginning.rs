//! A start in a directory without a history: the data that lies there is imported, a history begins.
//!
//! 1. The file is read to its end and synced; nothing is written.
//! 2. The manifest is written. It names the file as the snapshot at the beginning of a log that is
//!    still to be created.
//! 3. The log is created.
//! 4. The manifest records the run, and clients may write.
//!
//! Where the power goes before the second step, the next start begins anew; after it, the next start
//! goes on: it loads the same file and creates the log if there is none. So a log without a manifest
//! always is a foreign one. A step that fails takes back those before it.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::log::{Directory as LogDirectory, Log, OpenError, Storage};
use crate::position::{Offset, Replid};
use crate::replication::lineage::Lineage;
use crate::snapshot::manifest::MANIFEST_FILE;
use crate::snapshot::{
    FileError, LogFiles, LogPlace, Manifest, ManifestFile, Role, RunState, SnapshotMeta,
    SnapshotStore,
};

use super::Server;
use super::load::{self, Loaded};
use super::recovery::{Report, StartError, open_for_clients, options, stream_of};

/// Begins a history, with the data of a stock server's dump if there is one.
pub fn begin(server: &Arc<Server>) -> Result<Report, StartError> {
    let log_dir = server.log_dir();
    if log_dir.exists() && !LogDirectory::open(&log_dir)?.list()?.is_empty() {
        return Err(StartError::Orphaned { directory: log_dir.display().to_string() });
    }
    let imported = import(server)?;
    let manifest = Manifest {
        replid: Replid::random(),
        past: Vec::new(),
        role: Role::Primary,
        run: RunState::Clean { end: Offset::ZERO },
        sync_failed: false,
        directory: server.directory.id(),
        snapshot: imported.as_ref().map(|(meta, _)| meta.clone()),
        durable_floor: Offset::ZERO,
        log: LogPlace { epoch: 1, first: Offset::ZERO, files: LogFiles::Own },
    };
    let loaded = imported.map(|(_, loaded)| loaded);
    let begun = open(server, &manifest, loaded, &log_dir);
    if let Err(error) = &begun
        && let Err(obstacle) = take_back(server, &manifest, error, &log_dir)
    {
        tracing::warn!(error = %obstacle, "the history that was begun stays: a start goes on with it");
    }
    begun
}

/// Creates what `manifest` speaks of, and opens the server for clients.
fn open(
    server: &Arc<Server>,
    manifest: &Manifest,
    loaded: Option<Loaded>,
    log_dir: &Path,
) -> Result<Report, StartError> {
    let replid = manifest.replid;
    let boot = server.boot_identity()?;
    let file = ManifestFile::create(Arc::clone(&server.directory), manifest.clone())?;
    let store = SnapshotStore::new(Arc::clone(&server.directory), Some(manifest))?;
    let newest = manifest.snapshot.as_ref().map(|meta| store.open(meta)).transpose()?;
    let (log, writer) = Log::create(log_dir, Offset::ZERO, &options(server, replid, &boot))?;
    let identity = match &manifest.snapshot {
        Some(meta) => format!("a new history begins with the data of {}", meta.file),
        None => "a new history begins".to_owned(),
    };
    let loaded = loaded.map(|loaded| (loaded, Offset::ZERO));
    server.saving.begin_with(newest);
    let stream = stream_of(server, writer, log, 0);
    let mut lineage = Lineage::new(replid);
    lineage.keep(server.settings().backlog_lineage_size);
    open_for_clients(server, file, store, lineage, stream, &boot)?;
    Ok(Report { loaded, identity, ..Report::default() })
}

/// Leaves the directory as it was before a beginning that failed: nobody was served yet.
///
/// The manifest goes last. It says again that the log is still to be created before the log goes, so
/// that a start after a crash in between misses nothing.
fn take_back(
    server: &Server,
    manifest: &Manifest,
    why: &StartError,
    log_dir: &Path,
) -> Result<(), StartError> {
    if matches!(why, StartError::Log { source: OpenError::Exists(_) }) {
        // Somebody else's, who was faster.
        return Ok(server.directory.remove(MANIFEST_FILE)?);
    }
    if Manifest::load(server.directory.path())?.is_some_and(|found| found != *manifest) {
        ManifestFile::create(Arc::clone(&server.directory), manifest.clone())?;
    }
    if log_dir.exists() {
        Log::remove_all(log_dir)?;
    }
    Ok(server.directory.remove(MANIFEST_FILE)?)
}

/// Loads a stock server's dump.
fn import(server: &Server) -> Result<Option<(SnapshotMeta, Loaded)>, StartError> {
    let name = server.dump_name();
    let path = server.directory.path().join(&name);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::new("open", &path)(error).into()),
    };
    let bytes = file.metadata().map_err(FileError::new("examine", &path))?.len();
    tracing::info!(file = %path.display(), bytes, "importing");
    file.sync_all().map_err(FileError::new("sync", &path))?;
    server.loading.begin(bytes);
    let mut locked = server.keyspace.lock_all();
    let progress = |at| server.loading.at(at);
    let data = (&server.keyspace, &server.scripts);
    let loaded = load::load(&mut locked, data, &file, bytes, progress)
        .map_err(|source| StartError::Load { path: path.clone(), source })?;
    if loaded.bytes != bytes {
        // Stock leaves them out in silence. It has another place for files that go on with commands.
        let (end, bytes) = (loaded.bytes, bytes.saturating_sub(loaded.bytes));
        return Err(StartError::Trailing { path, end, bytes });
    }
    server.scripts.libraries().replace(Arc::clone(&loaded.libraries));
    server.loading.found(loaded.keys);
    let meta = SnapshotMeta {
        file: name,
        staged: SnapshotMeta::IMPORTED.to_owned(),
        offset: Offset::ZERO,
        stream_db: 0,
        bytes,
        checksum: loaded.checksum,
        rdb_version: loaded.version,
    };
    Ok(Some((meta, loaded)))
}
