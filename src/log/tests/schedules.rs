//! The log under every order of steps that shuttle thinks of: nothing torn, lost, early or asleep.
//!
//! A thread that nobody wakes fails a schedule as a deadlock. A failure prints the schedule, which
//! `shuttle::replay` takes.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::rand::RngCore as _;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread;

use super::*;
use crate::log::heap::{Crash, HeapDisk};
use crate::log::watermarks::{SyncFailed, Watermarks};

const SCHEDULES: usize = 4000;
const WAKING_SCHEDULES: usize = 20_000;
/// Four of these fill a segment, so that one ends in the middle of everything.
const UNIT_BYTES: usize = 2000;
const UNITS: u64 = 7;
const END: Offset = Offset(UNITS * UNIT_BYTES as u64);

/// Half of the schedules are drawn at random, half hold some thread back for as long as can be.
fn explore(schedules: usize, world: impl Fn() + Send + Sync + 'static) {
    let world = Arc::new(world);
    let run = |scheduler: Box<dyn Scheduler + Send>| {
        let mut config = shuttle::Config::new();
        config.stack_size = 1 << 18;
        config.silence_warnings = true;
        let world = Arc::clone(&world);
        let explored = shuttle::Runner::new(scheduler, config).run(move || world());
        assert_eq!(explored, schedules / 2);
    };
    run(Box::new(RandomScheduler::new_from_seed(1, schedules / 2)));
    run(Box::new(PctScheduler::new_from_seed(2, 3, schedules / 2)));
}

fn options(sync: SyncPolicy) -> Options {
    // Time stands still in a schedule: nothing may wait for it to pass.
    let coalesce = Duration::ZERO;
    Options { sync, coalesce, residency: NOTHING_STAYS, ..small(format::SEGMENT_BYTES_MIN) }
}

fn create(disk: &HeapDisk, sync: SyncPolicy) -> (Log, Writer) {
    let storage = Arc::new(disk.clone());
    Log::create_in(storage, Offset(0), &options(sync), Helpers::Threads).unwrap()
}

fn join<T>(threads: impl IntoIterator<Item = thread::JoinHandle<T>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

fn number_at(offset: Offset) -> u64 {
    offset.0 / UNIT_BYTES as u64
}

/// Writes all units, sealing every second one, and closes the log.
fn write(mut writer: Writer) {
    for number in 0..UNITS {
        assert_eq!(number_at(writer.written()), number);
        writer.append(&[&unit(number, UNIT_BYTES)]).unwrap();
        if number % 2 == 1 {
            writer.seal();
        }
    }
    writer.seal();
    writer.close().unwrap();
}

fn check(chunk: &Chunk) {
    let mut at = chunk.offset();
    while at < chunk.end() {
        let within = at.0 as usize % UNIT_BYTES;
        let bytes = (UNIT_BYTES - within).min(chunk.end().since(at) as usize);
        let from = at.since(chunk.offset()) as usize;
        let expected = &unit(number_at(at), UNIT_BYTES)[within..within + bytes];
        assert_eq!(&chunk[from..from + bytes], expected, "at {at}");
        at = at.advanced(bytes as u64);
    }
}

/// Reads to the end, waiting for more by `wait`, and begins anew where it fell behind retention.
fn follow(log: &Log, wait: impl Fn(&Log, Offset)) {
    let mut reader = log.reader(log.first()).ok();
    let mut at = log.first();
    while at < END {
        let Some(following) = &mut reader else {
            // The segments go before the start rises: whoever retires them must get on.
            thread::yield_now();
            at = log.first();
            reader = log.reader(at).ok();
            continue;
        };
        wait(log, following.at().advanced(1));
        let sealed = log.sealed();
        match following.read(sealed, 3000) {
            Ok(Some(chunk)) => {
                assert!(chunk.end() <= log.sealed());
                check(&chunk);
                at = chunk.end();
            }
            Ok(None) => assert!(following.at() >= sealed, "what was waited for is not there"),
            Err(ReadError::BelowStart { .. }) => reader = None,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Looks at the watermarks, lowest first: each rises, so their order shows at any moment.
fn watch(log: &Log, looks: usize) {
    let mut last = [Offset(0); 4];
    for _ in 0..looks {
        let marks = [log.first(), log.durable(), log.sealed(), log.written()];
        assert!(marks.is_sorted(), "{marks:?}");
        assert!(marks.iter().zip(&last).all(|(now, before)| now >= before), "{last:?} {marks:?}");
        last = marks;
    }
}

/// Cuts the power, and recovers what the disk then holds.
fn check_power_loss(log: &Log, disk: &HeapDisk) {
    let durable = log.durable();
    let found = disk.after(Crash::Power, &mut || shuttle::rand::thread_rng().next_u64());
    let opened = Log::open_in(
        Arc::new(found),
        &options(SyncPolicy::Never),
        &Expectation::default(),
        Helpers::Inline,
    );
    let recovered = opened.unwrap().recovered;
    assert!(recovered.end >= durable, "{durable} was durable, but {recovered:?}");
}

#[test]
fn readers_see_sealed_bytes_only_and_all_of_them_in_every_schedule() {
    explore(SCHEDULES, || {
        let (log, writer) = create(&HeapDisk::default(), SyncPolicy::Never);
        let (blocking, awaiting, watching) = (log.clone(), log.clone(), log.clone());
        let threads = [
            thread::spawn(move || {
                follow(&blocking, |log, at| assert!(log.block_until_sealed_at(at, None)));
            }),
            thread::spawn(move || follow(&awaiting, |log, at| block_on(log.sealed_at(at)))),
            thread::spawn(move || watch(&watching, 10)),
        ];
        write(writer);
        assert_eq!((log.sealed(), log.durable()), (END, END));
        join(threads);
    });
}

#[test]
fn whoever_waits_for_durability_is_woken_in_every_schedule_and_for_what_is_on_the_disk() {
    explore(SCHEDULES, || {
        let disk = HeapDisk::default();
        let (log, writer) = create(&disk, SyncPolicy::Never);
        let (blocking, awaiting, watching) = (log.clone(), log.clone(), log.clone());
        let threads = [
            thread::spawn(move || {
                blocking.block_until_sealed_at(Offset(1), None);
                blocking.block_until_durable_at(blocking.sealed()).unwrap();
                check_power_loss(&blocking, &disk);
            }),
            thread::spawn(move || {
                block_on(awaiting.durable_at(END)).unwrap();
                assert_eq!(awaiting.durable(), END);
            }),
            thread::spawn(move || watch(&watching, 10)),
        ];
        write(writer);
        join(threads);
    });
}

#[test]
fn syncs_follow_every_seal_unasked_where_the_policy_says_so_in_every_schedule() {
    explore(SCHEDULES, || {
        let (log, mut writer) = create(&HeapDisk::default(), SyncPolicy::Always);
        for number in 0..3 {
            writer.append(&[&unit(number, UNIT_BYTES)]).unwrap();
            let end = writer.seal();
            block_on(log.becomes_durable_at(end)).unwrap();
        }
        log.set_sync_policy(SyncPolicy::Never);
        writer.append(&[&unit(3, UNIT_BYTES)]).unwrap();
        let end = writer.seal();
        log.set_eager(true);
        block_on(log.becomes_durable_at(end)).unwrap();
        writer.close().unwrap();
    });
}

#[test]
fn turns_share_syncs_and_none_ends_before_its_bytes_are_on_the_disk_in_every_schedule() {
    const TURNS: u64 = 2;
    explore(SCHEDULES, || {
        let disk = HeapDisk::default();
        let (log, writer) = create(&disk, SyncPolicy::Always);
        let writer = Arc::new(shuttle::sync::Mutex::new(writer));
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let (log, writer, disk) = (log.clone(), Arc::clone(&writer), disk.clone());
                thread::spawn(move || {
                    for turn in 0..TURNS {
                        let end = {
                            let mut writer = writer.lock().unwrap();
                            writer.append(&[&unit(worker * TURNS + turn, UNIT_BYTES)]).unwrap();
                            writer.seal_unnoticed()
                        };
                        log.sync_through(end).unwrap();
                        assert!(log.durable() >= end);
                        check_power_loss(&log, &disk);
                    }
                })
            })
            .collect();
        join(workers);
        assert_eq!(log.durable(), log.written());
        let Ok(writer) = Arc::try_unwrap(writer) else { panic!("all threads have ended") };
        writer.into_inner().unwrap().close().unwrap();
    });
}

#[test]
fn retired_segments_stay_with_those_who_read_them_in_every_schedule() {
    explore(SCHEDULES, || {
        let disk = HeapDisk::default();
        let (log, writer) = create(&disk, SyncPolicy::Always);
        let (reading, retiring, watching) = (log.clone(), log.clone(), log.clone());
        let threads = [
            thread::spawn(move || {
                follow(&reading, |log, at| assert!(log.block_until_sealed_at(at, None)));
            }),
            thread::spawn(move || {
                for number in 1..UNITS {
                    let horizon = Offset(number * UNIT_BYTES as u64);
                    block_on(retiring.becomes_durable_at(horizon)).unwrap();
                    retiring.retire_to(horizon);
                    assert!(retiring.first() <= horizon);
                    check_power_loss(&retiring, &disk);
                }
            }),
            thread::spawn(move || watch(&watching, 10)),
        ];
        write(writer);
        join(threads);
        assert!(log.first() > Offset(0));
    });
}

#[test]
fn a_failed_disk_is_told_to_everyone_who_waits_in_every_schedule() {
    explore(SCHEDULES, || {
        let disk = HeapDisk::default();
        let (log, mut writer) = create(&disk, SyncPolicy::Never);
        writer.append(&[&unit(0, UNIT_BYTES)]).unwrap();
        let end = writer.seal();
        disk.fail_after(0);
        let (blocking, awaiting, failing) = (log.clone(), log.clone(), log.clone());
        let leading = log.clone();
        let threads = [
            thread::spawn(move || blocking.block_until_durable_at(end).unwrap_err()),
            thread::spawn(move || block_on(awaiting.durable_at(end)).unwrap_err()),
            thread::spawn(move || block_on(failing.failed())),
            thread::spawn(move || leading.sync_through(end).unwrap_err()),
        ];
        join(threads);
        assert_eq!(log.durable(), Offset(0));
        assert!(log.admission().is_err());
        writer.close().unwrap_err();
    });
}

#[test]
fn no_wake_up_is_lost_between_a_look_at_a_watermark_and_the_sleep_in_every_schedule() {
    explore(WAKING_SCHEDULES, || {
        let marks = Arc::new(Watermarks::new(Offset(0), Offset(0)));
        let (blocking, awaiting) = (Arc::clone(&marks), Arc::clone(&marks));
        let (hopeful, hopeless) = (Arc::clone(&marks), Arc::clone(&marks));
        let threads = [
            thread::spawn(move || assert!(blocking.block_until_sealed_at(Offset(2), None))),
            thread::spawn(move || block_on(awaiting.sealed_at(Offset(2)))),
            thread::spawn(move || hopeful.block_until_durable_at(Offset(1)).unwrap()),
            thread::spawn(move || drop(block_on(hopeless.durable_at(Offset(2))).unwrap_err())),
        ];
        marks.raise_sealed(Offset(1));
        marks.raise_durable(Offset(1));
        marks.raise_sealed(Offset(2));
        marks.fail(SyncFailed { reason: "the disk is gone".into() });
        join(threads);
    });
}
