//! Entries of streams that are waited for: `XREAD` and `XREADGROUP`.
//!
//! What a consumer of a group gets is told to others as what is pending then, and how far the group has
//! read; so nobody needs to run the same command.

use std::time::Duration;

use crate::command::flow::Block;
use crate::command::stream::group::{Named, delivered, pending_of};
use crate::command::stream::id::parse;
use crate::command::stream::told::{limit, tell_entries, tell_entry, tell_id};
use crate::command::{Call, Data, Fault, Flow};
use crate::keyspace::{Consumer, Group, Key, Kind, Pending, Stream, StreamId, Wish};
use crate::net::args::OwnedArgs;
use crate::net::reply::{Deferred, Protocol};
use crate::net::{Args, Reply};
use crate::number::parse_i64_strict;

use super::wait;

const BAD_TIMEOUT: Fault = Fault::fixed("ERR timeout is not an integer or out of range");
const OUT_OF_RANGE: Fault = Fault::fixed("ERR timeout is out of range");
const NEGATIVE: Fault = Fault::fixed("ERR timeout is negative");
const GROUP_OF_XREAD: Fault =
    Fault::fixed("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
const NOACK_OF_XREAD: Fault =
    Fault::fixed("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
const NO_GROUP: Fault = Fault::fixed("ERR Missing GROUP option for XREADGROUP");
const LAST_OF_GROUP: Fault = Fault::fixed(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
     consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just \
     return an empty result set.",
);
const NEW_WITHOUT_GROUP: Fault = Fault::fixed(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
     option.",
);

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Read,
    ReadGroup,
}

/// What a command asks for.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    count: i64,
    waits: Waits,
    group: Option<(&'a [u8], &'a [u8])>,
    no_acknowledgement: bool,
    /// The words that are keys: the first of them, and how many. As many IDs follow.
    first: usize,
    streams: usize,
}

/// Whether a command waits where there is nothing.
#[derive(Clone, Copy, Debug)]
enum Waits {
    No,
    /// So long at most; `None` is for ever.
    For(Option<Duration>),
}

/// From where on entries are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Behind an entry; for a consumer, of those that are pending for it.
    After(StreamId),
    /// What is new to the group.
    New,
}

/// `XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key …] id [id …]`.
pub fn xread(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let wanted = Wanted::parse(&call.args, Of::Read, call.data.now_ms)?;
    let mut starts = Vec::with_capacity(wanted.streams);
    for (key, word) in wanted.keys_and_ids(call) {
        let last_id = call.data.read_stream(&key)?.map(|stream| stream.counters().last_id);
        starts.push(match word {
            b"$" => last_id.unwrap_or_default(),
            b">" => return Err(NEW_WITHOUT_GROUP),
            word => parse(word)?,
        });
    }
    let begun = call.reply.defer();
    let mut told = 0;
    for ((key, _), after) in wanted.keys_and_ids(call).into_iter().zip(&starts) {
        // It counts as looked for once more, as in stock.
        let (Ok(Some(stream)), Some(start)) = (call.data.read_stream(&key), after.next()) else {
            continue;
        };
        let mut entries = stream.range(start, StreamId::MAX).take(limit(wanted.count)).peekable();
        if entries.peek().is_some() {
            told += 1;
            begin_stream(&mut call.reply, &key);
            tell_entries(&mut call.reply, entries);
        }
    }
    if told > 0 {
        end_streams(&mut call.reply, begun, told);
        return Ok(Flow::Done);
    }
    let ids = starts.iter().map(StreamId::to_string).collect::<Vec<_>>();
    Ok(wanted.wait(call, Wish::Value(Kind::Stream), &ids))
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key …] id
/// [id …]`.
pub fn xreadgroup(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let wanted = Wanted::parse(&call.args, Of::ReadGroup, call.data.now_ms)?;
    let (group, consumer) = wanted.group.ok_or(NO_GROUP)?;
    let mut reads = Vec::with_capacity(wanted.streams);
    let mut bytes = 0;
    for (key, word) in wanted.keys_and_ids(call) {
        let named = Named { key, group };
        let stream = call.data.read_stream(&key)?;
        let Some((stream, group)) = stream.and_then(|s| s.group(group).map(|group| (s, group)))
        else {
            return Err(named.missing(" in XREADGROUP with GROUP option"));
        };
        let from = match word {
            b"$" => return Err(LAST_OF_GROUP),
            b">" => Start::New,
            word => match parse(word)? {
                StreamId::MAX => Start::New,
                id => Start::After(id),
            },
        };
        let entries = from.count(stream, group, consumer, limit(wanted.count));
        let told = if wanted.no_acknowledgement && from == Start::New { 0 } else { entries };
        bytes += named.room(consumer, told);
        reads.push((named, from));
    }
    call.make_room(bytes)?;
    let begun = call.reply.defer();
    let mut told = 0;
    for (named, from) in reads {
        named.greet(call, consumer);
        told += usize::from(match from {
            Start::New => tell_new(call, &named, consumer, &wanted)?,
            Start::After(id) => tell_history(call, &named, (consumer, id), &wanted)?,
        });
    }
    if told > 0 {
        end_streams(&mut call.reply, begun, told);
        return Ok(Flow::Done);
    }
    Ok(wanted.wait(call, Wish::Change, &[]))
}

/// Tells the entries that are new to a group, and gives them to a consumer; says whether there are any.
fn tell_new(
    call: &mut Call<'_, '_>,
    named: &Named<'_>,
    consumer: &[u8],
    wanted: &Wanted<'_>,
) -> Result<bool, Fault> {
    let now_ms = call.data.now_ms;
    let Some((stream, group)) = find(&mut call.data, named)? else { return Ok(false) };
    let Some(start) = group.last_id.next() else { return Ok(false) };
    let mut progress = Group::new(group.last_id, group.entries_read);
    let before = (group.last_id, group.entries_read);
    let mut ids = Vec::new();
    for entry in stream.range(start, StreamId::MAX).take(limit(wanted.count)) {
        stream.read_on(&mut progress, entry.id);
        ids.push((entry.id, progress.last_id));
    }
    if ids.is_empty() {
        return Ok(false);
    }
    begin_stream(&mut call.reply, &named.key);
    call.reply.array(ids.len());
    let Some((stream, _)) = find(&mut call.data, named)? else { return Ok(false) };
    for entry in stream.range(start, StreamId::MAX).take(limit(wanted.count)) {
        tell_entry(&mut call.reply, &entry);
    }
    let after = (progress.last_id, progress.entries_read);
    let keeps = !wanted.no_acknowledgement;
    named.change(call, |group| {
        (group.last_id, group.entries_read) = after;
        if keeps {
            for (id, _) in &ids {
                group.assign(*id, consumer, now_ms, 1);
            }
            group.was_active(consumer, now_ms);
        }
    });
    if keeps {
        let pending = pending_of(consumer, now_ms, 1);
        for (id, last_id) in ids {
            named.tell_claim(call.data.effect, (id, &pending), last_id);
        }
    }
    // How far the group has read is told with each entry that is pending, but not how many it has.
    if before.1 != after.1 || (!keeps && before != after) {
        named.tell_progress(call.data.effect, after);
    }
    Ok(true)
}

/// Tells the entries that are pending for a consumer once more.
fn tell_history(
    call: &mut Call<'_, '_>,
    named: &Named<'_>,
    (consumer, after): (&[u8], StreamId),
    wanted: &Wanted<'_>,
) -> Result<bool, Fault> {
    let now_ms = call.data.now_ms;
    begin_stream(&mut call.reply, &named.key);
    let Some((stream, group)) = find(&mut call.data, named)? else { return Ok(false) };
    let (last_id, reply) = (group.last_id, &mut call.reply);
    let (begun, mut count, mut again) = (reply.defer(), 0, Vec::new());
    let pending = after.next().zip(group.consumer(consumer));
    let pending = pending.into_iter().flat_map(|(start, consumer)| consumer.pending_from(start));
    for id in pending.take(limit(wanted.count)) {
        count += 1;
        let Some(entry) = stream.get(id) else {
            reply.array(2);
            tell_id(reply, id);
            reply.null_array();
            continue;
        };
        tell_entry(reply, &entry);
        let deliveries = group.pending(id).map_or(0, |pending| pending.deliveries);
        again.push((id, pending_of(consumer, now_ms, delivered(deliveries, 1))));
    }
    reply.array_since(begun, count);
    if !again.is_empty() {
        named.change(call, |group| {
            for (id, Pending { deliveries, .. }) in &again {
                group.redeliver(*id, now_ms, *deliveries);
            }
        });
    }
    for (id, pending) in &again {
        named.tell_claim(call.data.effect, (*id, pending), last_id);
    }
    Ok(true)
}

fn find<'d>(
    data: &'d mut Data<'_, '_>,
    named: &Named<'_>,
) -> Result<Option<(&'d Stream, &'d Group)>, Fault> {
    let stream = data.peek_stream(&named.key)?;
    Ok(stream.and_then(|stream| stream.group(named.group).map(|group| (stream, group))))
}

/// Writes the name of a stream; its entries follow.
fn begin_stream(reply: &mut Reply<'_>, key: &Key<'_>) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key.bytes());
}

/// Makes one reply of so many streams.
fn end_streams(reply: &mut Reply<'_>, begun: Deferred, streams: usize) {
    match reply.protocol() {
        Protocol::Resp2 => reply.array_since(begun, streams),
        Protocol::Resp3 => reply.map_since(begun, streams),
    }
}

impl Start {
    /// Counts the entries that a consumer is about to get, at most.
    fn count(self, stream: &Stream, group: &Group, consumer: &[u8], max: usize) -> usize {
        match self {
            Self::New => group
                .last_id
                .next()
                .map_or(0, |start| stream.range(start, StreamId::MAX).take(max).count()),
            // The same command may have more pending by then.
            Self::After(_) => {
                let pending = group.consumer(consumer).map_or(0, Consumer::pending_count);
                pending.saturating_add(max.min(stream.len() as usize)).min(max)
            }
        }
    }
}

impl<'a> Wanted<'a> {
    fn parse(words: &Args<'a>, of: Of, now_ms: i64) -> Result<Self, Fault> {
        let mut wanted = Self {
            count: 0,
            waits: Waits::No,
            group: None,
            no_acknowledgement: false,
            first: 0,
            streams: 0,
        };
        let mut at = 1;
        while let Some(word) = words.get(at) {
            let is = |option: &[u8]| word.eq_ignore_ascii_case(option);
            let (next, more) = (words.get(at + 1), words.len() - at - 1);
            if let Some(value) = next.filter(|_| is(b"BLOCK")) {
                wanted.waits = Waits::For(milliseconds(value, now_ms)?);
                at += 1;
            } else if let Some(value) = next.filter(|_| is(b"COUNT")) {
                wanted.count = parse_i64_strict(value).ok_or(Fault::NOT_AN_INTEGER)?.max(0);
                at += 1;
            } else if is(b"STREAMS") && more > 0 {
                if !more.is_multiple_of(2) {
                    return Err(unbalanced(of));
                }
                (wanted.first, wanted.streams) = (at + 1, more / 2);
                break;
            } else if is(b"GROUP") && more >= 2 {
                if of == Of::Read {
                    return Err(GROUP_OF_XREAD);
                }
                wanted.group = Some((words.word(at + 1), words.word(at + 2)));
                at += 2;
            } else if is(b"NOACK") {
                if of == Of::Read {
                    return Err(NOACK_OF_XREAD);
                }
                wanted.no_acknowledgement = true;
            } else {
                return Err(Fault::SYNTAX);
            }
            at += 1;
        }
        if wanted.streams == 0 {
            return Err(Fault::SYNTAX);
        }
        Ok(wanted)
    }

    /// Lists the keys, each with the word that says from where on.
    fn keys_and_ids<'c>(&self, call: &Call<'c, '_>) -> Vec<(Key<'c>, &'c [u8])> {
        let keys = self.first..self.first + self.streams;
        keys.map(|at| (call.key(at), call.args.word(at + self.streams))).collect()
    }

    /// Has the client wait if it wants to, with these IDs in the place of its own.
    fn wait(&self, call: &mut Call<'_, '_>, wish: Wish, ids: &[String]) -> Flow {
        let Waits::For(timeout) = self.waits else {
            call.reply.null_array();
            return Flow::Done;
        };
        let words = (!ids.is_empty()).then(|| {
            let told = call.args.iter().take(self.first + self.streams);
            let words: Vec<_> = told.chain(ids.iter().map(String::as_bytes)).collect();
            OwnedArgs::from_words(words)
        });
        let keys = self.first..self.first + self.streams;
        wait(call, Block { keys, wish, timeout, words })
    }
}

/// Reads how long a command waits; zero is for ever.
fn milliseconds(word: &[u8], now_ms: i64) -> Result<Option<Duration>, Fault> {
    let ms = parse_i64_strict(word).ok_or(BAD_TIMEOUT)?;
    let ms = u64::try_from(ms).map_err(|_| NEGATIVE)?;
    if ms > (i64::MAX - now_ms) as u64 {
        return Err(OUT_OF_RANGE);
    }
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

fn unbalanced(of: Of) -> Fault {
    let (name, word) = match of {
        Of::Read => ("xread", '$'),
        Of::ReadGroup => ("xreadgroup", '>'),
    };
    Fault::of(format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{word}' must be \
         specified."
    ))
}
