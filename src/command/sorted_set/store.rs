//! Puts a sorted set at a key as a whole.

use crate::command::generic::remove_key;
use crate::command::{Call, Classes, Data};
use crate::keyspace::{Key, OwnedEntry, Value};
use crate::number::format_double;

/// Puts a sorted set at a key in place of what it held; counts the members.
///
/// A key that would get none is removed. The request itself is the effect, where anything changed;
/// `event` is what those are told who subscribe.
pub(in crate::command) fn store(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    made: Option<OwnedEntry>,
    event: &'static str,
) -> usize {
    let made = made.filter(|made| made.value_ref().elements() > 0);
    let was_there = call.data.is_live(key);
    if let Some(made) = made {
        let count = made.value_ref().elements();
        let clock = call.data.clock();
        call.data.db().insert(key, made, clock);
        call.data.changed(key);
        call.data.notify(Classes::SORTED_SET, event, key);
        return count;
    }
    if was_there {
        remove_key(call, key);
        call.data.changed(key);
        call.data.notify(Classes::GENERIC, "del", key);
    }
    0
}

/// Does what [`store`] does, with an effect that names the members.
///
/// A range by members says nothing certain of a sorted set with several scores, so that others might
/// store something else.
pub(super) fn store_by_name(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    made: Option<OwnedEntry>,
    event: &'static str,
) -> usize {
    let changes = call.data.effect.changes();
    let was_there = call.data.is_live(key);
    let count = store(call, key, made, event);
    if call.data.effect.changes() > changes {
        if was_there {
            call.data.effect.rewrite(&[b"DEL", key.bytes()]);
        }
        if count > 0 {
            name_members(&mut call.data, key);
        }
    }
    count
}

fn name_members(data: &mut Data<'_, '_>, key: &Key<'_>) {
    let db = data.locked.db(data.database);
    let Some(Value::SortedSet(set)) = db.find(key).map(|entry| entry.value()) else {
        unreachable!("the sorted set was just stored")
    };
    let scores: Vec<_> = set.iter().map(|member| format_double(member.score)).collect();
    let mut words: Vec<&[u8]> = vec![b"ZADD", key.bytes()];
    for (member, score) in set.iter().zip(&scores) {
        words.extend([score.as_bytes(), member.bytes]);
    }
    data.effect.rewrite(&words);
}
