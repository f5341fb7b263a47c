//! Moves an element from one list to another.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Key, ListEnd};

use super::pop::{notify_removed, pop_event, take_out};
use super::words::end;
use super::write::push_event;

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`: the element moved, or null.
pub fn lmove(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (from, to) = (end(call.args.word(3))?, end(call.args.word(4))?);
    transfer_or_null(call, from, to)
}

/// `RPOPLPUSH source destination`: moves the last element of a list to the front of another.
pub fn rpoplpush(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    transfer_or_null(call, ListEnd::Right, ListEnd::Left)
}

fn transfer_or_null(call: &mut Call<'_, '_>, from: ListEnd, to: ListEnd) -> Result<Flow, Fault> {
    let (source, destination) = (call.key(1), call.key(2));
    if !transfer(call, (&source, from), (&destination, to))? {
        call.reply.null();
    }
    Ok(Flow::Done)
}

/// Answers with the element it moves from an end of a list to one of another; says whether there is one.
pub(in crate::command) fn transfer(
    call: &mut Call<'_, '_>,
    (source, from): (&Key<'_>, ListEnd),
    (destination, to): (&Key<'_>, ListEnd),
) -> Result<bool, Fault> {
    let Some(list) = call.data.peek_list(source)? else { return Ok(false) };
    let len = list.len();
    let place = if from == ListEnd::Left { 0 } else { len - 1 };
    let element = list.get(place).expect("a list is not empty").to_vec();
    let is_same = source.bytes() == destination.bytes();
    if !is_same {
        call.data.peek_list(destination)?;
        take_out(&mut call.data, source, place, len);
    }
    let clock = call.data.clock();
    // One change, as `save` points go by that count; whoever watches the source hears of it too.
    call.data.touched_in(call.data.database, source);
    let mut db = call.data.db();
    let mut list = db.list_or_create(destination, clock);
    if is_same {
        list.remove(place..place + 1);
    }
    list.push(to, &element);
    call.data.changed(destination);
    call.data.notify(Classes::LIST, push_event(to), destination);
    notify_removed(call, source, pop_event(from), !is_same && len == 1);
    call.reply.bulk(&element);
    Ok(true)
}
