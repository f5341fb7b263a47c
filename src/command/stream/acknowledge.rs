//! What is pending: `XACK`, `XPENDING`.

use super::group::{Named, idle_ms, is_idle};
use super::id::{parse, parse_end, parse_start};
use super::told::tell_id;
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Group, Pending, StreamId};
use crate::net::{Args, Reply};
use crate::number::parse_i64_strict;

/// `XACK key group id [id …]`: how many entries were pending.
pub fn xack(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let named = Named::of(call, 1);
    let stream = call.data.read_stream(&named.key)?;
    if stream.and_then(|stream| stream.group(named.group)).is_none() {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let ids: Vec<_> = call.args.from(3).iter().map(parse).collect::<Result<_, _>>()?;
    let acknowledged =
        named.change(call, |group| ids.into_iter().filter(|id| group.acknowledge(*id)).count());
    if acknowledged > 0 {
        call.data.effect.changed(acknowledged as u64);
    }
    call.reply.count(acknowledged);
    Ok(Flow::Done)
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`.
pub fn xpending(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let wanted = (call.args.len() > 3).then(|| Wanted::parse(&call.args)).transpose()?;
    let (named, now_ms) = (Named::of(call, 1), call.data.now_ms);
    let stream = call.data.read_stream(&named.key)?;
    let group = stream.and_then(|stream| stream.group(named.group));
    let group = group.ok_or_else(|| named.missing(""))?;
    match wanted {
        None => tell_summary(&mut call.reply, group),
        Some(wanted) => wanted.tell(&mut call.reply, group, now_ms),
    }
    Ok(Flow::Done)
}

/// Writes how many entries are pending, the first and the last one, and how many for whom.
fn tell_summary(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.count(group.pending_count());
    let mut pending = group.pending_from(StreamId::MIN);
    let Some((first, _)) = pending.next() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    tell_id(reply, first);
    tell_id(reply, pending.next_back().map_or(first, |(last, _)| last));
    let begun = reply.defer();
    let mut count = 0;
    for (name, consumer) in group.consumers().filter(|(_, one)| one.pending_count() > 0) {
        reply.array(2);
        reply.bulk(name);
        reply.bulk_int(consumer.pending_count() as i64);
        count += 1;
    }
    reply.array_since(begun, count);
}

/// Which pending entries are asked for.
struct Wanted<'a> {
    start: StreamId,
    end: StreamId,
    count: i64,
    idle_ms: i64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn parse(words: &Args<'a>) -> Result<Self, Fault> {
        if !(6..=9).contains(&words.len()) {
            return Err(Fault::SYNTAX);
        }
        let number = |word| parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER);
        let (mut at, mut idle_ms) = (3, 0);
        if words.word(3).eq_ignore_ascii_case(b"IDLE") {
            idle_ms = number(words.word(4))?;
            if words.len() < 8 {
                return Err(Fault::SYNTAX);
            }
            at = 5;
        }
        let count = number(words.word(at + 2))?;
        let (start, end) = (parse_start(words.word(at))?, parse_end(words.word(at + 1))?);
        Ok(Self { start, end, count, idle_ms, consumer: words.get(at + 3) })
    }

    fn tell(&self, reply: &mut Reply<'_>, group: &Group, now_ms: i64) {
        let begun = reply.defer();
        let is_wanted =
            |(_, pending): &(StreamId, &Pending)| is_idle(pending, self.idle_ms, now_ms);
        let (end, count) = (self.end, usize::try_from(self.count).unwrap_or(0));
        let mut told = 0;
        let mut tell = |(id, pending): (StreamId, &Pending)| {
            reply.array(4);
            tell_id(reply, id);
            reply.bulk(&pending.consumer);
            reply.integer(idle_ms(pending, now_ms).max(0));
            reply.integer(pending.deliveries as i64);
            told += 1;
        };
        match self.consumer.map(|name| group.consumer(name)) {
            None => {
                let pending = group.pending_from(self.start).take_while(|(id, _)| *id <= end);
                pending.filter(is_wanted).take(count).for_each(&mut tell);
            }
            Some(consumer) => {
                let ids = consumer.into_iter().flat_map(|one| one.pending_from(self.start));
                let ids = ids.take_while(|id| *id <= end);
                let pending = ids.filter_map(|id| group.pending(id).map(|entry| (id, entry)));
                pending.filter(is_wanted).take(count).for_each(&mut tell);
            }
        }
        reply.array_since(begun, told);
    }
}
