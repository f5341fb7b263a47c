//! Members with scores: a tree in the order of the scores beside a map from members to scores.

use std::cmp::Ordering;
use std::ops::Range;

use ahash::RandomState;

use super::map::LargeFields;
use super::node::{Leaf, Sequence, Side};
use super::ranked::{Ranked, RankedIter};
use super::tree::{Found, Tree};

/// The part of all members from which on it is faster to look at each than to find those that go.
const SWEPT_PART: usize = 32;

/// A sorted set too large for the packed form. No score is NaN, and -0 equals 0.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct LargeSortedSet {
    ranks: Tree<Ranked>,
    scores: LargeFields,
}

/// What giving a member a score did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::keyspace) enum Scored {
    /// The member is new.
    Added,
    /// It had another score.
    Moved,
    /// It had this score.
    Same,
}

/// Members and scores that were taken out of a sorted set, in their order.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct RankedPart {
    ranks: Tree<Ranked>,
}

/// Walks members and scores upward.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct RankIter<'s> {
    ranks: &'s Tree<Ranked>,
    leaf: RankedIter<'s>,
    /// The rank behind the leaf.
    next: usize,
}

/// Walks members and scores downward.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct RankIterBack<'s> {
    ranks: &'s Tree<Ranked>,
    leaf: Option<&'s Ranked>,
    /// How many members of the leaf are left.
    within: usize,
    /// How many members of the sorted set are left.
    left: usize,
}

impl LargeSortedSet {
    pub(in crate::keyspace) fn new(hasher: &RandomState) -> Self {
        Self { ranks: Tree::new(), scores: LargeFields::new(hasher) }
    }

    /// Counts the members.
    pub(in crate::keyspace) fn len(&self) -> usize {
        self.ranks.len()
    }

    pub(in crate::keyspace) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds up the lengths of the members.
    pub(in crate::keyspace) fn payload_bytes(&self) -> usize {
        self.ranks.payload_bytes()
    }

    /// Counts the bytes it takes, whether shared with a clone or not.
    pub(in crate::keyspace) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.ranks.memory_bytes() + self.scores.memory_bytes()
    }

    /// Finds the score of a member.
    pub(in crate::keyspace) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).map(decode)
    }

    /// Gives a member a score, which must not be NaN.
    ///
    /// Members that arrive in their order, upward or downward, fill the leaves whole.
    pub(in crate::keyspace) fn set(&mut self, member: &[u8], score: f64) -> Scored {
        let (spot, old) = self.scores.find(member);
        let old = old.map(decode);
        if old == Some(score) {
            return Scored::Same;
        }
        self.scores.put(&spot, member, &score.to_le_bytes());
        match old {
            None => {
                self.rank_in(score, member);
                Scored::Added
            }
            Some(old) => {
                self.move_rank(old, score, member);
                Scored::Moved
            }
        }
    }

    /// Removes a member; returns its score.
    pub(in crate::keyspace) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (spot, score) = self.scores.find(member);
        let score = score.map(decode)?;
        self.scores.take(&spot);
        self.unrank(score, member);
        Some(score)
    }

    /// Counts the members before a member.
    pub(in crate::keyspace) fn rank(&self, member: &[u8]) -> Option<usize> {
        let score = self.score(member)?;
        let found = self.find(score, member);
        Some(self.ranks.count_before(&found.path) + found.leaf.index(score, member))
    }

    /// Finds the member at a rank.
    pub(in crate::keyspace) fn nth(&self, rank: usize) -> Option<(&[u8], f64)> {
        let (leaf, within) = (rank < self.len()).then(|| self.ranks.leaf_at(rank))?;
        Some(leaf.get(within))
    }

    /// Walks the members from a rank up; none are there from the length on.
    pub(in crate::keyspace) fn iter_from(&self, rank: usize) -> RankIter<'_> {
        RankIter::new(&self.ranks, rank)
    }

    /// Walks the members from a rank down to the first; from the last one if there is no such.
    pub(in crate::keyspace) fn iter_back_from(&self, rank: usize) -> RankIterBack<'_> {
        let left = rank.saturating_add(1).min(self.len());
        RankIterBack { ranks: &self.ranks, leaf: None, within: 0, left }
    }

    /// Visits about `count` members from a place on; returns where to go on, or none at the end.
    ///
    /// Places are those of [`LargeMap::scan`](super::LargeMap::scan).
    pub(in crate::keyspace) fn scan<'s>(
        &'s self,
        place: u64,
        count: usize,
        mut visit: impl FnMut(&'s [u8], f64),
    ) -> Option<u64> {
        self.scores.scan(place, count, |member, score| visit(member, decode(score)))
    }

    /// Counts the members whose score lies below `score`; on its right side, also those that have it.
    ///
    /// So the members with scores from `a` to `b` have the ranks from `(a, Left)` to `(b, Right)`;
    /// without those that have `a` itself they begin at `(a, Right)`.
    pub(in crate::keyspace) fn rank_by_score(&self, score: f64, side: Side) -> usize {
        let found = self.ranks.find_bound(|bound| match side {
            Side::Left => bound.score < score,
            Side::Right => bound.score <= score,
        });
        self.ranks.count_before(&found.path) + found.leaf.count(score, side)
    }

    /// Counts the members that lie below `member`; on its right side, also that one itself.
    ///
    /// Holds where all scores are equal; otherwise the answer is some rank.
    pub(in crate::keyspace) fn rank_by_member(&self, member: &[u8], side: Side) -> usize {
        let found = self.ranks.find_bound(|bound| *bound.member <= *member);
        self.ranks.count_before(&found.path) + found.leaf.count_members(member, side)
    }

    /// Removes the members of a range of ranks; returns them.
    ///
    /// Takes time with the number of members that go, as each has a score to be forgotten; if they
    /// are a good part of all, with the number of all, which is faster then.
    ///
    /// # Panics
    /// When the range ends beyond the last rank or before it begins.
    pub(in crate::keyspace) fn remove_range(&mut self, ranks: Range<usize>) -> RankedPart {
        assert!(ranks.start <= ranks.end && ranks.end <= self.len(), "{ranks:?} of {}", self.len());
        let above = self.ranks.split_off(ranks.end);
        let part = RankedPart { ranks: self.ranks.split_off(ranks.start) };
        self.ranks.append(above);
        self.forget(&part);
        part
    }

    /// Removes the scores of members whose ranks are gone.
    fn forget(&mut self, part: &RankedPart) {
        let ends = part.iter().next().zip(part.last());
        if let Some((first, last)) = ends
            && part.len() >= self.scores.len() / SWEPT_PART
        {
            self.scores.retain(|member, score| {
                let own = (member, decode(score));
                order(own, first).is_lt() || order(own, last).is_gt()
            });
            return;
        }
        for (member, _) in part.iter() {
            self.scores.remove(member);
        }
    }

    fn find(&self, score: f64, member: &[u8]) -> Found<'_, Ranked> {
        self.ranks.find_bound(|bound| bound.is_left_of(score, member))
    }

    /// Puts a member that is not there in its place.
    fn rank_in(&mut self, score: f64, member: &[u8]) {
        let Found { path, leaf, .. } = self.find(score, member);
        let at = leaf.position(score, member);
        match leaf.beside(at, member.len()) {
            Some(side) => self.ranks.insert_beside(&path, side, Ranked::of(score, member)),
            None => self.ranks.edit(&path, &(), |leaf| leaf.insert(at, score, member)),
        }
    }

    fn move_rank(&mut self, old: f64, score: f64, member: &[u8]) {
        let from = self.find(old, member);
        if from.path != self.find(score, member).path {
            self.unrank(old, member);
            self.rank_in(score, member);
            return;
        }
        // Most moves are short ones, within a leaf.
        let (path, at) = (from.path, from.leaf.index(old, member));
        self.ranks.edit(&path, &(), |leaf| {
            leaf.remove(at);
            leaf.insert(leaf.position(score, member), score, member);
        });
    }

    fn unrank(&mut self, score: f64, member: &[u8]) {
        let Found { path, leaf, .. } = self.find(score, member);
        let at = leaf.index(score, member);
        self.ranks.edit(&path, &(), |leaf| leaf.remove(at));
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (&Tree<Ranked>, &LargeFields) {
        (&self.ranks, &self.scores)
    }
}

impl RankedPart {
    /// Counts the members.
    pub(in crate::keyspace) fn len(&self) -> usize {
        self.ranks.len()
    }

    pub(in crate::keyspace) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Walks the members and scores upward.
    pub(in crate::keyspace) fn iter(&self) -> RankIter<'_> {
        RankIter::new(&self.ranks, 0)
    }

    fn last(&self) -> Option<(&[u8], f64)> {
        let (leaf, within) = self.ranks.leaf_at(self.len().checked_sub(1)?);
        Some(leaf.get(within))
    }
}

impl<'s> RankIter<'s> {
    fn new(ranks: &'s Tree<Ranked>, rank: usize) -> Self {
        let mut iter = Self { ranks, leaf: RankedIter::default(), next: rank.min(ranks.len()) };
        iter.turn();
        iter
    }

    /// Goes on to the next leaf; tells whether there is one.
    fn turn(&mut self) -> bool {
        let has_more = self.next < self.ranks.len();
        if has_more {
            let (leaf, within) = self.ranks.leaf_at(self.next);
            self.leaf = leaf.iter_from(within);
            self.next += leaf.len() - within;
        }
        has_more
    }
}

impl<'s> Iterator for RankIter<'s> {
    type Item = (&'s [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let member = self.leaf.next();
        if member.is_some() || !self.turn() { member } else { self.leaf.next() }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.ranks.len() - self.next + self.leaf.len();
        (left, Some(left))
    }
}

impl ExactSizeIterator for RankIter<'_> {}

impl<'s> Iterator for RankIterBack<'s> {
    type Item = (&'s [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.within == 0 {
            let (leaf, last) = self.ranks.leaf_at(self.left.checked_sub(1)?);
            (self.leaf, self.within) = (Some(leaf), last + 1);
        }
        self.within -= 1;
        self.left -= 1;
        self.leaf.map(|leaf| leaf.get(self.within))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RankIterBack<'_> {}

/// The order of members with scores, neither of which is NaN.
fn order(a: (&[u8], f64), b: (&[u8], f64)) -> Ordering {
    a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal).then_with(|| a.0.cmp(b.0))
}

fn decode(score: &[u8]) -> f64 {
    f64::from_le_bytes(*score.first_chunk().expect("a score has eight bytes"))
}
