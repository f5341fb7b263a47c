//! Runs: entries of an RDB file as they lie in it, for several threads to decode.

use super::decode::{Decoder, Entry, Item};
use super::source::{DecodeError, Kept, Limits, Source};

/// One part of an RDB file, whose entries have been passed over but not decoded.
#[derive(Debug)]
pub enum RawItem<'a> {
    /// A key and the bytes of all that belongs to it.
    Entry(Raw<'a>),
    /// Anything else; never [`Item::Entry`].
    Other(Item<'a>),
}

/// An entry as it lies in the file.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// The key.
    pub key: &'a [u8],
    pub(super) offset: u64,
    pub(super) bytes: Kept<'a>,
}

/// How many entries are looked at before the first of them is decoded.
const AHEAD: usize = 16;

/// A run is given room for as many entries as the last one had, and for this share of them more.
const ROOM_SHARE: usize = 8;

/// Entries of one file, each with the hash of its key.
#[derive(Debug)]
pub struct Run {
    version: u32,
    limits: Limits,
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// In the run.
    start: usize,
    /// In the file.
    offset: u64,
    hash: u64,
}

impl Run {
    /// Begins an empty run of a file of this version.
    pub fn new(version: u32, limits: Limits) -> Self {
        Self { version, limits, bytes: Vec::new(), places: Vec::new() }
    }

    /// Adds an entry.
    pub fn push(&mut self, raw: &Raw<'_>, hash: u64) {
        self.places.push(Place { start: self.bytes.len(), offset: raw.offset, hash });
        raw.bytes.0.iter().for_each(|part| self.bytes.extend_from_slice(part));
    }

    /// Takes the entries out, and leaves an empty run of the same file with room for `bytes` of them.
    #[must_use]
    pub fn take(&mut self, bytes: usize) -> Self {
        let places = self.places.len().min(bytes);
        let empty = Self {
            bytes: Vec::with_capacity(bytes),
            places: Vec::with_capacity(places + places / ROOM_SHARE),
            ..*self
        };
        std::mem::replace(self, empty)
    }

    /// Counts the entries.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Counts the bytes of the entries.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Tells whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Decodes the entries, those with neighbouring hashes together.
    ///
    /// Entries of one key come in the order they were added. `expect` gets the hashes of some that
    /// come next. Of the entries that cannot be decoded, or that `each` refuses, the one that lay first in the file is the
    /// error, and `each` gets none that comes after it.
    pub fn decode<T>(
        self,
        target: &mut T,
        mut expect: impl FnMut(&mut T, u64),
        mut each: impl FnMut(&mut T, &Entry<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let places = sorted(&self.places);
        let mut decoder = Decoder::within(Source::of(self.bytes, self.limits), self.version);
        let mut fault: Option<(u64, DecodeError)> = None;
        for places in places.chunks(AHEAD) {
            for place in places {
                expect(target, place.hash);
                decoder.fetch(place.start);
            }
            for place in places {
                decoder.seek(place.start, place.offset);
                let done = match decoder.next_item() {
                    Ok(Item::Entry(ref entry)) if fault.is_none() => each(target, entry),
                    Ok(Item::Entry(_)) => Ok(()),
                    Ok(_) => unreachable!("a run holds nothing but entries"),
                    Err(error) => Err(error),
                };
                if let Err(error) = done
                    && fault.as_ref().is_none_or(|(first, _)| place.offset < *first)
                {
                    fault = Some((place.offset, error));
                }
            }
        }
        fault.map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// Sorts by the first eight bits of the hash, not counting those that all places have in common.
fn sorted(places: &[Place]) -> Vec<Place> {
    let first = places.first().map_or(0, |place| place.hash);
    let different = places.iter().fold(0, |bits, place| bits | place.hash ^ first);
    let shift = (u64::BITS - different.leading_zeros()).saturating_sub(u8::BITS);
    let stretch = |place: &Place| usize::from((place.hash >> shift) as u8);
    let mut next = [0; 256];
    for place in places {
        next[stretch(place)] += 1;
    }
    let mut before = 0;
    for next in &mut next {
        before += std::mem::replace(next, before);
    }
    let mut sorted = vec![Place::default(); places.len()];
    for place in places {
        let next = &mut next[stretch(place)];
        sorted[*next] = *place;
        *next += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::rdb::Value;

    const NO_LISTPACK: u8 = 16;

    /// Cuts a file of these entries, and gives each the hash beside it.
    fn run(entries: &[(&[u8], u64)]) -> Run {
        let mut file = b"REDIS0011".to_vec();
        file.extend(entries.iter().flat_map(|(entry, _)| *entry));
        let mut decoder = Decoder::new(&file[..], Limits::default()).unwrap();
        let mut run = Run::new(decoder.version(), Limits::default());
        for (_, hash) in entries {
            let Ok(RawItem::Entry(raw)) = decoder.next_raw() else { panic!("an entry") };
            run.push(&raw, *hash);
        }
        run
    }

    fn decode(run: Run) -> (Vec<Vec<u8>>, Result<(), DecodeError>) {
        let mut values = Vec::new();
        let done = run.decode(
            &mut values,
            |_, _| (),
            |values, entry| {
                let Value::String(value) = entry.value else { panic!("a string") };
                values.push(value.to_vec());
                Ok(())
            },
        );
        (values, done)
    }

    #[test]
    fn neighbours_come_together_and_the_entries_of_one_key_in_their_order() {
        for shared in [0, 0xfedc << 48] {
            let far = |hash: u64| shared | hash << 40;
            let (values, done) = decode(run(&[
                (b"\0\x01b\x011", far(9)),
                (b"\0\x01a\x012", far(3)),
                (b"\0\x01b\xc0\x03", far(9)),
                (b"\0\x01a\x014", far(3)),
                (b"\0\x01b\x015", far(9)),
            ]));
            done.unwrap();
            assert_eq!(values, [b"2", b"4", b"1", b"3", b"5"]);
        }
    }

    #[test]
    fn the_first_fault_in_the_file_is_told_and_nothing_entered_after_it() {
        let (values, done) = decode(run(&[
            (b"\0\x01a\x01a", 0),
            (&[NO_LISTPACK, 1, b'x', 1, 0], 3 << 60),
            (&[NO_LISTPACK, 1, b'y', 1, 0], 1 << 60),
            (b"\0\x01b\x01b", 2 << 60),
        ]));
        assert_eq!(values, [b"a"]);
        let error = done.unwrap_err().to_string();
        assert!(error.starts_with("the value of key \"x\" that ends at byte 19 of"), "{error}");
    }
}
