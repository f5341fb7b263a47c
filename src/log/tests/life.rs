//! The ordinary life of a log on real files.

use super::*;

#[test]
fn what_is_sealed_is_read_back_now_and_after_an_orderly_end() {
    let temp = tempfile::tempdir().unwrap();
    let options = small(16384);
    let (log, mut writer) = Log::create(temp.path(), Offset(500), &options).unwrap();
    let mut stream = Vec::new();
    for number in 0..200 {
        let unit = unit(number, 10 + number as usize * 3);
        let (head, tail) = unit.split_at(5);
        writer.append(&[head, tail]).unwrap();
        stream.extend_from_slice(&unit);
        if number % 3 == 0 {
            writer.seal();
        }
    }
    assert_eq!(writer.seal(), Offset(500 + stream.len() as u64));
    assert_eq!(read_all(&log, Offset(500)), stream);
    assert!(log.segments() > 4);
    let end = writer.close().unwrap();
    assert_eq!(log.durable(), end);
    drop(log);

    for _ in 0..2 {
        let Opened { log, writer, recovered } =
            Log::open(temp.path(), &options, &Expectation::default()).unwrap();
        assert_eq!((recovered.start, recovered.end), (Offset(500), end));
        assert_eq!((recovered.cut, recovered.durable_floor, recovered.healed), (None, end, 0));
        assert!(recovered.was_clean && recovered.unsealed == 0);
        assert_eq!(read_all(&log, Offset(500)), stream);
        assert_eq!(read_all(&log, Offset(700)), &stream[200..]);
        writer.close().unwrap();
    }
}

#[test]
fn without_an_orderly_end_nothing_sealed_is_lost_and_what_was_not_sealed_is() {
    let temp = tempfile::tempdir().unwrap();
    let options = small(16384);
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &options).unwrap();
    writer.append(&[b"sealed"]).unwrap();
    writer.seal();
    writer.append(&[b"not sealed"]).unwrap();
    drop((log, writer));
    let expectation = Expectation { boot_id: [1; 16], ..Expectation::default() };
    let Opened { log, mut writer, recovered } =
        Log::open(temp.path(), &options, &expectation).unwrap();
    assert_eq!((recovered.end, recovered.cut, recovered.unsealed), (Offset(6), None, 10));
    assert!(recovered.same_boot && !recovered.was_clean);
    writer.append(&[b" and on"]).unwrap();
    writer.seal();
    assert_eq!(read_all(&log, Offset(0)), b"sealed and on");
}

#[test]
fn a_unit_larger_than_a_segment_gets_one_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let options = small(16384);
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &options).unwrap();
    let large = unit(1, 100_000);
    let secured = log.secure(large.len() as u64).unwrap();
    writer.append(&[b"small"]).unwrap();
    writer.append(&[&large]).unwrap();
    drop(secured);
    writer.append(&[&large]).unwrap();
    writer.append(&[b"small"]).unwrap();
    let end = writer.seal();
    let stream = [b"small", &large[..], &large[..], b"small"].concat();
    assert_eq!(read_all(&log, Offset(0)), stream);
    writer.close().unwrap();
    let opened = Log::open(temp.path(), &options, &Expectation::default()).unwrap();
    assert_eq!(opened.recovered.end, end);
    assert_eq!(read_all(&opened.log, Offset(0)), stream);
}

#[tokio::test(flavor = "current_thread")]
async fn durability_is_awaited_under_every_policy() {
    for sync in [SyncPolicy::Always, SyncPolicy::EverySecond, SyncPolicy::Never] {
        let temp = tempfile::tempdir().unwrap();
        let options = Options { sync, ..small(65536) };
        let (log, mut writer) = Log::create(temp.path(), Offset(0), &options).unwrap();
        for number in 0..20 {
            writer.append(&[&unit(number, 5000)]).unwrap();
            let end = writer.seal();
            log.durable_at(end).await.unwrap();
            assert!(log.durable() >= end);
        }
        // The last one is counted after it is announced.
        assert!(log.sync_statistics().count >= 19);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_eager_log_becomes_durable_without_being_asked() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &small(65536)).unwrap();
    log.set_eager(true);
    for number in 0..10 {
        writer.append(&[&unit(number, 100)]).unwrap();
        let end = writer.seal();
        log.becomes_durable_at(end).await.unwrap();
    }
}

#[test]
fn retired_segments_are_gone_and_their_readers_are_not() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &small(16384)).unwrap();
    let mut reader = log.reader(Offset(0)).unwrap();
    for number in 0..20 {
        writer.append(&[&unit(number, 4000)]).unwrap();
        writer.seal();
    }
    let held = reader.read(log.sealed(), 4000).unwrap().unwrap();
    log.block_until_durable_at(log.sealed()).unwrap();
    log.retire_to(Offset(30_000));
    assert!(log.first() > Offset(0) && log.first() <= Offset(30_000));
    assert_eq!(&held[..], unit(0, 4000));
    let first = log.first();
    let below = ReadError::BelowStart { wanted: Offset(0), start: first };
    assert_eq!(log.reader(Offset(0)).unwrap_err(), below);
    let mut result = reader.read(log.sealed(), usize::MAX);
    while let Ok(Some(_)) = result {
        result = reader.read(log.sealed(), usize::MAX);
    }
    assert!(matches!(result, Err(ReadError::BelowStart { .. })), "{result:?}");
    let sealed = log.sealed();
    let above = ReadError::AboveEnd { wanted: Offset(sealed.0 + 1), sealed };
    assert_eq!(log.reader(Offset(sealed.0 + 1)).unwrap_err(), above);
    writer.close().unwrap();
    let opened = Log::open(temp.path(), &small(16384), &Expectation::default()).unwrap();
    assert_eq!((opened.recovered.start, opened.recovered.end), (first, sealed));
}

#[test]
fn a_log_needed_from_below_its_start_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let (_, writer) = Log::create(temp.path(), Offset(100), &small(16384)).unwrap();
    writer.close().unwrap();
    let expectation = Expectation { needed_from: Some(Offset(99)), ..Expectation::default() };
    let error = Log::open(temp.path(), &small(16384), &expectation).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, OpenError::Recovery(RecoveryError::MissingStart { .. })), "{text}");
}

#[test]
fn an_empty_directory_is_no_log_and_a_log_is_not_created_twice() {
    let temp = tempfile::tempdir().unwrap();
    let error = Log::open(temp.path(), &small(16384), &Expectation::default()).unwrap_err();
    assert!(matches!(error, OpenError::Recovery(RecoveryError::Empty(_))));
    let (log, writer) = Log::create(temp.path(), Offset(0), &small(16384)).unwrap();
    let again = Log::create(temp.path(), Offset(0), &small(16384));
    assert!(matches!(again, Err(OpenError::Exists(_))));
    drop((log, writer));
    Log::remove_all(temp.path()).unwrap();
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_far_behind_reads_closed_segments_and_the_tail_alike() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &small(24 << 20)).unwrap();
    let mut stream = Vec::new();
    for number in 0..450 {
        let unit = unit(number, 100_000);
        let secured = log.secure(unit.len() as u64).unwrap();
        writer.append(&[&unit]).unwrap();
        drop(secured);
        stream.extend_from_slice(&unit);
        writer.seal();
    }
    let extents = log.extents();
    let tail = extents.last().unwrap().base;
    assert!(extents.len() > 1 && log.sealed().since(tail) > 18 << 20);
    for from in [Offset(0), Offset(12_345), tail] {
        let mut reader = log.reader(from).unwrap();
        assert!(reader.is_cold());
        let mut at = from.0 as usize;
        while let Some(chunk) = reader.read(log.sealed(), 1 << 20).unwrap() {
            assert!(stream[at..].starts_with(&chunk));
            at += chunk.len();
        }
        assert!(at == stream.len() && !reader.is_cold());
    }
}

#[test]
fn restarts_take_no_more_room_than_what_they_wrote() {
    let temp = tempfile::tempdir().unwrap();
    let options = small(4 << 20);
    let (_, mut writer) = Log::create(temp.path(), Offset(0), &options).unwrap();
    let mut stream = Vec::new();
    for number in 0..8 {
        let unit = unit(number, 5000);
        writer.append(&[&unit]).unwrap();
        writer.seal();
        stream.extend_from_slice(&unit);
        // Half of the ends are orderly.
        if number % 2 == 0 {
            writer.close().unwrap();
        } else {
            drop(writer);
        }
        let opened = Log::open(temp.path(), &options, &Expectation::default()).unwrap();
        assert_eq!(read_all(&opened.log, Offset(0)), stream);
        let closed = opened.log.segments() - 1;
        let room = opened.log.file_bytes() - (4 << 20);
        assert_eq!(closed, number as usize + 1);
        assert!(room <= closed as u64 * 32 * 1024, "{room} bytes in {closed} segments");
        writer = opened.writer;
    }
}
