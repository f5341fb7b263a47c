//! Sorted set values, borrowed for reading: packed while small, as pairs of a member and its
//! score, with trees of their own when large.

use std::cmp::Ordering;
use std::ops::Range;

use super::cut::Cut;
use super::packed::{self, Pair, Pairs};
use super::score;
use crate::keyspace::ScanCursor;
use crate::keyspace::large::{self, LargeSortedSet, Side};

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
    Large(&'e LargeSortedSet),
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
    Large(large::RankIter<'e>),
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
    Large(large::RankIterBack<'e>),
}

impl Member<'_> {
    /// Compares by score, then by the bytes.
    pub fn order(&self, other: &Self) -> Ordering {
        // No score is NaN, and -0 is 0.
        let by_score = self.score.partial_cmp(&other.score).unwrap_or(Ordering::Equal);
        by_score.then_with(|| self.bytes.cmp(other.bytes))
    }
}

impl<'e> SortedSet<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(Form::Packed(bytes))
    }

    pub(in crate::keyspace) fn large(set: &'e LargeSortedSet) -> Self {
        Self(Form::Large(set))
    }

    /// Counts the members.
    pub fn len(&self) -> usize {
        match self.0 {
            Form::Packed(bytes) => packed::len(bytes),
            Form::Large(set) => set.len(),
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
            Form::Large(set) => set.score(member),
        }
    }

    /// Counts the members below a member, which is its rank, and finds its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        let rank = match self.0 {
            Form::Packed(bytes) => packed::pairs(bytes).position(|pair| pair.field == member),
            Form::Large(set) => set.rank(member),
        };
        rank.map(|rank| (rank, score))
    }

    /// Finds the member of a rank.
    pub fn nth(&self, rank: usize) -> Option<Member<'e>> {
        match self.0 {
            Form::Packed(bytes) => packed::pairs(bytes).nth(rank).map(|pair| member_of(&pair)),
            Form::Large(set) => set.nth(rank).map(scored),
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
            Form::Large(set) => Walk::Large(set.iter_from(ranks.start)),
        };
        SortedSetIter { walk, left: ranks.len() }
    }

    /// Walks the members of some ranks from the highest down; there are none beyond the last one's.
    pub fn range_back(&self, ranks: Range<usize>) -> SortedSetIterBack<'e> {
        let ranks = self.clamped(ranks);
        let walk = match self.0 {
            Form::Packed(_) => WalkBack::Packed(self.range(ranks.clone()).collect()),
            Form::Large(set) => WalkBack::Large(set.iter_back_from(ranks.end.saturating_sub(1))),
        };
        SortedSetIterBack { walk, left: ranks.len() }
    }

    /// Counts the members whose score lies left of a cut.
    pub fn rank_of_score(&self, cut: Cut<f64>) -> usize {
        match (self.0, cut) {
            (Form::Packed(bytes), _) => packed::pairs(bytes)
                .take_while(|pair| cut.is_behind(&member_of(pair).score))
                .count(),
            (Form::Large(_), Cut::Start) => 0,
            (Form::Large(set), Cut::Before(score)) => set.rank_by_score(score, Side::Left),
            (Form::Large(set), Cut::After(score)) => set.rank_by_score(score, Side::Right),
            (Form::Large(set), Cut::End) => set.len(),
        }
    }

    /// Counts the members left of a cut, where all have one score.
    ///
    /// Where they have not, the answer is some rank that depends on the form.
    pub fn rank_of_member(&self, cut: Cut<&[u8]>) -> usize {
        match (self.0, cut) {
            (Form::Packed(bytes), _) => {
                packed::pairs(bytes).take_while(|pair| cut.is_behind(&pair.field)).count()
            }
            (Form::Large(_), Cut::Start) => 0,
            (Form::Large(set), Cut::Before(member)) => set.rank_by_member(member, Side::Left),
            (Form::Large(set), Cut::After(member)) => set.rank_by_member(member, Side::Right),
            (Form::Large(set), Cut::End) => set.len(),
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
        cursor: ScanCursor,
        count: usize,
        mut visit: impl FnMut(Member<'e>),
    ) -> ScanCursor {
        match self.0 {
            Form::Packed(_) => {
                self.iter().for_each(visit);
                ScanCursor::START
            }
            // A sorted set has no shards: a cursor that names one was made up by the client.
            Form::Large(_) if cursor.shard() != 0 => ScanCursor::START,
            Form::Large(set) => {
                let visit = |bytes, score| visit(Member { bytes, score });
                let next = set.scan(cursor.place(), count, visit);
                next.map_or(ScanCursor::START, |place| ScanCursor::new(0, place))
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
            Walk::Large(members) => members.next().map(scored),
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
            WalkBack::Large(members) => members.next().map(scored),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for SortedSetIterBack<'_> {}

pub(super) fn member_of<'p>(pair: &Pair<'p>) -> Member<'p> {
    Member { bytes: pair.field, score: score::read(pair.value) }
}

fn scored((bytes, score): (&[u8], f64)) -> Member<'_> {
    Member { bytes, score }
}
