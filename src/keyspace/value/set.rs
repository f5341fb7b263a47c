//! Set values: packed while small, a map without values when large.

use super::members::{self, Members};
use super::string::Str;
use crate::keyspace::large::{LargeMembers, MapIter};
use crate::keyspace::scan::ScanCursor;

/// A set borrowed for reading.
#[derive(Clone, Copy, Debug)]
pub struct Set<'e>(Form<'e>);

#[derive(Clone, Copy, Debug)]
enum Form<'e> {
    Packed(&'e [u8]),
    Large(&'e LargeMembers),
}

/// Walks the members: integers in their order, strings in the order they came while packed.
#[derive(Clone, Debug)]
pub struct SetIter<'e>(Walk<'e>);

#[derive(Clone, Debug)]
enum Walk<'e> {
    Packed(Members<'e>),
    Large(MapIter<'e, 1>),
}

impl<'e> Set<'e> {
    pub(in crate::keyspace) fn packed(bytes: &'e [u8]) -> Self {
        Self(Form::Packed(bytes))
    }

    pub(in crate::keyspace) fn large(map: &'e LargeMembers) -> Self {
        Self(Form::Large(map))
    }

    /// Borrows the map of a large set.
    pub(super) fn as_large(&self) -> Option<&'e LargeMembers> {
        match self.0 {
            Form::Packed(_) => None,
            Form::Large(map) => Some(map),
        }
    }

    /// Counts the members.
    pub fn len(&self) -> usize {
        match self.0 {
            Form::Packed(bytes) => members::members(bytes).len(),
            Form::Large(map) => map.len(),
        }
    }

    /// Tells whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether `member` is one.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.has(Str::Bytes(member))
    }

    /// Tells whether a member of another set is one of this set too.
    pub fn has(&self, member: Str<'_>) -> bool {
        match self.0 {
            Form::Packed(bytes) => members::find(bytes, member).is_some(),
            Form::Large(map) => map.contains(&member.as_bytes(&mut [0; 20])),
        }
    }

    /// Walks the members.
    pub fn iter(&self) -> SetIter<'e> {
        SetIter(match self.0 {
            Form::Packed(bytes) => Walk::Packed(members::members(bytes)),
            Form::Large(map) => Walk::Large(map.iter()),
        })
    }

    /// Finds the member at index `i` of [`Self::iter`], for picking one at random.
    pub fn nth(&self, i: usize) -> Option<Str<'e>> {
        match self.0 {
            Form::Packed(bytes) => members::members(bytes).nth(i),
            Form::Large(map) => map.nth(i).map(|(member, _)| Str::Bytes(member)),
        }
    }

    /// Visits about `count` members from `cursor` on and returns where to go on, or the end.
    ///
    /// A packed set is visited whole. A member that is there throughout a scan is visited.
    pub fn scan(
        &self,
        cursor: ScanCursor,
        count: usize,
        mut visit: impl FnMut(Str<'e>),
    ) -> ScanCursor {
        match self.0 {
            Form::Packed(bytes) => {
                members::members(bytes).for_each(visit);
                ScanCursor::START
            }
            // A set has no shards: a cursor that names one was made up by the client.
            Form::Large(_) if cursor.shard() != 0 => ScanCursor::START,
            Form::Large(map) => {
                let next = map.scan(cursor.place(), count, |member, _| visit(Str::Bytes(member)));
                next.map_or(ScanCursor::START, |place| ScanCursor::new(0, place))
            }
        }
    }

    /// Tells whether the set has a small, packed form.
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Tells whether the set is packed and all its members are kept as integers.
    pub fn is_integers(&self) -> bool {
        matches!(self.0, Form::Packed(bytes) if matches!(members::members(bytes), Members::Integers(_)))
    }
}

impl<'e> IntoIterator for &Set<'e> {
    type Item = Str<'e>;
    type IntoIter = SetIter<'e>;

    fn into_iter(self) -> SetIter<'e> {
        self.iter()
    }
}

impl<'e> Iterator for SetIter<'e> {
    type Item = Str<'e>;

    #[inline]
    fn next(&mut self) -> Option<Str<'e>> {
        match &mut self.0 {
            Walk::Packed(members) => members.next(),
            Walk::Large(walk) => walk.next().map(|(member, _)| Str::Bytes(member)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Walk::Packed(members) => members.size_hint(),
            Walk::Large(walk) => walk.size_hint(),
        }
    }
}

impl ExactSizeIterator for SetIter<'_> {}
