//! The zipmap, which Redis wrote for small hashes before version 2.6. Read only.
//!
//! ```text
//! count u8 (254 and more: not known) | field length, field, value length, spare, value, spare bytes … | 0xFF
//! length = 1 byte, or 0xFE and u32 LE
//! ```

use super::elements::Found;

const END: u8 = 0xff;
const LONG: u8 = 0xfe;

/// Why bytes are not a zipmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipmapError {
    /// A field or value reaches past the end, or the end marker is missing.
    #[error("a zipmap ends too early")]
    Truncated,
    /// The end marker stands where a value belongs.
    #[error("a zipmap's last field has no value")]
    Odd,
    /// The header's count is not the number of fields.
    #[error("a zipmap's count differs from its fields")]
    Count,
    /// Bytes follow the end marker.
    #[error("a zipmap has bytes after its end")]
    Trailing,
}

/// Appends the fields and values of `bytes` to those found.
pub(super) fn read(bytes: &[u8], found: &mut Found<'_>) -> Result<(), ZipmapError> {
    let (&count, mut rest) = bytes.split_first().ok_or(ZipmapError::Truncated)?;
    let mut fields = 0usize;
    while let Some(length) = read_length(&mut rest)? {
        found.push(take(&mut rest, length)?);
        let length = read_length(&mut rest)?.ok_or(ZipmapError::Odd)?;
        let spare = usize::from(take(&mut rest, 1)?[0]);
        found.push(take(&mut rest, length)?);
        take(&mut rest, spare)?;
        fields += 1;
    }
    if !rest.is_empty() {
        return Err(ZipmapError::Trailing);
    }
    if count < LONG && usize::from(count) != fields {
        return Err(ZipmapError::Count);
    }
    Ok(())
}

fn read_length(rest: &mut &[u8]) -> Result<Option<usize>, ZipmapError> {
    match take(rest, 1)?[0] {
        END => Ok(None),
        LONG => {
            let bytes = take(rest, 4)?;
            Ok(Some(bytes.iter().rev().fold(0, |len, &byte| len << 8 | usize::from(byte))))
        }
        short => Ok(Some(usize::from(short))),
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], ZipmapError> {
    let (taken, after) = rest.split_at_checked(len).ok_or(ZipmapError::Truncated)?;
    *rest = after;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::super::elements::unpacked;
    use super::*;

    #[test]
    fn fields_values_and_spare_bytes_are_told_apart() {
        let mut bytes = vec![2, 3, b'f', b'o', b'o', 2, 1, b'4', b'2', 0];
        bytes.extend([1, b'k', LONG, 0, 1, 0, 0, 0]);
        bytes.extend([b'v'; 256]);
        bytes.push(END);
        let found = unpacked(&bytes, read).unwrap();
        assert_eq!(found, [&b"foo"[..], b"42", b"k", &[b'v'; 256]]);
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let refused = |bytes: &[u8]| unpacked(bytes, read).unwrap_err();
        assert_eq!(refused(&[]), ZipmapError::Truncated);
        assert_eq!(refused(&[0]), ZipmapError::Truncated);
        assert_eq!(refused(&[1, 1, b'a', END]), ZipmapError::Odd);
        assert_eq!(refused(&[1, END]), ZipmapError::Count);
        assert_eq!(refused(&[0, END, 0]), ZipmapError::Trailing);
        assert_eq!(refused(&[1, 1, b'a', LONG, 0xff, 0xff, 0xff, 0xff, 0]), ZipmapError::Truncated);
    }
}
