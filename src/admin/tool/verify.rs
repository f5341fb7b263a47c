//! `backlogd log verify`: reads everything, checks it, and tells what is wrong and where.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::error::ToolError;
use super::look::{Look, Problem};
use super::run::Outcome;
use crate::log::format::HeaderFault;
use crate::log::inspect::{Content, Inspected, InspectedSegment};

/// Verifies the log in `directory`; a line for each file, then what is wrong, then the verdict.
pub(super) fn verify(directory: &Path, out: &mut dyn Write) -> Result<Outcome, ToolError> {
    let look = Look::closely(directory)?;
    let outcome = outcome_of(&look.problems);
    match report(&look, outcome, out) {
        // The exit status is the verdict, whether or not anybody reads on.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(outcome),
    }
}

/// Sums up what is wrong.
pub(super) fn outcome_of(problems: &[Problem]) -> Outcome {
    if problems.iter().any(Problem::is_fatal) { Outcome::Damaged } else { Outcome::Sound }
}

/// Writes a line for each problem.
pub(super) fn tell(problems: &[Problem], out: &mut dyn Write) -> io::Result<()> {
    for problem in problems {
        let kind = if problem.is_fatal() { "damage" } else { "note" };
        writeln!(out, "{kind}: {problem}")?;
    }
    Ok(())
}

fn report(look: &Look<'_>, outcome: Outcome, out: &mut dyn Write) -> io::Result<()> {
    for file in &look.files {
        report_file(file, &look.problems, out)?;
    }
    if let Some(meta) = look.place.manifest().and_then(|manifest| manifest.snapshot.as_ref()) {
        let verdict = match look.snapshot_keys {
            Some(keys) => format!("{keys} keys, sound"),
            None => "damaged".to_owned(),
        };
        let (offset, bytes) = (meta.offset, meta.bytes);
        writeln!(out, "{}: snapshot at offset {offset}, {bytes} bytes, {verdict}", meta.file)?;
    }
    tell(&look.problems, out)?;
    let (start, end) = look.range().unwrap_or_default();
    if outcome == Outcome::Damaged {
        let count = look.problems.iter().filter(|problem| problem.is_fatal()).count();
        return writeln!(
            out,
            "verdict: damaged, see the lines above ({count}); a start would refuse"
        );
    }
    match look.problems.iter().find_map(Problem::torn_tail) {
        Some(end) => writeln!(
            out,
            "verdict: sound from {start} to {end}, with a torn tail: a start after a power loss \
             cuts the log there, and one within the boot that wrote it refuses"
        ),
        None => writeln!(out, "verdict: sound from {start} to {end}"),
    }
}

fn report_file(file: &Inspected, problems: &[Problem], out: &mut dyn Write) -> io::Result<()> {
    let name = file.path.file_name().unwrap_or_default().display();
    match &file.content {
        Content::Spare => writeln!(out, "{name}: {} bytes, not used yet", file.file_bytes),
        Content::Unreadable(HeaderFault::Version(version)) => {
            writeln!(out, "{name}: format version {version}, which is not known")
        }
        Content::Unreadable(HeaderFault::Damaged) => writeln!(out, "{name}: damaged header"),
        Content::Segment(segment) => {
            let InspectedSegment { header, verified_end, frames_count, durable, .. } = &**segment;
            let verdict = verdict_of(segment, problems);
            writeln!(
                out,
                "{name}: offsets {} to {verified_end}, {frames_count} frames, durable to at least \
                 {durable}, {verdict}",
                header.base
            )
        }
    }
}

/// The worst that is wrong with one segment.
fn verdict_of(segment: &InspectedSegment, problems: &[Problem]) -> String {
    let own = problems.iter().filter_map(|problem| match problem {
        Problem::File(finding) if finding.path == segment.path => Some(finding.verdict),
        _ => None,
    });
    match own.max_by_key(|verdict| verdict.is_fatal()) {
        Some(verdict) => verdict.to_string(),
        None if segment.is_clean => "sound, closed in good order".to_owned(),
        None => "sound".to_owned(),
    }
}
