//! The one who appends: copies units into the tail, seals them, rolls to the next segment.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::core::Core;
use super::format::{
    FRAME_BYTES, Frame, Header, PAGE_BYTES, extend_chain, file_len_for_unit, slot_position,
};
use super::mapping::Writable;
use super::prepare::NoSpace;
use super::segment::Segment;
use super::storage::{Spare, StorageError};
use super::watermarks::SyncFailed;
use crate::position::{Offset, Replid};

/// The largest unit there can be: a frame counts its bytes in 32 bits.
pub const UNIT_BYTES_MAX: u64 = u32::MAX as u64 - (1 << 20);

/// A batch is sealed on its own once it would grow past this, to keep checksums short and strong.
const BATCH_BYTES_MAX: u64 = 1 << 20;
/// How far the writer gets before it asks the helper to populate more pages.
const POPULATE_STEP_BYTES: usize = 1 << 20;

/// Appends to the log. There is one, and it needs `&mut self`.
///
/// Neither [`append`](Self::append) nor [`seal`](Self::seal) makes a system call or allocates while
/// a spare segment is ready. What was appended is not readable, and may be lost, until it is sealed.
#[derive(Debug)]
pub struct Writer {
    core: Arc<Core>,
    segment: Arc<Segment>,
    writable: Writable,
    /// Where the next byte goes in the file.
    at: usize,
    /// Up to where the file is sealed.
    sealed_at: usize,
    chain: u32,
    slot: u32,
    unsealed_units: u64,
    replid: Replid,
    populate_at: usize,
    /// Whether the helper knows that the tail has little room left.
    low: bool,
}

/// Why a unit was not appended. Memory and log then differ: the server must stop.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No room in the tail, and no further segment could be made.
    #[error("the log has no room: {0}")]
    NoSpace(#[from] NoSpace),
    /// The unit is larger than the format allows.
    #[error("a unit of {bytes} bytes exceeds the limit of {UNIT_BYTES_MAX}")]
    TooLarge {
        /// The size of the unit.
        bytes: u64,
    },
}

/// Why the log could not be closed in an orderly way; the next start treats it as a crash.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// Not everything could be made durable.
    #[error(transparent)]
    Sync(#[from] SyncFailed),
    /// The marker of an orderly end could not be made durable.
    #[error("the log is durable but not marked as cleanly closed: {0}")]
    Mark(#[source] StorageError),
}

impl Writer {
    /// Goes on in `tail`, a segment begun at its base with nothing in it.
    pub(super) fn new(core: Arc<Core>, segment: Arc<Segment>, writable: Writable) -> Self {
        let header = segment.header;
        let mut writer = Self {
            core,
            segment,
            writable,
            at: PAGE_BYTES,
            sealed_at: PAGE_BYTES,
            chain: header.seed(),
            slot: 0,
            unsealed_units: 0,
            replid: header.replid,
            populate_at: 0,
            low: false,
        };
        writer.watch_tail();
        writer
    }

    /// The offset after the last byte appended.
    pub fn written(&self) -> Offset {
        self.offset_of(self.at)
    }

    /// The offset after the last byte sealed.
    pub fn sealed(&self) -> Offset {
        self.offset_of(self.sealed_at)
    }

    /// Names the history that segments begun from now on are labelled with.
    pub fn set_replid(&mut self, replid: Replid) {
        self.replid = replid;
    }

    /// Appends one unit, given in parts, and returns the offset after it.
    ///
    /// A unit is never divided between segments, nor by a cut after a crash.
    pub fn append(&mut self, parts: &[&[u8]]) -> Result<Offset, AppendError> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let unsealed = (self.at - self.sealed_at) as u64;
        if unsealed > 0 && unsealed + bytes > BATCH_BYTES_MAX {
            self.seal_unnoticed();
        }
        if bytes > self.room() {
            self.roll(bytes)?;
        }
        for part in parts {
            self.writable.store(self.at, part);
            self.at += part.len();
        }
        self.unsealed_units += 1;
        let written = self.written();
        self.core.marks.set_written(written);
        if self.at >= self.populate_at {
            self.populate_at = self.at + POPULATE_STEP_BYTES;
            self.core.supply.populate_ahead(self.at, self.slot as usize * FRAME_BYTES);
        }
        if !self.low && self.room() < self.core.options.reserve_bytes() {
            self.low = true;
            self.core.supply.tail_is_low();
        }
        Ok(written)
    }

    /// Seals all that was appended since the last seal, and returns the offset after it.
    pub fn seal(&mut self) -> Offset {
        let end = self.seal_unnoticed();
        self.core.sync.notice_seal();
        end
    }

    /// [`seal`](Self::seal) for whoever makes it durable next, so that no other thread need wake.
    pub fn seal_unnoticed(&mut self) -> Offset {
        if self.at == self.sealed_at {
            return self.sealed();
        }
        self.chain = extend_chain(self.chain, self.writable.written(self.sealed_at..self.at));
        let end = self.written();
        self.store_frame((self.at - self.sealed_at) as u32, end, 0);
        self.writable.publish(self.at);
        self.sealed_at = self.at;
        self.core.sync.count_sealed(self.unsealed_units);
        self.unsealed_units = 0;
        self.core.marks.raise_sealed(end);
        end
    }

    /// Seals, makes everything durable, marks the end as orderly and stops the helper threads.
    pub fn close(mut self) -> Result<Offset, CloseError> {
        let end = self.seal();
        self.core.sync_to(end)?;
        self.core.stop();
        if let Some(failure) = self.core.marks.failure() {
            return Err(failure.clone().into());
        }
        self.store_frame(0, end, Frame::CLEAN);
        self.segment.sync(end, end).map_err(CloseError::Mark)?;
        Ok(end)
    }

    fn offset_of(&self, at: usize) -> Offset {
        self.segment.header.base.advanced((at - PAGE_BYTES) as u64)
    }

    /// How large a unit still fits, beside the frame of its batch and a clean marker.
    fn room(&self) -> u64 {
        let floor = self.segment.header.file_len - FRAME_BYTES as u64 * (u64::from(self.slot) + 2);
        floor.saturating_sub(self.at as u64)
    }

    fn store_frame(&mut self, len: u32, end: Offset, flags: u16) {
        let undurable = Frame::undurable_between(self.core.marks.durable(), end);
        let frame = Frame { len, chain: self.chain, end, time_ms: now_ms(), flags, undurable };
        let header = &self.segment.header;
        let position = slot_position(header.file_len, self.slot) as usize;
        self.writable.store(position, &frame.encode(header.salt, self.slot));
        self.slot += 1;
        self.segment.set_slots(self.slot);
    }

    /// Ends the tail and begins a segment that has room for a unit of `bytes`.
    #[cold]
    fn roll(&mut self, bytes: u64) -> Result<(), AppendError> {
        if bytes > UNIT_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes });
        }
        let end = self.seal_unnoticed();
        let spare = self.core.take_spare(file_len_for_unit(bytes))?;
        let header = Header {
            epoch: self.segment.header.epoch,
            prev_seq: self.segment.header.seq,
            prev_chain: self.chain,
            ..self.core.new_header(&spare, end, self.replid)
        };
        let path = self.core.storage.path(spare.seq);
        let (segment, writable) = begin(spare, header, path);
        // Whoever sees that a segment has ended finds the one that continues it.
        self.core.segments.push(Arc::clone(&segment));
        self.segment.set_end(end);
        self.core.sync.notice_roll();
        (self.segment, self.writable) = (segment, writable);
        (self.at, self.sealed_at, self.slot) = (PAGE_BYTES, PAGE_BYTES, 0);
        self.chain = header.seed();
        self.watch_tail();
        Ok(())
    }

    fn watch_tail(&mut self) {
        self.populate_at = PAGE_BYTES + POPULATE_STEP_BYTES;
        self.low = false;
        let file_len = self.segment.header.file_len as usize;
        self.core.supply.begin_tail(self.writable.pager(), file_len);
    }
}

impl Drop for Writer {
    /// Stops the helper threads; without [`Writer::close`] the next start treats it as a crash.
    fn drop(&mut self) {
        self.core.stop();
    }
}

/// Takes a spare into use: writes its header, which becomes durable with the first sync.
pub(super) fn begin(
    spare: Spare,
    header: Header,
    path: std::path::PathBuf,
) -> (Arc<Segment>, Writable) {
    let Spare { file, mut writable, readable, .. } = spare;
    writable.store(0, &header.encode());
    writable.publish(PAGE_BYTES);
    let segment = Segment::tail(header, path, file, readable, writable.pager());
    (Arc::new(segment), writable)
}

/// Milliseconds since 1970 by the wall clock; zero for a clock set before that.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
