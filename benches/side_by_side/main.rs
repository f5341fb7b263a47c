//! backlogd and the stock server side by side, in one run: `cargo bench --bench side_by_side`.
//!
//! Both run on loopback, under `redis-benchmark` or a load generator in here; `redis-server`,
//! `redis-benchmark` and, to count syncs, `perf` must be installed. Contestants take turns,
//! round by round, and each figure is the median of its rounds: the machine's mood then falls on
//! all of them alike, and the ratios stay. Server CPU per command says more than throughput where
//! the load generator shares the cores. Beside the ratios of backlogd stands what they should come
//! to, and whether they do.
//!
//! A full run takes about an hour, and some 10 GB of disk for files that are removed at the end;
//! the minutes of each part are told with [`Part`]. Flags follow `--`:
//! `cargo bench --bench side_by_side -- --quick --replicas 1`.

mod aims;
mod benchmark;
mod client;
mod commit;
mod connections;
mod contestants;
mod disk;
mod during;
mod during_large;
mod events;
mod eviction;
mod expiry;
mod figures;
mod following;
mod footprint;
mod load;
mod loading;
mod paced;
mod policy;
mod pubsub;
mod restart;
mod role;
mod scripts;
mod server;
mod streams;
mod syncs;
mod table;
mod tls;
mod users;
mod values;

use std::io;

use clap::{Parser, ValueEnum};

use load::{Matrix, Pace};

/// Runs backlogd and redis-server side by side.
#[derive(Debug, Parser)]
struct Flags {
    /// Few loads, short ones, one round: under two minutes, if no part is named.
    #[arg(long)]
    quick: bool,
    /// How often everything is run; the median is reported.
    #[arg(long)]
    rounds: Option<usize>,
    /// Which parts to run; all if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Numbers of workers for further contestants, beside backlogd by default.
    #[arg(long, value_delimiter = ',')]
    workers: Vec<usize>,
    /// How many stock replicas follow each server under load; given twice, both are run.
    #[arg(long, value_delimiter = ',')]
    replicas: Vec<usize>,
    /// Which `appendfsync` the rows of load and of during-large are for.
    #[arg(long, value_delimiter = ',')]
    policy: Vec<String>,
    /// Commands to load with, as redis-benchmark names its tests.
    #[arg(long, value_delimiter = ',')]
    command: Vec<String>,
    /// Pipeline lengths.
    #[arg(long, value_delimiter = ',')]
    pipeline: Vec<u64>,
    /// Lengths of the values written under load.
    #[arg(long, value_delimiter = ',')]
    value_bytes: Vec<usize>,
    /// Threads of redis-benchmark.
    #[arg(long, default_value_t = 1)]
    load_threads: usize,
    /// How many keys there are in the restart rows.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// How many keys there are in the loading rows.
    #[arg(long, default_value_t = 4_000_000)]
    loading_keys: u64,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the run, and the minutes it takes in five rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// redis-benchmark under `no` and `everysec`; 10 min.
    Load,
    /// redis-benchmark under `always`, and syncs per command; 3 min.
    Always,
    /// redis-benchmark with a stock replica attached; 2 min.
    Replica,
    /// What `everysec` costs beside `no`; 2 min.
    Policy,
    /// What `backlog-commit-replicas 1` costs under `always`; 1 min.
    Commit,
    /// `WAIT 1` with a stock replica; 1 min.
    Wait,
    /// When a write can be read from a stock replica; 1 min.
    Visibility,
    /// A thousand and ten thousand connections; 4 min.
    Connections,
    /// Writes during BGSAVE and full syncs; 9 min.
    During,
    /// Writes to one sorted set of five million members during BGSAVE; 8 min.
    DuringLarge,
    /// One publisher and a hundred subscribers; 1 min.
    Pubsub,
    /// Loading a snapshot of small keys; 1 min.
    Loading,
    /// Restarts, and replicas that come back after them; 1 min.
    Restart,
    /// What a replica does, ours beside stock ones; 3 min.
    Role,
    /// Commands on lists, sets, sorted sets and what is made of strings; 4 min.
    Values,
    /// Streams, and groups that read them; 1 min.
    Streams,
    /// Lua scripts; 1 min.
    Scripts,
    /// Clients in TLS; 1 min.
    Tls,
    /// What users are bound by; 1 min.
    Users,
    /// What tracked keys, events and evictions cost; 2 min.
    Events,
    /// Memory for each element of values small and large; 1 min.
    Footprint,
    /// How often a cache under `maxmemory` has what it is asked for; 9 min.
    Eviction,
    /// Ten million keys that expire within one second; 7 min.
    Expiry,
}

/// What is run if no part is named.
const FULL: &[Part] = &[
    Part::Load,
    Part::Always,
    Part::Replica,
    Part::Policy,
    Part::Commit,
    Part::Wait,
    Part::Visibility,
    Part::Connections,
    Part::During,
    Part::DuringLarge,
    Part::Pubsub,
    Part::Loading,
    Part::Restart,
    Part::Role,
    Part::Values,
    Part::Streams,
    Part::Scripts,
    Part::Tls,
    Part::Users,
    Part::Events,
    Part::Footprint,
    Part::Eviction,
    Part::Expiry,
];
const QUICK: &[Part] = &[Part::Load, Part::Always, Part::Restart];

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    raise_descriptor_limit()?;
    let parts = match (&*flags.only, flags.quick) {
        ([], true) => QUICK,
        ([], false) => FULL,
        (named, _) => named,
    };
    parts.iter().try_for_each(|part| part.run(&flags))
}

impl Part {
    fn run(self, flags: &Flags) -> io::Result<()> {
        let (workers, rounds, pace) = (&*flags.workers, flags.rounds(), flags.pace());
        let out = &mut io::stdout();
        match self {
            Self::Load | Self::Always | Self::Replica => {
                flags.matrices(self).iter().try_for_each(|matrix| matrix.run(out))?;
                match self {
                    Self::Always if !flags.quick => syncs::run(workers, rounds, out),
                    _ => Ok(()),
                }
            }
            Self::Policy => policy::run(rounds, pace, out),
            Self::Commit => commit::run(rounds, pace, out),
            Self::Wait => following::wait(workers, rounds, out),
            Self::Visibility => following::visibility(workers, rounds, out),
            Self::Connections => connections::run(workers, rounds, out),
            Self::During => during::run(workers, rounds, pace, out),
            Self::DuringLarge => {
                let policies = flags.policies(self, &["everysec", "no"]);
                during_large::run(&policies, rounds, pace, out)
            }
            Self::Pubsub => pubsub::run(workers, rounds, pace, out),
            Self::Loading => loading::run(flags.loading_keys, workers, rounds, out),
            Self::Restart => restart::run(flags.keys, out),
            Self::Role => role::run(flags.loading_keys, out),
            Self::Values => values::run(workers, rounds, pace, out),
            Self::Streams => streams::run(workers, rounds, pace, out),
            Self::Scripts => scripts::run(workers, rounds, pace, out),
            Self::Tls => tls::run(workers, rounds, pace, out),
            Self::Users => users::run(workers, rounds, pace, out),
            Self::Events => events::run(rounds, pace, out),
            Self::Footprint => footprint::run(out),
            Self::Eviction => eviction::run(rounds, pace, out),
            Self::Expiry => expiry::run(rounds, pace, out),
        }
    }
}

impl Flags {
    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }

    fn pace(&self) -> Pace {
        if self.quick { Pace::Quick } else { Pace::Full }
    }

    /// What a part loads with: as the flags say, else what there are aims for.
    fn matrices(&self, part: Part) -> Vec<Matrix> {
        let (policies, replicas): (&[&str], usize) = match part {
            Part::Always => (&["always"], 0),
            Part::Replica => (&["everysec"], 1),
            _ if self.quick => (&["everysec"], 0),
            _ => (&["no", "everysec"], 0),
        };
        let (commands, pipelines, values_bytes): (&[&str], &[u64], &[usize]) =
            match (self.quick, part) {
                (true, _) => (&["set", "get"], &[1, 64], &[64]),
                (false, Part::Load) => (&["set", "get", "incr", "mset"], &[1, 16, 64], &[16, 256]),
                (false, _) => (&["set", "incr"], &[1, 16], &[16, 256]),
            };
        let mut matrices = Vec::new();
        for replicas in given_or(&self.replicas, &[replicas]) {
            for policy in self.policies(part, policies) {
                matrices.push(Matrix {
                    policy,
                    replicas,
                    commands: self.commands(commands),
                    pipelines: given_or(&self.pipeline, pipelines),
                    values_bytes: given_or(&self.value_bytes, values_bytes),
                    workers: self.workers.clone(),
                    rounds: self.rounds(),
                    threads: self.load_threads,
                    pace: self.pace(),
                });
            }
        }
        matrices
    }

    fn policies(&self, part: Part, all: &[&str]) -> Vec<String> {
        let is_given = matches!(part, Part::Load | Part::DuringLarge);
        let given = if is_given { &*self.policy } else { &[] };
        given_or(given, &owned(all))
    }

    fn commands(&self, all: &[&str]) -> Vec<String> {
        given_or(&self.command, &owned(all))
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn given_or<T: Clone>(given: &[T], all: &[T]) -> Vec<T> {
    if given.is_empty() { all.to_vec() } else { given.to_vec() }
}

/// Lets this process, and the servers it starts, have as many connections as the system allows.
fn raise_descriptor_limit() -> io::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
