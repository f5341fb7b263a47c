//! Tests of the log as a whole, on real files and on the model of a disk.

mod age;
mod crash;
mod damage;
mod following;
mod inspection;
mod life;
mod memory;
mod schedules;
mod threads;
mod traps;

use std::time::Duration;

use super::*;
use crate::position::{Offset, Replid};

/// Options for a small world, in which segments end all the time.
fn small(segment_bytes: u64) -> Options {
    Options {
        segment_bytes,
        sync: SyncPolicy::Never,
        coalesce: Duration::from_millis(1),
        boot_id: [1; 16],
        ..Options::new(Replid::from_bytes([7; 20]))
    }
}

/// Whatever is behind the last page is let go of, whenever the helper looks.
const NOTHING_STAYS: Residency = Residency {
    recent_bytes: 4096,
    followed_bytes: 8192,
    undurable_bytes: 16384,
    step_bytes: 4096,
};

/// Reads everything from `from` to the sealed end.
fn read_all(log: &Log, from: Offset) -> Vec<u8> {
    let mut reader = log.reader(from).unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.read(log.sealed(), 1000).unwrap() {
        assert_eq!(chunk.offset(), from.advanced(bytes.len() as u64));
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

/// A unit that differs from its neighbours in every byte that could be mistaken.
fn unit(number: u64, bytes: usize) -> Vec<u8> {
    (0..bytes as u64).map(|at| (number.wrapping_mul(31) ^ at.wrapping_mul(7)) as u8 | 1).collect()
}
