//! The packed forms of a small set: integers in their order, or strings in the order they came.
//!
//! Which of the two a set has, and when neither will do, is as Redis 7.2 has it: what was integers stays
//! so until a string comes, and what was strings stays so though only integers be left.

use std::ops::Range;

use super::integers::{self, Integers};
use super::string::Str;
use super::strings::{self, Strings};
use crate::keyspace::limits::Limits;
use crate::number::parse_i64_strict;

/// No members: integers, which turn into strings with the first that is none.
pub(super) const EMPTY: &[u8] = integers::EMPTY;

/// No members, and what comes will be kept as strings.
pub(super) const EMPTY_STRINGS: &[u8] = strings::EMPTY;

/// The most strings; the count that follows is the mark of integers.
const STRINGS_MAX: usize = u16::MAX as usize - 1;

/// Walks packed members.
#[derive(Clone, Debug)]
pub(super) enum Members<'p> {
    Integers(Integers<'p>),
    Strings(Strings<'p>),
}

/// Where a member lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// At this index among the integers.
    Integer(usize),
    /// In these bytes.
    String(Range<usize>),
}

/// What it takes to add a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addition {
    /// Nothing, as it is there.
    None,
    /// To insert this integer before the one at the index.
    Integer(usize, i64),
    /// To append it as a string; integers become strings.
    String,
    /// A form that is not packed.
    Large,
}

/// Walks the members.
#[inline]
pub(super) fn members(packed: &[u8]) -> Members<'_> {
    match Integers::of(packed) {
        Some(integers) => Members::Integers(integers),
        None => Members::Strings(strings::strings(packed)),
    }
}

/// Finds a member.
pub(super) fn find(packed: &[u8], member: Str<'_>) -> Option<Found> {
    match members(packed) {
        Members::Integers(integers) => integers.find(integer(member)?).ok().map(Found::Integer),
        Members::Strings(mut walk) => {
            let mut digits = [0; 20];
            let member = &*member.as_bytes(&mut digits);
            while let Some((found, whole)) = walk.next_placed() {
                if found == member {
                    return Some(Found::String(whole));
                }
            }
            None
        }
    }
}

/// Decides how a member is added.
pub(super) fn addition(packed: &[u8], member: Str<'_>, limits: &Limits) -> Addition {
    if find(packed, member).is_some() {
        return Addition::None;
    }
    let len = members(packed).len();
    if let (Some(integers), Some(number)) = (Integers::of(packed), integer(member)) {
        return match integers.find(number) {
            Err(at) if len < limits.set_integers_max() => Addition::Integer(at, number),
            _ => Addition::Large,
        };
    }
    let extremes = Integers::of(packed).and_then(|integers| integers.extremes());
    let longest = extremes.map_or(0, |(low, high)| Str::Int(low).len().max(Str::Int(high).len()));
    let fits = len < limits.set_entries_max().min(STRINGS_MAX)
        && member.len().max(longest) <= limits.set_value_bytes_max();
    if fits { Addition::String } else { Addition::Large }
}

/// Adds a member as was decided; a large form is for the caller to make.
pub(super) fn add(packed: &mut Vec<u8>, member: Str<'_>, addition: Addition) {
    match addition {
        Addition::Integer(at, number) => integers::insert(packed, at, number),
        Addition::String => {
            if let Some(integers) = Integers::of(packed) {
                *packed = as_strings(integers);
            }
            strings::push(packed, &member.as_bytes(&mut [0; 20]));
        }
        Addition::None | Addition::Large => {}
    }
}

/// Adds a member that comes after all others and fits the form.
pub(super) fn append(packed: &mut Vec<u8>, member: Str<'_>) {
    match (Integers::of(packed), member) {
        (Some(integers), Str::Int(number)) => {
            let end = integers.len();
            integers::insert(packed, end, number);
        }
        _ => strings::push(packed, &member.as_bytes(&mut [0; 20])),
    }
}

/// Removes a member that was found.
pub(super) fn remove(packed: &mut Vec<u8>, found: Found) {
    match found {
        Found::Integer(at) => integers::remove(packed, at),
        Found::String(whole) => strings::remove(packed, whole, 1),
    }
}

/// Makes integers of members if all are.
pub(super) fn as_integers<'p>(members: impl Iterator<Item = Str<'p>>) -> Option<Vec<u8>> {
    let mut all = EMPTY.to_vec();
    for member in members {
        let number = integer(member)?;
        let place = Integers::of(&all).and_then(|integers| integers.find(number).err())?;
        integers::insert(&mut all, place, number);
    }
    Some(all)
}

fn as_strings(integers: Integers<'_>) -> Vec<u8> {
    let mut all = EMPTY_STRINGS.to_vec();
    integers
        .for_each(|number| strings::push(&mut all, itoa::Buffer::new().format(number).as_bytes()));
    all
}

/// The integer that a member reads as.
pub(super) fn integer(member: Str<'_>) -> Option<i64> {
    match member {
        Str::Int(number) => Some(number),
        Str::Bytes(bytes) => parse_i64_strict(bytes),
        // No integer is as long as that.
        Str::Blocks(_) => None,
    }
}

impl<'p> Iterator for Members<'p> {
    type Item = Str<'p>;

    #[inline]
    fn next(&mut self) -> Option<Str<'p>> {
        match self {
            Self::Integers(integers) => integers.next().map(Str::Int),
            Self::Strings(strings) => strings.next().map(Str::Bytes),
        }
    }

    fn nth(&mut self, n: usize) -> Option<Str<'p>> {
        match self {
            Self::Integers(integers) => integers.nth(n).map(Str::Int),
            Self::Strings(strings) => strings.nth(n).map(Str::Bytes),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Integers(integers) => integers.size_hint(),
            Self::Strings(strings) => strings.size_hint(),
        }
    }
}

impl ExactSizeIterator for Members<'_> {}
