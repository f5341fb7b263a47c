//! What one sync costs where the servers keep their files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

const FILE_BYTES: usize = 1024 * 1024;
const WRITE_BYTES: usize = 64;
const SYNCS: usize = 400;

/// Writes a little and makes it durable, over and over; returns how long each took.
///
/// The file is allocated and written beforehand, so that a sync has no metadata to write: no sync
/// of a log is cheaper.
pub fn syncs() -> io::Result<Vec<Duration>> {
    let file: File = tempfile::tempfile()?;
    file.write_all_at(&vec![1; FILE_BYTES], 0)?;
    file.sync_all()?;
    let sync = |index: usize| {
        let begun = Instant::now();
        file.write_all_at(&[2; WRITE_BYTES], (index * WRITE_BYTES) as u64)?;
        file.sync_data()?;
        Ok(begun.elapsed())
    };
    (0..SYNCS).map(sync).collect()
}
