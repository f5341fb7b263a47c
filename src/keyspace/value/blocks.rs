//! Long strings in blocks, which are shared one by one and of which those that are all zero are absent.
//!
//! So nothing that is done to a few bytes costs what the whole string is long: it grows without a
//! byte being written, and whoever writes to a copy of it copies the blocks that it touches and the
//! list of all.

use std::ops::Range;
use std::sync::Arc;

/// The bytes of every block but the last.
pub(in crate::keyspace) const BLOCK_BYTES: usize = 128 * 1024;

/// What absent blocks are read from.
static ZEROES: [u8; 4096] = [0; 4096];

/// A string in blocks.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    len: usize,
    /// A block that is there is as long as [`Self::block_len`] says.
    blocks: Vec<Option<Arc<Vec<u8>>>>,
}

impl Blocks {
    /// Makes the string of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let blocks = bytes.chunks(BLOCK_BYTES).map(|block| Some(Arc::new(block.to_vec())));
        Self { len: bytes.len(), blocks: blocks.collect() }
    }

    /// Counts the bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the byte at `at`, if there are so many.
    pub fn get(&self, at: usize) -> Option<u8> {
        if at >= self.len {
            return None;
        }
        Some(self.block(at / BLOCK_BYTES).map_or(0, |block| block[at % BLOCK_BYTES]))
    }

    /// Walks a part of the string in pieces.
    ///
    /// # Panics
    /// When some of it is not there.
    pub fn pieces(&self, range: Range<usize>) -> BlockPieces<'_> {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {}", self.len);
        BlockPieces { blocks: self, range }
    }

    /// Copies the bytes from `at` on into `out`; behind the end are zeroes.
    pub fn read(&self, at: usize, out: &mut [u8]) {
        let end = self.len.min(at.saturating_add(out.len()));
        let mut filled = 0;
        for piece in self.pieces(at.min(end)..end) {
            out[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
        }
        out[filled..].fill(0);
    }

    /// Copies the string into one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len);
        self.pieces(0..self.len).for_each(|piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// Adds zeroes until there are `len` bytes; a longer string stays as it is.
    pub fn grow(&mut self, len: usize) {
        if len <= self.len {
            return;
        }
        if let Some(Some(last)) = self.blocks.last_mut() {
            let last = Arc::make_mut(last);
            let begin = self.len - last.len();
            let wanted = (len - begin).min(BLOCK_BYTES);
            // As a vector grows, but not beyond what a block can be.
            let room = last.capacity().saturating_mul(2).clamp(wanted, BLOCK_BYTES);
            last.reserve_exact(room - last.len());
            last.resize(wanted, 0);
        }
        self.len = len;
        self.blocks.resize(len.div_ceil(BLOCK_BYTES), None);
    }

    /// Writes over a part of the string.
    ///
    /// # Panics
    /// When it is not that long.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.len, "{} bytes at {at} of {}", bytes.len(), self.len);
        let (mut at, mut rest) = (at, bytes);
        while !rest.is_empty() {
            let (index, within) = (at / BLOCK_BYTES, at % BLOCK_BYTES);
            let (piece, next) = rest.split_at(rest.len().min(self.block_len(index) - within));
            let is_whole = piece.len() == self.block_len(index);
            match self.blocks[index].as_mut().and_then(Arc::get_mut) {
                Some(own) => own[within..within + piece.len()].copy_from_slice(piece),
                None if is_whole => self.blocks[index] = Some(Arc::new(piece.to_vec())),
                None => {
                    self.block_mut(index)[within..within + piece.len()].copy_from_slice(piece);
                }
            }
            (at, rest) = (at + piece.len(), next);
        }
    }

    /// Counts the blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Borrows a block; none if it is all zero, or beyond the end.
    pub fn block(&self, index: usize) -> Option<&[u8]> {
        self.blocks.get(index)?.as_ref().map(|block| block.as_slice())
    }

    /// Borrows a block for writing.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn block_mut(&mut self, index: usize) -> &mut [u8] {
        let len = self.block_len(index);
        let block = self.blocks[index].get_or_insert_with(|| Arc::new(vec![0; len]));
        Arc::make_mut(block).as_mut_slice()
    }

    /// Makes a block all zero.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn clear_block(&mut self, index: usize) {
        self.blocks[index] = None;
    }

    /// Counts the bytes of memory, shared ones as well.
    pub(in crate::keyspace) fn memory_bytes(&self) -> usize {
        let there = self.blocks.iter().flatten();
        let blocks: usize = there.map(|block| block.capacity() + size_of::<Vec<u8>>() + 16).sum();
        blocks + self.blocks.capacity() * size_of::<usize>()
    }

    fn block_len(&self, index: usize) -> usize {
        (self.len - index * BLOCK_BYTES).min(BLOCK_BYTES)
    }
}

/// Strings are equal by their bytes, whether blocks of zeroes are there or not.
impl PartialEq for Blocks {
    fn eq(&self, other: &Self) -> bool {
        let is_zero = |block: &[u8]| block.iter().all(|byte| *byte == 0);
        self.len == other.len
            && (0..self.blocks.len()).all(|index| match (self.block(index), other.block(index)) {
                (Some(own), Some(others)) => own == others,
                (one, another) => one.or(another).is_none_or(is_zero),
            })
    }
}

impl Eq for Blocks {}

/// Walks a string in pieces; made by [`Blocks::pieces`].
#[derive(Clone, Debug)]
pub struct BlockPieces<'e> {
    blocks: &'e Blocks,
    range: Range<usize>,
}

impl<'e> Iterator for BlockPieces<'e> {
    type Item = &'e [u8];

    fn next(&mut self) -> Option<&'e [u8]> {
        let (at, left) = (self.range.start, self.range.len());
        if left == 0 {
            return None;
        }
        let within = at % BLOCK_BYTES;
        let piece = match self.blocks.block(at / BLOCK_BYTES) {
            Some(block) => &block[within..],
            None => &ZEROES[..ZEROES.len().min(BLOCK_BYTES - within)],
        };
        let piece = &piece[..piece.len().min(left)];
        self.range.start += piece.len();
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Operation {
        Grow(usize),
        Write(usize, Vec<u8>),
        Clear(usize),
        Copy,
    }

    fn any_operation() -> impl Strategy<Value = Operation> {
        // Around the ends of blocks, where mistakes would be.
        let place = (0usize..4, 0usize..5, any::<prop::sample::Index>()).prop_map(
            |(block, near, anywhere)| match near {
                0 => block * BLOCK_BYTES,
                1 => (block + 1) * BLOCK_BYTES - 1,
                2 => block * BLOCK_BYTES + 1,
                _ => anywhere.index(4 * BLOCK_BYTES),
            },
        );
        let short = prop::collection::vec(any::<u8>(), 0..40);
        let long = (1usize..3 * BLOCK_BYTES, any::<u8>()).prop_map(|(len, b)| vec![b; len]);
        let whole = any::<u8>().prop_map(|byte| vec![byte; BLOCK_BYTES]);
        prop_oneof![
            2 => place.clone().prop_map(Operation::Grow),
            4 => (place.clone(), prop_oneof![short, long, whole])
                .prop_map(|(at, bytes)| Operation::Write(at, bytes)),
            1 => (0usize..5).prop_map(Operation::Clear),
            1 => Just(Operation::Copy),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn blocks_read_as_the_bytes_written(
            operations in prop::collection::vec(any_operation(), 1..20),
            from: prop::sample::Index, to: prop::sample::Index,
        ) {
            let (mut blocks, mut model) = (Blocks::default(), Vec::new());
            let mut copies = Vec::new();
            for operation in operations {
                match operation {
                    Operation::Grow(len) => {
                        blocks.grow(len);
                        model.resize(model.len().max(len), 0);
                    }
                    Operation::Write(at, bytes) => {
                        blocks.grow(at + bytes.len());
                        blocks.write(at, &bytes);
                        model.resize(model.len().max(at + bytes.len()), 0);
                        model[at..at + bytes.len()].copy_from_slice(&bytes);
                    }
                    Operation::Clear(index) if index < blocks.blocks() => {
                        blocks.clear_block(index);
                        let end = model.len().min((index + 1) * BLOCK_BYTES);
                        model[index * BLOCK_BYTES..end].fill(0);
                    }
                    Operation::Clear(_) => {}
                    Operation::Copy => copies.push((blocks.clone(), model.clone())),
                }
            }
            copies.push((blocks, model));
            for (blocks, model) in &copies {
                prop_assert!(blocks.to_vec() == *model, "a copy differs");
                prop_assert!(*blocks == Blocks::of(model));
                let (a, b) = (from.index(model.len() + 1), to.index(model.len() + 1));
                let range = a.min(b)..a.max(b);
                let pieces: Vec<_> = blocks.pieces(range.clone()).collect();
                prop_assert!(pieces.concat() == model[range], "a part differs");
                prop_assert_eq!(blocks.get(a), model.get(a).copied());
                let (mut own, mut expected) = ([1; 9], [0; 9]);
                blocks.read(a, &mut own);
                let there = &model[a..model.len().min(a + 9)];
                expected[..there.len()].copy_from_slice(there);
                prop_assert_eq!(own, expected);
            }
        }
    }

    #[test]
    fn what_is_only_zero_takes_no_memory() {
        let mut blocks = Blocks::default();
        blocks.grow(512 << 20);
        assert!(blocks.memory_bytes() < 64 * 1024, "{}", blocks.memory_bytes());
        blocks.write((512 << 20) - 1, b"\x01");
        assert!(blocks.memory_bytes() < 256 * 1024, "{}", blocks.memory_bytes());
        assert_eq!((blocks.get((512 << 20) - 1), blocks.get(512 << 20)), (Some(1), None));
    }

    #[test]
    fn a_write_to_a_copy_copies_only_the_blocks_that_it_touches() {
        let mut blocks = Blocks::of(&vec![b'x'; 5 * BLOCK_BYTES]);
        let copy = blocks.clone();
        blocks.write(2 * BLOCK_BYTES - 1, b"ab");
        let shared =
            |index: usize| std::ptr::eq(blocks.block(index).unwrap(), copy.block(index).unwrap());
        assert_eq!([0, 1, 2, 3, 4].map(shared), [true, false, false, true, true]);
    }
}
