//! Messages of publish and subscribe: from the log to the subscribers, and who is too slow for them.

use std::sync::atomic::Ordering;

use crate::command::pubsub::{Hub, Kind, Limit, Publication, PublishingTurn};
use crate::command::session::flag as client;
use crate::command::table::Command;
use crate::command::table::keys::keys_of;
use crate::command::tracking::Changed;
use crate::command::{Classes, Effect, Events, Session};
use crate::config::Settings;
use crate::config::settings::OutputLimit;
use crate::keyspace::ShardSet;
use crate::net::Args;

use super::clock::unix_ms;
use super::{Server, monitor};

/// Takes over `client-output-buffer-limit` and `tracking-table-max-keys`.
pub fn apply_limits(hub: &Hub, settings: &Settings) {
    let limit = |from: &OutputLimit| Limit {
        hard_bytes: from.hard_bytes,
        soft_bytes: from.soft_bytes,
        soft_seconds: from.soft_seconds,
    };
    let (normal, subscriber) = (&settings.output_limit_normal, &settings.output_limit_pubsub);
    hub.limits().set(limit(normal), limit(subscriber));
    hub.tracker().limit(settings.tracking_table_max_keys);
}

/// Takes the turns to publish what a command has to say.
///
/// They are held until the messages are logged and delivered, so that the subscribers here get those
/// of one channel in the order of the stream, as a replica's do.
#[inline]
pub fn take_turn<'h>(hub: &'h Hub, effect: &Effect) -> Option<PublishingTurn<'h>> {
    if !effect.has_messages() {
        return None;
    }
    let turns = effect.publications().map(|message| hub.turn_of(message.channel));
    Some(hub.take_turn(turns.fold(ShardSet::EMPTY, ShardSet::union)))
}

/// Hands the messages of a command that is logged to those who subscribe, and ends its turn.
#[inline]
pub fn deliver(hub: &Hub, turn: Option<PublishingTurn<'_>>, effect: &Effect, now_ms: i64) {
    let Some(turn) = turn else { return };
    effect.publications().for_each(|message| deliver_one(hub, message, now_ms));
    drop(turn);
}

/// Has those told of a command that has run who hear of keys or see what others do, if there are any.
///
/// Its messages are then delivered as well, and the shards of its keys are still held.
#[inline]
pub fn tell_at_once(
    server: &Server,
    effect: &Effect,
    (session, command, args): (&Session, &'static Command, &Args<'_>),
    now_ms: i64,
) -> bool {
    let remembers = session.remembers_keys_of(command);
    if effect.events.is_empty() && !server.hub.has_monitors() && !remembers {
        return false;
    }
    let client = session.info.id;
    deliver_in_order(&server.hub, effect, client, now_ms);
    if remembers {
        for index in keys_of(command, args) {
            server.hub.remember_read(client, args.word(index), now_ms);
        }
    }
    monitor::show(server, command, args, (session.database, &session.info));
    true
}

/// Does what [`deliver`] does at once, with the events of the command in the order in which all of
/// them came to be.
///
/// The shards of its keys are still held, so that the events of a key come in the order of its changes.
#[cold]
pub fn deliver_in_order(hub: &Hub, effect: &Effect, client: u64, now_ms: i64) {
    let mut messages = effect.publications().enumerate().peekable();
    each_event(hub, &effect.events, (Some(client), now_ms), |hub, event_messages| {
        while let Some((_, message)) = messages.next_if(|(index, _)| *index < event_messages) {
            deliver_one(hub, message, now_ms);
        }
    });
    messages.for_each(|(_, message)| deliver_one(hub, message, now_ms));
}

/// Hands events to those who subscribe; the shards of their keys are still held.
#[cold]
pub fn deliver_events(hub: &Hub, events: &Events, now_ms: i64) {
    each_event(hub, events, (None, now_ms), |_, _| ());
}

/// Hands out events by their keys and by their names, as far as that is wanted.
///
/// `before` is called ahead of each with the number of messages that came before it. What is to be told
/// to those who hold copies of keys is told as well.
fn each_event(
    hub: &Hub,
    events: &Events,
    (client, now_ms): (Option<u64>, i64),
    mut before: impl FnMut(&Hub, usize),
) {
    let is_heard = hub.count(Kind::Channel) + hub.count(Kind::Pattern) > 0;
    let (mut channel, mut changed) = (Vec::new(), Changed::new());
    for event in events.iter() {
        before(hub, event.messages);
        if Classes::TRACKED.has(event.class) {
            // That a key has expired is nobody's doing.
            let by = client.filter(|_| event.name.is_empty());
            match (event.class, client) {
                (Classes::CHANGED, _) => {
                    hub.invalidate(event.key, by, now_ms);
                    changed.entry(event.key).or_insert(by);
                }
                (Classes::READ, Some(client)) => hub.remember_read(client, event.key, now_ms),
                _ => hub.invalidate_all(now_ms),
            }
            continue;
        }
        if !is_heard {
            continue;
        }
        let mut tell = |kind: &str, about: &[u8], text: &[u8]| {
            channel.clear();
            let head = format!("__{kind}@{}__:", event.database);
            channel.extend_from_slice(head.as_bytes());
            channel.extend_from_slice(about);
            hub.deliver(Kind::Channel, &channel, text, now_ms);
        };
        if events.wanted().has(Classes::BY_KEY) {
            tell("keyspace", event.key, event.name.as_bytes());
        }
        if events.wanted().has(Classes::BY_NAME) {
            tell("keyevent", event.name.as_bytes(), event.key);
        }
    }
    if !changed.is_empty() {
        hub.broadcast(&changed, now_ms);
    }
}

fn deliver_one(hub: &Hub, message: Publication<'_>, now_ms: i64) {
    let Publication { kind, channel, text } = message;
    hub.deliver(kind, channel, text, now_ms);
}

/// Ends the connections of clients that have left too much unread for too long.
pub fn drop_slow_clients(server: &Server) {
    let now_ms = unix_ms();
    for info in server.clients.list() {
        let is_going = info.flags.load(Ordering::Relaxed) & client::KILLED != 0;
        let unread = info.unread_bytes();
        if !is_going && server.hub.limits().cuts(&info, unread, now_ms) {
            info.cut_off(unread);
        }
    }
}

impl Server {
    /// Tells which of the events are to be noted that commands cause; to be asked under the locks.
    #[inline]
    pub fn wanted_events(&self) -> Classes {
        let published = self.live.event_classes();
        let is_idle = self.hub.tracker().is_idle();
        if is_idle { published } else { published.union(Classes::TRACKED) }
    }

    /// Hands a message that came with the stream of a primary to those who subscribe here.
    ///
    /// For whoever applies the stream of a live link, once the unit that holds the `PUBLISH`
    /// ([`Kind::Channel`]) or `SPUBLISH` ([`Kind::ShardChannel`]) is in the log here: what a
    /// subscriber is sent is then sealed by the turn that sends it. May be called from any thread;
    /// waits for no subscriber and takes none of the keyspace's locks. A replay of the log does not
    /// call it: whoever subscribed then is gone.
    pub fn publish_from_stream(&self, kind: Kind, channel: &[u8], text: &[u8]) {
        self.hub.deliver(kind, channel, text, unix_ms());
        self.hub.ring();
    }
}
