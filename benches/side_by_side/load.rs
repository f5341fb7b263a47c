//! Loads by redis-benchmark: commands by pipelines by lengths of values, under one policy.

use std::io::{self, Write};

use crate::aims;
use crate::benchmark::{COLUMNS, Load};
use crate::contestants::{Contestant, Entrant};
use crate::figures::interleaved;
use crate::table::Table;

/// How thorough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A second or so for each load.
    Full,
    /// Half of that.
    Quick,
}

/// Which loads, and on whom.
#[derive(Debug)]
pub struct Matrix {
    /// `appendfsync`.
    pub policy: String,
    /// How many stock replicas follow each server.
    pub replicas: usize,
    /// As redis-benchmark names its tests.
    pub commands: Vec<String>,
    /// How many requests are sent at once.
    pub pipelines: Vec<u64>,
    /// Lengths of the values written.
    pub values_bytes: Vec<usize>,
    /// Numbers of workers to fix, beside the default.
    pub workers: Vec<usize>,
    /// How often each load is run.
    pub rounds: usize,
    /// How many threads send.
    pub threads: usize,
    /// How long each load is.
    pub pace: Pace,
}

impl Matrix {
    /// Runs all loads on all contestants, and writes a row for each of both.
    pub fn run(&self, out: &mut impl Write) -> io::Result<()> {
        let title = format!("appendfsync {}, {} replicas", self.policy, self.replicas);
        let table = Table::begin(&title, COLUMNS, out)?;
        let contestants = self.contestants()?;
        for &pipeline in &self.pipelines {
            for (index, &value_bytes) in self.values_bytes.iter().enumerate() {
                // An INCR is the same whatever the length of values.
                let told_apart = |command: &&String| index == 0 || *command != "incr";
                for command in self.commands.iter().filter(told_apart) {
                    let load = Load {
                        command,
                        pipeline,
                        value_bytes,
                        threads: self.threads,
                        requests: self.requests(command, pipeline),
                    };
                    self.compare(&table, &load, &contestants, out)?;
                }
            }
        }
        Ok(())
    }

    fn compare(
        &self,
        table: &Table,
        load: &Load<'_>,
        contestants: &[Contestant],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let run = |index: usize| load.run(&contestants[index]);
        let medians = interleaved(contestants.len(), self.rounds, run)?;
        let aims = aims::of_load(&self.policy, self.replicas, load.command, load.pipeline);
        let names = contestants.iter().map(|contestant| &*contestant.name);
        table.cell(&describe(load), names, &medians, &aims, out)
    }

    fn requests(&self, command: &str, pipeline: u64) -> u64 {
        let requests = requests(command, pipeline, self.pace);
        // Each of these waits for the disk.
        if self.policy == "always" { requests / 2 } else { requests }
    }

    /// Starts everyone who competes, the one to be measured against first.
    fn contestants(&self) -> io::Result<Vec<Contestant>> {
        let mut entrants = Entrant::all(&self.policy, &self.workers);
        if self.policy == "no" {
            entrants.push(Entrant::redis_bare());
        }
        entrants.iter().map(|entrant| entrant.compete(self.replicas)).collect()
    }
}

/// What a load is called in its rows.
pub fn describe(load: &Load<'_>) -> String {
    let (command, pipeline) = (load.command.to_uppercase(), load.pipeline);
    match load.command {
        "incr" => format!("{command} P={pipeline}"),
        _ => format!("{command} P={pipeline} {} B", load.value_bytes),
    }
}

/// Enough for a second or so.
pub fn requests(command: &str, pipeline: u64, pace: Pace) -> u64 {
    let requests = match pipeline {
        1 => 60_000,
        2..=16 => 400_000,
        _ => 1_000_000,
    };
    // An MSET is of ten keys.
    let requests = if command == "mset" { requests / 5 } else { requests };
    if pace == Pace::Quick { requests / 2 } else { requests }
}
