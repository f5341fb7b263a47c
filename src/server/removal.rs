//! Keys that the server removes by itself, as their time or their memory is over.

use crate::command::{Classes, Events, effect};
use crate::keyspace::{Key, Locked};
use crate::replication::stream::{Stream, Unit};

use super::clock::unix_ms;
use super::{Server, blocking, delivery};

/// Why a key is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its time is over.
    Expired,
    /// Its memory is wanted.
    Evicted,
}

/// Logs that a key was removed whose shard is held, and tells those who watch it, wait for it or
/// subscribe to its events.
///
/// `scratch` is kept from one to the next.
pub fn note(
    (server, stream): (&Server, &Stream),
    locked: &mut Locked<'_>,
    (database, key): (usize, &Key<'_>),
    why: Why,
    scratch: &mut Vec<u8>,
) {
    locked.touched(database, key);
    scratch.clear();
    effect::encode(scratch, &[b"DEL", key.bytes()]);
    if let Err(error) = stream.append(Unit::command(database, scratch)) {
        server.fail("cannot append to the log", &error);
    }
    server.live.changed(1);
    let mut events = Events::wanting(server.wanted_events());
    let (class, name) = match why {
        Why::Expired => (Classes::EXPIRED, "expired"),
        Why::Evicted => (Classes::EVICTED, "evicted"),
    };
    events.note(Classes::CHANGED, name, (database, key.bytes()), 0);
    events.note(class, name, (database, key.bytes()), 0);
    if !events.is_empty() {
        delivery::deliver_events(&server.hub, &events, unix_ms());
    }
}

/// Lets go of shards from which keys were removed; those who wait for them look again.
pub fn let_go(server: &Server, mut locked: Locked<'_>) {
    let awaited = locked.take_all_ready();
    server.bin.unlock(locked);
    if !awaited.is_empty() {
        blocking::serve_left(server, awaited);
    }
}
