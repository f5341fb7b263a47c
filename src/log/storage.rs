//! The seam between the log and the disk, so that the model of a disk runs the very same code.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use super::mapping::{Pager, Readable, Writable};

/// A place that holds segment files by sequence number.
pub trait Storage: Send + Sync + std::fmt::Debug {
    /// Lists the sequence numbers there are, in ascending order.
    fn list(&self) -> Result<Vec<u64>, StorageError>;

    /// Creates a zeroed, fully allocated file, and makes it and its name durable.
    ///
    /// What remains of a failed attempt is removed again.
    fn create(&self, seq: u64, len: u64, preparation: Preparation) -> Result<Spare, StorageError>;

    /// Opens an existing file.
    fn open(&self, seq: u64) -> Result<Box<dyn SegmentFile>, StorageError>;

    /// Removes a file's name and makes that durable; mappings of it live on.
    fn remove(&self, seq: u64) -> Result<(), StorageError>;

    /// Tells what to call the file in a message.
    fn path(&self, seq: u64) -> PathBuf;
}

/// One segment file.
pub trait SegmentFile: Send + Sync + std::fmt::Debug {
    /// Measures the file.
    fn measure(&self) -> io::Result<u64>;

    /// Fills `bytes` from `at`; an error if the file ends before.
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` at `at`. Only recovery does this, and only bytes equal to those there.
    fn rewrite_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the stores to `stream` and `frames` durable; pages beyond need not be.
    fn sync(&self, pager: &Pager, stream: Range<usize>, frames: Range<usize>) -> io::Result<()>;

    /// Gives back the room of a range, which reads as zeroes from then on; the length stays.
    ///
    /// Only recovery asks for it, of what will never be written again.
    fn release(&self, range: Range<u64>) -> io::Result<()>;

    /// Lets the page cache drop what it holds of a range; what is not on the disk yet stays.
    fn forget(&self, range: Range<u64>) -> io::Result<()>;

    /// Measures the room the file takes.
    fn occupied(&self) -> io::Result<u64>;

    /// Makes the whole file durable.
    fn sync_all(&self) -> io::Result<()>;

    /// Maps the first `published` bytes for reading.
    fn map(&self, published: usize) -> io::Result<Readable>;
}

/// A file made ready and not yet used.
#[derive(Debug)]
pub struct Spare {
    /// Its sequence number.
    pub seq: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Opened before the first store and kept until the last: sync errors are told per descriptor.
    pub file: Box<dyn SegmentFile>,
    /// For the writer.
    pub writable: Writable,
    /// For the readers.
    pub readable: Readable,
}

/// How the pages of a new segment are made ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparation {
    /// Allocated; pages are populated ahead of the tail, one by one. For a slow stream.
    SinglePages,
    /// Allocated; pages are populated ahead of the tail, in large folios. For a fast stream.
    LargeFolios,
    /// Written through once, so that small syncs move no metadata. For sync on every write.
    WriteThrough,
}

/// Tells which operation on which file failed, and where in it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}{}: {source}", path.display(), At(*offset))]
pub struct StorageError {
    /// What was tried.
    pub verb: &'static str,
    /// On what.
    pub path: PathBuf,
    /// At which byte of the file, where that means something.
    pub offset: Option<u64>,
    /// Why it failed.
    pub source: io::Error,
}

impl StorageError {
    /// Says that `verb` failed on `path` as a whole.
    pub fn new(verb: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { verb, path: path.into(), offset: None, source }
    }

    /// Says that `verb` failed at byte `offset` of `path`.
    pub fn at(
        verb: &'static str,
        path: impl Into<PathBuf>,
        offset: u64,
        source: io::Error,
    ) -> Self {
        Self { verb, path: path.into(), offset: Some(offset), source }
    }

    /// Whether the cause is a full disk or quota, which may pass.
    pub fn is_no_space(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

struct At(Option<u64>);

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |offset| write!(f, " at byte {offset}"))
    }
}
