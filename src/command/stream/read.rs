//! Reads entries: `XLEN`, `XRANGE`, `XREVRANGE`.

use super::id::{parse_end, parse_start};
use super::told::{limit, tell_entries};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{StreamEntry, StreamId};
use crate::net::{Args, Reply};
use crate::number::parse_i64_strict;

/// `XLEN key`: how many entries there are.
pub fn xlen(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let stream = call.data.read_stream(&key)?;
    let len = stream.map_or(0, |stream| stream.len() as i64);
    call.reply.integer(len);
    Ok(Flow::Done)
}

/// `XRANGE key start end [COUNT count]`.
pub fn xrange(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (start, end, count) = bounds(&call.args, 2, 3)?;
    let key = call.key(1);
    let Some(stream) = call.data.read_stream(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    tell(&mut call.reply, stream.range(start, end), count);
    Ok(Flow::Done)
}

/// `XREVRANGE key end start [COUNT count]`: as [`xrange`], downward.
pub fn xrevrange(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (start, end, count) = bounds(&call.args, 3, 2)?;
    let key = call.key(1);
    let Some(stream) = call.data.read_stream(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    tell(&mut call.reply, stream.range_back(start, end), count);
    Ok(Flow::Done)
}

/// Tells as many entries as are wanted.
fn tell<'s>(
    reply: &mut Reply<'_>,
    entries: impl Iterator<Item = StreamEntry<'s>>,
    count: Option<i64>,
) {
    match count {
        Some(0) => reply.null_array(),
        count => tell_entries(reply, entries.take(limit(count.unwrap_or(0)))),
    }
}

/// Reads the two ends, and how many entries are wanted; what is below zero is zero.
fn bounds(
    words: &Args<'_>,
    start: usize,
    end: usize,
) -> Result<(StreamId, StreamId, Option<i64>), Fault> {
    let (start, end) = (parse_start(words.word(start))?, parse_end(words.word(end))?);
    let mut count = None;
    let mut options = words.from(4).iter();
    while let Some(option) = options.next() {
        if !option.eq_ignore_ascii_case(b"COUNT") || options.len() == 0 {
            return Err(Fault::SYNTAX);
        }
        let number = options.next().and_then(parse_i64_strict).ok_or(Fault::NOT_AN_INTEGER)?;
        count = Some(number.max(0));
    }
    Ok((start, end, count))
}
