//! Looking at a log's directory from outside, live or not, and changing nothing.
//!
//! Another process may be appending meanwhile, and retiring: what is read is a moment's view, and a
//! file that vanishes between listing and opening is passed over. One segment is read at a time, and
//! only a few facts of each are kept, so that a log of any length can be looked at.

use std::io;
use std::path::{Path, PathBuf};

use super::directory::{Directory, list_segments, segment_name};
use super::format::{FirstPage, Frame, Header, HeaderFault};
use super::scan;
use super::storage::{SegmentFile, StorageError};
use crate::position::Offset;

/// A file of a log and its first page, which tells its place among the others.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub file_bytes: u64,
    /// What its first page holds.
    pub first_page: FirstPage,
}

/// One file of a log, as it was found.
#[derive(Debug)]
pub struct Inspected {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub file_bytes: u64,
    /// What it holds.
    pub content: Content,
}

/// What a file of a log holds.
#[derive(Debug)]
pub enum Content {
    /// Nothing: it was prepared and never used.
    Spare,
    /// Its header cannot be read.
    Unreadable(HeaderFault),
    /// A part of the stream.
    Segment(Box<InspectedSegment>),
}

/// What is known of a segment once it has been read.
#[derive(Clone, Debug)]
pub struct InspectedSegment {
    /// The file.
    pub path: PathBuf,
    /// What its first page says.
    pub header: Header,
    /// How many of the two copies of the header are good.
    pub header_copies: u8,
    /// How many valid frames belong to the log.
    pub frames_count: usize,
    /// The first slot before the last one in use that holds no valid frame.
    pub missing_slot: Option<u32>,
    /// When the first and the last of its batches were sealed, milliseconds since 1970.
    pub sealed_ms: Option<(u64, u64)>,
    /// The end by its frames.
    pub sealed_end: Offset,
    /// Whether the last frame marks an orderly end.
    pub is_clean: bool,
    /// Up to where the chain of checksums holds.
    pub verified_end: Offset,
    /// The highest durable watermark stated in this file.
    pub durable: Offset,
}

/// A segment that was read once, as far as it had been written.
#[derive(Debug)]
pub struct OpenSegment {
    /// What is known of it.
    pub facts: InspectedSegment,
    /// What there is of its stream.
    pub stretch: Stretch,
}

/// The stream of one segment up to where it verifies, open for reading.
#[derive(Debug)]
pub struct Stretch {
    /// The file.
    pub path: PathBuf,
    /// What its first page says.
    pub header: Header,
    /// Up to where the chain of checksums holds.
    pub end: Offset,
    /// The valid frames of what belongs to the log, with their slots, in slot order.
    pub frames: Vec<(u32, Frame)>,
    pub(super) file: Box<dyn SegmentFile>,
}

/// How much of a log to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every byte, to check it against the chain of checksums.
    Stream,
    /// Every frame, but only the bytes of segments that no other continues.
    Frames,
}

/// Reads the first page of every segment file of `directory`; those in use come in stream order.
pub fn list(directory: &Path) -> Result<Vec<Listed>, StorageError> {
    list_from(directory, 0)
}

/// Does so from the sequence number `first` on.
pub(super) fn list_from(directory: &Path, first: u64) -> Result<Vec<Listed>, StorageError> {
    let mut all = Vec::new();
    for seq in list_segments(directory)?.into_iter().filter(|seq| *seq >= first) {
        let path = directory.join(segment_name(seq));
        let file = match Directory::open_read_only(&path) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        let describe = |error| StorageError::new("read", &path, error);
        let file_bytes = file.measure().map_err(describe)?;
        let first_page = scan::first_page(&*file).map_err(describe)?;
        all.push(Listed { path, file_bytes, first_page });
    }
    all.sort_by_key(|file| match file.header() {
        Some(header) => (0, header.base, header.epoch, header.seq),
        None => (1, Offset::ZERO, 0, 0),
    });
    Ok(all)
}

/// The header of the segment that goes on where the one with sequence number `seq` ends.
pub fn next_of(listed: &[Listed], seq: u64) -> Option<&Header> {
    let headers = listed.iter().filter_map(Listed::header);
    headers.filter(|next| next.prev_seq == seq).max_by_key(|next| next.epoch)
}

/// Reads every segment file of `directory`, in stream order; spares and unreadable files come last.
pub fn inspect(directory: &Path, depth: Depth) -> Result<Vec<Inspected>, StorageError> {
    let listed = list(directory)?;
    let mut all = Vec::new();
    for file in &listed {
        let content = match &file.first_page {
            FirstPage::Spare => Content::Spare,
            FirstPage::Unreadable(fault) => Content::Unreadable(*fault),
            FirstPage::Used { header, .. } => {
                match OpenSegment::open(file, next_of(&listed, header.seq), depth) {
                    Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
                        // The oldest are retired first, so those before it are gone as well.
                        all.clear();
                        continue;
                    }
                    Err(error) => return Err(error),
                    Ok(None) => continue,
                    Ok(Some(segment)) => Content::Segment(Box::new(segment.facts)),
                }
            }
        };
        all.push(Inspected { path: file.path.clone(), file_bytes: file.file_bytes, content });
    }
    Ok(all)
}

impl Listed {
    /// The header, if the file is in use and its header is readable.
    pub fn header(&self) -> Option<&Header> {
        match &self.first_page {
            FirstPage::Used { header, .. } => Some(header),
            _ => None,
        }
    }
}

impl Inspected {
    /// The segment in the file, if it holds one.
    pub fn segment(&self) -> Option<&InspectedSegment> {
        match &self.content {
            Content::Segment(segment) => Some(segment),
            _ => None,
        }
    }
}

impl OpenSegment {
    /// Opens a segment that ends where `next` begins; `None` if the file is not in use.
    ///
    /// What lies beyond the beginning of `next` was cut off once, and does not count.
    pub fn open(
        listed: &Listed,
        next: Option<&Header>,
        depth: Depth,
    ) -> Result<Option<Self>, StorageError> {
        let FirstPage::Used { header, copies } = &listed.first_page else { return Ok(None) };
        let file = Directory::open_read_only(&listed.path)?;
        let describe = |error| StorageError::new("read", &listed.path, error);
        let limit = next.map_or(Offset(u64::MAX), |next| next.base);
        let floor = next.map_or(0, |next| scan::file_position(header, next.base));
        let all = scan::frames(&*file, header, floor).map_err(describe)?;
        let mut frames = all.clone();
        frames.retain(|(_, frame)| frame.end <= limit);
        let verified_end = match next {
            Some(next) if depth == Depth::Frames => next.base,
            _ => {
                let verified = scan::verify(&*file, header, &frames, limit).map_err(describe)?;
                match next {
                    Some(next) => {
                        let chain = scan::chain_over(&*file, header, verified, limit);
                        let holds = chain.map_err(describe)? == next.prev_chain;
                        if holds { limit } else { verified.end }
                    }
                    None => verified.end,
                }
            }
        };
        // Frames that were cut off tell nothing of the log as it is now.
        let telling = if verified_end == limit { &frames } else { &all };
        let claims = telling.iter().filter_map(|(_, frame)| frame.durable_claim());
        let durable = claims.max().unwrap_or_default().max(header.durable);
        let facts = InspectedSegment {
            path: listed.path.clone(),
            header: **header,
            header_copies: *copies,
            frames_count: frames.len(),
            missing_slot: missing_slot(&frames),
            sealed_ms: frames.first().zip(frames.last()).map(|(a, b)| (a.1.time_ms, b.1.time_ms)),
            sealed_end: frames.last().map_or(header.base, |(_, frame)| frame.end),
            is_clean: frames.last().is_some_and(|(_, frame)| frame.is_clean_marker()),
            verified_end,
            durable,
        };
        let stretch = Stretch {
            path: listed.path.clone(),
            header: **header,
            end: verified_end,
            frames,
            file,
        };
        Ok(Some(Self { facts, stretch }))
    }
}

impl Stretch {
    /// Reads stream bytes from `offset`, as many as fit and are verified; returns how many.
    pub fn read(&self, offset: Offset, bytes: &mut [u8]) -> Result<usize, StorageError> {
        let Self { header, path, end, .. } = self;
        if offset < header.base {
            return Ok(0);
        }
        let count = (end.since(offset)).min(bytes.len() as u64) as usize;
        let position = scan::file_position(header, offset);
        self.file
            .read_at(position, &mut bytes[..count])
            .map_err(|error| StorageError::at("read", path, position, error))?;
        Ok(count)
    }

    /// When the batch that holds the byte before `end` was sealed, milliseconds since 1970.
    ///
    /// A batch whose frame is damaged has the time of the next one, which vouches for its bytes.
    pub fn sealed_ms(&self, end: Offset) -> Option<u64> {
        let index = self.frames.partition_point(|(_, frame)| frame.end < end);
        self.frames.get(index).map(|(_, frame)| frame.time_ms)
    }
}

fn missing_slot(frames: &[(u32, Frame)]) -> Option<u32> {
    let gap = (0_u32..).zip(frames).find(|(expected, (slot, _))| expected != slot)?;
    Some(gap.0)
}
