//! Entries of a stream in a listpack, as stock servers lay them out.
//!
//! ```text
//! live · deleted · fields · field … · 0                        the master entry
//! flags · ms · seq [· fields] · [field ·] value … · elements   each entry
//! ```
//!
//! The IDs are told as differences to that of the master entry, which lies elsewhere. An entry with the
//! same fields as the master entry does not name them. The last element of an entry counts those before
//! it, so that it can be found from behind.

use super::{Element, ListpackError, Reader};

/// The flag of an entry that was removed.
pub const DELETED: i64 = 1;
/// The flag of an entry that has the fields of the master entry.
pub const SAME_FIELDS: i64 = 2;

/// The elements of an entry that are neither fields nor values: flags and ID.
const FIXED_ELEMENTS: i64 = 3;

/// Why a listpack does not hold the entries of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntriesError {
    /// It is not a listpack.
    #[error(transparent)]
    Listpack(#[from] ListpackError),
    /// An integer is expected where there is something else, or nothing.
    #[error("entries of a stream lack an integer")]
    Integer,
    /// There are fewer elements than the counts say, or more.
    #[error("entries of a stream differ from what is counted of them")]
    Count,
}

/// Counts the elements of an entry but the last one.
#[must_use]
pub fn elements_of(fields: i64, is_same: bool) -> i64 {
    let varying = if is_same { fields } else { fields.saturating_mul(2).saturating_add(1) };
    varying.saturating_add(FIXED_ELEMENTS)
}

/// Checks that a listpack holds the entries of a stream; returns how many of its entries were not removed.
pub fn check(bytes: &[u8]) -> Result<u64, EntriesError> {
    let mut reader = Reader::new(bytes)?;
    let (live, deleted, fields) =
        (number(&mut reader)?, number(&mut reader)?, number(&mut reader)?);
    pass(&mut reader, fields)?;
    if number(&mut reader)? != 0 || live < 0 || deleted < 0 {
        return Err(EntriesError::Count);
    }
    let (mut left, mut gone) = (live.saturating_add(deleted), 0);
    while let Some(flags) = reader.next_element()? {
        let Element::Integer(flags) = flags else { return Err(EntriesError::Integer) };
        number(&mut reader)?;
        number(&mut reader)?;
        let is_same = flags & SAME_FIELDS != 0;
        let count = if is_same { fields } else { number(&mut reader)? };
        pass(&mut reader, count)?;
        if !is_same {
            pass(&mut reader, count)?;
        }
        if number(&mut reader)? != elements_of(count, is_same) || left == 0 {
            return Err(EntriesError::Count);
        }
        left -= 1;
        gone += flags & DELETED;
    }
    if left == 0 && gone == deleted { Ok(live as u64) } else { Err(EntriesError::Count) }
}

fn number(reader: &mut Reader<'_>) -> Result<i64, EntriesError> {
    match reader.next_element()? {
        Some(Element::Integer(number)) => Ok(number),
        _ => Err(EntriesError::Integer),
    }
}

fn pass(reader: &mut Reader<'_>, elements: i64) -> Result<(), EntriesError> {
    if elements < 0 {
        return Err(EntriesError::Count);
    }
    for _ in 0..elements {
        reader.next_element()?.ok_or(EntriesError::Count)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;

    fn pack(words: &str) -> Vec<u8> {
        let mut writer = Writer::default();
        words.split(' ').for_each(|word| writer.push(word.as_bytes()));
        writer.finish().to_vec()
    }

    #[test]
    fn what_stock_writes_is_taken_and_what_contradicts_itself_is_not() {
        let good = "1 1 1 f 0 2 0 0 v 4 1 5 -1 2 a x b y 8";
        assert_eq!(check(&pack(good)), Ok(1));
        assert_eq!(check(&pack("0 0 0 0")), Ok(0));
        for (bad, error) in [
            ("2 0 1 f 0 2 0 0 v 4 1 5 -1 2 a x b y 8", EntriesError::Count),
            ("1 0 1 f 0 2 0 0 v 4 1 5 -1 2 a x b y 8", EntriesError::Count),
            ("1 1 1 f 0 2 0 0 v 4 0 5 -1 2 a x b y 8", EntriesError::Count),
            ("1 1 1 f 0 2 0 0 v 5 1 5 -1 2 a x b y 8", EntriesError::Count),
            ("2 1 1 f 0 2 0 0 v 4 1 5 -1 2 a x b y 8", EntriesError::Count),
            ("1 1 1 f 1 2 0 0 v 4 1 5 -1 2 a x b y 8", EntriesError::Count),
            ("1 -1 1 f 0 2 0 0 v 4", EntriesError::Count),
            ("1 0 -1 0 2 0 0 3", EntriesError::Count),
            ("1 0 9223372036854775807 f 0", EntriesError::Count),
            ("1 0 1 f 0 2 0 x v 4", EntriesError::Integer),
            ("1 0 1 f 0 x 0 0 v 4", EntriesError::Integer),
            ("1 0 1 f 0 2 0 0 v", EntriesError::Integer),
            ("1 0", EntriesError::Integer),
        ] {
            assert_eq!(check(&pack(bad)), Err(error), "{bad}");
        }
        assert!(matches!(check(b"no"), Err(EntriesError::Listpack(_))));
    }
}
