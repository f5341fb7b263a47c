//! Editing a set where it lies, and the change from its packed forms to a map.

use std::sync::Arc;

use ahash::RandomState;

use super::Value;
use super::members::{self, Addition};
use super::place::Place;
use super::set::Set;
use super::string::Str;
use crate::keyspace::large::LargeMembers;
use crate::keyspace::slab::Large;

/// The part of what is taken that what is left must be, or it is put into a map of its own.
const REBUILT_PART: usize = 5;

/// A set borrowed for editing.
///
/// It may become empty; whoever empties it removes the key.
#[derive(Debug)]
pub struct SetMut<'m>(pub(in crate::keyspace) Place<'m>);

impl SetMut<'_> {
    /// Borrows the set for reading.
    pub fn view(&self) -> Set<'_> {
        match self.0.value() {
            Value::Set(set) => set,
            other => unreachable!("the record of a set stays one: {other:?}"),
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

    /// Gives the set the form for `count` members more, the first of which is `first`.
    ///
    /// As Redis does, it takes them for new ones, and leaves the number that are there out of account.
    pub fn expect(&mut self, first: &[u8], count: usize) {
        let (integers_max, entries_max) =
            (self.0.limits.set_integers_max(), self.0.limits.set_entries_max());
        let view = self.view();
        if !view.is_packed() {
            return;
        }
        let (is_new, is_integers) = (view.is_empty(), view.is_integers());
        let comes_integer = members::integer(Str::Bytes(first)).is_some();
        let as_integers = is_integers && (!is_new || comes_integer);
        if as_integers && count <= integers_max || !as_integers && count <= entries_max {
            return;
        }
        if is_new && count <= entries_max {
            self.0.edit_packed(|packed| *packed = members::EMPTY_STRINGS.to_vec());
        } else {
            self.unpack();
        }
    }

    /// Adds a member; says whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let limits = self.0.limits;
        let packed = self.0.packed();
        let string = Str::Bytes(member);
        match packed.map(|packed| members::addition(packed, string, limits)) {
            Some(Addition::None) => false,
            Some(Addition::Large) | None => Arc::make_mut(self.unpack()).set(member, b""),
            Some(addition) => {
                self.0.edit_packed(|packed| members::add(packed, string, addition));
                true
            }
        }
    }

    /// Removes a member; says whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        if let Some(Large::Set(map)) = self.0.large_mut() {
            return Arc::make_mut(map).remove(member);
        }
        let found = self.0.packed().and_then(|packed| members::find(packed, Str::Bytes(member)));
        let Some(found) = found else { return false };
        self.0.edit_packed(|packed| members::remove(packed, found));
        true
    }

    /// Removes the members at these indices of [`Set::iter`], which ascend, and returns them.
    ///
    /// # Panics
    /// When there is no member at one of them.
    pub fn take(&mut self, picks: &[usize]) -> Vec<Vec<u8>> {
        let hasher = self.0.hasher;
        match self.0.large_mut() {
            Some(Large::Set(map)) => take_large(map, picks, hasher),
            _ => self.0.edit_packed(|packed| take_packed(packed, picks)),
        }
    }

    /// Gives the set a map, if it has none, and borrows it.
    fn unpack(&mut self) -> &mut Arc<LargeMembers> {
        if let Some(packed) = self.0.packed() {
            let map = unpacked(packed, self.0.hasher);
            self.0.put_large(Large::Set(Arc::new(map)));
        }
        match self.0.large_mut() {
            Some(Large::Set(map)) => map,
            other => unreachable!("the record of a set stays one: {other:?}"),
        }
    }
}

/// Makes a map of packed members.
pub(super) fn unpacked(packed: &[u8], hasher: &RandomState) -> LargeMembers {
    let mut map = LargeMembers::new(hasher);
    for member in members::members(packed) {
        map.set(&member.as_bytes(&mut [0; 20]), b"");
    }
    map
}

fn take_packed(packed: &mut Vec<u8>, picks: &[usize]) -> Vec<Vec<u8>> {
    let mut taken = Vec::with_capacity(picks.len());
    let mut kept = match members::members(packed) {
        members::Members::Integers(_) => members::EMPTY.to_vec(),
        members::Members::Strings(_) => members::EMPTY_STRINGS.to_vec(),
    };
    let mut picks = picks.iter().peekable();
    for (index, member) in members::members(packed).enumerate() {
        if picks.next_if(|pick| **pick == index).is_some() {
            let mut bytes = Vec::new();
            member.write_to(&mut bytes);
            taken.push(bytes);
        } else {
            members::append(&mut kept, member);
        }
    }
    assert!(picks.next().is_none(), "a member to be taken is not there");
    *packed = kept;
    taken
}

fn take_large(map: &mut Arc<LargeMembers>, picks: &[usize], hasher: &RandomState) -> Vec<Vec<u8>> {
    let at =
        |map: &LargeMembers, i| map.nth(i).expect("there is a member at each index").0.to_vec();
    let left = map.len() - picks.len();
    if left > picks.len() / REBUILT_PART {
        let map = Arc::make_mut(map);
        // From the last on, so that the indices of the others stay.
        let mut taken = Vec::with_capacity(picks.len());
        for pick in picks.iter().rev() {
            let member = at(map, *pick);
            map.remove(&member);
            taken.push(member);
        }
        return taken;
    }
    let mut taken = Vec::with_capacity(picks.len());
    let mut kept = LargeMembers::new(hasher);
    let mut picks = picks.iter().peekable();
    for (index, (member, _)) in map.iter().enumerate() {
        if picks.next_if(|pick| **pick == index).is_some() {
            taken.push(member.to_vec());
        } else {
            kept.set(member, b"");
        }
    }
    *map = Arc::new(kept);
    taken
}
