//! The table of a partition: where each key's record starts, by hash.
//!
//! A line is one cache line and holds the tags and the addresses of twenty records together, so that
//! a key is found with one miss for its line and one for its record. A record whose own line is full
//! goes into the next line that is not; each full line it passes counts it, so that a search knows
//! when to go on and a removal leaves nothing behind.

use std::hint::black_box;

use super::arena::Address;

/// How many records a line holds.
const SLOTS: usize = 20;

/// The words of a line that hold tags, eight each.
const TAG_WORDS: usize = SLOTS.div_ceil(8);

/// How many records a line holds on average when the table grows; one line alone is filled.
pub(super) const LOAD: usize = 16;

/// No tag is this: the slot is empty.
const EMPTY: u8 = 0;

/// The highest bit of each byte.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A byte in all eight places of a word, as a factor.
const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// Where the records are.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    lines: Vec<Line>,
    len: usize,
}

/// Twenty slots.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Line {
    tags: [u8; SLOTS],
    /// How many records passed this line as it was full.
    passed: u32,
    addresses: [Address; SLOTS],
}

const _: () = assert!(size_of::<Line>() == 64, "a line of the table is a cache line");

/// The slots of a line that are still to be looked at.
#[derive(Clone, Debug)]
struct Slots([u64; TAG_WORDS]);

/// A slot of the table.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: usize,
    slot: usize,
}

/// Walks the addresses, in no order.
#[derive(Clone, Debug)]
pub(super) struct Addresses<'i> {
    lines: std::slice::Iter<'i, Line>,
    current: Option<(&'i Line, Slots)>,
}

impl Index {
    /// Makes an empty table with room for so many records.
    pub(super) fn with_room(records: usize) -> Self {
        Self { lines: vec![Line::EMPTY; lines_for(records)], len: 0 }
    }

    /// Counts the records.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Tells whether there is no record.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Counts the bytes the table takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line>()
    }

    /// Finds the record of this hash for which `same` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, same: impl FnMut(Address) -> bool) -> Option<Address> {
        self.place_of(hash, same).map(|place| self.lines[place.line].addresses[place.slot])
    }

    /// Reads the line in which a record of this hash is looked for first.
    #[inline]
    pub(super) fn fetch(&self, hash: u64) {
        if let Some(line) = self.lines.get(self.home(hash)) {
            black_box(line.passed);
        }
    }

    /// Adds a record that is not there; `rehash` tells the hashes of those that are.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, at: Address, rehash: impl Fn(Address) -> u64) {
        if self.len == capacity(self.lines.len()) {
            self.resize(lines_for(self.len + 1), rehash);
        }
        self.put(hash, at);
    }

    /// Notes that a record has moved.
    ///
    /// # Panics
    /// When it is not there.
    pub(super) fn replace(&mut self, hash: u64, from: Address, to: Address) {
        let place = self.place_of(hash, |at| at == from).expect("a record is in its table");
        self.lines[place.line].addresses[place.slot] = to;
    }

    /// Removes a record.
    ///
    /// # Panics
    /// When it is not there.
    pub(super) fn remove(&mut self, hash: u64, at: Address) {
        let place = self.place_of(hash, |held| held == at).expect("a record is in its table");
        self.lines[place.line].tags[place.slot] = EMPTY;
        self.len -= 1;
        let mut number = self.home(hash);
        while number != place.line {
            self.lines[number].passed -= 1;
            number = self.after(number);
        }
    }

    /// Walks the addresses, in no order.
    pub(super) fn iter(&self) -> Addresses<'_> {
        Addresses { lines: self.lines.iter(), current: None }
    }

    /// Walks the addresses from a line on that the low half of a number names, and comes round.
    pub(super) fn iter_from(&self, number: u64) -> impl Iterator<Item = Address> + Clone {
        let (before, from) = self.lines.split_at(self.home(number));
        let [from, before] =
            [from, before].map(|lines| Addresses { lines: lines.iter(), current: None });
        from.chain(before)
    }

    /// Gives every record a new address.
    pub(super) fn move_all(&mut self, mut moved: impl FnMut(Address) -> Address) {
        for line in &mut self.lines {
            for slot in line.taken() {
                line.addresses[slot] = moved(line.addresses[slot]);
            }
        }
    }

    /// Gives back memory if only a small part of the table is used.
    pub(super) fn shrink_if_sparse(&mut self, rehash: impl Fn(Address) -> u64) {
        if self.len * 4 < capacity(self.lines.len()) {
            self.resize(lines_for(self.len), rehash);
        }
    }

    /// Gives back what the records do not need.
    pub(super) fn fit(&mut self, rehash: impl Fn(Address) -> u64) {
        let lines = lines_for(self.len);
        if lines < self.lines.len() {
            self.resize(lines, rehash);
        }
    }

    #[inline]
    fn place_of(&self, hash: u64, mut same: impl FnMut(Address) -> bool) -> Option<Place> {
        if self.lines.is_empty() {
            return None;
        }
        let mut number = self.home(hash);
        for _ in 0..self.lines.len() {
            let line = &self.lines[number];
            // Word by word: most records are found in the first one, whose slots fill first.
            for word in 0..TAG_WORDS {
                let mut found = line.tagged_in(word, tag(hash));
                while found != 0 {
                    let slot = word * 8 + found.trailing_zeros() as usize / 8;
                    if same(line.addresses[slot]) {
                        return Some(Place { line: number, slot });
                    }
                    found &= found - 1;
                }
            }
            if line.passed == 0 {
                return None;
            }
            number = self.after(number);
        }
        None
    }

    /// Puts a record into the first line that has room, from its own on; one has.
    fn put(&mut self, hash: u64, at: Address) {
        let mut number = self.home(hash);
        loop {
            let line = &mut self.lines[number];
            if let Some(slot) = line.tagged(EMPTY).next() {
                line.tags[slot] = tag(hash);
                line.addresses[slot] = at;
                self.len += 1;
                return;
            }
            line.passed += 1;
            number = self.after(number);
        }
    }

    #[cold]
    fn resize(&mut self, lines: usize, rehash: impl Fn(Address) -> u64) {
        let mut resized = Self { lines: vec![Line::EMPTY; lines], len: 0 };
        for at in self.iter() {
            resized.put(rehash(at), at);
        }
        *self = resized;
    }

    /// Names the line in which a record is looked for first: the low half of its hash as a fraction.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((hash & u64::from(u32::MAX)) as usize * self.lines.len()) >> 32
    }

    #[inline]
    fn after(&self, number: usize) -> usize {
        if number + 1 == self.lines.len() { 0 } else { number + 1 }
    }
}

impl Line {
    const EMPTY: Self =
        Self { tags: [EMPTY; SLOTS], passed: 0, addresses: [Address::FIRST; SLOTS] };

    /// Names the slots that have this tag.
    #[inline]
    fn tagged(&self, tag: u8) -> Slots {
        Slots(std::array::from_fn(|word| self.tagged_in(word, tag)))
    }

    /// Names the slots of one word of tags that have this tag, by the highest bit of their bytes.
    #[inline]
    fn tagged_in(&self, word: usize, tag: u8) -> u64 {
        let tags = &self.tags[word * 8..];
        let word = match tags.first_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => tags
                .iter()
                .rev()
                .fold(u64::from(!tag) * EACH_BYTE, |word, &tag| word << 8 | u64::from(tag)),
        };
        zero_bytes(word ^ (u64::from(tag) * EACH_BYTE))
    }

    /// Names the slots that hold a record.
    fn taken(&self) -> Slots {
        let Slots(mut slots) = self.tagged(EMPTY);
        for (number, slots) in slots.iter_mut().enumerate() {
            let held = SLOTS - number * 8;
            let places = if held < 8 { HIGH_BITS >> ((8 - held) * 8) } else { HIGH_BITS };
            *slots = !*slots & places;
        }
        Slots(slots)
    }
}

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        for (number, word) in self.0.iter_mut().enumerate() {
            if *word != 0 {
                let slot = number * 8 + word.trailing_zeros() as usize / 8;
                *word &= *word - 1;
                return Some(slot);
            }
        }
        None
    }
}

impl Iterator for Addresses<'_> {
    type Item = Address;

    fn next(&mut self) -> Option<Address> {
        loop {
            if let Some((line, slots)) = &mut self.current
                && let Some(slot) = slots.next()
            {
                return Some(line.addresses[slot]);
            }
            let line = self.lines.next()?;
            self.current = Some((line, line.taken()));
        }
    }
}

/// Counts the records a table of so many lines takes before it grows.
fn capacity(lines: usize) -> usize {
    if lines == 1 { SLOTS } else { lines * LOAD }
}

/// Tells how many lines a table for so many records has: sizes that the allocator has unrounded.
fn lines_for(records: usize) -> usize {
    const SMALL: [usize; 3] = [0, 1, 2];
    if let Some(&lines) = SMALL.iter().find(|lines| capacity(**lines) >= records) {
        return lines;
    }
    let mut lines = 4;
    while capacity(lines) < records {
        // 4, 7, 14, 28, 56 and so on.
        lines = if lines == 4 { 7 } else { lines * 2 };
    }
    lines
}

/// Takes eight bits of a hash, never all zero; others than those that choose the line.
#[inline]
fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

/// Sets the highest bit of each byte that is zero, and no other.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    !(((word & !HIGH_BITS) + !HIGH_BITS) | word | !HIGH_BITS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn address(number: u16) -> Address {
        Address::new(usize::from(number >> 9), usize::from(number & 0x1ff) * 8)
    }

    #[test]
    fn zero_bytes_are_found_exactly() {
        assert_eq!(zero_bytes(0x0100_80ff_0001_7f00), 0x0080_0000_8000_0080);
        assert_eq!(zero_bytes(0), HIGH_BITS);
        assert_eq!(zero_bytes(u64::MAX), 0);
    }

    #[test]
    fn the_table_of_a_full_partition_and_of_its_halves_is_full() {
        assert_eq!([0, 1, 20, 21, 33, 448, 449, 896].map(lines_for), [0, 1, 1, 2, 4, 28, 56, 56]);
    }

    #[test]
    fn records_of_one_line_are_found_in_the_lines_after_it() {
        let mut index = Index::with_room(64);
        let lines = index.lines.len();
        for number in 0..64 {
            index.insert(u64::from(u32::MAX), address(number), |_| unreachable!("there is room"));
        }
        assert_eq!(index.lines.len(), lines);
        for number in 0..64 {
            assert!(index.find(u64::from(u32::MAX), |at| at == address(number)).is_some());
            index.remove(u64::from(u32::MAX), address(number));
        }
        assert!(index.lines.iter().all(|line| line.passed == 0 && line.taken().next().is_none()));
    }

    #[test]
    fn a_table_that_had_more_room_than_it_needs_is_as_small_as_one_that_grew() {
        let mut grown = Index::default();
        let mut fitted = Index::with_room(448);
        let hash = |at: Address| (0..64).find(|number| address(*number) == at).map(spread).unwrap();
        for number in 0..40 {
            grown.insert(spread(number), address(number), hash);
            fitted.insert(spread(number), address(number), hash);
        }
        fitted.fit(hash);
        assert_eq!(fitted.memory_bytes(), grown.memory_bytes());
        for number in 0..40 {
            assert!(fitted.find(spread(number), |at| at == address(number)).is_some());
        }
    }

    fn spread(number: u16) -> u64 {
        u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_map_holds(
            // Few different hashes, so that lines overflow.
            steps in proptest::collection::vec((0..6_u8, 0..600_u16, any::<bool>()), 0..2000),
            spread in 1..1000_u64,
        ) {
            let hash_of = |name: u16| (u64::from(name) % spread).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut names = HashMap::new();
            let mut model = HashMap::new();
            let mut index = Index::default();
            let mut fresh = 0;
            for (step, name, shrinks) in steps {
                let hash = hash_of(name);
                prop_assert_eq!(
                    index.find(hash, |at| names[&at] == name),
                    model.get(&name).copied()
                );
                match model.get(&name).copied() {
                    None => {
                        let at = address(fresh);
                        fresh += 1;
                        names.insert(at, name);
                        index.insert(hash, at, |at| hash_of(names[&at]));
                        model.insert(name, at);
                    }
                    Some(at) if step == 0 => {
                        let to = address(fresh);
                        fresh += 1;
                        names.insert(to, name);
                        index.replace(hash, at, to);
                        model.insert(name, to);
                    }
                    Some(at) if step < 4 => {
                        index.remove(hash, at);
                        model.remove(&name);
                    }
                    Some(_) => {}
                }
                if shrinks && step == 5 {
                    index.shrink_if_sparse(|at| hash_of(names[&at]));
                }
                prop_assert_eq!(index.len(), model.len());
            }
            let mut held: Vec<_> = index.iter().map(|at| names[&at]).collect();
            let mut expected: Vec<_> = model.keys().copied().collect();
            held.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(held, expected);
        }
    }
}
