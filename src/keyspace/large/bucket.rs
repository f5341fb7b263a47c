//! The leaves of a map: members whose hashes lie close together, in no order.
//!
//! A byte of each member's hash, its tag, is looked at first. What orders the leaves is not kept: the
//! places of the members are computed when a leaf is split or scanned.

use ahash::RandomState;

use super::node::Leaf;
use super::run::{Run, RunIter};
use crate::keyspace::growth;
use crate::keyspace::key::hash_bytes;

/// The bits of a hash that are a place.
const PLACE_BITS: u32 = 47;

/// The first place that no member can have.
pub(super) const PLACES: u64 = 1 << PLACE_BITS;

/// How members are hashed.
#[derive(Clone, Debug)]
pub(super) enum Hashing {
    Seeded(RandomState),
    /// For tests that need members with equal hashes.
    #[cfg(test)]
    Given(fn(&[u8]) -> u64),
}

/// What is used of a member's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hashed {
    /// The top bits, by which the leaves are ordered.
    pub(super) place: u64,
    /// The low bits.
    pub(super) tag: u8,
}

/// Members, each with `WIDTH - 1` values.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket<const WIDTH: usize> {
    tags: Vec<u8>,
    strings: Run,
}

/// Walks the members and values of a bucket; without values, with empty ones.
#[derive(Clone, Debug, Default)]
pub(super) struct BucketIter<'b, const WIDTH: usize> {
    strings: RunIter<'b>,
}

impl Hashing {
    #[inline]
    pub(super) fn hash(&self, member: &[u8]) -> Hashed {
        let hash = match self {
            Self::Seeded(state) => hash_bytes(state, member),
            #[cfg(test)]
            Self::Given(hash) => hash(member),
        };
        Hashed { place: hash >> (u64::BITS - PLACE_BITS), tag: hash as u8 }
    }
}

impl<const WIDTH: usize> Bucket<WIDTH> {
    const HAS_VALUES: bool = {
        assert!(WIDTH == 1 || WIDTH == 2, "a member has a value or none");
        WIDTH == 2
    };

    /// Finds the index of a member.
    #[inline]
    pub(super) fn find(&self, tag: u8, member: &[u8]) -> Option<usize> {
        memchr::memchr_iter(tag, &self.tags).find(|i| self.strings.is(i * WIDTH, member))
    }

    /// Borrows the value of the member at an index.
    pub(super) fn value(&self, i: usize) -> &[u8] {
        if Self::HAS_VALUES { self.strings.get(i * WIDTH + 1) } else { &[] }
    }

    /// Adds a member that is not there.
    pub(super) fn push(&mut self, tag: u8, member: &[u8], value: &[u8]) {
        let end = self.tags.len();
        growth::insert(&mut self.tags, end, tag);
        self.strings.push(member);
        if Self::HAS_VALUES {
            self.strings.push(value);
        }
    }

    /// Gives the member at an index another value.
    pub(super) fn replace(&mut self, i: usize, value: &[u8]) {
        if Self::HAS_VALUES {
            self.strings.replace(i * WIDTH + 1, value);
        }
    }

    pub(super) fn remove(&mut self, i: usize) {
        self.tags.remove(i);
        growth::trim(&mut self.tags);
        if Self::HAS_VALUES {
            self.strings.remove(i * WIDTH + 1);
        }
        self.strings.remove(i * WIDTH);
    }

    /// Leaves out the members for which `keep` does not hold.
    pub(super) fn retain(&mut self, keep: impl Fn(&[u8], &[u8]) -> bool) {
        let mut kept = Self::default();
        for (tag, (member, value)) in self.tags.iter().zip(self.iter_from(0)) {
            if keep(member, value) {
                kept.push(*tag, member, value);
            }
        }
        *self = kept;
    }

    /// Walks the members and values from an index on.
    pub(super) fn iter_from(&self, i: usize) -> BucketIter<'_, WIDTH> {
        BucketIter { strings: self.strings.iter_from(i * WIDTH) }
    }

    /// The place before which the bucket is cut into halves by bytes; none if all have one place.
    fn middle(&self, hashing: &Hashing) -> Option<u64> {
        let sized = |(member, value): (&[u8], &[u8])| {
            (hashing.hash(member).place, 1 + member.len() + value.len())
        };
        let mut places: Vec<(u64, usize)> = self.iter_from(0).map(sized).collect();
        places.sort_unstable();
        let half = places.iter().map(|(_, bytes)| bytes).sum::<usize>() / 2;
        let mut end = 0;
        let at = places.iter().position(|(_, bytes)| {
            end += bytes;
            end >= half
        });
        let at = at.map_or(0, |at| at + 1).clamp(1, places.len() - 1);
        // Members of one place stay together.
        let (left, right) = places.split_at(at);
        let before = left[at - 1].0;
        let above = right.iter().find(|(place, _)| *place > before).map(|(place, _)| *place);
        above.or_else(|| (before > places[0].0).then_some(before))
    }
}

impl<const WIDTH: usize> Leaf for Bucket<WIDTH> {
    type Bound = u64;
    type Context = Hashing;

    #[inline]
    fn len(&self) -> usize {
        self.tags.len()
    }

    fn payload_bytes(&self) -> usize {
        self.strings.payload_bytes()
    }

    fn memory_bytes(&self) -> usize {
        self.tags.capacity() + self.strings.memory_bytes()
    }

    fn bytes_len(&self) -> usize {
        self.strings.bytes_len()
    }

    fn split(&mut self, hashing: &Hashing) -> Option<(u64, Self)> {
        let bound = self.middle(hashing)?;
        let (mut left, mut right) = (Self::default(), Self::default());
        for (member, value) in self.iter_from(0) {
            let Hashed { place, tag } = hashing.hash(member);
            let half = if place < bound { &mut left } else { &mut right };
            half.push(tag, member, value);
        }
        *self = left;
        Some((bound, right))
    }

    fn append(&mut self, right: Self) {
        growth::extend(&mut self.tags, &right.tags);
        self.strings.append(&right.strings);
    }
}

impl<'b, const WIDTH: usize> Iterator for BucketIter<'b, WIDTH> {
    type Item = (&'b [u8], &'b [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let member = self.strings.next()?;
        let value = if WIDTH == 2 { self.strings.next()? } else { &[] };
        Some((member, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.strings.len() / WIDTH;
        (left, Some(left))
    }
}

impl<const WIDTH: usize> ExactSizeIterator for BucketIter<'_, WIDTH> {}
