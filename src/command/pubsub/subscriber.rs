//! What one client subscribes to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::session::flag;
use crate::command::tracking::Tracking;
use crate::command::weight::name_bytes;
use crate::command::{ClientInfo, Session};
use crate::net::reply::Protocol;

use super::{Hub, Kind, Mailbox};

/// What one client subscribes to; it no longer does once this is dropped.
#[derive(Debug)]
pub struct Subscriber {
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    channels: Names,
    patterns: Names,
    shard_channels: Names,
    /// Whether it is shown what others do.
    is_monitor: bool,
    /// Which keys it is told of.
    pub(in crate::command) tracking: Option<Tracking>,
}

/// Names, and the order in which they came.
#[derive(Debug, Default)]
struct Names {
    places: HashMap<Arc<[u8]>, u64>,
    next: u64,
    bytes: usize,
}

impl Subscriber {
    fn new(hub: &Arc<Hub>, info: &Arc<ClientInfo>, protocol: Protocol) -> Self {
        let mailbox = Arc::new(Mailbox::new(Arc::clone(info), protocol));
        hub.open(&mailbox);
        Self {
            hub: Arc::clone(hub),
            mailbox,
            channels: Names::default(),
            patterns: Names::default(),
            shard_channels: Names::default(),
            is_monitor: false,
            tracking: None,
        }
    }

    /// Returns where its messages wait.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Subscribes; nothing happens if it did already.
    pub fn subscribe(&mut self, kind: Kind, name: &[u8]) {
        let names = self.names(kind);
        if !names.places.contains_key(name) {
            let name = self.hub.add(kind, name, &self.mailbox);
            self.names(kind).add(name);
        }
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&mut self, kind: Kind, name: &[u8]) {
        if self.names(kind).remove(name) {
            self.hub.remove(kind, name, self.mailbox.client());
        }
    }

    /// Has it shown what all others do.
    pub fn monitor(&mut self) {
        self.is_monitor = true;
        self.hub.monitors().add(&self.mailbox);
    }

    /// Lists what it subscribes to, in the order in which it did so.
    pub fn subscriptions(&self, kind: Kind) -> Vec<Arc<[u8]>> {
        let names = match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::ShardChannel => &self.shard_channels,
        };
        let mut all: Vec<_> = names.places.iter().map(|(name, place)| (place, name)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, name)| Arc::clone(name)).collect()
    }

    /// Counts as a confirmation of `kind` does: channels and patterns together, shard channels apart.
    pub fn confirmed(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel | Kind::Pattern => self.channels.len() + self.patterns.len(),
            Kind::ShardChannel => self.shard_channels.len(),
        }
    }

    /// Has it told of no key any more.
    pub(in crate::command) fn end_tracking(&mut self) {
        if self.tracking.take().is_some() {
            self.hub.tracker().end(self.mailbox.client());
        }
    }

    /// Ends all subscriptions, and shows it no more what others do.
    pub fn leave(&mut self) {
        if std::mem::take(&mut self.is_monitor) {
            self.hub.monitors().remove(self.mailbox.client());
        }
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            let names = std::mem::take(self.names(kind));
            for name in names.places.into_keys() {
                self.hub.remove(kind, &name, self.mailbox.client());
            }
        }
    }

    fn names(&mut self, kind: Kind) -> &mut Names {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::ShardChannel => &mut self.shard_channels,
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.leave();
        self.end_tracking();
        self.hub.close(&self.mailbox);
    }
}

impl Names {
    fn add(&mut self, name: Arc<[u8]>) {
        self.next += 1;
        self.bytes += name_bytes(&name);
        self.places.insert(name, self.next);
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let was_there = self.places.remove(name).is_some();
        if was_there {
            self.bytes -= name_bytes(name);
        }
        was_there
    }

    fn len(&self) -> usize {
        self.places.len()
    }
}

impl Session {
    /// Returns what the client subscribes to, which is nothing at first.
    pub fn subscriber(&mut self, hub: &Arc<Hub>) -> &mut Subscriber {
        let Self { subscriber, info, protocol, .. } = self;
        subscriber.get_or_insert_with(|| Box::new(Subscriber::new(hub, info, *protocol)))
    }

    /// Ends all subscriptions without a word; messages that came before go ahead of the reply.
    pub fn unsubscribe_all(&mut self) {
        if let Some(subscriber) = &mut self.subscriber {
            subscriber.leave();
            self.show_subscriptions();
            self.let_messages_ahead();
        }
    }

    /// Sends what has come so far ahead of the reply to the present command.
    ///
    /// For a command after whose reply the client expects no messages, or others.
    pub fn let_messages_ahead(&mut self) {
        if let Some(subscriber) = &self.subscriber {
            subscriber.mailbox.take_all(&mut self.ahead);
        }
    }

    /// Shows other clients what this one subscribes to.
    pub fn show_subscriptions(&self) {
        let Some(subscriber) = &self.subscriber else { return };
        let counts = [&subscriber.channels, &subscriber.patterns, &subscriber.shard_channels];
        let bytes = counts.iter().map(|names| names.bytes).sum();
        self.info.holdings.subscribed.store(bytes, Ordering::Relaxed);
        let mut total = 0;
        for (shown, names) in self.info.subscriptions.iter().zip(counts) {
            shown.store(names.len(), Ordering::Relaxed);
            total += names.len();
        }
        if total > 0 {
            self.info.flags.fetch_or(flag::SUBSCRIBER, Ordering::Relaxed);
        } else {
            self.info.flags.fetch_and(!flag::SUBSCRIBER, Ordering::Relaxed);
        }
    }

    /// Tells whether the client is shown what others do, and so may not touch the data.
    #[inline]
    pub fn is_monitor(&self) -> bool {
        self.subscriber.as_ref().is_some_and(|subscriber| subscriber.is_monitor)
    }

    /// Tells whether the client may only subscribe, as what it gets are arrays like any reply.
    pub fn only_listens(&self) -> bool {
        self.subscriber.is_some()
            && self.protocol == Protocol::Resp2
            && self.info.flags.load(Ordering::Relaxed) & flag::SUBSCRIBER != 0
    }
}
