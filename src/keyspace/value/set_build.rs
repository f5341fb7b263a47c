//! A set that is built outside the keyspace: what commands on several sets come to.

use std::sync::Arc;

use ahash::RandomState;

use super::Kind;
use super::members::{self, Addition};
use super::set::Set;
use super::set_mut::unpacked;
use super::string::Str;
use crate::keyspace::entry::{OwnedEntry, OwnedValue};
use crate::keyspace::large::LargeMembers;
use crate::keyspace::limits::Limits;
use crate::keyspace::slab::Large;

/// A set of its own, which no key holds yet.
///
/// It takes the forms that a set of a key would take, member by member.
#[derive(Debug)]
pub struct SetBuilder<'k> {
    limits: &'k Limits,
    hasher: &'k RandomState,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Packed(Vec<u8>),
    Large(LargeMembers),
}

impl<'k> SetBuilder<'k> {
    /// Begins with no members, of which integers are kept as such while no string comes.
    pub(in crate::keyspace) fn new(limits: &'k Limits, hasher: &'k RandomState) -> Self {
        Self { limits, hasher, form: Form::Packed(members::EMPTY.to_vec()) }
    }

    /// Keeps integers as strings while packed; for a set without members.
    #[must_use]
    pub fn as_strings(mut self) -> Self {
        self.form = Form::Packed(members::EMPTY_STRINGS.to_vec());
        self
    }

    /// Begins with all members of a set, without a copy, if they are enough for a large form even when
    /// `fewer` of them are gone; says whether they are.
    pub fn begin_with(&mut self, set: Set<'_>, fewer: usize) -> bool {
        let packed_max = self.limits.set_integers_max().max(self.limits.set_entries_max());
        let large = set.as_large().filter(|map| map.len().saturating_sub(fewer) > packed_max);
        if let Some(map) = large {
            self.form = Form::Large(map.clone());
        }
        large.is_some()
    }

    /// Borrows the set for reading.
    pub fn view(&self) -> Set<'_> {
        match &self.form {
            Form::Packed(packed) => Set::packed(packed),
            Form::Large(map) => Set::large(map),
        }
    }

    /// Adds a member; says whether it is new.
    pub fn insert(&mut self, member: Str<'_>) -> bool {
        if let Form::Packed(packed) = &mut self.form {
            match members::addition(packed, member, self.limits) {
                Addition::None => return false,
                Addition::Large => self.form = Form::Large(unpacked(packed, self.hasher)),
                addition => {
                    members::add(packed, member, addition);
                    return true;
                }
            }
        }
        let Form::Large(map) = &mut self.form else { unreachable!("it was just unpacked") };
        map.set(&member.as_bytes(&mut [0; 20]), b"")
    }

    /// Removes a member; says whether it was there.
    pub fn remove(&mut self, member: Str<'_>) -> bool {
        match &mut self.form {
            Form::Packed(packed) => {
                let Some(found) = members::find(packed, member) else { return false };
                members::remove(packed, found);
                true
            }
            Form::Large(map) => map.remove(&member.as_bytes(&mut [0; 20])),
        }
    }

    /// Keeps the members as integers, if all are and they are not too many for that.
    pub fn compact(&mut self) {
        let view = self.view();
        if view.is_integers() || view.len() > self.limits.set_integers_max() {
            return;
        }
        if let Some(integers) = members::as_integers(view.iter()) {
            self.form = Form::Packed(integers);
        }
    }

    /// Ends as what a key can hold.
    pub fn finish(self) -> OwnedEntry {
        let large = match self.form {
            Form::Packed(packed) => Large::Packed(Kind::Set, Arc::new(packed)),
            Form::Large(map) => Large::Set(Arc::new(map)),
        };
        OwnedEntry { value: OwnedValue::Large(large), raw: false, expiry: None }
    }
}
