//! The manifest: what the directory holds and which history it is, in one small file.
//!
//! ```text
//! 0   magic  "BKLGMFST"
//! 8   format version   u32 LE
//! 12  payload length   u32 LE
//! 16  crc32 of the 8 bytes before and of the payload   u32 LE
//! 20  payload: bincode, little-endian, integers of fixed width
//! ```
//!
//! It is replaced as a whole: a crash leaves the old or the new one. So a change that spans several
//! facts (a full resync adopted: replid, lineage, snapshot, log) is one durable switch.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::directory::{BootIdentity, Directory, DirectoryId, FileError};
use super::rdb::format;
use crate::position::{Offset, Replid};

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "backlogd.manifest";
/// The format version this build writes. It reads the one before, too.
pub const MANIFEST_VERSION: u32 = 3;
/// The version without roles: only primaries wrote it.
const VERSION_OF_PRIMARIES: u32 = 2;

const MAGIC: &[u8; 8] = b"BKLGMFST";
const HEADER_BYTES: usize = 20;
const PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// What must be known of a directory before its log and snapshot are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The history that is being written.
    pub replid: Replid,
    /// The histories it grew out of, newest first.
    pub past: Vec<Ancestor>,
    /// Whose history it was in the last run.
    pub role: Role,
    /// How the last run ended, or that it has not.
    pub run: RunState,
    /// Whether a sync failed in that run, so that the page cache cannot be trusted.
    pub sync_failed: bool,
    /// The directory the manifest was written in.
    pub directory: DirectoryId,
    /// The snapshot that recovery begins with.
    pub snapshot: Option<SnapshotMeta>,
    /// Up to where the log was known to be durable; it may have been further.
    pub durable_floor: Offset,
    /// Where the log begins.
    pub log: LogPlace,
}

/// A replid of old, and how far the present history agrees with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// The history's name.
    pub replid: Replid,
    /// All bytes before this offset are shared.
    pub ceiling: Offset,
}

/// Whose history a server writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Its own.
    Primary,
    /// That of a primary, which goes on writing it elsewhere.
    Replica,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    /// In order; nothing was appended after `end`.
    Clean {
        /// The end of the log.
        end: Offset,
    },
    /// It has not, or not in order.
    Running {
        /// The boot and mount it ran on.
        boot: BootIdentity,
        /// What replicas may have been sent.
        feeds: FeedsSeen,
    },
}

/// What replicas may have been sent in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedsSeen {
    /// Durable bytes only.
    DurableOnly,
    /// Sealed bytes too, at least for some time.
    Sealed,
}

/// Where a log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlace {
    /// Changes when a log is begun anew, so that files of the one before are told apart.
    pub epoch: u64,
    /// The offset its first segment begins at.
    pub first: Offset,
    /// What lies in its directory.
    pub files: LogFiles,
}

/// What lies in the directory of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFiles {
    /// Its segments.
    Own,
    /// At most those of the history that was given up for this one: the log is still to be created.
    GivenUp,
}

/// A snapshot file and the place in the history it was taken at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// The file's name: directive `dbfilename` when it was published.
    pub file: String,
    /// The name it was written under, and still has if a crash came before the rename.
    pub staged: String,
    /// It contains the effects of all bytes before this offset and of none after.
    pub offset: Offset,
    /// The database that the stream has selected there.
    pub stream_db: u64,
    /// The file's size.
    pub bytes: u64,
    /// The RDB checksum of its contents, whether or not the file holds it.
    pub checksum: u64,
    /// The version of its format.
    pub rdb_version: u32,
}

impl SnapshotMeta {
    /// What `staged` says of a file that another server wrote and no start had to rename.
    pub const IMPORTED: &str = "backlogd-import.tmp";

    /// Tells whether the file can be sent to replicas.
    ///
    /// One that another server wrote, or this one when it was configured otherwise, may be of a version
    /// that they cannot read: `newest` is the newest one that is wanted. And what an imported file says
    /// of a replication stream is about another one.
    #[must_use]
    pub fn serves_replicas(&self, newest: u32) -> bool {
        self.staged != Self::IMPORTED && self.rdb_version <= newest
    }
}

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not a manifest, or only part of one.
    #[error("{} is unreadable: {damage}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The file was written by a version of the server whose format is not known.
    #[error("{} has format version {found}; this server reads up to version {MANIFEST_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in its header.
        found: u32,
    },
}

/// What is wrong with a manifest's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The bytes end before the manifest does.
    #[error("it ends too early")]
    Truncated,
    /// The first bytes are not a manifest's.
    #[error("it is not a manifest")]
    Magic,
    /// The payload would be larger than any manifest.
    #[error("it claims to be larger than a manifest can be")]
    TooLong,
    /// Bytes follow the manifest.
    #[error("bytes follow its end")]
    Trailing,
    /// The checksum is wrong.
    #[error("its checksum is wrong")]
    Checksum,
    /// The payload does not follow the format, though its checksum is right.
    #[error("its payload does not follow the format")]
    Payload,
    /// The format version is another one.
    #[error("its format version is {0}")]
    Version(u32),
}

impl Manifest {
    /// The offset up to which the log is known to have been durable.
    #[must_use]
    pub fn known_durable(&self) -> Offset {
        match self.run {
            RunState::Clean { end } => self.durable_floor.max(end),
            RunState::Running { .. } => self.durable_floor,
        }
    }

    /// The first offset of the log that a start reads.
    #[must_use]
    pub fn needed_from(&self) -> Offset {
        self.snapshot.as_ref().map_or(self.log.first, |meta| meta.offset)
    }

    /// Reads the manifest of a directory; none when there is no such file.
    pub fn load(directory: &Path) -> Result<Option<Self>, ManifestError> {
        let path = directory.join(MANIFEST_FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::new("open", &path)(error).into()),
        };
        let mut bytes = Vec::new();
        let bytes_max = (HEADER_BYTES + PAYLOAD_BYTES_MAX) as u64 + 1;
        file.take(bytes_max).read_to_end(&mut bytes).map_err(FileError::new("read", &path))?;
        match Self::decode(&bytes) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(Damage::Version(found)) => Err(ManifestError::Version { path, found }),
            Err(damage) => Err(ManifestError::Unreadable { path, damage }),
        }
    }

    /// Reads the bytes of a manifest file.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let (header, payload) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or_else(|| {
            let known = bytes.len().min(MAGIC.len());
            if bytes[..known] == MAGIC[..known] { Damage::Truncated } else { Damage::Magic }
        })?;
        if header[..8] != *MAGIC {
            return Err(Damage::Magic);
        }
        let &[_, _, version, length, stored] = header.as_chunks::<4>().0 else {
            return Err(Damage::Truncated);
        };
        let (version, stored) = (u32::from_le_bytes(version), u32::from_le_bytes(stored));
        let length = u32::from_le_bytes(length) as usize;
        // An unknown version may have another layout: nothing behind it means anything here.
        if !(VERSION_OF_PRIMARIES..=MANIFEST_VERSION).contains(&version) {
            return Err(Damage::Version(version));
        }
        if length > PAYLOAD_BYTES_MAX {
            return Err(Damage::TooLong);
        }
        if payload.len() != length {
            let short = payload.len() < length;
            return Err(if short { Damage::Truncated } else { Damage::Trailing });
        }
        if checksum(&header[8..16], payload) != stored {
            return Err(Damage::Checksum);
        }
        if version == VERSION_OF_PRIMARIES {
            decode_payload::<OfPrimaries>(payload).map(Self::from)
        } else {
            decode_payload(payload)
        }
    }

    /// Writes the bytes of a manifest file.
    ///
    /// # Panics
    /// When names and lineage exceed the limit of the format; both are bounded far below it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let payload = bincode::serde::encode_to_vec(self, configuration())
            .expect("a manifest has no part that cannot be encoded");
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "names and lineage are bounded");
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&MANIFEST_VERSION.to_le_bytes());
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        let sum = checksum(&bytes[8..16], &payload);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes.extend_from_slice(&payload);
        bytes
    }
}

fn decode_payload<M: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<M, Damage> {
    let (manifest, used) =
        bincode::serde::decode_from_slice(payload, configuration()).map_err(|_| Damage::Payload)?;
    if used == payload.len() { Ok(manifest) } else { Err(Damage::Payload) }
}

/// The manifest of version 2.
#[derive(Deserialize)]
struct OfPrimaries {
    replid: Replid,
    past: Vec<Ancestor>,
    run: RunState,
    sync_failed: bool,
    directory: DirectoryId,
    snapshot: Option<SnapshotOfPrimaries>,
    durable_floor: Offset,
    log: LogOfPrimaries,
}

#[derive(Deserialize)]
struct SnapshotOfPrimaries {
    file: String,
    staged: String,
    offset: Offset,
    stream_db: u64,
    bytes: u64,
    checksum: u64,
}

#[derive(Deserialize)]
struct LogOfPrimaries {
    epoch: u64,
    first: Offset,
}

impl From<OfPrimaries> for Manifest {
    fn from(old: OfPrimaries) -> Self {
        let snapshot = old.snapshot.map(|meta| SnapshotMeta {
            file: meta.file,
            staged: meta.staged,
            offset: meta.offset,
            stream_db: meta.stream_db,
            bytes: meta.bytes,
            checksum: meta.checksum,
            rdb_version: format::VERSION,
        });
        Self {
            replid: old.replid,
            past: old.past,
            role: Role::Primary,
            run: old.run,
            sync_failed: old.sync_failed,
            directory: old.directory,
            snapshot,
            durable_floor: old.durable_floor,
            log: LogPlace { epoch: old.log.epoch, first: old.log.first, files: LogFiles::Own },
        }
    }
}

fn checksum(version_and_length: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(version_and_length);
    hasher.update(payload);
    hasher.finalize()
}

fn configuration() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<PAYLOAD_BYTES_MAX>()
}

/// The manifest on disk and what it says; its single owner makes every change.
#[derive(Debug)]
pub struct ManifestFile {
    directory: Arc<Directory>,
    current: Manifest,
}

impl ManifestFile {
    /// Writes `manifest` durably as the directory's own.
    pub fn create(directory: Arc<Directory>, manifest: Manifest) -> Result<Self, FileError> {
        directory.replace(MANIFEST_FILE, &manifest.encode())?;
        Ok(Self { directory, current: manifest })
    }

    /// Goes on with the `manifest` that [`Manifest::load`] returned.
    pub fn resume(directory: Arc<Directory>, manifest: Manifest) -> Self {
        Self { directory, current: manifest }
    }

    /// Returns what the file says.
    pub fn current(&self) -> &Manifest {
        &self.current
    }

    /// Changes the manifest durably: when this returns, a crash no longer undoes the change.
    ///
    /// After an error the file holds the old or the new manifest, and which is not known: the server
    /// must stop, as after a failed sync of the log. Does nothing if `change` changes nothing.
    pub fn update(&mut self, change: impl FnOnce(&mut Manifest)) -> Result<(), FileError> {
        let mut next = self.current.clone();
        change(&mut next);
        if next != self.current {
            self.directory.replace(MANIFEST_FILE, &next.encode())?;
            self.current = next;
        }
        Ok(())
    }

    /// Tells, after an error, whether the file is seen to be the old one still.
    pub fn is_what_the_file_says(&self) -> bool {
        let path = self.directory.path().join(MANIFEST_FILE);
        std::fs::read(path).is_ok_and(|bytes| bytes == self.current.encode())
    }

    /// Returns the directory the file lies in.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }
}

#[cfg(test)]
mod tests;
