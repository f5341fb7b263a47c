//! The packed form of a set of integers: ascending, each in as few bytes as the longest of them takes.
//!
//! ```text
//! u16:      65,535, which no packed set counts strings up to
//! u8:       the bytes of each integer: 2, 4 or 8
//! u8:       zero
//! repeated: an integer, little-endian
//! ```

use std::cmp::Ordering;

/// No integers, packed.
pub(super) const EMPTY: &[u8] = &[MARK[0], MARK[1], WIDTH_MIN, 0];

const MARK: [u8; 2] = [0xff; 2];
const WIDTH_AT: usize = 2;
const WIDTH_MIN: u8 = 2;
const HEAD_BYTES: usize = 4;

/// Packed integers, borrowed for reading; as an iterator, those that are left.
#[derive(Clone, Debug)]
pub(super) struct Integers<'p> {
    bytes: &'p [u8],
    width: usize,
}

/// Inserts an integer before the one at index `at`.
pub(super) fn insert(packed: &mut Vec<u8>, at: usize, number: i64) {
    let width = width_of(number);
    if width > packed[WIDTH_AT] {
        widen(packed, width);
    }
    let width = usize::from(packed[WIDTH_AT]);
    let start = HEAD_BYTES + at * width;
    packed.splice(start..start, number.to_le_bytes().into_iter().take(width));
}

/// Removes the integer at index `at`.
pub(super) fn remove(packed: &mut Vec<u8>, at: usize) {
    let width = usize::from(packed[WIDTH_AT]);
    let start = HEAD_BYTES + at * width;
    packed.drain(start..start + width);
}

fn widen(packed: &mut Vec<u8>, width: u8) {
    let mut wider = EMPTY.to_vec();
    wider[WIDTH_AT] = width;
    for number in Integers::of(packed).into_iter().flatten() {
        wider.extend(number.to_le_bytes().into_iter().take(usize::from(width)));
    }
    *packed = wider;
}

fn width_of(number: i64) -> u8 {
    if i16::try_from(number).is_ok() {
        WIDTH_MIN
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

impl<'p> Integers<'p> {
    /// Reads the packed members of a set; none if they are strings.
    #[inline]
    pub(super) fn of(packed: &'p [u8]) -> Option<Self> {
        packed
            .starts_with(&MARK)
            .then(|| Self { bytes: &packed[HEAD_BYTES..], width: usize::from(packed[WIDTH_AT]) })
    }

    /// Returns the integer at an index.
    pub(super) fn get(&self, i: usize) -> Option<i64> {
        let start = i.checked_mul(self.width)?;
        self.bytes.get(start..).and_then(|bytes| read(bytes, self.width))
    }

    /// Finds the index of an integer, or the one before which it belongs.
    pub(super) fn find(&self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).map(|found| found.cmp(&number)) {
                Some(Ordering::Less) => low = middle + 1,
                Some(Ordering::Equal) => return Ok(middle),
                Some(Ordering::Greater) | None => high = middle,
            }
        }
        Err(low)
    }

    /// Returns the least and the greatest of them.
    pub(super) fn extremes(&self) -> Option<(i64, i64)> {
        Some((self.get(0)?, self.get(self.len() - 1)?))
    }
}

impl Iterator for Integers<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        let number = read(self.bytes, self.width)?;
        self.bytes = &self.bytes[self.width..];
        Some(number)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.bytes.len() / self.width;
        (left, Some(left))
    }

    fn nth(&mut self, n: usize) -> Option<i64> {
        let skipped = n.saturating_mul(self.width).min(self.bytes.len());
        self.bytes = &self.bytes[skipped..];
        self.next()
    }
}

impl ExactSizeIterator for Integers<'_> {}

#[inline]
fn read(bytes: &[u8], width: usize) -> Option<i64> {
    match width {
        2 => bytes.first_chunk().map(|bytes| i16::from_le_bytes(*bytes).into()),
        4 => bytes.first_chunk().map(|bytes| i32::from_le_bytes(*bytes).into()),
        _ => bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const EDGES: &[i64] = &[
        i64::MIN,
        i32::MIN as i64 - 1,
        i32::MIN as i64,
        i16::MIN as i64 - 1,
        i16::MIN as i64,
        0,
        i16::MAX as i64,
        i16::MAX as i64 + 1,
        i32::MAX as i64,
        i32::MAX as i64 + 1,
        i64::MAX,
    ];

    fn some_integer() -> impl Strategy<Value = i64> {
        prop_oneof![prop::sample::select(EDGES), any::<i64>(), -9i64..9]
    }

    proptest! {
        #[test]
        fn integers_lie_in_order_in_whatever_width(
            steps in prop::collection::vec((some_integer(), 0..4), 1..60),
        ) {
            let (mut packed, mut model) = (EMPTY.to_vec(), BTreeSet::new());
            for (number, kind) in steps {
                let found = Integers::of(&packed).unwrap().find(number);
                prop_assert_eq!(found.is_ok(), model.contains(&number));
                match (found, kind) {
                    (Ok(at), _) => {
                        remove(&mut packed, at);
                        model.remove(&number);
                    }
                    (Err(at), 1..) => {
                        insert(&mut packed, at, number);
                        model.insert(number);
                    }
                    (Err(_), _) => {}
                }
                let integers = Integers::of(&packed).unwrap();
                prop_assert!(integers.clone().eq(model.iter().copied()));
                prop_assert_eq!(integers.len(), model.len());
                prop_assert_eq!(integers.get(model.len()), None);
                let extremes = model.first().copied().zip(model.last().copied());
                prop_assert_eq!(integers.extremes(), extremes);
            }
        }
    }

    #[test]
    fn small_integers_take_two_bytes_until_a_longer_one_comes() {
        let mut packed = EMPTY.to_vec();
        (0..3).for_each(|number| insert(&mut packed, number as usize, number));
        assert_eq!(packed.len(), HEAD_BYTES + 3 * 2);
        insert(&mut packed, 0, -40_000);
        assert_eq!(packed.len(), HEAD_BYTES + 4 * 4);
        insert(&mut packed, 4, i64::MAX);
        assert_eq!(packed.len(), HEAD_BYTES + 5 * 8);
    }
}
