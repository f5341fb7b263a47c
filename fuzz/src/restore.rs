//! Arbitrary bytes are a payload or an error; what was taken is the same in every version.
//!
//! The input is tried as it is, and without its last ten bytes in an envelope that is right.

use backlogd::snapshot::rdb::{EncodeError, Encoder, Limits, Options, Value, crc64, payload};

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
        }
    }
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
            let written = payload::encode(options, |encoder| held.write(encoder));
            let written = written.expect("memory takes all");
            let again = payload::decode(&written, WIDER, Held::of);
            assert_eq!(again.expect("what was written is read"), held);
        }
    }
}
