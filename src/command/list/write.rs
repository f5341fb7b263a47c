//! Puts elements in.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::ListEnd;

use super::words::{index, integer};

/// What becomes of a push to a key that is absent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    Created,
    LeftAbsent,
}

/// `LPUSH key element [element …]`: how long the list is now.
pub fn lpush(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    push(call, ListEnd::Left, Absent::Created)
}

/// `RPUSH key element [element …]`: how long the list is now.
pub fn rpush(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    push(call, ListEnd::Right, Absent::Created)
}

/// `LPUSHX key element [element …]`: how long the list is now, 0 if there is none.
pub fn lpushx(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    push(call, ListEnd::Left, Absent::LeftAbsent)
}

/// `RPUSHX key element [element …]`: how long the list is now, 0 if there is none.
pub fn rpushx(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    push(call, ListEnd::Right, Absent::LeftAbsent)
}

/// `LINSERT key BEFORE|AFTER pivot element`: how long the list is now, -1 if the pivot is not in it.
pub fn linsert(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (args, key) = (call.args, call.key(1));
    let distance = match args.word(2) {
        word if word.eq_ignore_ascii_case(b"BEFORE") => 0,
        word if word.eq_ignore_ascii_case(b"AFTER") => 1,
        _ => return Err(Fault::SYNTAX),
    };
    let Some(list) = call.data.peek_list(&key)? else {
        call.reply.integer(0);
        return Ok(Flow::Done);
    };
    let (pivot, element) = (args.word(3), args.word(4));
    let Some(place) = list.iter().position(|other| other == pivot) else {
        call.reply.integer(-1);
        return Ok(Flow::Done);
    };
    let clock = call.data.clock();
    let mut db = call.data.db();
    let Some(mut list) = db.list_mut_used(&key, clock) else { unreachable!("it was just seen") };
    list.insert(place + distance, element);
    let len = list.len();
    call.data.changed(&key);
    call.data.notify(Classes::LIST, "linsert", &key);
    call.reply.count(len);
    Ok(Flow::Done)
}

/// `LSET key index element`: puts an element in the place of another.
pub fn lset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let list = call.data.peek_list(&key)?.ok_or(Fault::NO_SUCH_KEY)?;
    let place = index(integer(call.args.word(2))?, list.len());
    let place = place.ok_or(Fault::fixed("ERR index out of range"))?;
    let clock = call.data.clock();
    let mut db = call.data.db();
    let Some(mut list) = db.list_mut_used(&key, clock) else { unreachable!("it was just seen") };
    list.set(place, call.args.word(3));
    call.data.changed(&key);
    call.data.notify(Classes::LIST, "lset", &key);
    call.reply.ok();
    Ok(Flow::Done)
}

/// What those are told who subscribe to events.
pub(super) fn push_event(end: ListEnd) -> &'static str {
    if end == ListEnd::Left { "lpush" } else { "rpush" }
}

#[inline]
fn push(call: &mut Call<'_, '_>, end: ListEnd, absent: Absent) -> Result<Flow, Fault> {
    let (args, key) = (call.args, call.key(1));
    let is_there = call.data.peek_list(&key)?.is_some();
    if !is_there && absent == Absent::LeftAbsent {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let clock = call.data.clock();
    let mut db = call.data.db();
    let found = if is_there { db.list_mut_used(&key, clock) } else { None };
    let mut list = match found {
        Some(list) => list,
        None => db.list_or_create(&key, clock),
    };
    let elements = args.from(2);
    for element in elements {
        list.push(end, element);
    }
    let len = list.len();
    call.data.changed(&key);
    // Redis counts each element as a change; `save` points go by that count.
    call.data.effect.changed(elements.len() as u64 - 1);
    call.data.notify(Classes::LIST, push_event(end), &key);
    call.reply.count(len);
    Ok(Flow::Done)
}
