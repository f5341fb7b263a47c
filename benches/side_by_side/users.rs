//! What it costs to be a user: `SET` as the default one, and as one that is bound to twenty patterns.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::benchmark::{COLUMNS, Numbers, benchmark};
use crate::client::Client;
use crate::contestants::Entrant;
use crate::figures::{Column, interleaved};
use crate::load::Pace;
use crate::table::Table;

const KEYS: u64 = 100_000;
const CLIENTS: u64 = 50;
const PIPELINE: u64 = 16;
const REQUESTS: u64 = 1_000_000;
const PATTERNS: usize = 20;
/// What a command should cost, beside the stock server's.
const CPU_TIMES_MAX: f64 = 0.9;

const CASES: [(&str, Option<&str>); 2] =
    [("SET, default user", None), ("SET, 20 patterns", Some("bound"))];

/// Runs both cases and writes their rows.
pub fn run(workers: &[usize], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let table = Table::begin("users, pipeline 16, appendfsync everysec", COLUMNS, out)?;
    let entrants = Entrant::all("everysec", workers);
    let contestants: Vec<_> =
        entrants.iter().map(|entrant| entrant.compete(0)).collect::<io::Result<_>>()?;
    // The key that is asked for matches the last one.
    let others = (1..PATTERNS).map(|number| format!("~tenant:{number}:*"));
    let patterns: Vec<_> = others.chain(["~key:*".to_owned()]).collect();
    let rules = ["ACL", "SETUSER", "bound", "on", ">pw", "resetkeys", "-@all", "+set", "+ping"];
    for contestant in &contestants {
        let words: Vec<_> = rules.into_iter().chain(patterns.iter().map(String::as_str)).collect();
        Client::connect(contestant.server.port)?.call(&words)?;
    }
    for (name, user) in CASES {
        let requests = if pace == Pace::Quick { REQUESTS / 4 } else { REQUESTS };
        let medians = interleaved(contestants.len(), rounds, |index| {
            let contestant = &contestants[index];
            let arguments = arguments(contestant.server.port, requests, user);
            benchmark(contestant, &arguments, requests)
        })?;
        let names = contestants.iter().map(|contestant| &*contestant.name);
        let aims = [Aim::times_or_less(Column::Cpu, CPU_TIMES_MAX)];
        table.cell(name, names, &medians, &aims, out)?;
    }
    Ok(())
}

fn arguments(port: u16, requests: u64, user: Option<&str>) -> Vec<String> {
    let (clients, pipeline, range) = (CLIENTS, PIPELINE, KEYS);
    let flags = Numbers { port, requests, clients, pipeline, range }.flags();
    let login = user.into_iter().flat_map(|user| ["--user", user, "-a", "pw"]).map(str::to_owned);
    let words = ["SET", "key:__rand_int__", "value"].map(str::to_owned);
    flags.chain(login).chain(words).collect()
}
