//! What writes to one sorted set of millions take while snapshots are taken, beside what they take
//! without: all of the data is one value, which the snapshot shares with the writers.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::aims::Aim;
use crate::client::Client;
use crate::contestants::Entrant;
use crate::figures::{Column, Figures, interleaved};
use crate::load::Pace;
use crate::paced;
use crate::server::{Kind, Running};
use crate::table::{Row, Table};
use crate::values;

const COLUMNS: &[Column] = &[Column::Rate, Column::Took, Column::P50, Column::P99, Column::P999];
const KEY: &str = "sorted";
/// Long enough for a percentile of 99.9 to be of more than a few writes; snapshots follow each
/// other for as long.
const LONG: Duration = Duration::from_secs(4);
/// For what was written beforehand to reach the disk.
const SETTLING: Duration = Duration::from_secs(1);

/// What goes on beside the writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Nothing,
    Bgsaves,
}

/// Runs all rows and writes them.
pub fn run(policies: &[String], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let members = if pace == Pace::Quick { 500_000 } else { 5_000_000 };
    for policy in policies {
        let title = format!(
            "{} ZADDs a second on one sorted set of {members}, {policy}; ms is of one snapshot",
            paced::PER_SECOND
        );
        let table = Table::begin(&title, COLUMNS, out)?;
        compare(&table, policy, members, rounds, out)?;
    }
    Ok(())
}

fn compare(
    table: &Table,
    policy: &str,
    members: u64,
    rounds: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let entrants = [Entrant::redis_aof(policy), Entrant::backlogd(policy)];
    let start = |entrant: &Entrant| {
        let server = entrant.start()?;
        let words = |n: u64| vec![score(n), member(n)];
        values::number(&mut Client::connect(server.port)?, "ZADD", KEY, &words, members)?;
        Ok(server)
    };
    let servers = entrants.iter().map(start).collect::<io::Result<Vec<_>>>()?;
    let turns: Vec<_> = (0..servers.len())
        .flat_map(|index| [Event::Nothing, Event::Bgsaves].map(|event| (index, event)))
        .collect();
    let medians = interleaved(turns.len(), rounds, |turn| {
        let (index, event) = turns[turn];
        event.measure(&servers[index], members)
    })?;
    for (turn, (&(index, event), figures)) in turns.iter().zip(&medians).enumerate() {
        let (cell, base) = match event {
            Event::Nothing => ("without", None),
            Event::Bgsaves => ("BGSAVE", Some(&medians[turn - 1])),
        };
        let aims = [Aim::times_or_less(Column::P999, 1.5)];
        let is_aimed = base.is_some() && servers[index].kind == Kind::Backlogd;
        let aims = if is_aimed { &aims[..] } else { &[] };
        table.row(&Row { cell, name: &entrants[index].name, figures, base, aims }, out)?;
    }
    Ok(())
}

impl Event {
    fn measure(self, server: &Running, members: u64) -> io::Result<Figures> {
        thread::sleep(SETTLING);
        let write = |client: &mut Client, number: u64| {
            let scored = number.wrapping_add(members);
            let member = member(paced::scattered(number, members));
            client.call(&["ZADD", KEY, &score(scored), &member])
        };
        let mut snapshots = 0;
        let (latencies, took) = paced::during(server.port, &write, || {
            let began = Instant::now();
            if self == Self::Nothing {
                thread::sleep(LONG);
            }
            while began.elapsed() < LONG {
                server.ask("BGSAVE")?;
                server.until_saved()?;
                snapshots += 1;
            }
            Ok(())
        })?;
        let rate = latencies.len() as f64 / took.as_secs_f64() / 1e3;
        Figures::default()
            .with(Column::Rate, rate)
            .with(Column::Took, took.as_secs_f64() * 1e3 / f64::from(snapshots.max(1)))
            .with_latencies(latencies)
    }
}

fn member(number: u64) -> String {
    format!("m:{number:014}")
}

fn score(number: u64) -> String {
    paced::scattered(number, 1_000_003).to_string()
}
