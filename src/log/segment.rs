//! One segment as the running log holds it, and the row of them.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::{FRAME_BYTES, Header, PAGE_BYTES};
use super::mapping::{Pager, Readable};
use super::residency::Floors;
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

/// Whether somebody who is far behind reads a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Somebody is in it.
    Here,
    /// Nobody is.
    Elsewhere,
}

/// A segment in use, shared by the writer, the readers and the sync thread.
///
/// Its file lives until the last of them lets go, whenever its name was removed; its mapping until
/// it is neither recent nor held by a [`Chunk`](super::Chunk).
#[derive(Debug)]
pub struct Segment {
    pub(super) header: Header,
    pub(super) path: PathBuf,
    /// `None` once all of it is durable and nothing recent is in it.
    mapped: RwLock<Option<Mapped>>,
    pub(super) file: Box<dyn SegmentFile>,
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
    /// Up to where the file has left the mappings and the page cache; for `log-prepare` alone.
    let_go: LetGo,
    /// Whether the page cache may hold something of a segment that is not mapped.
    is_cached: AtomicBool,
}

/// The mappings of a segment.
#[derive(Clone, Debug)]
struct Mapped {
    readable: Readable,
    /// Absent in a segment that was recovered: nothing is ever stored there again.
    pager: Option<Pager>,
}

/// How much of a tail was let go of: of the stream up to a position, of the frames so many slots.
#[derive(Debug)]
struct LetGo {
    mapped: AtomicU64,
    cached: AtomicU64,
    mapped_slots: AtomicU32,
    cached_slots: AtomicU32,
}

impl LetGo {
    fn nothing() -> Self {
        let (mapped, cached) = (AtomicU64::new(0), AtomicU64::new(0));
        let (mapped_slots, cached_slots) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { mapped, cached, mapped_slots, cached_slots }
    }
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
            mapped: RwLock::new(Some(Mapped { readable, pager: None })),
            file,
            occupied,
            end,
            slots,
            synced_slots,
            is_anchored,
            is_vouched,
            let_go: LetGo::nothing(),
            is_cached: AtomicBool::new(true),
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
        let tail = Self::closed(header, path, file, readable.clone(), extent, Vouched::Yes);
        let mapped = RwLock::new(Some(Mapped { readable, pager: Some(pager) }));
        Self { mapped, is_anchored: AtomicBool::new(false), ..tail }
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

    /// How many frames there can be: those stored, or all that have room where that is not known.
    pub(super) fn slots_at_most(&self) -> u32 {
        match (self.slots.load(Ordering::Acquire), self.end()) {
            (0, Some(end)) => {
                let room = self.header.file_len as usize - self.file_position(end);
                (room / FRAME_BYTES) as u32
            }
            (slots, _) => slots,
        }
    }

    pub(super) fn is_vouched(&self) -> bool {
        self.is_vouched.load(Ordering::Relaxed)
    }

    /// To be called when the stream was found to be whole.
    pub(super) fn vouch(&self) {
        self.is_vouched.store(true, Ordering::Relaxed);
    }

    /// What it is read from without a call, unless it has been let go of.
    pub(super) fn readable(&self) -> Option<Readable> {
        self.mapped().map(|mapped| mapped.readable)
    }

    fn mapped(&self) -> Option<Mapped> {
        Option::clone(&self.mapped.read())
    }

    pub(super) fn is_mapped(&self) -> bool {
        self.mapped.read().is_some()
    }

    /// To be called before it is read by calls, which fill the page cache.
    pub(super) fn will_be_cached(&self) {
        self.is_cached.store(true, Ordering::Release);
    }

    /// Whether there may be memory of it to let go of.
    fn is_resident(&self) -> bool {
        self.is_cached.load(Ordering::Acquire) || self.is_mapped()
    }

    /// Lets go of what lies below the floors, in whole steps; of all of it if nothing above is left.
    ///
    /// The page cache keeps what is there for a reader within the segment, who is far behind.
    pub(super) fn let_go(
        &self,
        floors: &Floors,
        reading: Reading,
        step_bytes: u64,
    ) -> io::Result<()> {
        let is_below = |floor: Offset| {
            // A header that is not on the disk is needed for the next sync.
            self.is_anchored.load(Ordering::Acquire) && self.end().is_some_and(|end| end <= floor)
        };
        // What is not durable has yet to be flushed by way of its mapping.
        if !is_below(floors.mapped.min(floors.durable)) {
            return self.let_go_of_steps(floors, step_bytes);
        }
        self.unmap()?;
        if is_below(floors.cached) && reading == Reading::Elsewhere {
            self.is_cached.store(false, Ordering::Release);
            self.file.forget(0..self.header.file_len)?;
        }
        Ok(())
    }

    fn unmap(&self) -> io::Result<()> {
        let mapped = self.mapped.write().take();
        // Whoever holds a chunk of it keeps that, and not what was read before.
        mapped.map_or(Ok(()), |mapped| mapped.readable.let_go(0..usize::MAX))
    }

    fn let_go_of_steps(&self, floors: &Floors, step_bytes: u64) -> io::Result<()> {
        let Some(Mapped { readable, pager }) = self.mapped() else { return Ok(()) };
        let unmap = |range: Range<u64>| {
            let range = range.start as usize..range.end as usize;
            pager.as_ref().map_or(Ok(()), |pager| pager.let_go(range.clone()))?;
            readable.let_go(range)
        };
        let forget = |range| self.file.forget(range);
        let step = step_bytes.next_multiple_of(PAGE_BYTES as u64);
        let stream = |floor: Offset, done: &AtomicU64| {
            let begin = done.load(Ordering::Relaxed);
            let floor = floor.min(self.end().unwrap_or(floor));
            // Where nothing lies below, the header may not be durable yet.
            let end = if floor > self.base() { self.file_position(floor) as u64 } else { 0 };
            let end = (end - end % step).max(begin);
            done.store(end, Ordering::Relaxed);
            begin..end
        };
        unmap(stream(floors.mapped, &self.let_go.mapped))?;
        forget(stream(floors.cached, &self.let_go.cached))?;
        let frames = |slots: u32, done: &AtomicU32| {
            let page_slots = (PAGE_BYTES / FRAME_BYTES) as u32;
            let (begin, end) = (done.load(Ordering::Relaxed), slots - slots % page_slots);
            done.store(end.max(begin), Ordering::Relaxed);
            self.frame_edge(end.max(begin)) as u64..self.frame_edge(begin) as u64
        };
        unmap(frames(self.slots.load(Ordering::Acquire), &self.let_go.mapped_slots))?;
        forget(frames(self.synced_slots.load(Ordering::Acquire), &self.let_go.cached_slots))
    }

    fn frame_edge(&self, slots: u32) -> usize {
        self.header.file_len as usize - slots as usize * FRAME_BYTES
    }

    /// Where the byte at `offset` lies in the file.
    pub(super) fn file_position(&self, offset: Offset) -> usize {
        PAGE_BYTES + offset.since(self.header.base) as usize
    }

    /// Makes the stream from `from` to `to` durable, and every frame stored so far.
    pub(super) fn sync(&self, from: Offset, to: Offset) -> Result<(), StorageError> {
        let Some(pager) = self.mapped().and_then(|mapped| mapped.pager) else { return Ok(()) };
        let slots = self.slots.load(Ordering::Acquire);
        let synced = self.synced_slots.load(Ordering::Relaxed);
        // The first sync takes the header page along.
        let start = if from <= self.base() { 0 } else { self.file_position(from) };
        let stream = start..self.file_position(to);
        let frames = self.frame_edge(slots)..self.frame_edge(synced);
        self.file.sync(&pager, stream, frames).map_err(|error| self.sync_error(from, error))?;
        self.synced_slots.store(slots, Ordering::Release);
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

    /// The segments that begin below `floor` and of which there may be memory to let go of.
    pub(super) fn resident(&self, floor: Offset) -> Vec<Arc<Segment>> {
        let row = self.row.read();
        let below = row.iter().take_while(|segment| segment.base() < floor);
        below.filter(|segment| segment.is_resident()).cloned().collect()
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

    /// Counts the bytes of the files that are mapped.
    pub(super) fn mapped_bytes(&self) -> u64 {
        let row = self.row.read();
        row.iter().filter(|segment| segment.is_mapped()).map(|one| one.header.file_len).sum()
    }

    /// Counts the segments and the bytes of their files.
    pub(super) fn extent(&self) -> (usize, u64) {
        let row = self.row.read();
        (row.len(), row.iter().map(|segment| segment.occupied).sum())
    }
}
