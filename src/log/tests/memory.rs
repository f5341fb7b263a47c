//! What the log keeps in memory, and that nothing is lost with what it does not.

use std::sync::Arc;

use super::*;
use crate::log::heap::HeapDisk;

const SEGMENT_BYTES: u64 = 65536;

fn options() -> Options {
    Options { residency: NOTHING_STAYS, ..small(SEGMENT_BYTES) }
}

/// Appends some three segments, and returns what was written.
fn append(writer: &mut Writer, stream: &mut Vec<u8>) {
    for number in 0..100 {
        let unit = unit(stream.len() as u64 ^ number, 2000);
        writer.append(&[&unit]).unwrap();
        stream.extend_from_slice(&unit);
        writer.seal();
    }
}

/// How many segments are mapped.
fn mapped(log: &Log) -> u64 {
    log.mapped_bytes() / SEGMENT_BYTES
}

#[test]
fn segments_that_are_durable_and_behind_are_unmapped_and_read_as_before() {
    let temp = tempfile::tempdir().unwrap();
    let storage = Arc::new(Directory::open_or_create(&temp.path().join("log")).unwrap());
    let disk = HeapDisk::default();
    for storage in [storage as Arc<dyn Storage>, Arc::new(disk)] {
        let (log, mut writer) =
            Log::create_in(storage, Offset(0), &options(), Helpers::Inline).unwrap();
        let mut stream = Vec::new();
        append(&mut writer, &mut stream);
        assert_eq!(mapped(&log), log.segments() as u64, "what is not durable is flushed by it");
        log.block_until_durable_at(log.sealed()).unwrap();
        append(&mut writer, &mut stream);
        assert!(log.segments() > 6 && mapped(&log) < 5, "{} segments", mapped(&log));
        assert!(log.reader(Offset(0)).unwrap().is_cold());
        assert_eq!(read_all(&log, Offset(0)), stream);
        log.block_until_durable_at(log.sealed()).unwrap();
        append(&mut writer, &mut stream);
        assert!(log.segments() > 9 && mapped(&log) < 5, "{} segments", mapped(&log));
        assert_eq!(read_all(&log, Offset(70_001)), stream[70_001..]);
        writer.close().unwrap();
    }
}

#[test]
fn a_chunk_outlives_the_mapping_of_its_segment() {
    let temp = tempfile::tempdir().unwrap();
    let storage = Arc::new(Directory::open_or_create(&temp.path().join("log")).unwrap());
    let (log, mut writer) =
        Log::create_in(storage, Offset(0), &options(), Helpers::Inline).unwrap();
    let mut stream = unit(1, 3000);
    writer.append(&[&stream]).unwrap();
    writer.seal();
    let mut reader = log.reader(Offset(0)).unwrap();
    assert!(!reader.is_cold());
    let chunk = reader.read(log.sealed(), 3000).unwrap().unwrap();
    for _ in 0..2 {
        append(&mut writer, &mut stream);
        log.block_until_durable_at(log.sealed()).unwrap();
    }
    assert!(mapped(&log) < log.segments() as u64 - 1);
    assert_eq!(*chunk, stream[..3000]);
    assert!(reader.is_cold());
    assert_eq!(*reader.read(log.sealed(), 500).unwrap().unwrap(), stream[3000..3500]);
}

#[test]
fn what_is_replayed_stays_mapped_until_it_has_been() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &options()).unwrap();
    let mut stream = Vec::new();
    append(&mut writer, &mut stream);
    writer.close().unwrap();
    drop(log);
    let storage = Arc::new(Directory::open(temp.path()).unwrap());
    let Opened { log, mut writer, .. } =
        Log::open_in(storage, &options(), &Expectation::default(), Helpers::Inline).unwrap();
    let mut reader = log.reader(Offset(0)).unwrap().trusting();
    append(&mut writer, &mut stream);
    log.block_until_durable_at(log.sealed()).unwrap();
    append(&mut writer, &mut stream);
    assert_eq!(mapped(&log), log.segments() as u64);
    let mut at = 0;
    while let Some(chunk) = reader.read(log.sealed(), 10_000).unwrap() {
        assert_eq!(*chunk, stream[at..at + chunk.len()]);
        at += chunk.len();
    }
    assert_eq!(at, stream.len());
    log.block_until_durable_at(log.sealed()).unwrap();
    append(&mut writer, &mut stream);
    assert!(mapped(&log) < 6, "{} segments", mapped(&log));
}

#[test]
fn a_sync_is_asked_for_where_memory_would_wait_for_it() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &options()).unwrap();
    // A single segment is never full, and so never synced for being so.
    let mut written = 0;
    while written < SEGMENT_BYTES / 2 {
        writer.append(&[&unit(written, 1000)]).unwrap();
        writer.seal();
        written += 1000;
    }
    // What asks is the helper, when pages ahead are wanted or at its next look.
    drop(log.reader(Offset(0)).unwrap());
    let asked = Offset(written - NOTHING_STAYS.undurable_bytes);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.becomes_durable_at(asked)).unwrap();
    writer.close().unwrap();
}
