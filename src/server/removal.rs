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

/// Logs by one `DEL` that keys were removed whose shards are held, and tells those who watch them, wait
/// for them or subscribe to their events.
///
/// `scratch` is kept from one to the next.
pub fn note(
    (server, stream): (&Server, &Stream),
    locked: &mut Locked<'_>,
    (database, keys): (usize, &[Key<'_>]),
    why: Why,
    scratch: &mut Vec<u8>,
) {
    if keys.is_empty() {
        return;
    }
    for key in keys {
        locked.touched(database, key);
    }
    scratch.clear();
    effect::encode_all(scratch, b"DEL", keys.iter().map(Key::bytes));
    if let Err(error) = stream.append(Unit::command(database, scratch)) {
        server.fail("cannot append to the log", &error);
    }
    server.live.changed(keys.len() as u64);
    let wanted = server.wanted_events();
    if wanted.is_empty() {
        return;
    }
    let mut events = Events::wanting(wanted);
    let (class, name) = match why {
        Why::Expired => (Classes::EXPIRED, "expired"),
        Why::Evicted => (Classes::EVICTED, "evicted"),
    };
    for key in keys {
        events.note(Classes::CHANGED, name, (database, key.bytes()), 0);
        events.note(class, name, (database, key.bytes()), 0);
    }
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
