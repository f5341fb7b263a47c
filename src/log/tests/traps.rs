//! Traps that logs have fallen into, one test each. Others are beside `format` and in `damage`.

use std::sync::Arc;

use super::*;
use crate::log::format::{FRAME_BYTES, PAGE_BYTES, slot_position};
use crate::log::heap::{Crash, HeapDisk};

const SEGMENT: usize = 12288;

fn begin() -> (HeapDisk, Log, Writer) {
    let disk = HeapDisk::default();
    let storage = Arc::new(disk.clone());
    let (log, writer) =
        Log::create_in(storage, Offset(0), &small(SEGMENT as u64), Helpers::Inline).unwrap();
    (disk, log, writer)
}

fn reopen(disk: &HeapDisk) -> Result<Opened, OpenError> {
    let (options, expectation) = (small(SEGMENT as u64), Expectation::default());
    Log::open_in(Arc::new(disk.clone()), &options, &expectation, Helpers::Inline)
}

/// The files as they are, but with `damage` done to segment `seq`.
fn with_damage(disk: &HeapDisk, seq: u64, damage: impl FnOnce(&mut [u8])) -> HeapDisk {
    let mut files = disk.files();
    damage(files.get_mut(&seq).unwrap());
    HeapDisk::with_files(files)
}

#[test]
fn a_frame_without_its_data_is_a_torn_tail() {
    let (disk, _log, mut writer) = begin();
    writer.append(&[&[9; 5000]]).unwrap();
    writer.seal();
    let disk = with_damage(&disk, 1, |bytes| bytes[PAGE_BYTES..2 * PAGE_BYTES].fill(0));
    let recovered = reopen(&disk).unwrap().recovered;
    assert_eq!(recovered.end, Offset(0));
    assert_eq!(recovered.cut.unwrap().bytes, 5000);
}

#[test]
fn data_without_its_frame_is_not_there() {
    let (disk, _log, mut writer) = begin();
    writer.append(&[b"first"]).unwrap();
    writer.seal();
    writer.append(&[b"second"]).unwrap();
    writer.seal();
    let second = slot_position(SEGMENT as u64, 1) as usize;
    let disk = with_damage(&disk, 1, |bytes| bytes[second..second + FRAME_BYTES].fill(0));
    let recovered = reopen(&disk).unwrap().recovered;
    assert_eq!((recovered.end, recovered.cut, recovered.unsealed), (Offset(5), None, 6));
}

#[test]
fn a_hole_before_a_later_segment_cuts_there_and_drops_the_later_one() {
    let (disk, log, mut writer) = begin();
    for number in 0..6 {
        writer.append(&[&unit(number, 3000)]).unwrap();
        writer.seal();
    }
    assert!(log.segments() >= 3);
    // Nothing was synced; the first segment's second unit never reached the disk.
    let disk = with_damage(&disk, 1, |bytes| bytes[PAGE_BYTES + 3000..PAGE_BYTES + 4096].fill(0));
    let opened = reopen(&disk).unwrap();
    assert_eq!(opened.recovered.end, Offset(3000));
    assert_eq!(opened.recovered.cut.as_ref().unwrap().bytes, 15_000);
    assert_eq!(read_all(&opened.log, Offset(0)), unit(0, 3000));
    assert_eq!(disk.files().len(), 2, "the orphans are gone: the first and the new tail stay");
}

#[test]
fn stale_frames_above_a_cut_never_come_back() {
    let (disk, _log, mut writer) = begin();
    for number in 0..3 {
        writer.append(&[&unit(number, 1000)]).unwrap();
        writer.seal();
    }
    let whole = disk.files()[&1].clone();
    let torn = with_damage(&disk, 1, |bytes| bytes[PAGE_BYTES + 1000..][..1000].fill(0));
    let mut opened = reopen(&torn).unwrap();
    opened.writer.append(&[b"new"]).unwrap();
    opened.writer.seal();
    // The lost page turns up again after all, beside its old frames.
    let files = torn
        .files()
        .into_iter()
        .map(|(seq, bytes)| (seq, if seq == 1 { whole.clone() } else { bytes }));
    let opened = reopen(&HeapDisk::with_files(files)).unwrap();
    let expected = [&unit(0, 1000)[..], b"new"].concat();
    assert_eq!(read_all(&opened.log, Offset(0)), expected);
}

#[test]
fn a_sync_covers_what_was_sealed_before_it_and_no_more() {
    let (disk, log, mut writer) = begin();
    writer.append(&[b"synced"]).unwrap();
    writer.seal();
    log.block_until_durable_at(Offset(6)).unwrap();
    writer.append(&[b"sealed"]).unwrap();
    writer.seal();
    assert_eq!((log.durable(), log.sealed()), (Offset(6), Offset(12)));
    let disk = disk.after(Crash::Power, &mut || 0);
    assert_eq!(reopen(&disk).unwrap().recovered.end, Offset(6));
}

#[test]
fn a_unit_that_exactly_fills_the_gap_stays_in_its_segment() {
    let (_disk, log, mut writer) = begin();
    let gap = SEGMENT - PAGE_BYTES - 2 * FRAME_BYTES;
    writer.append(&[&vec![5; gap]]).unwrap();
    writer.seal();
    assert_eq!(log.segments(), 1);
    writer.append(&[b"x"]).unwrap();
    assert_eq!(log.segments(), 2);
    writer.close().unwrap();
    let (_disk, log, mut writer) = begin();
    writer.append(&[&vec![5; gap + 1]]).unwrap();
    assert_eq!(log.segments(), 2, "one byte more takes another segment");
}

#[test]
fn a_full_disk_refuses_admission_before_the_tail_is_full_and_recovers() {
    let (disk, log, mut writer) = begin();
    disk.limit_creations(Some(0));
    log.admission().unwrap();
    let mut admitted = 0;
    while log.admission().is_ok() {
        writer.append(&[&[1; 100]]).unwrap();
        writer.seal();
        admitted += 1;
    }
    assert!(admitted > 30);
    writer.append(&[&[1; 100]]).unwrap();
    writer.seal();
    assert!(log.secure(5000).is_err());
    let refused = writer.append(&[&[1; 5000]]);
    assert!(matches!(refused, Err(AppendError::NoSpace(_))), "{refused:?}");
    disk.limit_creations(None);
    log.admission().unwrap();
    writer.append(&[&[1; 5000]]).unwrap();
}

#[test]
fn the_first_failed_sync_is_final() {
    let (disk, log, mut writer) = begin();
    writer.append(&[b"lost"]).unwrap();
    let end = writer.seal();
    disk.fail_after(0);
    assert!(log.block_until_durable_at(end).is_err());
    disk.fail_after(1000);
    assert!(log.block_until_durable_at(end).is_err(), "a second sync would succeed and lie");
    assert_eq!(log.durable(), Offset(0));
    assert_eq!(log.sync_statistics().failures, 1);
    assert!(log.admission().is_err());
    assert!(writer.close().is_err());
}

#[test]
fn a_failed_directory_sync_leaves_no_segment_in_use() {
    let disk = HeapDisk::default();
    disk.fail_after(0);
    let storage = Arc::new(disk.clone());
    let created = Log::create_in(storage, Offset(0), &small(12288), Helpers::Inline);
    assert!(matches!(created, Err(OpenError::Storage(_))));
    let disk = disk.after(Crash::Process, &mut || 0);
    assert!(matches!(reopen(&disk), Err(OpenError::Recovery(RecoveryError::Empty(_)))));
}

#[test]
fn within_one_boot_a_torn_seal_is_damage_and_not_a_torn_tail() {
    let (disk, _log, mut writer) = begin();
    writer.append(&[&[9; 500]]).unwrap();
    writer.seal();
    let disk = with_damage(&disk, 1, |bytes| bytes[PAGE_BYTES + 7] ^= 1);
    let same = Expectation { boot_id: [1; 16], ..Expectation::default() };
    let storage = Arc::new(disk.clone());
    let refused = Log::open_in(storage, &small(12288), &same, Helpers::Inline);
    let Err(OpenError::Recovery(RecoveryError::Corrupt { why, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why, Evidence::SealedInThisBoot);
    assert_eq!(reopen(&disk).unwrap().recovered.end, Offset(0), "another boot may have lost it");
}

#[test]
fn a_durable_floor_above_the_end_is_corruption() {
    let (disk, _log, mut writer) = begin();
    writer.append(&[b"there"]).unwrap();
    writer.seal();
    let expectation = Expectation { durable_floor: Some(Offset(6)), ..Expectation::default() };
    let storage = Arc::new(disk.after(Crash::Process, &mut || 0));
    let refused = Log::open_in(storage, &small(12288), &expectation, Helpers::Inline);
    assert!(matches!(refused, Err(OpenError::Recovery(RecoveryError::Corrupt { .. }))));
}

#[test]
fn a_number_that_a_kept_segment_still_names_is_not_given_again() {
    let disk = HeapDisk::default();
    let options = small(16384);
    let storage = Arc::new(disk.clone());
    let (log, mut writer) = Log::create_in(storage, Offset(0), &options, Helpers::Inline).unwrap();
    // Segments made for large units overtake the spare: the row becomes 1, 2, 4, 3.
    for bytes in [20_000, 20_000, 5000] {
        writer.append(&[&unit(1, bytes)]).unwrap();
        writer.seal();
    }
    log.block_until_durable_at(log.sealed()).unwrap();
    disk.limit_creations(Some(0));
    log.retire_to(Offset(40_000));
    assert_eq!(disk.files().into_keys().collect::<Vec<_>>(), [3]);
    drop((log, writer));
    let disk = HeapDisk::with_files(disk.files());
    drop(reopen(&disk).unwrap());
    let disk = HeapDisk::with_files(disk.files());
    assert_eq!(reopen(&disk).unwrap().recovered.end, Offset(45_000));
}

#[test]
fn starts_that_are_cut_short_one_after_the_other_leave_a_log() {
    let options = small(12288);
    for (first, second) in (0..14).flat_map(|first| (0..14).map(move |second| (first, second))) {
        for is_empty in [true, false] {
            let disk = HeapDisk::default();
            let storage = Arc::new(disk.clone());
            let (log, mut writer) =
                Log::create_in(storage, Offset(7), &options, Helpers::Inline).unwrap();
            if !is_empty {
                writer.append(&[b"durable"]).unwrap();
                writer.seal();
                log.block_until_durable_at(log.sealed()).unwrap();
            }
            let end = log.sealed();
            drop((log, writer));
            let open = |disk: &HeapDisk| {
                let storage = Arc::new(disk.clone());
                let expectation = Expectation { boot_id: [1; 16], ..Expectation::default() };
                Log::open_in(storage, &options, &expectation, Helpers::Inline)
            };
            // Two starts are killed, and then the power fails, which takes all that was not synced.
            let disk = disk.after(Crash::Process, &mut || 0);
            disk.fail_after(first);
            drop(open(&disk));
            let disk = disk.after(Crash::Process, &mut || 0);
            disk.fail_after(second);
            drop(open(&disk));
            let disk = disk.after(Crash::Power, &mut || 0);
            let opened = open(&disk);
            let opened = opened.unwrap_or_else(|error| panic!("{first} {second}: {error}"));
            assert_eq!(opened.recovered.end, end, "{first} {second}");
        }
    }
}
