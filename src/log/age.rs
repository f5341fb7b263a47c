//! How old what lies in the log is, by the times that its frames carry.

use super::format::{FRAME_BYTES, Frame};
use super::scan;
use super::segment::Segment;
use crate::position::Offset;

/// When the byte at `offset` of `segment` was sealed, in milliseconds since 1970; never later.
///
/// `None` if it is not sealed yet. The frame is looked for by halving, since frames lie in the order of
/// their ends: some twenty of them are read in the largest segments, from the disk where they have
/// left the page cache. Where it cannot be read, the time is that at which the segment was begun.
pub(super) fn sealed_ms(segment: &Segment, offset: Offset) -> Option<u64> {
    // Looked at before the frames are counted: what is appended meanwhile is younger.
    let is_tail = segment.end().is_none();
    let slots = segment.slots_at_most();
    let (mut low, mut high) = (0, slots);
    while low < high {
        let middle = low + (high - low) / 2;
        match frame(segment, middle) {
            Some(frame) if frame.end <= offset => low = middle + 1,
            _ => high = middle,
        }
    }
    if is_tail && low == slots {
        return None;
    }
    let holds = |frame: &Frame| (frame.start()..frame.end).contains(&offset);
    let found = frame(segment, low).filter(holds);
    Some(found.map_or(segment.header.created_ms, |frame| frame.time_ms))
}

fn frame(segment: &Segment, slot: u32) -> Option<Frame> {
    let mut bytes = [0; FRAME_BYTES];
    segment.file.read_at(scan::frame_position(&segment.header, slot), &mut bytes).ok()?;
    Frame::decode(&bytes, &segment.header, slot)
}
