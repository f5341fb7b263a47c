//! Values on their way between the keyspace and the RDB format.

use std::io::Write;

use crate::keyspace::{Db, Entry, HashIter, Key, OwnedEntry, ScoreSet, SetExpiry, Str, Value};
use crate::snapshot::rdb::{self, EncodeError, Encoder};

mod stream;

/// What is there twice in a value though it may be there once only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate(pub &'static str);

/// Writes a key and its value.
pub fn encode<W: Write>(encoder: &mut Encoder<W>, entry: &Entry<'_>) -> Result<(), EncodeError> {
    let (key, expiry) = (entry.key(), entry.expiry());
    match entry.value() {
        Value::String(Str::Int(number)) => encoder.integer(key, expiry, number),
        Value::String(Str::Bytes(bytes)) => encoder.string(key, expiry, bytes),
        Value::String(Str::Blocks(blocks)) => {
            let pieces = blocks.pieces(0..blocks.len());
            encoder.string_in_pieces(key, expiry, blocks.len(), pieces)
        }
        Value::List(list) => encoder.list(key, expiry, list.iter()),
        Value::Set(set) => encoder.set(key, expiry, set.iter().map(Str::to_bytes)),
        Value::SortedSet(set) => {
            let members = set.iter().map(|member| (member.bytes, member.score));
            encoder.sorted_set(key, expiry, members)
        }
        Value::Stream(held) => stream::encode(encoder, (key, expiry), held),
        Value::Hash(hash) => {
            encoder.hash(key, expiry, Fields { left: hash.len(), pairs: hash.iter() })
        }
    }
}

/// Gives a key its value; only a string may take the place of another one.
///
/// After an error the key holds a part of the value.
pub fn put(
    db: &mut Db<'_>,
    key: &Key<'_>,
    value: &rdb::Value<'_>,
    expiry_ms: Option<i64>,
    clock: u32,
) -> Result<(), Duplicate> {
    if let rdb::Value::String(value) = value {
        let expiry = expiry_ms.map_or(SetExpiry::Clear, SetExpiry::At);
        db.set_string(key, value, expiry, clock);
        return Ok(());
    }
    if db.contains(key) {
        return Err(Duplicate("key"));
    }
    let whole = match value {
        rdb::Value::String(_) => Ok(()),
        rdb::Value::List(elements) => {
            let mut list = db.list_or_create(key, clock);
            elements.iter().for_each(|element| list.push_back(element));
            Ok(())
        }
        rdb::Value::Set(members) => {
            let mut set = db.set_or_create(key, clock);
            once("member", members.iter().all(|member| set.insert(member)))
        }
        rdb::Value::SortedSet(members) => {
            let mut set = db.sorted_set_or_create(key, clock);
            let mut each = members.iter();
            once("member", each.all(|(member, score)| set.set(member, score) == ScoreSet::Added))
        }
        rdb::Value::Stream(read) => {
            db.insert(key, OwnedEntry::of_stream(stream::decode(read)), clock);
            Ok(())
        }
        rdb::Value::Hash(pairs) => {
            let mut hash = db.hash_or_create(key, clock);
            pairs.iter().for_each(|(field, value)| {
                hash.set(field, value);
            });
            once("field", hash.len() == pairs.len())
        }
    };
    db.set_expiry(key, expiry_ms);
    whole
}

fn once(what: &'static str, is_so: bool) -> Result<(), Duplicate> {
    if is_so { Ok(()) } else { Err(Duplicate(what)) }
}

/// The fields of a hash, counted.
#[derive(Clone)]
struct Fields<'e> {
    pairs: HashIter<'e>,
    left: usize,
}

impl<'e> Iterator for Fields<'e> {
    type Item = (&'e [u8], &'e [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.saturating_sub(1);
        self.pairs.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
