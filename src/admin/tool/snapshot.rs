//! Checks that the snapshot a manifest names is there and whole.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::snapshot::SnapshotMeta;
use crate::snapshot::rdb::{DecodeError, Decoder, Item, Limits};

/// What is wrong with a snapshot.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnapshotFault {
    /// It is not there, under either of its names.
    #[error("the snapshot {} that the manifest names is missing", .0.display())]
    Missing(PathBuf),
    /// It cannot be opened.
    #[error("cannot open the snapshot {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It has another size.
    #[error("the snapshot {} has {found} bytes instead of {expected}", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// The size in the manifest.
        expected: u64,
        /// The file's size.
        found: u64,
    },
    /// It is another file, though a whole one.
    #[error("the snapshot {} has checksum {found:016x} instead of {expected:016x}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The checksum in the manifest.
        expected: u64,
        /// The checksum of the file's contents.
        found: u64,
    },
    /// It cannot be read to its end.
    #[error("{}: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The damage, and where.
        source: DecodeError,
    },
}

/// Reads the snapshot that `meta` describes to its end; returns how many keys it holds.
pub(super) fn check(directory: &Path, meta: &SnapshotMeta) -> Result<u64, SnapshotFault> {
    // The name it was written under comes first: while it is there, the other file is an older one.
    let staged = directory.join(&meta.staged);
    match check_file(&staged, meta) {
        Ok(keys) => Ok(keys),
        Err(_) => check_file(&directory.join(&meta.file), meta),
    }
}

fn check_file(path: &Path, meta: &SnapshotMeta) -> Result<u64, SnapshotFault> {
    let cannot_open = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => SnapshotFault::Missing(path.to_owned()),
        _ => SnapshotFault::Open { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(cannot_open)?;
    let found = file.metadata().map_err(cannot_open)?.len();
    if found != meta.bytes {
        let expected = meta.bytes;
        return Err(SnapshotFault::Size { path: path.to_owned(), expected, found });
    }
    let undecodable = |source| SnapshotFault::Decode { path: path.to_owned(), source };
    let mut decoder = Decoder::new(file, Limits::default()).map_err(undecodable)?;
    let mut keys = 0;
    loop {
        match decoder.next_item().map_err(undecodable)? {
            Item::Entry(_) => keys += 1,
            Item::Eof { checksum: found } if found != meta.checksum => {
                let expected = meta.checksum;
                return Err(SnapshotFault::Checksum { path: path.to_owned(), expected, found });
            }
            Item::Eof { .. } => return Ok(keys),
            _ => {}
        }
    }
}
