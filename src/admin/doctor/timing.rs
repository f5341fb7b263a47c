//! How long the syncs of a log take in a directory: by the log's own code, on a file of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::log::{Directory, Preparation, Storage, StorageError};

/// The file is as long as the smallest segment there may be, times a few.
const FILE_BYTES: u64 = 1 << 20;
/// How much each sync has to bring to the disk.
const STEP_BYTES: usize = 512;
/// As many syncs, if the time allows.
const SYNCS_MAX: usize = 400;
/// And no more time than that, but for the sync under way.
const TIME_MAX: Duration = Duration::from_secs(2);

/// How long syncs took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timing {
    pub(super) count: usize,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    pub(super) max_us: u64,
}

/// Makes a file as the log does, mapped and allocated, syncs small writes to it, and removes it.
///
/// It lies in a directory of its own below `directory`, which no server looks into.
pub(super) fn measure(directory: &Path) -> Result<Timing, StorageError> {
    let path = directory.join(format!("doctor-{}.tmp", std::process::id()));
    fs::create_dir(&path).map_err(|error| StorageError::new("create", &path, error))?;
    let scratch = Scratch(path);
    let storage = Directory::open(&scratch.0)?;
    // As under `appendfsync always`: pages ahead are clean, and a sync is one of these writes.
    let mut spare = storage.create(0, FILE_BYTES, Preparation::WriteThrough)?;
    let pager = spare.writable.pager();
    let mut took_us = Vec::with_capacity(SYNCS_MAX);
    let began = Instant::now();
    while took_us.len() < SYNCS_MAX && (took_us.is_empty() || began.elapsed() < TIME_MAX) {
        let at = took_us.len() * STEP_BYTES;
        spare.writable.store(at, &[took_us.len() as u8 | 1; STEP_BYTES]);
        let synced = Instant::now();
        let file = &spare.file;
        file.sync(&pager, at..at + STEP_BYTES, 0..0)
            .map_err(|error| StorageError::new("sync", storage.path(0), error))?;
        took_us.push(synced.elapsed().as_micros() as u64);
    }
    Ok(timing(took_us))
}

fn timing(mut took_us: Vec<u64>) -> Timing {
    took_us.sort_unstable();
    let count = took_us.len();
    let at = |percent: usize| {
        let place = (count * percent).div_ceil(100).max(1) - 1;
        took_us.get(place).copied().unwrap_or_default()
    };
    Timing { count, p50_us: at(50), p99_us: at(99), max_us: at(100) }
}

/// A directory that goes with all in it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing but the file that was measured is in it, and nobody is there to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_that_so_many_did_not_exceed() {
        let took: Vec<u64> = (1..=200).rev().collect();
        let told = timing(took);
        assert_eq!((told.count, told.p50_us, told.p99_us, told.max_us), (200, 100, 198, 200));
        let one = timing(vec![7]);
        assert_eq!((one.p50_us, one.p99_us, one.max_us), (7, 7, 7));
    }

    #[test]
    fn nothing_is_left_of_what_was_measured() {
        let directory = tempfile::tempdir().unwrap();
        let told = measure(directory.path()).unwrap();
        assert!(told.count > 0 && told.p50_us <= told.p99_us && told.p99_us <= told.max_us);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let missing = directory.path().join("none");
        assert!(measure(&missing).is_err());
    }
}
