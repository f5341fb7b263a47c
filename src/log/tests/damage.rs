//! Exhaustive damage to a small log: below the durable watermark it is corruption, above it a torn
//! tail, and never a silently shorter log.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::log::format::{PAGE_BYTES, slot_position};
use crate::log::heap::HeapDisk;

const SECTOR: usize = 512;

/// A log of two segments, durable up to `durable`, sealed up to `sealed`.
struct Sample {
    files: BTreeMap<u64, Vec<u8>>,
    stream: Vec<u8>,
    ends: Vec<u64>,
    durable: u64,
}

fn sample() -> Sample {
    let disk = HeapDisk::default();
    let storage = Arc::new(disk.clone());
    let (log, mut writer) =
        Log::create_in(storage, Offset(0), &small(12288), Helpers::Inline).unwrap();
    let (mut stream, mut ends) = (Vec::new(), vec![0]);
    let mut add = |writer: &mut Writer, number| {
        let unit = unit(number, 700);
        writer.append(&[&unit]).unwrap();
        stream.extend_from_slice(&unit);
        ends.push(writer.seal().0);
    };
    (0..14).for_each(|number| add(&mut writer, number));
    log.block_until_durable_at(log.sealed()).unwrap();
    let durable = log.durable().0;
    (14..18).for_each(|number| add(&mut writer, number));
    let files = disk.files();
    assert_eq!(log.segments(), 2);
    drop(writer);
    Sample { files, stream, ends, durable }
}

fn recover(files: &BTreeMap<u64, Vec<u8>>, floor: u64) -> Result<Opened, OpenError> {
    let disk = HeapDisk::with_files(files.clone());
    let durable_floor = Some(Offset(floor));
    let expectation = Expectation { durable_floor, ..Expectation::default() };
    Log::open_in(Arc::new(disk), &small(12288), &expectation, Helpers::Inline)
}

impl Sample {
    /// Recovers from damaged files: either nothing durable is missing, or it is refused.
    fn judge(&self, files: &BTreeMap<u64, Vec<u8>>, what: &str) -> Option<u64> {
        match recover(files, self.durable) {
            Ok(opened) => {
                let end = opened.recovered.end.0;
                assert!(end >= self.durable, "{what}: silently shorter, {end}");
                assert!(self.ends.contains(&end), "{what}: cut inside a unit, {end}");
                assert_eq!(read_all(&opened.log, Offset(0)), self.stream[..end as usize], "{what}");
                Some(end)
            }
            Err(OpenError::Recovery(_)) => None,
            Err(error) => panic!("{what}: {error}"),
        }
    }

    fn damaged(&self, seq: u64, damage: impl FnOnce(&mut Vec<u8>)) -> BTreeMap<u64, Vec<u8>> {
        let mut files = self.files.clone();
        damage(files.get_mut(&seq).unwrap());
        files
    }

    /// Where the stream of the tail begins.
    fn tail_base(&self) -> u64 {
        *self.ends.iter().rfind(|&&end| end <= 12288 - 4096 - 700).unwrap().min(&self.durable)
    }
}

#[test]
fn the_sample_itself_is_whole() {
    let sample = sample();
    let end = sample.judge(&sample.files, "undamaged");
    assert_eq!(end, Some(sample.stream.len() as u64));
    assert!(sample.tail_base() < sample.durable && sample.durable < sample.stream.len() as u64);
}

#[test]
fn no_flipped_bit_is_believed() {
    let sample = sample();
    for seq in [1, 2] {
        for (at, bit) in (0..12288).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let files = sample.damaged(seq, |bytes| bytes[at] ^= 1 << bit);
            sample.judge(&files, &format!("bit {bit} of byte {at} of segment {seq}"));
        }
    }
}

#[test]
fn a_flipped_bit_in_durable_bytes_is_corruption_and_names_its_place() {
    let sample = sample();
    for at in PAGE_BYTES..PAGE_BYTES + 7000 {
        let files = sample.damaged(1, |bytes| bytes[at] ^= 4);
        let Err(OpenError::Recovery(RecoveryError::Corrupt {
            path, position, offset, why, ..
        })) = recover(&files, 0)
        else {
            panic!("byte {at} was believed");
        };
        assert!(path.ends_with("00000000000000000001.log"));
        assert_eq!(position, PAGE_BYTES as u64 + offset.0);
        assert!(position <= at as u64 && at as u64 <= position + 700, "{position} {at}");
        assert_eq!(why, Evidence::Durable);
    }
}

#[test]
fn a_flipped_bit_above_the_durable_watermark_is_a_torn_tail() {
    let sample = sample();
    let base = sample.files[&2][40..48].try_into().map(u64::from_le_bytes).unwrap();
    for offset in sample.durable..sample.stream.len() as u64 {
        let at = PAGE_BYTES + (offset - base) as usize;
        let files = sample.damaged(2, |bytes| bytes[at] ^= 4);
        let end = sample.judge(&files, "torn").unwrap();
        let whole = sample.ends.iter().rfind(|&&end| end <= offset).unwrap();
        assert_eq!(end, *whole);
    }
}

#[test]
fn a_file_cut_short_at_any_byte_is_never_a_shorter_log() {
    let sample = sample();
    for seq in [1, 2] {
        for len in 0..12288 {
            let files = sample.damaged(seq, |bytes| bytes.truncate(len));
            let end = sample.judge(&files, &format!("{len} bytes of {seq}"));
            let whole = sample.stream.len() as u64;
            // Only where the next segment vouches for the stream can the frames be spared.
            let spared = seq == 1 && len > PAGE_BYTES + 7000;
            assert!(end.is_none() || spared && end == Some(whole), "{len} bytes of {seq}");
        }
        let longer = sample.damaged(seq, |bytes| bytes.extend([0; 4096]));
        let whole = sample.stream.len() as u64;
        assert_eq!(sample.judge(&longer, "longer"), (seq == 1).then_some(whole));
    }
}

#[test]
fn sectors_zeroed_doubled_or_swapped_are_never_a_shorter_log() {
    let sample = sample();
    let sectors = 12288 / SECTOR;
    for seq in [1, 2] {
        for one in 0..sectors {
            let place = one * SECTOR..(one + 1) * SECTOR;
            let zeroed = sample.damaged(seq, |bytes| bytes[place.clone()].fill(0));
            sample.judge(&zeroed, &format!("sector {one} of {seq} zeroed"));
            for other in one + 1..sectors {
                let source = other * SECTOR..(other + 1) * SECTOR;
                let doubled =
                    sample.damaged(seq, |bytes| bytes.copy_within(source.clone(), place.start));
                sample.judge(&doubled, &format!("sector {other} of {seq} over {one}"));
                let swapped = sample.damaged(seq, |bytes| {
                    let kept = bytes[place.clone()].to_vec();
                    bytes.copy_within(source.clone(), place.start);
                    bytes[source].copy_from_slice(&kept);
                });
                sample.judge(&swapped, &format!("sectors {one} and {other} of {seq} swapped"));
            }
        }
    }
}

#[test]
fn segments_swapped_or_missing_are_refused() {
    let sample = sample();
    let mut swapped = sample.files.clone();
    let (one, two) = (swapped[&1].clone(), swapped[&2].clone());
    swapped.insert(1, two);
    swapped.insert(2, one);
    assert_eq!(sample.judge(&swapped, "swapped"), None);
    for seq in [1, 2] {
        let mut fewer = sample.files.clone();
        fewer.remove(&seq);
        let needed_from = Some(Offset(0));
        let durable_floor = Some(Offset(sample.durable));
        let expectation = Expectation { durable_floor, needed_from, ..Expectation::default() };
        let disk = Arc::new(HeapDisk::with_files(fewer));
        let result = Log::open_in(disk, &small(12288), &expectation, Helpers::Inline);
        assert!(matches!(result, Err(OpenError::Recovery(_))), "segment {seq} is not missed");
    }
}

#[test]
fn a_missing_middle_segment_is_named() {
    let disk = HeapDisk::default();
    let storage = Arc::new(disk.clone());
    let (_, mut writer) =
        Log::create_in(storage, Offset(0), &small(12288), Helpers::Inline).unwrap();
    for number in 0..10 {
        writer.append(&[&unit(number, 3000)]).unwrap();
        writer.seal();
    }
    let mut files = disk.files();
    files.remove(&3);
    let Err(OpenError::Recovery(RecoveryError::MissingSegment { missing, .. })) =
        recover(&files, 0)
    else {
        panic!("segment 3 is not missed");
    };
    assert!(missing.ends_with("00000000000000000003.log"));
}

#[test]
fn no_segment_is_removed_before_an_older_one_that_cannot_be() {
    let disk = HeapDisk::default();
    let storage = Arc::new(disk.clone());
    let (log, mut writer) =
        Log::create_in(storage, Offset(0), &small(12288), Helpers::Inline).unwrap();
    let mut write = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            writer.append(&[&unit(number, 3000)]).unwrap();
            writer.seal();
        }
        log.block_until_durable_at(log.sealed()).unwrap();
    };
    write(0..10);
    disk.pin(Some(2));
    log.retire_to(log.durable());
    let left = disk.files();
    assert!(!left.contains_key(&1) && left.contains_key(&2) && left.contains_key(&3));
    disk.pin(None);
    write(10..20);
    log.retire_to(log.durable());
    let opened = recover(&disk.files(), 0).expect("what is left hangs together");
    assert!(opened.recovered.start > Offset(0), "{:?}", opened.recovered);
    assert_eq!(opened.recovered.end, log.durable());
}

#[test]
fn force_cuts_corruption_and_the_next_start_needs_no_force() {
    let sample = sample();
    let files = sample.damaged(1, |bytes| bytes[PAGE_BYTES + 1500] ^= 1);
    let disk = HeapDisk::with_files(files);
    let forced = Expectation { on_corruption: OnCorruption::Cut, ..Expectation::default() };
    let opened =
        Log::open_in(Arc::new(disk.clone()), &small(12288), &forced, Helpers::Inline).unwrap();
    assert_eq!(opened.recovered.end, Offset(1400));
    assert!(opened.recovered.cut.as_ref().unwrap().was_durable);
    drop(opened);
    let again = Log::open_in(
        Arc::new(HeapDisk::with_files(disk.files())),
        &small(12288),
        &Expectation::default(),
        Helpers::Inline,
    );
    let recovered = again.unwrap().recovered;
    assert_eq!((recovered.end, recovered.cut), (Offset(1400), None));
}

#[test]
fn one_rotten_header_copy_and_one_rotten_frame_lose_nothing() {
    let sample = sample();
    let frame = slot_position(12288, 3) as usize;
    for at in [5, 2048 + 70, frame + 9] {
        let files = sample.damaged(1, |bytes| bytes[at] ^= 0x10);
        let opened = recover(&files, sample.durable).unwrap();
        assert_eq!(opened.recovered.end.0, sample.stream.len() as u64);
        assert_eq!(opened.recovered.healed, 1);
        assert_eq!(read_all(&opened.log, Offset(0)), sample.stream);
    }
}

/// Opens a log whose first segment is below what is needed, so that recovery does not read it.
fn needed_from_the_second(files: &BTreeMap<u64, Vec<u8>>) -> (Log, Writer) {
    let base = Offset(files[&2][40..48].try_into().map(u64::from_le_bytes).unwrap());
    let disk = Arc::new(HeapDisk::with_files(files.clone()));
    let expectation = Expectation { needed_from: Some(base), ..Expectation::default() };
    let opened = Log::open_in(disk, &small(12288), &expectation, Helpers::Inline).unwrap();
    (opened.log, opened.writer)
}

/// Reads on from `at` until nothing more comes; returns what came, and why no more did.
fn read_until_damaged(log: &Log, at: Offset, max_bytes: usize) -> (Vec<u8>, ReadError) {
    let mut reader = log.reader(at).unwrap();
    assert!(reader.is_cold(), "a look at the segment blocks");
    let mut bytes = Vec::new();
    loop {
        match reader.read(log.sealed(), max_bytes) {
            Ok(chunk) => bytes.extend_from_slice(&chunk.expect("there is damage ahead")),
            Err(error) => {
                assert_eq!(reader.read(log.sealed(), max_bytes).unwrap_err(), error);
                return (bytes, error);
            }
        }
    }
}

#[test]
fn rot_that_recovery_did_not_look_for_is_found_before_it_is_sent() {
    let sample = sample();
    let (log, _) = needed_from_the_second(&sample.files);
    assert_eq!(read_all(&log, Offset(0)), sample.stream);
    assert_eq!(log.sound_from(), Offset(0));
    // Less than a seal covers at once, several seals, and all.
    let sizes = [10, 3000, usize::MAX].into_iter().cycle();
    for (at, max_bytes) in (PAGE_BYTES..PAGE_BYTES + 7000).zip(sizes) {
        let (log, _) = needed_from_the_second(&sample.damaged(1, |bytes| bytes[at] ^= 4));
        let damaged_at = (at - PAGE_BYTES) as u64;
        let whole = sample.ends.iter().copied().rfind(|&end| end <= damaged_at).unwrap();
        let from = whole.min(300);
        let (bytes, error) = read_until_damaged(&log, Offset(from), max_bytes);
        assert_eq!(bytes, sample.stream[from as usize..whole as usize]);
        let ReadError::Damaged { path, offset, end, .. } = &error else { panic!("{error}") };
        assert!(path.ends_with("00000000000000000001.log"));
        assert_eq!(*offset, Offset(whole));
        // What lies above is served all the same.
        assert_eq!((log.first(), log.sound_from()), (Offset(0), *end));
        assert_eq!(read_all(&log, *end), sample.stream[end.0 as usize..]);
    }
}

#[test]
fn a_damaged_seal_costs_a_reader_nothing() {
    let sample = sample();
    for slot in 0..11 {
        let at = slot_position(12288, slot) as usize;
        let (log, _) = needed_from_the_second(&sample.damaged(1, |bytes| bytes[at + 9] ^= 4));
        assert_eq!(read_all(&log, Offset(0)), sample.stream, "slot {slot}");
    }
}

#[test]
fn a_segment_that_was_read_through_is_not_summed_again() {
    let sample = sample();
    let (log, _) = needed_from_the_second(&sample.files);
    assert!(log.reader(Offset(0)).unwrap().is_cold());
    read_all(&log, Offset(500));
    assert!(!log.reader(Offset(0)).unwrap().is_cold());
}

#[test]
fn a_seal_over_more_than_is_read_at_once_is_looked_at_as_a_whole_first() {
    let disk = HeapDisk::default();
    let storage = Arc::new(disk.clone());
    let (_, mut writer) =
        Log::create_in(storage, Offset(0), &small(12288), Helpers::Inline).unwrap();
    let mut stream = Vec::new();
    for number in 0..4 {
        let unit = unit(number, 50_000);
        writer.append(&[&unit]).unwrap();
        writer.seal();
        stream.extend_from_slice(&unit);
    }
    drop(writer);
    let expectation = Expectation { needed_from: Some(Offset(150_000)), ..Expectation::default() };
    let open = |files| {
        let disk = Arc::new(HeapDisk::with_files(files));
        Log::open_in(disk, &small(12288), &expectation, Helpers::Inline).unwrap().log
    };
    assert_eq!(read_all(&open(disk.files()), Offset(0)), stream);
    let mut files = disk.files();
    let damaged = files.values_mut().find(|bytes| bytes[40..48] == 50_000_u64.to_le_bytes());
    damaged.unwrap()[PAGE_BYTES + 49_999] ^= 1;
    let (bytes, error) = read_until_damaged(&open(files), Offset(0), 1000);
    assert_eq!(bytes, stream[..50_000]);
    assert!(matches!(error, ReadError::Damaged { offset: Offset(50_000), .. }), "{error}");
}

#[test]
fn forced_over_any_damage_a_recovery_stands() {
    let sample = sample();
    let mut state = 1_u64;
    let mut random = move |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let forced = Expectation { on_corruption: OnCorruption::Cut, ..Expectation::default() };
    let mut recovered_count = 0;
    for _ in 0..1500 {
        let mut files = sample.files.clone();
        for _ in 0..=random(4) {
            let bytes = files.get_mut(&(1 + random(2) as u64)).unwrap();
            let at = random(bytes.len().max(1));
            match random(6) {
                0 => bytes.truncate(at),
                1 => bytes.resize(at + 5000, 0),
                2 => bytes.iter_mut().skip(at).take(random(5000)).for_each(|byte| *byte = 0),
                3 => bytes.iter_mut().skip(random(128)).take(1).for_each(|byte| *byte ^= 1),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1),
            }
        }
        let disk = HeapDisk::with_files(files);
        let options = small(12288);
        let opened = Log::open_in(Arc::new(disk.clone()), &options, &forced, Helpers::Inline);
        let Ok(Opened { log, mut writer, recovered }) = opened else { continue };
        recovered_count += 1;
        assert!(recovered.start <= recovered.end);
        writer.append(&[b"more"]).unwrap();
        let end = writer.seal();
        let stream = read_all(&log, recovered.start);
        drop((log, writer));
        let again = recover(&disk.files(), 0).unwrap();
        assert_eq!((again.recovered.start, again.recovered.end), (recovered.start, end));
        assert_eq!(read_all(&again.log, recovered.start), stream);
    }
    assert!(recovered_count > 500, "only {recovered_count}");
}
