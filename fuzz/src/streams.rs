//! Writing a stream as it was read.

use backlogd::snapshot::rdb::{ConsumerHead, EncodeError, Encoder, GroupHead, Stream};

/// Writes a stream; what a form did not tell is zero.
pub fn write(
    encoder: &mut Encoder<Vec<u8>>,
    key: (&[u8], Option<i64>),
    stream: &Stream,
) -> Result<(), EncodeError> {
    let counters = stream.facts.counters.unwrap_or_default();
    encoder.stream(key, (&stream.facts, &counters), stream.packs(), stream.groups.len())?;
    for group in &stream.groups {
        let entries_read = group.entries_read.unwrap_or_default();
        let head = GroupHead { name: &group.name, last_id: group.last_id, entries_read };
        let pending = group.pending.iter().copied();
        encoder.stream_group(&head, pending, group.consumers.len())?;
        for consumer in &group.consumers {
            let (seen_ms, active_ms) = (consumer.seen_ms, consumer.active_ms);
            let head = ConsumerHead { name: &consumer.name, seen_ms, active_ms };
            encoder.stream_consumer(&head, consumer.pending.iter().copied())?;
        }
    }
    Ok(())
}
