//! The intset: a small set of integers as one string.
//!
//! ```text
//! width u32 LE (2, 4 or 8) | count u32 LE | integer LE …, ascending
//! ```

use super::elements::Found;
use crate::listpack::signed_little_endian;

const HEADER: usize = 8;

/// Why bytes are not an intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntsetError {
    /// There is no room for what every intset has.
    #[error("an intset ends too early")]
    Truncated,
    /// The width of its integers is none there is.
    #[error("an intset has integers of an unknown width")]
    Width,
    /// The header's count is not the number of integers, or zero.
    #[error("an intset's count differs from its integers")]
    Count,
    /// An integer is not larger than the one before it.
    #[error("an intset is not in order")]
    Order,
}

/// Appends the integers of `bytes` to those found.
pub(super) fn read(bytes: &[u8], found: &mut Found<'_>) -> Result<(), IntsetError> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(IntsetError::Truncated)?;
    let [width, count] = [&header[..4], &header[4..]].map(signed_little_endian);
    let (width, count) = (width as u32 as usize, count as u32 as usize);
    if !matches!(width, 2 | 4 | 8) {
        return Err(IntsetError::Width);
    }
    if count == 0 || count.checked_mul(width) != Some(rest.len()) {
        return Err(IntsetError::Count);
    }
    let mut before = None;
    for integer in rest.chunks_exact(width).map(signed_little_endian) {
        if before.is_some_and(|before| before >= integer) {
            return Err(IntsetError::Order);
        }
        before = Some(integer);
        found.push_integer(integer);
    }
    Ok(())
}

/// Puts an intset in the place of what `out` holds; sorts the integers, which all differ.
pub(super) fn write(integers: &mut [i64], out: &mut Vec<u8>) {
    integers.sort_unstable();
    let bounds = [integers.first(), integers.last()].map(|bound| bound.copied().unwrap_or(0));
    let width = if bounds.iter().all(|bound| i16::try_from(*bound).is_ok()) {
        2
    } else if bounds.iter().all(|bound| i32::try_from(*bound).is_ok()) {
        4
    } else {
        8
    };
    out.clear();
    out.extend_from_slice(&(width as u32).to_le_bytes());
    out.extend_from_slice(&(integers.len() as u32).to_le_bytes());
    for integer in integers {
        out.extend_from_slice(&integer.to_le_bytes()[..width]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::elements::unpacked;
    use super::*;

    fn written(integers: &[i64]) -> Vec<u8> {
        let mut out = b"left over".to_vec();
        write(&mut integers.to_vec(), &mut out);
        out
    }

    #[test]
    fn golden_bytes() {
        let bytes = [&[2, 0, 0, 0, 3, 0, 0, 0][..], &[0xff, 0xff, 7, 0, 0, 1]].concat();
        assert_eq!(written(&[256, -1, 7]), bytes);
        assert_eq!(unpacked(&bytes, read).unwrap(), [&b"-1"[..], b"7", b"256"]);
        for (integers, width) in [
            ([i64::from(i16::MIN), i64::from(i16::MAX)], 2),
            ([0, i64::from(i16::MAX) + 1], 4),
            ([i64::from(i32::MIN), i64::from(i32::MAX)], 4),
            ([i64::from(i32::MIN) - 1, 0], 8),
        ] {
            assert_eq!(written(&integers)[0], width);
        }
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let good = written(&[1, 2]);
        let damaged = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            unpacked(&bytes, read).unwrap_err()
        };
        assert_eq!(damaged(0, 3), IntsetError::Width);
        assert_eq!(damaged(4, 3), IntsetError::Count);
        assert_eq!(damaged(7, 0xff), IntsetError::Count);
        assert_eq!(damaged(8, 2), IntsetError::Order);
        assert_eq!(damaged(8, 3), IntsetError::Order);
        assert_eq!(unpacked(&good[..7], read), Err(IntsetError::Truncated));
        assert_eq!(unpacked(&[2, 0, 0, 0, 0, 0, 0, 0], read), Err(IntsetError::Count));
    }

    proptest! {
        #[test]
        fn any_integers_come_back_in_order(
            integers in prop::collection::btree_set(
                prop_oneof![any::<i64>(), any::<i32>().prop_map(i64::from), -300i64..300], 1..50),
        ) {
            let integers: BTreeSet<i64> = integers;
            let backwards: Vec<i64> = integers.iter().rev().copied().collect();
            let texts: Vec<_> = integers.iter().map(|n| n.to_string().into_bytes()).collect();
            prop_assert_eq!(unpacked(&written(&backwards), read).unwrap(), texts);
        }
    }
}
