//! Takes members out from either end.

use std::ops::Range;

use super::remove::{note_removed, remove_ranks};
use super::tell::{Told, tell_all};
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::Key;
use crate::number::parse_i64_strict;

/// The end that members are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum End {
    /// From the lowest member on.
    Lowest,
    /// From the highest member down.
    Highest,
}

/// `ZPOPMIN key [count]`: the lowest members, removed.
pub fn zpopmin(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop_from_one(call, End::Lowest)
}

/// `ZPOPMAX key [count]`: the highest members, removed.
pub fn zpopmax(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop_from_one(call, End::Highest)
}

/// `ZMPOP numkeys key [key …] MIN | MAX [COUNT count]`: members of the first sorted set there is.
pub fn zmpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let wanted = Several::parse(call, 1)?;
    let popped = pop_from_first(call, wanted)?;
    if !popped {
        call.reply.null_array();
    }
    Ok(Flow::Done)
}

fn pop_from_one(call: &mut Call<'_, '_>, end: End) -> Result<Flow, Fault> {
    const NOT_POSITIVE: Fault = Fault::fixed("ERR value is out of range, must be positive");
    if call.args.len() > 3 {
        return Err(Fault::SYNTAX);
    }
    let count = match call.args.get(2).map(parse_i64_strict) {
        None => 1,
        Some(count) => count.and_then(|n| usize::try_from(n).ok()).ok_or(NOT_POSITIVE)?,
    };
    // Without a count there is no array of pairs, whatever the protocol.
    let is_flat = call.args.len() == 2;
    let told = if is_flat { Told::Flat } else { Told::scores_in(call.reply.protocol()) };
    let key = call.key(1);
    if call.data.peek_sorted_set(&key)?.is_none() || count == 0 {
        call.reply.array(0);
        return Ok(Flow::Done);
    }
    pop(call, &key, end, count, told);
    Ok(Flow::Done)
}

/// What is popped from the first sorted set among several keys.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct Several {
    first_key: usize,
    keys: usize,
    end: End,
    count: usize,
}

impl Several {
    /// Reads `numkeys key [key …] MIN | MAX [COUNT count]`, given the place of `numkeys`.
    pub(in crate::command) fn parse(call: &Call<'_, '_>, numkeys: usize) -> Result<Self, Fault> {
        const NO_KEYS: Fault = Fault::fixed("ERR numkeys should be greater than 0");
        const NO_COUNT: Fault = Fault::fixed("ERR count should be greater than 0");
        let keys = positive(call.args.word(numkeys)).ok_or(NO_KEYS)?;
        let mut options = call.args.from(keys.saturating_add(numkeys + 1)).iter();
        let end = match options.next() {
            Some(word) if word.eq_ignore_ascii_case(b"MIN") => End::Lowest,
            Some(word) if word.eq_ignore_ascii_case(b"MAX") => End::Highest,
            _ => return Err(Fault::SYNTAX),
        };
        let mut count = None;
        while let Some(word) = options.next() {
            if count.is_some() || !word.eq_ignore_ascii_case(b"COUNT") {
                return Err(Fault::SYNTAX);
            }
            let number = options.next().ok_or(Fault::SYNTAX)?;
            count = Some(positive(number).ok_or(NO_COUNT)?);
        }
        Ok(Self { first_key: numkeys + 1, keys, end, count: count.unwrap_or(1) })
    }
}

impl Several {
    /// Returns the words that are the keys.
    pub(in crate::command) fn keys(self) -> Range<usize> {
        self.first_key..self.first_key + self.keys
    }
}

fn positive(text: &[u8]) -> Option<usize> {
    parse_i64_strict(text).and_then(|number| usize::try_from(number).ok()).filter(|n| *n > 0)
}

/// Pops from the first of the keys that is there, which the reply names; tells whether there is one.
///
/// The effect is a `ZPOPMIN` or `ZPOPMAX` of that key.
pub(in crate::command) fn pop_from_first(
    call: &mut Call<'_, '_>,
    wanted: Several,
) -> Result<bool, Fault> {
    for index in wanted.keys() {
        let key = call.key(index);
        if call.data.peek_sorted_set(&key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key.bytes());
        let popped = pop(call, &key, wanted.end, wanted.count, Told::Pairs);
        let mut digits = itoa::Buffer::new();
        let count = digits.format(popped).as_bytes();
        call.data.effect.rewrite(&[wanted.end.command(), key.bytes(), count]);
        return Ok(true);
    }
    Ok(false)
}

/// Pops up to `count` members of a sorted set that is there and tells them; returns how many.
pub(in crate::command) fn pop(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    end: End,
    count: usize,
    told: Told,
) -> usize {
    let Ok(Some(set)) = call.data.peek_sorted_set(key) else {
        unreachable!("the sorted set was just seen")
    };
    let len = set.len();
    let popped = count.min(len);
    let ranks = match end {
        End::Lowest => 0..popped,
        End::Highest => len - popped..len,
    };
    match end {
        End::Lowest => tell_all(&mut call.reply, set.range(ranks.clone()), told),
        End::Highest => tell_all(&mut call.reply, set.range_back(ranks.clone()), told),
    }
    remove_ranks(call, key, ranks);
    note_removed(call, key, popped);
    notify(call, key, end, len - popped);
    popped
}

/// Pops the member at an end of a sorted set that is there, and tells the key with it.
///
/// The effect is a `ZPOPMIN` or `ZPOPMAX` of the key.
pub(in crate::command) fn pop_one(call: &mut Call<'_, '_>, key: &Key<'_>, end: End) {
    let set = call.data.peek_sorted_set(key).ok().flatten();
    let set = set.expect("the sorted set was just seen");
    let len = set.len();
    let rank = if end == End::Lowest { 0 } else { len - 1 };
    let member = set.nth(rank).expect("a sorted set is not empty");
    call.reply.array(3);
    call.reply.bulk(key.bytes());
    call.reply.bulk(member.bytes);
    call.reply.double(member.score);
    remove_ranks(call, key, rank..rank + 1);
    note_removed(call, key, 1);
    notify(call, key, end, len - 1);
    call.data.effect.rewrite(&[end.command(), key.bytes()]);
}

/// Has those told who subscribe that members were popped, and the key with its last one.
fn notify(call: &mut Call<'_, '_>, key: &Key<'_>, end: End, left: usize) {
    let event = if end == End::Lowest { "zpopmin" } else { "zpopmax" };
    call.data.notify(Classes::SORTED_SET, event, key);
    if left == 0 {
        call.data.notify(Classes::GENERIC, "del", key);
    }
}

impl End {
    /// The command that pops from this end.
    fn command(self) -> &'static [u8] {
        match self {
            Self::Lowest => b"ZPOPMIN",
            Self::Highest => b"ZPOPMAX",
        }
    }
}
