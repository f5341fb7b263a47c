//! One client as a line of `CLIENT LIST`.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::session::{ClientInfo, flag};
use crate::command::table;

/// The letters of the flags, in the order in which they are shown.
const LETTERS: [(u64, char); 14] = [
    (flag::MONITOR, 'O'),
    (flag::REPLICA, 'S'),
    (flag::SUBSCRIBER, 'P'),
    (flag::TRANSACTION, 'x'),
    (flag::BLOCKED, 'b'),
    (flag::TRACKING, 't'),
    (flag::BROKEN_REDIRECT, 'R'),
    (flag::BROADCAST, 'B'),
    (flag::BROKEN, 'd'),
    (flag::CLOSING, 'c'),
    (flag::KILLED, 'A'),
    (flag::UNIX, 'U'),
    (flag::NO_EVICT, 'e'),
    (flag::NO_TOUCH, 'T'),
];

/// Describes a client in one line, its end included.
///
/// The words of a command being executed lie in the query buffer, and take no memory of their own; where
/// they lie is counted in the sum.
pub fn describe(client: &ClientInfo, now_ms: i64) -> String {
    let names = client.names.lock().clone();
    let query_bytes = client.query_buffer.load(Relaxed);
    let reply_bytes = client.output_buffer.load(Relaxed);
    let message_bytes = client.pushes.load(Relaxed);
    let [channels, patterns, shard_channels] = &client.subscriptions;
    format!(
        "id={id} addr={address} laddr={local} fd={fd} name={name} age={age} idle={idle} \
         flags={flags} db={db} sub={sub} psub={psub} ssub={ssub} multi={multi} qbuf={query_bytes} qbuf-free={query_free} \
         argv-mem=0 multi-mem={multi_bytes} rbs={reply_bytes} rbp={reply_bytes} obl={reply_bytes} oll=0 \
         omem={message_bytes} tot-mem={memory} events={events} cmd={command} user={user} redir={redirect} resp={resp} \
         lib-name={library} lib-ver={library_version}\n",
        id = client.id,
        address = client.address,
        local = client.local_address,
        fd = client.descriptor,
        name = names.name,
        age = seconds(now_ms, client.since_ms),
        idle = seconds(now_ms, client.active_ms.load(Relaxed)),
        flags = letters(client.flags.load(Relaxed)),
        db = client.database.load(Relaxed),
        sub = channels.load(Relaxed),
        psub = patterns.load(Relaxed),
        ssub = shard_channels.load(Relaxed),
        multi = client.queued.load(Relaxed),
        query_free = client.query_room.load(Relaxed).saturating_sub(query_bytes),
        multi_bytes = client.holdings.transaction_bytes(),
        memory = client.memory_bytes(),
        events = if reply_bytes + message_bytes > 0 { "rw" } else { "r" },
        command = last_command(client),
        user = names.user,
        redirect = client.redirect.load(Relaxed),
        resp = client.protocol.load(Relaxed),
        library = names.library,
        library_version = names.library_version,
    )
}

fn seconds(now_ms: i64, then_ms: i64) -> i64 {
    now_ms.saturating_sub(then_ms).max(0) / 1000
}

fn letters(flags: u64) -> String {
    let set = LETTERS.iter().filter(|(bit, _)| flags & bit != 0);
    let shown: String = set.map(|(_, letter)| *letter).collect();
    if shown.is_empty() { "N".to_owned() } else { shown }
}

fn last_command(client: &ClientInfo) -> &'static str {
    let place = client.last_command.load(Relaxed).checked_sub(1);
    place.and_then(|place| table::all().get(place)).map_or("NULL", |command| command.name)
}
