//! `XCLAIM`: entries that are pending for somebody become pending for somebody else.

use super::group::{Named, delivered, is_idle, pending_of};
use super::id::parse;
use super::told::{tell_entry, tell_id};
use crate::command::{Call, Fault, Flow, Mode};
use crate::keyspace::StreamId;
use crate::net::Args;
use crate::number::parse_i64_strict;

const BAD_IDLE_MIN: Fault = Fault::fixed("ERR Invalid min-idle-time argument for XCLAIM");
const BAD_IDLE: Fault = Fault::fixed("ERR Invalid IDLE option argument for XCLAIM");
const BAD_TIME: Fault = Fault::fixed("ERR Invalid TIME option argument for XCLAIM");
const BAD_COUNT: Fault = Fault::fixed("ERR Invalid RETRYCOUNT option argument for XCLAIM");

/// The words behind the least idle time.
#[derive(Debug, Default)]
struct Options {
    ids: Vec<StreamId>,
    delivered_ms: Option<i64>,
    deliveries: Option<u64>,
    force: bool,
    just_ids: bool,
    last_id: StreamId,
}

/// `XCLAIM key group consumer min-idle-time id [id …] [IDLE ms] [TIME unix-time-milliseconds]
/// [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`: the entries that were claimed.
pub fn xclaim(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (named, consumer) = (Named::of(call, 1), call.args.word(3));
    let stream = call.data.read_stream(&named.key)?;
    let group = stream.and_then(|stream| stream.group(named.group));
    let group_last_id = group.ok_or_else(|| named.missing(""))?.last_id;
    let idle_min_ms = parse_i64_strict(call.args.word(4)).ok_or(BAD_IDLE_MIN)?.max(0);
    let options = Options::parse(&call.args.from(5), (call.data.now_ms, call.data.mode))?;
    call.make_room(named.room(consumer, options.ids.len()))?;
    let last_id = group_last_id.max(options.last_id);
    let mut progress = last_id > group_last_id;
    if progress {
        named.change(call, |group| group.last_id = last_id);
    }
    named.greet(call, consumer);
    let begun = call.reply.defer();
    let mut count = 0;
    for id in &options.ids {
        let claimed = claim_one(call, &named, consumer, (*id, idle_min_ms), &options);
        count += usize::from(claimed == Claimed::Taken);
        progress &= claimed == Claimed::Not;
    }
    call.reply.array_since(begun, count);
    if progress {
        let read = call.data.peek_stream(&named.key)?.and_then(|stream| stream.group(named.group));
        let read = read.and_then(|group| group.entries_read);
        named.tell_progress(call.data.effect, (last_id, read));
    }
    Ok(Flow::Done)
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claimed {
    Taken,
    /// It is no longer in the stream, and so no longer pending.
    Gone,
    Not,
}

fn claim_one(
    call: &mut Call<'_, '_>,
    named: &Named<'_>,
    consumer: &[u8],
    (id, idle_min_ms): (StreamId, i64),
    options: &Options,
) -> Claimed {
    let now_ms = call.data.now_ms;
    let Ok(Some(stream)) = call.data.peek_stream(&named.key) else { return Claimed::Not };
    let Some(group) = stream.group(named.group) else { return Claimed::Not };
    let (pending, last_id) = (group.pending(id).cloned(), group.last_id);
    let Some(entry) = stream.get(id) else {
        let Some(pending) = pending else { return Claimed::Not };
        named.change(call, |group| group.acknowledge(id));
        named.tell_claim(call.data.effect, (id, &pending), last_id);
        return Claimed::Gone;
    };
    let deliveries = match &pending {
        Some(pending) if !is_idle(pending, idle_min_ms, now_ms) => {
            return Claimed::Not;
        }
        Some(pending) => pending.deliveries,
        None if options.force => 1,
        None => return Claimed::Not,
    };
    if options.just_ids {
        tell_id(&mut call.reply, id);
    } else {
        tell_entry(&mut call.reply, &entry);
    }
    let further = u64::from(!options.just_ids);
    let deliveries = options.deliveries.unwrap_or(delivered(deliveries, further));
    let delivered_ms = options.delivered_ms.unwrap_or(now_ms);
    named.change(call, |group| {
        group.assign(id, consumer, delivered_ms, deliveries);
        group.was_active(consumer, now_ms);
    });
    let pending = pending_of(consumer, delivered_ms, deliveries);
    named.tell_claim(call.data.effect, (id, &pending), last_id);
    Claimed::Taken
}

impl Options {
    fn parse(words: &Args<'_>, (now_ms, mode): (i64, Mode)) -> Result<Self, Fault> {
        let mut options = Self::default();
        let mut words = words.iter().peekable();
        while let Some(id) = words.peek().and_then(|word| parse(word).ok()) {
            options.ids.push(id);
            words.next();
        }
        while let Some(word) = words.next() {
            let is = |option: &[u8]| word.eq_ignore_ascii_case(option);
            let has_value = words.peek().is_some();
            let mut number = |fault: Fault| words.next().and_then(parse_i64_strict).ok_or(fault);
            if is(b"FORCE") {
                options.force = true;
            } else if is(b"JUSTID") {
                options.just_ids = true;
            } else if is(b"IDLE") && has_value {
                options.delivered_ms = Some(now_ms.wrapping_sub(number(BAD_IDLE)?));
            } else if is(b"TIME") && has_value {
                options.delivered_ms = Some(number(BAD_TIME)?);
            } else if is(b"RETRYCOUNT") && has_value {
                options.deliveries = u64::try_from(number(BAD_COUNT)?).ok();
            } else if is(b"LASTID") && has_value {
                options.last_id = parse(words.next().unwrap_or_default())?;
            } else {
                return Err(Fault::quoting("ERR Unrecognized XCLAIM option '", word, "'"));
            }
        }
        // What cannot be is taken for now: clients compute with clocks of their own.
        // What is replayed was judged by the clock of whoever logged it.
        let latest_ms = if mode == Mode::Replay { i64::MAX } else { now_ms };
        let is_possible = |at_ms: &i64| (0..=latest_ms).contains(at_ms);
        options.delivered_ms = options.delivered_ms.filter(is_possible);
        Ok(options)
    }
}
