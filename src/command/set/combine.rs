//! What commands on several sets have in common: finding them, telling members, storing a result.

use crate::command::generic::remove_key;
use crate::command::{Call, Classes, Fault};
use crate::keyspace::{Db, Key, Set, SetBuilder, Str, Value};
use crate::net::Reply;

/// Writes a member.
pub(super) fn tell(reply: &mut Reply<'_>, member: Str<'_>) {
    match member {
        Str::Int(number) => reply.bulk_int(number),
        other => reply.bulk(&other.to_bytes()),
    }
}

/// Looks up the keys from word `first` to before word `end`; none for those that are absent.
///
/// The first one that holds something else is an error, whatever the others hold.
pub(super) fn find_keys<'c>(
    call: &mut Call<'c, '_>,
    first: usize,
    end: usize,
) -> Result<Vec<Option<Key<'c>>>, Fault> {
    let found = (first..end).map(|index| {
        let key = call.key(index);
        call.data.read_set(&key).map(|set| set.map(|_| key))
    });
    found.collect()
}

/// Borrows the set of a key that was just found to hold one.
pub(super) fn set_of<'d>(db: &'d Db<'_>, key: &Key<'_>) -> Set<'d> {
    match db.find(key).map(|entry| entry.value()) {
        Some(Value::Set(set)) => set,
        other => unreachable!("{other:?} is not the set that was just seen"),
    }
}

/// Writes a result.
pub(super) fn tell_all(reply: &mut Reply<'_>, set: Set<'_>) {
    reply.set(set.len());
    set.iter().for_each(|member| tell(reply, member));
}

/// Makes a result the value of the key in word 1; an empty one removes what is there.
///
/// `event` is what those are told who subscribe.
pub(super) fn store(call: &mut Call<'_, '_>, result: SetBuilder<'_>, event: &'static str) {
    let key = call.key(1);
    let len = result.view().len();
    let was_there = call.data.is_live(&key);
    if len > 0 {
        let clock = call.data.clock();
        call.data.db().insert(&key, result.finish(), clock);
        call.data.changed(&key);
        call.data.notify(Classes::SET, event, &key);
    } else if was_there {
        remove_key(call, &key);
        call.data.changed(&key);
        call.data.notify(Classes::GENERIC, "del", &key);
    }
    call.reply.count(len);
}
