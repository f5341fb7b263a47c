//! Following the log from any offset, straight from the read-only mapping.

use std::ops::{Deref, Range};
use std::sync::Arc;

use super::core::Core;
use super::mapping::Readable;
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
}

/// Why the log cannot be read there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
        Ok(Self { core, segment, at, warm_to: at })
    }

    /// Where the next byte comes from.
    pub fn at(&self) -> Offset {
        self.at
    }

    /// Reads on, up to the watermark `up_to` and at most `max_bytes`; `None`: nothing there yet.
    ///
    /// A chunk ends where a segment ends, so the next call may well have more. Fails only when the
    /// cursor fell so far behind that what it needs next has been retired.
    pub fn read(&mut self, up_to: Offset, max_bytes: usize) -> Result<Option<Chunk>, ReadError> {
        let up_to = up_to.min(self.core.marks.sealed());
        if self.at >= up_to {
            return Ok(None);
        }
        while let Some(end) = self.segment.end().filter(|&end| end <= self.at) {
            self.segment = self.next_segment(end)?;
        }
        let up_to = up_to.min(self.segment.end().unwrap_or(up_to));
        let bytes = (up_to.since(self.at) as usize).min(max_bytes);
        let start = self.segment.file_position(self.at);
        let readable = self.segment.readable.clone();
        let chunk = Chunk { readable, range: start..start + bytes, offset: self.at };
        self.at = self.at.advanced(bytes as u64);
        Ok(Some(chunk))
    }

    /// Whether the next bytes may have to come from the disk, which must not block an async thread.
    pub fn is_cold(&self) -> bool {
        self.at >= self.warm_to && self.core.marks.written().since(self.at) > RECENT_BYTES
    }

    /// Brings the next `bytes` into memory; blocks on the disk.
    pub fn warm(&mut self, bytes: usize) -> Result<(), std::io::Error> {
        let sealed = self.core.marks.sealed();
        let end = self.segment.end().unwrap_or(sealed).min(sealed);
        let to = self.at.advanced(bytes as u64).min(end).max(self.at);
        let range = self.segment.file_position(self.at)..self.segment.file_position(to);
        self.segment.readable.populate_for_read(range)?;
        // At the end of a segment the next one is another call's business.
        self.warm_to = to.max(self.at.advanced(1));
        Ok(())
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
