//! `SUNION` and `SDIFF` and their kin: what is in any of several sets, or in the first alone.
//!
//! Both build a set of their own. Which form that has, and so in which order its members are told,
//! follows from the way it is built; it is built as Redis 7.2 builds it.

use super::combine::{find_keys, set_of, store, tell_all};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Key, Set, SetBuilder};

/// `SUNION key [key …]`: the members that are in any of the sets.
pub fn sunion(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let end = call.args.len();
    let keys = find_keys(call, 1, end)?;
    let result = unite(call, &keys);
    tell_all(&mut call.reply, result.view());
    Ok(Flow::Done)
}

/// `SUNIONSTORE destination key [key …]`: keeps what is in any of the sets, and counts it.
pub fn sunionstore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let end = call.args.len();
    let keys = find_keys(call, 2, end)?;
    let result = unite(call, &keys);
    store(call, result, "sunionstore");
    Ok(Flow::Done)
}

/// `SDIFF key [key …]`: the members of the first set that are in no other.
pub fn sdiff(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let end = call.args.len();
    let keys = find_keys(call, 1, end)?;
    let result = subtract(call, &keys);
    tell_all(&mut call.reply, result.view());
    Ok(Flow::Done)
}

/// `SDIFFSTORE destination key [key …]`: keeps what is in the first set alone, and counts it.
pub fn sdiffstore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let end = call.args.len();
    let keys = find_keys(call, 2, end)?;
    let result = subtract(call, &keys);
    store(call, result, "sdiffstore");
    Ok(Flow::Done)
}

fn unite<'c>(call: &mut Call<'c, '_>, keys: &[Option<Key<'_>>]) -> SetBuilder<'c> {
    let keyspace = call.data.keyspace;
    let mut result = keyspace.set_builder();
    let db = call.data.db();
    let mut sets: Vec<_> = keys.iter().flatten().map(|key| set_of(&db, key)).collect();
    let largest = sets.iter().enumerate().max_by_key(|(_, set)| set.len());
    if let Some((index, set)) = largest
        && result.begin_with(*set, 0)
    {
        sets.swap_remove(index);
    }
    for member in sets.iter().flat_map(Set::iter) {
        result.insert(member);
    }
    result
}

fn subtract<'c>(call: &mut Call<'c, '_>, keys: &[Option<Key<'_>>]) -> SetBuilder<'c> {
    let keyspace = call.data.keyspace;
    let mut result = keyspace.set_builder();
    let Some((Some(first), others)) = keys.split_first() else { return result };
    if others.iter().flatten().any(|key| key.bytes() == first.bytes()) {
        return result;
    }
    let db = call.data.db();
    let first = set_of(&db, first);
    let mut others: Vec<_> = others.iter().flatten().map(|key| set_of(&db, key)).collect();
    let removals = others.iter().map(Set::len).sum();
    if result.begin_with(first, removals) {
        remove_all(&mut result, &others);
        return result;
    }
    if is_cheaper_by_lookup(first, &others) {
        // In a large set a member is the more likely to be found.
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        for member in &first {
            if !others.iter().any(|set| set.has(member)) {
                result.insert(member);
            }
        }
        return result;
    }
    for member in &first {
        result.insert(member);
    }
    remove_all(&mut result, &others);
    result
}

fn remove_all(result: &mut SetBuilder<'_>, others: &[Set<'_>]) {
    for member in others.iter().flat_map(Set::iter) {
        result.remove(member);
        if result.view().is_empty() {
            break;
        }
    }
}

/// Tells whether to look each member of the first set up in the others rather than to take theirs out.
fn is_cheaper_by_lookup(first: Set<'_>, others: &[Set<'_>]) -> bool {
    let lookups = first.len() * (others.len() + 1);
    let members = first.len() + others.iter().map(Set::len).sum::<usize>();
    lookups / 2 <= members
}
