//! Streams, beside redis-server with its AOF.
//!
//! Entries are added and ranges read by redis-benchmark, as other values are. Groups are read by one
//! client, which acknowledges what it was given: a request is one entry that was both.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::benchmark::COLUMNS;
use crate::client::Client;
use crate::contestants::{Contestant, Entrant};
use crate::figures::{Column, Figures, interleaved};
use crate::load::Pace;
use crate::table::Table;
use crate::values::{CPU_TIMES_MAX, Workload};

/// The entries of streams that are read.
const ENTRIES: u64 = 100_000;
/// Entries that are read, and acknowledged, with one command.
const AT_ONCE: u64 = 10;
/// Commands sent before the replies are read.
const PIPELINE: usize = 16;
/// How often a run reads all entries.
const GROUPS: usize = 4;

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "XADD",
        words: &["XADD", "stream:add", "*", "field", "m:__rand_int__00"],
        requests: 400_000,
        fill: |_| Ok(()),
    },
    Workload {
        name: "XADD MAXLEN ~ 10000",
        words: &["XADD", "stream:cut", "MAXLEN", "~", "10000", "*", "field", "m:__rand_int__00"],
        requests: 400_000,
        fill: |_| Ok(()),
    },
    Workload {
        name: "XRANGE 100 of 100 k",
        words: &["XRANGE", "stream:read", "50000-0", "+", "COUNT", "100"],
        requests: 40_000,
        fill: |client| fill(client, "stream:read"),
    },
];

/// Runs all workloads and writes their rows.
pub fn run(workers: &[usize], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let table = Table::begin("streams, pipeline 16, appendfsync everysec", COLUMNS, out)?;
    let entrants = Entrant::all("everysec", workers);
    let contestants: Vec<_> =
        entrants.iter().map(|entrant| entrant.compete(0)).collect::<io::Result<_>>()?;
    let aims = [Aim::times_or_less(Column::Cpu, CPU_TIMES_MAX)];
    for workload in WORKLOADS {
        let medians = workload.run(&contestants, rounds, pace)?;
        let names = contestants.iter().map(|contestant| &*contestant.name);
        table.cell(workload.name, names, &medians, &aims, out)?;
    }
    for contestant in &contestants {
        fill(&mut Client::connect(contestant.server.port)?, "stream:group")?;
    }
    let medians =
        interleaved(contestants.len(), rounds, |index| read_by_groups(&contestants[index]))?;
    let names = contestants.iter().map(|contestant| &*contestant.name);
    table.cell("XREADGROUP 10, XACK", names, &medians, &aims, out)
}

/// Makes a stream of entries whose IDs are numbers from 1 on.
fn fill(client: &mut Client, key: &str) -> io::Result<()> {
    const BATCH: u64 = 1000;
    for first in (1..=ENTRIES).step_by(BATCH as usize) {
        let texts: Vec<_> =
            (first..first + BATCH).map(|n| [format!("{n}-0"), format!("m:{n:014}")]).collect();
        let requests: Vec<_> =
            texts.iter().map(|[id, value]| ["XADD", key, id, "field", value]).collect();
        client.send(&requests.iter().map(<[&str; 5]>::as_slice).collect::<Vec<_>>())?;
        requests.iter().try_for_each(|_| client.reply().map(drop))?;
    }
    Ok(())
}

/// Lets new groups read the whole stream, and acknowledge it.
fn read_by_groups(contestant: &Contestant) -> io::Result<Figures> {
    let server = &contestant.server;
    let mut client = Client::connect(server.port)?;
    for group in 0..GROUPS {
        client.call(&["XGROUP", "CREATE", "stream:group", &format!("g{group}"), "0"])?;
    }
    let before = server.busy()?;
    let begun = std::time::Instant::now();
    for group in 0..GROUPS {
        read_all(&mut client, &format!("g{group}"))?;
    }
    let (took, busy) = (begun.elapsed(), server.busy()?.saturating_sub(before));
    for group in 0..GROUPS {
        client.call(&["XGROUP", "DESTROY", "stream:group", &format!("g{group}")])?;
    }
    let entries = (ENTRIES * GROUPS as u64) as f64;
    Ok(Figures::default()
        .with(Column::Rate, entries / took.as_secs_f64() / 1e3)
        .with(Column::Cpu, busy.as_secs_f64() * 1e6 / entries))
}

fn read_all(client: &mut Client, group: &str) -> io::Result<()> {
    let count = AT_ONCE.to_string();
    let read =
        ["XREADGROUP", "GROUP", group, "consumer", "COUNT", &count, "STREAMS", "stream:group", ">"];
    for first in (1..=ENTRIES).step_by(PIPELINE * AT_ONCE as usize) {
        let ids: Vec<Vec<_>> = (first..=ENTRIES.min(first + PIPELINE as u64 * AT_ONCE - 1))
            .map(|n| format!("{n}-0"))
            .collect::<Vec<_>>()
            .chunks(AT_ONCE as usize)
            .map(<[String]>::to_vec)
            .collect();
        let mut requests = vec![read.to_vec(); ids.len()];
        requests.extend(ids.iter().map(|ids| {
            let head = ["XACK", "stream:group", group];
            head.into_iter().chain(ids.iter().map(String::as_str)).collect()
        }));
        client.send(&requests.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        requests.iter().try_for_each(|_| client.skip().map(drop))?;
    }
    Ok(())
}
