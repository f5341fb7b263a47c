//! What a command puts into the replication stream.

use crate::net::args::Args;

use super::events::{Classes, Events};
use super::pubsub::{Kind, Publication};
use super::removals::Removals;
use super::room::Room;
use super::tally::Tally;

/// What one command puts into the replication stream.
///
/// Deterministic: whoever applies it to the same data gets the same data, at any later time. Most
/// commands are their own effect, verbatim; a command whose outcome depends on the clock, on chance
/// or on rounding rewrites itself.
#[derive(Debug, Default)]
pub struct Effect {
    /// The room in the log that was made for it.
    pub room: Room,
    /// What it did to keys, for those who are told of it.
    pub events: Events,
    /// What scripts ran in it, which stays until it is counted.
    pub tally: Tally,
    /// How long it took to remove keys that had expired, where that is measured.
    pub removals: Removals,
    changes: u64,
    expirations: u64,
    rewritten: bool,
    /// Whether the request goes into the stream though it changes nothing.
    forwarded: bool,
    /// How many of the commands are messages.
    published: usize,
    commands: Vec<Encoded>,
    bytes: Vec<u8>,
    messages: Vec<Message>,
    /// The channel and the text of each message.
    words: Vec<u8>,
    /// The effect of a command that is part of this one, between these.
    part: Option<Box<Self>>,
}

/// One message in [`Effect::words`].
#[derive(Clone, Copy, Debug)]
struct Message {
    kind: Kind,
    channel_end: usize,
    end: usize,
}

/// One encoded command in [`Effect::bytes`].
#[derive(Clone, Copy, Debug)]
struct Encoded {
    database: Option<usize>,
    end: usize,
}

impl Effect {
    /// Notes `count` changes; the request itself becomes the effect unless it is rewritten.
    pub fn changed(&mut self, count: u64) {
        self.changes += count;
    }

    /// Puts a command into the stream in place of the request; several calls put several.
    pub fn rewrite(&mut self, words: &[&[u8]]) {
        self.rewritten = true;
        self.push(None, words);
    }

    /// Puts nothing into the stream in place of the request, though the data changed.
    pub fn suppress(&mut self) {
        self.rewritten = true;
    }

    /// Puts the request into the stream, and has a message delivered once it is there.
    pub fn publish(&mut self, message: Option<Publication<'_>>) {
        self.forwarded = true;
        self.published += 1;
        if let Some(Publication { kind, channel, text }) = message {
            self.words.extend_from_slice(channel);
            let channel_end = self.words.len();
            self.words.extend_from_slice(text);
            self.messages.push(Message { kind, channel_end, end: self.words.len() });
        }
    }

    /// Tells whether there are messages to be delivered.
    #[inline]
    pub fn has_messages(&self) -> bool {
        !self.messages.is_empty()
    }

    /// Hands out the messages to be delivered, in order.
    pub fn publications(&self) -> impl Iterator<Item = Publication<'_>> {
        let mut start = 0;
        self.messages.iter().map(move |&Message { kind, channel_end, end }| {
            let channel = &self.words[start..channel_end];
            start = end;
            Publication { kind, channel, text: &self.words[channel_end..end] }
        })
    }

    /// Puts the removal of an expired key in front of the request.
    pub fn expired(&mut self, database: usize, key: &[u8]) {
        self.expirations += 1;
        self.push(Some(database), &[b"DEL", key]);
        self.note(Classes::CHANGED, "expired", database, key);
        self.note(Classes::EXPIRED, "expired", database, key);
    }

    /// Notes what was done to a key, for those who are told of it.
    pub fn note(&mut self, class: Classes, name: &'static str, database: usize, key: &[u8]) {
        self.events.note(class, name, (database, key), self.messages.len());
    }

    /// Begins the effect of a command that is part of this one; it is to be given back.
    pub fn begin_part(&mut self) -> Box<Self> {
        let mut part = self.part.take().unwrap_or_default();
        part.events.want(self.events.wanted());
        part.removals.watch_as(&self.removals);
        part
    }

    /// Takes back what [`Self::begin_part`] gave.
    pub fn end_part(&mut self, mut part: Box<Self>) {
        part.clear();
        self.tally.absorb(&mut part.tally);
        self.removals.absorb(&part.removals);
        self.part = Some(part);
    }

    /// Takes over what another command did: each of its commands, fixed to its database.
    pub fn absorb(&mut self, inner: &Self, request: &Args<'_>, selected: usize) {
        self.rewritten = true;
        self.changes += inner.changes;
        self.expirations += inner.expirations;
        self.events.absorb(&inner.events, self.messages.len());
        inner.publications().for_each(|message| self.publish(Some(message)));
        self.published += inner.published - inner.messages.len();
        inner.emit(request, selected, |database, part| {
            part.encode_into(&mut self.bytes);
            self.commands.push(Encoded { database: Some(database), end: self.bytes.len() });
        });
    }

    /// Tells whether there is nothing but messages, which are nothing to whoever was not there.
    pub fn is_only_messages(&self) -> bool {
        self.published > 0 && self.published == self.command_count()
    }

    /// Counts the changes noted so far.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Counts the expired keys removed.
    pub fn expirations(&self) -> u64 {
        self.expirations
    }

    /// Tells whether the request itself, and nothing else, goes into the stream.
    pub fn is_plain_request(&self) -> bool {
        self.has_request() && self.commands.is_empty()
    }

    /// Tells whether nothing goes into the stream.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && !self.has_request()
    }

    /// Makes ready for the next command, for whose request there is room, and whose events of some
    /// classes are wanted; removals that take so long are told of, if there is a limit.
    #[inline]
    pub fn begin(&mut self, request_bytes: u64, wanted: Classes, limit_ms: Option<u64>) {
        self.clear();
        self.events.want(wanted);
        self.removals.watch(limit_ms);
        self.room.begin(request_bytes);
    }

    /// Makes ready for the next command, keeping the buffers.
    pub fn clear(&mut self) {
        self.changes = 0;
        self.expirations = 0;
        self.rewritten = false;
        self.forwarded = false;
        self.published = 0;
        self.commands.clear();
        self.messages.clear();
        self.events.clear();
        for buffer in [&mut self.bytes, &mut self.words] {
            buffer.clear();
            buffer.shrink_to(64 * 1024);
        }
    }

    /// Hands each command of the effect, in order, to `emit` with the database it works in.
    ///
    /// `request` is the command that had this effect, and `selected` the database it ran in.
    pub fn emit(&self, request: &Args<'_>, selected: usize, mut emit: impl FnMut(usize, Part<'_>)) {
        let mut start = 0;
        for command in &self.commands {
            let bytes = &self.bytes[start..command.end];
            emit(command.database.unwrap_or(selected), Part::Encoded(bytes));
            start = command.end;
        }
        if self.has_request() {
            emit(selected, Part::Request(*request));
        }
    }

    /// Counts the commands that [`Self::emit`] hands out.
    pub fn command_count(&self) -> usize {
        self.commands.len() + usize::from(self.has_request())
    }

    /// Tells whether the request itself is part of the effect.
    fn has_request(&self) -> bool {
        (self.changes > 0 || self.forwarded) && !self.rewritten
    }

    fn push(&mut self, database: Option<usize>, words: &[&[u8]]) {
        encode(&mut self.bytes, words);
        self.commands.push(Encoded { database, end: self.bytes.len() });
    }
}

/// One command of an effect.
#[derive(Clone, Copy)]
pub enum Part<'p> {
    /// The request as it was received.
    Request(Args<'p>),
    /// A command already encoded.
    Encoded(&'p [u8]),
}

impl Part<'_> {
    /// Appends the command as it goes into the stream.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            Part::Request(args) => args.encode_into(out),
            Part::Encoded(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// Appends a command to `out` as an array of bulk strings.
pub fn encode(out: &mut Vec<u8>, words: &[&[u8]]) {
    encode_count(out, words.len());
    for word in words {
        encode_word(out, word);
    }
}

/// Appends a command and what it is about to `out`, as [`encode`] does.
pub fn encode_all<'w>(
    out: &mut Vec<u8>,
    name: &[u8],
    words: impl ExactSizeIterator<Item = &'w [u8]>,
) {
    encode_count(out, 1 + words.len());
    encode_word(out, name);
    for word in words {
        encode_word(out, word);
    }
}

fn encode_count(out: &mut Vec<u8>, count: usize) {
    out.push(b'*');
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn encode_word(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'$');
    out.extend_from_slice(itoa::Buffer::new().format(word.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitted(effect: &Effect) -> Vec<(usize, Vec<u8>)> {
        let owned = crate::net::args::OwnedArgs::from_words(["SET", "k", "v"]);
        let mut all = Vec::new();
        effect.emit(&owned.as_args(), 3, |db, part| {
            let mut bytes = Vec::new();
            part.encode_into(&mut bytes);
            all.push((db, bytes));
        });
        assert_eq!(all.len(), effect.command_count());
        assert_eq!(all.is_empty(), effect.is_empty());
        all
    }

    #[test]
    fn a_change_puts_the_request_itself_into_the_stream() {
        let mut effect = Effect::default();
        assert_eq!(emitted(&effect), vec![]);
        effect.changed(1);
        assert_eq!(
            emitted(&effect),
            vec![(3, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n".to_vec())]
        );
    }

    #[test]
    fn an_expired_key_is_removed_before_the_request_and_in_its_own_database() {
        let mut effect = Effect::default();
        effect.expired(1, b"old");
        assert_eq!(emitted(&effect), vec![(1, b"*2\r\n$3\r\nDEL\r\n$3\r\nold\r\n".to_vec())]);
        effect.changed(1);
        assert_eq!(emitted(&effect).len(), 2);
    }

    #[test]
    fn a_rewrite_takes_the_place_of_the_request() {
        let mut effect = Effect::default();
        effect.changed(1);
        effect.rewrite(&[b"PERSIST", b"k"]);
        assert_eq!(emitted(&effect), vec![(3, b"*2\r\n$7\r\nPERSIST\r\n$1\r\nk\r\n".to_vec())]);
        effect.clear();
        effect.changed(1);
        effect.suppress();
        assert_eq!(emitted(&effect), vec![]);
    }

    #[test]
    fn a_message_changes_nothing_and_is_part_of_what_a_transaction_does() {
        let mut inner = Effect::default();
        inner.publish(None);
        assert!(inner.is_plain_request() && inner.changes() == 0);
        assert_eq!(inner.publications().count(), 0);
        let message = |channel, text| Publication { kind: Kind::Channel, channel, text };
        let mut outer = Effect::default();
        for (channel, text) in [(b"a", &b"1"[..]), (b"b", b"")] {
            inner.clear();
            inner.publish(Some(message(channel, text)));
            let owned = crate::net::args::OwnedArgs::from_words([&b"PUBLISH"[..], channel, text]);
            outer.absorb(&inner, &owned.as_args(), 2);
        }
        assert_eq!((outer.command_count(), outer.changes()), (2, 0));
        let messages: Vec<_> = outer.publications().collect();
        assert_eq!(messages, [message(b"a", b"1"), message(b"b", b"")]);
    }
}
