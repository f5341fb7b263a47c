//! Following the log from any offset, straight from the read-only mapping where that is in memory.
//!
//! Elsewhere it is read by calls and summed on the way: see [`CheckedReader`].

use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::checked::CheckedReader;
use super::core::Core;
use super::mapping::Readable;
use super::residency::Listed;
use super::scan::Verified;
use super::segment::Segment;
use crate::position::Offset;

/// A cursor in the log. It pins no segment but the one it is in: see `retention` for holders.
#[derive(Debug)]
pub struct Reader {
    core: Arc<Core>,
    segment: Arc<Segment>,
    at: Offset,
    /// Keeps in memory what it is about to read.
    listed: Listed,
    /// Reads the segment while it is cold, and knows how much of it is whole.
    checked: Option<CheckedReader>,
    /// Whether every segment is taken as it is.
    is_trusting: bool,
}

/// Why the log cannot be read there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The log begins later: what was there has been retired.
    #[error("offset {wanted} is below the start of the log, {start}")]
    BelowStart {
        /// Where reading was to begin or go on.
        wanted: Offset,
        /// Where the log begins.
        start: Offset,
    },
    /// The log ends earlier.
    #[error("offset {wanted} is above the sealed end of the log, {sealed}")]
    AboveEnd {
        /// Where reading was to begin.
        wanted: Offset,
        /// Where the log ends.
        sealed: Offset,
    },
    /// The bytes there are not those that were written, or the disk does not give them.
    #[error("{} is damaged behind offset {offset}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Up to where it is whole.
        offset: Offset,
        /// Where the next file begins.
        end: Offset,
        /// What is wrong.
        why: String,
    },
}

impl Reader {
    /// Places a cursor at `at`, which may be the very end.
    pub(super) fn new(core: Arc<Core>, at: Offset) -> Result<Self, ReadError> {
        let sealed = core.marks.sealed();
        if at > sealed {
            return Err(ReadError::AboveEnd { wanted: at, sealed });
        }
        let below = |start| ReadError::BelowStart { wanted: at, start };
        let segment = core.segments.containing(at).ok_or_else(|| below(core.marks.start()))?;
        let listed = Listed::new(Arc::clone(&core), at);
        Ok(Self { core, segment, at, listed, checked: None, is_trusting: false })
    }

    /// Where the next byte comes from.
    pub fn at(&self) -> Offset {
        self.at
    }

    /// Reads on, up to the watermark `up_to` and at most `max_bytes`; `None`: nothing there yet.
    ///
    /// A chunk ends where a segment ends, so the next call may well have more. Blocks on the disk
    /// where [`Reader::is_cold`] says so. Fails when the cursor fell so far behind that what it needs
    /// next has been retired, and when that is damaged.
    pub fn read(&mut self, up_to: Offset, max_bytes: usize) -> Result<Option<Chunk>, ReadError> {
        let up_to = up_to.min(self.core.marks.sealed());
        if self.at >= up_to {
            return Ok(None);
        }
        self.enter()?;
        let offset = self.at;
        self.listed.reads_at(offset);
        let limit = up_to.min(self.segment.end().unwrap_or(up_to));
        let max_bytes = (limit.since(self.at) as usize).min(max_bytes);
        let place = match self.segment.readable().filter(|_| !self.is_far_or_unknown()) {
            Some(readable) => {
                let start = self.segment.file_position(self.at);
                Place::Mapped { readable, range: start..start + max_bytes }
            }
            None => Place::Read(self.read_cold(max_bytes)?),
        };
        let chunk = Chunk { place, offset };
        self.at = chunk.end();
        Ok(Some(chunk))
    }

    /// Whether the next bytes may have to come from the disk, which must not block an async thread.
    pub fn is_cold(&mut self) -> bool {
        // If there is nothing to enter, reading on tells.
        self.enter().is_ok() && (self.is_far_or_unknown() || !self.segment.is_mapped())
    }

    /// Takes the log as it is, just after recovery has been through it.
    #[must_use]
    pub fn trusting(mut self) -> Self {
        self.is_trusting = true;
        self.listed.trusts();
        self
    }

    /// Goes over to the next segment where this one has been read to its end.
    fn enter(&mut self) -> Result<(), ReadError> {
        while let Some(end) = self.segment.end().filter(|&end| end <= self.at) {
            self.segment = self.next_segment(end)?;
            self.checked = None;
            self.core.supply.review();
        }
        Ok(())
    }

    fn is_far_or_unknown(&self) -> bool {
        let recent_bytes = self.core.options.residency.recent_bytes;
        let is_far = || self.core.marks.written().since(self.at) > recent_bytes;
        let is_unknown = || self.segment.end().is_some() && !self.segment.is_vouched();
        !self.is_trusting && (is_far() || is_unknown())
    }

    fn read_cold(&mut self, max_bytes: usize) -> Result<Bytes, ReadError> {
        let segment = &self.segment;
        segment.will_be_cached();
        let Some(end) = segment.end() else {
            // This process has written it, and is writing it still.
            let mut bytes = vec![0; max_bytes];
            let read = segment.file.read_at(segment.file_position(self.at) as u64, &mut bytes);
            return match read {
                Ok(()) => Ok(bytes.into()),
                Err(error) => {
                    Err(self.damaged(self.at, self.core.marks.sealed(), &error.to_string()))
                }
            };
        };
        let last = Verified { end, chain: self.next_segment(end)?.header.prev_chain };
        let begin = || CheckedReader::new(Arc::clone(segment), last);
        let checked = self.checked.get_or_insert_with(begin);
        match checked.read(self.at, max_bytes) {
            Ok(bytes) => {
                if checked.is_through() {
                    segment.vouch();
                }
                Ok(bytes.into())
            }
            Err(damage) => Err(self.damaged(damage.whole, end, &damage.why)),
        }
    }

    /// Sees to it that from now on nobody is promised what lies below `end`.
    fn damaged(&self, offset: Offset, end: Offset, why: &str) -> ReadError {
        self.core.marks.raise_sound(end);
        ReadError::Damaged { path: self.segment.path.clone(), offset, end, why: why.to_owned() }
    }

    fn next_segment(&self, base: Offset) -> Result<Arc<Segment>, ReadError> {
        let segment = self.core.segments.containing(base);
        segment
            .filter(|segment| segment.base() == base)
            .ok_or_else(|| ReadError::BelowStart { wanted: base, start: self.core.marks.start() })
    }
}

/// Bytes of the log: where they lie, with their segment kept mapped, or as they were read.
#[derive(Clone, Debug)]
pub struct Chunk {
    place: Place,
    offset: Offset,
}

#[derive(Clone, Debug)]
enum Place {
    Mapped { readable: Readable, range: Range<usize> },
    Read(Bytes),
}

impl Chunk {
    /// The offset of the first byte.
    pub fn offset(&self) -> Offset {
        self.offset
    }

    /// The offset after the last byte.
    pub fn end(&self) -> Offset {
        self.offset.advanced(self.len() as u64)
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.place {
            Place::Mapped { readable, range } => readable.bytes(range.clone()),
            Place::Read(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
