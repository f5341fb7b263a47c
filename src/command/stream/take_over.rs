//! `XAUTOCLAIM`: whatever has been pending for long becomes pending for somebody else.

use super::group::{Named, delivered, is_idle};
use super::id::parse_start;
use super::told::{tell_entry, tell_id};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Group, Name, Pending, Stream, StreamId};
use crate::net::Args;
use crate::number::parse_i64_strict;

const BAD_IDLE_MIN: Fault = Fault::fixed("ERR Invalid min-idle-time argument for XAUTOCLAIM");
const BAD_COUNT: Fault = Fault::fixed("ERR COUNT must be > 0");

/// How many entries are looked at for each that is wanted.
const LOOKS: i64 = 10;
/// The most entries that can be asked for.
const COUNT_MAX: i64 = i64::MAX / 16;
const COUNT_DEFAULT: i64 = 100;

/// What is to be done with an entry that is pending.
struct Taken {
    id: StreamId,
    pending: Pending,
    /// Whether the stream no longer has it.
    is_gone: bool,
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Wanted {
    idle_min_ms: i64,
    start: StreamId,
    count: i64,
    just_ids: bool,
}

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`.
///
/// Tells where to go on, the entries that were claimed, and those that are no longer there.
pub fn xautoclaim(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (named, consumer) = (Named::of(call, 1), call.args.word(3));
    // The key is looked for before the options are, as in stock.
    call.data.read(&named.key);
    let (wanted, now_ms) = (Wanted::parse(&call.args)?, call.data.now_ms);
    let stream = call.data.peek_stream(&named.key)?;
    let Some((stream, group)) = stream.and_then(|s| s.group(named.group).map(|group| (s, group)))
    else {
        return Err(named.missing(""));
    };
    let last_id = group.last_id;
    let (cursor, taken) = wanted.find(stream, group, &Name::from(consumer), now_ms);
    let (gone, claimed): (Vec<_>, Vec<_>) = taken.iter().partition(|one| one.is_gone);
    let reply = &mut call.reply;
    reply.array(3);
    tell_id(reply, cursor);
    reply.array(claimed.len());
    for id in claimed.iter().map(|one| one.id) {
        match stream.get(id) {
            Some(entry) if !wanted.just_ids => tell_entry(reply, &entry),
            _ => tell_id(reply, id),
        }
    }
    reply.array(gone.len());
    for one in &gone {
        tell_id(reply, one.id);
    }
    call.make_room(named.room(consumer, taken.len()))?;
    named.greet(call, consumer);
    named.change(call, |group| {
        for Taken { id, pending, is_gone } in &taken {
            if *is_gone {
                group.acknowledge(*id);
            } else {
                group.assign(*id, consumer, pending.delivered_ms, pending.deliveries);
            }
        }
        if !claimed.is_empty() {
            group.was_active(consumer, now_ms);
        }
    });
    for one in &taken {
        named.tell_claim(call.data.effect, (one.id, &one.pending), last_id);
    }
    Ok(Flow::Done)
}

impl Wanted {
    fn parse(words: &Args<'_>) -> Result<Self, Fault> {
        let idle_min_ms = parse_i64_strict(words.word(4)).ok_or(BAD_IDLE_MIN)?.max(0);
        let start = parse_start(words.word(5))?;
        let mut wanted = Self { idle_min_ms, start, count: COUNT_DEFAULT, just_ids: false };
        let mut options = words.from(6).iter();
        while let Some(word) = options.next() {
            if word.eq_ignore_ascii_case(b"JUSTID") {
                wanted.just_ids = true;
            } else if word.eq_ignore_ascii_case(b"COUNT")
                && let Some(value) = options.next()
            {
                let count = parse_i64_strict(value);
                let is_possible = |count: &i64| (1..=COUNT_MAX).contains(count);
                wanted.count = count.filter(is_possible).ok_or(BAD_COUNT)?;
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        Ok(wanted)
    }

    /// Finds what is to be taken, and where to go on.
    fn find(
        &self,
        stream: &Stream,
        group: &Group,
        consumer: &Name,
        now_ms: i64,
    ) -> (StreamId, Vec<Taken>) {
        let (mut taken, mut left) = (Vec::new(), self.count);
        let mut looks = self.count.saturating_mul(LOOKS);
        for (id, entry) in group.pending_from(self.start) {
            if looks == 0 || left == 0 {
                return (id, taken);
            }
            looks -= 1;
            let is_gone = !stream.contains(id);
            if is_gone {
                taken.push(Taken { id, pending: entry.clone(), is_gone });
            } else if is_idle(entry, self.idle_min_ms, now_ms) {
                let deliveries = delivered(entry.deliveries, u64::from(!self.just_ids));
                let consumer = Name::clone(consumer);
                let pending = Pending { delivered_ms: now_ms, deliveries, consumer };
                taken.push(Taken { id, pending, is_gone });
            } else {
                continue;
            }
            left -= 1;
        }
        (StreamId::MIN, taken)
    }
}
