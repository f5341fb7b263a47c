//! Streams on their way between the keyspace and the RDB format.

use std::io::Write;

use crate::command::stream::group::delivered;
use crate::keyspace::{Consumer, Counters, Group, Stream, StreamId, StreamPart};
use crate::snapshot::rdb::{
    self, ConsumerHead, EncodeError, Encoder, GroupHead, StreamCounters, StreamFacts, StreamPending,
};

/// How files say that a number is not known, or a time never was.
const NONE: i64 = -1;

/// Writes a stream with its groups.
pub(super) fn encode<W: Write>(
    encoder: &mut Encoder<W>,
    key: (&[u8], Option<i64>),
    stream: &Stream,
) -> Result<(), EncodeError> {
    let Counters { last_id, first_id, max_deleted_id, entries_added } = stream.counters();
    let facts = StreamFacts { len: stream.len(), last_id: last_id.to_bytes(), counters: None };
    let counters = StreamCounters {
        first_id: first_id.to_bytes(),
        max_deleted_id: max_deleted_id.to_bytes(),
        entries_added,
    };
    let packs = stream.parts().map(|part| (part.first_id.to_bytes(), part.bytes));
    encoder.stream(key, (&facts, &counters), packs, stream.groups_count())?;
    stream.groups().try_for_each(|(name, group)| encode_group(encoder, name, group))
}

fn encode_group<W: Write>(
    encoder: &mut Encoder<W>,
    name: &[u8],
    group: &Group,
) -> Result<(), EncodeError> {
    let head = GroupHead {
        name,
        last_id: group.last_id.to_bytes(),
        entries_read: group.entries_read.unwrap_or(NONE),
    };
    let pending = group.pending_from(StreamId::MIN).map(|(id, pending)| StreamPending {
        id: id.to_bytes(),
        delivered_ms: pending.delivered_ms,
        deliveries: pending.deliveries,
    });
    encoder.stream_group(&head, pending, group.consumers_count())?;
    for (name, consumer) in group.consumers() {
        let Consumer { seen_ms, active_ms, .. } = *consumer;
        let head = ConsumerHead { name, seen_ms, active_ms: active_ms.unwrap_or(NONE) };
        encoder.stream_consumer(&head, consumer.pending().map(StreamId::to_bytes))?;
    }
    Ok(())
}

/// Makes a stream of what a file holds.
pub(super) fn decode(read: &rdb::Stream) -> Stream {
    let StreamFacts { len, last_id, counters } = read.facts;
    let known = counters.unwrap_or_default();
    let counters_read = Counters {
        last_id: StreamId::from_bytes(last_id),
        first_id: StreamId::from_bytes(known.first_id),
        max_deleted_id: StreamId::from_bytes(known.max_deleted_id),
        entries_added: known.entries_added,
    };
    let parts = read
        .packs()
        .map(|(id, bytes)| StreamPart { first_id: StreamId::from_bytes(id), bytes: bytes.into() });
    let mut stream = Stream::of_parts(parts, len, counters_read);
    if counters.is_none() {
        stream.count_anew();
    }
    for group in &read.groups {
        let made = decode_group(&stream, group);
        stream.add_group(&group.name, made);
    }
    stream
}

fn decode_group(stream: &Stream, read: &rdb::StreamGroup) -> Group {
    let last_id = StreamId::from_bytes(read.last_id);
    let entries_read = read.entries_read.or_else(|| stream.entries_up_to(last_id));
    // Below zero is the number for none, and what no command could tell a replica.
    let mut group = Group::new(last_id, entries_read.filter(|count| *count >= 0));
    for consumer in &read.consumers {
        group.add_consumer(&consumer.name, consumer.seen_ms);
        for id in &consumer.pending {
            if let Some(StreamPending { delivered_ms, deliveries, .. }) = read.pending(id) {
                let id = StreamId::from_bytes(*id);
                group.assign(id, &consumer.name, *delivered_ms, delivered(*deliveries, 0));
            }
        }
        if consumer.active_ms != NONE {
            group.was_active(&consumer.name, consumer.active_ms);
        }
    }
    group
}
