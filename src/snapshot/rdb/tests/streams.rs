//! Streams: written in the form of a version, read in each, and refused where they contradict themselves.

use super::super::payload::{self, PayloadError};
use super::super::{
    ConsumerHead, GroupHead, IdBytes, Limits, Options, Stream, StreamCounters, StreamFacts,
    StreamPending, Value,
};
use crate::listpack::Writer;

/// What 7.2 dumps of a stream of one entry, which is pending.
const STOCK_7_2: &[u8] = b"\
    \x15\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x1d\x1d\
    \x00\x00\x00\x0a\x00\x01\x01\x00\x01\x01\x01\x81\x66\x02\x00\x01\x02\x01\x00\x01\x00\
    \x01\x81\x76\x02\x04\x01\xff\x01\x01\x01\x01\x01\x00\x00\x01\x01\x01\x67\x01\x01\x01\
    \x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x98\xbf\xcc\x1e\
    \xa2\x01\x00\x00\x01\x01\x01\x63\x98\xbf\xcc\x1e\xa2\x01\x00\x00\x98\xbf\xcc\x1e\xa2\
    \x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x0b\
    \x00\x21\x15\x10\x53\x69\x3e\x15\xc1";

fn id(ms: u64, seq: u64) -> IdBytes {
    (u128::from(ms) << 64 | u128::from(seq)).to_be_bytes()
}

/// Two entries, of which one was removed.
fn pack() -> Vec<u8> {
    let mut writer = Writer::default();
    "1 1 1 f 0 2 0 0 v 4 3 5 0 w 4".split(' ').for_each(|word| writer.push(word.as_bytes()));
    writer.finish().to_vec()
}

/// What differs from a sound stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    Length,
    TwoPacks,
    TwoGroups,
    TwoConsumers,
    PendingTwice,
    ForTwoConsumers,
    ForNoConsumer,
    NotPending,
    Pack,
}

fn encode(version: u32, wrong: Wrong) -> Vec<u8> {
    let options = Options { version, ..Options::default() };
    let twice = |what| if wrong == what { 2 } else { 1 };
    payload::encode(options, |encoder| {
        let len = if wrong == Wrong::Length { 2 } else { 1 };
        let facts = StreamFacts { len, last_id: id(9, 1), counters: None };
        let counters =
            StreamCounters { first_id: id(5, 1), max_deleted_id: id(10, 1), entries_added: 70_000 };
        let mut bytes = pack();
        if wrong == Wrong::Pack {
            *bytes.last_mut().unwrap() = 0;
        }
        let packs = vec![(id(5, 1), &bytes[..]); twice(Wrong::TwoPacks)];
        let groups = twice(Wrong::TwoGroups);
        encoder.stream((b"key", None), (&facts, &counters), packs.into_iter(), groups)?;
        for _ in 0..groups {
            let head = GroupHead { name: b"group", last_id: id(5, 1), entries_read: -1 };
            let one = StreamPending { id: id(5, 1), delivered_ms: 1234, deliveries: 7 };
            let pending = vec![one; twice(Wrong::PendingTwice)];
            let two = matches!(wrong, Wrong::TwoConsumers | Wrong::ForTwoConsumers);
            encoder.stream_group(&head, pending.into_iter(), if two { 2 } else { 1 })?;
            for at in 0..if two { 2 } else { 1 } {
                let names: [&[u8]; 2] = [b"one", b"two"];
                let name = names[if wrong == Wrong::ForTwoConsumers { at } else { 0 }];
                let head = ConsumerHead { name, seen_ms: 55, active_ms: -1 };
                let ids = match (wrong, at) {
                    (Wrong::ForNoConsumer, _) | (Wrong::TwoConsumers, 1) => vec![],
                    (Wrong::NotPending, _) => vec![id(6, 0)],
                    _ => vec![id(5, 1)],
                };
                encoder.stream_consumer(&head, ids.into_iter())?;
            }
        }
        Ok(())
    })
    .unwrap()
}

fn decode<T>(payload: &[u8], look: impl FnOnce(&Stream) -> T) -> Result<T, PayloadError> {
    payload::decode(payload, Limits::default(), |value| match value {
        Value::Stream(stream) => look(stream),
        other => panic!("{other:?}"),
    })
}

#[test]
fn each_version_has_its_form_and_is_read_again() {
    for (version, code) in [(9, 15), (10, 19), (11, 21)] {
        let written = encode(version, Wrong::Nothing);
        assert_eq!(written[0], code);
        decode(&written, |stream| {
            assert_eq!(stream.packs().collect::<Vec<_>>(), [(id(5, 1), &pack()[..])]);
            let counters = StreamCounters {
                first_id: id(5, 1),
                max_deleted_id: id(10, 1),
                entries_added: 70_000,
            };
            let counters = (version > 9).then_some(counters);
            assert_eq!(stream.facts, StreamFacts { len: 1, last_id: id(9, 1), counters });
            let group = &stream.groups[0];
            assert_eq!((&group.name[..], group.last_id), (&b"group"[..], id(5, 1)));
            assert_eq!(group.entries_read, (version > 9).then_some(-1));
            let pending = StreamPending { id: id(5, 1), delivered_ms: 1234, deliveries: 7 };
            assert_eq!(group.pending(&id(5, 1)), Some(&pending));
            let consumer = &group.consumers[0];
            assert_eq!((&consumer.name[..], consumer.seen_ms), (&b"one"[..], 55));
            assert_eq!(consumer.active_ms, if version > 10 { -1 } else { 55 });
            assert_eq!(consumer.pending, [id(5, 1)]);
        })
        .unwrap();
        for end in 0..written.len() - 10 {
            let mut cut = [&written[..end], &written[written.len() - 10..][..2]].concat();
            cut.extend(super::super::crc64(0, &cut).to_le_bytes());
            assert!(decode(&cut, |_| ()).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for wrong in [
        Wrong::Length,
        Wrong::TwoPacks,
        Wrong::TwoGroups,
        Wrong::TwoConsumers,
        Wrong::PendingTwice,
        Wrong::ForTwoConsumers,
        Wrong::ForNoConsumer,
        Wrong::NotPending,
        Wrong::Pack,
    ] {
        let refused = decode(&encode(11, wrong), |_| ());
        assert!(matches!(refused, Err(PayloadError::Value(_))), "{wrong:?}: {refused:?}");
    }
}

#[test]
fn what_stock_servers_write_is_read() {
    // XADD s 1-1 f v; XGROUP CREATE s g 0; XREADGROUP GROUP g c STREAMS s >, as DUMP of 7.2 tells it.
    let stock = STOCK_7_2;
    decode(stock, |stream| {
        assert_eq!(stream.facts.len, 1);
        assert_eq!(stream.groups[0].entries_read, Some(1));
        assert_eq!(stream.groups[0].consumers[0].name, b"c");
        assert_eq!(stream.groups[0].pending.len(), 1);
    })
    .unwrap();
}
