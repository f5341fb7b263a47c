//! Arbitrary bytes are a payload or an error; what was taken is the same in every version.
//!
//! The input is tried as it is, and without its last ten bytes in an envelope that is right.

use backlogd::snapshot::rdb::{
    EncodeError, Encoder, Limits, Options, Stream, Value, crc64, payload,
};

use super::streams;

const LIMITS: Limits = Limits { string_bytes_max: 1 << 16, value_bytes_max: 1 << 18 };
/// For what was written: packed, many small elements take more room than they did.
const WIDER: Limits = Limits { string_bytes_max: 1 << 20, value_bytes_max: 1 << 26 };
const FOOTER_BYTES: usize = 10;

/// A value that owns its parts.
#[derive(Clone, Debug, PartialEq)]
enum Held {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(Vec<Vec<u8>>),
    SortedSet(Vec<(Vec<u8>, f64)>),
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    /// As version 10 writes it, since older ones tell less; with what version 9 tells of it.
    Stream(Vec<u8>, String),
}

impl Held {
    /// Sets have no order.
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::String(value) => Self::String(value.to_vec()),
            Value::List(elements) => Self::List(elements.iter().map(<[u8]>::to_vec).collect()),
            Value::Set(members) => {
                let mut members: Vec<_> = members.iter().map(<[u8]>::to_vec).collect();
                members.sort_unstable();
                Self::Set(members)
            }
            Value::SortedSet(members) => {
                let members = members.iter().map(|(member, score)| (member.to_vec(), score));
                Self::SortedSet(members.collect())
            }
            Value::Hash(pairs) => {
                let pairs = pairs.iter().map(|(field, value)| (field.to_vec(), value.to_vec()));
                Self::Hash(pairs.collect())
            }
            Value::Stream(stream) => {
                let options = Options::default();
                let written = payload::encode(options, |encoder| {
                    streams::write(encoder, (b"", None), stream)
                });
                Self::Stream(written.expect("memory takes all"), facts_of(stream))
            }
        }
    }

    /// Tells whether a value is this one, as far as a version of the format can tell.
    fn is_in(&self, version: u32, other: &Self) -> bool {
        match (self, other) {
            (Self::Stream(_, facts), Self::Stream(_, others)) if version < 10 => facts == others,
            (one, other) => one == other,
        }
    }

    fn write(&self, encoder: &mut Encoder<Vec<u8>>) -> Result<(), EncodeError> {
        match self {
            Self::String(value) => encoder.string(b"", None, value),
            Self::List(elements) => encoder.list(b"", None, elements.iter()),
            Self::Set(members) => encoder.set(b"", None, members.iter()),
            Self::SortedSet(members) => {
                let members = members.iter().map(|(member, score)| (member, *score));
                encoder.sorted_set(b"", None, members)
            }
            Self::Hash(pairs) => {
                encoder.hash(b"", None, pairs.iter().map(|(field, value)| (field, value)))
            }
            Self::Stream(..) => unreachable!("a stream is written from what it was read into"),
        }
    }
}

/// What every version tells of a stream.
fn facts_of(stream: &Stream) -> String {
    let packs: Vec<_> = stream.packs().collect();
    let groups = stream.groups.iter().map(|group| {
        let consumers = group.consumers.iter();
        let consumers: Vec<_> =
            consumers.map(|one| (&one.name, one.seen_ms, &one.pending)).collect();
        format!("{:?} {:?} {:?} {consumers:?}", group.name, group.last_id, group.pending)
    });
    let groups: Vec<_> = groups.collect();
    format!("{packs:?} {} {:?} {groups:?}", stream.facts.len, stream.facts.last_id)
}

/// Puts bytes into an envelope that is right.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = [body, &11u16.to_le_bytes()].concat();
    bytes.extend(crc64(0, &bytes).to_le_bytes());
    bytes
}

/// What holds for any bytes.
pub fn check(bytes: &[u8]) {
    let body = &bytes[..bytes.len().saturating_sub(FOOTER_BYTES)];
    for payload in [bytes.to_vec(), sealed(body)] {
        let Ok(held) = payload::decode(&payload, LIMITS, Held::of) else { continue };
        for version in 9..=11 {
            let options = Options { version, ..Options::default() };
            let written = match &held {
                Held::Stream(payload, _) => payload::decode(payload, WIDER, |value| match value {
                    Value::Stream(stream) => payload::encode(options, |encoder| {
                        streams::write(encoder, (b"", None), stream)
                    }),
                    other => panic!("{other:?} was a stream"),
                })
                .expect("what was written is read"),
                held => payload::encode(options, |encoder| held.write(encoder)),
            };
            let written = written.expect("memory takes all");
            let again = payload::decode(&written, WIDER, Held::of);
            let again = again.expect("what was written is read");
            assert!(again.is_in(version, &held), "{again:?} in version {version} for {held:?}");
        }
    }
}
