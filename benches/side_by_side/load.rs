//! Loads by redis-benchmark, and the rows they come to.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::VALUE_BYTES;
use crate::server::Running;

const CLIENTS: usize = 50;
const KEYS: usize = 100_000;

/// A server under load, with its replicas.
#[derive(Debug)]
pub struct Contestant {
    name: &'static str,
    server: Running,
    replicas: Vec<Running>,
}

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Load<'l> {
    /// As redis-benchmark names its tests.
    pub command: &'l str,
    /// How many requests are sent at once.
    pub pipeline: u64,
    /// How many threads send.
    pub threads: usize,
    /// Whether a rough figure will do.
    pub short: bool,
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Commands per second.
    rate: f64,
    /// Seconds of server CPU per million commands.
    cpu_s: f64,
}

impl Contestant {
    /// Gives a server replicas and waits until they follow.
    pub fn new(name: &'static str, server: Running, replicas: usize) -> io::Result<Self> {
        let replicas = (0..replicas).map(|_| server.replica()).collect::<io::Result<Vec<_>>>()?;
        server.until_followed_by(&replicas)?;
        Ok(Self { name, server, replicas })
    }
}

/// Writes the heading over the rows of [`Load::compare`].
pub fn write_heading(contestants: &[Contestant], out: &mut impl Write) -> io::Result<()> {
    write!(out, "{:10}", "load")?;
    for contestant in contestants {
        write!(out, " | {:>10}: k/s   s/M", contestant.name)?;
    }
    for contestant in &contestants[1..] {
        write!(out, " | {:>10}: ×rate  ×cpu", contestant.name)?;
    }
    writeln!(out)
}

impl Load<'_> {
    /// Puts every contestant under this load in turn, and writes the medians and their ratios.
    pub fn compare(
        &self,
        contestants: &[Contestant],
        rounds: usize,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut samples = vec![Vec::new(); contestants.len()];
        for round in 0..rounds {
            for turn in 0..contestants.len() {
                let index = (turn + round) % contestants.len();
                samples[index].push(self.run(&contestants[index])?);
            }
        }
        let medians: Vec<_> = samples.iter().map(|samples| median(samples)).collect();
        write!(out, "{:5} P={:<3}", self.command.to_uppercase(), self.pipeline)?;
        for Sample { rate, cpu_s } in &medians {
            write!(out, " | {:14.1} {cpu_s:6.2}", rate / 1e3)?;
        }
        for median in &medians[1..] {
            let (rate, cpu) = (median.rate / medians[0].rate, median.cpu_s / medians[0].cpu_s);
            write!(out, " | {rate:16.2} {cpu:6.2}")?;
        }
        writeln!(out)?;
        out.flush()
    }

    fn run(&self, contestant: &Contestant) -> io::Result<Sample> {
        let server = &contestant.server;
        let requests = self.requests();
        let before = server.busy()?;
        let output = Command::new("redis-benchmark")
            .args(["-p", &server.port.to_string(), "-t", self.command, "--csv"])
            .args(["-n", &requests.to_string(), "-c", &CLIENTS.to_string()])
            .args(["-P", &self.pipeline.to_string(), "-d", &VALUE_BYTES.to_string()])
            .args(["-r", &KEYS.to_string()])
            .args((self.threads > 1).then(|| format!("--threads={}", self.threads)))
            .stderr(Stdio::inherit())
            .output()?;
        // What the replicas are still owed is the server's work, too.
        server.until_followed_by(&contestant.replicas)?;
        let busy = server.busy()?.saturating_sub(before);
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = rate_in(&text)
            .ok_or_else(|| io::Error::other(format!("redis-benchmark printed {text:?}")))?;
        Ok(Sample { rate, cpu_s: busy.as_secs_f64() * 1e6 / requests as f64 })
    }

    /// Enough for a second or so.
    fn requests(&self) -> u64 {
        let requests = match self.pipeline {
            1 => 60_000,
            2..=16 => 400_000,
            _ => 1_000_000,
        };
        // An MSET is of ten keys.
        let requests = if self.command == "mset" { requests / 5 } else { requests };
        if self.short { requests / 2 } else { requests }
    }
}

/// Finds the rate in the second line of `"test","rps",…`.
fn rate_in(csv: &str) -> Option<f64> {
    csv.lines().nth(1)?.split("\",\"").nth(1)?.trim_matches('"').parse().ok()
}

fn median(samples: &[Sample]) -> Sample {
    let middle = |pick: fn(&Sample) -> f64| {
        let mut values: Vec<_> = samples.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Sample { rate: middle(|sample| sample.rate), cpu_s: middle(|sample| sample.cpu_s) }
}
