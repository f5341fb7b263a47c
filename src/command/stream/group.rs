//! Groups of consumers: `XGROUP`, and what all commands about groups have in common.

use super::id::parse;
use crate::command::room::words_bytes;
use crate::command::{Call, Classes, Effect, Fault, Flow};
use crate::keyspace::{Consumer, Group, Key, Name, Pending, Stream, StreamId};
use crate::net::args::Args;
use crate::number::parse_i64_strict;

const NO_KEY: Fault = Fault::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
     the MKSTREAM option to create an empty stream automatically.",
);
const BUSY: Fault = Fault::fixed("BUSYGROUP Consumer Group name already exists");
const BAD_READ: Fault = Fault::fixed("ERR value for ENTRIESREAD must be positive or -1");

/// The event of a consumer that is made, by whichever command.
const CONSUMER_CREATED: &str = "xgroup-createconsumer";

/// The elements from which on what was removed is freed elsewhere.
const FREED_LATER: usize = 64;

/// A group by its name and the key of its stream.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct Named<'a> {
    /// The key.
    pub(in crate::command) key: Key<'a>,
    /// The name.
    pub(in crate::command) group: &'a [u8],
}

/// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read]`.
pub fn xgroup_create(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let Options { makes_stream, entries_read } = Options::parse(call, Subcommand::Create)?;
    let named = Named::of(call, 2);
    let stream = call.data.peek_stream(&named.key)?;
    if stream.is_none() && !makes_stream {
        return Err(NO_KEY);
    }
    at_most(&call.args, 8)?;
    let id = last_id(stream, call.args.word(4))?;
    let (is_new, clock) = (stream.is_none(), call.data.clock());
    let mut db = call.data.db();
    let group = Group::new(id, entries_read);
    if !db.stream_or_create(&named.key, clock).add_group(named.group, group) {
        return Err(BUSY);
    }
    if is_new {
        call.data.changed_unawaited(&named.key, 1);
    } else {
        call.data.effect.changed(1);
    }
    call.data.notify(Classes::STREAM, "xgroup-create", &named.key);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `XGROUP SETID key group id|$ [ENTRIESREAD entries-read]`.
pub fn xgroup_setid(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let Options { entries_read, .. } = Options::parse(call, Subcommand::SetId)?;
    let named = Named::of(call, 2);
    let args = call.args;
    let word = args.word(4);
    let stream = named.existing(call)?;
    at_most(&args, 7)?;
    // Here, and nowhere else, the ends of all IDs may be given by their signs.
    let id = match word {
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        word => last_id(Some(stream), word)?,
    };
    named.change(call, |group| {
        group.last_id = id;
        group.entries_read = entries_read;
    });
    call.data.effect.changed(1);
    call.data.notify(Classes::STREAM, "xgroup-setid", &named.key);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `XGROUP DESTROY key group`: whether it was there; who waits for its entries is told.
pub fn xgroup_destroy(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let named = Named::of(call, 2);
    call.data.peek_stream(&named.key)?.ok_or(NO_KEY)?;
    let clock = call.data.clock();
    let mut db = call.data.db();
    let Some(stream) = db.stream_mut(&named.key, clock) else { unreachable!("it was just seen") };
    let group = stream.remove_group(named.group);
    call.reply.integer(i64::from(group.is_some()));
    if let Some(group) = group {
        if group.pending_count() + group.consumers_count() >= FREED_LATER {
            call.host.drop_later(Box::new(group));
        }
        let database = call.data.database;
        call.data.locked.disturbed(database, &named.key);
        call.data.effect.changed(1);
        call.data.notify(Classes::STREAM, "xgroup-destroy", &named.key);
    }
    Ok(Flow::Done)
}

/// `XGROUP CREATECONSUMER key group consumer`: whether it was made.
pub fn xgroup_createconsumer(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let named = Named::of(call, 2);
    named.existing(call)?;
    let (consumer, now_ms) = (call.args.word(4), call.data.now_ms);
    let is_new = named.change(call, |group| group.add_consumer(consumer, now_ms));
    if is_new {
        call.data.effect.changed(1);
        call.data.notify(Classes::STREAM, CONSUMER_CREATED, &named.key);
    }
    call.reply.integer(i64::from(is_new));
    Ok(Flow::Done)
}

/// `XGROUP DELCONSUMER key group consumer`: how many entries were pending for it.
pub fn xgroup_delconsumer(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let named = Named::of(call, 2);
    named.existing(call)?;
    let name = call.args.word(4);
    let removed = named.change(call, |group| group.remove_consumer(name));
    call.reply.count(removed.as_ref().map_or(0, Consumer::pending_count));
    if let Some(consumer) = removed {
        if consumer.pending_count() >= FREED_LATER {
            call.host.drop_later(Box::new(consumer));
        }
        call.data.effect.changed(1);
        call.data.notify(Classes::STREAM, "xgroup-delconsumer", &named.key);
    }
    Ok(Flow::Done)
}

/// Which subcommand has the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subcommand {
    Create,
    SetId,
}

/// What may stand behind an ID.
struct Options {
    makes_stream: bool,
    entries_read: Option<i64>,
}

impl Options {
    fn parse(call: &Call<'_, '_>, subcommand: Subcommand) -> Result<Self, Fault> {
        let mut options = Self { makes_stream: false, entries_read: None };
        let mut words = call.args.from(5).iter();
        while let Some(word) = words.next() {
            if subcommand == Subcommand::Create && word.eq_ignore_ascii_case(b"MKSTREAM") {
                options.makes_stream = true;
            } else if word.eq_ignore_ascii_case(b"ENTRIESREAD")
                && let Some(value) = words.next()
            {
                let number = parse_i64_strict(value).ok_or(Fault::NOT_AN_INTEGER)?;
                options.entries_read = match number {
                    -1 => None,
                    ..-1 => return Err(BAD_READ),
                    count => Some(count),
                };
            } else {
                return Err(wrong_words("XGROUP", call.args.word(1)));
            }
        }
        Ok(options)
    }
}

/// Refuses more words than each option once: that an option comes again shows by their number alone.
fn at_most(args: &Args<'_>, words_max: usize) -> Result<(), Fault> {
    if args.len() > words_max {
        return Err(wrong_words("XGROUP", args.word(1)));
    }
    Ok(())
}

/// Says that a subcommand has words that it does not know.
pub(super) fn wrong_words(container: &str, own: &[u8]) -> Fault {
    let own = &own[..own.len().min(128)];
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    Fault::quoting(before, own, &format!("'. Try {container} HELP."))
}

/// Reads the ID up to which a group is to have read.
fn last_id(stream: Option<&Stream>, word: &[u8]) -> Result<StreamId, Fault> {
    match word {
        b"$" => Ok(stream.map_or(StreamId::MIN, |stream| stream.counters().last_id)),
        word => parse(word),
    }
}

impl<'a> Named<'a> {
    /// Takes the key from a word and the name from the next one.
    pub(in crate::command) fn of(call: &Call<'a, '_>, index: usize) -> Self {
        Self { key: call.key(index), group: call.args.word(index + 1) }
    }

    /// Finds the stream of a group that `XGROUP` needs.
    fn existing<'c>(&self, call: &'c mut Call<'_, '_>) -> Result<&'c Stream, Fault> {
        let stream = call.data.peek_stream(&self.key)?.ok_or(NO_KEY)?;
        if stream.group(self.group).is_none() {
            return Err(self.missing_in_key());
        }
        Ok(stream)
    }

    /// Says that the stream has no such group.
    pub(super) fn missing_in_key(&self) -> Fault {
        let before = [&b"NOGROUP No such consumer group '"[..], c_text(self.group)].concat();
        let text = [&before, &b"' for key name '"[..], c_text(self.key.bytes()), b"'"].concat();
        Fault::of_bytes(text)
    }

    /// Says that there is no such stream, or no such group in it.
    pub(in crate::command) fn missing(&self, after: &str) -> Fault {
        let before = [&b"NOGROUP No such key '"[..], c_text(self.key.bytes())].concat();
        let text = [&before, &b"' or consumer group '"[..], c_text(self.group), b"'"].concat();
        Fault::of_bytes([&text, after.as_bytes()].concat())
    }

    /// Changes the group, which is there.
    pub(in crate::command) fn change<R>(
        &self,
        call: &mut Call<'_, '_>,
        change: impl FnOnce(&mut Group) -> R,
    ) -> R {
        let clock = call.data.clock();
        let mut db = call.data.db();
        let stream = db.stream_mut(&self.key, clock).expect("the stream was just seen");
        stream.change_group(self.group, change).expect("the group was just seen")
    }

    /// Makes sure that there is a consumer, and notes that it was heard of; says whether it is new.
    ///
    /// Whoever is new is told of, as not everything that makes a consumer would do so elsewhere.
    pub(in crate::command) fn greet(&self, call: &mut Call<'_, '_>, consumer: &[u8]) -> bool {
        let now_ms = call.data.now_ms;
        let is_new = self.change(call, |group| {
            let is_new = group.add_consumer(consumer, now_ms);
            group.saw(consumer, now_ms);
            is_new
        });
        if is_new {
            let words = [b"XGROUP", &b"CREATECONSUMER"[..], self.key.bytes(), self.group, consumer];
            call.data.effect.rewrite(&words);
            call.data.effect.changed(1);
            call.data.notify(Classes::STREAM, CONSUMER_CREATED, &self.key);
        }
        is_new
    }

    /// How many bytes telling of so many entries of a consumer takes in the stream.
    pub(in crate::command) fn room(&self, consumer: &[u8], entries: usize) -> usize {
        /// Of an ID, a time or a number, and of the words in between.
        const DIGITS: usize = 41;
        let names = [self.key.bytes().len(), self.group.len(), consumer.len()];
        let each = words_bytes(names.into_iter().chain([DIGITS; 12]));
        each.saturating_mul(entries.saturating_add(2))
    }

    /// Puts into the stream that an entry is pending for a consumer, as commands before `LASTID` say.
    pub(in crate::command) fn tell_claim(
        &self,
        effect: &mut Effect,
        (id, pending): (StreamId, &Pending),
        last_id: StreamId,
    ) {
        let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        effect.rewrite(&[
            b"XCLAIM",
            self.key.bytes(),
            self.group,
            &pending.consumer,
            b"0",
            id.to_string().as_bytes(),
            b"TIME",
            time.format(pending.delivered_ms).as_bytes(),
            b"RETRYCOUNT",
            count.format(pending.deliveries).as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            last_id.to_string().as_bytes(),
        ]);
        effect.changed(1);
    }

    /// Puts into the stream how far the group has read.
    pub(in crate::command) fn tell_progress(
        &self,
        effect: &mut Effect,
        (last_id, entries_read): (StreamId, Option<i64>),
    ) {
        let mut digits = itoa::Buffer::new();
        effect.rewrite(&[
            b"XGROUP",
            b"SETID",
            self.key.bytes(),
            self.group,
            last_id.to_string().as_bytes(),
            b"ENTRIESREAD",
            digits.format(entries_read.unwrap_or(-1)).as_bytes(),
        ]);
        effect.changed(1);
    }
}

/// A pending entry of a consumer, to be told of.
pub(in crate::command) fn pending_of(
    consumer: &[u8],
    delivered_ms: i64,
    deliveries: u64,
) -> Pending {
    Pending { delivered_ms, deliveries, consumer: Name::from(consumer) }
}

/// Counts further deliveries. It stops at the greatest number that a command could tell a replica.
pub(in crate::command) fn delivered(deliveries: u64, further: u64) -> u64 {
    deliveries.saturating_add(further).min(i64::MAX as u64)
}

/// How long ago an entry was delivered; less than nothing if the clock was set back.
pub(super) fn idle_ms(pending: &Pending, now_ms: i64) -> i64 {
    now_ms.wrapping_sub(pending.delivered_ms)
}

/// Tells whether an entry was delivered so long ago; without a least time the clock does not matter.
pub(super) fn is_idle(pending: &Pending, least_ms: i64, now_ms: i64) -> bool {
    least_ms == 0 || idle_ms(pending, now_ms) >= least_ms
}

/// Cuts a word where C takes it to end.
fn c_text(word: &[u8]) -> &[u8] {
    word.split(|byte| *byte == 0).next().unwrap_or_default()
}
