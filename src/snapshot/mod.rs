//! Writes and reads the data set as an RDB file, and keeps the directory's snapshot and manifest.
//!
//! Nothing here knows the keyspace: the codec deals in keys, values and expiry times, and the store
//! in files.

pub mod rdb;

pub mod directory;
pub mod manifest;
pub mod store;

pub use directory::{BootIdentity, Directory, DirectoryId, FileError, LockError};
pub use manifest::{
    Ancestor, FeedsSeen, LogFiles, LogPlace, Manifest, ManifestError, ManifestFile, Role, RunState,
    SnapshotMeta,
};
pub use store::{Pending, Sealed, Snapshot, SnapshotStore, StoreError};
