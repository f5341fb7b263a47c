//! The leaves of a sorted set: scores, and beside them the members, in their order.

use std::ops::Range;

use super::node::{Leaf, Sequence, Side};
use super::run::{Run, RunIter};
use crate::keyspace::growth;

/// Members in the order of their scores; those of one score in that of their bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranked {
    scores: Vec<f64>,
    members: Run,
}

/// What lies between two leaves: a score and the beginning of a member, as long as it has to be.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) score: f64,
    pub(super) member: Box<[u8]>,
}

/// Walks members and scores.
#[derive(Clone, Debug, Default)]
pub(super) struct RankedIter<'r> {
    members: RunIter<'r>,
    scores: &'r [f64],
}

impl Bound {
    /// Tells whether the bound is no greater than a member with a score.
    #[inline]
    pub(super) fn is_left_of(&self, score: f64, member: &[u8]) -> bool {
        self.score < score || (self.score <= score && *self.member <= *member)
    }
}

impl Ranked {
    pub(super) fn of(score: f64, member: &[u8]) -> Self {
        Self { scores: vec![score], members: Run::of(member) }
    }

    #[inline]
    pub(super) fn get(&self, i: usize) -> (&[u8], f64) {
        (self.members.get(i), self.scores[i])
    }

    /// Finds the index of a member with a score, or where it would be.
    pub(super) fn position(&self, score: f64, member: &[u8]) -> usize {
        self.first_not(self.equal(score), |other| other < member)
    }

    /// Finds the index of a member that is there, with its score.
    pub(super) fn index(&self, score: f64, member: &[u8]) -> usize {
        let equal = self.equal(score);
        if equal.len() == 1 { equal.start } else { self.first_not(equal, |other| other < member) }
    }

    /// Counts the members whose score lies below one, or is no greater than it.
    pub(super) fn count(&self, score: f64, side: Side) -> usize {
        self.scores.partition_point(|other| match side {
            Side::Left => *other < score,
            Side::Right => *other <= score,
        })
    }

    /// Counts the members that lie below one, or are no greater, where all scores are equal.
    pub(super) fn count_members(&self, member: &[u8], side: Side) -> usize {
        self.first_not(0..self.len(), |other| match side {
            Side::Left => other < member,
            Side::Right => other <= member,
        })
    }

    pub(super) fn insert(&mut self, i: usize, score: f64, member: &[u8]) {
        growth::insert(&mut self.scores, i, score);
        self.members.insert(i, member);
    }

    pub(super) fn remove(&mut self, i: usize) {
        self.scores.remove(i);
        growth::trim(&mut self.scores);
        self.members.remove(i);
    }

    /// Walks members and scores from an index on.
    pub(super) fn iter_from(&self, i: usize) -> RankedIter<'_> {
        RankedIter { members: self.members.iter_from(i), scores: &self.scores[i..] }
    }

    fn equal(&self, score: f64) -> Range<usize> {
        self.count(score, Side::Left)..self.count(score, Side::Right)
    }

    /// Finds the first index of a range whose member is not as those before it.
    fn first_not(&self, range: Range<usize>, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.members.get(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

impl Leaf for Ranked {
    type Bound = Bound;
    type Context = ();

    #[inline]
    fn len(&self) -> usize {
        self.scores.len()
    }

    fn payload_bytes(&self) -> usize {
        self.members.payload_bytes()
    }

    fn memory_bytes(&self) -> usize {
        self.scores.capacity() * size_of::<f64>() + self.members.memory_bytes()
    }

    fn bytes_len(&self) -> usize {
        self.members.bytes_len()
    }

    fn split(&mut self, (): &()) -> Option<(Bound, Self)> {
        let right = self.split_off(self.members.middle());
        Some((self.bound_before(&right), right))
    }

    fn append(&mut self, right: Self) {
        growth::extend(&mut self.scores, &right.scores);
        self.members.append(&right.members);
    }
}

impl Sequence for Ranked {
    fn split_off(&mut self, at: usize) -> Self {
        let scores = growth::split_off(&mut self.scores, at);
        Self { scores, members: self.members.split_off(at) }
    }

    fn bound_before(&self, right: &Self) -> Bound {
        let (before, before_score) = self.get(self.len() - 1);
        let (member, score) = right.get(0);
        if before_score < score {
            return Bound { score, member: Box::default() };
        }
        // The first byte that differs tells them apart, or the first that one of them lacks.
        let shared = before.iter().zip(member).take_while(|(a, b)| a == b).count();
        Bound { score, member: member[..=shared].into() }
    }
}

impl<'r> Iterator for RankedIter<'r> {
    type Item = (&'r [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (score, scores) = self.scores.split_first()?;
        self.scores = scores;
        Some((self.members.next()?, *score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.scores.len(), Some(self.scores.len()))
    }
}

impl ExactSizeIterator for RankedIter<'_> {}
