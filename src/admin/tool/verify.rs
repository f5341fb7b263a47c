//! `backlogd log verify`: reads everything, checks it, and tells what is wrong and where.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::error::ToolError;
use super::json::Json;
use super::look::{self, Conclusion, Look, Problem};
use super::run::Outcome;
use crate::log::inspect::{Content, Depth, Inspected, InspectedSegment};

/// Verifies the log in `directory`; a line for each file, then what is wrong, then the verdict.
pub(super) fn verify(
    directory: &Path,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<Outcome, ToolError> {
    let look = Look::closely(directory, Depth::Stream)?;
    let conclusion = look::conclude(&look.problems);
    let report = if as_json { report_json } else { report_text };
    match report(&look, conclusion, out) {
        // The exit status is the verdict, whether or not anybody reads on.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(conclusion.outcome()),
    }
}

fn report_text(look: &Look<'_>, conclusion: Conclusion, out: &mut dyn Write) -> io::Result<()> {
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
    look::tell(&look.problems, out)?;
    let (start, end) = look.range().unwrap_or_default();
    let count = look.problems.iter().filter(|problem| problem.is_damage()).count();
    match conclusion {
        Conclusion::Damaged => {
            writeln!(out, "verdict: damaged, see the lines above ({count}); a start would refuse")
        }
        Conclusion::DamagedBelowStart => writeln!(
            out,
            "verdict: damaged, see the lines above ({count}), but not in what a start reads: it \
             goes on, and replicas that need what is damaged resync in full"
        ),
        Conclusion::Torn(end) => writeln!(
            out,
            "verdict: sound from {start} to {end}, with a torn tail: a start after a power loss \
             cuts the log there, and one within the boot that wrote it refuses"
        ),
        Conclusion::Sound => writeln!(out, "verdict: sound from {start} to {end}"),
    }
}

fn report_file(file: &Inspected, problems: &[Problem], out: &mut dyn Write) -> io::Result<()> {
    let name = file.path.file_name().unwrap_or_default().display();
    let verdict = verdict_of(file, problems);
    match &file.content {
        Content::Spare => writeln!(out, "{name}: {} bytes, {verdict}", file.file_bytes),
        Content::Unreadable(fault) => writeln!(out, "{name}: {verdict}: {fault}"),
        Content::Segment(segment) => {
            let InspectedSegment { header, verified_end, frames_count, durable, .. } = &**segment;
            writeln!(
                out,
                "{name}: offsets {} to {verified_end}, {frames_count} frames, durable to at least \
                 {durable}, {verdict}",
                header.base
            )
        }
    }
}

fn report_json(look: &Look<'_>, conclusion: Conclusion, out: &mut dyn Write) -> io::Result<()> {
    let (start, end) = look.range().unzip();
    let mut json = Json::new(out);
    json.open('{')?;
    json.member_text("directory", &look.place.directory.to_string_lossy())?;
    json.member("start", start.map(|start| start.0))?;
    json.member("end", end.map(|end| end.0))?;
    json.member_text("verdict", word_for(conclusion))?;
    json.name("start_refused")?;
    match conclusion.refuses_start() {
        Some(refuses) => json.truth(refuses)?,
        None => json.null()?,
    }
    json.name("files")?;
    json.open('[')?;
    for file in &look.files {
        file_json(file, &look.problems, &mut json)?;
    }
    json.close(']')?;
    json.name("snapshot")?;
    match look.place.manifest().and_then(|manifest| manifest.snapshot.as_ref()) {
        None => json.null()?,
        Some(meta) => {
            json.open('{')?;
            json.member_text("file", &meta.file)?;
            json.member("offset", meta.offset.0)?;
            json.member("bytes", meta.bytes)?;
            json.member("keys", look.snapshot_keys)?;
            json.close('}')?;
        }
    }
    look::tell_json(&look.problems, &mut json)?;
    json.close('}')?;
    writeln!(out)
}

fn file_json(file: &Inspected, problems: &[Problem], json: &mut Json<'_>) -> io::Result<()> {
    json.open('{')?;
    json.member_text("file", &file.path.file_name().unwrap_or_default().to_string_lossy())?;
    json.member("bytes", file.file_bytes)?;
    if let Content::Segment(segment) = &file.content {
        json.member("start", segment.header.base.0)?;
        json.member("end", segment.verified_end.0)?;
        json.member("durable", segment.durable.0)?;
        json.member("frames", segment.frames_count as u64)?;
        json.name("clean")?;
        json.truth(segment.is_clean)?;
    }
    json.member_text("verdict", &verdict_of(file, problems))?;
    json.close('}')
}

fn word_for(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Sound => "sound",
        Conclusion::Torn(_) => "torn tail",
        Conclusion::DamagedBelowStart | Conclusion::Damaged => "damaged",
    }
}

/// The worst that is wrong with one file.
fn verdict_of(file: &Inspected, problems: &[Problem]) -> String {
    let own = problems.iter().filter_map(|problem| match problem {
        Problem::File(finding) if finding.path == file.path => Some(finding.verdict),
        _ => None,
    });
    let worst = own.max_by_key(|verdict| (verdict.is_fatal(), verdict.is_damage()));
    match (&file.content, worst) {
        (_, Some(verdict)) => verdict.to_string(),
        (Content::Spare, None) => "not used yet".to_owned(),
        (Content::Unreadable(_), None) => "unreadable header".to_owned(),
        (Content::Segment(segment), None) if segment.is_clean => {
            "sound, closed in good order".to_owned()
        }
        (Content::Segment(_), None) => "sound".to_owned(),
    }
}
