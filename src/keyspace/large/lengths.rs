//! How long the strings of a run are: one byte for each string, or one for all if they are equal.

use crate::keyspace::growth;

/// What the length of a long string says.
pub(super) const LONG: u8 = u8::MAX;

/// The lengths of strings, one after the other.
#[derive(Clone, Debug)]
pub(super) enum Lengths {
    /// All strings have this length; none is long.
    Equal { count: usize, len: u8 },
    /// Each string has a length of its own, which is that of a long one for `longs` of them.
    Each { lens: Vec<u8>, longs: u32 },
}

/// Walks lengths.
#[derive(Clone, Debug, Default)]
pub(super) struct LengthsIter<'l> {
    left: usize,
    /// Empty where all have one length.
    lens: &'l [u8],
    len: u8,
}

impl Lengths {
    #[inline]
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Equal { count, .. } => *count,
            Self::Each { lens, .. } => lens.len(),
        }
    }

    /// Counts the long strings.
    #[inline]
    pub(super) fn longs(&self) -> usize {
        match self {
            Self::Equal { .. } => 0,
            Self::Each { longs, .. } => *longs as usize,
        }
    }

    /// Counts the bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Equal { .. } => 0,
            Self::Each { lens, .. } => lens.capacity(),
        }
    }

    /// The length of the string at an index.
    ///
    /// # Panics
    /// When there may be no such string.
    #[inline]
    pub(super) fn at(&self, i: usize) -> u8 {
        match self {
            Self::Equal { count, len } => {
                assert!(i < *count, "the length at {i} of {count}");
                *len
            }
            Self::Each { lens, .. } => lens[i],
        }
    }

    /// Adds up the lengths before an index, of strings that have `total` bytes and are not long.
    #[inline]
    pub(super) fn before(&self, i: usize, total: usize) -> usize {
        match self {
            Self::Equal { len, .. } => i * usize::from(*len),
            Self::Each { lens, .. } if i <= lens.len() / 2 => sum(&lens[..i]),
            Self::Each { lens, .. } => total - sum(&lens[i..]),
        }
    }

    pub(super) fn insert(&mut self, i: usize, new: u8) {
        match self {
            Self::Equal { count: count @ 0, len } if new != LONG => (*count, *len) = (1, new),
            Self::Equal { count, len } if *len == new => *count += 1,
            _ => {
                let (lens, longs) = self.each();
                growth::insert(lens, i, new);
                *longs += u32::from(new == LONG);
            }
        }
    }

    pub(super) fn remove(&mut self, i: usize) {
        match self {
            Self::Equal { count, .. } => *count -= 1,
            Self::Each { lens, longs } => {
                *longs -= u32::from(lens.remove(i) == LONG);
                growth::trim(lens);
            }
        }
    }

    pub(super) fn replace(&mut self, i: usize, new: u8) {
        if self.at(i) != new {
            let (lens, longs) = self.each();
            *longs = *longs + u32::from(new == LONG) - u32::from(lens[i] == LONG);
            lens[i] = new;
        }
    }

    /// Moves the lengths from an index on into ones of their own.
    pub(super) fn split_off(&mut self, i: usize) -> Self {
        match self {
            Self::Equal { count, len } => {
                let tail = Self::Equal { count: *count - i, len: *len };
                *count = i;
                tail
            }
            Self::Each { lens, .. } => {
                let tail = Self::of(growth::split_off(lens, i));
                *self = Self::of(std::mem::take(lens));
                tail
            }
        }
    }

    /// Copies other lengths to the end.
    pub(super) fn append(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Equal { count: 0, .. }) => {}
            (Self::Equal { count: 0, .. }, _) => self.clone_from(other),
            (Self::Equal { count, len }, Self::Equal { count: more, len: other })
                if *len == *other =>
            {
                *count += more;
            }
            (_, Self::Equal { count, len }) => {
                let (lens, _) = self.each();
                growth::reserve(lens, *count);
                lens.resize(lens.len() + count, *len);
            }
            (_, Self::Each { lens: more, longs: other }) => {
                let (lens, longs) = self.each();
                growth::extend(lens, more);
                *longs += other;
            }
        }
    }

    /// Walks the lengths from an index on.
    pub(super) fn iter_from(&self, i: usize) -> LengthsIter<'_> {
        match self {
            Self::Equal { count, len } => LengthsIter { left: *count - i, lens: &[], len: *len },
            Self::Each { lens, .. } => {
                LengthsIter { left: lens.len() - i, lens: &lens[i..], len: 0 }
            }
        }
    }

    /// The form of some lengths that takes the least room.
    fn of(lens: Vec<u8>) -> Self {
        match lens.first() {
            Some(&first) if first != LONG && lens.iter().all(|len| *len == first) => {
                Self::Equal { count: lens.len(), len: first }
            }
            Some(_) => Self::Each { longs: memchr::memchr_iter(LONG, &lens).count() as u32, lens },
            None => Self::default(),
        }
    }

    /// Gives each string a length of its own.
    fn each(&mut self) -> (&mut Vec<u8>, &mut u32) {
        if let Self::Equal { count, len } = *self {
            let mut lens = Vec::new();
            growth::reserve(&mut lens, count + 1);
            lens.resize(count, len);
            *self = Self::Each { lens, longs: 0 };
        }
        match self {
            Self::Each { lens, longs } => (lens, longs),
            Self::Equal { .. } => unreachable!("each has a length now"),
        }
    }
}

impl Default for Lengths {
    fn default() -> Self {
        Self::Equal { count: 0, len: 0 }
    }
}

impl Iterator for LengthsIter<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        self.left = self.left.checked_sub(1)?;
        Some(match self.lens.split_first() {
            None => self.len,
            Some((len, lens)) => {
                self.lens = lens;
                *len
            }
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for LengthsIter<'_> {}

#[inline]
fn sum(lens: &[u8]) -> usize {
    lens.iter().map(|len| u32::from(*len)).sum::<u32>() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lengths_take_no_room_until_another_one_comes_and_again_when_it_is_cut_off() {
        let mut lengths = Lengths::default();
        (0..100).for_each(|i| lengths.insert(i, 16));
        lengths.replace(50, 16);
        lengths.remove(0);
        assert_eq!((lengths.count(), lengths.memory_bytes()), (99, 0));
        lengths.insert(99, 17);
        assert!(lengths.memory_bytes() >= 100);
        let tail = lengths.split_off(98);
        assert_eq!((lengths.count(), lengths.memory_bytes()), (98, 0));
        assert_eq!(tail.iter_from(0).collect::<Vec<_>>(), [16, 17]);
        lengths.append(&Lengths::of(vec![16; 5]));
        assert_eq!((lengths.count(), lengths.memory_bytes()), (103, 0));
        lengths.append(&tail);
        assert_eq!((lengths.count(), lengths.before(104, 103 * 16 + 17 + 16)), (105, 104 * 16));
    }

    #[test]
    fn long_strings_are_counted_wherever_they_go() {
        let mut lengths = Lengths::default();
        for len in [LONG, LONG, 1] {
            lengths.insert(0, len);
        }
        let mut tail = lengths.split_off(1);
        assert_eq!((lengths.longs(), tail.longs()), (0, 2));
        tail.replace(0, 3);
        tail.append(&Lengths::of(vec![LONG]));
        assert_eq!(tail.longs(), 2);
        tail.remove(1);
        tail.remove(1);
        assert_eq!((tail.longs(), tail.iter_from(0).collect::<Vec<_>>()), (0, vec![3]));
    }
}
