//! How entries are told.

use crate::keyspace::{StreamEntry, StreamId};
use crate::listpack::Element;
use crate::net::Reply;

/// Writes an ID.
pub(in crate::command) fn tell_id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(id.to_string().as_bytes());
}

/// Writes an entry: its ID, and its fields with their values.
pub(in crate::command) fn tell_entry(reply: &mut Reply<'_>, entry: &StreamEntry<'_>) {
    reply.array(2);
    tell_id(reply, entry.id);
    reply.array(entry.fields.len() * 2);
    for (field, value) in entry.fields.clone() {
        tell_element(reply, field);
        tell_element(reply, value);
    }
}

/// Writes entries, as many as there are.
pub(in crate::command) fn tell_entries<'s>(
    reply: &mut Reply<'_>,
    entries: impl Iterator<Item = StreamEntry<'s>>,
) {
    let begun = reply.defer();
    let mut count = 0;
    for entry in entries {
        tell_entry(reply, &entry);
        count += 1;
    }
    reply.array_since(begun, count);
}

/// How many are taken if a count was given; zero is for all.
pub(in crate::command) fn limit(count: i64) -> usize {
    match usize::try_from(count) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(count) => count,
    }
}

fn tell_element(reply: &mut Reply<'_>, element: Element<'_>) {
    match element {
        Element::Integer(number) => reply.bulk_int(number),
        Element::Bytes(bytes) => reply.bulk(bytes),
    }
}
