//! One look at a directory, and what is wrong with it.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::ToolError;
use super::json::Json;
use super::place::Place;
use super::run::Outcome;
use super::snapshot;
use crate::log::findings::{self, Finding, Verdict};
use crate::log::inspect::{self, Depth, Inspected};
use crate::position::Offset;
use crate::snapshot::{Manifest, RunState, SnapshotMeta};

/// Everything that was read of a directory.
pub(super) struct Look<'d> {
    /// The directory, its manifest and its files.
    pub(super) place: Place<'d>,
    /// What the files of the log hold.
    pub(super) files: Vec<Inspected>,
    /// How many keys the snapshot holds, if there is one and it is whole.
    pub(super) snapshot_keys: Option<u64>,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
}

/// One thing that is wrong with a directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// A place in a file of the log.
    File(Finding),
    /// No segment is in use, though there was a log.
    NoSegment {
        /// The directory.
        directory: PathBuf,
    },
    /// What a start would replay is no longer there.
    LateStart {
        /// Where the log begins.
        start: Offset,
        /// From where it is needed.
        needed: Offset,
    },
    /// The log ends before the snapshot was taken.
    ShortOfSnapshot {
        /// Where the log ends.
        end: Offset,
        /// The snapshot's offset.
        snapshot: Offset,
    },
    /// The manifest or the snapshot, in words.
    Beside(String),
    /// There is no manifest.
    NoManifest {
        /// The directory.
        directory: PathBuf,
    },
}

impl Problem {
    /// Whether a start would refuse because of it.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::File(finding) => finding.verdict.is_fatal(),
            Self::NoManifest { .. } => false,
            _ => true,
        }
    }

    /// Whether something is lost that a start or a replica may ask for.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::File(finding) => finding.verdict.is_damage(),
            _ => self.is_fatal(),
        }
    }

    /// What a line about it begins with.
    fn kind(&self) -> &'static str {
        if self.is_damage() { "damage" } else { "note" }
    }

    /// The end of the log, if it is a torn one.
    pub(super) fn torn_tail(&self) -> Option<Offset> {
        match self {
            Self::File(finding) if finding.verdict == Verdict::TornTail => finding.offset,
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(finding) => finding.fmt(f),
            Self::NoSegment { directory } => {
                write!(f, "{}: no segment is in use, but there was a log", directory.display())
            }
            Self::LateStart { start, needed } => {
                write!(f, "the log begins at offset {start}, but a start needs it from {needed} on")
            }
            Self::ShortOfSnapshot { end, snapshot } => {
                write!(f, "the log ends at offset {end}, before the snapshot at {snapshot}")
            }
            Self::Beside(reason) => f.write_str(reason),
            Self::NoManifest { directory } => write!(
                f,
                "{} holds no manifest: the durable floor and the snapshot were not checked",
                directory.display()
            ),
        }
    }
}

impl<'d> Look<'d> {
    /// Reads as much as `depth` says, and once more if anything is wrong.
    ///
    /// A server may be writing what is read: what only one of the two looks shows is no damage.
    pub(super) fn closely(directory: &'d Path, depth: Depth) -> Result<Self, ToolError> {
        let first = Self::once(directory, depth)?;
        if first.problems.is_empty() {
            return Ok(first);
        }
        let mut second = Self::once(directory, depth)?;
        second.problems.retain(|problem| first.problems.contains(problem));
        Ok(second)
    }

    /// Reads it as it is now; the snapshot only where every byte is read.
    fn once(directory: &'d Path, depth: Depth) -> Result<Self, ToolError> {
        let place = Place::find(directory)?;
        let files = inspect::inspect(directory, depth)?;
        let findings = findings::findings(&files, &place.expectation());
        let mut look = Self {
            problems: findings.into_iter().map(Problem::File).collect(),
            place,
            files,
            snapshot_keys: None,
        };
        let mut beside = Vec::new();
        match &look.place.manifest {
            Ok(None) => beside.push(Problem::NoManifest { directory: directory.to_owned() }),
            Err(error) => beside.push(Problem::Beside(error.to_string())),
            Ok(Some(manifest)) => {
                beside.extend(look.disagreement(manifest));
                if let Some(meta) = manifest.snapshot.as_ref().filter(|_| depth == Depth::Stream) {
                    match snapshot::check(directory, meta) {
                        Ok(keys) => look.snapshot_keys = Some(keys),
                        Err(fault) => beside.push(Problem::Beside(fault.to_string())),
                    }
                }
            }
        }
        look.problems.extend(beside);
        Ok(look)
    }

    /// The first offset, and the one up to which the log verifies; `None` without a segment.
    pub(super) fn range(&self) -> Option<(Offset, Offset)> {
        range(&self.files)
    }

    /// Where log and manifest do not fit together.
    fn disagreement(&self, manifest: &Manifest) -> Option<Problem> {
        let Some((start, end)) = self.range() else {
            let never_used = manifest.run == RunState::Clean { end: manifest.log.first };
            let directory = self.place.directory.to_owned();
            return (!never_used).then_some(Problem::NoSegment { directory });
        };
        let snapshot = manifest.snapshot.as_ref().map(offset_of);
        let needed = manifest.needed_from();
        match snapshot {
            _ if start > needed => Some(Problem::LateStart { start, needed }),
            Some(snapshot) if end < snapshot => Some(Problem::ShortOfSnapshot { end, snapshot }),
            _ => None,
        }
    }
}

/// What the problems of a directory amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// Nothing is lost.
    Sound,
    /// What was written last does not verify from this offset on, and may never have been durable.
    Torn(Offset),
    /// There is damage, but none in what a start reads.
    DamagedBelowStart,
    /// There is damage that a start refuses.
    Damaged,
}

/// Sums up what is wrong.
pub(super) fn conclude(problems: &[Problem]) -> Conclusion {
    let torn = || problems.iter().find_map(Problem::torn_tail);
    if problems.iter().any(Problem::is_fatal) {
        Conclusion::Damaged
    } else if problems.iter().any(Problem::is_damage) {
        Conclusion::DamagedBelowStart
    } else {
        torn().map_or(Conclusion::Sound, Conclusion::Torn)
    }
}

impl Conclusion {
    /// What the exit status tells of it.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Sound | Self::Torn(_) => Outcome::Sound,
            Self::DamagedBelowStart | Self::Damaged => Outcome::Damaged,
        }
    }

    /// Whether a start refuses; of a torn tail only the machine that wrote it can tell.
    pub(super) fn refuses_start(self) -> Option<bool> {
        match self {
            Self::Sound | Self::DamagedBelowStart => Some(false),
            Self::Torn(_) => None,
            Self::Damaged => Some(true),
        }
    }
}

/// Where what can be read ends before the log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// With more segments to come.
    Between,
    /// In the last segment, which may be growing.
    AtTail,
}

/// Says why what can be read ends before the log does.
pub(super) fn complain(
    directory: &Path,
    broken: Broken,
    complaints: &mut dyn Write,
) -> Result<Outcome, ToolError> {
    let mut problems = Look::closely(directory, Depth::Stream)?.problems;
    problems.retain(|problem| matches!(problem, Problem::File(_)));
    if problems.is_empty() && broken == Broken::Between {
        return Err(ToolError::Changing(directory.to_owned()));
    }
    tell(&problems, complaints)?;
    Ok(conclude(&problems).outcome())
}

/// Writes a line for each problem.
pub(super) fn tell(problems: &[Problem], out: &mut dyn Write) -> io::Result<()> {
    for problem in problems {
        writeln!(out, "{}: {problem}", problem.kind())?;
    }
    Ok(())
}

/// Writes the problems as a member of an object.
pub(super) fn tell_json(problems: &[Problem], json: &mut Json<'_>) -> io::Result<()> {
    json.name("problems")?;
    json.open('[')?;
    for problem in problems {
        json.open('{')?;
        json.member_text("kind", problem.kind())?;
        json.member_text("text", &problem.to_string())?;
        if let Problem::File(Finding { path, position, offset, .. }) = problem {
            json.member_text("file", &path.file_name().unwrap_or_default().to_string_lossy())?;
            json.member("byte", *position)?;
            json.member("offset", offset.map(|offset| offset.0))?;
        }
        json.close('}')?;
    }
    json.close(']')
}

/// The first offset of a log, and the one up to which it verifies; `None` without a segment.
pub(super) fn range(files: &[Inspected]) -> Option<(Offset, Offset)> {
    let mut segments = files.iter().filter_map(Inspected::segment);
    let first = segments.next()?;
    let last = segments.next_back().unwrap_or(first);
    Some((first.header.base, last.verified_end))
}

fn offset_of(meta: &SnapshotMeta) -> Offset {
    meta.offset
}
