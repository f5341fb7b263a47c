//! A replica whose history is damaged sets it aside and begins anew: its primary has all of it (L3).
//!
//! A primary never does so; it refuses to start. Nothing is deleted here either: the files are moved, so
//! that a replica whose primary turns out to be lost still has what can be read of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Settings;
use crate::log::{Directory as LogDirectory, OpenError, RecoveryError, Storage};
use crate::snapshot::directory::sync_directory;
use crate::snapshot::manifest::MANIFEST_FILE;
use crate::snapshot::{FileError, ManifestError, StoreError};

use super::Server;
use super::clock::unix_ms;
use super::recovery::StartError;
use super::restore::RestoreError;

impl StartError {
    /// Tells whether what is on disk is not what was written, or not all of it.
    fn is_damage(&self) -> bool {
        match self {
            Self::Manifest(ManifestError::Unreadable { .. })
            | Self::Store(StoreError::Missing { .. } | StoreError::Foreign { .. })
            | Self::ShortOfSnapshot { .. } => true,
            Self::Log { source: OpenError::Recovery(error) } => {
                !matches!(error, RecoveryError::Storage(_))
            }
            Self::Replay(source) | Self::Load { source, .. } => matches!(
                source,
                RestoreError::Snapshot(_)
                    | RestoreError::Log(_)
                    | RestoreError::Garbled { .. }
                    | RestoreError::Incomplete { .. }
            ),
            _ => false,
        }
    }
}

/// Makes room for a history that is to be had from the primary, if this one is damaged.
///
/// Returns the error where that is none of a replica's business.
pub fn set_aside(server: &Arc<Server>, error: StartError) -> Result<(), StartError> {
    let settings = server.settings();
    if settings.following.primary.is_none() || !error.is_damage() {
        return Err(error);
    }
    let kept = move_away(server, &settings)?;
    tracing::error!(
        %error,
        kept = %kept.display(),
        "the data of this replica is damaged and was set aside; all of it is had from the primary again"
    );
    let mut locked = server.keyspace.lock_all();
    for database in 0..server.keyspace.databases() {
        drop(locked.clear(database));
    }
    Ok(())
}

/// Moves the log, the snapshot and, last of all, the manifest to a directory of their own.
///
/// A crash on the way leaves a manifest without what it names, which is damage again.
fn move_away(server: &Server, settings: &Settings) -> Result<PathBuf, StartError> {
    let name = format!("damaged-{}", unix_ms());
    let data = server.directory.path();
    let (kept, log) = (data.join(&name), server.log_dir());
    make(&kept)?;
    if log.exists() {
        let kept_log = log.join(&name);
        make(&kept_log)?;
        let storage = LogDirectory::open(&log)?;
        for seq in storage.list()? {
            rename(&storage.path(seq), &kept_log)?;
        }
        sync_directory(&kept_log)?;
        sync_directory(&log)?;
    }
    for file in [settings.dbfilename.as_path(), Path::new(MANIFEST_FILE)] {
        let path = data.join(file);
        if path.exists() {
            rename(&path, &kept)?;
            // One after the other: segments without a manifest would be taken for somebody else's.
            sync_directory(&kept)?;
            server.directory.sync()?;
        }
    }
    Ok(kept)
}

fn make(directory: &Path) -> Result<(), FileError> {
    fs::create_dir_all(directory).map_err(FileError::new("create", directory))
}

fn rename(from: &Path, into: &Path) -> Result<(), FileError> {
    let Some(name) = from.file_name() else { return Ok(()) };
    fs::rename(from, into.join(name)).map_err(FileError::new("move", from))
}
