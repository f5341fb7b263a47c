//! The files of a log, looked at and damaged from outside as a disk or a power failure would.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where the stream begins in a segment file.
const STREAM_AT: u64 = 4096;
/// The size of one frame in the table that grows down from the end of the file.
const FRAME_BYTES: u64 = 32;

/// Lists the segment files in use, oldest first; those never used are left out.
pub fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let mut found: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .filter(|path| read(path, 0, 8) == b"BKLOGSEG")
        .collect();
    found.sort();
    found
}

/// How much room the segment files take, those not yet in use included.
pub fn log_bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("the directory can be read").flatten();
    let logs = entries.filter(|entry| entry.path().extension().is_some_and(|ext| ext == "log"));
    // One may be retired between the two looks.
    logs.filter_map(|log| log.metadata().ok()).map(|log| log.len()).sum()
}

/// Changes one bit of the byte at `offset` of the stream, in a segment that begins at `base`.
pub fn flip(segment: &Path, base: u64, offset: u64) {
    let at = STREAM_AT + (offset - base);
    let byte = read(segment, at, 1)[0];
    write(segment, at, &[byte ^ 0x10]);
}

/// Takes back the last `count` seals of a segment, as if their pages had never reached the disk
/// but for a half of the first, which is torn.
pub fn tear_last_seals(segment: &Path, count: u64) {
    let (slot, _) = last_seals(segment, count);
    let half = FRAME_BYTES / 2;
    let torn = read(segment, slot, half as usize);
    lose_last_seals(segment, count);
    write(segment, slot, &torn);
}

/// Takes back the last `count` seals of a segment, as if their pages had never reached the disk.
pub fn lose_last_seals(segment: &Path, count: u64) {
    let (slot, lowest) = last_seals(segment, count);
    write(segment, lowest, &vec![0; (slot + FRAME_BYTES - lowest) as usize]);
}

/// Takes back `count` seals of a segment and leaves the last `kept` behind them.
pub fn lose_seals_before_last(segment: &Path, count: u64, kept: u64) {
    let (first_kept, _) = last_seals(segment, kept);
    let bytes = count * FRAME_BYTES;
    write(segment, first_kept + FRAME_BYTES, &vec![0; bytes as usize]);
}

/// Finds where the first and the last of the last `count` seals of a segment lie.
fn last_seals(segment: &Path, count: u64) -> (u64, u64) {
    let len = fs::metadata(segment).expect("the segment is there").len();
    let slot = |number: u64| len - (number + 1) * FRAME_BYTES;
    let is_used = |number: &u64| read(segment, slot(*number), 32).iter().any(|byte| *byte != 0);
    let used = (0..len / FRAME_BYTES).take_while(is_used).count() as u64;
    assert!(used > count, "only {used} seals in {}", segment.display());
    (slot(used - count), slot(used - 1))
}

fn read(path: &Path, at: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let file = fs::File::open(path).expect("the segment can be opened");
    file.read_exact_at(&mut bytes, at).expect("the segment is long enough");
    bytes
}

fn write(path: &Path, at: u64, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("the segment can be opened");
    file.write_all_at(bytes, at).expect("the segment can be written");
}
