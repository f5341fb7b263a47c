//! Sorted set values, borrowed for reading: packed while small, as pairs of a member and the eight
//! bytes of its score.

use std::cmp::Ordering;
use std::ops::Range;

use super::cut::Cut;
use super::packed::{self, Pair, Pairs};
use crate::keyspace::ScanCursor;

/// A member of a sorted set, with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member<'e> {
    /// The member.
    pub bytes: &'e [u8],
    /// Its score, never NaN.
    pub score: f64,
}

/// A sorted set borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct SortedSet<'e>(Form<'e>);

#[derive(Clone, Copy, Debug)]
enum Form<'e> {
    Packed(&'e [u8]),
}

/// Walks members from the lowest on.
#[derive(Clone, Debug)]
pub struct SortedSetIter<'e> {
    walk: Walk<'e>,
    left: usize,
}

#[derive(Clone, Debug)]
enum Walk<'e> {
    Packed(Pairs<'e>),
}

/// Walks members from the highest down.
#[derive(Clone, Debug)]
pub struct SortedSetIterBack<'e> {
    walk: WalkBack<'e>,
    left: usize,
}

#[derive(Clone, Debug)]
enum WalkBack<'e> {
    /// What is packed is so short that it is walked forward first.
    Packed(Vec<Member<'e>>),
}

impl Member<'_> {
    /// Compares by score, then by the bytes.
    pub fn order(&self, other: &Self) -> Ordering {
        let by_score = self.score.partial_cmp(&other.score).expect("no score is NaN");
        by_score.then_with(|| self.bytes.cmp(other.bytes))
    }
}

impl<'e> SortedSet<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(Form::Packed(bytes))
    }

    /// Counts the members.
    pub fn len(&self) -> usize {
        match self.0 {
            Form::Packed(bytes) => packed::len(bytes),
        }
    }

    /// Tells whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether it has its small form, in which all is found by walking.
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Finds the score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.0 {
            Form::Packed(bytes) => packed::find(bytes, member).map(|pair| member_of(&pair).score),
        }
    }

    /// Counts the members below a member, which is its rank, and finds its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.0 {
            Form::Packed(bytes) => {
                packed::pairs(bytes).position(|pair| pair.field == member).zip(self.score(member))
            }
        }
    }

    /// Finds the member of a rank.
    pub fn nth(&self, rank: usize) -> Option<Member<'e>> {
        match self.0 {
            Form::Packed(bytes) => packed::pairs(bytes).nth(rank).map(|pair| member_of(&pair)),
        }
    }

    /// Walks all members from the lowest on.
    pub fn iter(&self) -> SortedSetIter<'e> {
        self.range(0..self.len())
    }

    /// Walks the members of some ranks from the lowest on; there are none beyond the last one's.
    pub fn range(&self, ranks: Range<usize>) -> SortedSetIter<'e> {
        let ranks = self.clamped(ranks);
        let walk = match self.0 {
            Form::Packed(bytes) => Walk::Packed(packed::pairs_from(bytes, ranks.start)),
        };
        SortedSetIter { walk, left: ranks.len() }
    }

    /// Walks the members of some ranks from the highest down; there are none beyond the last one's.
    pub fn range_back(&self, ranks: Range<usize>) -> SortedSetIterBack<'e> {
        let ranks = self.clamped(ranks);
        let walk = match self.0 {
            Form::Packed(_) => WalkBack::Packed(self.range(ranks.clone()).collect()),
        };
        SortedSetIterBack { walk, left: ranks.len() }
    }

    /// Counts the members whose score lies left of a cut.
    pub fn rank_of_score(&self, cut: Cut<f64>) -> usize {
        match self.0 {
            Form::Packed(bytes) => packed::pairs(bytes)
                .take_while(|pair| cut.is_behind(&member_of(pair).score))
                .count(),
        }
    }

    /// Counts the members left of a cut, where all have one score.
    ///
    /// Where they have not, the answer is some rank that depends on the form.
    pub fn rank_of_member(&self, cut: Cut<&[u8]>) -> usize {
        match self.0 {
            Form::Packed(bytes) => {
                packed::pairs(bytes).take_while(|pair| cut.is_behind(&pair.field)).count()
            }
        }
    }

    /// Finds the ranks of the members whose scores lie between two cuts.
    pub fn ranks_by_score(&self, low: Cut<f64>, high: Cut<f64>) -> Range<usize> {
        let start = self.rank_of_score(low);
        start..self.rank_of_score(high).max(start)
    }

    /// Finds the ranks of the members between two cuts, where all have one score.
    pub fn ranks_by_member(&self, low: Cut<&[u8]>, high: Cut<&[u8]>) -> Range<usize> {
        let start = self.rank_of_member(low);
        start..self.rank_of_member(high).max(start)
    }

    /// Tells whether all members have one score, so that they have the order of their bytes.
    pub fn has_one_score(&self) -> bool {
        let last = self.len().checked_sub(1).and_then(|rank| self.nth(rank));
        self.nth(0).map(|member| member.score) == last.map(|member| member.score)
    }

    /// Visits about `count` members from `cursor` on and returns where to go on, or the end.
    ///
    /// A packed sorted set is visited whole. A member that is there throughout a scan is visited.
    pub fn scan(
        &self,
        _cursor: ScanCursor,
        _count: usize,
        visit: impl FnMut(Member<'e>),
    ) -> ScanCursor {
        match self.0 {
            Form::Packed(_) => {
                self.iter().for_each(visit);
                ScanCursor::START
            }
        }
    }

    fn clamped(&self, ranks: Range<usize>) -> Range<usize> {
        let end = ranks.end.min(self.len());
        ranks.start.min(end)..end
    }
}

impl<'e> IntoIterator for &SortedSet<'e> {
    type Item = Member<'e>;
    type IntoIter = SortedSetIter<'e>;

    fn into_iter(self) -> SortedSetIter<'e> {
        self.iter()
    }
}

impl<'e> Iterator for SortedSetIter<'e> {
    type Item = Member<'e>;

    #[inline]
    fn next(&mut self) -> Option<Member<'e>> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.walk {
            Walk::Packed(pairs) => pairs.next().map(|pair| member_of(&pair)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for SortedSetIter<'_> {}

impl<'e> Iterator for SortedSetIterBack<'e> {
    type Item = Member<'e>;

    #[inline]
    fn next(&mut self) -> Option<Member<'e>> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.walk {
            WalkBack::Packed(members) => members.pop(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for SortedSetIterBack<'_> {}

pub(super) fn member_of<'p>(pair: &Pair<'p>) -> Member<'p> {
    let score = pair.value.try_into().expect("a score has eight bytes");
    Member { bytes: pair.field, score: f64::from_le_bytes(score) }
}
