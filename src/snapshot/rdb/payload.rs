//! Single values outside of any file, as `DUMP` hands them out and `RESTORE` takes them, and libraries of
//! functions.
//!
//! ```text
//! type value  version u16 LE  crc64 of all bytes before it
//! (245 text)…  version u16 LE  crc64 of all bytes before it
//! ```

use std::collections::HashSet;

use super::crc64::crc64;
use super::decode::Decoder;
use super::encode::{EncodeError, Encoder, Options};
use super::format::{OPCODE_FUNCTION, OPCODE_FUNCTION_PRE_GA};
use super::source::{DecodeError, Limits, Source};
use super::value::Value;

/// The newest version whose payloads are taken.
const VERSION_MAX: u16 = 11;

/// Why a payload is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// It is of a version that is not known, or damaged.
    #[error("the version or the checksum of a payload is wrong")]
    Envelope,
    /// What it holds makes no sense, or is nothing that can be held.
    #[error(transparent)]
    Value(#[from] DecodeError),
    /// It holds an aggregate without elements.
    #[error("a payload holds a value without elements")]
    Empty,
}

/// Why a payload of libraries is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FunctionsError {
    /// It is of a version that is not known, or damaged.
    #[error("the version or the checksum of a payload is wrong")]
    Envelope,
    /// It holds something else.
    #[error("a payload holds something that is no library")]
    Type,
    /// It holds a library as release candidates of 7.0 wrote it.
    #[error("a payload holds a library in the format of a release candidate")]
    PreGa,
    /// The text of a library cannot be read.
    #[error(transparent)]
    Text(DecodeError),
}

/// Encodes what `write` writes: one value, without its key and its expiry, or libraries.
pub fn encode(
    options: Options,
    write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::of_payload(Vec::new(), options)?;
    write(&mut encoder)?;
    encoder.finish_payload()
}

/// Hands the value that a payload holds to `take`.
///
/// It is checked in full beforehand: nothing that must be there once is there twice. What follows
/// the value is not looked at, as stock servers leave it.
pub fn decode<T>(
    payload: &[u8],
    limits: Limits,
    take: impl FnOnce(&Value<'_>) -> T,
) -> Result<T, PayloadError> {
    let (body, version) = open(payload).ok_or(PayloadError::Envelope)?;
    let mut decoder = Decoder::within(Source::of(body.to_vec(), limits), u32::from(version));
    let value = decoder.bare_value()?;
    if value.is_empty() {
        return Err(PayloadError::Empty);
    }
    if let Some(what) = duplicate(&value) {
        return Err(DecodeError::Duplicate { what, key: Vec::new() }.into());
    }
    Ok(take(&value))
}

/// Returns the texts of the libraries that a payload holds.
pub fn decode_functions(payload: &[u8], limits: Limits) -> Result<Vec<Vec<u8>>, FunctionsError> {
    let (body, _) = open(payload).ok_or(FunctionsError::Envelope)?;
    let mut source = Source::of(body.to_vec(), limits);
    let mut texts = Vec::new();
    while source.offset() < body.len() as u64 {
        match source.byte().map_err(FunctionsError::Text)? {
            OPCODE_FUNCTION => {}
            OPCODE_FUNCTION_PRE_GA => return Err(FunctionsError::PreGa),
            _ => return Err(FunctionsError::Type),
        }
        let mut text = Vec::new();
        source.string(&mut text).map_err(FunctionsError::Text)?;
        texts.push(text);
    }
    Ok(texts)
}

/// Returns what lies in the envelope, and its version, if the envelope is whole.
fn open(payload: &[u8]) -> Option<(&[u8], u16)> {
    let (summed, checksum) = payload.split_last_chunk()?;
    let (body, version) = summed.split_last_chunk()?;
    let version = u16::from_le_bytes(*version);
    let is_whole = version <= VERSION_MAX && crc64(0, summed) == u64::from_le_bytes(*checksum);
    is_whole.then_some((body, version))
}

/// Names what is there twice though it may be there once only.
fn duplicate(value: &Value<'_>) -> Option<&'static str> {
    let mut seen = HashSet::new();
    match value {
        Value::String(_) | Value::List(_) | Value::Stream(_) => None,
        Value::Set(members) => {
            members.iter().any(|member| !seen.insert(member)).then_some("member")
        }
        Value::SortedSet(members) => {
            members.iter().any(|(member, _)| !seen.insert(member)).then_some("member")
        }
        Value::Hash(pairs) => pairs.iter().any(|(field, _)| !seen.insert(field)).then_some("field"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::TYPE_SET;
    use super::*;

    fn taken(payload: &[u8]) -> Result<String, PayloadError> {
        decode(payload, Limits::default(), |value| match value {
            Value::String(value) => value.escape_ascii().to_string(),
            other => format!("{other:?}"),
        })
    }

    /// Puts an envelope around a body.
    fn sealed(body: &[u8], version: u16) -> Vec<u8> {
        let mut payload = [body, &version.to_le_bytes()].concat();
        payload.extend(crc64(0, &payload).to_le_bytes());
        payload
    }

    #[test]
    fn payloads_are_those_of_stock_servers() {
        let of = |version, value: &[u8]| {
            let options = Options { version, ..Options::default() };
            encode(options, |encoder| encoder.string(b"a key", Some(7), value)).unwrap()
        };
        // SET k 12345, dumped by 7.0 and by 7.2
        let v10 = b"\x00\xc1\x39\x30\x0a\x00\x9d\x94\xea\x27\x93\xfc\x08\xb9";
        let v11 = b"\x00\xc1\x39\x30\x0b\x00\xf4\x4b\x57\x54\x6e\x63\xe1\x30";
        assert_eq!(of(10, b"12345"), v10);
        assert_eq!(of(11, b"12345"), v11);
        for payload in [v10, v11] {
            assert_eq!(taken(payload).unwrap(), "12345");
        }
        let long = b"noise 0123456789".repeat(100_000);
        let mut back = Vec::new();
        decode(&of(10, &long), Limits::default(), |value| match value {
            Value::String(value) => back.extend_from_slice(value),
            other => panic!("{other:?}"),
        })
        .unwrap();
        assert_eq!(back, long);
    }

    #[test]
    fn a_damaged_envelope_is_told_from_a_damaged_value() {
        let good = sealed(b"\x00\x01v", 11);
        assert_eq!(taken(&good).unwrap(), "v");
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(taken(&bytes), Err(PayloadError::Envelope)));
        }
        for end in 0..good.len() {
            assert!(matches!(taken(&good[..end]), Err(PayloadError::Envelope)));
        }
        assert!(matches!(taken(&sealed(b"\x00\x01v", 12)), Err(PayloadError::Envelope)));
        assert_eq!(taken(&sealed(b"\x00\x01v", 0)).unwrap(), "v");
        assert_eq!(taken(&sealed(b"\x00\x01v and more", 9)).unwrap(), "v");
        for body in
            [&b""[..], b"\x00", b"\x00\x05v", b"\x63\x01v", b"\x0f\x00", b"\xff", b"\x07\x01"]
        {
            assert!(matches!(taken(&sealed(body, 10)), Err(PayloadError::Value(_))), "{body:?}");
        }
        assert!(matches!(taken(&sealed(&[TYPE_SET, 0], 10)), Err(PayloadError::Empty)));
    }

    #[test]
    fn what_is_there_twice_is_refused_but_in_lists() {
        for (code, body) in [
            (2, &b"\x02\x01a\x01a"[..]),
            (4, b"\x02\x01a\x01x\x01a\x01y"),
            (3, b"\x02\x01a\x011\x01a\x012"),
            (20, b"\x0d\x0d\0\0\0\x02\0\x81a\x02\x81a\x02\xff"),
        ] {
            let refused = taken(&sealed(&[&[code], body].concat(), 11));
            let is_duplicate =
                matches!(refused, Err(PayloadError::Value(DecodeError::Duplicate { .. })));
            assert!(is_duplicate, "type {code}: {refused:?}");
        }
        taken(&sealed(b"\x01\x02\x01a\x01a", 11)).unwrap();
    }
}
