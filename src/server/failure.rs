//! The mark that a failed sync leaves, as the manifest may not be writable either by then.
//!
//! It is never synced itself. It matters to a start within the same boot only, which would trust the
//! page cache otherwise, and within one boot the page cache has the mark as well.

use std::io;
use std::path::Path;

use crate::snapshot::FileError;

/// The file that says so.
const FILE: &str = "backlogd.sync-failed";

/// Leaves the mark.
pub fn mark(directory: &Path) -> Result<(), FileError> {
    let path = directory.join(FILE);
    std::fs::write(&path, []).map_err(FileError::new("write", &path))
}

/// Tells whether the last run left it.
pub fn is_marked(directory: &Path) -> Result<bool, FileError> {
    let path = directory.join(FILE);
    path.try_exists().map_err(FileError::new("examine", &path))
}

/// Removes it, once the manifest speaks of the present run.
pub fn unmark(directory: &Path) -> Result<(), FileError> {
    let path = directory.join(FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("remove", &path)(error))
        }
        _ => Ok(()),
    }
}
