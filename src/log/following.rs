//! Following a log from outside while another process appends to it: what was sealed since, and the
//! segment that comes next.
//!
//! The other process stores into a mapping, so nothing tells of new bytes: whoever follows asks again
//! and again, and what was read before is not read once more.

use std::path::Path;

use super::directory::Directory;
use super::format::{FirstPage, Header};
use super::inspect::{Listed, Stretch, list_from};
use super::scan::{self, Verified};
use super::storage::StorageError;
use crate::position::Offset;

/// A segment that may still be appended to, read as far as it is sealed.
#[derive(Debug)]
pub struct Growing {
    stretch: Stretch,
    verified: Verified,
    /// The first slot that has not been taken in.
    slot: u32,
    beyond: Beyond,
}

/// What is known of frames that lie behind a page of slots without any.
///
/// Whoever appends leaves out no slot: such frames are what a power loss has left, which nobody who
/// follows lives through. So they are looked for once, where the end is first come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    /// Nothing yet.
    Unseen,
    /// There are none, or what they seal was taken in.
    Nothing,
    /// There are some, and the bytes before them do not verify.
    Torn,
}

/// Whether a segment verifies as far as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Everything that frames seal was taken in.
    Whole,
    /// There are frames, or a segment that comes next, and the bytes before them do not verify.
    Broken,
}

/// What comes after a segment.
#[derive(Debug)]
pub enum Sequel {
    /// Nothing yet.
    None,
    /// A segment that goes on from it.
    Next(Box<Listed>),
    /// A segment that took its place when a recovery cut the log at its beginning, or before.
    Instead(Box<Listed>),
    /// There was one, and it is gone: there are later ones only.
    Retired,
    /// The segment itself is gone, and no later one is there.
    Replaced,
}

/// Looks for what comes after the segment with header `of`.
///
/// Later segments have higher numbers, so only the first pages of those are read.
pub fn sequel(directory: &Path, of: &Header) -> Result<Sequel, StorageError> {
    let listed = list_from(directory, of.seq)?;
    let is_there = listed.iter().any(|file| match &file.first_page {
        FirstPage::Used { header, .. } => header.seq == of.seq && header.salt == of.salt,
        FirstPage::Unreadable(_) => true,
        FirstPage::Spare => false,
    });
    let later: Vec<_> = listed
        .into_iter()
        .filter_map(|file| file.header().copied().map(|header| (file, header)))
        .filter(|(_, header)| header.seq > of.seq)
        .collect();
    let newest = |fits: &dyn Fn(&Header) -> bool| {
        let fitting = later.iter().filter(|(_, header)| fits(header));
        let (file, _) = fitting.max_by_key(|(_, header)| header.epoch)?;
        Some(Box::new(file.clone()))
    };
    if let Some(next) = newest(&|header| header.prev_seq == of.seq) {
        return Ok(Sequel::Next(next));
    }
    if let Some(instead) = newest(&|header| header.prev_seq < of.seq && header.epoch > of.epoch) {
        return Ok(Sequel::Instead(instead));
    }
    Ok(match (later.is_empty(), is_there) {
        (false, _) => Sequel::Retired,
        (true, true) => Sequel::None,
        (true, false) => Sequel::Replaced,
    })
}

impl Growing {
    /// Opens a segment of which nothing is taken in yet; `None` if the file is not in use.
    pub fn open(listed: &Listed) -> Result<Option<Self>, StorageError> {
        let Some(header) = listed.header() else { return Ok(None) };
        let stretch = Stretch {
            path: listed.path.clone(),
            header: *header,
            end: header.base,
            frames: Vec::new(),
            file: Directory::open_read_only(&listed.path)?,
        };
        let verified = Verified { end: header.base, chain: header.seed() };
        Ok(Some(Self { stretch, verified, slot: 0, beyond: Beyond::Unseen }))
    }

    /// What has been taken in.
    pub fn stretch(&self) -> &Stretch {
        &self.stretch
    }

    /// Takes in what was sealed since; beyond the beginning of `next`, if there is one, all was cut off.
    ///
    /// The frames of what was taken in before are let go of.
    pub fn grow(&mut self, next: Option<&Header>) -> Result<Growth, StorageError> {
        let growth = self.take_in(next);
        self.stretch.end = self.verified.end;
        growth.map_err(|error| StorageError::new("read", &self.stretch.path, error))
    }

    /// Whether bytes follow that are not part of the log: a tail that was torn.
    pub fn has_torn_tail(&self) -> Result<bool, StorageError> {
        if self.beyond == Beyond::Torn {
            return Ok(true);
        }
        let Stretch { path, header, file, .. } = &self.stretch;
        let table = scan::frame_position(header, self.slot);
        let remains = scan::remains(&**file, header, self.verified.end, table);
        Ok(remains.map_err(|error| StorageError::new("read", path, error))? > 0)
    }

    fn take_in(&mut self, next: Option<&Header>) -> std::io::Result<Growth> {
        let Stretch { header, file, frames, .. } = &mut self.stretch;
        let limit = next.map_or(Offset(u64::MAX), |next| next.base);
        frames.clear();
        let mut growth = Growth::Whole;
        'pages: loop {
            let mut page = scan::frames_from(&**file, header, self.slot)?;
            let looks_beyond = page.is_empty() && self.beyond == Beyond::Unseen;
            if looks_beyond {
                self.beyond = Beyond::Nothing;
                // Below are bytes of the stream, and no frames.
                let end = next.map_or(self.verified.end, |next| next.base);
                page = scan::frames(&**file, header, scan::file_position(header, end))?;
                page.retain(|(slot, _)| *slot >= self.slot);
            }
            if page.is_empty() {
                if self.beyond == Beyond::Torn && next.is_none() {
                    growth = Growth::Broken;
                }
                break;
            }
            for (slot, frame) in page {
                if frame.end > limit {
                    break 'pages;
                }
                if frame.end > self.verified.end {
                    let chain = scan::chain_over(&**file, header, self.verified, frame.end)?;
                    if chain != frame.chain {
                        growth = Growth::Broken;
                        if looks_beyond {
                            self.beyond = Beyond::Torn;
                        }
                        break 'pages;
                    }
                    self.verified = Verified { end: frame.end, chain };
                    frames.push((slot, frame));
                }
                self.slot = slot + 1;
            }
        }
        if let Some(next) = next
            && self.verified.end < limit
        {
            // The next segment vouches for bytes whose own frames are damaged.
            let chain = scan::chain_over(&**file, header, self.verified, limit)?;
            if chain != next.prev_chain {
                return Ok(Growth::Broken);
            }
            self.verified = Verified { end: limit, chain };
            growth = Growth::Whole;
        }
        Ok(growth)
    }
}
