//! From the command line to an exit status.

use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use super::error::ToolError;
use super::{dump, stat, tail, verify};
use crate::config::LogCommand;

const BUFFER_BYTES: usize = 64 << 10;
/// The log is damaged.
const DAMAGED: u8 = 1;
/// What was asked for cannot be told.
const FAILED: u8 = 2;

/// What a tool found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing that a start or a replica would miss.
    Sound,
    /// Damage, which has been told.
    Damaged,
}

/// Says that a tool was not asked properly.
pub fn misused(usage: &str) -> ExitCode {
    // There is nobody else to tell if this fails.
    drop(writeln!(std::io::stderr(), "backlogd: {}", usage.trim_end()));
    ExitCode::from(FAILED)
}

/// Runs one tool; what it has to say goes to standard output, complaints to standard error.
pub fn run(command: &LogCommand) -> ExitCode {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, std::io::stdout().lock());
    let mut complaints = std::io::stderr().lock();
    let done = match command {
        LogCommand::Verify { dir, json } => verify::verify(dir, *json, &mut out),
        LogCommand::Stat { dir, json } => stat::stat(dir, *json, &mut out),
        LogCommand::Dump(arguments) => dump::dump(arguments, &mut out, &mut complaints),
        LogCommand::Tail(arguments) => tail::tail(arguments, &mut out, &mut complaints),
    };
    let done = done.and_then(|outcome| match out.flush() {
        // Whoever reads has seen enough; the verdict stands all the same.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(outcome),
    });
    match done {
        Ok(Outcome::Sound) => ExitCode::SUCCESS,
        Ok(Outcome::Damaged) => ExitCode::from(DAMAGED),
        Err(ToolError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody else to tell if these fail: what was found first, then why it ends.
            drop(out.flush());
            drop(writeln!(complaints, "backlogd: {error}"));
            ExitCode::from(if error.is_damage() { DAMAGED } else { FAILED })
        }
    }
}
