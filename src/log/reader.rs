//! Following the log from any offset, straight from the read-only mapping.
//!
//! What lies far back may have rotted on the disk since it was written, and a replica that is sent
//! it can tell no better than by its next full resync. So a closed segment is summed before a byte
//! of it is sent: when nobody in this process has read it or written it yet, and whenever a reader
//! enters it from so far behind that its pages may come from the disk.

use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::Arc;

use super::core::Core;
use super::mapping::Readable;
use super::scan::{self, Verified};
use super::segment::Segment;
use crate::position::Offset;

/// Bytes this close to the end were written lately and are in memory.
const RECENT_BYTES: u64 = 16 << 20;

/// A cursor in the log. It pins no segment but the one it is in: see `retention` for holders.
#[derive(Debug)]
pub struct Reader {
    core: Arc<Core>,
    segment: Arc<Segment>,
    at: Offset,
    /// Up to where [`Reader::warm`] has brought the bytes into memory.
    warm_to: Offset,
    /// Whether the segment has been summed since it was entered.
    is_checked: bool,
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
        Ok(Self { core, segment, at, warm_to: at, is_checked: false, is_trusting: false })
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
        self.check()?;
        let up_to = up_to.min(self.segment.end().unwrap_or(up_to));
        let bytes = (up_to.since(self.at) as usize).min(max_bytes);
        let start = self.segment.file_position(self.at);
        let readable = self.segment.readable.clone();
        let chunk = Chunk { readable, range: start..start + bytes, offset: self.at };
        self.at = self.at.advanced(bytes as u64);
        Ok(Some(chunk))
    }

    /// Whether the next bytes may have to come from the disk, which must not block an async thread.
    pub fn is_cold(&mut self) -> bool {
        // If there is nothing to enter, reading on tells.
        self.enter().is_ok() && (self.is_unchecked() || (self.at >= self.warm_to && self.is_far()))
    }

    /// Brings the next `bytes` into memory, after a look at their segment; blocks on the disk.
    pub fn warm(&mut self, bytes: usize) -> Result<(), ReadError> {
        self.enter()?;
        self.check()?;
        let sealed = self.core.marks.sealed();
        let end = self.segment.end().unwrap_or(sealed).min(sealed);
        let to = self.at.advanced(bytes as u64).min(end).max(self.at);
        let range = self.segment.file_position(self.at)..self.segment.file_position(to);
        // Pages that cannot be fetched now fail where they are sent.
        let _ = self.segment.readable.populate_for_read(range);
        self.warm_to = to.max(self.at.advanced(1));
        Ok(())
    }

    /// Takes the log as it is, just after recovery has been through it.
    #[must_use]
    pub fn trusting(mut self) -> Self {
        self.is_trusting = true;
        self
    }

    /// Goes over to the next segment where this one has been read to its end.
    fn enter(&mut self) -> Result<(), ReadError> {
        while let Some(end) = self.segment.end().filter(|&end| end <= self.at) {
            self.segment = self.next_segment(end)?;
            self.is_checked = false;
        }
        Ok(())
    }

    fn is_far(&self) -> bool {
        self.core.marks.written().since(self.at) > RECENT_BYTES
    }

    fn is_unchecked(&self) -> bool {
        let is_doubtful = || !self.segment.is_vouched() || self.is_far();
        let is_settled = self.is_checked || self.is_trusting;
        !is_settled && self.segment.end().is_some() && is_doubtful()
    }

    /// Sums the stream of a closed segment; the header of the next one tells what must come out.
    fn check(&mut self) -> Result<(), ReadError> {
        if !self.is_unchecked() {
            return Ok(());
        }
        let Some(end) = self.segment.end() else { return Ok(()) };
        let expected = self.next_segment(end)?.header.prev_chain;
        let (file, header) = (&*self.segment.file, &self.segment.header);
        let begin = Verified { end: header.base, chain: header.seed() };
        // Read by calls and not from the mapping, where a bad sector would be a signal.
        let (offset, why) = match scan::chain_over(file, header, begin, end) {
            Ok(chain) if chain == expected => {
                self.segment.vouch();
                self.is_checked = true;
                return Ok(());
            }
            Ok(_) => {
                let frames = scan::frames(file, header, self.segment.file_position(end) as u64);
                let whole = frames.and_then(|frames| scan::verify(file, header, &frames, end));
                let offset = whole.map_or(header.base, |whole| whole.end);
                (offset, "its checksum does not hold".to_owned())
            }
            Err(error) => (header.base, error.to_string()),
        };
        // From now on nobody is promised what lies below.
        self.core.marks.raise_sound(end);
        Err(ReadError::Damaged { path: self.segment.path.clone(), offset, end, why })
    }

    fn next_segment(&self, base: Offset) -> Result<Arc<Segment>, ReadError> {
        let segment = self.core.segments.containing(base);
        segment
            .filter(|segment| segment.base() == base)
            .ok_or_else(|| ReadError::BelowStart { wanted: base, start: self.core.marks.start() })
    }
}

/// Bytes of the log, where they lie; keeps their segment mapped.
#[derive(Clone, Debug)]
pub struct Chunk {
    readable: Readable,
    range: Range<usize>,
    offset: Offset,
}

impl Chunk {
    /// The offset of the first byte.
    pub fn offset(&self) -> Offset {
        self.offset
    }

    /// The offset after the last byte.
    pub fn end(&self) -> Offset {
        self.offset.advanced(self.range.len() as u64)
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.readable.bytes(self.range.clone())
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
