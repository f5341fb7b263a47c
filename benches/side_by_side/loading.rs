//! How long a server takes to load a snapshot of many small keys, until it answers.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::contestants::Entrant;
use crate::figures::{Column, Figures, interleaved};
use crate::server::Running;
use crate::table::Table;

const VALUE_BYTES: usize = 16;

/// Runs all rows and writes them.
pub fn run(keys: u64, workers: &[usize], rounds: usize, out: &mut impl Write) -> io::Result<()> {
    let title = format!("a snapshot of {keys} keys of {VALUE_BYTES} B: until it answers, and CPU");
    let table = Table::begin(&title, &[Column::Took, Column::Busy], out)?;
    let mut entrants = Entrant::all("everysec", workers);
    entrants[0] = Entrant::redis_bare().called("redis rdb");
    let mut servers = entrants
        .iter()
        .map(|entrant| {
            let server = entrant.start()?;
            server.fill(keys, VALUE_BYTES)?;
            server.ask("SAVE")?;
            Ok(server)
        })
        .collect::<io::Result<Vec<_>>>()?;
    let run = |index: usize| restart(&mut servers[index], keys);
    let medians = interleaved(entrants.len(), rounds, run)?;
    let names = entrants.iter().map(|entrant| &*entrant.name);
    table.cell("load", names, &medians, &[Aim::times_or_less(Column::Took, 0.33)], out)
}

fn restart(server: &mut Running, keys: u64) -> io::Result<Figures> {
    server.kill()?;
    let took = server.start_again()?;
    let busy = server.busy()?;
    let found = server.ask("DBSIZE")?;
    if found != format!(":{keys}") {
        return Err(io::Error::other(format!("it came back with {found} keys of {keys}")));
    }
    Ok(Figures::default()
        .with(Column::Took, took.as_secs_f64() * 1e3)
        .with(Column::Busy, busy.as_secs_f64() * 1e3))
}
