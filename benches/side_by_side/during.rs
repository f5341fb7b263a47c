//! What writes take while snapshots are taken and replicas are brought in sync, beside what they
//! take without.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use crate::aims::Aim;
use crate::client::Client;
use crate::contestants::Entrant;
use crate::figures::{Column, Figures, interleaved};
use crate::load::Pace;
use crate::paced::{self, Values};
use crate::server::{Kind, Running};
use crate::table::{Row, Table};

const COLUMNS: &[Column] = &[Column::Rate, Column::Took, Column::P50, Column::P99, Column::P999];
const QUIET: Duration = Duration::from_secs(4);
/// For what was written beforehand to reach the disk.
const SETTLING: Duration = Duration::from_secs(2);
const SYNCS: &[usize] = &[1, 3];

/// What goes on beside the writes.
#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    Bgsave,
    /// A full sync of so many replicas.
    Sync(usize, Source),
}

/// Where the snapshot of a full sync comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// It was there.
    Stored,
    /// It is taken for the replicas: always so with stock servers.
    Taken,
}

/// Runs all rows and writes them.
pub fn run(workers: &[usize], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let keys = if pace == Pace::Quick { 100_000 } else { 500_000 };
    let title = format!(
        "{} writes of {} B a second on {keys} keys as long, everysec",
        paced::PER_SECOND,
        paced::VALUE_BYTES
    );
    let table = Table::begin(&title, COLUMNS, out)?;
    let (values, entrants) = (Values::new(), Entrant::all("everysec", workers));
    let start = |entrant: &Entrant| {
        let server = entrant.start()?;
        server.fill_from(0..keys, |key| values.of(key))?;
        Ok(server)
    };
    let servers = entrants.iter().map(start).collect::<io::Result<Vec<_>>>()?;
    let turns: Vec<_> = entrants
        .iter()
        .enumerate()
        .flat_map(|(index, entrant)| events(entrant.kind).into_iter().map(move |e| (index, e)))
        .collect();
    let medians = interleaved(turns.len(), rounds, |turn| {
        let (index, event) = turns[turn];
        event.measure(&servers[index], keys, &values)
    })?;
    let mut base = None;
    for (&(index, event), figures) in turns.iter().zip(&medians) {
        if matches!(event, Event::Nothing) {
            base = None;
        }
        let aims = [Aim::at_most(Column::P999, 5.0), Aim::times_or_less(Column::P999, 1.5)];
        let is_aimed = base.is_some() && entrants[index].kind == Kind::Backlogd;
        let aims = if is_aimed { &aims[..] } else { &[] };
        let (cell, name) = (event.name(), &*entrants[index].name);
        table.row(&Row { cell: &cell, name, figures, base, aims }, out)?;
        base = base.or(Some(figures));
    }
    Ok(())
}

/// What a server goes through; first nothing, which the others are measured against.
fn events(kind: Kind) -> Vec<Event> {
    let sources: &[Source] = match kind {
        Kind::Backlogd => &[Source::Stored, Source::Taken],
        Kind::Redis => &[Source::Taken],
    };
    let syncs = sources
        .iter()
        .flat_map(|&source| SYNCS.iter().map(move |&replicas| Event::Sync(replicas, source)));
    [Event::Nothing, Event::Bgsave].into_iter().chain(syncs).collect()
}

impl Event {
    fn name(self) -> String {
        match self {
            Self::Nothing => "without".to_owned(),
            Self::Bgsave => "BGSAVE".to_owned(),
            Self::Sync(replicas, Source::Stored) => format!("sync of {replicas}, stored"),
            Self::Sync(replicas, Source::Taken) => format!("sync of {replicas}, taken"),
        }
    }

    fn measure(self, server: &Running, keys: u64, values: &Values) -> io::Result<Figures> {
        let replicas = self.prepare(server, keys, values)?;
        thread::sleep(SETTLING);
        let saves = server.number("rdb_saves")?;
        let write = |client: &mut Client, number: u64| {
            let key = paced::scattered(number, keys);
            client.call(&["SET", &format!("key:{key:08}"), values.of(number)])
        };
        let (latencies, took) = paced::during(server.port, &write, || match self {
            Self::Nothing => {
                thread::sleep(QUIET);
                Ok(())
            }
            Self::Bgsave => server.ask("BGSAVE").and_then(|_| server.until_saved()),
            Self::Sync(..) => {
                for replica in &replicas {
                    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", server.port))?;
                }
                replicas.iter().try_for_each(Running::until_linked)
            }
        })?;
        let saves = server.number("rdb_saves")? - saves;
        match self {
            Self::Sync(_, Source::Stored) if saves > 0 => {
                return Err(io::Error::other("a snapshot was taken though one was stored"));
            }
            Self::Sync(_, Source::Taken) if saves == 0 && server.kind == Kind::Backlogd => {
                return Err(io::Error::other("no snapshot was taken for the replicas"));
            }
            _ => {}
        }
        let rate = latencies.len() as f64 / took.as_secs_f64() / 1e3;
        Figures::default()
            .with(Column::Rate, rate)
            .with(Column::Took, took.as_secs_f64() * 1e3)
            .with_latencies(latencies)
    }

    /// Brings the server where the event needs it; returns the replicas to come, not yet attached.
    fn prepare(self, server: &Running, keys: u64, values: &Values) -> io::Result<Vec<Running>> {
        let Self::Sync(replicas, source) = self else { return Ok(Vec::new()) };
        match (source, server.kind) {
            (Source::Stored, _) => drop(server.ask("SAVE")?),
            // Once everything was written anew, no stored snapshot is worth sending.
            (Source::Taken, Kind::Backlogd) => server.fill_from(0..keys, |key| values.of(key))?,
            (Source::Taken, Kind::Redis) => {}
        }
        (0..replicas).map(|_| Running::start(Kind::Redis, &[])).collect()
    }
}
