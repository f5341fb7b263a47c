//! Reading one segment file back: every frame in it, and how far its chain of checksums holds.

use std::io;

use super::format::{
    FRAME_BYTES, FirstPage, Frame, Header, PAGE_BYTES, extend_chain, read_first_page, slot_position,
};
use super::storage::SegmentFile;
use crate::position::Offset;

const BLOCK_BYTES: u64 = 256 << 10;

/// How far a segment's chain of checksums holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The end of the longest verified chain; a seal ended there.
    pub end: Offset,
    /// The chain checksum at that end.
    pub chain: u32,
}

/// Reads the first page; a file shorter than a page gives what there is.
pub fn first_page(file: &dyn SegmentFile) -> io::Result<FirstPage> {
    let len = file.measure()?.min(PAGE_BYTES as u64) as usize;
    let mut page = [0; PAGE_BYTES];
    file.read_at(0, &mut page[..len])?;
    Ok(read_first_page(&page[..len]))
}

/// Collects the valid frames in every slot whose place is at or above `floor`, in slot order.
///
/// All slots are looked at, not just those up to the first bad one: after a power loss frames are
/// missing in any pattern, and the later ones tell what had been durable.
pub fn frames(
    file: &dyn SegmentFile,
    header: &Header,
    floor: u64,
) -> io::Result<Vec<(u32, Frame)>> {
    let mut found = Vec::new();
    let mut block = vec![0; BLOCK_BYTES as usize];
    let floor = floor.max(PAGE_BYTES as u64).next_multiple_of(FRAME_BYTES as u64);
    let table_bytes =
        header.file_len.saturating_sub(floor) / FRAME_BYTES as u64 * FRAME_BYTES as u64;
    let mut done = 0;
    while done < table_bytes {
        let step = BLOCK_BYTES.min(table_bytes - done);
        let block = &mut block[..step as usize];
        read_or_zeroes(file, header.file_len - done - step, block)?;
        decode_block(block, header, done / FRAME_BYTES as u64, &mut found);
        done += step;
    }
    Ok(found)
}

/// Collects the valid frames of a page of slots, the first of which is `slot`.
pub fn frames_from(
    file: &dyn SegmentFile,
    header: &Header,
    slot: u32,
) -> io::Result<Vec<(u32, Frame)>> {
    let above = (u64::from(slot) * FRAME_BYTES as u64).min(header.body_bytes());
    let step = (header.body_bytes() - above).min(PAGE_BYTES as u64);
    let mut page = [0; PAGE_BYTES];
    // What does not make a whole frame lies at the lower end.
    let block = &mut page[..step as usize];
    read_or_zeroes(file, header.file_len - above - step, block)?;
    let mut found = Vec::new();
    decode_block(block, header, u64::from(slot), &mut found);
    Ok(found)
}

/// Decodes the slots in `block`, of which the first, at its end, is `first_slot`.
fn decode_block(block: &[u8], header: &Header, first_slot: u64, found: &mut Vec<(u32, Frame)>) {
    for (slot, bytes) in (first_slot..).zip(block.rchunks_exact(FRAME_BYTES)) {
        let Ok(slot) = u32::try_from(slot) else { return };
        found.extend(Frame::decode(bytes, header, slot).map(|frame| (slot, frame)));
    }
}

/// Follows the chain through `frames`, at most to `limit`, as far as the stream agrees with it.
///
/// The chain covers the stream, not the frames: a later frame vouches for the bytes of a batch whose
/// own frame was damaged.
pub fn verify(
    file: &dyn SegmentFile,
    header: &Header,
    frames: &[(u32, Frame)],
    limit: Offset,
) -> io::Result<Verified> {
    let mut verified = Verified { end: header.base, chain: header.seed() };
    for (_, frame) in frames {
        if frame.end <= verified.end {
            continue;
        }
        if frame.end > limit {
            break;
        }
        let chain = chain_over(file, header, verified, frame.end)?;
        if chain != frame.chain {
            break;
        }
        verified = Verified { end: frame.end, chain };
    }
    Ok(verified)
}

/// Continues `verified` over the stream up to `to`.
pub fn chain_over(
    file: &dyn SegmentFile,
    header: &Header,
    verified: Verified,
    to: Offset,
) -> io::Result<u32> {
    let mut block = [0; 16 << 10];
    let (mut at, mut chain) = (verified.end, verified.chain);
    while at < to {
        let step = to.since(at).min(block.len() as u64);
        let block = &mut block[..step as usize];
        read_or_zeroes(file, file_position(header, at), block)?;
        chain = extend_chain(chain, block);
        at = at.advanced(step);
    }
    Ok(chain)
}

/// Counts the bytes from `end` to the last one before a page of zeroes, and before `table`.
///
/// Files begin as zeroes, so these were appended, and no seal covers them. There may be more behind
/// the zeroes: a power loss takes pages in any order.
pub fn remains(
    file: &dyn SegmentFile,
    header: &Header,
    end: Offset,
    table: u64,
) -> io::Result<u64> {
    let from = file_position(header, end);
    let (mut at, mut last) = (from, from);
    while at < table && at - last < PAGE_BYTES as u64 {
        let mut page = [0; PAGE_BYTES];
        let page = &mut page[..(table - at).min(PAGE_BYTES as u64) as usize];
        read_or_zeroes(file, at, page)?;
        if let Some(index) = page.iter().rposition(|&byte| byte != 0) {
            last = at + index as u64 + 1;
        }
        at += page.len() as u64;
    }
    Ok(last - from)
}

/// Where the byte at `offset` lies in the file.
pub fn file_position(header: &Header, offset: Offset) -> u64 {
    PAGE_BYTES as u64 + offset.since(header.base)
}

/// Where the frame in `slot` lies in the file, for messages and repairs.
pub fn frame_position(header: &Header, slot: u32) -> u64 {
    slot_position(header.file_len, slot)
}

/// Reads from a file that may have been cut short by an outsider; what is missing is zeroes.
fn read_or_zeroes(file: &dyn SegmentFile, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    let there = file.measure()?.saturating_sub(at).min(bytes.len() as u64) as usize;
    bytes[there..].fill(0);
    file.read_at(at, &mut bytes[..there])
}
