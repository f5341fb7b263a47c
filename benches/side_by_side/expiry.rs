//! Keys whose time is over within one second: how long they stay, and what clients notice of it.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::aims::Aim;
use crate::client::Client;
use crate::contestants::{Contestant, Entrant};
use crate::figures::{Column, Figures, interleaved};
use crate::load::Pace;
use crate::paced;
use crate::server::Running;
use crate::table::{Row, Table};

const STAY: &[Column] = &[Column::Took, Column::Busy];
const NOTICED: &[Column] = &[Column::P50, Column::P99, Column::P999];
/// Keys without an expiry, which the clients ask for and set meanwhile.
const OTHERS: u64 = 100_000;
const VALUE_BYTES: usize = 16;
const QUIET: Duration = Duration::from_secs(4);
/// For what was written beforehand to reach the disk.
const SETTLING: Duration = Duration::from_secs(2);
/// How many keys each server takes in a second at least.
const FILLED_PER_SECOND: u64 = 250_000;
/// Between two questions how many keys are left.
const POLL: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs all rows and writes them.
pub fn run(rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let keys = if pace == Pace::Quick { 1_000_000 } else { 10_000_000 };
    let entrants = [Entrant::redis_aof("everysec"), Entrant::backlogd("everysec")];
    let names: Vec<_> = entrants.iter().map(|entrant| &*entrant.name).collect();
    // Each run gives two sets of figures, of which one waits for its turn.
    let mut waiting = vec![None; entrants.len() * 2];
    let medians = interleaved(waiting.len(), rounds, |turn| {
        if let Some(figures) = waiting[turn].take() {
            return Ok(figures);
        }
        let [without, while_they_go] = measure(&entrants[turn / 2].compete(0)?, keys)?;
        let (now, later) = match turn % 2 {
            0 => (without, while_they_go),
            _ => (while_they_go, without),
        };
        waiting[turn ^ 1] = Some(later);
        Ok(now)
    })?;
    let beside_twins = interleaved(entrants.len(), 1, |index| {
        let contestant = entrants[index].compete_with_twin()?;
        let [_, figures] = measure(&contestant, keys / 4)?;
        Ok(figures)
    })?;
    let title = format!("{keys} keys that expire within one second: until they are gone");
    let table = Table::begin(&title, STAY, out)?;
    let expiring: Vec<_> = medians.iter().skip(1).step_by(2).cloned().collect();
    let aims = [Aim::times_or_less(Column::Took, 1.0)];
    table.cell("alone", names.iter().copied(), &expiring, &aims, out)?;
    table.cell("a quarter, with a twin", names.iter().copied(), &beside_twins, &aims, out)?;
    let title = format!("{} GET and SET of others a second meanwhile", paced::PER_SECOND);
    let table = Table::begin(&title, NOTICED, out)?;
    for (name, figures) in names.iter().zip(medians.chunks_exact(2)) {
        let row = Row { cell: "without", name, figures: &figures[0], base: None, aims: &[] };
        table.row(&row, out)?;
        let aims = [Aim::times_or_less(Column::P999, 2.0)];
        let aims = if name.starts_with("backlogd") { &aims[..] } else { &[] };
        let base = Some(&figures[0]);
        table.row(&Row { cell: "while they go", name, figures: &figures[1], base, aims }, out)?;
    }
    Ok(())
}

/// Measures what clients notice before the time of the keys is over, and while they go.
fn measure(contestant: &Contestant, keys: u64) -> io::Result<[Figures; 2]> {
    let server = &contestant.server;
    server.fill(OTHERS, VALUE_BYTES)?;
    let needed = Duration::from_secs(keys / FILLED_PER_SECOND + 1) + SETTLING + QUIET;
    let due = Instant::now() + needed;
    fill(server, keys, unix_ms() + needed.as_millis())?;
    contestant.until_followed()?;
    thread::sleep(SETTLING);
    let ask = |client: &mut Client, number: u64| {
        let key = format!("key:{:08}", paced::scattered(number, OTHERS));
        match number & 1 {
            0 => client.call(&["GET", &key]),
            _ => client.call(&["SET", &key, "xxxxxxxxxxxxxxxx"]),
        }
    };
    let (without, _) = paced::during(server.port, &ask, || {
        thread::sleep(QUIET);
        Ok(())
    })?;
    if Instant::now() > due {
        return Err(io::Error::other("the keys were not there in time"));
    }
    thread::sleep(due.saturating_duration_since(Instant::now()));
    let busy = server.busy()?;
    let (latencies, took) = paced::during(server.port, &ask, || {
        until_gone(server, due)?;
        contestant.until_followed()
    })?;
    let busy = server.busy()?.saturating_sub(busy);
    let while_they_go = Figures::default()
        .with(Column::Took, took.as_secs_f64() * 1e3)
        .with(Column::Busy, busy.as_secs_f64() * 1e3)
        .with_latencies(latencies)?;
    Ok([Figures::default().with_latencies(without)?, while_they_go])
}

/// Sets keys whose time is over within the second after `due_ms`.
fn fill(server: &Running, keys: u64, due_ms: u128) -> io::Result<()> {
    let value = "x".repeat(VALUE_BYTES);
    server.fill_by(0..keys, |batch, key| {
        let due_ms = due_ms + u128::from(key % 1000);
        write!(batch, "*5\r\n$3\r\nSET\r\n$12\r\nbrf:{key:08}\r\n${VALUE_BYTES}\r\n{value}\r\n")?;
        write!(batch, "$4\r\nPXAT\r\n$13\r\n{due_ms}\r\n")
    })
}

fn until_gone(server: &Running, since: Instant) -> io::Result<()> {
    let mut client = Client::connect(server.port)?;
    let others = format!(":{OTHERS}");
    while client.call(&["DBSIZE"])? != others {
        if since.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(POLL);
    }
    Ok(())
}

fn unix_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
