//! One run of redis-benchmark against one contestant, and what it printed.

use std::io;
use std::process::{Command, Stdio};

use crate::contestants::Contestant;
use crate::figures::{Column, Figures};

const CLIENTS: u64 = 50;
const KEYS: u64 = 100_000;

/// What a load has.
pub const COLUMNS: &[Column] = &[Column::Rate, Column::Cpu, Column::P50, Column::P99, Column::P999];

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Load<'l> {
    /// As redis-benchmark names its tests.
    pub command: &'l str,
    /// How many requests are sent at once.
    pub pipeline: u64,
    /// The length of the values written.
    pub value_bytes: usize,
    /// How many threads send.
    pub threads: usize,
    /// How many requests are sent in all.
    pub requests: u64,
}

/// Latencies in milliseconds, and commands per second.
#[derive(Clone, Copy, Debug)]
struct Printed {
    rate: f64,
    p50: f64,
    p99: f64,
    p999: f64,
}

/// What redis-benchmark is told of any load.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// The port of the server.
    pub port: u16,
    /// How many requests are sent in all.
    pub requests: u64,
    /// How many connections send them.
    pub clients: u64,
    /// How many each sends at once.
    pub pipeline: u64,
    /// How many numbers `__rand_int__` may stand for.
    pub range: u64,
}

impl Numbers {
    /// The flags that tell it.
    pub fn flags(self) -> impl Iterator<Item = String> {
        let flags = [
            ("-p", u64::from(self.port)),
            ("-n", self.requests),
            ("-c", self.clients),
            ("-P", self.pipeline),
            ("-r", self.range),
            ("--precision", 3),
        ];
        flags.into_iter().flat_map(|(flag, number)| [flag.to_owned(), number.to_string()])
    }
}

impl Load<'_> {
    /// Puts a contestant under this load.
    pub fn run(&self, contestant: &Contestant) -> io::Result<Figures> {
        benchmark(contestant, &self.arguments(contestant.server.port), self.requests)
    }

    /// The arguments of redis-benchmark.
    pub fn arguments(&self, port: u16) -> Vec<String> {
        let numbers = Numbers {
            port,
            requests: self.requests,
            clients: CLIENTS,
            pipeline: self.pipeline,
            range: KEYS,
        };
        let value = ["-d".to_owned(), self.value_bytes.to_string()];
        let test = ["-t".to_owned(), self.command.to_owned()];
        // With one thread of its own it takes other paths than with none.
        let threads =
            (self.threads > 1).then(|| ["--threads".to_owned(), self.threads.to_string()]);
        test.into_iter()
            .chain(numbers.flags())
            .chain(value)
            .chain(threads.into_iter().flatten())
            .collect()
    }
}

/// Runs redis-benchmark with these arguments, which have it send so many requests.
pub fn benchmark(
    contestant: &Contestant,
    arguments: &[String],
    requests: u64,
) -> io::Result<Figures> {
    let server = &contestant.server;
    let before = server.busy()?;
    let output =
        Command::new("redis-benchmark").args(arguments).stderr(Stdio::inherit()).output()?;
    // What the replicas are still owed is the server's work, too.
    contestant.until_followed()?;
    let busy = server.busy()?.saturating_sub(before);
    let text = String::from_utf8_lossy(&output.stdout);
    let printed =
        read(&text).ok_or_else(|| io::Error::other(format!("redis-benchmark printed {text:?}")))?;
    Ok(Figures::default()
        .with(Column::Rate, printed.rate / 1e3)
        .with(Column::Cpu, busy.as_secs_f64() * 1e6 / requests as f64)
        .with(Column::P50, printed.p50)
        .with(Column::P99, printed.p99)
        .with(Column::P999, printed.p999))
}

/// Finds rate and latencies in the full report.
///
/// p50 and p99 are in its summary. Of the distribution, whose steps halve what is left, the first
/// one at or above 99.9 % counts (99.902 %), so p99.9 is never told too low.
fn read(report: &str) -> Option<Printed> {
    let (_, distribution) = report.split_once("Latency by percentile distribution:")?;
    let p999 = distribution.lines().find_map(|line| {
        let (share, rest) = line.trim().split_once("% <= ")?;
        (share.parse::<f64>().ok()? >= 99.9).then(|| rest.split(' ').next()?.parse().ok())?
    })?;
    let (_, summary) = distribution.split_once("throughput summary: ")?;
    let rate = summary.split(' ').next()?.parse().ok()?;
    // avg min p50 p95 p99 max
    let line = summary.lines().skip_while(|line| !line.contains("p50")).nth(1)?;
    let latencies: Vec<f64> = line.split_whitespace().map_while(|ms| ms.parse().ok()).collect();
    Some(Printed { rate, p50: *latencies.get(2)?, p99: *latencies.get(4)?, p999 })
}
