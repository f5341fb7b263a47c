//! All subscriptions of a server, and the ways to the workers that serve the subscribers.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::command::tracking::Tracker;
use crate::keyspace::ShardSet;
use crate::net::reply::Protocol;

use super::channels::{Channels, PARTS, part_of};
use super::frames::Message;
use super::limits::Limits;
use super::mailbox::{Mailbox, Put};
use super::monitors::Monitors;
use super::patterns::Patterns;
use super::post::Post;

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A channel (`SUBSCRIBE`).
    Channel,
    /// All channels whose names match a pattern (`PSUBSCRIBE`).
    Pattern,
    /// A shard channel (`SSUBSCRIBE`), whose names are apart from those of channels.
    ShardChannel,
}

/// All subscriptions of a server, and the ways to the workers that serve the subscribers.
///
/// Locks are taken in this order: the turn to publish, a part of the channels or the patterns, a
/// mailbox, a post.
#[derive(Debug)]
pub struct Hub {
    channels: Channels,
    shard_channels: Channels,
    patterns: Patterns,
    monitors: Monitors,
    tracker: Tracker,
    /// By the numbers of their clients.
    mailboxes: RwLock<HashMap<u64, Arc<Mailbox>>>,
    /// One for each worker.
    posts: Box<[Post]>,
    /// Held by who publishes in such channels, from before it is logged until it is delivered: so
    /// messages of one channel are delivered in the order of the stream.
    turns: Box<[Mutex<()>]>,
    hasher: RandomState,
    limits: Limits,
}

/// The right to publish in some channels.
#[derive(Debug)]
#[must_use = "it is given back at once"]
pub struct PublishingTurn<'h>(#[expect(dead_code, reason = "held")] Vec<MutexGuard<'h, ()>>);

impl Hub {
    /// Begins without subscriptions, with a post for each of so many workers.
    pub fn new(workers: usize) -> Self {
        let hasher = RandomState::new();
        Self {
            channels: Channels::new(hasher.clone()),
            shard_channels: Channels::new(hasher.clone()),
            patterns: Patterns::default(),
            monitors: Monitors::default(),
            tracker: Tracker::default(),
            mailboxes: RwLock::default(),
            posts: (0..workers).map(|_| Post::default()).collect(),
            turns: (0..PARTS).map(|_| Mutex::default()).collect(),
            hasher,
            limits: Limits::default(),
        }
    }

    /// Returns how much clients may leave unread.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the post of a worker.
    pub fn post(&self, worker: usize) -> &Post {
        &self.posts[worker]
    }

    /// Counts what is subscribed to by anybody.
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel => self.channels.count(),
            Kind::Pattern => self.patterns.count(),
            Kind::ShardChannel => self.shard_channels.count(),
        }
    }

    /// Counts those who subscribe to one channel by its name.
    pub fn subscribers(&self, kind: Kind, channel: &[u8]) -> usize {
        self.channels_of(kind).listeners(channel)
    }

    /// Lists the channels whose names are `wanted`.
    pub fn names(&self, kind: Kind, wanted: impl Fn(&[u8]) -> bool) -> Vec<Arc<[u8]>> {
        self.channels_of(kind).names(wanted)
    }

    /// Lists the clients that subscribe to something whose name is `wanted`, maybe several times.
    pub fn listeners_to(&self, kind: Kind, wanted: impl Fn(&[u8]) -> bool) -> Vec<u64> {
        match kind {
            Kind::Pattern => self.patterns.listeners_to(wanted),
            Kind::Channel | Kind::ShardChannel => self.channels_of(kind).listeners_to(wanted),
        }
    }

    /// Counts those who would get a message, once for each of their subscriptions that fit.
    pub fn receivers(&self, kind: Kind, channel: &[u8]) -> usize {
        let mut count = self.subscribers(kind, channel);
        if kind == Kind::Channel {
            self.patterns.each(channel, |_, listeners| count += listeners.len());
        }
        count
    }

    /// Tells which turns are needed to publish in a channel.
    pub fn turn_of(&self, channel: &[u8]) -> ShardSet {
        ShardSet::single(part_of(&self.hasher, channel))
    }

    /// Waits for the turn to publish.
    pub fn take_turn(&self, turns: ShardSet) -> PublishingTurn<'_> {
        PublishingTurn(turns.iter().map(|turn| self.turns[turn].lock()).collect())
    }

    /// Puts a message into the mailboxes of all who subscribe; [`ring`](Self::ring) is to follow.
    pub fn deliver(&self, kind: Kind, channel: &[u8], text: &[u8], now_ms: i64) {
        let label = if kind == Kind::ShardChannel { "smessage" } else { "message" };
        let message = Message::to_channel(label, channel, text);
        self.channels_of(kind).each(channel, |mailbox| self.put(mailbox, &message, now_ms));
        if kind == Kind::Channel {
            self.patterns.each(channel, |pattern, listeners| {
                let message = Message::to_pattern(pattern, channel, text);
                for mailbox in listeners.values() {
                    self.put(mailbox, &message, now_ms);
                }
            });
        }
    }

    /// Returns who is told of which keys.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Finds the mailbox of a client, which has one once it subscribed to anything or chose RESP3.
    pub(in crate::command) fn mailbox_of(&self, client: u64) -> Option<Arc<Mailbox>> {
        self.mailboxes.read().get(&client).cloned()
    }

    /// Puts what `make` makes for the protocol of a client into its mailbox, if anything.
    ///
    /// It is told as well whether the client subscribes to anything.
    pub(in crate::command) fn push(
        &self,
        mailbox: &Arc<Mailbox>,
        make: impl FnOnce(Protocol, bool) -> Option<Bytes>,
        now_ms: i64,
    ) {
        let put = mailbox.put_made(make, &self.limits, now_ms);
        self.list_first(mailbox, put);
    }

    pub(super) fn open(&self, mailbox: &Arc<Mailbox>) {
        self.mailboxes.write().insert(mailbox.client(), Arc::clone(mailbox));
    }

    pub(super) fn close(&self, mailbox: &Mailbox) {
        self.mailboxes.write().remove(&mailbox.client());
    }

    /// Tells whether anybody is shown what others do.
    #[inline]
    pub fn has_monitors(&self) -> bool {
        !self.monitors.is_empty()
    }

    /// Puts a line into the mailboxes of all monitors; [`ring`](Self::ring) is to follow.
    pub fn show(&self, line: &Bytes, now_ms: i64) {
        self.monitors.each(|mailbox| {
            let put = mailbox.put_line(line, &self.limits, now_ms);
            self.list_first(mailbox, put);
        });
    }

    /// Wakes the workers whose subscribers got something since they last looked.
    pub fn ring(&self) {
        self.posts.iter().for_each(Post::ring);
    }

    /// Has a worker come for what is left in a mailbox.
    pub fn list_again(&self, mailbox: &Arc<Mailbox>) {
        if let Some(post) = mailbox.post() {
            self.posts[post].list(Arc::clone(mailbox));
            self.posts[post].ring();
        }
    }

    pub(super) fn monitors(&self) -> &Monitors {
        &self.monitors
    }

    pub(super) fn add(&self, kind: Kind, name: &[u8], mailbox: &Arc<Mailbox>) -> Arc<[u8]> {
        match kind {
            Kind::Pattern => self.patterns.add(name, mailbox),
            _ => self.channels_of(kind).add(name, mailbox),
        }
    }

    pub(super) fn remove(&self, kind: Kind, name: &[u8], client: u64) {
        match kind {
            Kind::Pattern => self.patterns.remove(name, client),
            _ => self.channels_of(kind).remove(name, client),
        }
    }

    fn put(&self, mailbox: &Arc<Mailbox>, message: &Message<'_>, now_ms: i64) {
        let put = mailbox.put(message, &self.limits, now_ms);
        self.list_first(mailbox, put);
    }

    fn list_first(&self, mailbox: &Arc<Mailbox>, put: Put) {
        if let Put::First(post) = put {
            self.posts[post].list(Arc::clone(mailbox));
        }
    }

    fn channels_of(&self, kind: Kind) -> &Channels {
        match kind {
            Kind::ShardChannel => &self.shard_channels,
            Kind::Channel | Kind::Pattern => &self.channels,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::command::Session;
    use crate::command::testing::{NOW_MS, session_of};

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn subscriber(hub: &Arc<Hub>, id: u64, worker: usize, kind: Kind, name: &[u8]) -> Session {
        let mut session = session_of(id);
        let subscriber = session.subscriber(hub);
        subscriber.subscribe(kind, name);
        subscriber.mailbox().move_to(worker);
        session
    }

    fn heard(session: &Session) -> String {
        let mut out = Vec::new();
        let subscriber = session.subscriber.as_ref().expect("it subscribes");
        subscriber.mailbox().take_all(&mut out);
        String::from_utf8_lossy(&out).replace("\r\n", " ")
    }

    #[test]
    fn a_message_reaches_channel_and_patterns_and_no_shard_channel() {
        let hub = Arc::new(Hub::new(1));
        let by_name = subscriber(&hub, 1, 0, Kind::Channel, b"news");
        let by_pattern = subscriber(&hub, 2, 0, Kind::Pattern, b"n*s");
        let by_shard = subscriber(&hub, 3, 0, Kind::ShardChannel, b"news");
        assert_eq!(hub.receivers(Kind::Channel, b"news"), 2);
        assert_eq!(hub.receivers(Kind::ShardChannel, b"news"), 1);
        hub.deliver(Kind::Channel, b"news", b"x", NOW_MS);
        assert_eq!(heard(&by_name), "*3 $7 message $4 news $1 x ");
        assert_eq!(heard(&by_pattern), "*4 $8 pmessage $3 n*s $4 news $1 x ");
        assert_eq!(heard(&by_shard), "");
        hub.deliver(Kind::ShardChannel, b"news", b"y", NOW_MS);
        assert_eq!(heard(&by_shard), "*3 $8 smessage $4 news $1 y ");
        assert_eq!(heard(&by_name) + &heard(&by_pattern), "");
    }

    #[test]
    fn whoever_is_gone_is_forgotten() {
        let hub = Arc::new(Hub::new(1));
        let kinds = [Kind::Channel, Kind::Pattern, Kind::ShardChannel];
        let sessions = kinds.map(|kind| subscriber(&hub, 1, 0, kind, b"a"));
        assert_eq!(kinds.map(|kind| hub.count(kind)), [1, 1, 1]);
        assert_eq!(hub.names(Kind::Channel, |_| true).len(), 1);
        drop(sessions);
        assert_eq!(kinds.map(|kind| hub.count(kind)), [0, 0, 0]);
        assert!(hub.names(Kind::Channel, |_| true).is_empty());
    }

    #[test]
    fn a_worker_is_woken_once_for_all_that_was_put_in() {
        let hub = Arc::new(Hub::new(2));
        let bells = [Arc::new(Bell::default()), Arc::new(Bell::default())];
        for (worker, bell) in bells.iter().enumerate() {
            hub.post(worker).listen(&Waker::from(Arc::clone(bell)));
        }
        let rung = || [&bells[0], &bells[1]].map(|bell| bell.0.load(Ordering::Relaxed));
        let near: Vec<_> = (1..4).map(|id| subscriber(&hub, id, 1, Kind::Channel, b"a")).collect();
        (0..10).for_each(|_| hub.deliver(Kind::Channel, b"a", b"x", NOW_MS));
        assert_eq!(rung(), [0, 0]);
        hub.ring();
        hub.ring();
        assert_eq!(rung(), [0, 1]);
        let mut listed = Vec::new();
        hub.post(1).take(&mut listed);
        assert_eq!(listed.len(), near.len());
        // What a worker has come for already need not wake it.
        for session in &near {
            heard(session);
        }
        hub.deliver(Kind::Channel, b"a", b"y", NOW_MS);
        listed.clear();
        hub.post(1).take(&mut listed);
        hub.ring();
        assert_eq!((listed.len(), rung()), (near.len(), [0, 1]));
    }

    #[test]
    fn messages_that_come_between_two_workers_are_listed_at_the_second() {
        let hub = Arc::new(Hub::new(2));
        let session = subscriber(&hub, 1, 0, Kind::Channel, b"a");
        hub.deliver(Kind::Channel, b"a", b"x", NOW_MS);
        let mailbox = session.subscriber.as_ref().expect("it subscribes").mailbox();
        assert!(mailbox.move_to(1));
        hub.list_again(mailbox);
        let mut listed = Vec::new();
        hub.post(1).take(&mut listed);
        assert_eq!(listed.len(), 1);
        assert!(heard(&session).ends_with("$1 x "));
    }
}
