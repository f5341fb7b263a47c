//! Commands that take a string for a number and add to it.

use crate::command::{Call, Classes, Data, Fault, Flow};
use crate::keyspace::{Key, SetExpiry, Str};
use crate::number::LongDouble;
use crate::number::parse_i64_strict;

/// Runs `INCR`.
pub fn incr(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    add(call, 1)
}

/// Runs `DECR`.
pub fn decr(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    add(call, -1)
}

/// Runs `INCRBY`.
pub fn incrby(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let increment = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    add(call, increment)
}

/// Runs `DECRBY`.
pub fn decrby(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const OVERFLOW: Fault = Fault::fixed("ERR decrement would overflow");
    let decrement = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    add(call, decrement.checked_neg().ok_or(OVERFLOW)?)
}

/// Runs `INCRBYFLOAT`.
pub fn incrbyfloat(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_FINITE: Fault = Fault::fixed("ERR increment would produce NaN or Infinity");
    let key = call.key(1);
    let value = call.data.peek_string(&key)?.unwrap_or(Str::Int(0));
    let value = LongDouble::parse(&value.as_bytes(&mut [0; 20])).ok_or(Fault::NOT_A_FLOAT)?;
    let increment = LongDouble::parse(call.args.word(2)).ok_or(Fault::NOT_A_FLOAT)?;
    let sum = value.checked_add(increment).ok_or(NOT_FINITE)?;
    let mut text = Vec::new();
    sum.write_human(&mut text);
    let clock = call.data.clock();
    call.data.db().set_text(&key, &text, SetExpiry::Keep, clock);
    call.data.changed(&key);
    call.data.notify(Classes::STRING, "incrbyfloat", &key);
    // The sum itself: whoever applies it need not add, and round, as this server does.
    call.data.effect.rewrite(&[b"SET", key.bytes(), &text, b"KEEPTTL"]);
    call.reply.bulk(&text);
    Ok(Flow::Done)
}

#[inline]
fn add(call: &mut Call<'_, '_>, increment: i64) -> Result<Flow, Fault> {
    const OVERFLOW: Fault = Fault::fixed("ERR increment or decrement would overflow");
    let key = call.key(1);
    let grown = |value: i64| value.checked_add(increment).ok_or(OVERFLOW);
    let sum = match call.data.change_int(&key, grown) {
        Some(sum) => sum?,
        None => begin_count(&mut call.data, &key, grown)?,
    };
    call.data.changed(&key);
    call.data.notify(Classes::STRING, "incrby", &key);
    call.reply.integer(sum);
    Ok(Flow::Done)
}

/// Makes an integer of a key that is absent, or whose text is a number's and not in its usual form.
#[cold]
fn begin_count(
    data: &mut Data<'_, '_>,
    key: &Key<'_>,
    grown: impl FnOnce(i64) -> Result<i64, Fault>,
) -> Result<i64, Fault> {
    let value = match data.peek_string(key)? {
        None => 0,
        Some(Str::Int(number)) => number,
        Some(Str::Bytes(text)) => parse_i64_strict(text).ok_or(Fault::NOT_AN_INTEGER)?,
        Some(Str::Blocks(_)) => return Err(Fault::NOT_AN_INTEGER),
    };
    let sum = grown(value)?;
    let clock = data.clock();
    data.db().set_int(key, sum, SetExpiry::Keep, clock);
    Ok(sum)
}
