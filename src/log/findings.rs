//! What is wrong with the files of a log that were looked at, and how bad each thing is.
//!
//! It is the recovery that decides about a start; what is told here must agree with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::directory::{parse_segment_name, segment_name};
use super::inspect::{Content, Inspected, InspectedSegment};
use super::recovery::Expectation;
use super::scan;
use crate::position::Offset;

/// What is wrong with a file, where, and how bad it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// The byte of the file.
    pub position: u64,
    /// The same place in the stream, where it has one.
    pub offset: Option<Offset>,
    /// What it amounts to.
    pub verdict: Verdict,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sealed bytes above the durable watermark do not verify: a start would cut here. In a live
    /// directory it may only be a batch that is being sealed just now.
    TornTail,
    /// Bytes that were durable have changed.
    Corrupt,
    /// Bytes have changed in a segment wholly below what a start reads.
    NotNeeded,
    /// A header copy, a frame or the length is damaged, and nothing is lost.
    Healed,
    /// The header is unreadable in both copies.
    HeaderUnreadable,
    /// The file is not as long as its header says, or not the one it names.
    FileDiffers,
    /// The segment this one continues is not there.
    MissingBefore,
    /// The file holds nothing, and a later segment continues it.
    Emptied,
}

impl Verdict {
    /// Whether bytes are lost that a start or a replica may ask for.
    pub fn is_damage(self) -> bool {
        !matches!(self, Self::TornTail | Self::Healed)
    }

    /// Whether a start would refuse because of it.
    pub fn is_fatal(self) -> bool {
        self.is_damage() && self != Self::NotNeeded
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TornTail => "torn tail",
            Self::Corrupt => "corrupt below the durable watermark",
            Self::NotNeeded => "corrupt below what a start reads",
            Self::Healed => "damaged without loss",
            Self::HeaderUnreadable => "unreadable header",
            Self::FileDiffers => "length or name differs from the header",
            Self::MissingBefore => "the segment before is missing",
            Self::Emptied => "empty, though a later segment continues it",
        })
    }
}

/// Judges what [`inspect`](super::inspect::inspect) has read, file by file and link by link.
///
/// Of what is expected, the watermark and the first offset needed count.
pub fn findings(files: &[Inspected], expectation: &Expectation) -> Vec<Finding> {
    let log = Looked::at(files, expectation);
    let mut findings = Vec::new();
    for file in files {
        match &file.content {
            Content::Spare => {}
            Content::Unreadable(_) => {
                findings.push(Finding::new(&file.path, 0, None, Verdict::HeaderUnreadable));
            }
            Content::Segment(segment) => {
                findings.extend(log.of_segment(segment, file.file_bytes));
            }
        }
    }
    findings.extend(log.segments.first().and_then(|first| log.emptied_before(first)));
    findings.extend(log.segments.windows(2).filter_map(|pair| log.of_link(pair[0], pair[1])));
    findings
}

/// The segments, and what is known of the log as a whole.
struct Looked<'f> {
    segments: Vec<&'f InspectedSegment>,
    /// The numbers of the files that hold nothing.
    spares: BTreeSet<u64>,
    needed_from: Option<Offset>,
    /// The highest durable watermark stated anywhere.
    durable: Offset,
}

impl<'f> Looked<'f> {
    fn at(files: &'f [Inspected], expectation: &Expectation) -> Self {
        let name = |file: &Inspected| parse_segment_name(file.path.file_name()?.to_str()?);
        let spares = files.iter().filter(|file| matches!(file.content, Content::Spare));
        let mut log = Self {
            segments: files.iter().filter_map(Inspected::segment).collect(),
            spares: spares.filter_map(name).collect(),
            needed_from: expectation.needed_from,
            durable: Offset::ZERO,
        };
        // Frames of what is not needed are not read at a start.
        let stated = log.segments.iter().map(|segment| {
            if log.is_needed(segment) { segment.durable } else { segment.header.durable }
        });
        log.durable = stated.max().max(expectation.durable_floor).unwrap_or_default();
        log
    }

    fn next(&self, before: &InspectedSegment) -> Option<&InspectedSegment> {
        let next = self.segments.iter().copied().filter(|next| next.continues(before));
        next.max_by_key(|next| next.header.epoch)
    }

    /// Whether a start reads the stream of a segment.
    fn is_needed(&self, segment: &InspectedSegment) -> bool {
        let next = self.next(segment).zip(self.needed_from);
        next.is_none_or(|(next, needed)| next.header.base > needed)
    }

    fn of_segment(&self, segment: &InspectedSegment, file_bytes: u64) -> Vec<Finding> {
        let InspectedSegment { path, header, .. } = segment;
        let is_last = self.segments.last().is_some_and(|last| last.header.seq == header.seq);
        let next = self.next(segment);
        let expected_end = match next {
            Some(next) => next.header.base,
            None if is_last => segment.sealed_end.max(self.durable),
            None => segment.sealed_end,
        };
        let is_whole = segment.verified_end >= expected_end;
        let mut findings = Vec::new();
        if path.file_name().and_then(|name| name.to_str()) != Some(&segment_name(header.seq)) {
            findings.push(Finding::new(path, 0, None, Verdict::FileDiffers));
        } else if file_bytes != header.file_len {
            // Where the next segment vouches for all of the stream, the frames are not relied on.
            let is_vouched = next.is_some() && (is_whole || !self.is_needed(segment));
            let verdict = if is_vouched { Verdict::Healed } else { Verdict::FileDiffers };
            findings.push(Finding::new(path, 0, None, verdict));
        }
        if segment.header_copies < 2 {
            findings.push(Finding::new(path, 0, None, Verdict::Healed));
        }
        if let Some(slot) = segment.missing_slot {
            let position = scan::frame_position(header, slot);
            findings.push(Finding::new(path, position, None, Verdict::Healed));
        }
        if !is_whole {
            let verdict = if !self.is_needed(segment) {
                Verdict::NotNeeded
            } else if segment.verified_end < self.durable {
                Verdict::Corrupt
            } else {
                Verdict::TornTail
            };
            findings.push(segment.finding(segment.verified_end, verdict));
        }
        findings
    }

    /// What is wrong between two segments that follow one another by their offsets.
    fn of_link(&self, before: &InspectedSegment, next: &InspectedSegment) -> Option<Finding> {
        let is_linked = self.segments.iter().any(|before| next.continues(before))
            || next.header.prev_seq == before.header.prev_seq;
        if is_linked {
            return None;
        }
        match self.emptied_before(next) {
            // A header that never reached the disk: all that follows it is a torn tail.
            Some(_) if before.verified_end >= self.durable => {
                Some(before.finding(before.verified_end, Verdict::TornTail))
            }
            Some(emptied) => Some(emptied),
            None => Some(next.finding(next.header.base, Verdict::MissingBefore)),
        }
    }

    /// The file that `segment` continues, if it is there and holds nothing.
    fn emptied_before(&self, segment: &InspectedSegment) -> Option<Finding> {
        let seq = segment.header.prev_seq;
        let path = segment.path.with_file_name(segment_name(seq));
        let is_there = self.spares.contains(&seq);
        is_there.then(|| Finding::new(&path, 0, None, Verdict::Emptied))
    }
}

impl InspectedSegment {
    fn continues(&self, before: &Self) -> bool {
        self.header.prev_seq == before.header.seq
    }

    fn finding(&self, offset: Offset, verdict: Verdict) -> Finding {
        let position = scan::file_position(&self.header, offset);
        Finding::new(&self.path, position, Some(offset), verdict)
    }
}

impl Finding {
    fn new(path: &Path, position: u64, offset: Option<Offset>, verdict: Verdict) -> Self {
        Self { path: path.to_owned(), position, offset, verdict }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: byte {}", self.path.display(), self.position)?;
        self.offset.map_or(Ok(()), |offset| write!(f, " (offset {offset})"))?;
        write!(f, ": {}", self.verdict)
    }
}
