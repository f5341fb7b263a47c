//! How far a stock replica is behind: what `WAIT 1` takes, and when a write can be read there.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::aims::Aim;
use crate::client::Client;
use crate::contestants::{Contestant, Entrant};
use crate::disk;
use crate::figures::{Column, Figures, interleaved};
use crate::table::Table;

const COLUMNS: &[Column] = &[Column::P50, Column::P99, Column::P999];
/// A round ends after so many writes or so much time, whichever comes first.
const WRITES: u64 = 2000;
const ROUND: Duration = Duration::from_secs(5);
/// Longer than any write takes to be acknowledged.
const WAIT_MS: &str = "60000";

/// Runs the rows of `WAIT` and writes them.
pub fn wait(workers: &[usize], rounds: usize, out: &mut impl Write) -> io::Result<()> {
    compare("INCR and WAIT 1 sent at once, one client, one replica", workers, rounds, out, |c| {
        let mut client = Client::connect(c.server.port)?;
        timed(|_| {
            let begun = Instant::now();
            client.send(&[&["INCR", "counter"], &["WAIT", "1", WAIT_MS]])?;
            client.reply()?;
            match &*client.reply()? {
                ":1" => Ok(begun.elapsed()),
                other => Err(io::Error::other(format!("WAIT 1 was answered by {other}"))),
            }
        })
    })
}

/// Runs the rows of how soon a write can be read from the replica, and writes them.
pub fn visibility(workers: &[usize], rounds: usize, out: &mut impl Write) -> io::Result<()> {
    compare("from the reply to a SET until the replica shows it", workers, rounds, out, |c| {
        let mut primary = Client::connect(c.server.port)?;
        let mut replica = Client::connect(c.replica()?.port)?;
        let mut last: u64 = replica.call(&["GET", "seen"])?.parse().unwrap_or(0);
        timed(|_| {
            last += 1;
            let value = last.to_string();
            primary.call(&["SET", "seen", &value])?;
            let begun = Instant::now();
            while replica.call(&["GET", "seen"])? != value {}
            Ok(begun.elapsed())
        })
    })
}

/// Lets all contestants, and bare syncs of the same disk, take turns.
fn compare(
    title: &str,
    workers: &[usize],
    rounds: usize,
    out: &mut impl Write,
    run: impl Fn(&Contestant) -> io::Result<Vec<Duration>>,
) -> io::Result<()> {
    let contestants = Entrant::all("everysec", workers)
        .iter()
        .map(|entrant| entrant.compete(1))
        .collect::<io::Result<Vec<_>>>()?;
    let table = Table::begin(title, COLUMNS, out)?;
    let medians = interleaved(contestants.len() + 1, rounds, |index| {
        let latencies = match contestants.get(index) {
            Some(contestant) => run(contestant)?,
            None => disk::syncs()?,
        };
        Figures::default().with_latencies(latencies)
    })?;
    let sync = &medians[contestants.len()];
    let aims =
        [Column::P50, Column::P99].map(|column| Aim::more_by_at_most(column, sync.at(column)));
    let names = contestants.iter().map(|contestant| &*contestant.name).chain(["one sync"]);
    table.cell("", names, &medians, &aims, out)
}

fn timed(mut write: impl FnMut(u64) -> io::Result<Duration>) -> io::Result<Vec<Duration>> {
    let begun = Instant::now();
    (0..WRITES).take_while(|_| begun.elapsed() < ROUND).map(&mut write).collect()
}
