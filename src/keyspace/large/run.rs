//! A run of byte strings in two vectors: their lengths, one byte each, and their bytes.
//!
//! A length of 255 says that the string is long: its length then lies in front of its bytes, as a
//! little-endian `u64`. To find a string the lengths before it are added up, many at once; only with
//! a long one among them they are walked.

use std::ops::Range;

use crate::keyspace::growth;

/// What the length of a long string says.
const LONG: u8 = u8::MAX;

/// The bytes of the length in front of a long string.
const PREFIX_BYTES: usize = size_of::<u64>();

/// Byte strings one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    lens: Vec<u8>,
    bytes: Vec<u8>,
    longs: usize,
}

/// Walks the strings of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct RunIter<'r> {
    lens: &'r [u8],
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
        self.lens.len()
    }

    /// Counts the bytes of the strings, and of the lengths in front of long ones.
    #[inline]
    pub(super) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds up the lengths of the strings.
    pub(super) fn payload_bytes(&self) -> usize {
        self.bytes.len() - self.longs * PREFIX_BYTES
    }

    /// Counts the bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.lens.capacity() + self.bytes.capacity()
    }

    /// Borrows the string at an index.
    #[inline]
    pub(super) fn get(&self, i: usize) -> &[u8] {
        let span = self.span(i);
        let skip = if self.lens[i] == LONG { PREFIX_BYTES } else { 0 };
        &self.bytes[span.start + skip..span.end]
    }

    /// Tells whether the string at an index is this one.
    #[inline]
    pub(super) fn is(&self, i: usize, string: &[u8]) -> bool {
        self.lens[i] == short(string) && self.get(i) == string
    }

    /// Appends a string.
    pub(super) fn push(&mut self, string: &[u8]) {
        self.insert(self.len(), string);
    }

    /// Inserts a string before the one at an index.
    pub(super) fn insert(&mut self, i: usize, string: &[u8]) {
        let start = self.offset(i);
        growth::insert(&mut self.lens, i, short(string));
        self.put(start, 0, string);
    }

    /// Removes the string at an index.
    pub(super) fn remove(&mut self, i: usize) {
        let span = self.span(i);
        self.longs -= usize::from(self.lens[i] == LONG);
        self.lens.remove(i);
        growth::trim(&mut self.lens);
        growth::splice(&mut self.bytes, span.start, span.len(), &[]);
    }

    /// Puts a string in the place of the one at an index.
    pub(super) fn replace(&mut self, i: usize, string: &[u8]) {
        let span = self.span(i);
        self.longs -= usize::from(self.lens[i] == LONG);
        self.lens[i] = short(string);
        self.put(span.start, span.len(), string);
    }

    /// Moves the strings from an index on into a run of their own.
    pub(super) fn split_off(&mut self, i: usize) -> Self {
        let start = self.offset(i);
        let lens = growth::split_off(&mut self.lens, i);
        let bytes = growth::split_off(&mut self.bytes, start);
        let longs = if self.longs == 0 { 0 } else { count_longs(&lens) };
        self.longs -= longs;
        Self { lens, bytes, longs }
    }

    /// Copies the strings of another run to the end.
    pub(super) fn append(&mut self, other: &Self) {
        growth::extend(&mut self.lens, &other.lens);
        growth::extend(&mut self.bytes, &other.bytes);
        self.longs += other.longs;
    }

    /// Walks the strings from an index on.
    pub(super) fn iter_from(&self, i: usize) -> RunIter<'_> {
        RunIter { lens: &self.lens[i..], bytes: &self.bytes[self.offset(i)..] }
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
        start..start + encoded_len(self.lens[i], &self.bytes[start..])
    }

    /// Where the string at an index begins.
    #[inline]
    fn offset(&self, i: usize) -> usize {
        if self.longs > 0 {
            return self.offset_past_longs(i);
        }
        if i <= self.lens.len() / 2 {
            total(&self.lens[..i])
        } else {
            self.bytes.len() - total(&self.lens[i..])
        }
    }

    fn offset_past_longs(&self, i: usize) -> usize {
        let lens = self.lens[..i].iter();
        lens.fold(0, |start, len| start + encoded_len(*len, &self.bytes[start..]))
    }

    /// Writes a string, with the length in front of it if it is long, over `removed` bytes.
    fn put(&mut self, start: usize, removed: usize, string: &[u8]) {
        if short(string) == LONG {
            self.longs += 1;
            let prefix = (string.len() as u64).to_le_bytes();
            growth::splice(&mut self.bytes, start, removed, &prefix);
            growth::splice(&mut self.bytes, start + PREFIX_BYTES, 0, string);
        } else {
            growth::splice(&mut self.bytes, start, removed, string);
        }
    }
}

impl<'r> Iterator for RunIter<'r> {
    type Item = &'r [u8];

    #[inline]
    fn next(&mut self) -> Option<&'r [u8]> {
        let (len, lens) = self.lens.split_first()?;
        let (string, bytes) = self.bytes.split_at(encoded_len(*len, self.bytes));
        (self.lens, self.bytes) = (lens, bytes);
        Some(if *len == LONG { &string[PREFIX_BYTES..] } else { string })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.lens.len(), Some(self.lens.len()))
    }
}

impl ExactSizeIterator for RunIter<'_> {}

/// What is kept as the length of a string.
#[inline]
fn short(string: &[u8]) -> u8 {
    u8::try_from(string.len()).unwrap_or(LONG)
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

#[inline]
fn total(lens: &[u8]) -> usize {
    lens.iter().map(|len| u32::from(*len)).sum::<u32>() as usize
}

fn count_longs(lens: &[u8]) -> usize {
    memchr::memchr_iter(LONG, lens).count()
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

    fn some_step() -> impl Strategy<Value = Step> {
        let index = any::<prop::sample::Index>;
        prop_oneof![
            4 => (index(), some_string()).prop_map(|(i, s)| Step::Insert(i, s)),
            2 => (index(), some_string()).prop_map(|(i, s)| Step::Replace(i, s)),
            2 => index().prop_map(Step::Remove),
            1 => index().prop_map(Step::Swap),
        ]
    }

    proptest! {
        #[test]
        fn a_run_is_a_vector_of_strings(steps in prop::collection::vec(some_step(), 1..80)) {
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
