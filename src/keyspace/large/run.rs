//! A run of byte strings: their lengths, and their bytes in one vector.
//!
//! A length of 255 says that the string is long: its length then lies in front of its bytes, as a
//! little-endian `u64`. To find a string where lengths differ those before it are added up, many at
//! once; only with a long one among them they are walked.
//!
//! A queue takes from the front or puts there, so unused bytes may lie in front of the first string:
//! those of strings that were taken, or all that was to spare.

use std::ops::Range;

use super::lengths::{LONG, Lengths, LengthsIter};
use crate::keyspace::growth;

/// The bytes of the length in front of a long string.
const PREFIX_BYTES: usize = size_of::<u64>();

/// Byte strings one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    lens: Lengths,
    bytes: Vec<u8>,
    /// How many bytes in front of the first string are unused.
    gap: usize,
}

/// Walks the strings of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct RunIter<'r> {
    lens: LengthsIter<'r>,
    bytes: &'r [u8],
}

impl Run {
    /// A run of one string.
    pub(super) fn of(string: &[u8]) -> Self {
        let mut run = Self::default();
        run.push(string);
        run
    }

    /// Counts the strings.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.lens.count()
    }

    /// Counts the bytes of the strings, and of the lengths in front of long ones.
    #[inline]
    pub(super) fn bytes_len(&self) -> usize {
        self.bytes.len() - self.gap
    }

    /// Adds up the lengths of the strings.
    pub(super) fn payload_bytes(&self) -> usize {
        self.bytes_len() - self.lens.longs() * PREFIX_BYTES
    }

    /// Counts the bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.lens.memory_bytes() + self.bytes.capacity()
    }

    /// Borrows the string at an index.
    #[inline]
    pub(super) fn get(&self, i: usize) -> &[u8] {
        let span = self.span(i);
        let skip = if self.lens.at(i) == LONG { PREFIX_BYTES } else { 0 };
        &self.held()[span.start + skip..span.end]
    }

    /// Tells whether the string at an index is this one.
    #[inline]
    pub(super) fn is(&self, i: usize, string: &[u8]) -> bool {
        self.lens.at(i) == short(string) && self.get(i) == string
    }

    /// Appends a string.
    pub(super) fn push(&mut self, string: &[u8]) {
        self.insert(self.len(), string);
    }

    /// Inserts a string before the one at an index.
    pub(super) fn insert(&mut self, i: usize, string: &[u8]) {
        let start = self.offset(i);
        self.lens.insert(i, short(string));
        if start == 0 && self.bytes_len() > 0 {
            self.put_first(string);
        } else {
            self.put(start, 0, string);
        }
    }

    /// Removes the string at an index.
    pub(super) fn remove(&mut self, i: usize) {
        let span = self.span(i);
        self.lens.remove(i);
        if span.start > 0 {
            growth::splice(&mut self.bytes, self.gap + span.start, span.len(), &[]);
            return;
        }
        self.gap += span.len();
        if self.gap > self.bytes.len() / 2 {
            self.close_gap();
            growth::trim(&mut self.bytes);
        }
    }

    /// Puts a string in the place of the one at an index.
    pub(super) fn replace(&mut self, i: usize, string: &[u8]) {
        let span = self.span(i);
        self.lens.replace(i, short(string));
        self.put(span.start, span.len(), string);
    }

    /// Moves the strings from an index on into a run of their own.
    pub(super) fn split_off(&mut self, i: usize) -> Self {
        self.close_gap();
        let start = self.offset(i);
        let bytes = growth::split_off(&mut self.bytes, start);
        Self { lens: self.lens.split_off(i), bytes, gap: 0 }
    }

    /// Copies the strings of another run to the end.
    pub(super) fn append(&mut self, other: &Self) {
        self.lens.append(&other.lens);
        self.make_room(other.bytes_len());
        growth::extend(&mut self.bytes, other.held());
    }

    /// Walks the strings from an index on.
    pub(super) fn iter_from(&self, i: usize) -> RunIter<'_> {
        RunIter { lens: self.lens.iter_from(i), bytes: &self.held()[self.offset(i)..] }
    }

    /// Walks all strings.
    pub(super) fn iter(&self) -> RunIter<'_> {
        self.iter_from(0)
    }

    /// The index before which the run is cut into halves by bytes; neither half is empty.
    pub(super) fn middle(&self) -> usize {
        let half = self.payload_bytes().midpoint(self.len());
        let mut end = 0;
        let reaches = |string: &[u8]| {
            end += string.len() + 1;
            end >= half
        };
        // The string in the middle goes to the left, unless it is the last one or the first is it.
        let at = self.iter().position(reaches).map_or(0, |i| i + 1);
        at.clamp(1, self.len() - 1)
    }

    /// Where the string at an index lies, with the length in front of it if it is long.
    #[inline]
    fn span(&self, i: usize) -> Range<usize> {
        let start = self.offset(i);
        start..start + encoded_len(self.lens.at(i), &self.held()[start..])
    }

    /// Where the string at an index begins.
    #[inline]
    fn offset(&self, i: usize) -> usize {
        match self.lens.longs() {
            0 => self.lens.before(i, self.bytes_len()),
            _ => self.offset_past_longs(i),
        }
    }

    fn offset_past_longs(&self, i: usize) -> usize {
        let lens = self.lens.iter_from(0).take(i);
        lens.fold(0, |start, len| start + encoded_len(len, &self.held()[start..]))
    }

    /// The strings' bytes.
    #[inline]
    fn held(&self) -> &[u8] {
        &self.bytes[self.gap..]
    }

    /// Writes a string, with the length in front of it if it is long, over `removed` bytes.
    fn put(&mut self, start: usize, removed: usize, string: &[u8]) {
        let prefix = prefix(string);
        let prefix = prefix.as_slice().as_flattened();
        self.make_room((prefix.len() + string.len()).saturating_sub(removed));
        let start = self.gap + start;
        if prefix.is_empty() {
            growth::splice(&mut self.bytes, start, removed, string);
        } else {
            growth::splice(&mut self.bytes, start, removed, prefix);
            growth::splice(&mut self.bytes, start + prefix.len(), 0, string);
        }
    }

    /// Writes a string, with the length in front of it if it is long, before all others.
    fn put_first(&mut self, string: &[u8]) {
        let prefix = prefix(string);
        let prefix = prefix.as_slice().as_flattened();
        let size = prefix.len() + string.len();
        if self.gap < size {
            self.open_gap(size);
        }
        self.gap -= size;
        let room = &mut self.bytes[self.gap..self.gap + size];
        room[..prefix.len()].copy_from_slice(prefix);
        room[prefix.len()..].copy_from_slice(string);
    }

    /// Moves the strings to the end of all room there is, so that so many bytes are free before them.
    fn open_gap(&mut self, size: usize) {
        let (old, len) = (self.gap, self.bytes_len());
        growth::reserve(&mut self.bytes, size - old);
        self.bytes.resize(self.bytes.capacity(), 0);
        self.gap = self.bytes.len() - len;
        self.bytes.copy_within(old..old + len, self.gap);
    }

    /// Makes room for more bytes behind the strings, if there is some in front of them.
    fn make_room(&mut self, additional: usize) {
        if self.bytes.capacity() - self.bytes.len() < additional {
            self.close_gap();
        }
    }

    fn close_gap(&mut self) {
        if self.gap > 0 {
            let len = self.bytes_len();
            self.bytes.copy_within(self.gap.., 0);
            self.bytes.truncate(len);
            self.gap = 0;
        }
    }
}

impl<'r> Iterator for RunIter<'r> {
    type Item = &'r [u8];

    #[inline]
    fn next(&mut self) -> Option<&'r [u8]> {
        let len = self.lens.next()?;
        let (string, bytes) = self.bytes.split_at(encoded_len(len, self.bytes));
        self.bytes = bytes;
        Some(if len == LONG { &string[PREFIX_BYTES..] } else { string })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.lens.size_hint()
    }
}

impl ExactSizeIterator for RunIter<'_> {}

/// What is kept as the length of a string.
#[inline]
fn short(string: &[u8]) -> u8 {
    u8::try_from(string.len()).unwrap_or(LONG)
}

/// What lies in front of a string: its length if it is long.
#[inline]
fn prefix(string: &[u8]) -> Option<[u8; PREFIX_BYTES]> {
    (short(string) == LONG).then(|| (string.len() as u64).to_le_bytes())
}

/// Counts the bytes of the string that `bytes` begin with.
#[inline]
fn encoded_len(len: u8, bytes: &[u8]) -> usize {
    if len < LONG { usize::from(len) } else { PREFIX_BYTES + long_len(bytes) }
}

fn long_len(bytes: &[u8]) -> usize {
    let prefix = bytes.first_chunk().expect("a long string has its length in front of it");
    u64::from_le_bytes(*prefix) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(prop::sample::Index, Vec<u8>),
        Replace(prop::sample::Index, Vec<u8>),
        Remove(prop::sample::Index),
        Swap(prop::sample::Index),
    }

    fn some_string() -> impl Strategy<Value = Vec<u8>> {
        let long = (250_usize..600).prop_map(|len| vec![b'l'; len]);
        prop_oneof![4 => prop::collection::vec(any::<u8>(), 0..20), 1 => long]
    }

    /// Mostly of one length.
    fn some_equal_string() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![60 => prop::collection::vec(any::<u8>(), 5), 1 => some_string()]
    }

    fn some_steps(
        string: impl Strategy<Value = Vec<u8>> + Clone,
    ) -> impl Strategy<Value = Vec<Step>> {
        let index = any::<prop::sample::Index>;
        let step = prop_oneof![
            4 => (index(), string.clone()).prop_map(|(i, s)| Step::Insert(i, s)),
            2 => (index(), string).prop_map(|(i, s)| Step::Replace(i, s)),
            2 => index().prop_map(Step::Remove),
            1 => index().prop_map(Step::Swap),
        ];
        prop::collection::vec(step, 1..80)
    }

    proptest! {
        #[test]
        fn a_run_is_a_vector_of_strings(
            steps in prop_oneof![
                some_steps(some_string().boxed()),
                some_steps(some_equal_string().boxed()),
            ],
        ) {
            let (mut run, mut model) = (Run::default(), Vec::<Vec<u8>>::new());
            for step in steps {
                match step {
                    Step::Insert(i, string) => {
                        let i = i.index(model.len() + 1);
                        run.insert(i, &string);
                        model.insert(i, string);
                    }
                    Step::Replace(i, string) if !model.is_empty() => {
                        let i = i.index(model.len());
                        run.replace(i, &string);
                        model[i] = string;
                    }
                    Step::Remove(i) if !model.is_empty() => {
                        let i = i.index(model.len());
                        run.remove(i);
                        model.remove(i);
                    }
                    Step::Swap(i) => {
                        let i = i.index(model.len() + 1);
                        let (mut tail, mut tail_model) = (run.split_off(i), model.split_off(i));
                        tail.append(&run);
                        tail_model.append(&mut model);
                        (run, model) = (tail, tail_model);
                    }
                    Step::Replace(..) | Step::Remove(_) => {}
                }
                prop_assert_eq!(run.iter().collect::<Vec<_>>(), model.clone());
                prop_assert_eq!(run.len(), model.len());
                prop_assert_eq!(run.payload_bytes(), model.iter().map(Vec::len).sum::<usize>());
                for (i, string) in model.iter().enumerate() {
                    prop_assert_eq!(run.get(i), &string[..]);
                    prop_assert!(run.is(i, string));
                    prop_assert!(!run.is(i, &[string, &b"x"[..]].concat()));
                }
                if model.len() > 1 {
                    prop_assert!((1..model.len()).contains(&run.middle()));
                }
            }
        }
    }

    #[test]
    fn a_queue_keeps_its_strings_where_they_are_and_gives_back_what_it_leaves() {
        let mut run = Run::default();
        for number in 0..100_u64 {
            run.push(&number.to_be_bytes());
        }
        let (first, room) = (run.get(99).as_ptr(), run.memory_bytes());
        (0..50).for_each(|_| run.remove(0));
        assert_eq!((run.get(49).as_ptr(), run.memory_bytes()), (first, room));
        // What was left in front is taken before there is more.
        run.insert(0, &7_u64.to_be_bytes());
        assert_eq!((run.get(50).as_ptr(), run.memory_bytes()), (first, room));
        assert_eq!((run.get(0), run.bytes_len()), (&7_u64.to_be_bytes()[..], 51 * 8));
        (0..40).for_each(|_| run.remove(0));
        assert!(run.memory_bytes() <= room / 2, "{} of {room}", run.memory_bytes());
        assert!(run.iter().eq((89..100_u64).map(u64::to_be_bytes)));
    }

    #[test]
    fn strings_come_to_both_ends_without_more_room_than_they_need() {
        let mut run = Run::default();
        for number in 0..200_u64 {
            run.insert(0, &number.to_be_bytes());
            run.push(&number.to_be_bytes());
        }
        assert_eq!(run.memory_bytes(), 3584);
        let numbers = (0..200).rev().chain(0..200).map(u64::to_be_bytes);
        assert!(run.iter().eq(numbers));
    }

    #[test]
    fn a_long_string_in_the_middle_is_cut_off_by_two_cuts() {
        let mut run = Run::default();
        for string in [&b"a"[..], b"b", &[b'x'; 5000], b"c", b"d"] {
            run.push(string);
        }
        let rest = run.split_off(run.middle());
        assert_eq!((run.len(), rest.len()), (3, 2));
        assert_eq!(run.split_off(run.middle()).get(0).len(), 5000);
    }
}
