//! What `everysec` costs beside `no`: backlogd against itself.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::benchmark::{COLUMNS, Load};
use crate::contestants::Entrant;
use crate::figures::{Column, interleaved};
use crate::load::{Pace, describe, requests};
use crate::table::Table;

const VALUE_BYTES: usize = 64;

/// Runs all rows and writes them.
pub fn run(rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let policies = ["no", "everysec"];
    let contestants = policies
        .map(|policy| Entrant::backlogd(policy).called(&format!("backlogd {policy}")).compete(0))
        .into_iter()
        .collect::<io::Result<Vec<_>>>()?;
    let table = Table::begin("appendfsync everysec beside no", COLUMNS, out)?;
    for pipeline in [1, 16, 64] {
        for command in ["set", "incr"] {
            let requests = requests(command, pipeline, pace);
            let load = Load { command, pipeline, value_bytes: VALUE_BYTES, threads: 1, requests };
            let run = |index: usize| load.run(&contestants[index]);
            let medians = interleaved(contestants.len(), rounds, run)?;
            let names = contestants.iter().map(|contestant| &*contestant.name);
            let aims = [Aim::times_or_less(Column::Cpu, 1.05)];
            table.cell(&describe(&load), names, &medians, &aims, out)?;
        }
    }
    Ok(())
}
