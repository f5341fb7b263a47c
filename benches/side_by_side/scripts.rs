//! Scripts and functions, beside redis-server with its AOF: requests are redis-benchmark's, a pipeline of 16.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::benchmark::{COLUMNS, Numbers, benchmark};
use crate::client::Client;
use crate::contestants::Entrant;
use crate::figures::{Column, interleaved};
use crate::load::Pace;
use crate::table::Table;

const KEYS: u64 = 100_000;
const PIPELINE: u64 = 16;
const KEY: &str = "key:__rand_int__";
/// What a script should cost, beside the stock server's.
const CPU_TIMES_MAX: f64 = 0.9;

/// A script or a function, and who runs it.
struct Case {
    name: &'static str,
    /// How it is loaded.
    load: &'static [&'static str],
    /// How it is called; what it is known by follows.
    call: &'static str,
    text: &'static str,
    keys: usize,
    clients: u64,
    requests: u64,
}

const CASES: &[Case] = &[
    Case {
        name: "EVALSHA, 1 call",
        load: SCRIPT,
        call: "EVALSHA",
        text: "return redis.call('get', KEYS[1])",
        keys: 1,
        clients: 50,
        requests: 300_000,
    },
    Case {
        name: "EVALSHA, a counter",
        load: SCRIPT,
        call: "EVALSHA",
        text: "local n = redis.call('incr', KEYS[1]) \
               if n == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end \
               return n",
        keys: 1,
        clients: 50,
        requests: 200_000,
    },
    Case {
        name: "EVALSHA, 10 calls",
        load: SCRIPT,
        call: "EVALSHA",
        text: "for i = 1, 10 do redis.call('incrby', KEYS[1], i) end return KEYS[1]",
        keys: 1,
        clients: 50,
        requests: 60_000,
    },
    Case {
        name: "EVALSHA, 4 keys",
        load: SCRIPT,
        call: "EVALSHA",
        text: "for i = 1, 4 do redis.call('set', KEYS[i], ARGV[1]) end return redis.status_reply('OK')",
        keys: 4,
        clients: 4,
        requests: 100_000,
    },
    Case {
        name: "FCALL, 1 call",
        load: FUNCTION,
        call: "FCALL",
        text: "#!lua name=one\n\
               redis.register_function('one', function(keys) return redis.call('get', keys[1]) end)",
        keys: 1,
        clients: 50,
        requests: 300_000,
    },
    Case {
        name: "FCALL, 10 calls",
        load: FUNCTION,
        call: "FCALL",
        text: "#!lua name=ten\n\
               redis.register_function('ten', function(keys) \
               for i = 1, 10 do redis.call('incrby', keys[1], i) end return keys[1] end)",
        keys: 1,
        clients: 50,
        requests: 60_000,
    },
];
const SCRIPT: &[&str] = &["SCRIPT", "LOAD"];
const FUNCTION: &[&str] = &["FUNCTION", "LOAD", "REPLACE"];

/// Runs all cases and writes their rows.
pub fn run(workers: &[usize], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let table = Table::begin("scripts, pipeline 16, appendfsync everysec", COLUMNS, out)?;
    let entrants = Entrant::all("everysec", workers);
    let contestants: Vec<_> =
        entrants.iter().map(|entrant| entrant.compete(0)).collect::<io::Result<_>>()?;
    for case in CASES {
        let mut known_as = Vec::new();
        for contestant in &contestants {
            let mut client = Client::connect(contestant.server.port)?;
            known_as.push(client.call(&[case.load, &[case.text]].concat())?);
        }
        let requests = if pace == Pace::Quick { case.requests / 4 } else { case.requests };
        let medians = interleaved(contestants.len(), rounds, |index| {
            let contestant = &contestants[index];
            let arguments = case.arguments(contestant.server.port, requests, &known_as[index]);
            benchmark(contestant, &arguments, requests)
        })?;
        let names = contestants.iter().map(|contestant| &*contestant.name);
        let aims = [Aim::times_or_less(Column::Cpu, CPU_TIMES_MAX)];
        table.cell(case.name, names, &medians, &aims, out)?;
    }
    Ok(())
}

impl Case {
    fn arguments(&self, port: u16, requests: u64, known_as: &str) -> Vec<String> {
        let (clients, pipeline, range) = (self.clients, PIPELINE, KEYS);
        let flags = Numbers { port, requests, clients, pipeline, range }.flags();
        let words = [self.call.to_owned(), known_as.to_owned(), self.keys.to_string()];
        let keys = std::iter::repeat_n(KEY.to_owned(), self.keys);
        flags.chain(words).chain(keys).chain(["60000".to_owned()]).collect()
    }
}
