//! Adds to the number in a field.

use super::write::set_field;
use crate::command::{Call, Classes, Fault, Flow};
use crate::number::long_double::LongDouble;
use crate::number::parse_i64_strict;

/// `HINCRBY key field increment`: the sum.
pub fn hincrby(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let field = call.args.word(2);
    let increment = parse_i64_strict(call.args.word(3)).ok_or(Fault::NOT_AN_INTEGER)?;
    let held = match call.data.peek_hash(&key)?.and_then(|hash| hash.get(field)) {
        None => 0,
        Some(text) => {
            parse_i64_strict(text).ok_or(Fault::fixed("ERR hash value is not an integer"))?
        }
    };
    let sum = held
        .checked_add(increment)
        .ok_or(Fault::fixed("ERR increment or decrement would overflow"))?;
    set_field(&mut call.data, &key, field, itoa::Buffer::new().format(sum).as_bytes());
    call.data.notify(Classes::HASH, "hincrby", &key);
    call.reply.integer(sum);
    Ok(Flow::Done)
}

/// `HINCRBYFLOAT key field increment`: the sum, as text.
///
/// Its effect is an `HSET` of the sum, so that nobody else has to round as this server does.
pub fn hincrbyfloat(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let field = call.args.word(2);
    let increment = LongDouble::parse(call.args.word(3)).ok_or(Fault::NOT_A_FLOAT)?;
    if !increment.is_finite() {
        return Err(Fault::fixed("ERR value is NaN or Infinity"));
    }
    let sum = match call.data.peek_hash(&key)?.and_then(|hash| hash.get(field)) {
        None => increment,
        Some(text) => LongDouble::parse(text)
            .ok_or(Fault::fixed("ERR hash value is not a float"))?
            .checked_add(increment)
            .ok_or(Fault::fixed("ERR increment would produce NaN or Infinity"))?,
    };
    let mut text = Vec::new();
    sum.write_human(&mut text);
    set_field(&mut call.data, &key, field, &text);
    call.data.notify(Classes::HASH, "hincrbyfloat", &key);
    call.data.effect.rewrite(&[b"HSET", key.bytes(), field, &text]);
    call.reply.bulk(&text);
    Ok(Flow::Done)
}
