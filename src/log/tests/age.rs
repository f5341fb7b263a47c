//! When what lies in the log was sealed.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use super::super::writer::now_ms;
use super::*;

/// Seals 100 units into several segments; returns where each ends, and when it was sealed.
fn sealed(writer: &mut Writer) -> Vec<(Offset, u64)> {
    let sealed = |number| {
        writer.append(&[&unit(number, 300)]).unwrap();
        (writer.seal(), now_ms())
    };
    (0..100).map(sealed).collect()
}

/// Every byte is as old as its batch: not older than the one before, not younger than its reply.
fn assert_ages(log: &Log, batches: &[(Offset, u64)], begun_ms: u64) {
    let mut begin = (Offset::ZERO, begun_ms);
    for &(end, sealed_ms) in batches {
        for offset in [begin.0, begin.0.advanced(150), Offset(end.0 - 1)] {
            let told_ms = log.sealed_ms(offset).expect("it is sealed");
            assert!((begin.1..=sealed_ms).contains(&told_ms), "{offset}: {told_ms}");
        }
        begin = (end, sealed_ms);
    }
}

#[test]
fn each_byte_is_as_old_as_the_batch_it_was_sealed_in_before_and_after_a_restart() {
    let temp = tempfile::tempdir().unwrap();
    let options = small(16384);
    let begun_ms = now_ms();
    let (log, mut writer) = Log::create(temp.path(), Offset::ZERO, &options).unwrap();
    let batches = sealed(&mut writer);
    assert!(log.segments() > 2);
    assert_ages(&log, &batches, begun_ms);
    let end = batches.last().unwrap().0;
    assert_eq!(log.sealed_ms(end), None, "nothing is there");
    writer.append(&[&unit(1, 10)]).unwrap();
    assert_eq!(log.sealed_ms(end), None, "it is not sealed");
    writer.close().unwrap();
    drop(log);

    let expected = Expectation::default();
    let Opened { log, writer, .. } = Log::open(temp.path(), &options, &expected).unwrap();
    assert_ages(&log, &batches, begun_ms);
    log.retire_to(end);
    assert_eq!(log.sealed_ms(Offset::ZERO), None, "it is gone");
    writer.close().unwrap();
}

#[test]
fn a_byte_whose_frame_is_damaged_is_never_told_younger_than_it_is() {
    let temp = tempfile::tempdir().unwrap();
    let begun_ms = now_ms();
    let (log, mut writer) = Log::create(temp.path(), Offset::ZERO, &small(16384)).unwrap();
    let batches = sealed(&mut writer);
    let first = temp.path().join("00000000000000000001.log");
    let file = OpenOptions::new().write(true).open(first).unwrap();
    // The frame of the third batch.
    file.write_all_at(&[0xff; 32], 16384 - 3 * 32).unwrap();
    let told_ms = log.sealed_ms(batches[1].0).unwrap();
    assert!((begun_ms..=batches[2].1).contains(&told_ms), "{told_ms}");
    writer.close().unwrap();
}
