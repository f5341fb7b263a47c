//! Telling clients what they may no longer hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::command::pubsub::Hub;
use crate::command::session::flag;
use crate::net::reply::{Protocol, Reply};

use super::tracker::Tracked;

/// The channel in which a client of RESP2 is told.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Keys that were changed, each with the client that was the first to change it.
pub type Changed<'k> = BTreeMap<&'k [u8], Option<u64>>;

impl Hub {
    /// Remembers that a client has read a key.
    pub fn remember_read(&self, client: u64, key: &[u8], now_ms: i64) {
        self.tracker().remember(client, key);
        while let Some((key, clients)) = self.tracker().take_excess() {
            for id in clients {
                self.tell_reader(id, &key, None, now_ms);
            }
        }
    }

    /// Tells those who have read a key that it was changed, by a client or by nobody.
    pub fn invalidate(&self, key: &[u8], by: Option<u64>, now_ms: i64) {
        for id in self.tracker().take(key) {
            self.tell_reader(id, key, by, now_ms);
        }
    }

    /// Tells those who are told of prefixes which keys were changed.
    pub fn broadcast(&self, changed: &Changed<'_>, now_ms: i64) {
        for (prefix, clients) in self.tracker().prefixes() {
            let from = changed.range(&prefix[..]..);
            let keys: Vec<_> = from.take_while(|(key, _)| key.starts_with(&prefix)).collect();
            for tracked in clients {
                let is_told = |by: &Option<u64>| !skips(&tracked, *by);
                let keys = keys.iter().filter(|(_, by)| is_told(by)).map(|(key, _)| **key);
                let keys: Vec<&[u8]> = keys.collect();
                if !keys.is_empty() {
                    self.tell(&tracked, Some(&keys), now_ms);
                }
            }
        }
    }

    /// Tells all that track that everything was changed.
    pub fn invalidate_all(&self, now_ms: i64) {
        if self.tracker().is_idle() {
            return;
        }
        self.tracker().clear();
        for tracked in self.tracker().all() {
            self.tell(&tracked, None, now_ms);
        }
    }

    fn tell_reader(&self, id: u64, key: &[u8], by: Option<u64>, now_ms: i64) {
        if let Some(tracked) = self.tracker().find(id)
            && tracked.prefixes.is_none()
            && !skips(&tracked, by)
        {
            self.tell(&tracked, Some(&[key]), now_ms);
        }
    }

    /// Tells a client, or whom it has named, of keys or of everything.
    fn tell(&self, tracked: &Tracked, keys: Option<&[&[u8]]>, now_ms: i64) {
        let Some(redirect) = &tracked.redirect else {
            self.push(&tracked.mailbox, |to, _| frame(to, keys), now_ms);
            return;
        };
        if redirect.flags.load(Ordering::Relaxed) & flag::LEFT != 0 {
            tracked.info.flags.fetch_or(flag::BROKEN_REDIRECT, Ordering::Relaxed);
            self.push(&tracked.mailbox, |to, _| broken(to, redirect.id), now_ms);
        } else if let Some(mailbox) = self.mailbox_of(redirect.id) {
            let framed = |to, listens| match to {
                Protocol::Resp2 if listens => Some(message(keys)),
                to => frame(to, keys),
            };
            self.push(&Arc::clone(&mailbox), framed, now_ms);
        }
    }
}

fn skips(tracked: &Tracked, by: Option<u64>) -> bool {
    tracked.skips_own && by == Some(tracked.info.id)
}

/// What is pushed to a client, of whom nothing is in RESP2.
fn frame(protocol: Protocol, keys: Option<&[&[u8]]>) -> Option<Bytes> {
    if protocol == Protocol::Resp2 {
        return None;
    }
    let mut bytes = Vec::new();
    let mut reply = Reply::new(&mut bytes, protocol);
    reply.push(2);
    reply.bulk(b"invalidate");
    write_keys(&mut reply, keys);
    Some(bytes.into())
}

/// What a client is sent in RESP2 that subscribes to anything.
fn message(keys: Option<&[&[u8]]>) -> Bytes {
    let mut bytes = Vec::new();
    let mut reply = Reply::new(&mut bytes, Protocol::Resp2);
    reply.push(3);
    reply.bulk(b"message");
    reply.bulk(CHANNEL);
    write_keys(&mut reply, keys);
    bytes.into()
}

fn write_keys(reply: &mut Reply<'_>, keys: Option<&[&[u8]]>) {
    match keys {
        None => reply.null(),
        Some(keys) => {
            reply.array(keys.len());
            for key in keys {
                reply.bulk(key);
            }
        }
    }
}

/// What a client is pushed whose messages go to one that has left.
fn broken(protocol: Protocol, id: u64) -> Option<Bytes> {
    if protocol == Protocol::Resp2 {
        return None;
    }
    let mut bytes = Vec::new();
    let mut reply = Reply::new(&mut bytes, protocol);
    reply.push(2);
    reply.bulk(b"tracking-redir-broken");
    reply.integer(id as i64);
    Some(bytes.into())
}
