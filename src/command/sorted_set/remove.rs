//! Removes members, by name or by range.

use std::ops::Range;

use super::bounds::{Bounds, By};
use crate::command::generic::remove_key;
use crate::command::room::words_bytes;
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Key, SortedSet};

/// The members from which on what was removed is freed elsewhere.
const MEMBERS_LATER: usize = 64;

/// `ZREM key member [member …]`: how many members were there.
pub fn zrem(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    if call.data.peek_sorted_set(&key)?.is_none() {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let members = call.args.from(2);
    let mut db = call.data.db();
    let Some(mut set) = db.sorted_set_mut(&key) else { unreachable!("the set was just seen") };
    let removed = members.iter().filter(|member| set.remove(member).is_some()).count();
    let is_gone = set.is_empty();
    if is_gone {
        db.remove(&key);
    }
    if removed > 0 {
        let clock = call.data.clock();
        call.data.db().touch(&key, clock);
        note_removed(call, &key, removed);
        notify_removed(call, &key, "zrem", is_gone);
    }
    call.reply.count(removed);
    Ok(Flow::Done)
}

/// `ZREMRANGEBYRANK key start stop`: how many members were removed.
pub fn zremrangebyrank(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    remove_between(call, By::Rank, "zremrangebyrank")
}

/// `ZREMRANGEBYSCORE key min max`: how many members were removed.
pub fn zremrangebyscore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    remove_between(call, By::Score, "zremrangebyscore")
}

/// `ZREMRANGEBYLEX key min max`: how many members were removed.
pub fn zremrangebylex(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    remove_between(call, By::Member, "zremrangebylex")
}

fn remove_between(call: &mut Call<'_, '_>, by: By, event: &'static str) -> Result<Flow, Fault> {
    let bounds = Bounds::parse(by, call.args.word(2), call.args.word(3))?;
    let key = call.key(1);
    let Some(set) = call.data.peek_sorted_set(&key)? else {
        call.reply.integer(0);
        return Ok(Flow::Done);
    };
    let ranks = bounds.ranks(&set);
    let count = ranks.len();
    let is_gone = count == set.len();
    // A range by members says nothing certain of several scores: others might remove something else.
    let named = (by == By::Member && !set.has_one_score()).then(|| names_of(&set, ranks.clone()));
    if count > 0 {
        if let Some(named) = &named {
            call.make_room(words_bytes(named.iter().map(Vec::len)))?;
        }
        remove_ranks(call, &key, ranks);
        note_removed(call, &key, count);
        notify_removed(call, &key, event, is_gone);
        if let Some(named) = named {
            let members = named.iter().map(Vec::as_slice);
            let words: Vec<_> = [b"ZREM", key.bytes()].into_iter().chain(members).collect();
            call.data.effect.rewrite(&words);
        }
    }
    call.reply.count(count);
    Ok(Flow::Done)
}

fn names_of(set: &SortedSet<'_>, ranks: Range<usize>) -> Vec<Vec<u8>> {
    set.range(ranks).map(|member| member.bytes.to_vec()).collect()
}

/// Removes the members of some ranks, and the key with its last member.
pub(super) fn remove_ranks(call: &mut Call<'_, '_>, key: &Key<'_>, ranks: Range<usize>) {
    let clock = call.data.clock();
    let mut db = call.data.db();
    db.touch(key, clock);
    let Some(mut set) = db.sorted_set_mut(key) else { unreachable!("the set was just seen") };
    if ranks.len() == set.len() {
        remove_key(call, key);
    } else {
        let count = ranks.len();
        let removed = set.remove_range(ranks);
        if let Some(removed) = removed.filter(|_| count >= MEMBERS_LATER) {
            call.host.drop_later(Box::new(removed));
        }
    }
}

/// Has those told who subscribe that members were removed, and maybe the key with its last one.
fn notify_removed(call: &mut Call<'_, '_>, key: &Key<'_>, event: &'static str, is_gone: bool) {
    call.data.notify(Classes::SORTED_SET, event, key);
    if is_gone {
        call.data.notify(Classes::GENERIC, "del", key);
    }
}

/// Notes that the command removed so many members.
pub(super) fn note_removed(call: &mut Call<'_, '_>, key: &Key<'_>, count: usize) {
    call.data.changed(key);
    call.data.effect.changed(count as u64 - 1);
}
