//! The bytes of a partition's records, in chunks of one size.
//!
//! Chunks of one size leave the allocator no odd holes. Each holds many records, as what is left at its
//! end is too small for one; the last one grows by steps, so that little lies unused. Room is given out
//! at the end only. What a record leaves behind is counted as dead until the partition is compacted,
//! which copies the living records into a new arena.

use super::growth;

/// Records begin at multiples of this, so that one can change its size a little in place.
const ALIGNMENT: usize = 8;

/// The bits of an address that count [`ALIGNMENT`]s within a chunk; the rest count chunks.
const UNIT_BITS: u32 = 11;

/// The size of a full chunk, one the allocator has without rounding. No record is larger.
const CHUNK_BYTES: usize = 14_336;

const _: () = assert!(CHUNK_BYTES <= ALIGNMENT << UNIT_BITS, "an address reaches all of a chunk");

/// The first chunk starts with this, since many tables stay tiny.
const FIRST_BYTES: usize = 64;

/// A chunk after the first starts with this.
const LATER_BYTES: usize = CHUNK_BYTES / 4;

/// An arena smaller than this is not worth compacting.
const COMPACTION_BYTES_MIN: usize = 512;

/// Where a record starts: chunk and place in it. An arena has room for some 450 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address(u16);

/// The records' bytes, and how many of them are dead.
#[derive(Clone, Debug, Default)]
pub(super) struct Arena {
    chunks: Vec<Vec<u8>>,
    used: u32,
    dead: u32,
    /// The bytes that are sure to come into use, for which no chunk has to grow.
    expected: u32,
}

/// Rounds the size of a record up to what it takes in the arena.
#[inline]
pub(super) fn padded(size: usize) -> usize {
    size.next_multiple_of(ALIGNMENT)
}

impl Address {
    /// Where the first record starts.
    pub(super) const FIRST: Self = Self(0);

    pub(super) fn new(chunk: usize, start: usize) -> Self {
        let units = (chunk << UNIT_BITS) | (start / ALIGNMENT);
        Self(u16::try_from(units).expect("a partition splits or compacts before its arena is full"))
    }

    #[inline]
    fn chunk(self) -> usize {
        usize::from(self.0 >> UNIT_BITS)
    }

    #[inline]
    fn start(self) -> usize {
        usize::from(self.0 & ((1 << UNIT_BITS) - 1)) * ALIGNMENT
    }
}

impl Arena {
    /// An arena into which so many bytes of records will be copied.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self { expected: bytes as u32, ..Self::default() }
    }

    /// Borrows the bytes from a record's start on.
    #[inline]
    pub(super) fn at(&self, at: Address) -> &[u8] {
        &self.chunks[at.chunk()][at.start()..]
    }

    /// Borrows the bytes from a record's start on, for writing.
    #[inline]
    pub(super) fn at_mut(&mut self, at: Address) -> &mut [u8] {
        &mut self.chunks[at.chunk()][at.start()..]
    }

    /// Gives out room for a record of a padded size.
    ///
    /// # Panics
    /// When the record is larger than a chunk or the arena is full: the partition was to prevent it.
    pub(super) fn allocate(&mut self, size: usize) -> Address {
        assert!(size <= CHUNK_BYTES, "a record of {size} bytes");
        if self.chunks.last().is_none_or(|chunk| chunk.len() + size > CHUNK_BYTES) {
            let least = if self.chunks.is_empty() { FIRST_BYTES } else { LATER_BYTES };
            let expected = self.expected.saturating_sub(self.used) as usize;
            let mut chunk = Vec::new();
            growth::reserve(&mut chunk, expected.clamp(least, CHUNK_BYTES));
            self.chunks.push(chunk);
        }
        let at = Address::new(self.chunks.len() - 1, self.chunks.last().map_or(0, Vec::len));
        self.extend(size);
        at
    }

    /// Copies the bytes of a record from another arena to the end.
    pub(super) fn adopt(&mut self, record: &[u8]) -> Address {
        let at = self.allocate(padded(record.len()));
        self.at_mut(at)[..record.len()].copy_from_slice(record);
        at
    }

    /// Copies `len` bytes that lie `skip` after one record's start to `to_skip` after another's.
    pub(super) fn copy(
        &mut self,
        (from, skip): (Address, usize),
        len: usize,
        (to, to_skip): (Address, usize),
    ) {
        let (start, to_start) = (from.start() + skip, to.start() + to_skip);
        if from.chunk() == to.chunk() {
            self.chunks[to.chunk()].copy_within(start..start + len, to_start);
        } else {
            let both = self.chunks.get_disjoint_mut([from.chunk(), to.chunk()]);
            let [source, target] = both.expect("two chunks of this arena");
            target[to_start..to_start + len].copy_from_slice(&source[start..start + len]);
        }
    }

    /// Makes a record of a padded size larger where it is, if it is the last one and there is room.
    pub(super) fn grow_last(&mut self, at: Address, size: usize, new_size: usize) -> bool {
        let end = at.start() + size;
        let last = at.chunk() + 1 == self.chunks.len() && end == self.chunks[at.chunk()].len();
        let grows = last && at.start() + new_size <= CHUNK_BYTES;
        if grows {
            self.extend(new_size - size);
        }
        grows
    }

    /// Makes a record of a padded size smaller where it is.
    ///
    /// What the last one gives up is there for it to grow into again.
    pub(super) fn shrink(&mut self, at: Address, size: usize, new_size: usize) {
        let end = at.start() + size;
        let last = at.chunk() + 1 == self.chunks.len() && end == self.chunks[at.chunk()].len();
        if last {
            self.chunks[at.chunk()].truncate(at.start() + new_size);
            self.used -= (size - new_size) as u32;
        } else {
            self.free(size - new_size);
        }
    }

    /// Gives up bytes of a record.
    #[inline]
    pub(super) fn free(&mut self, bytes: usize) {
        self.dead += bytes as u32;
    }

    /// Counts the bytes in use.
    pub(super) fn live_bytes(&self) -> usize {
        (self.used - self.dead) as usize
    }

    /// Tells whether enough is dead for a compaction to pay: a quarter.
    #[inline]
    pub(super) fn wants_compaction(&self) -> bool {
        self.dead * 4 > self.used && self.used as usize > COMPACTION_BYTES_MIN
    }

    /// Tells whether a compaction gives back a little: a sixteenth is dead.
    pub(super) fn is_loose(&self) -> bool {
        self.dead * 16 > self.used && self.used as usize > COMPACTION_BYTES_MIN
    }

    /// Counts the bytes of its chunks, used or not.
    pub(super) fn room_bytes(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum()
    }

    fn extend(&mut self, size: usize) {
        let chunk = self.chunks.last_mut().expect("there is room in a chunk");
        growth::reserve(chunk, size);
        chunk.resize(chunk.len() + size, 0);
        self.used += size as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_record_grows_where_it_is_and_only_within_its_chunk() {
        let mut arena = Arena::default();
        let (first, second) = (arena.allocate(16), arena.allocate(24));
        assert!(!arena.grow_last(first, 16, 24));
        assert!(arena.grow_last(second, 24, 40));
        assert_eq!(arena.live_bytes(), 56);
        assert!(!arena.grow_last(second, 40, CHUNK_BYTES));
    }

    #[test]
    fn what_the_last_record_gives_up_it_can_have_again() {
        let mut arena = Arena::default();
        let (first, second) = (arena.allocate(16), arena.allocate(40));
        arena.shrink(second, 40, 16);
        assert_eq!((arena.live_bytes(), arena.used), (32, 32));
        assert!(arena.grow_last(second, 16, 48));
        arena.shrink(first, 16, 8);
        assert_eq!((arena.live_bytes(), arena.used), (56, 64));
    }

    fn room(arena: &Arena) -> usize {
        arena.chunks.iter().map(Vec::capacity).sum()
    }

    #[test]
    fn a_twentieth_of_an_arena_lies_unused_at_most() {
        for size in [40, 248, 360, 368, 696] {
            let mut arena = Arena::default();
            let (mut room_sum, mut used_sum) = (0, 0);
            while arena.live_bytes() < 128 * 1024 {
                arena.allocate(size);
                if arena.live_bytes() > 64 * 1024 {
                    room_sum += room(&arena);
                    used_sum += arena.live_bytes();
                }
            }
            assert!(room_sum * 20 <= used_sum * 21, "{room_sum} for {used_sum} of {size} each");
        }
    }

    #[test]
    fn chunks_have_room_for_what_is_expected_from_the_start() {
        let mut arena = Arena::with_room(2 * CHUNK_BYTES + 500);
        let mut opened = vec![];
        for _ in 0..=2 * CHUNK_BYTES / 8 {
            arena.adopt(b"record");
            opened.resize(arena.chunks.len(), arena.chunks[arena.chunks.len() - 1].capacity());
        }
        assert_eq!(opened, [CHUNK_BYTES, CHUNK_BYTES, LATER_BYTES]);
        assert_eq!(room(&arena), 2 * CHUNK_BYTES + LATER_BYTES);
    }

    #[test]
    fn records_are_copied_within_and_between_chunks() {
        let mut arena = Arena::default();
        let first = arena.adopt(b"the first");
        let second = arena.allocate(16);
        arena.copy((first, 4), 5, (second, 2));
        assert_eq!(&arena.at(second)[..8], b"\0\0first\0");
        let far = arena.allocate(CHUNK_BYTES);
        arena.copy((first, 0), 9, (far, CHUNK_BYTES - 9));
        assert!(arena.at(far).ends_with(b"the first"));
        assert_eq!(arena.at(far).len(), CHUNK_BYTES);
    }
}
