//! Finds the mark behind a snapshot, in time that few bytes of the snapshot are looked at for.
//!
//! The mark may lie anywhere in what was read, so all of it is searched. By Horspool's method (R. N.
//! Horspool, Practical fast searching in strings, 1980) that costs one look for some forty bytes.

/// How long a mark is.
pub const MARK_BYTES: usize = 40;

/// The random bytes that end one snapshot.
pub struct Mark {
    bytes: [u8; MARK_BYTES],
    /// How far the mark can be moved on when this byte lies under its end.
    shift: [u8; 256],
}

impl Mark {
    /// Prepares the search.
    pub fn new(bytes: [u8; MARK_BYTES]) -> Self {
        let mut shift = [MARK_BYTES as u8; 256];
        for (at, byte) in bytes[..MARK_BYTES - 1].iter().enumerate() {
            shift[usize::from(*byte)] = (MARK_BYTES - 1 - at) as u8;
        }
        Self { bytes, shift }
    }

    /// Where the mark begins in `input`, if all of it is there.
    pub fn find(&self, input: &[u8]) -> Option<usize> {
        let mut end = MARK_BYTES;
        while end <= input.len() {
            let last = input[end - 1];
            if last == self.bytes[MARK_BYTES - 1] && input[end - MARK_BYTES..end] == self.bytes {
                return Some(end - MARK_BYTES);
            }
            end += usize::from(self.shift[usize::from(last)]);
        }
        None
    }

    /// How many bytes at the end of `input`, which has no mark, may be the beginning of one.
    pub fn begun(&self, input: &[u8]) -> usize {
        let longest = input.len().min(MARK_BYTES - 1);
        (1..=longest).rev().find(|count| input.ends_with(&self.bytes[..*count])).unwrap_or(0)
    }
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mark({})", self.bytes.escape_ascii())
    }
}
