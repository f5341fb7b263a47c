//! What is known of a stream: `XINFO`.

use super::group::{Named, wrong_words};
use super::told::{limit, tell_entries, tell_entry, tell_id};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Consumer, Group, Stream, StreamId};
use crate::net::{Args, Reply};
use crate::number::parse_i64_strict;

/// How much of everything is told if nothing else is asked for.
const COUNT_DEFAULT: i64 = 10;

/// `XINFO STREAM key [FULL [COUNT count]]`.
pub fn xinfo_stream(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(2);
    let stream = call.data.read_stream(&key)?.ok_or(Fault::NO_SUCH_KEY)?;
    let full = parse_full(&call.args)?;
    let reply = &mut call.reply;
    reply.map(if full.is_some() { 9 } else { 10 });
    tell_facts(reply, stream);
    let mut all = stream.range(StreamId::MIN, StreamId::MAX);
    if let Some(count) = full {
        reply.bulk(b"entries");
        tell_entries(reply, all.take(limit(count)));
        reply.bulk(b"groups");
        reply.array(stream.groups_count());
        for (name, group) in stream.groups() {
            tell_full_group(reply, (stream, name, group), limit(count));
        }
        return Ok(Flow::Done);
    }
    reply.bulk(b"groups");
    reply.count(stream.groups_count());
    let last = stream.range_back(StreamId::MIN, StreamId::MAX).next();
    for (name, entry) in [("first-entry", all.next()), ("last-entry", last)] {
        reply.bulk(name.as_bytes());
        match entry {
            Some(entry) => tell_entry(reply, &entry),
            None => reply.null(),
        }
    }
    Ok(Flow::Done)
}

/// `XINFO GROUPS key`.
pub fn xinfo_groups(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(2);
    let stream = call.data.read_stream(&key)?.ok_or(Fault::NO_SUCH_KEY)?;
    let reply = &mut call.reply;
    reply.array(stream.groups_count());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"consumers");
        reply.count(group.consumers_count());
        reply.bulk(b"pending");
        reply.count(group.pending_count());
        tell_progress(reply, stream, group);
    }
    Ok(Flow::Done)
}

/// `XINFO CONSUMERS key group`.
pub fn xinfo_consumers(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (named, now_ms) = (Named::of(call, 2), call.data.now_ms);
    let stream = call.data.read_stream(&named.key)?.ok_or(Fault::NO_SUCH_KEY)?;
    let group = stream.group(named.group).ok_or_else(|| named.missing_in_key())?;
    let reply = &mut call.reply;
    reply.array(group.consumers_count());
    for (name, consumer) in group.consumers() {
        let inactive = consumer.active_ms.map(|at_ms| now_ms.wrapping_sub(at_ms).max(0));
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"pending");
        reply.count(consumer.pending_count());
        reply.bulk(b"idle");
        reply.integer(now_ms.wrapping_sub(consumer.seen_ms).max(0));
        reply.bulk(b"inactive");
        reply.integer(inactive.unwrap_or(-1));
    }
    Ok(Flow::Done)
}

/// Reads how much is asked for by `FULL`; none without it.
fn parse_full(words: &Args<'_>) -> Result<Option<i64>, Fault> {
    let is = |index, word: &[u8]| {
        words.get(index).is_some_and(|own: &[u8]| own.eq_ignore_ascii_case(word))
    };
    let wrong = || wrong_words("XINFO", words.word(1));
    match words.len() {
        3 => Ok(None),
        4 if is(3, b"FULL") => Ok(Some(COUNT_DEFAULT)),
        6 if is(3, b"FULL") && is(4, b"COUNT") => {
            let count = parse_i64_strict(words.word(5)).ok_or(Fault::NOT_AN_INTEGER)?;
            Ok(Some(if count < 0 { COUNT_DEFAULT } else { count }))
        }
        _ => Err(wrong()),
    }
}

/// Writes what is counted of the entries.
fn tell_facts(reply: &mut Reply<'_>, stream: &Stream) {
    let counters = stream.counters();
    reply.bulk(b"length");
    reply.integer(stream.len() as i64);
    reply.bulk(b"radix-tree-keys");
    reply.count(stream.packs_count());
    reply.bulk(b"radix-tree-nodes");
    reply.count(stream.radix_nodes());
    for (name, id) in
        [("last-generated-id", counters.last_id), ("max-deleted-entry-id", counters.max_deleted_id)]
    {
        reply.bulk(name.as_bytes());
        tell_id(reply, id);
    }
    reply.bulk(b"entries-added");
    reply.integer(counters.entries_added as i64);
    reply.bulk(b"recorded-first-entry-id");
    tell_id(reply, counters.first_id);
}

/// Writes how far a group has read.
fn tell_progress(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    reply.bulk(b"last-delivered-id");
    tell_id(reply, group.last_id);
    for (name, count) in [("entries-read", group.entries_read), ("lag", stream.lag(group))] {
        reply.bulk(name.as_bytes());
        match count {
            Some(count) => reply.integer(count),
            None => reply.null(),
        }
    }
}

fn tell_full_group(
    reply: &mut Reply<'_>,
    (stream, name, group): (&Stream, &[u8], &Group),
    count: usize,
) {
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(name);
    tell_progress(reply, stream, group);
    reply.bulk(b"pel-count");
    reply.count(group.pending_count());
    reply.bulk(b"pending");
    reply.array(group.pending_count().min(count));
    for (id, pending) in group.pending_from(StreamId::MIN).take(count) {
        reply.array(4);
        tell_id(reply, id);
        reply.bulk(&pending.consumer);
        reply.integer(pending.delivered_ms);
        reply.integer(pending.deliveries as i64);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumers_count());
    for (name, consumer) in group.consumers() {
        tell_full_consumer(reply, (group, name, consumer), count);
    }
}

fn tell_full_consumer(
    reply: &mut Reply<'_>,
    (group, name, consumer): (&Group, &[u8], &Consumer),
    count: usize,
) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(name);
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen_ms);
    reply.bulk(b"active-time");
    reply.integer(consumer.active_ms.unwrap_or(-1));
    reply.bulk(b"pel-count");
    reply.count(consumer.pending_count());
    reply.bulk(b"pending");
    let pending = consumer.pending().filter_map(|id| group.pending(id).map(|entry| (id, entry)));
    reply.array(consumer.pending_count().min(count));
    for (id, pending) in pending.take(count) {
        reply.array(3);
        tell_id(reply, id);
        reply.integer(pending.delivered_ms);
        reply.integer(pending.deliveries as i64);
    }
}
