//! The log with all its threads: one writer, readers at the tail, syncs and retention meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

const UNITS: u64 = 3000;

fn byte_at(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// Follows the log to `end` and checks every byte.
fn follow(log: &Log, end: Offset) {
    let mut reader = log.reader(Offset(0)).unwrap();
    while reader.at() < end {
        log.block_until_sealed_at(reader.at().advanced(1), None);
        assert!(log.durable() <= log.sealed());
        while let Some(chunk) = reader.read(log.sealed(), 5000).unwrap() {
            for (at, &byte) in (chunk.offset().0..).zip(chunk.iter()) {
                assert_eq!(byte, byte_at(at), "at {at}");
            }
        }
    }
}

#[test]
fn readers_at_the_tail_see_every_byte_once_while_syncs_go_on() {
    for sync in [SyncPolicy::Always, SyncPolicy::Never] {
        let temp = tempfile::tempdir().unwrap();
        let options = Options { sync, ..small(32768) };
        let (log, mut writer) = Log::create(temp.path(), Offset(0), &options).unwrap();
        let sizes = |number: u64| 1 + (number * 37) % 400;
        let end = Offset((0..UNITS).map(sizes).sum());
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| follow(&log, end));
            }
            for number in 0..UNITS {
                let at = writer.written().0;
                let unit: Vec<_> = (at..at + sizes(number)).map(byte_at).collect();
                writer.append(&[&unit]).unwrap();
                if number % 4 == 3 {
                    writer.seal();
                }
            }
            assert_eq!(writer.seal(), end);
        });
        writer.close().unwrap();
        let opened = Log::open(temp.path(), &options, &Expectation::default()).unwrap();
        assert_eq!(opened.recovered.end, end);
    }
}

#[test]
fn readers_keep_what_they_hold_while_segments_are_retired_under_them() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &small(16384)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let first = log.first();
                let Ok(mut reader) = log.reader(first) else { continue };
                while let Ok(Some(chunk)) = reader.read(log.sealed(), 5000) {
                    for (at, &byte) in (chunk.offset().0..).zip(chunk.iter()) {
                        assert_eq!(byte, byte_at(at), "at {at}");
                    }
                }
            }
        });
        for _ in 0..UNITS {
            let at = writer.written().0;
            let unit: Vec<_> = (at..at + 200).map(byte_at).collect();
            writer.append(&[&unit]).unwrap();
            writer.seal();
            log.retire_to(Offset(at.saturating_sub(20_000)));
        }
        done.store(true, Ordering::Release);
    });
    let end = writer.close().unwrap();
    assert!(log.first() > Offset(0));
    assert_eq!(log.durable(), end);
}

#[tokio::test(flavor = "current_thread")]
async fn a_changed_policy_takes_effect_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let (log, mut writer) = Log::create(temp.path(), Offset(0), &small(65536)).unwrap();
    writer.append(&[b"unit"]).unwrap();
    let end = writer.seal();
    log.set_sync_policy(SyncPolicy::Always);
    log.becomes_durable_at(end).await.unwrap();
    log.set_sync_policy(SyncPolicy::EverySecond);
    writer.append(&[b"unit"]).unwrap();
    let end = writer.seal();
    log.request_sync();
    log.becomes_durable_at(end).await.unwrap();
}
