//! Adds, removes and moves members.

use crate::command::generic::remove_key;
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::Key;

/// `SADD key member [member …]`: how many members are new.
pub fn sadd(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let members = call.args.from(2);
    call.data.peek_set(&key)?;
    let clock = call.data.clock();
    let mut db = call.data.db();
    let mut set = db.set_or_create(&key, clock);
    set.expect(call.args.word(2), members.len());
    let added = members.iter().filter(|member| set.insert(member)).count();
    note(call, &key, added);
    if added > 0 {
        call.data.notify(Classes::SET, "sadd", &key);
    }
    call.reply.count(added);
    Ok(Flow::Done)
}

/// `SREM key member [member …]`: how many were members; a set without members is no more.
pub fn srem(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let members = call.args.from(2);
    if call.data.peek_set(&key)?.is_none() {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let clock = call.data.clock();
    let mut db = call.data.db();
    db.touch(&key, clock);
    let Some(mut set) = db.set_mut(&key) else { unreachable!("the set was just seen") };
    let removed = members.iter().filter(|member| set.remove(member)).count();
    let is_gone = set.is_empty();
    if is_gone {
        remove_key(call, &key);
    }
    note(call, &key, removed);
    if removed > 0 {
        notify_removed(call, &key, "srem", is_gone);
    }
    call.reply.count(removed);
    Ok(Flow::Done)
}

/// `SMOVE source destination member`: 1 if it was a member of the source.
pub fn smove(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (source, destination) = (call.key(1), call.key(2));
    let member = call.args.word(3);
    let found = call.data.peek_set(&source)?.map(|set| set.contains(member));
    if found.is_some() {
        call.data.peek_set(&destination)?;
    } else {
        // It is looked for all the same, and removed if it has expired.
        call.data.is_live(&destination);
    }
    let found = found.unwrap_or(false);
    call.reply.integer(i64::from(found));
    if !found || source.bytes() == destination.bytes() {
        return Ok(Flow::Done);
    }
    let clock = call.data.clock();
    let mut db = call.data.db();
    db.touch(&source, clock);
    let Some(mut set) = db.set_mut(&source) else { unreachable!("the set was just seen") };
    set.remove(member);
    let is_gone = set.is_empty();
    if is_gone {
        remove_key(call, &source);
    }
    call.data.changed(&source);
    notify_removed(call, &source, "srem", is_gone);
    let mut db = call.data.db();
    let mut set = db.set_or_create(&destination, clock);
    set.expect(member, 1);
    if set.insert(member) {
        call.data.changed(&destination);
        call.data.notify(Classes::SET, "sadd", &destination);
    }
    Ok(Flow::Done)
}

/// Has those told who subscribe that members were removed, and maybe the key with its last one.
pub(super) fn notify_removed(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    event: &'static str,
    is_gone: bool,
) {
    call.data.notify(Classes::SET, event, key);
    if is_gone {
        call.data.notify(Classes::GENERIC, "del", key);
    }
}

/// Notes that `count` members of a set came or went; Redis counts each as a change.
pub(super) fn note(call: &mut Call<'_, '_>, key: &Key<'_>, count: usize) {
    if count > 0 {
        call.data.changed(key);
        call.data.effect.changed(count as u64 - 1);
    }
}
