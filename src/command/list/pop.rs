//! Takes elements from an end.

use std::ops::Range;

use crate::command::call::Data;
use crate::command::generic::remove_key;
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Key, List, ListCut, ListEnd};
use crate::net::Reply;
use crate::net::args::Args;

use super::words::{at_least, end};

/// The elements from which on what was cut off is dropped elsewhere.
const DROPPED_LATER: usize = 64;

const NOT_POSITIVE: Fault = Fault::fixed("ERR value is out of range, must be positive");

/// `LPOP key [count]`: the first element, or the first ones.
pub fn lpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop(call, ListEnd::Left, "ERR wrong number of arguments for 'lpop' command")
}

/// `RPOP key [count]`: the last element, or the last ones from the end on.
pub fn rpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop(call, ListEnd::Right, "ERR wrong number of arguments for 'rpop' command")
}

/// `LMPOP numkeys key [key …] LEFT|RIGHT [COUNT count]`: elements of the first list that has some.
pub fn lmpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let pops = PopsOfFirst::read(&call.args, 1)?;
    if !pops.run(call)? {
        call.reply.null_array();
    }
    Ok(Flow::Done)
}

/// What `LMPOP` and its kin ask for: elements from one end of the first list that has some.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct PopsOfFirst {
    first_key: usize,
    keys_count: usize,
    end: ListEnd,
    count: usize,
}

impl PopsOfFirst {
    /// Reads the words from the one that tells the number of keys on.
    pub(in crate::command) fn read(args: &Args<'_>, at: usize) -> Result<Self, Fault> {
        const KEYS: Fault = Fault::fixed("ERR numkeys should be greater than 0");
        const COUNT: Fault = Fault::fixed("ERR count should be greater than 0");
        let (first_key, keys_count) = (at + 1, at_least(1, args.word(at), KEYS)?);
        let end_at = first_key.saturating_add(keys_count);
        let end = end(args.get(end_at).ok_or(Fault::SYNTAX)?)?;
        let options = args.from(end_at + 1);
        let count = match (options.get(0), options.get(1), options.len()) {
            (None, ..) => 1,
            (Some(word), Some(count), 2..) if word.eq_ignore_ascii_case(b"COUNT") => {
                at_least(1, count, COUNT)?
            }
            _ => return Err(Fault::SYNTAX),
        };
        if options.len() > 2 {
            return Err(Fault::SYNTAX);
        }
        Ok(Self { first_key, keys_count, end, count })
    }

    /// Returns the words that are the keys.
    pub(in crate::command) fn keys(self) -> Range<usize> {
        self.first_key..self.first_key + self.keys_count
    }

    /// Answers with a key and its elements; says whether there was one.
    pub(in crate::command) fn run(self, call: &mut Call<'_, '_>) -> Result<bool, Fault> {
        for index in self.keys() {
            let key = call.key(index);
            if call.data.peek_list(&key)?.is_none() {
                continue;
            }
            call.reply.array(2);
            call.reply.bulk(key.bytes());
            let popped = pop_several(call, &key, self.end, self.count);
            let name: &[u8] = if self.end == ListEnd::Left { b"LPOP" } else { b"RPOP" };
            let mut digits = itoa::Buffer::new();
            let count = digits.format(popped).as_bytes();
            call.data.effect.rewrite(&[name, key.bytes(), count]);
            return Ok(true);
        }
        Ok(false)
    }
}

#[inline]
fn pop(call: &mut Call<'_, '_>, end: ListEnd, wrong_arity: &'static str) -> Result<Flow, Fault> {
    if call.args.len() > 3 {
        return Err(Fault::fixed(wrong_arity));
    }
    let key = call.key(1);
    let Some(count) = call.args.get(2) else {
        if !pop_one(call, &key, end)? {
            call.reply.null();
        }
        return Ok(Flow::Done);
    };
    let count = at_least(0, count, NOT_POSITIVE)?;
    match (call.data.peek_list(&key)?, count) {
        (None, _) => call.reply.null_array(),
        (Some(_), 0) => call.reply.array(0),
        (Some(_), count) => {
            pop_several(call, &key, end, count);
        }
    }
    Ok(Flow::Done)
}

/// Answers with the element at an end and takes it out; says whether there was one.
#[inline]
pub(in crate::command) fn pop_one(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    end: ListEnd,
) -> Result<bool, Fault> {
    let Some(list) = call.data.peek_list(key)? else { return Ok(false) };
    let len = list.len();
    let place = if end == ListEnd::Left { 0 } else { len - 1 };
    call.reply.bulk(list.get(place).expect("a list is not empty"));
    take_out(&mut call.data, key, place, len);
    call.data.changed(key);
    notify_removed(call, key, pop_event(end), len == 1);
    Ok(true)
}

/// Takes out the element at a place of a list of `len`, and the key with its last one.
#[inline]
pub(super) fn take_out(data: &mut Data<'_, '_>, key: &Key<'_>, place: usize, len: usize) {
    let clock = data.clock();
    let mut db = data.db();
    if len == 1 {
        db.remove(key);
    } else if let Some(mut list) = db.list_mut_used(key, clock) {
        list.remove(place..place + 1);
    }
}

/// Answers with up to `count` elements from an end of a list that is there, and takes them out.
fn pop_several(call: &mut Call<'_, '_>, key: &Key<'_>, end: ListEnd, count: usize) -> usize {
    let list = call.data.peek_list(key).ok().flatten().expect("the list was just seen");
    let len = list.len();
    let count = count.min(len);
    answer(&mut call.reply, list, end, count);
    if count == len {
        remove_key(call, key);
    } else {
        let clock = call.data.clock();
        let places = if end == ListEnd::Left { 0..count } else { len - count..len };
        let mut db = call.data.db();
        let cut = db.list_mut_used(key, clock).and_then(|mut list| list.remove(places));
        drop_cut(call, cut);
    }
    call.data.changed(key);
    call.data.effect.changed(count as u64 - 1);
    notify_removed(call, key, pop_event(end), count == len);
    count
}

/// What those are told who subscribe to events.
pub(super) fn pop_event(end: ListEnd) -> &'static str {
    if end == ListEnd::Left { "lpop" } else { "rpop" }
}

/// Has those told who subscribe that elements were removed, and maybe the key with its last one.
#[inline]
pub(super) fn notify_removed(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    event: &'static str,
    is_gone: bool,
) {
    call.data.notify(Classes::LIST, event, key);
    if is_gone {
        call.data.notify(Classes::GENERIC, "del", key);
    }
}

/// Has what was cut off a large list dropped elsewhere, if it is much.
pub(super) fn drop_cut(call: &Call<'_, '_>, cut: Option<ListCut>) {
    if let Some(cut) = cut.filter(|cut| cut.len() >= DROPPED_LATER) {
        call.host.drop_later(Box::new(cut));
    }
}

fn answer(reply: &mut Reply<'_>, list: List<'_>, end: ListEnd, count: usize) {
    reply.array(count);
    match end {
        ListEnd::Left => list.iter().take(count).for_each(|element| reply.bulk(element)),
        ListEnd::Right => {
            list.iter_back_from(list.len()).take(count).for_each(|element| reply.bulk(element));
        }
    }
}
