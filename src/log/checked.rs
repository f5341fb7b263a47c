//! Reading a closed segment by calls, and handing out only what its checksums vouch for.
//!
//! What lies far back may have rotted on the disk since it was written, and a replica that is sent
//! it can tell no better than by its next full resync. By calls, and not from the mapping, where
//! page by page would be waited for and a bad sector would be a signal.

use std::io;
use std::sync::Arc;

use super::format::{FRAME_BYTES, Frame, extend_chain, slot_position};
use super::scan::{self, Verified};
use super::segment::Segment;
use crate::position::Offset;

/// How many slots of the table of frames are read at once.
const SLOTS_AT_ONCE: u32 = 128;

/// Reads one segment, from its beginning or after it.
#[derive(Debug)]
pub struct CheckedReader {
    segment: Arc<Segment>,
    /// How far the stream has been found to be whole.
    verified: Verified,
    /// The seal of the whole segment, as the header of the next one tells it.
    last: Verified,
    seals: Seals,
}

/// What was to be read is not whole.
#[derive(Debug)]
pub struct Damage {
    /// Up to where the segment is.
    pub(super) whole: Offset,
    /// What is wrong behind it.
    pub(super) why: String,
}

impl CheckedReader {
    /// Begins with nothing known but what the segment must sum up to.
    pub(super) fn new(segment: Arc<Segment>, last: Verified) -> Self {
        let verified = Verified { end: segment.base(), chain: segment.header.seed() };
        Self { segment, verified, last, seals: Seals::default() }
    }

    /// Whether every byte of the segment has been found to be whole.
    pub(super) fn is_through(&self) -> bool {
        self.verified.end == self.last.end
    }

    /// Reads on from `at`, which lies below the end, some `max_bytes` at most.
    ///
    /// Ends where a seal does, unless that covers more than is wanted at once.
    pub(super) fn read(&mut self, at: Offset, max_bytes: usize) -> Result<Vec<u8>, Damage> {
        self.try_read(at, max_bytes).map_err(|why| {
            let why =
                why.map_or_else(|| "its checksum does not hold".to_owned(), |e| e.to_string());
            Damage { whole: self.verified.end, why }
        })
    }

    /// Fails with nothing where a checksum does not hold.
    fn try_read(&mut self, at: Offset, max_bytes: usize) -> Result<Vec<u8>, Option<io::Error>> {
        while at >= self.verified.end {
            if at == self.verified.end {
                let mut bytes = self.bytes(at, self.last.end, max_bytes)?;
                let whole = self.verify(&bytes)?;
                if whole > 0 {
                    bytes.truncate(whole);
                    return Ok(bytes);
                }
            }
            // The next seal covers more than that, or bytes before `at` that nobody wants.
            let seal = self.seals.after(&self.segment, self.verified, self.last)?;
            let header = &self.segment.header;
            if scan::chain_over(&*self.segment.file, header, self.verified, seal.end)? != seal.chain
            {
                return Err(None);
            }
            self.verified = seal;
        }
        Ok(self.bytes(at, self.verified.end, max_bytes)?)
    }

    fn bytes(&self, at: Offset, end: Offset, max_bytes: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (end.since(at) as usize).min(max_bytes)];
        self.segment.file.read_at(self.segment.file_position(at) as u64, &mut bytes)?;
        Ok(bytes)
    }

    /// Sums what was read behind the verified part; returns how many bytes whole seals cover.
    fn verify(&mut self, bytes: &[u8]) -> Result<usize, Option<io::Error>> {
        let begin = self.verified.end;
        let mut whole = 0;
        while !self.is_through() {
            let seal = self.seals.after(&self.segment, self.verified, self.last)?;
            let Some(sealed) = bytes.get(whole..seal.end.since(begin) as usize) else { break };
            let chain = extend_chain(self.verified.chain, sealed);
            if chain != seal.chain {
                // What is whole goes out first; the next attempt comes to the damage again.
                return if whole > 0 { Ok(whole) } else { Err(None) };
            }
            whole += sealed.len();
            self.verified = seal;
        }
        Ok(whole)
    }
}

/// The seals of a segment, read from its table of frames a few at a time.
#[derive(Debug, Default)]
struct Seals {
    /// The first slot that has not been read.
    slot: u32,
    /// Those read and not yet passed, the next one last.
    waiting: Vec<Verified>,
}

impl Seals {
    /// Finds the first seal that ends behind `verified`.
    ///
    /// A frame that is damaged is passed over: the next one vouches for its bytes as well.
    fn after(
        &mut self,
        segment: &Segment,
        verified: Verified,
        last: Verified,
    ) -> io::Result<Verified> {
        loop {
            while let Some(seal) = self.waiting.last() {
                if seal.end > verified.end {
                    return Ok(*seal);
                }
                self.waiting.pop();
            }
            if !self.read_on(segment, last.end)? {
                return Ok(last);
            }
        }
    }

    /// Reads on in the table; tells whether there was anything left of it.
    fn read_on(&mut self, segment: &Segment, end: Offset) -> io::Result<bool> {
        let header = &segment.header;
        let stream_end = segment.file_position(end) as u64;
        let table = header.file_len.saturating_sub(stream_end) / FRAME_BYTES as u64;
        let slots = table.saturating_sub(u64::from(self.slot)).min(u64::from(SLOTS_AT_ONCE)) as u32;
        if slots == 0 {
            return Ok(false);
        }
        let mut bytes = vec![0; slots as usize * FRAME_BYTES];
        let next = self.slot + slots;
        segment.file.read_at(slot_position(header.file_len, next - 1), &mut bytes)?;
        let frames = (self.slot..next).rev().zip(bytes.chunks_exact(FRAME_BYTES));
        let frames = frames.filter_map(|(slot, bytes)| Frame::decode(bytes, header, slot));
        let ours = frames.filter(|frame| frame.end <= end);
        self.waiting.extend(ours.map(|frame| Verified { end: frame.end, chain: frame.chain }));
        self.slot = next;
        Ok(true)
    }
}
