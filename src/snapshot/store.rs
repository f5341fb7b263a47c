//! The directory's snapshot file: written aside, published in one durable step, recognised later.
//!
//! A published snapshot carries the name of directive `dbfilename`, since the backup scripts of
//! Redis users copy that file. Other programs may therefore put another file in its place; so the
//! manifest records size and checksum, and a file that differs is not taken for the snapshot.
//!
//! Publishing is a redo: the manifest is switched first, naming both the file written aside and the
//! name it is to have, then comes the rename. A crash before the switch leaves the old snapshot and
//! the old manifest; a crash after it leaves the new manifest and the new file under either name,
//! and [`SnapshotStore::open`] finishes the rename. At no moment does the manifest name a snapshot
//! that is not there, and the old one is not replaced before the new one counts.
//!
//! A snapshot being sent is not disturbed by the next: the open file outlives its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::directory::{Directory, FileError};
use super::manifest::{Manifest, ManifestFile, SnapshotMeta};
use super::rdb::{Finished, format};
use crate::position::Offset;

const OWN_PREFIX: &str = "backlogd";
const STAGED_SUFFIX: &str = ".rdb.tmp";
const FILE_NAME_BYTES_MAX: usize = 255;
const CHECKSUM_BYTES: u64 = 8;
/// After so many bytes a snapshot under way is synced: at its end little is left to be written, and
/// no sync of the log waits behind hundreds of megabytes.
const SYNC_STEP_BYTES: usize = 4 << 20;

/// Why a snapshot cannot be written, published or opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The name cannot be a snapshot's.
    #[error(
        "{name:?} cannot be a snapshot's file name: it must be a plain name and not begin with {OWN_PREFIX:?}"
    )]
    FileName {
        /// The name.
        name: String,
    },
    /// The snapshot that the manifest names is not there.
    #[error("the snapshot {} that the manifest names is missing", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file under the snapshot's name is another one.
    #[error(
        "{} is not the snapshot that the manifest names: {difference}. To start from this file, move \
         the manifest and the log out of the directory",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How one can tell.
        difference: Difference,
    },
}

/// What tells a file from the snapshot that the manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The sizes differ.
    #[error("it has {found} bytes instead of {expected}")]
    Size {
        /// The snapshot's size.
        expected: u64,
        /// The file's.
        found: u64,
    },
    /// The checksums differ.
    #[error("its checksum is {found:016x} instead of {expected:016x}")]
    Checksum {
        /// The snapshot's checksum.
        expected: u64,
        /// The file's.
        found: u64,
    },
}

/// Writes, publishes and opens the snapshots of one directory.
#[derive(Debug)]
pub struct SnapshotStore {
    directory: Arc<Directory>,
    /// Tells apart files that are written aside at the same time.
    serial: AtomicU64,
}

impl SnapshotStore {
    /// Serves `directory`, after removing what earlier runs left half-written.
    ///
    /// A file that the manifest names is not left over, even under the name it was written by.
    pub fn new(directory: Arc<Directory>, manifest: Option<&Manifest>) -> Result<Self, StoreError> {
        let named = manifest.and_then(|manifest| manifest.snapshot.as_ref());
        remove_left_over(&directory, named.map(|meta| meta.staged.as_str()))?;
        Ok(Self { directory, serial: AtomicU64::new(0) })
    }

    /// Begins a snapshot of the state at `offset`, in a file aside.
    pub fn begin(&self, offset: Offset, stream_db: u64) -> Result<Pending, StoreError> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let name = format!("{OWN_PREFIX}-{offset}-{serial}{STAGED_SUFFIX}");
        let path = self.directory.path().join(&name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(FileError::new("create", &path))?;
        let directory = Arc::clone(&self.directory);
        let staged = Staged { path, directory };
        Ok(Pending { file, staged, name, offset, stream_db, unsynced_bytes: 0 })
    }

    /// Opens the snapshot `meta` describes, and finishes its publication if that was cut short.
    ///
    /// Where the name cannot be given still, as to a file that something is mounted on, it is read by
    /// the name that it has.
    pub fn open(&self, meta: &SnapshotMeta) -> Result<Snapshot, StoreError> {
        let path = self.directory.path().join(&meta.file);
        let staged = self.directory.path().join(&meta.staged);
        // The name aside comes first: while it exists, the other name still has the older snapshot.
        if let Ok(snapshot) = open_matching(&staged, meta) {
            if let Err(error) = self.directory.rename(&staged, &path) {
                tracing::warn!(%error, "the snapshot keeps the name that it was written under");
            }
            return Ok(snapshot);
        }
        open_matching(&path, meta)
    }
}

/// Tells whether `name` may be a snapshot's: a plain name that is not one of the server's own.
pub fn check_file_name(name: &str) -> Result<(), StoreError> {
    let plain = !name.is_empty()
        && name.len() <= FILE_NAME_BYTES_MAX
        && !name.contains(['/', '\0'])
        && !matches!(name, "." | "..")
        && !name.starts_with(OWN_PREFIX);
    if plain { Ok(()) } else { Err(StoreError::FileName { name: name.to_owned() }) }
}

/// A snapshot being written; its bytes go through [`Write`]. Dropped, it is removed.
#[derive(Debug)]
pub struct Pending {
    file: File,
    staged: Staged,
    name: String,
    offset: Offset,
    stream_db: u64,
    unsynced_bytes: usize,
}

impl Pending {
    /// Opens what is written so far, to be read by position.
    pub fn reader(&self) -> Result<File, StoreError> {
        self.file
            .try_clone()
            .map_err(FileError::new("duplicate", &self.staged.path))
            .map_err(Into::into)
    }

    /// Writes without the syncs in between that a [`Write`] makes: whoever writes must not wait.
    pub fn write_unsynced(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Notes the database that the stream has selected behind it, which its contents tell.
    pub fn set_stream_db(&mut self, database: u64) {
        self.stream_db = database;
    }

    /// Makes the bytes durable; the snapshot is whole, but nothing names it yet.
    ///
    /// `finished` tells what the bytes should be: from the encoder that wrote them or, when they came
    /// from a primary, from the decoder that has read them. `file_name` is the name it is to have.
    pub fn seal(self, finished: Finished, file_name: &str) -> Result<Sealed, StoreError> {
        check_file_name(file_name)?;
        self.file.sync_all().map_err(FileError::new("sync", &self.staged.path))?;
        self.staged.directory.sync()?;
        let meta = SnapshotMeta {
            file: file_name.to_owned(),
            staged: self.name,
            offset: self.offset,
            stream_db: self.stream_db,
            bytes: finished.bytes,
            checksum: finished.checksum,
            rdb_version: finished.version,
        };
        check_file(&self.file, &self.staged.path, &meta)?;
        Ok(Sealed { file: self.file, staged: self.staged, meta })
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.unsynced_bytes += count;
        if self.unsynced_bytes >= SYNC_STEP_BYTES {
            self.file.sync_data()?;
            self.unsynced_bytes = 0;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A durable snapshot that nothing names yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Sealed {
    file: File,
    staged: Staged,
    meta: SnapshotMeta,
}

impl Sealed {
    /// Describes it.
    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Makes it the directory's snapshot, together with the other changes in `change`.
    ///
    /// A snapshot counts as sent bytes: the caller has waited until the log is durable up to its
    /// offset, unless the snapshot begins a new log (R3). After an error of the manifest, which may be
    /// the new one, the file stays wherever it may be named; after one of the last step the snapshot
    /// keeps the name aside, until the next one takes its place.
    pub fn publish(
        self,
        manifest: &mut ManifestFile,
        change: impl FnOnce(&mut Manifest),
    ) -> Result<Snapshot, StoreError> {
        // From here on the manifest may name the file, so it is no longer removed when dropped.
        let (path, directory) = self.staged.keep();
        let meta = self.meta;
        let before = manifest.current().snapshot.as_ref().map(|before| before.staged.clone());
        let updated = manifest.update(|manifest| {
            change(manifest);
            manifest.snapshot = Some(meta.clone());
        });
        if let Err(error) = updated {
            if manifest.is_what_the_file_says() {
                // Nothing names it, and the next attempt writes another.
                let _ = fs::remove_file(&path);
            }
            return Err(error.into());
        }
        // The last one may not have got its name; it would lie there for ever.
        if let Some(before) = before.filter(|before| *before != meta.staged) {
            let _ = fs::remove_file(directory.path().join(before));
        }
        directory.rename(&path, &directory.path().join(&meta.file))?;
        Ok(Snapshot { file: Arc::new(self.file), meta })
    }
}

/// A file aside, removed when dropped.
#[derive(Debug)]
struct Staged {
    path: PathBuf,
    directory: Arc<Directory>,
}

impl Staged {
    fn keep(mut self) -> (PathBuf, Arc<Directory>) {
        (std::mem::take(&mut self.path), Arc::clone(&self.directory))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a half-written snapshot stays");
        }
    }
}

/// An open snapshot, which stays readable whatever happens to its name.
#[derive(Clone, Debug)]
pub struct Snapshot {
    file: Arc<File>,
    meta: SnapshotMeta,
}

impl Snapshot {
    /// Describes it.
    pub fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Returns the file, to be read by position only: its cursor is shared.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Reads it from the start, independently of other readers.
    pub fn reader(&self) -> SnapshotReader {
        SnapshotReader { file: Arc::clone(&self.file), at: 0 }
    }

    /// Checks that the contents were the ones the manifest names, given the checksum they had.
    ///
    /// Decoding verifies the checksum at the file's end; where that is omitted, only this tells.
    pub fn check_contents(&self, found: u64) -> Result<(), StoreError> {
        let expected = self.meta.checksum;
        if found == expected {
            return Ok(());
        }
        let difference = Difference::Checksum { expected, found };
        Err(StoreError::Foreign { path: PathBuf::from(&self.meta.file), difference })
    }
}

/// Reads a [`Snapshot`] from start to end.
#[derive(Debug)]
pub struct SnapshotReader {
    file: Arc<File>,
    at: u64,
}

impl Read for SnapshotReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

fn open_matching(path: &Path, meta: &SnapshotMeta) -> Result<Snapshot, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(FileError::new("open", path)(error).into()),
    };
    check_file(&file, path, meta)?;
    Ok(Snapshot { file: Arc::new(file), meta: meta.clone() })
}

/// Compares the size and the checksum at the end.
///
/// Zero there means that it is omitted, and files of early versions end without one: such a file is
/// told from another of the same size by its contents alone, see [`Snapshot::check_contents`].
fn check_file(file: &File, path: &Path, meta: &SnapshotMeta) -> Result<(), StoreError> {
    let foreign = |difference| StoreError::Foreign { path: path.to_owned(), difference };
    let found = file.metadata().map_err(FileError::new("examine", path))?.len();
    if found != meta.bytes {
        return Err(foreign(Difference::Size { expected: meta.bytes, found }));
    }
    let mut header = [0; format::HEADER_BYTES];
    file.read_exact_at(&mut header, 0).map_err(FileError::new("read", path))?;
    if format::version_in(header).is_some_and(|version| version < format::VERSION_CHECKSUM_MIN) {
        return Ok(());
    }
    let mut end = [0; CHECKSUM_BYTES as usize];
    let at = found.saturating_sub(CHECKSUM_BYTES);
    file.read_exact_at(&mut end, at).map_err(FileError::new("read", path))?;
    let found = u64::from_le_bytes(end);
    if found == meta.checksum || found == 0 {
        return Ok(());
    }
    Err(foreign(Difference::Checksum { expected: meta.checksum, found }))
}

fn remove_left_over(directory: &Directory, keep: Option<&str>) -> Result<(), StoreError> {
    let path = directory.path();
    for entry in fs::read_dir(path).map_err(FileError::new("list", path))? {
        let entry = entry.map_err(FileError::new("list", path))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_staged = name.starts_with(OWN_PREFIX) && name.ends_with(STAGED_SUFFIX);
        if is_staged && keep != Some(name) {
            fs::remove_file(entry.path()).map_err(FileError::new("remove", &entry.path()))?;
            tracing::info!(file = name, "removed a half-written snapshot");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
