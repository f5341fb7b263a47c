//! What it costs that a replica has each write on disk too: backlogd against itself under `always`.

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
    let entrant = Entrant::backlogd("always");
    let commits = entrant.clone().with(&["--backlog-commit-replicas", "1"]);
    let sealed = commits.clone().with(&["--backlog-feed", "sealed"]);
    let contestants = [
        entrant.called("alone").compete(0)?,
        commits.called("commit 1").compete_with_twin()?,
        sealed.called("commit 1 sealed").compete_with_twin()?,
    ];
    let table = Table::begin("backlog-commit-replicas 1 beside always alone", COLUMNS, out)?;
    for pipeline in [1, 16] {
        let requests = requests("set", pipeline, pace);
        let load =
            Load { command: "set", pipeline, value_bytes: VALUE_BYTES, threads: 1, requests };
        let run = |index: usize| load.run(&contestants[index]);
        let medians = interleaved(contestants.len(), rounds, run)?;
        let names = contestants.iter().map(|contestant| &*contestant.name);
        // What a client waits for is two syncs in a row, and so half of the rate, if it waits for each.
        let aims: &[Aim] =
            if pipeline == 1 { &[Aim::times_or_more(Column::Rate, 0.5)] } else { &[] };
        table.cell(&describe(&load), names, &medians, aims, out)?;
    }
    Ok(())
}
