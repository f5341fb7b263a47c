//! Reads fields and values.

use crate::command::scan::{Filters, ScanOptions, answer_scan, parse_cursor};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::ScanCursor;

/// `HGET key field`: the field's value, or null.
pub fn hget(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let hash = call.data.read_hash(&key)?;
    call.reply.bulk_or_null(hash.and_then(|hash| hash.get(call.args.word(2))));
    Ok(Flow::Done)
}

/// `HMGET key field [field …]`: the value of each field, or null.
pub fn hmget(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let hash = call.data.read_hash(&key)?;
    let fields = call.args.from(2);
    call.reply.array(fields.len());
    for field in fields {
        call.reply.bulk_or_null(hash.and_then(|hash| hash.get(field)));
    }
    Ok(Flow::Done)
}

/// `HEXISTS key field`: 1 if the field is there.
pub fn hexists(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let hash = call.data.read_hash(&key)?;
    let found = hash.is_some_and(|hash| hash.contains(call.args.word(2)));
    call.reply.integer(i64::from(found));
    Ok(Flow::Done)
}

/// `HSTRLEN key field`: how many bytes the field's value has.
pub fn hstrlen(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let hash = call.data.read_hash(&key)?;
    let bytes = hash.and_then(|hash| hash.value_len(call.args.word(2)));
    call.reply.count(bytes.unwrap_or(0));
    Ok(Flow::Done)
}

/// `HLEN key`: how many fields there are.
pub fn hlen(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let hash = call.data.read_hash(&key)?;
    call.reply.count(hash.map_or(0, |hash| hash.len()));
    Ok(Flow::Done)
}

/// `HGETALL key`: all fields with their values.
pub fn hgetall(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let Some(hash) = call.data.read_hash(&key)? else {
        call.reply.map(0);
        return Ok(Flow::Done);
    };
    call.reply.map(hash.len());
    for (field, value) in &hash {
        call.reply.bulk(field);
        call.reply.bulk(value);
    }
    Ok(Flow::Done)
}

/// `HKEYS key`: all fields.
pub fn hkeys(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    one_side(call, |(field, _)| field)
}

/// `HVALS key`: all values.
pub fn hvals(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    one_side(call, |(_, value)| value)
}

fn one_side(
    call: &mut Call<'_, '_>,
    side: impl for<'h> Fn((&'h [u8], &'h [u8])) -> &'h [u8],
) -> Result<Flow, Fault> {
    let key = call.key(1);
    let Some(hash) = call.data.read_hash(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    call.reply.array(hash.len());
    for pair in &hash {
        call.reply.bulk(side(pair));
    }
    Ok(Flow::Done)
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count]`: some fields with their values.
///
/// The options are looked at only if there is a hash, as Redis does it.
pub fn hscan(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let cursor = parse_cursor(call.args.word(2))?;
    let Some(hash) = call.data.read_hash(&key)? else {
        answer_scan(&mut call.reply, |_| (ScanCursor::START, 0));
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(call.args.from(3), Filters::Pattern)?;
    answer_scan(&mut call.reply, |reply| {
        let mut count = 0;
        let next = hash.scan(cursor, options.count, |field, value| {
            if options.matches(field) {
                reply.bulk(field);
                reply.bulk(value);
                count += 2;
            }
        });
        (next, count)
    });
    Ok(Flow::Done)
}
