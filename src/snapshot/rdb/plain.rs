//! The entries that most files are full of: key and value are strings that are not compressed.

use std::ops::Range;

use super::format::{LENGTH_6, LENGTH_14, OPCODE_EXPIRE_MS, TYPE_STRING};

/// The places of an entry's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) expiry_ms: Option<i64>,
    pub(super) key: Range<usize>,
    /// It ends where the entry does.
    pub(super) value: Range<usize>,
}

/// Reads the entry that begins at `start` of `bytes`, if it is a plain one and whole.
///
/// None says nothing about what is there instead. Strings of more than 16 KiB are not looked for.
#[inline]
pub(super) fn plain(bytes: &[u8], start: usize, string_bytes_max: u64) -> Option<Plain> {
    let (expiry_ms, at) = match *bytes.get(start)? {
        OPCODE_EXPIRE_MS => {
            let at_ms = i64::from_le_bytes(*bytes[start + 1..].first_chunk()?);
            let at = start + 1 + size_of::<i64>();
            (Some(at_ms), (*bytes.get(at)? == TYPE_STRING).then_some(at)?)
        }
        TYPE_STRING => (None, start),
        _ => return None,
    };
    let key = string(bytes, at + 1)?;
    let value = string(bytes, key.end)?;
    let whole = value.end <= bytes.len();
    let allowed = key.len().max(value.len()) as u64 <= string_bytes_max;
    (whole && allowed).then_some(Plain { expiry_ms, key, value })
}

/// Tells where the string's bytes would lie.
#[inline]
fn string(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let first = *bytes.get(at)?;
    let low = usize::from(first & 0x3f);
    let (start, len) = match first >> 6 {
        LENGTH_6 => (at + 1, low),
        LENGTH_14 => (at + 2, low << 8 | usize::from(*bytes.get(at + 1)?)),
        _ => return None,
    };
    Some(start..start + len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_entry_is_read_where_it_is_whole_and_within_the_limit() {
        let long = [b'v'; 300];
        for expiry_ms in [None, Some(-2)] {
            for value in [&b""[..], b"value", &long] {
                let mut bytes = vec![TYPE_STRING];
                if let Some(at_ms) = expiry_ms {
                    bytes.push(OPCODE_EXPIRE_MS);
                    bytes.extend(i64::to_le_bytes(at_ms));
                }
                bytes.extend([TYPE_STRING, 3, b'k', b'e', b'y']);
                let key = bytes.len() - 3..bytes.len();
                match value.len() {
                    len @ 0..64 => bytes.push(len as u8),
                    len => bytes.extend([LENGTH_14 << 6 | (len >> 8) as u8, len as u8]),
                }
                bytes.extend(value);
                let end = bytes.len();
                for cut in 1..end {
                    assert_eq!(plain(&bytes[..cut], 1, 300), None);
                }
                bytes.push(TYPE_STRING);
                let longest = value.len().max(3) as u64;
                let found = Plain { expiry_ms, key, value: end - value.len()..end };
                assert_eq!(plain(&bytes, 1, longest), Some(found));
                assert_eq!(plain(&bytes, 1, longest - 1), None);
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        for bytes in [
            &[super::super::format::TYPE_HASH, 1, b'k', 1, b'f', b'v'][..],
            &[TYPE_STRING, 1, b'k', 0xc0, 7],
            &[TYPE_STRING, 0xc0, 7, 1, b'v'],
            &[TYPE_STRING, 1, b'k', 0x80, 0, 0, 0, 1, b'v'],
        ] {
            assert_eq!(plain(bytes, 0, 300), None);
        }
    }
}
