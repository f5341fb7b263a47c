//! What a history has that the one which takes its place has not: kept apart, to be looked at.
//!
//! It is a log of its own, in a directory of its own below `discarded`; `backlogd log dump` reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, BytesMut};

use crate::log::{Directory, Helpers, Log, OpenError, Options, ReadError, SyncPolicy};
use crate::position::{Offset, Replid};
use crate::replication::units::Units;
use crate::server::Server;
use crate::server::clock::unix_ms;
use crate::snapshot::FileError;
use crate::snapshot::directory::sync_directory;

use super::adopt::Incoming;

/// Where they are kept.
const FOLDER: &str = "discarded";
/// How much is copied at once.
const CHUNK_BYTES: usize = 1 << 20;
/// What a segment needs beside the stream: its header, the frames, and room for one more chunk.
const BESIDE_BYTES: u64 = 4 << 20;

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("cannot make {}: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Storage(#[from] crate::log::StorageError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Append(#[from] crate::log::AppendError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Close(#[from] crate::log::CloseError),
}

/// Puts aside what the history that is given up has beyond the place where the two parted, and tells.
pub fn keep_apart(server: &Server, incoming: &Incoming) {
    let Some(stream) = server.stream() else { return };
    let (log, replid) = (stream.log(), server.replid());
    let end = stream.seal();
    let from = incoming.parted.unwrap_or(log.first()).max(log.sound_from()).min(end);
    let bytes = end.since(incoming.parted.unwrap_or(Offset::ZERO));
    if bytes == 0 {
        tracing::info!(%replid, %end, "nothing is given up: the primary has all of this history");
        return;
    }
    server.stats.discarded_from.store(end.0 - bytes, Ordering::Relaxed);
    server.stats.discarded_bytes.store(bytes, Ordering::Relaxed);
    let parted = incoming.parted.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
    let kept = keep(server, log, replid, from);
    if matches!(kept, Ok(Some(_))) {
        prune(&server.directory.path().join(FOLDER), server.settings().backlog_discarded_max_count);
    }
    match kept {
        Ok(Some((path, kept))) => tracing::warn!(
            bytes,
            parted,
            %end,
            %replid,
            kept,
            "the full resync gives up what only this server has; look at it: backlogd log dump {}",
            path.display()
        ),
        Ok(None) => tracing::warn!(
            bytes,
            parted,
            %end,
            %replid,
            "the full resync gives up what only this server has (backlog-discarded-max-size 0 keeps \
             nothing)"
        ),
        Err(error) => tracing::warn!(
            bytes,
            parted,
            %end,
            %replid,
            %error,
            "the full resync gives up what only this server has, and it could not be kept apart"
        ),
    }
}

/// Copies the log from an offset on, as far as the limit allows; tells where and how many bytes.
fn keep(
    server: &Server,
    log: &Log,
    replid: Replid,
    from: Offset,
) -> Result<Option<(PathBuf, u64)>, KeepError> {
    let settings = server.settings();
    let bytes_max = settings.backlog_discarded_max_size;
    if bytes_max == 0 || settings.backlog_discarded_max_count == 0 {
        return Ok(None);
    }
    let end = log.sealed();
    let to = from.advanced(end.since(from).min(bytes_max));
    let name = format!("{}-{}-{from}", unix_ms(), &replid.to_string()[..8]);
    let folder = server.directory.path().join(FOLDER);
    let path = folder.join(name);
    fs::create_dir_all(&path).map_err(|source| KeepError::Folder { path: path.clone(), source })?;
    match copy(log, &path, replid, from, to) {
        Ok(kept) => {
            sync_directory(&folder)?;
            server.directory.sync()?;
            Ok(Some((path, kept)))
        }
        Err(error) => {
            // Half of it would take the place of a whole one that is kept.
            let _ = fs::remove_dir_all(&path);
            Err(error)
        }
    }
}

fn copy(
    log: &Log,
    path: &Path,
    replid: Replid,
    from: Offset,
    to: Offset,
) -> Result<u64, KeepError> {
    let mut options = Options::new(replid);
    options.segment_bytes = to.since(from) + BESIDE_BYTES;
    options.sync = SyncPolicy::Never;
    let storage = Arc::new(Directory::open_or_create(path)?);
    let (_own, mut writer) = Log::create_in(storage, from, &options, Helpers::Inline)?;
    let mut reader = log.reader(from)?;
    let (mut units, mut buffer) = (Units::new(), BytesMut::new());
    while let Some(chunk) = reader.read(to, CHUNK_BYTES)? {
        buffer.extend_from_slice(&chunk);
        // Where it is not what a stream is, it ends.
        let Ok(whole) = units.find(&buffer, usize::MAX) else { break };
        if whole > 0 {
            writer.append(&[&buffer[..whole]])?;
            writer.seal();
            units.taken();
            buffer.advance(whole);
        }
    }
    let kept = writer.close()?.since(from);
    // Before the history it is of gives way, it must be found.
    sync_directory(path)?;
    Ok(kept)
}

/// Removes the oldest beyond so many.
fn prune(folder: &Path, count_max: usize) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut all: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    // Their names begin with the time.
    all.sort();
    let many = all.len().saturating_sub(count_max);
    for old in &all[..many] {
        if let Err(error) = fs::remove_dir_all(old) {
            tracing::warn!(path = %old.display(), %error, "cannot remove an old discarded history");
        }
    }
}
