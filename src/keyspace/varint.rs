//! Lengths of variable width: seven bits per byte, low bits first; the top bit says more follow.

/// The bytes of the longest length.
const BYTES_MAX: usize = 10;

/// An encoded length.
#[derive(Clone, Copy)]
pub(super) struct Varint {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl Varint {
    /// Encodes a length.
    #[inline]
    pub(super) fn new(mut length: usize) -> Self {
        let mut bytes = [0; BYTES_MAX];
        let mut len = 0;
        while length >= 0x80 {
            bytes[len] = length as u8 | 0x80;
            length >>= 7;
            len += 1;
        }
        bytes[len] = length as u8;
        Self { bytes, len: len + 1 }
    }

    /// Returns the encoded bytes.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Counts the bytes a length takes.
#[inline]
pub(super) fn size(length: usize) -> usize {
    let bits = (usize::BITS - length.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

/// Reads the length at `at`; returns it with the place after it.
#[inline]
pub(super) fn read(bytes: &[u8], at: usize) -> (usize, usize) {
    let first = bytes[at];
    if first < 0x80 { (usize::from(first), at + 1) } else { read_long(bytes, at) }
}

fn read_long(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let mut length = 0;
    let mut shift = 0;
    loop {
        let byte = bytes[at];
        at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return (length, at);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_reads_as_it_was_written() {
        for length in [0, 1, 127, 128, 300, 16383, 16384, 1 << 20, u32::MAX as usize, usize::MAX] {
            let varint = Varint::new(length);
            assert_eq!(varint.as_bytes().len(), size(length), "{length}");
            assert_eq!(read(varint.as_bytes(), 0), (length, size(length)));
        }
    }
}
