//! Following a log that is being written, from outside.

use std::fs;
use std::path::Path;

use super::*;
use crate::log::following::{Growing, Growth, Sequel, sequel};
use crate::log::inspect::{self, Listed};

const UNIT_BYTES: u64 = 1500;

fn listed(directory: &Path) -> Vec<Listed> {
    let mut all = inspect::list(directory).unwrap();
    all.retain(|file| file.header().is_some());
    all
}

fn first(directory: &Path) -> Growing {
    Growing::open(&listed(directory)[0]).unwrap().unwrap()
}

fn append(writer: &mut Writer, number: u64) {
    writer.append(&[&unit(number, UNIT_BYTES as usize)]).unwrap();
}

/// A log of several segments, of which the last is in use.
fn write(directory: &Path) -> (Log, Writer) {
    let (log, mut writer) = Log::create(directory, Offset(0), &small(12288)).unwrap();
    for number in 0..20 {
        append(&mut writer, number);
        writer.seal();
    }
    (log, writer)
}

/// Reads what there is, from segment to segment.
fn follow(directory: &Path, growing: &mut Growing, from: Offset) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let found = sequel(directory, &growing.stretch().header).unwrap();
        let next = match &found {
            Sequel::Next(next) => next.header(),
            _ => None,
        };
        assert_eq!(growing.grow(next).unwrap(), Growth::Whole);
        let stretch = growing.stretch();
        let at = from.advanced(bytes.len() as u64);
        let mut part = vec![0; stretch.end.since(at) as usize];
        assert_eq!(stretch.read(at, &mut part).unwrap(), part.len());
        bytes.extend(part);
        match found {
            Sequel::Next(next) => *growing = Growing::open(&next).unwrap().unwrap(),
            Sequel::None => return bytes,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_sealed_is_taken_in_and_nothing_that_is_not() {
    let temp = tempfile::tempdir().unwrap();
    let (_log, mut writer) = Log::create(temp.path(), Offset(0), &small(12288)).unwrap();
    let mut growing = first(temp.path());
    let mut at = Offset(0);
    for number in 0..30 {
        append(&mut writer, number);
        assert_eq!(follow(temp.path(), &mut growing, at), [0; 0], "it is not sealed");
        writer.seal();
        assert_eq!(follow(temp.path(), &mut growing, at), unit(number, UNIT_BYTES as usize));
        assert!(growing.stretch().sealed_ms(writer.sealed()).is_some());
        at = writer.sealed();
    }
    assert!(listed(temp.path()).len() > 3);
}

#[test]
fn many_seals_at_once_are_taken_in_whole() {
    let temp = tempfile::tempdir().unwrap();
    let (_log, mut writer) = Log::create(temp.path(), Offset(0), &small(65536)).unwrap();
    let mut growing = first(temp.path());
    // More than a page of frames.
    for number in 0..500 {
        writer.append(&[&unit(number, 20)]).unwrap();
        writer.seal();
    }
    assert_eq!(growing.grow(None).unwrap(), Growth::Whole);
    assert_eq!((growing.stretch().end, growing.stretch().frames.len()), (Offset(10_000), 500));
}

#[test]
fn a_lost_frame_is_made_good_by_a_later_one_and_a_changed_byte_by_none() {
    let temp = tempfile::tempdir().unwrap();
    let (_log, _writer) = write(temp.path());
    let files = listed(temp.path());
    let next = files[1].header();
    let whole = fs::read(&files[0].path).unwrap();
    let end = next.unwrap().base;
    for lost in [1, 2, 5] {
        let mut bytes = whole.clone();
        let table = bytes.len() - 32 * lost;
        bytes[table..].fill(0);
        fs::write(&files[0].path, &bytes).unwrap();
        let mut growing = first(temp.path());
        assert_eq!((growing.grow(next).unwrap(), growing.stretch().end), (Growth::Whole, end));
    }
    let mut bytes = whole;
    bytes[4096 + UNIT_BYTES as usize + 7] ^= 1;
    fs::write(&files[0].path, &bytes).unwrap();
    for next in [next, None] {
        let mut growing = first(temp.path());
        assert_eq!(growing.grow(next).unwrap(), Growth::Broken);
        assert_eq!(growing.stretch().end, Offset(UNIT_BYTES), "what comes before is there");
    }
}

#[test]
fn what_comes_next_is_told_from_what_is_gone() {
    let temp = tempfile::tempdir().unwrap();
    let (_log, _writer) = write(temp.path());
    let files = listed(temp.path());
    let header = *files[0].header().unwrap();
    let found = || sequel(temp.path(), &header).unwrap();
    let Sequel::Next(next) = found() else { panic!("{:?}", found()) };
    assert_eq!(next.path, files[1].path);
    assert!(matches!(
        sequel(temp.path(), files.last().unwrap().header().unwrap()),
        Ok(Sequel::None)
    ));
    // The first may be gone as long as the next is there.
    fs::remove_file(&files[0].path).unwrap();
    assert!(matches!(found(), Sequel::Next(_)));
    fs::remove_file(&files[1].path).unwrap();
    assert!(matches!(found(), Sequel::Retired));
    for file in &files[2..] {
        fs::remove_file(&file.path).unwrap();
    }
    assert!(matches!(found(), Sequel::Replaced));
}

#[test]
fn a_segment_that_a_recovery_has_replaced_is_found_out() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = write(temp.path());
    drop(log);
    append(&mut writer, 20);
    writer.seal();
    let end = writer.sealed();
    append(&mut writer, 21);
    drop(writer);
    let reopen = || Log::open(temp.path(), &small(12288), &Expectation::default()).unwrap();
    // A start that ends before anything is written: its segment is left empty.
    drop(reopen());
    let empty = *listed(temp.path()).last().unwrap().header().unwrap();
    let mut before =
        Growing::open(&listed(temp.path())[listed(temp.path()).len() - 2]).unwrap().unwrap();
    assert_eq!(before.grow(Some(&empty)).unwrap(), Growth::Whole);
    assert!(before.has_torn_tail().unwrap(), "a unit was appended and never sealed");
    drop(reopen());
    let Ok(Sequel::Instead(instead)) = sequel(temp.path(), &empty) else { panic!() };
    let header = *instead.header().unwrap();
    assert_eq!((header.base, empty.base), (end, end));
    assert!(header.epoch > empty.epoch);
}
