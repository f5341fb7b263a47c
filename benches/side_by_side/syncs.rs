//! How often a server makes its log durable under `appendfsync always`.
//!
//! The calls are counted by `perf stat`, for both alike: strace slows a server so much that a sync
//! is shared by more commands than otherwise, half as many again and more.

use std::fs;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use crate::aims::Aim;
use crate::benchmark::Load;
use crate::contestants::{Contestant, Entrant};
use crate::figures::{Column, Figures, interleaved};
use crate::table::Table;

const REQUESTS: u64 = 20_000;
const VALUE_BYTES: usize = 16;
const CALLS: &str = "syscalls:sys_enter_fdatasync,syscalls:sys_enter_fsync";

/// Runs all rows and writes them.
pub fn run(workers: &[usize], rounds: usize, out: &mut impl Write) -> io::Result<()> {
    let table = Table::begin("appendfsync always, syncs", &[Column::Syncs], out)?;
    let contestants = Entrant::all("always", workers)
        .iter()
        .map(|entrant| entrant.compete(0))
        .collect::<io::Result<Vec<_>>>()?;
    for pipeline in [1, 16] {
        let load = Load {
            command: "set",
            pipeline,
            value_bytes: VALUE_BYTES,
            threads: 1,
            requests: REQUESTS * pipeline,
        };
        let run = |index: usize| {
            let calls = count(&contestants[index], &load)?;
            let per_command = calls as f64 / load.requests as f64;
            Ok(Figures::default().with(Column::Syncs, per_command))
        };
        let medians = interleaved(contestants.len(), rounds, run)?;
        let names = contestants.iter().map(|contestant| &*contestant.name);
        let aims = [Aim::times_or_less(Column::Syncs, 1.2)];
        table.cell(&format!("SET P={pipeline}"), names, &medians, &aims, out)?;
    }
    Ok(())
}

/// Counts a server's syncs for as long as redis-benchmark runs.
fn count(contestant: &Contestant, load: &Load<'_>) -> io::Result<u64> {
    let server = &contestant.server;
    let report = NamedTempFile::new()?;
    let status = Command::new("perf")
        .args(["stat", "-x", ",", "-e", CALLS, "-p", &server.pid().to_string(), "-o"])
        .arg(report.path())
        .args(["--", "redis-benchmark"])
        .args(load.arguments(server.port))
        .stdout(Stdio::null())
        .status()
        .map_err(|error| {
            io::Error::new(error.kind(), format!("perf: {error} (apt-get install linux-perf)"))
        })?;
    let text = fs::read_to_string(report.path())?;
    // count,unit,event,…; what cannot be counted has words for a count.
    let calls = text
        .lines()
        .filter(|line| line.contains("syscalls:"))
        .map(|line| line.split(',').next()?.parse::<u64>().ok())
        .sum::<Option<u64>>();
    match calls {
        Some(calls) if calls > 0 && status.success() => Ok(calls),
        _ => Err(io::Error::other(format!("perf stat ({status}) saw no sync: {text}"))),
    }
}
