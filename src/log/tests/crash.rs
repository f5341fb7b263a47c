//! The crash model: random lives of a log on a disk that loses what it may, by seed.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::*;
use crate::log::heap::{Crash, HeapDisk};

const LIVES: u64 = 2;
const STEPS: u64 = 32;

/// `SplitMix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What must be true, kept beside the log.
struct Oracle {
    base: u64,
    /// Every byte appended from `base` on, and where batches of whole units were sealed.
    stream: Vec<u8>,
    unit_ends: BTreeSet<u64>,
    sealed: u64,
    durable: u64,
    start: u64,
    boot: u8,
}

struct World {
    random: Random,
    disk: HeapDisk,
    options: Options,
    oracle: Oracle,
}

/// Why a life ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Crash,
    /// An operation of the disk failed: the process gives up.
    Failed,
    Orderly,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let segment_bytes = 4096 * (3 + random.below(4));
        let base = if random.one_in(2) { 0 } else { random.below(1 << 40) };
        let oracle = Oracle {
            base,
            stream: Vec::new(),
            unit_ends: BTreeSet::from([base]),
            sealed: base,
            durable: base,
            start: base,
            boot: 1,
        };
        Self { random, disk: HeapDisk::default(), options: small(segment_bytes), oracle }
    }

    fn run(&mut self) {
        let base = Offset(self.oracle.base);
        let storage = Arc::new(self.disk.clone());
        let (log, writer) = Log::create_in(storage, base, &self.options, Helpers::Inline).unwrap();
        let mut end = self.live(&log, writer);
        for _ in 0..LIVES {
            let (log, writer) = self.come_back(&end);
            end = self.live(&log, writer);
        }
        self.come_back(&end);
    }

    /// Lives until something ends it.
    fn live(&mut self, log: &Log, mut writer: Writer) -> End {
        if self.random.one_in(3) {
            self.disk.fail_after(self.random.below(20));
        }
        for _ in 0..self.random.below(STEPS) {
            let written = writer.written().0;
            match self.random.below(12) {
                0..=4 => {
                    let bytes = self.unit_bytes();
                    let unit = unit(written, bytes);
                    if writer.append(&[&unit]).is_err() {
                        return self.note(log, End::Failed);
                    }
                    self.oracle.stream.extend_from_slice(&unit);
                    self.oracle.unit_ends.insert(writer.written().0);
                }
                5..=7 => assert_eq!(writer.seal(), writer.written()),
                8 => {
                    if log.block_until_durable_at(log.sealed()).is_err() {
                        return self.note(log, End::Failed);
                    }
                }
                9 => {
                    let durable = log.durable().since(log.first()) + 1;
                    log.retire_to(log.first().advanced(self.random.below(durable)));
                }
                _ => {
                    for _ in 0..self.random.below(6) {
                        self.disk.write_back(&mut || self.random.next());
                    }
                }
            }
            assert!(log.first() <= log.durable() && log.durable() <= log.sealed());
            assert!(log.sealed() <= log.written());
        }
        if self.random.one_in(5) {
            let end = writer.written();
            self.note(log, End::Orderly);
            let closed = writer.close();
            self.oracle.sealed = end.0;
            self.oracle.durable = log.durable().0;
            return if closed.is_ok() { End::Orderly } else { End::Failed };
        }
        self.note(log, End::Crash)
    }

    fn unit_bytes(&mut self) -> usize {
        let bytes = match self.random.below(32) {
            0 => 1 + self.random.below(30_000),
            1..=12 => 1 + self.random.below(4000),
            _ => 1 + self.random.below(100),
        };
        bytes as usize
    }

    fn note(&mut self, log: &Log, end: End) -> End {
        self.oracle.sealed = log.sealed().0;
        self.oracle.durable = log.durable().0;
        self.oracle.start = log.first().0;
        end
    }

    /// Crashes, recovers, perhaps crashes in the middle of that, and checks what came back.
    fn come_back(&mut self, end: &End) -> (Log, Writer) {
        let least = self.oracle.durable;
        let mut all_sealed = true;
        let mut attempts = 0;
        loop {
            let crash = if self.random.one_in(2) { Crash::Process } else { Crash::Power };
            let random = &mut self.random;
            self.disk = self.disk.after(crash, &mut || random.next());
            if crash == Crash::Power {
                self.oracle.boot = self.oracle.boot.wrapping_add(1).max(1);
                all_sealed = false;
            }
            let interrupted = self.random.one_in(3);
            if interrupted {
                self.disk.fail_after(self.random.below(12));
            }
            let floor = self.random.below(2) * self.random.below(self.oracle.durable + 1);
            let boot_id = [self.oracle.boot; 16];
            let durable_floor = (floor > 0).then_some(Offset(floor));
            let expectation = Expectation { durable_floor, boot_id, ..Expectation::default() };
            let options = Options { boot_id, ..self.options.clone() };
            let storage = Arc::new(self.disk.clone());
            match Log::open_in(storage, &options, &expectation, Helpers::Inline) {
                Ok(opened) => {
                    self.options = options;
                    self.check(&opened, least, all_sealed);
                    // A start that was cut short may have begun a segment, which then ends in a crash.
                    assert!(opened.recovered.was_clean || attempts > 0 || *end != End::Orderly);
                    return (opened.log, opened.writer);
                }
                Err(error) => {
                    assert!(interrupted, "{error}");
                    assert!(
                        matches!(
                            &error,
                            OpenError::Storage(_) | OpenError::Recovery(RecoveryError::Storage(_))
                        ),
                        "{error}"
                    );
                }
            }
            attempts += 1;
        }
    }

    fn check(&mut self, opened: &Opened, least: u64, all_sealed: bool) {
        let oracle = &mut self.oracle;
        let (start, end) = (opened.recovered.start.0, opened.recovered.end.0);
        assert!(end >= least, "durable bytes up to {least} were lost, the end is {end}");
        assert!(end <= oracle.stream.len() as u64 + oracle.base);
        assert!(oracle.unit_ends.contains(&end), "{end} is inside a unit");
        assert!(end <= oracle.sealed, "bytes above the seal {} came back", oracle.sealed);
        if all_sealed {
            assert_eq!(end, oracle.sealed, "a dead process loses nothing sealed");
        }
        if end < oracle.sealed {
            assert!(opened.recovered.cut.as_ref().is_none_or(|cut| !cut.was_durable));
        }
        assert!(start >= oracle.base && start <= oracle.start.max(start));
        let held = &oracle.stream[(start - oracle.base) as usize..(end - oracle.base) as usize];
        assert!(read_all(&opened.log, Offset(start)) == held, "the bytes differ");
        oracle.stream.truncate((end - oracle.base) as usize);
        oracle.unit_ends.split_off(&(end + 1));
        (oracle.sealed, oracle.durable, oracle.start) = (end, end, start);
        self.recover_twice();
    }

    /// A crash of either kind right after recovery leads to the very same log.
    fn recover_twice(&mut self) {
        let crash = if self.random.one_in(2) { Crash::Process } else { Crash::Power };
        let random = &mut self.random;
        let disk = self.disk.after(crash, &mut || random.next());
        let again =
            Log::open_in(Arc::new(disk), &self.options, &Expectation::default(), Helpers::Inline);
        let again = again.unwrap();
        assert_eq!(again.recovered.end.0, self.oracle.sealed, "recovery is not idempotent");
        assert_eq!(again.recovered.start.0, self.oracle.start);
        assert_eq!(again.recovered.cut, None);
    }
}

fn run_seeds(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let outcome = catch_unwind(AssertUnwindSafe(|| World::new(seed).run()));
        if let Err(panic) = outcome {
            let message = format!("the crash model fails with seed {seed}\n");
            std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes()).unwrap();
            resume_unwind(panic);
        }
    }
}

#[test]
fn crashes_lose_nothing_durable_and_nothing_is_torn_first_half() {
    run_seeds(0..1000);
}

#[test]
fn crashes_lose_nothing_durable_and_nothing_is_torn_second_half() {
    run_seeds(1000..2000);
}
