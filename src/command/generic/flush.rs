//! Commands on whole databases.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::Cleared;
use crate::number::parse_i64_strict;

/// Runs `DBSIZE`.
pub fn dbsize(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.count(call.data.keyspace.keys_count(call.data.database));
    Ok(Flow::Done)
}

/// Runs `FLUSHDB`.
pub fn flushdb(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    check_flush_options(call)?;
    let cleared = call.data.locked.clear(call.data.database);
    finish_flush(call, cleared);
    Ok(Flow::Done)
}

/// Runs `FLUSHALL`.
pub fn flushall(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    check_flush_options(call)?;
    let mut cleared = call.data.locked.clear(0);
    for database in 1..call.data.keyspace.databases() {
        cleared.absorb(call.data.locked.clear(database));
    }
    finish_flush(call, cleared);
    Ok(Flow::Done)
}

/// Runs `SWAPDB`.
pub fn swapdb(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const FIRST: Fault = Fault::fixed("ERR invalid first DB index");
    const SECOND: Fault = Fault::fixed("ERR invalid second DB index");
    let number =
        |index| parse_i64_strict(call.args.word(index)).and_then(|n| i32::try_from(n).ok());
    let first = number(1).ok_or(FIRST)?;
    let second = number(2).ok_or(SECOND)?;
    let database = |number: i32| {
        let number = usize::try_from(number).ok();
        number.filter(|number| *number < call.data.keyspace.databases()).ok_or(Fault::DB_INDEX)
    };
    let (first, second) = (database(first)?, database(second)?);
    if first != second {
        call.data.locked.swap(first, second, call.data.now_ms);
    }
    call.data.effect.changed(1);
    call.reply.ok();
    Ok(Flow::Done)
}

/// Checks what may follow `FLUSHDB` and `FLUSHALL`: either word, and both mean the same here.
///
/// The tables are taken away at once and freed by another thread, so that nobody waits for it.
fn check_flush_options(call: &Call<'_, '_>) -> Result<(), Fault> {
    let is = |word: &[u8], name: &[u8]| word.eq_ignore_ascii_case(name);
    match call.args.get(1) {
        None => Ok(()),
        Some(word) if call.args.len() == 2 && (is(word, b"ASYNC") || is(word, b"SYNC")) => Ok(()),
        Some(_) => Err(Fault::SYNTAX),
    }
}

/// Frees what was cleared elsewhere; a flush goes into the stream even if there was nothing.
fn finish_flush(call: &mut Call<'_, '_>, cleared: Cleared) {
    call.data.effect.changed((cleared.count() as u64).max(1));
    call.data.effect.note(Classes::EMPTIED, "", call.data.database, b"");
    if cleared.count() > 0 {
        call.host.drop_later(Box::new(cleared));
    }
    call.reply.ok();
}
