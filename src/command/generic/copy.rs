//! Commands that put a key's value into another place as well, or instead.

use crate::command::{Call, Classes, Fault, Flow};
use crate::number::parse_i64_strict;

const SAME_OBJECT: Fault = Fault::fixed("ERR source and destination objects are the same");

/// Runs `COPY`.
pub fn copy(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let mut target = call.data.database;
    let mut replace = false;
    let mut options = call.args.from(3).iter();
    while let Some(option) = options.next() {
        if option.eq_ignore_ascii_case(b"REPLACE") {
            replace = true;
        } else if option.eq_ignore_ascii_case(b"DB") {
            target = parse_database(call, options.next().ok_or(Fault::SYNTAX)?)?;
        } else {
            return Err(Fault::SYNTAX);
        }
    }
    let (from, to) = (call.key(1), call.key(2));
    if target == call.data.database && from.bytes() == to.bytes() {
        return Err(SAME_OBJECT);
    }
    let found = call.data.read(&from).is_some();
    let refused = !found || (call.data.is_live_in(target, &to) && !replace);
    let copied = if refused { None } else { call.data.db().copy_of(&from) };
    if let Some(entry) = copied {
        call.data.locked.db(target).remove(&to);
        let clock = call.data.clock();
        call.data.locked.db(target).insert(&to, entry, clock);
        call.data.changed_in(target, &to);
        call.data.notify_in(Classes::GENERIC, "copy_to", target, &to);
        call.reply.integer(1);
    } else {
        call.reply.integer(0);
    }
    Ok(Flow::Done)
}

/// Runs `MOVE`.
pub fn move_key(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let source = call.data.database;
    let target = parse_database(call, call.args.word(2))?;
    if target == source {
        return Err(SAME_OBJECT);
    }
    let key = call.key(1);
    let refused = !call.data.is_live(&key) || call.data.is_live_in(target, &key);
    let moved = if refused { None } else { call.data.db().take(&key) };
    if let Some(entry) = moved {
        let clock = call.data.clock();
        call.data.locked.db(target).insert(&key, entry, clock);
        call.data.touched_in(source, &key);
        call.data.changed_in(target, &key);
        call.data.notify_new_in(target, &key);
        call.data.notify(Classes::GENERIC, "move_from", &key);
        call.data.notify_in(Classes::GENERIC, "move_to", target, &key);
        call.reply.integer(1);
    } else {
        call.reply.integer(0);
    }
    Ok(Flow::Done)
}

fn parse_database(call: &Call<'_, '_>, word: &[u8]) -> Result<usize, Fault> {
    const NOT_32_BITS: Fault =
        Fault::fixed("ERR value is out of range, value must between -2147483648 and 2147483647");
    let number = parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER)?;
    let number = i32::try_from(number).map_err(|_| NOT_32_BITS)?;
    usize::try_from(number)
        .ok()
        .filter(|database| *database < call.data.keyspace.databases())
        .ok_or(Fault::DB_INDEX)
}
