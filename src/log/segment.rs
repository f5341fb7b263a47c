//! One segment as the running log holds it, and the row of them.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::{FRAME_BYTES, Header, PAGE_BYTES};
use super::mapping::{Pager, Readable};
use super::schedulable::{AtomicBool, AtomicU32, AtomicU64, Ordering, RwLock};
use super::storage::{SegmentFile, StorageError};
use crate::position::Offset;

/// Whether this process knows the stream of a segment to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouched {
    /// It has written it, or been through it.
    Yes,
    /// Recovery had no need to look.
    No,
}

/// A segment in use, shared by the writer, the readers and the sync thread.
///
/// Its mapping and its file live until the last of them lets go, whenever its name was removed.
#[derive(Debug)]
pub struct Segment {
    pub(super) header: Header,
    pub(super) path: PathBuf,
    pub(super) readable: Readable,
    pub(super) file: Box<dyn SegmentFile>,
    /// Absent in a segment that was recovered: nothing is ever stored there again.
    pager: Option<Pager>,
    /// How much room the file takes.
    pub(super) occupied: u64,
    /// `u64::MAX` while this is the tail.
    end: AtomicU64,
    slots: AtomicU32,
    synced_slots: AtomicU32,
    /// Whether the header page has been synced.
    is_anchored: AtomicBool,
    /// Whether all of its stream was written or summed by this process.
    is_vouched: AtomicBool,
}

impl Segment {
    /// Wraps a segment that nothing is appended to any more.
    pub(super) fn closed(
        header: Header,
        path: PathBuf,
        file: Box<dyn SegmentFile>,
        readable: Readable,
        (end, occupied): (Offset, u64),
        vouched: Vouched,
    ) -> Self {
        let (slots, synced_slots) = (AtomicU32::new(0), AtomicU32::new(0));
        let end = AtomicU64::new(end.0);
        let is_anchored = AtomicBool::new(true);
        let is_vouched = AtomicBool::new(vouched == Vouched::Yes);
        Self {
            header,
            path,
            readable,
            file,
            pager: None,
            occupied,
            end,
            slots,
            synced_slots,
            is_anchored,
            is_vouched,
        }
    }

    /// Wraps a segment just taken into use.
    pub(super) fn tail(
        header: Header,
        path: PathBuf,
        file: Box<dyn SegmentFile>,
        readable: Readable,
        pager: Pager,
    ) -> Self {
        let extent = (Offset(u64::MAX), header.file_len);
        let tail = Self::closed(header, path, file, readable, extent, Vouched::Yes);
        Self { pager: Some(pager), is_anchored: AtomicBool::new(false), ..tail }
    }

    /// The offset of its first byte.
    pub(super) fn base(&self) -> Offset {
        self.header.base
    }

    /// The offset after its last byte, once the next segment has begun.
    pub(super) fn end(&self) -> Option<Offset> {
        let end = self.end.load(Ordering::Acquire);
        (end != u64::MAX).then_some(Offset(end))
    }

    pub(super) fn set_end(&self, end: Offset) {
        self.end.store(end.0, Ordering::Release);
    }

    /// To be called after the frames were stored and before the seal is published.
    pub(super) fn set_slots(&self, slots: u32) {
        self.slots.store(slots, Ordering::Release);
    }

    pub(super) fn is_vouched(&self) -> bool {
        self.is_vouched.load(Ordering::Relaxed)
    }

    /// To be called when the stream was found to be whole.
    pub(super) fn vouch(&self) {
        self.is_vouched.store(true, Ordering::Relaxed);
    }

    /// Where the byte at `offset` lies in the file.
    pub(super) fn file_position(&self, offset: Offset) -> usize {
        PAGE_BYTES + offset.since(self.header.base) as usize
    }

    /// Makes the stream from `from` to `to` durable, and every frame stored so far.
    pub(super) fn sync(&self, from: Offset, to: Offset) -> Result<(), StorageError> {
        let Some(pager) = &self.pager else { return Ok(()) };
        let slots = self.slots.load(Ordering::Acquire);
        let synced = self.synced_slots.load(Ordering::Relaxed);
        let frame_edge = |slots: u32| self.header.file_len as usize - slots as usize * FRAME_BYTES;
        // The first sync takes the header page along.
        let start = if from <= self.base() { 0 } else { self.file_position(from) };
        let stream = start..self.file_position(to);
        let frames = frame_edge(slots)..frame_edge(synced);
        self.file.sync(pager, stream, frames).map_err(|error| self.sync_error(from, error))?;
        self.synced_slots.store(slots, Ordering::Relaxed);
        self.is_anchored.store(true, Ordering::Release);
        Ok(())
    }

    fn sync_error(&self, from: Offset, error: io::Error) -> StorageError {
        let position = self.file_position(from.max(self.base())) as u64;
        StorageError::at("sync", &self.path, position, error)
    }
}

/// The segments of the log, oldest first; the last one is the tail.
#[derive(Debug, Default)]
pub struct Segments {
    row: RwLock<VecDeque<Arc<Segment>>>,
}

impl Segments {
    pub(super) fn new(row: impl IntoIterator<Item = Segment>) -> Self {
        Self { row: RwLock::new(row.into_iter().map(Arc::new).collect()) }
    }

    pub(super) fn push(&self, segment: Arc<Segment>) {
        self.row.write().push_back(segment);
    }

    /// The segment that holds the byte at `offset`, or will; `None` below the first.
    pub(super) fn containing(&self, offset: Offset) -> Option<Arc<Segment>> {
        let row = self.row.read();
        let after = row.partition_point(|segment| segment.base() <= offset);
        after.checked_sub(1).map(|index| Arc::clone(&row[index]))
    }

    /// The segments that hold bytes of `from..to`, oldest first.
    pub(super) fn overlapping(&self, from: Offset, to: Offset) -> Vec<Arc<Segment>> {
        let row = self.row.read();
        let first = row.partition_point(|segment| segment.end().is_some_and(|end| end <= from));
        row.iter().skip(first).take_while(|segment| segment.base() < to).cloned().collect()
    }

    /// Takes out the segments that end at or below `horizon`, never the tail.
    ///
    /// The first one left must have its header on the disk: a power loss could otherwise leave
    /// nothing at all.
    pub(super) fn take_below(&self, horizon: Offset) -> Vec<Arc<Segment>> {
        let mut row = self.row.write();
        let count = row.partition_point(|segment| segment.end().is_some_and(|end| end <= horizon));
        let mut count = count.min(row.len().saturating_sub(1));
        while count > 0 && !row[count].is_anchored.load(Ordering::Acquire) {
            count -= 1;
        }
        row.drain(..count).collect()
    }

    pub(super) fn first(&self) -> Option<Arc<Segment>> {
        self.row.read().front().cloned()
    }

    pub(super) fn tail(&self) -> Option<Arc<Segment>> {
        self.row.read().back().cloned()
    }

    /// Counts the segments and the bytes of their files.
    pub(super) fn extent(&self) -> (usize, u64) {
        let row = self.row.read();
        (row.len(), row.iter().map(|segment| segment.occupied).sum())
    }
}
