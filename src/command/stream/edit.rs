//! Changes what there is: `XDEL`, `XSETID`.

use super::id::parse;
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::StreamId;
use crate::number::parse_i64_strict;

const ADDED_NEGATIVE: Fault = Fault::fixed("ERR entries_added must be positive");
const BELOW_GIVEN_DELETED: Fault = Fault::fixed(
    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
);
const BELOW_DELETED: Fault =
    Fault::fixed("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
const BELOW_LAST: Fault =
    Fault::fixed("ERR The ID specified in XSETID is smaller than the target stream top item");
const ADDED_TOO_FEW: Fault = Fault::fixed(
    "ERR The entries_added specified in XSETID is smaller than the target stream length",
);

/// `XDEL key id [id …]`: how many entries were there.
pub fn xdel(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    if call.data.peek_stream(&key)?.is_none() {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let ids: Vec<_> = call.args.from(2).iter().map(parse).collect::<Result<_, _>>()?;
    let clock = call.data.clock();
    let mut db = call.data.db();
    let Some(stream) = db.stream_mut(&key, clock) else { unreachable!("the stream was just seen") };
    let removed = ids.into_iter().filter(|id| stream.remove(*id)).count();
    if removed > 0 {
        call.data.changed_unawaited(&key, removed as u64);
        call.data.notify(Classes::STREAM, "xdel", &key);
    }
    call.reply.count(removed);
    Ok(Flow::Done)
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`.
pub fn xsetid(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let id = parse(call.args.word(2))?;
    let (mut added, mut max_deleted) = (None, StreamId::MIN);
    let mut options = call.args.from(3).iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or(Fault::SYNTAX)?;
        if option.eq_ignore_ascii_case(b"ENTRIESADDED") {
            let number = parse_i64_strict(value).ok_or(Fault::NOT_AN_INTEGER)?;
            added = Some(u64::try_from(number).map_err(|_| ADDED_NEGATIVE)?);
        } else if option.eq_ignore_ascii_case(b"MAXDELETEDID") {
            max_deleted = parse(value)?;
            if id < max_deleted {
                return Err(BELOW_GIVEN_DELETED);
            }
        } else {
            return Err(Fault::SYNTAX);
        }
    }
    let key = call.key(1);
    let stream = call.data.peek_stream(&key)?.ok_or(Fault::NO_SUCH_KEY)?;
    let mut counters = stream.counters();
    if id < counters.max_deleted_id {
        return Err(BELOW_DELETED);
    }
    if let Some(last) = stream.last_entry_id() {
        if id < last {
            return Err(BELOW_LAST);
        }
        if added.is_some_and(|added| added < stream.len()) {
            return Err(ADDED_TOO_FEW);
        }
    }
    counters.last_id = id;
    counters.entries_added = added.unwrap_or(counters.entries_added);
    if max_deleted != StreamId::MIN {
        counters.max_deleted_id = max_deleted;
    }
    let clock = call.data.clock();
    if let Some(stream) = call.data.db().stream_mut(&key, clock) {
        stream.set_counters(counters);
    }
    call.data.effect.changed(1);
    call.data.notify(Classes::STREAM, "xsetid", &key);
    call.reply.ok();
    Ok(Flow::Done)
}
