//! `XADD`: a new entry at the end.

use super::id::Wanted;
use super::told::tell_id;
use super::trim::{Of, Options, trim_now};
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Stream, StreamId};

const ARITY: Fault = Fault::fixed("ERR wrong number of arguments for 'xadd' command");
const ZERO: Fault = Fault::fixed("ERR The ID specified in XADD must be greater than 0-0");
const EXHAUSTED: Fault =
    Fault::fixed("ERR The stream has exhausted the last possible ID, unable to add more items");
const TOO_SMALL: Fault = Fault::fixed(
    "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const TOO_LARGE: Fault = Fault::fixed("ERR Elements are too large to be stored");

/// `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value …]`.
///
/// Tells the ID. Where the server gives it, or trims as it likes, the stream says what came of that.
pub fn xadd(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let limits = call.data.keyspace.limits();
    let options = Options::parse(&call.args, Of::Add, (limits, call.data.mode))?;
    let words = call.args.from(options.id.1 + 1);
    if words.len() < 2 || !words.len().is_multiple_of(2) {
        return Err(ARITY);
    }
    let wanted = options.id.0;
    if wanted == Some(Wanted::Whole(StreamId::MIN)) {
        return Err(ZERO);
    }
    let key = call.key(1);
    let now_ms = call.data.now_ms as u64;
    let stream = call.data.peek_stream(&key)?;
    if stream.is_none() && options.needs_stream {
        call.reply.null();
        return Ok(Flow::Done);
    }
    let last_id = stream.map_or(StreamId::MIN, |stream| stream.counters().last_id);
    if last_id == StreamId::MAX {
        return Err(EXHAUSTED);
    }
    let id = next_id(wanted, last_id, now_ms).filter(|id| *id > last_id).ok_or(TOO_SMALL)?;
    if Stream::is_too_much(words.iter().map(<[u8]>::len).sum(), words.len()) {
        return Err(TOO_LARGE);
    }
    let fields = (0..words.len()).step_by(2).map(|i| (words.word(i), words.word(i + 1)));
    let clock = call.data.clock();
    call.data.db().stream_or_create(&key, clock).append(id, fields, limits);
    let trimmed = options.trim.map(|trim| trim_now(call, &key, trim));
    call.data.changed(&key);
    call.data.notify(Classes::STREAM, "xadd", &key);
    if trimmed.as_ref().is_some_and(|(removed, _)| *removed > 0) {
        call.data.notify(Classes::STREAM, "xtrim", &key);
    }
    let is_approximate = options.trim.is_some_and(|trim| trim.is_approximate);
    if is_approximate || !matches!(wanted, Some(Wanted::Whole(_))) {
        let (id, threshold) = (id.to_string(), trimmed.map(|(_, told)| told).unwrap_or_default());
        call.data.effect.rewrite(&options.rewritten(&call.args, &threshold, Some(&id)));
    }
    tell_id(&mut call.reply, id);
    Ok(Flow::Done)
}

/// Finds the ID that an entry gets; it may be too small.
fn next_id(wanted: Option<Wanted>, last_id: StreamId, now_ms: u64) -> Option<StreamId> {
    match wanted {
        Some(Wanted::Whole(id)) => Some(id),
        Some(Wanted::Within(ms)) if ms == last_id.ms => {
            last_id.seq.checked_add(1).map(|seq| StreamId { ms, seq })
        }
        Some(Wanted::Within(ms)) => Some(StreamId { ms, seq: 0 }),
        None if now_ms > last_id.ms => Some(StreamId { ms: now_ms, seq: 0 }),
        None => last_id.next(),
    }
}
