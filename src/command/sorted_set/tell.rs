//! How members are told in a reply.

use crate::keyspace::Member;
use crate::net::{Protocol, Reply};

/// What is told of each member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum Told {
    /// The member alone.
    Members,
    /// The member and its score, one after the other.
    Flat,
    /// The member and its score, as a pair.
    Pairs,
}

impl Told {
    /// How members are told with their scores where it depends on the protocol.
    pub(super) fn scores_in(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Resp2 => Self::Flat,
            Protocol::Resp3 => Self::Pairs,
        }
    }
}

/// Writes the members with what is told of each.
pub(super) fn tell_all<'m>(
    reply: &mut Reply<'_>,
    members: impl ExactSizeIterator<Item = Member<'m>>,
    told: Told,
) {
    begin(reply, members.len(), told);
    members.for_each(|member| tell(reply, member, told));
}

/// Begins the array of `count` members.
pub(super) fn begin(reply: &mut Reply<'_>, count: usize, told: Told) {
    reply.array(count * width(told));
}

/// Counts the elements of the array that a member takes.
pub(super) fn width(told: Told) -> usize {
    if told == Told::Flat { 2 } else { 1 }
}

/// Writes one member of the array.
pub(super) fn tell(reply: &mut Reply<'_>, member: Member<'_>, told: Told) {
    if told == Told::Pairs {
        reply.array(2);
    }
    reply.bulk(member.bytes);
    if told != Told::Members {
        reply.double(member.score);
    }
}
