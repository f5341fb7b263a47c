//! Members in the order of their hashes, with values or without: what hashes and sets are made of.

use ahash::RandomState;

use super::bucket::{Bucket, BucketIter, Hashed, Hashing, PLACES};
use super::node::Leaf;
use super::tree::{Path, Tree};

/// Members with values.
pub(in crate::keyspace) type LargeFields = LargeMap<2>;

/// Members without values; where a value is spoken of, it is empty.
pub(in crate::keyspace) type LargeMembers = LargeMap<1>;

/// A map too large for the packed form: `WIDTH` strings to a member, one of them the member itself.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct LargeMap<const WIDTH: usize> {
    tree: Tree<Bucket<WIDTH>>,
    hashing: Hashing,
}

/// Walks members and values.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct MapIter<'m, const WIDTH: usize> {
    map: &'m LargeMap<WIDTH>,
    leaf: BucketIter<'m, WIDTH>,
    /// The index behind the leaf.
    next: usize,
}

/// Where a member is, or would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    path: Path,
    tag: u8,
    index: Option<usize>,
}

impl<const WIDTH: usize> LargeMap<WIDTH> {
    pub(in crate::keyspace) fn new(hasher: &RandomState) -> Self {
        Self { tree: Tree::new(), hashing: Hashing::Seeded(hasher.clone()) }
    }

    /// Counts the members.
    pub(in crate::keyspace) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(in crate::keyspace) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds up the lengths of the members and values.
    pub(in crate::keyspace) fn payload_bytes(&self) -> usize {
        self.tree.payload_bytes()
    }

    /// Counts the bytes it takes, whether shared with a clone or not.
    pub(in crate::keyspace) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.tree.memory_bytes()
    }

    /// Finds the value of a member.
    pub(in crate::keyspace) fn get(&self, member: &[u8]) -> Option<&[u8]> {
        self.find(member).1
    }

    pub(in crate::keyspace) fn contains(&self, member: &[u8]) -> bool {
        self.find(member).0.index.is_some()
    }

    /// Gives a member a value; says whether the member is new.
    pub(in crate::keyspace) fn set(&mut self, member: &[u8], value: &[u8]) -> bool {
        let (spot, _) = self.find(member);
        self.put(&spot, member, value);
        spot.index.is_none()
    }

    /// Removes a member; says whether it was there.
    pub(in crate::keyspace) fn remove(&mut self, member: &[u8]) -> bool {
        let (spot, _) = self.find(member);
        self.take(&spot)
    }

    /// Removes the members for which `keep` does not hold, leaf by leaf.
    ///
    /// Takes time with the number of all members, but far less for each than [`Self::remove`] does.
    pub(super) fn retain(&mut self, keep: impl Fn(&[u8], &[u8]) -> bool) {
        let mut place = 0;
        loop {
            let found = self.tree.find_bound(|bound| *bound <= place);
            let (path, next) = (found.path, found.upper.copied());
            if !found.leaf.iter_from(0).all(|(member, value)| keep(member, value)) {
                self.tree.edit(&path, &self.hashing, |leaf| leaf.retain(&keep));
            }
            // What joined a neighbour is found by its place all the same.
            let Some(next) = next else { return };
            place = next;
        }
    }

    /// Finds the member at an index of [`Self::iter`], and its value.
    pub(in crate::keyspace) fn nth(&self, i: usize) -> Option<(&[u8], &[u8])> {
        let (leaf, within) = (i < self.len()).then(|| self.tree.leaf_at(i))?;
        leaf.iter_from(within).next()
    }

    /// Walks all members and values.
    pub(in crate::keyspace) fn iter(&self) -> MapIter<'_, WIDTH> {
        MapIter { map: self, leaf: BucketIter::default(), next: 0 }
    }

    /// Visits about `count` members from a place on; returns where to go on, or none at the end.
    ///
    /// A place is the top 47 bits of a hash, and 0 the first. A member that is there throughout a scan
    /// is visited once, whatever else comes and goes; those of one place are visited together.
    pub(in crate::keyspace) fn scan<'m>(
        &'m self,
        mut place: u64,
        count: usize,
        mut visit: impl FnMut(&'m [u8], &'m [u8]),
    ) -> Option<u64> {
        let mut wanted = count.max(1);
        let mut left = Vec::new();
        loop {
            let found = self.tree.find_bound(|bound| *bound <= place);
            let placed =
                found.leaf.iter_from(0).map(|pair| (self.hashing.hash(pair.0).place, pair));
            left.clear();
            left.extend(placed.filter(|(at, _)| *at >= place));
            let mut next = found.upper.copied().unwrap_or(PLACES);
            if left.len() > wanted {
                let (_, last, _) = left.select_nth_unstable_by_key(wanted - 1, |(at, _)| *at);
                next = last.0 + 1;
            }
            for (_, (member, value)) in left.iter().filter(|(at, _)| *at < next) {
                wanted = wanted.saturating_sub(1);
                visit(member, value);
            }
            if next == PLACES || wanted == 0 {
                return (next < PLACES).then_some(next);
            }
            place = next;
        }
    }

    /// Finds where a member is or would be, and its value.
    pub(super) fn find(&self, member: &[u8]) -> (Spot, Option<&[u8]>) {
        let Hashed { place, tag } = self.hashing.hash(member);
        let found = self.tree.find_bound(|bound| *bound <= place);
        let index = found.leaf.find(tag, member);
        let value = index.map(|i| found.leaf.value(i));
        (Spot { path: found.path, tag, index }, value)
    }

    /// Gives the member of a spot, which was found in this map as it is, a value.
    pub(super) fn put(&mut self, spot: &Spot, member: &[u8], value: &[u8]) {
        match spot.index {
            Some(_) if WIDTH == 1 => {}
            Some(i) => self.tree.edit(&spot.path, &self.hashing, |leaf| leaf.replace(i, value)),
            None => {
                self.tree
                    .edit(&spot.path, &self.hashing, |leaf| leaf.push(spot.tag, member, value));
            }
        }
    }

    /// Removes the member of a spot, which was found in this map as it is; says whether it is there.
    pub(super) fn take(&mut self, spot: &Spot) -> bool {
        if let Some(i) = spot.index {
            self.tree.edit(&spot.path, &self.hashing, |leaf| leaf.remove(i));
        }
        spot.index.is_some()
    }

    #[cfg(test)]
    pub(super) fn hashed_by(hash: fn(&[u8]) -> u64) -> Self {
        Self { tree: Tree::new(), hashing: Hashing::Given(hash) }
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (&Tree<Bucket<WIDTH>>, &Hashing) {
        (&self.tree, &self.hashing)
    }
}

impl<'m, const WIDTH: usize> Iterator for MapIter<'m, WIDTH> {
    type Item = (&'m [u8], &'m [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.leaf.next();
        if pair.is_some() || self.next == self.map.len() {
            return pair;
        }
        let (leaf, _) = self.map.tree.leaf_at(self.next);
        self.leaf = leaf.iter_from(0);
        self.next += leaf.len();
        self.leaf.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.map.len() - self.next + self.leaf.len();
        (left, Some(left))
    }
}

impl<const WIDTH: usize> ExactSizeIterator for MapIter<'_, WIDTH> {}
