//! Commands on values of every type, beside redis-server with its AOF.
//!
//! The requests are redis-benchmark's, a pipeline of 16 from 50 clients; `__rand_int__` is a number
//! below [`RANGE`]. Each workload has a key of its own, which is filled before it is measured.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::benchmark::{COLUMNS, Numbers, benchmark};
use crate::client::Client;
use crate::contestants::{Contestant, Entrant};
use crate::figures::{Column, Figures, interleaved};
use crate::load::Pace;
use crate::table::Table;

/// How many different members, fields or indexes the requests name.
const RANGE: u64 = 1_000_000;
const CLIENTS: u64 = 50;
const PIPELINE: u64 = 16;
/// A member, field or element of 16 bytes.
const MEMBER: &str = "m:__rand_int__00";
/// What a command on values should cost, beside the stock server's.
pub const CPU_TIMES_MAX: f64 = 0.8;

/// One kind of request, and what it finds.
pub struct Workload {
    /// What its rows are called.
    pub name: &'static str,
    /// The request.
    pub words: &'static [&'static str],
    /// Requests in a run, a second or so for the stock server.
    pub requests: u64,
    /// Makes what it finds.
    pub fill: fn(&mut Client) -> io::Result<()>,
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "LPUSH",
        words: &["LPUSH", "list:push", MEMBER],
        requests: 400_000,
        fill: |_| Ok(()),
    },
    Workload {
        name: "RPOP",
        words: &["RPOP", "list:pop"],
        requests: 400_000,
        fill: |client| push("list:pop", 6 * 400_000, client),
    },
    Workload {
        name: "LRANGE 100",
        words: &["LRANGE", "list:range", "0", "99"],
        requests: 60_000,
        fill: |client| push("list:range", 1000, client),
    },
    Workload {
        name: "LINDEX in 1 M",
        words: &["LINDEX", "list:index", "500000"],
        requests: 200_000,
        fill: |client| push("list:index", RANGE, client),
    },
    Workload {
        name: "HSET",
        words: &["HSET", "hash", MEMBER, MEMBER],
        requests: 400_000,
        fill: |_| Ok(()),
    },
    Workload { name: "SADD", words: &["SADD", "set", MEMBER], requests: 400_000, fill: |_| Ok(()) },
    Workload {
        name: "SINTER 100 of 1000",
        words: &["SINTER", "set:100", "set:1000"],
        requests: 60_000,
        fill: |client| {
            number(client, "SADD", "set:100", &|n| vec![format!("m:{:012}00", n * 7)], 100)?;
            number(client, "SADD", "set:1000", &|n| vec![format!("m:{n:012}00")], 1000)
        },
    },
    Workload {
        name: "ZADD",
        words: &["ZADD", "sorted", "__rand_int__", MEMBER],
        requests: 300_000,
        fill: |_| Ok(()),
    },
    Workload {
        name: "ZRANGE 100 of 1 M",
        words: &["ZRANGE", "sorted:1M", "500000", "500099"],
        requests: 40_000,
        fill: |client| rank(client, "sorted:1M"),
    },
    Workload {
        name: "ZRANK of 1 M",
        words: &["ZRANK", "sorted:1M", MEMBER],
        requests: 300_000,
        fill: |_| Ok(()),
    },
    Workload {
        name: "SETBIT",
        // A number at random has zeroes in front, and no bit offset may have them.
        words: &["SETBIT", "bits", "1000000", "1"],
        requests: 400_000,
        fill: |_| Ok(()),
    },
    Workload {
        name: "BITCOUNT 12 kB",
        words: &["BITCOUNT", "bits:12k"],
        requests: 60_000,
        fill: |client| client.call(&["SETBIT", "bits:12k", "99999", "1"]).map(drop),
    },
    Workload {
        name: "PFADD",
        words: &["PFADD", "hll", MEMBER],
        requests: 400_000,
        fill: |_| Ok(()),
    },
    Workload {
        name: "GEOSEARCH 1 km",
        words: &["GEOSEARCH", "geo", "FROMLONLAT", "13.4", "52.5", "BYRADIUS", "1", "km", "ASC"],
        requests: 60_000,
        fill: |client| {
            let place = |n: u64| {
                let (longitude, latitude) = ((n % 300) as f64, (n / 300) as f64);
                let (longitude, latitude) = (13.25 + longitude / 1e3, 52.4 + latitude / 1e3);
                vec![longitude.to_string(), latitude.to_string(), format!("place:{n:010}")]
            };
            number(client, "GEOADD", "geo", &place, 60_000)
        },
    },
    Workload {
        name: "SORT 100",
        words: &["SORT", "list:sort"],
        requests: 20_000,
        fill: |client| {
            number(client, "RPUSH", "list:sort", &|n| vec![(n * 37 % 101).to_string()], 100)
        },
    },
];

/// Runs all workloads and writes their rows.
pub fn run(workers: &[usize], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let title = format!("values, pipeline {PIPELINE}, appendfsync everysec");
    let table = Table::begin(&title, COLUMNS, out)?;
    let entrants = Entrant::all("everysec", workers);
    let contestants: Vec<_> =
        entrants.iter().map(|entrant| entrant.compete(0)).collect::<io::Result<_>>()?;
    WORKLOADS.iter().try_for_each(|workload| {
        let medians = workload.run(&contestants, rounds, pace)?;
        let names = contestants.iter().map(|contestant| &*contestant.name);
        let aims = [Aim::times_or_less(Column::Cpu, CPU_TIMES_MAX)];
        table.cell(workload.name, names, &medians, &aims, out)
    })
}

impl Workload {
    /// Puts each contestant under this load, round by round; returns the median figures of each.
    pub fn run(
        &self,
        contestants: &[Contestant],
        rounds: usize,
        pace: Pace,
    ) -> io::Result<Vec<Figures>> {
        for contestant in contestants {
            (self.fill)(&mut Client::connect(contestant.server.port)?)?;
        }
        let requests = if pace == Pace::Quick { self.requests / 4 } else { self.requests };
        interleaved(contestants.len(), rounds, |index| {
            let contestant = &contestants[index];
            let arguments = self.arguments(contestant.server.port, requests);
            benchmark(contestant, &arguments, requests)
        })
    }

    fn arguments(&self, port: u16, requests: u64) -> Vec<String> {
        let (clients, pipeline, range) = (CLIENTS, PIPELINE, RANGE);
        let flags = Numbers { port, requests, clients, pipeline, range }.flags();
        flags.chain(self.words.iter().map(|&word| word.to_owned())).collect()
    }
}

/// Makes a list of so many elements.
fn push(key: &str, count: u64, client: &mut Client) -> io::Result<()> {
    number(client, "RPUSH", key, &|n| vec![format!("m:{n:012}00")], count)
}

/// Makes a sorted set of all members that requests name.
fn rank(client: &mut Client, key: &str) -> io::Result<()> {
    let scored = |n: u64| vec![(n * 7919 % RANGE).to_string(), format!("m:{n:012}00")];
    number(client, "ZADD", key, &scored, RANGE)
}

/// Sends a command with the words of each number below `count`, many at once.
pub fn number(
    client: &mut Client,
    command: &str,
    key: &str,
    words_of: &dyn Fn(u64) -> Vec<String>,
    count: u64,
) -> io::Result<()> {
    const AT_ONCE: u64 = 1000;
    for first in (0..count).step_by(AT_ONCE as usize) {
        let words: Vec<_> = (first..count.min(first + AT_ONCE)).flat_map(words_of).collect();
        let head = [command, key].into_iter();
        let request: Vec<_> = head.chain(words.iter().map(String::as_str)).collect();
        client.call(&request)?;
    }
    Ok(())
}
