//! Looking at directories from outside, and the golden files of format version 1.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::log::findings::{self, Finding, Verdict};
use crate::log::format::{Frame, PAGE_BYTES};
use crate::log::inspect::{self, Depth, Inspected, OpenSegment};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/log")
}

/// The stream in the golden files: batches of units of growing size.
fn golden_stream() -> Vec<u8> {
    (0..12).flat_map(|number| unit(number, 100 + number as usize * 150)).collect()
}

fn copy_of(directory: &Path) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), temp.path().join(entry.file_name())).unwrap();
    }
    temp
}

fn inspect(directory: &Path) -> Vec<Inspected> {
    inspect::inspect(directory, Depth::Stream).unwrap()
}

fn findings(files: &[Inspected]) -> Vec<Finding> {
    findings::findings(files, &Expectation::default())
}

fn open_all(directory: &Path) -> Vec<OpenSegment> {
    let listed = inspect::list(directory).unwrap();
    let next = |file: &inspect::Listed| inspect::next_of(&listed, file.header()?.seq);
    let open = |file| OpenSegment::open(file, next(file), Depth::Stream).unwrap();
    listed.iter().filter_map(open).collect()
}

/// Makes the golden files anew in the directory `BACKLOGD_GOLDEN_LOG` names; they never change
/// for one version, so this is run once per version.
fn make_golden(directory: &Path) {
    let (log, mut writer) = Log::create(directory, Offset(1_000_000), &small(12288)).unwrap();
    for number in 0..12 {
        writer.append(&[&unit(number, 100 + number as usize * 150)]).unwrap();
        if number % 2 == 1 {
            writer.seal();
        }
    }
    log.block_until_durable_at(writer.sealed()).unwrap();
    writer.close().unwrap();
}

#[test]
fn the_golden_files_of_version_1_read_as_they_always_did() {
    if let Some(directory) = std::env::var_os("BACKLOGD_GOLDEN_LOG") {
        make_golden(Path::new(&directory));
    }
    let files = inspect(&golden());
    assert_eq!(findings(&files), []);
    let segments: Vec<_> = files.iter().filter_map(|file| file.segment()).collect();
    assert_eq!(segments.len(), 2);
    assert_eq!(segments[0].header.base, Offset(1_000_000));
    assert_eq!(segments[0].header.replid, Replid::from_bytes([7; 20]));
    assert_eq!(segments[1].header.base, segments[0].verified_end);
    assert!(segments[1].is_clean && !segments[0].is_clean);
    let (frames, stream) =
        (inspect::inspect(&golden(), Depth::Frames).unwrap(), inspect(&golden()));
    assert_eq!(format!("{frames:?}"), format!("{stream:?}"));

    let temp = copy_of(&golden());
    let opened = Log::open(temp.path(), &small(12288), &Expectation::default()).unwrap();
    assert!(opened.recovered.was_clean);
    assert_eq!(read_all(&opened.log, Offset(1_000_000)), golden_stream());
}

#[test]
fn what_is_decoded_from_the_golden_files_encodes_to_the_same_bytes() {
    for segment in open_all(&golden()) {
        let header = segment.facts.header;
        let bytes = fs::read(&segment.facts.path).unwrap();
        assert_eq!(bytes[..PAGE_BYTES], header.encode());
        for &(slot, frame) in &segment.stretch.frames {
            let at = crate::log::format::slot_position(header.file_len, slot) as usize;
            assert_eq!(bytes[at..at + 32], Frame::encode(&frame, header.salt, slot));
        }
    }
}

#[test]
fn damage_is_named_with_file_place_and_verdict_and_nothing_is_changed() {
    let temp = copy_of(&golden());
    let first = inspect(temp.path()).remove(0);
    let mut bytes = fs::read(&first.path).unwrap();
    bytes[PAGE_BYTES + 400] ^= 1;
    fs::write(&first.path, &bytes).unwrap();
    let found = findings(&inspect(temp.path()));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].verdict, found[0].path.clone()), (Verdict::Corrupt, first.path.clone()));
    let offset = found[0].offset.unwrap();
    assert_eq!(found[0].position, PAGE_BYTES as u64 + offset.0 - 1_000_000);
    assert!(offset <= Offset(1_000_400) && offset > Offset(1_000_300));
    assert!(found[0].verdict.is_fatal() && found[0].to_string().contains("byte 4446"));
    assert_eq!(fs::read(&first.path).unwrap(), bytes);
}

#[test]
fn a_live_directory_can_be_looked_at() {
    let temp = tempfile::tempdir().unwrap();
    let (_log, mut writer) = Log::create(temp.path(), Offset(0), &small(12288)).unwrap();
    for number in 0..10 {
        writer.append(&[&unit(number, 1500)]).unwrap();
        writer.seal();
        let files = inspect(temp.path());
        assert_eq!(findings(&files), []);
        let tail = open_all(temp.path()).pop().unwrap();
        assert_eq!(tail.facts.verified_end, writer.sealed());
        assert!(tail.stretch.sealed_ms(Offset(number * 1500 + 1)).is_some());
        assert_eq!(tail.stretch.sealed_ms(Offset(number * 1500 + 1501)), None);
        let mut bytes = [0; 1500];
        assert_eq!(tail.stretch.read(Offset(number * 1500), &mut bytes).unwrap(), 1500);
        assert_eq!(&bytes[..], unit(number, 1500));
    }
}

#[test]
fn a_missing_segment_and_a_lost_header_are_found() {
    let temp = tempfile::tempdir().unwrap();
    let (_log, mut writer) = Log::create(temp.path(), Offset(0), &small(12288)).unwrap();
    for number in 0..10 {
        writer.append(&[&unit(number, 3000)]).unwrap();
        writer.seal();
    }
    drop(writer);
    let verdicts = |path: &Path| -> Vec<_> {
        findings(&inspect(path)).iter().map(|finding| finding.verdict).collect()
    };
    let files = inspect(temp.path());
    assert_eq!(verdicts(temp.path()), []);
    fs::remove_file(&files[1].path).unwrap();
    assert!(verdicts(temp.path()).contains(&Verdict::MissingBefore));
    let mut bytes = fs::read(&files[2].path).unwrap();
    (bytes[7], bytes[2055]) = (0, 0);
    fs::write(&files[2].path, bytes).unwrap();
    assert!(verdicts(temp.path()).contains(&Verdict::HeaderUnreadable));
}

/// Several segments, closed in good order; the first file and the base of the second.
fn closed(directory: &Path) -> (PathBuf, Offset) {
    let (log, mut writer) = Log::create(directory, Offset(0), &small(12288)).unwrap();
    for number in 0..10 {
        writer.append(&[&unit(number, 3000)]).unwrap();
        writer.seal();
    }
    log.block_until_durable_at(writer.sealed()).unwrap();
    writer.close().unwrap();
    let files = inspect(directory);
    (files[0].path.clone(), files[1].segment().unwrap().header.base)
}

/// What is found where a log is needed from an offset on, and whether a start refuses.
fn judged(directory: &Path, needed_from: Offset) -> (Vec<Verdict>, bool) {
    let expectation = Expectation { needed_from: Some(needed_from), ..Expectation::default() };
    let found = findings::findings(&inspect(directory), &expectation);
    let verdicts: Vec<_> = found.iter().map(|finding| finding.verdict).collect();
    let refuses = Log::examine(directory, &expectation).is_err();
    assert_eq!(verdicts.iter().any(|verdict| verdict.is_fatal()), refuses, "{verdicts:?}");
    (verdicts, refuses)
}

#[test]
fn damage_below_what_is_needed_is_damage_and_stops_no_start() {
    let temp = tempfile::tempdir().unwrap();
    let (first, base) = closed(temp.path());
    let sound = fs::read(&first).unwrap();
    let mut bytes = sound.clone();
    bytes[PAGE_BYTES + 400] ^= 1;
    fs::write(&first, &bytes).unwrap();
    assert_eq!(judged(temp.path(), base), (vec![Verdict::NotNeeded], false));
    assert_eq!(judged(temp.path(), Offset(base.0 - 1)), (vec![Verdict::Corrupt], true));
    assert!(Verdict::NotNeeded.is_damage());
    // The next segment vouches for the stream, so a start does not need the frames.
    fs::write(&first, &sound[..sound.len() - 32]).unwrap();
    for needed in [Offset(0), base] {
        assert!(!judged(temp.path(), needed).1);
    }
}

#[test]
fn an_emptied_file_is_told_from_one_that_is_missing() {
    for index in [0, 1] {
        let temp = tempfile::tempdir().unwrap();
        let (_, base) = closed(temp.path());
        let path = inspect(temp.path())[index].path.clone();
        fs::write(&path, "").unwrap();
        let (verdicts, _) = judged(temp.path(), base);
        assert_eq!(verdicts, [Verdict::Emptied], "{index}");
        let error = Log::examine(temp.path(), &Expectation::default()).unwrap_err().to_string();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(&format!("{name} is empty, but")), "{error}");
    }
}
