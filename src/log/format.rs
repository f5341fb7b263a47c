//! The bytes of a segment file, format version 1.
//!
//! ```text
//! 0          header, copy 1 (128 bytes), zeroes to 2048
//! 2048       header, copy 2 (128 bytes), zeroes to 4096
//! 4096       the replication stream: file position = 4096 + offset − base
//!   …        zeroes
//! len−64     frame 1
//! len−32     frame 0
//! ```
//!
//! The header is written once, when the segment is taken into use, and never again. A file whose
//! first page is all zeroes is a *spare*: prepared, but never used. Integers are little-endian.
//!
//! | header at | size | field |
//! |---|---|---|
//! | 0 | 8 | magic `BKLOGSEG` |
//! | 8 | 2 | version |
//! | 10 | 2 | zero |
//! | 12 | 4 | epoch: one more after each recovery |
//! | 16 | 8 | length of the file |
//! | 24 | 8 | sequence number, which is also the file's name |
//! | 32 | 8 | salt, random and never zero |
//! | 40 | 8 | base: the offset of the first byte of stream |
//! | 48 | 20 | replid at creation |
//! | 68 | 4 | chain checksum at the end of the segment before |
//! | 72 | 8 | sequence number of the segment before, zero for none |
//! | 80 | 8 | end of the segment before |
//! | 88 | 8 | durable watermark at creation |
//! | 96 | 16 | boot id of the machine |
//! | 112 | 8 | creation, milliseconds since 1970 |
//! | 120 | 4 | zero |
//! | 124 | 4 | CRC-32 of bytes 0 to 124 |
//!
//! | frame at | size | field |
//! |---|---|---|
//! | 0 | 4 | bytes sealed by this frame; zero only in a clean marker |
//! | 4 | 4 | chain: CRC-32 of all stream bytes from base to end, seeded by [`Header::seed`] |
//! | 8 | 8 | end: the offset after the last byte sealed |
//! | 16 | 6 | time, milliseconds since 1970 |
//! | 22 | 2 | flags |
//! | 24 | 4 | undurable: end − durable watermark when sealed; all ones: unknown |
//! | 28 | 4 | CRC-32 of the salt, the slot number and bytes 0 to 28 |

use crate::position::{Offset, Replid};

/// The version this code writes and reads.
pub const VERSION: u16 = 1;
/// Where the stream begins in a segment file; also the unit in which pages are written.
pub const PAGE_BYTES: usize = 4096;
/// The size of one frame; it divides a sector, so no frame lies across two.
pub const FRAME_BYTES: usize = 32;
/// The smallest segment file: a header page, a page of stream and a page of frames.
pub const SEGMENT_BYTES_MIN: u64 = 3 * PAGE_BYTES as u64;
/// The highest sequence number that is taken for one: a log never comes near it.
pub const SEQ_MAX: u64 = u64::MAX >> 1;

const MAGIC: [u8; 8] = *b"BKLOGSEG";
const HEADER_BYTES: usize = 128;
const HEADER_COPY_AT: usize = 2048;
const TIME_MASK: u64 = (1 << 48) - 1;

const _: () = assert!(512_usize.is_multiple_of(FRAME_BYTES));
const _: () = assert!(HEADER_BYTES <= 512, "a header copy must lie in one sector");
const _: () = assert!(HEADER_COPY_AT + HEADER_BYTES <= PAGE_BYTES);

/// What the first page of a segment in use says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// One more than the epoch of the log that was recovered, so that generations differ.
    pub epoch: u32,
    /// Length of the whole file.
    pub file_len: u64,
    /// Sequence number, also the file's name.
    pub seq: u64,
    /// Random and never zero; ties frames to this use of the file.
    pub salt: u64,
    /// The offset of the first byte of stream.
    pub base: Offset,
    /// The history being written when the segment was begun.
    pub replid: Replid,
    /// Sequence number of the segment before; zero for none.
    pub prev_seq: u64,
    /// Where the segment before ends; equal to `base`.
    pub prev_end: Offset,
    /// The chain checksum at the end of the segment before.
    pub prev_chain: u32,
    /// The durable watermark when the segment was begun.
    pub durable: Offset,
    /// The boot of the machine in which every byte of this segment was written.
    pub boot_id: [u8; 16],
    /// Milliseconds since 1970.
    pub created_ms: u64,
}

impl Header {
    /// Lays out the first page: two equal copies, so that rot in one does not lose the segment.
    pub fn encode(&self) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        let mut copy = [0; HEADER_BYTES];
        copy[0..8].copy_from_slice(&MAGIC);
        copy[8..10].copy_from_slice(&VERSION.to_le_bytes());
        copy[12..16].copy_from_slice(&self.epoch.to_le_bytes());
        copy[16..24].copy_from_slice(&self.file_len.to_le_bytes());
        copy[24..32].copy_from_slice(&self.seq.to_le_bytes());
        copy[32..40].copy_from_slice(&self.salt.to_le_bytes());
        copy[40..48].copy_from_slice(&self.base.0.to_le_bytes());
        copy[48..68].copy_from_slice(self.replid.as_bytes());
        copy[68..72].copy_from_slice(&self.prev_chain.to_le_bytes());
        copy[72..80].copy_from_slice(&self.prev_seq.to_le_bytes());
        copy[80..88].copy_from_slice(&self.prev_end.0.to_le_bytes());
        copy[88..96].copy_from_slice(&self.durable.0.to_le_bytes());
        copy[96..112].copy_from_slice(&self.boot_id);
        copy[112..120].copy_from_slice(&self.created_ms.to_le_bytes());
        let crc = crc32fast::hash(&copy[..124]);
        copy[124..128].copy_from_slice(&crc.to_le_bytes());
        page[..HEADER_BYTES].copy_from_slice(&copy);
        page[HEADER_COPY_AT..HEADER_COPY_AT + HEADER_BYTES].copy_from_slice(&copy);
        page
    }

    /// The value the segment's chain checksum starts from, so that old bytes cannot validate.
    pub fn seed(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.salt.to_le_bytes());
        hasher.update(&self.epoch.to_le_bytes());
        hasher.update(&self.seq.to_le_bytes());
        hasher.update(&self.base.0.to_le_bytes());
        hasher.finalize()
    }

    /// Counts the bytes between the header page and the end of the file, shared by stream and frames.
    pub fn body_bytes(&self) -> u64 {
        self.file_len - PAGE_BYTES as u64
    }

    fn decode(copy: &[u8]) -> Result<Self, HeaderFault> {
        if copy.len() < HEADER_BYTES || copy[0..8] != MAGIC {
            return Err(HeaderFault::Damaged);
        }
        if u32_at(copy, 124) != crc32fast::hash(&copy[..124]) {
            return Err(HeaderFault::Damaged);
        }
        let version = u16::from_le_bytes([copy[8], copy[9]]);
        if version != VERSION {
            return Err(HeaderFault::Version(version));
        }
        let header = Self {
            epoch: u32_at(copy, 12),
            file_len: u64_at(copy, 16),
            seq: u64_at(copy, 24),
            salt: u64_at(copy, 32),
            base: Offset(u64_at(copy, 40)),
            replid: Replid::from_bytes(array_at(copy, 48)),
            prev_chain: u32_at(copy, 68),
            prev_seq: u64_at(copy, 72),
            prev_end: Offset(u64_at(copy, 80)),
            durable: Offset(u64_at(copy, 88)),
            boot_id: array_at(copy, 96),
            created_ms: u64_at(copy, 112),
        };
        header.is_plausible().then_some(header).ok_or(HeaderFault::Damaged)
    }

    fn is_plausible(&self) -> bool {
        self.salt != 0
            && self.seq != 0
            && self.seq != self.prev_seq
            && self.seq.max(self.prev_seq) <= SEQ_MAX
            && self.file_len >= SEGMENT_BYTES_MIN
            && self.base.0.checked_add(self.file_len).is_some()
            && self.durable <= self.base
            && (self.prev_seq == 0 || self.prev_end == self.base)
    }
}

/// What the first page of a segment file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstPage {
    /// All zeroes, or not even a page long: never used.
    Spare,
    /// A readable header; `copies` of the two were good.
    Used {
        /// The header.
        header: Box<Header>,
        /// How many of the two copies were good.
        copies: u8,
    },
    /// Neither copy can be read, and the page is not empty.
    Unreadable(HeaderFault),
}

/// Why a header copy was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// Wrong magic, checksum or values.
    Damaged,
    /// A whole header of another format version.
    Version(u16),
}

impl std::fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged => f.write_str("both copies are damaged"),
            Self::Version(version) => write!(f, "format version {version} is not known"),
        }
    }
}

/// Reads the first page of a segment file; `page` may be shorter when the file is.
pub fn read_first_page(page: &[u8]) -> FirstPage {
    let second = page.get(HEADER_COPY_AT..).unwrap_or(&[]);
    match (Header::decode(page), Header::decode(second)) {
        (Ok(header), Ok(other)) if header == other => {
            FirstPage::Used { header: Box::new(header), copies: 2 }
        }
        (Ok(header), Err(_)) | (Err(_), Ok(header)) => {
            FirstPage::Used { header: Box::new(header), copies: 1 }
        }
        (Err(HeaderFault::Version(version)), _) | (_, Err(HeaderFault::Version(version))) => {
            FirstPage::Unreadable(HeaderFault::Version(version))
        }
        _ if page.iter().all(|&byte| byte == 0) => FirstPage::Spare,
        _ => FirstPage::Unreadable(HeaderFault::Damaged),
    }
}

/// Seals the bytes of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How many bytes the batch has; zero only in a clean marker.
    pub len: u32,
    /// The chain checksum up to `end`.
    pub chain: u32,
    /// The offset after the batch.
    pub end: Offset,
    /// When it was sealed, milliseconds since 1970. Clocks go backwards: never used to decide.
    pub time_ms: u64,
    /// See [`Frame::CLEAN`].
    pub flags: u16,
    /// How far the durable watermark was behind `end`; `u32::MAX` claims nothing.
    pub undurable: u32,
}

impl Frame {
    /// Marks an orderly end: all before it was durable when this frame was written.
    pub const CLEAN: u16 = 1;

    /// Measures the distance to the durable watermark for the field of that name.
    ///
    /// A distance of 4 GiB or more becomes "unknown", never a smaller one, which would claim as
    /// durable what is not.
    pub fn undurable_between(durable: Offset, end: Offset) -> u32 {
        u32::try_from(end.since(durable)).unwrap_or(u32::MAX)
    }

    /// The lower bound on what had reached the disk when this frame was written, if it states one.
    pub fn durable_claim(&self) -> Option<Offset> {
        (self.undurable != u32::MAX).then(|| Offset(self.end.0 - u64::from(self.undurable)))
    }

    /// The offset of the first byte of the batch.
    pub fn start(&self) -> Offset {
        Offset(self.end.0 - u64::from(self.len))
    }

    /// Whether this is the marker of an orderly end.
    pub fn is_clean_marker(&self) -> bool {
        self.flags & Self::CLEAN != 0
    }

    /// Lays the frame out for `slot` of the segment with `salt`.
    pub fn encode(&self, salt: u64, slot: u32) -> [u8; FRAME_BYTES] {
        let mut bytes = [0; FRAME_BYTES];
        let time = (self.time_ms & TIME_MASK) | u64::from(self.flags) << 48;
        bytes[0..4].copy_from_slice(&self.len.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.chain.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.end.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&time.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.undurable.to_le_bytes());
        let crc = frame_crc(&bytes, salt, slot);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the frame in `slot` of the segment `header` describes; `None` when there is none.
    ///
    /// Cheap bounds come first: most of what is looked at is zeroes or stream bytes.
    pub fn decode(bytes: &[u8], header: &Header, slot: u32) -> Option<Self> {
        let packed_time = u64_at(bytes, 16);
        let frame = Self {
            len: u32_at(bytes, 0),
            chain: u32_at(bytes, 4),
            end: Offset(u64_at(bytes, 8)),
            time_ms: packed_time & TIME_MASK,
            flags: (packed_time >> 48) as u16,
            undurable: u32_at(bytes, 24),
        };
        let table = FRAME_BYTES as u64 * (u64::from(slot) + 1);
        let room = header.body_bytes().checked_sub(table)?;
        let sealed = frame.end.0.checked_sub(header.base.0)?;
        let whole = sealed <= room
            && u64::from(frame.len) <= sealed
            && (frame.len == 0) == frame.is_clean_marker()
            && (frame.undurable == u32::MAX || u64::from(frame.undurable) <= frame.end.0)
            && u32_at(bytes, 28) == frame_crc(bytes, header.salt, slot);
        whole.then_some(frame)
    }
}

/// Tells where `slot` begins in a file of `file_len` bytes.
pub fn slot_position(file_len: u64, slot: u32) -> u64 {
    file_len - FRAME_BYTES as u64 * (u64::from(slot) + 1)
}

/// The length of the smallest file that holds one unit of `unit_bytes`, its frame and a marker.
pub fn file_len_for_unit(unit_bytes: u64) -> u64 {
    let page = PAGE_BYTES as u64;
    (page + unit_bytes + 2 * FRAME_BYTES as u64).next_multiple_of(page).max(SEGMENT_BYTES_MIN)
}

/// Continues a chain checksum over `bytes`.
pub fn extend_chain(chain: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(chain);
    hasher.update(bytes);
    hasher.finalize()
}

fn frame_crc(bytes: &[u8], salt: u64, slot: u32) -> u32 {
    let mut input = [0; 40];
    input[0..8].copy_from_slice(&salt.to_le_bytes());
    input[8..12].copy_from_slice(&slot.to_le_bytes());
    input[12..40].copy_from_slice(&bytes[..28]);
    crc32fast::hash(&input)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice is N long")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            epoch: 3,
            file_len: 65536,
            seq: 7,
            salt: 0x1122_3344_5566_7788,
            base: Offset(1000),
            replid: Replid::from_bytes([0xab; 20]),
            prev_seq: 6,
            prev_end: Offset(1000),
            prev_chain: 0xdead_beef,
            durable: Offset(900),
            boot_id: *b"0123456789abcdef",
            created_ms: 1_700_000_000_000,
        }
    }

    fn frame() -> Frame {
        Frame {
            len: 40,
            chain: 0x0102_0304,
            end: Offset(1040),
            time_ms: 1_700_000_000_001,
            flags: 0,
            undurable: 140,
        }
    }

    #[test]
    fn a_header_reads_back_and_either_copy_is_enough() {
        let page = header().encode();
        let boxed = Box::new(header());
        assert_eq!(read_first_page(&page), FirstPage::Used { header: boxed.clone(), copies: 2 });
        for at in [0, 60, 127, 2048, 2100, 2175] {
            let mut rotten = page;
            rotten[at] ^= 1;
            let expected = FirstPage::Used { header: boxed.clone(), copies: 1 };
            assert_eq!(read_first_page(&rotten), expected, "byte {at}");
        }
    }

    #[test]
    fn a_page_of_zeroes_is_a_spare_and_anything_else_is_not() {
        assert_eq!(read_first_page(&[0; PAGE_BYTES]), FirstPage::Spare);
        assert_eq!(read_first_page(&[]), FirstPage::Spare);
        let mut page = header().encode();
        page[5] ^= 1;
        page[2048 + 5] ^= 1;
        assert_eq!(read_first_page(&page), FirstPage::Unreadable(HeaderFault::Damaged));
    }

    #[test]
    fn a_header_that_contradicts_itself_is_damaged_though_its_checksum_is_right() {
        for header in [
            Header { prev_seq: 7, ..header() },
            Header { seq: SEQ_MAX + 1, ..header() },
            Header { prev_seq: SEQ_MAX + 1, ..header() },
            Header { prev_end: Offset(999), ..header() },
            Header { durable: Offset(1001), ..header() },
        ] {
            let page = header.encode();
            assert_eq!(read_first_page(&page), FirstPage::Unreadable(HeaderFault::Damaged));
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut page = header().encode();
        for copy in [0, HEADER_COPY_AT] {
            page[copy + 8] = 9;
            let crc = crc32fast::hash(&page[copy..copy + 124]);
            page[copy + 124..copy + 128].copy_from_slice(&crc.to_le_bytes());
        }
        assert_eq!(read_first_page(&page), FirstPage::Unreadable(HeaderFault::Version(9)));
    }

    #[test]
    fn a_frame_reads_back_only_in_its_own_slot_and_segment() {
        let bytes = frame().encode(header().salt, 5);
        assert_eq!(Frame::decode(&bytes, &header(), 5), Some(frame()));
        assert_eq!(Frame::decode(&bytes, &header(), 6), None);
        let other = Header { salt: 1, ..header() };
        assert_eq!(Frame::decode(&bytes, &other, 5), None);
    }

    #[test]
    fn no_flipped_bit_of_a_frame_passes() {
        let bytes = frame().encode(header().salt, 0);
        for bit in 0..FRAME_BYTES * 8 {
            let mut rotten = bytes;
            rotten[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::decode(&rotten, &header(), 0), None, "bit {bit}");
        }
    }

    #[test]
    fn a_zero_filled_frame_is_no_frame() {
        for salt in [0, 1, header().salt] {
            let header = Header { salt, base: Offset(0), prev_end: Offset(0), ..header() };
            assert_eq!(Frame::decode(&[0; FRAME_BYTES], &header, 0), None);
        }
    }

    #[test]
    fn an_empty_batch_is_only_ever_a_clean_marker() {
        let empty = Frame { len: 0, ..frame() };
        let salt = header().salt;
        assert_eq!(Frame::decode(&empty.encode(salt, 0), &header(), 0), None);
        let marker = Frame { flags: Frame::CLEAN, ..empty };
        assert_eq!(Frame::decode(&marker.encode(salt, 0), &header(), 0), Some(marker));
    }

    #[test]
    fn a_distance_of_four_gibibytes_claims_nothing() {
        let end = Offset(5 << 32);
        assert_eq!(Frame::undurable_between(Offset(0), end), u32::MAX);
        assert_eq!(Frame::undurable_between(Offset(end.0 - 7), end), 7);
        let far = Frame { undurable: u32::MAX, end, ..frame() };
        assert_eq!(far.durable_claim(), None);
        assert_eq!(frame().durable_claim(), Some(Offset(900)));
    }

    #[test]
    fn a_chain_is_the_same_however_it_is_cut() {
        let whole = extend_chain(9, b"replication stream");
        assert_eq!(extend_chain(extend_chain(9, b"replication"), b" stream"), whole);
    }
}
