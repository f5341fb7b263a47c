//! Strings borrowed for editing.

use super::Blocks;

/// The longest string that lies in one piece; longer ones lie in [`Blocks`].
pub(in crate::keyspace) const PIECE_BYTES_MAX: usize = 256 * 1024;

/// A string borrowed for editing.
#[derive(Debug)]
pub enum StrMut<'m> {
    /// One that lies in one piece.
    Piece(&'m mut Vec<u8>),
    /// A longer one.
    Blocks(&'m mut Blocks),
}

impl StrMut<'_> {
    /// Copies the bytes from `at` on into `out`; behind the end are zeroes.
    pub fn read(&self, at: usize, out: &mut [u8]) {
        match self {
            Self::Piece(bytes) => super::string::read(bytes, at, out),
            Self::Blocks(blocks) => blocks.read(at, out),
        }
    }

    /// Writes over a part of the string.
    ///
    /// # Panics
    /// When it is not that long.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        match self {
            Self::Piece(own) => own[at..at + bytes.len()].copy_from_slice(bytes),
            Self::Blocks(blocks) => blocks.write(at, bytes),
        }
    }
}
