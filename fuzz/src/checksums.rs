//! Puts the checksums of a damaged segment right, so that what they guard is reached.

use backlogd::log::format::{
    FRAME_BYTES, FirstPage, Frame, PAGE_BYTES, extend_chain, read_first_page, slot_position,
};
use backlogd::position::Offset;

/// The bytes of one header copy, the last four being its checksum.
pub const HEADER_BYTES: usize = 128;

/// Repairs the checksum of one header copy, if it is as long as one.
pub fn repair_header(copy: &mut [u8]) {
    if let Some(copy) = copy.get_mut(..HEADER_BYTES) {
        let crc = crc32fast::hash(&copy[..HEADER_BYTES - 4]);
        copy[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Reads the fields of a frame whatever its checksums say.
pub fn frame_fields(bytes: &[u8; FRAME_BYTES]) -> Frame {
    let time = u64_at(bytes, 16);
    Frame {
        len: u64_at(bytes, 0) as u32,
        chain: (u64_at(bytes, 0) >> 32) as u32,
        end: Offset(u64_at(bytes, 8)),
        time_ms: time & ((1 << 48) - 1),
        flags: (time >> 48) as u16,
        undurable: u64_at(bytes, 24) as u32,
    }
}

/// Repairs a segment that follows one whose chain ended in `chain_before`; gives its own chain.
pub fn repair_segment(file: &mut [u8], chain_before: u32) -> u32 {
    let is_first = u64_at(file, 72) == 0;
    if !is_first {
        file[68..72].copy_from_slice(&chain_before.to_le_bytes());
    }
    repair_header(file);
    let FirstPage::Used { header, .. } = read_first_page(&file[..PAGE_BYTES]) else { return 0 };
    let mut chain = header.seed();
    for slot in 0..((file.len() - PAGE_BYTES) / FRAME_BYTES) as u32 {
        let at = slot_position(file.len() as u64, slot) as usize;
        let bytes = file[at..at + FRAME_BYTES].try_into().expect("it is as long as a frame");
        if bytes == [0; FRAME_BYTES] {
            break;
        }
        let mut frame = frame_fields(&bytes);
        let end = frame.end.0.wrapping_sub(header.base.0).wrapping_add(PAGE_BYTES as u64) as usize;
        let sealed = end.wrapping_sub(frame.len as usize)..end;
        if sealed.start >= PAGE_BYTES && sealed.end >= sealed.start && sealed.end <= file.len() {
            chain = extend_chain(chain, &file[sealed]);
        }
        frame.chain = chain;
        file[at..at + FRAME_BYTES].copy_from_slice(&frame.encode(header.salt, slot));
    }
    chain
}

/// Reads a little-endian integer.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("the slice is 8 long"))
}
