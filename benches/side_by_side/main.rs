//! backlogd and the stock server side by side, in one run: `cargo bench --bench side_by_side`.
//!
//! Both run on loopback under `redis-benchmark`, which together with `redis-server` must be
//! installed. Contestants take turns, round by round, and each figure is the median of its rounds:
//! the machine's mood then falls on all of them alike, and the ratios stay. Server CPU per command
//! says more than throughput where the load generator shares the cores.
//!
//! Flags follow `--`: `cargo bench --bench side_by_side -- --quick --replicas 1`.

mod load;
mod restart;
mod server;

use std::io::{self, Write};

use clap::{Parser, ValueEnum};

use load::{Contestant, Load};
use server::{Kind, Running};

/// The length of the values written, in bytes.
const VALUE_BYTES: usize = 64;

/// Runs backlogd and redis-server side by side.
#[derive(Debug, Parser)]
struct Flags {
    /// Few loads, short ones, one round: under two minutes.
    #[arg(long)]
    quick: bool,
    /// How many stock replicas follow each server under load; given twice, both are run.
    #[arg(long, default_values_t = [0])]
    replicas: Vec<usize>,
    /// How often each load is run; the median is reported.
    #[arg(long)]
    rounds: Option<usize>,
    /// Which part to run; all if none is named.
    #[arg(long)]
    only: Option<Part>,
    /// Which `appendfsync` to run under; all if none is named.
    #[arg(long)]
    policy: Vec<String>,
    /// Commands to load with, as redis-benchmark names its tests.
    #[arg(long)]
    command: Vec<String>,
    /// Pipeline lengths.
    #[arg(long)]
    pipeline: Vec<u64>,
    /// Threads of redis-benchmark.
    #[arg(long, default_value_t = 1)]
    load_threads: usize,
    /// How many keys there are in the restart rows.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Load,
    Restart,
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let out = &mut io::stdout();
    if flags.only != Some(Part::Restart) {
        under_load(&flags, out)?;
    }
    if flags.only != Some(Part::Load) {
        restart::run(flags.keys, out)?;
    }
    Ok(())
}

fn under_load(flags: &Flags, out: &mut impl Write) -> io::Result<()> {
    let or = |given: &[String], all: &[&str]| {
        if given.is_empty() { all.iter().map(|&s| s.to_owned()).collect() } else { given.to_vec() }
    };
    let every = ["no", "everysec", "always"];
    let policies = or(&flags.policy, if flags.quick { &every[1..] } else { &every });
    let all = ["set", "get", "incr", "mset"];
    let commands = or(&flags.command, if flags.quick { &all[..2] } else { &all });
    let pipelines = match (&*flags.pipeline, flags.quick) {
        ([], true) => vec![1, 64],
        ([], false) => vec![1, 16, 64],
        (given, _) => given.to_vec(),
    };
    let rounds = flags.rounds.unwrap_or(if flags.quick { 1 } else { 3 });
    for &replicas in &flags.replicas {
        for policy in &policies {
            writeln!(out, "\nappendfsync {policy}, {replicas} replicas, {VALUE_BYTES} B values")?;
            let contestants = contestants(policy, replicas)?;
            load::write_heading(&contestants, out)?;
            for &pipeline in &pipelines {
                for command in &commands {
                    let load =
                        Load { command, pipeline, threads: flags.load_threads, short: flags.quick };
                    load.compare(&contestants, rounds, out)?;
                }
            }
        }
    }
    Ok(())
}

/// Starts everyone who competes under `policy`, the one to be measured against first.
fn contestants(policy: &str, replicas: usize) -> io::Result<Vec<Contestant>> {
    let backlogd = |threads: &str| {
        Running::start(
            Kind::Backlogd,
            &[
                "--appendfsync",
                policy,
                "--io-threads",
                threads,
                "--backlog-snapshot-ratio",
                "1000000",
            ],
        )
    };
    let redis = |appendonly: &str| {
        let rewrite = ["--auto-aof-rewrite-percentage", "0", "--repl-diskless-sync-delay", "0"];
        let fsync = ["--appendonly", appendonly, "--appendfsync", policy];
        Running::start(Kind::Redis, &[fsync, rewrite].concat())
    };
    let mut servers = vec![
        ("redis aof", redis("yes")?),
        ("backlogd 1", backlogd("1")?),
        ("backlogd 2", backlogd("2")?),
    ];
    if policy == "no" {
        servers.push(("redis bare", redis("no")?));
    }
    servers.into_iter().map(|(name, server)| Contestant::new(name, server, replicas)).collect()
}
