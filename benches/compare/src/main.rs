//! The log's append rows against `raft-engine`: `cargo run --release` in this directory.
//!
//! The two take turns, and what is counted is the time the appending thread was on a core, but for
//! the durable rows, which are by the clock. raft-engine keeps an index of its entries, which a
//! plain log does not; that is part of what it costs, and said here so that nobody takes the ratio
//! for one of like with like.

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use raft_engine::{Config, Engine, LogBatch, ReadableSize};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use backlogd::log::{Log, Options, SyncPolicy, Writer};
use backlogd::position::{Offset, Replid};

const SIZES: [usize; 3] = [64, 256, 4096];
const ROUNDS: usize = 9;
/// How much one round appends where nothing waits for the disk.
const ROUND_BYTES: usize = 4 << 20;
/// How many batches one round makes durable where each is.
const ROUND_SYNCS: usize = 200;

fn main() -> io::Result<()> {
    let out = &mut io::stdout();
    writeln!(out, "{:40} {:>12} {:>12} {:>8}", "per record", "log", "raft-engine", "ratio")?;
    for size in SIZES {
        for batch in [1, 32] {
            let rounds = ROUND_BYTES / size / batch;
            let row = compare(size, batch, rounds, SyncPolicy::Never)?;
            write_row(out, &format!("{size} B, sealed by {batch}"), row)?;
        }
    }
    for size in SIZES {
        let row = compare(size, 1, ROUND_SYNCS, SyncPolicy::Always)?;
        write_row(out, &format!("{size} B, each durable (by the clock)"), row)?;
    }
    Ok(())
}

fn write_row(out: &mut impl Write, name: &str, row: [Duration; 2]) -> io::Result<()> {
    let [log, engine] = row;
    let ratio = engine.as_secs_f64() / log.as_secs_f64();
    writeln!(out, "{name:40} {log:>12.1?} {engine:>12.1?} {ratio:8.1}")
}

/// Returns the median time per record of the log and of raft-engine.
fn compare(
    size: usize,
    batch: usize,
    rounds: usize,
    sync: SyncPolicy,
) -> io::Result<[Duration; 2]> {
    let temp = TempDir::new()?;
    let mut log = LogSide::open(&temp.path().join("log"), sync)?;
    let mut engine = EngineSide::open(&temp.path().join("engine"), sync)?;
    let record = vec![b'x'; size];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        // Helper threads get ahead again.
        thread::sleep(Duration::from_millis(30));
        times[0].push(timed(sync, || log.append(&record, batch, rounds))?);
        times[1].push(timed(sync, || engine.append(&record, batch, rounds))?);
    }
    Ok(times.map(|mut times| {
        times.sort();
        times[times.len() / 2] / (batch * rounds) as u32
    }))
}

fn timed(sync: SyncPolicy, work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let (begun, busy) = (Instant::now(), busy_time());
    work()?;
    let waits = sync == SyncPolicy::Always;
    Ok(if waits { begun.elapsed() } else { busy_time().saturating_sub(busy) })
}

/// The time this thread was on a core, so that what else the machine does counts less.
fn busy_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

struct LogSide {
    log: Log,
    writer: Writer,
    sync: SyncPolicy,
}

impl LogSide {
    fn open(directory: &Path, sync: SyncPolicy) -> io::Result<Self> {
        let options = Options { sync, ..Options::new(Replid::random()) };
        let made = Log::create(directory, Offset::ZERO, &options);
        let (log, writer) = made.map_err(io::Error::other)?;
        Ok(Self { log, writer, sync })
    }

    fn append(&mut self, record: &[u8], batch: usize, rounds: usize) -> io::Result<()> {
        for _ in 0..rounds {
            for _ in 0..batch {
                self.writer.append(&[record]).map_err(io::Error::other)?;
            }
            let end = self.writer.seal();
            if self.sync == SyncPolicy::Always {
                self.log.block_until_durable_at(end).map_err(io::Error::other)?;
            }
        }
        Ok(())
    }
}

struct EngineSide {
    engine: Engine,
    batch: LogBatch,
    next: u64,
    sync: SyncPolicy,
}

impl EngineSide {
    /// One history; its entries are named by number, as a log's are by offset.
    const REGION: u64 = 1;

    fn open(directory: &Path, sync: SyncPolicy) -> io::Result<Self> {
        let config = Config {
            dir: directory.display().to_string(),
            target_file_size: ReadableSize::mb(64),
            // The log does not compress either.
            batch_compression_threshold: ReadableSize(0),
            ..Config::default()
        };
        let engine = Engine::open(config).map_err(io::Error::other)?;
        Ok(Self { engine, batch: LogBatch::default(), next: 0, sync })
    }

    fn append(&mut self, record: &[u8], batch: usize, rounds: usize) -> io::Result<()> {
        for _ in 0..rounds {
            for _ in 0..batch {
                let key = self.next.to_be_bytes();
                self.batch
                    .put(Self::REGION, key.to_vec(), record.to_vec())
                    .map_err(io::Error::other)?;
                self.next += 1;
            }
            let sync = self.sync == SyncPolicy::Always;
            self.engine.write(&mut self.batch, sync).map_err(io::Error::other)?;
        }
        Ok(())
    }
}
