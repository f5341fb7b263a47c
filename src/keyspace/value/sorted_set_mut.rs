//! Editing a sorted set where it lies, and making one as a whole.

use std::ops::Range;
use std::sync::Arc;

use super::place::Place;
use super::score::Score;
use super::sorted_set::{Member, SortedSet, member_of};
use super::{Kind, Value, packed};
use crate::keyspace::entry::{OwnedEntry, OwnedValue};
use crate::keyspace::large::{LargeSortedSet, RankedPart, Scored};
use crate::keyspace::record::INLINE_BYTES_MAX;
use crate::keyspace::slab::Large;
use crate::keyspace::space::Keyspace;

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

/// Members that were taken out of a large sorted set, to be freed where nobody waits.
#[derive(Debug)]
pub struct RemovedMembers {
    /// Owned for nothing but its end.
    _part: RankedPart,
}

/// A sorted set borrowed for editing.
///
/// It may become empty; whoever empties it removes the key.
#[derive(Debug)]
pub struct SortedSetMut<'m>(pub(in crate::keyspace) Place<'m>);

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

    /// Notes how many members are about to be added, by which stock servers choose the encoding.
    pub fn announce(&mut self, members: usize) {
        if members > self.0.limits.zset_entries_max() {
            self.0.outgrow();
        }
    }

    /// Gives a member a score.
    pub fn set(&mut self, member: &[u8], score: f64) -> ScoreSet {
        let limits = self.0.limits;
        let outgrows =
            member.len() > limits.zset_value_bytes_max() || self.len() >= limits.zset_entries_max();
        if outgrows && !self.0.has_outgrown() && self.view().score(member).is_none() {
            self.0.outgrow();
        }
        let score = if self.0.has_outgrown() { score } else { without_sign_of_zero(score) };
        match self.large() {
            Some(set) => set.set(member, score).into(),
            None => self.set_packed(member, score),
        }
    }

    /// Removes a member; returns its score if it was there.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        if let Some(set) = self.large() {
            return set.remove(member);
        }
        let pair = packed::find(self.0.packed()?, member)?;
        let (score, whole) = (member_of(&pair).score, pair.whole);
        self.0.edit_packed(|packed| packed::remove(packed, whole, 1));
        Some(score)
    }

    /// Removes the members of some ranks, all of which are there.
    pub fn remove_range(&mut self, ranks: Range<usize>) -> Option<RemovedMembers> {
        if let Some(set) = self.large() {
            return Some(RemovedMembers { _part: set.remove_range(ranks) });
        }
        self.0.edit_packed(|packed| {
            let start = packed::pairs_from(packed, ranks.start).at();
            let end = packed::pairs_from(packed, ranks.end).at();
            packed::remove(packed, start..end, ranks.len());
        });
        None
    }

    /// Sets a member of a packed sorted set, which becomes large when that would take too much room.
    fn set_packed(&mut self, member: &[u8], score: f64) -> ScoreSet {
        let before = self.view().score(member);
        if before == Some(score) {
            return ScoreSet::Same;
        }
        self.remove(member);
        let new = Member { bytes: member, score };
        let packed_score = Score::new(score);
        let size = pair_size(member, &packed_score);
        let is_full = self.0.packed().is_some_and(|packed| packed.len() + size > INLINE_BYTES_MAX);
        if is_full {
            self.unpack().set(member, score);
        } else {
            self.0.edit_packed(|packed| {
                let above = packed::pairs(packed).find(|pair| new.order(&member_of(pair)).is_lt());
                let at = above.map_or(packed.len(), |pair| pair.whole.start);
                packed::insert(packed, at, member, packed_score.as_bytes());
            });
        }
        if before.is_some() { ScoreSet::Moved } else { ScoreSet::Added }
    }

    fn large(&mut self) -> Option<&mut LargeSortedSet> {
        match self.0.large_mut()? {
            Large::SortedSet(set) => Some(Arc::make_mut(set)),
            other => unreachable!("the large form of a sorted set: {other:?}"),
        }
    }

    /// Gives a packed sorted set trees of its own.
    fn unpack(&mut self) -> &mut LargeSortedSet {
        let mut large = LargeSortedSet::new(self.0.hasher);
        for member in &self.view() {
            large.set(member.bytes, member.score);
        }
        self.0.put_large(Large::SortedSet(Arc::new(large)));
        self.large().expect("it was just made large")
    }
}

/// Makes 0 of -0, as the compact encoding of stock servers does, which keeps whole numbers as such.
fn without_sign_of_zero(score: f64) -> f64 {
    score + 0.0
}

/// Counts the bytes that a member takes in a packed sorted set, with its score.
fn pair_size(member: &[u8], score: &Score) -> usize {
    packed::size(member.len()) + packed::size(score.as_bytes().len())
}

impl From<Scored> for ScoreSet {
    fn from(scored: Scored) -> Self {
        match scored {
            Scored::Added => Self::Added,
            Scored::Moved => Self::Moved,
            Scored::Same => Self::Same,
        }
    }
}

impl OwnedEntry {
    /// Makes a sorted set of members in any order, each of them once.
    pub fn of_sorted_set(mut members: Vec<Member<'_>>, keyspace: &Keyspace) -> Self {
        members.sort_unstable_by(Member::order);
        let limits = keyspace.limits();
        let outgrown = members.len() > limits.zset_entries_max()
            || members.iter().any(|member| member.bytes.len() > limits.zset_value_bytes_max());
        if !outgrown {
            for member in &mut members {
                member.score = without_sign_of_zero(member.score);
            }
        }
        let size = |member: &Member<'_>| pair_size(member.bytes, &Score::new(member.score));
        let size = packed::EMPTY.len() + members.iter().map(size).sum::<usize>();
        let large = if size <= INLINE_BYTES_MAX {
            let mut bytes = packed::EMPTY.to_vec();
            for member in &members {
                packed::push(&mut bytes, member.bytes, Score::new(member.score).as_bytes());
            }
            Large::Packed(Kind::SortedSet, Arc::new(bytes))
        } else {
            let mut set = LargeSortedSet::new(keyspace.hasher());
            for member in &members {
                set.set(member.bytes, member.score);
            }
            Large::SortedSet(Arc::new(set))
        };
        let value = OwnedValue::Large(large);
        Self { value, raw: outgrown, expiry: None }
    }
}
