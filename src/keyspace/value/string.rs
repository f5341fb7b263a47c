//! String values: bytes, or an integer kept as such.

use std::borrow::Cow;
use std::ops::Range;

use super::blocks::BLOCK_BYTES;
use super::{BlockPieces, Blocks};

/// The digits and sign of the longest 64-bit integer.
const INTEGER_BYTES_MAX: usize = 20;

/// A string borrowed for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Str<'e> {
    /// A number whose decimal digits are the value.
    Int(i64),
    /// Any other bytes.
    Bytes(&'e [u8]),
    /// Bytes so many that they do not lie in one piece.
    Blocks(&'e Blocks),
}

impl<'e> Str<'e> {
    /// Counts the bytes, those of the decimal digits for an integer.
    pub fn len(&self) -> usize {
        match self {
            Self::Int(number) => itoa::Buffer::new().format(*number).len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Blocks(blocks) => blocks.len(),
        }
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Bytes(b""))
    }

    /// Appends the bytes to `out`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(number) => {
                out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            }
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Blocks(blocks) => {
                blocks.pieces(0..blocks.len()).for_each(|piece| out.extend_from_slice(piece));
            }
        }
    }

    /// Returns the bytes, using `digits` to hold those of an integer; copied if they are in blocks.
    pub fn as_bytes<'b>(&self, digits: &'b mut [u8; INTEGER_BYTES_MAX]) -> Cow<'b, [u8]>
    where
        'e: 'b,
    {
        match self {
            Self::Int(number) => Cow::Borrowed(digits_of(*number, digits)),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Blocks(blocks) => Cow::Owned(blocks.to_vec()),
        }
    }

    /// Returns the bytes; those of an integer, or of blocks, are a copy.
    pub fn to_bytes(self) -> Cow<'e, [u8]> {
        match self {
            Self::Int(number) => Cow::Owned(itoa::Buffer::new().format(number).as_bytes().to_vec()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Blocks(blocks) => Cow::Owned(blocks.to_vec()),
        }
    }

    /// Walks a part of the bytes in pieces, using `digits` to hold those of an integer.
    ///
    /// # Panics
    /// When some of it is not there.
    pub fn pieces<'b>(
        &self,
        digits: &'b mut [u8; INTEGER_BYTES_MAX],
        range: Range<usize>,
    ) -> Pieces<'b>
    where
        'e: 'b,
    {
        match self {
            Self::Int(number) => Pieces::One(Some(&digits_of(*number, digits)[range])),
            Self::Bytes(bytes) => Pieces::One(Some(&bytes[range])),
            Self::Blocks(blocks) => Pieces::Many(blocks.pieces(range)),
        }
    }

    /// Returns what lies where a string in blocks has a block; none if that is all zero, or beyond
    /// the end.
    pub fn block<'b>(
        &self,
        digits: &'b mut [u8; INTEGER_BYTES_MAX],
        index: usize,
    ) -> Option<&'b [u8]>
    where
        'e: 'b,
    {
        let bytes = match self {
            Self::Int(number) => digits_of(*number, digits),
            Self::Bytes(bytes) => bytes,
            Self::Blocks(blocks) => return blocks.block(index),
        };
        bytes.chunks(BLOCK_BYTES).nth(index)
    }

    /// Copies the bytes from `at` on into `out`; behind the end are zeroes.
    pub fn read(&self, at: usize, out: &mut [u8]) {
        match self {
            Self::Int(number) => read(itoa::Buffer::new().format(*number).as_bytes(), at, out),
            Self::Bytes(bytes) => read(bytes, at, out),
            Self::Blocks(blocks) => blocks.read(at, out),
        }
    }
}

/// Walks a string in pieces; made by [`Str::pieces`].
#[derive(Clone, Debug)]
pub enum Pieces<'e> {
    /// A string in one piece, until it is taken.
    One(Option<&'e [u8]>),
    /// One in blocks.
    Many(BlockPieces<'e>),
}

impl<'e> Iterator for Pieces<'e> {
    type Item = &'e [u8];

    fn next(&mut self) -> Option<&'e [u8]> {
        match self {
            Self::One(piece) => piece.take(),
            Self::Many(pieces) => pieces.next(),
        }
    }
}

fn digits_of(number: i64, digits: &mut [u8; INTEGER_BYTES_MAX]) -> &[u8] {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number).as_bytes();
    digits[..text.len()].copy_from_slice(text);
    &digits[..text.len()]
}

/// Copies the bytes from `at` on into `out`; behind the end are zeroes.
pub(super) fn read(bytes: &[u8], at: usize, out: &mut [u8]) {
    let there = bytes.get(at..).unwrap_or_default();
    let len = there.len().min(out.len());
    out[..len].copy_from_slice(&there[..len]);
    out[len..].fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_reads_as_its_digits() {
        let mut digits = [0; 20];
        assert_eq!(&*Str::Int(i64::MIN).as_bytes(&mut digits), b"-9223372036854775808");
        assert_eq!(Str::Int(i64::MIN).len(), 20);
        assert_eq!(&*Str::Bytes(b"abc").as_bytes(&mut digits), b"abc");
        let mut out = Vec::new();
        Str::Int(-7).write_to(&mut out);
        Str::Bytes(b"x").write_to(&mut out);
        assert_eq!(out, b"-7x");
    }
}
