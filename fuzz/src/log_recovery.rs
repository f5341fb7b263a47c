//! Recovery from arbitrary bytes in segment files: it refuses or recovers, and twice the same.
//!
//! A file is mostly zeroes, so the input is packed. A byte of modes is followed by, for each file,
//! a header, the length of the stream in two bytes, the stream, the number of frames in one byte,
//! and the frames.

use std::sync::Arc;

use backlogd::log::format::{FRAME_BYTES, PAGE_BYTES, SEQ_MAX};
use backlogd::log::heap::HeapDisk;
use backlogd::log::{Expectation, Helpers, Log, OnCorruption, OpenError, Opened, Options};
use backlogd::position::Replid;

use super::checksums::{HEADER_BYTES, repair_segment, u64_at};

const SEGMENT_BYTES: usize = 12288;
const FILES_MAX: usize = 4;
const FRAMES_MAX: u8 = 16;
/// So near the highest number there is that two recoveries still find the next one.
const SEQ_USED_MAX: u64 = SEQ_MAX - 8;

/// Recovery is told to cut where there is corruption.
const MODE_FORCED: u8 = 1;
/// Checksums are put right.
const MODE_REPAIRED: u8 = 2;
/// The second copy of the header is not there.
const MODE_ONE_COPY: u8 = 4;

/// What holds for any bytes.
pub fn check(data: &[u8]) {
    let Some((&mode, mut packed)) = data.split_first() else { return };
    let (mut files, mut chain) = (Vec::new(), 0);
    while !packed.is_empty() && files.len() < FILES_MAX {
        let mut file = unpack(&mut packed);
        if mode & MODE_REPAIRED != 0 {
            chain = repair_segment(&mut file, chain);
        }
        if mode & MODE_ONE_COPY == 0 {
            file.copy_within(..HEADER_BYTES, PAGE_BYTES / 2);
        }
        // A file that is named as its header says gets past the first check.
        let [seq, prev_seq] = [24, 72].map(|at| u64_at(&file, at));
        if prev_seq <= SEQ_MAX && prev_seq > SEQ_USED_MAX {
            return;
        }
        files.push((seq.clamp(1, SEQ_USED_MAX), file));
    }
    let forced = mode & MODE_FORCED != 0;
    check_files(files, if forced { OnCorruption::Cut } else { OnCorruption::Refuse });
}

fn check_files(files: Vec<(u64, Vec<u8>)>, on_corruption: OnCorruption) {
    let disk = HeapDisk::with_files(files);
    let Ok(mut opened) = open(&disk, on_corruption) else { return };
    let recovered = opened.recovered.clone();
    assert!(recovered.start <= recovered.end);
    let mut reader = opened.log.reader(recovered.start).expect("the start is there");
    let mut at = recovered.start;
    while let Ok(Some(chunk)) = reader.read(recovered.end, 4096) {
        at = chunk.end();
    }
    assert_eq!(at, recovered.end);
    if opened.writer.append(&[b"more"]).is_err() {
        return;
    }
    let end = opened.writer.seal();
    drop(opened);
    let again = open(&HeapDisk::with_files(disk.files()), OnCorruption::Refuse);
    let again = again.expect("what was recovered is recovered again").recovered;
    assert_eq!((again.start, again.end), (recovered.start, end));
}

fn open(disk: &HeapDisk, on_corruption: OnCorruption) -> Result<Opened, OpenError> {
    let options = Options {
        segment_bytes: SEGMENT_BYTES as u64,
        ..Options::new(Replid::from_bytes([1; 20]))
    };
    let expectation = Expectation { on_corruption, ..Expectation::default() };
    Log::open_in(Arc::new(disk.clone()), &options, &expectation, Helpers::Inline)
}

/// Lays out the next file; what the input lacks is zeroes.
fn unpack(packed: &mut &[u8]) -> Vec<u8> {
    let mut file = vec![0; SEGMENT_BYTES];
    let header = take(packed, HEADER_BYTES);
    file[..header.len()].copy_from_slice(header);
    let stream_bytes =
        take(packed, 2).iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
    let stream = take(packed, stream_bytes.min(SEGMENT_BYTES - PAGE_BYTES));
    file[PAGE_BYTES..PAGE_BYTES + stream.len()].copy_from_slice(stream);
    let frames = take(packed, 1).first().copied().unwrap_or(0).min(FRAMES_MAX);
    for slot in 1..=usize::from(frames) {
        let frame = take(packed, FRAME_BYTES);
        let at = SEGMENT_BYTES - slot * FRAME_BYTES;
        file[at..at + frame.len()].copy_from_slice(frame);
    }
    file
}

fn take<'a>(packed: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (taken, rest) = packed.split_at(bytes.min(packed.len()));
    *packed = rest;
    taken
}
