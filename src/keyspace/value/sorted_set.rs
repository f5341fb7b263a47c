//! Sorted set values: packed while small, as pairs of a member and the eight bytes of its score.

use super::Value;
use super::packed::{self, Pair, Pairs};
use super::place::Place;

/// A member of a sorted set, with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member<'e> {
    /// The member.
    pub bytes: &'e [u8],
    /// Its score, never NaN.
    pub score: f64,
}

/// What giving a member a score did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreSet {
    /// The member is new.
    Added,
    /// The member had another score before.
    Moved,
    /// The member had this score already.
    Same,
}

/// A sorted set borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct SortedSet<'e>(&'e [u8]);

/// Walks the members from the lowest on.
#[derive(Clone, Debug)]
pub struct SortedSetIter<'e> {
    pairs: Pairs<'e>,
    left: usize,
}

/// A sorted set borrowed for editing.
///
/// It may become empty; whoever empties it removes the key.
#[derive(Debug)]
pub struct SortedSetMut<'m>(pub(in crate::keyspace) Place<'m>);

impl<'e> SortedSet<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(bytes)
    }

    /// Counts the members.
    pub fn len(&self) -> usize {
        packed::len(self.0)
    }

    /// Tells whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Finds the score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        packed::find(self.0, member).map(|pair| member_of(&pair).score)
    }

    /// Walks the members from the lowest on.
    pub fn iter(&self) -> SortedSetIter<'e> {
        SortedSetIter { pairs: packed::pairs(self.0), left: self.len() }
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

    fn next(&mut self) -> Option<Member<'e>> {
        self.left = self.left.checked_sub(1)?;
        self.pairs.next().map(|pair| member_of(&pair))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for SortedSetIter<'_> {}

impl SortedSetMut<'_> {
    /// Borrows the sorted set for reading.
    pub fn view(&self) -> SortedSet<'_> {
        match self.0.value() {
            Value::SortedSet(set) => set,
            other => unreachable!("the record of a sorted set stays one: {other:?}"),
        }
    }

    /// Counts the members.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Tells whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Gives a member a score.
    pub fn set(&mut self, member: &[u8], score: f64) -> ScoreSet {
        let before = self.view().score(member);
        if before == Some(score) {
            return ScoreSet::Same;
        }
        self.remove(member);
        let new = Member { bytes: member, score };
        self.0.edit_packed(|packed| {
            let above = packed::pairs(packed).find(|pair| new.is_below(&member_of(pair)));
            let at = above.map_or(packed.len(), |pair| pair.whole.start);
            packed::insert(packed, at, member, &score.to_le_bytes());
        });
        if before.is_some() { ScoreSet::Moved } else { ScoreSet::Added }
    }

    /// Removes a member; returns its score if it was there.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let pair = packed::find(self.0.packed()?, member)?;
        let (score, whole) = (member_of(&pair).score, pair.whole);
        self.0.edit_packed(|packed| packed::remove(packed, whole));
        Some(score)
    }
}

impl Member<'_> {
    /// Tells whether it comes before `other`: by score, then by its bytes.
    fn is_below(&self, other: &Self) -> bool {
        (self.score, self.bytes) < (other.score, other.bytes)
    }
}

fn member_of<'p>(pair: &Pair<'p>) -> Member<'p> {
    let score = pair.value.try_into().expect("a score has eight bytes");
    Member { bytes: pair.field, score: f64::from_le_bytes(score) }
}
