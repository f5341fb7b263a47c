//! The signature of data that `DEBUG DIGEST` shows: equal for equal data, whatever the order.
//!
//! It is the one Redis computes (SHA-1 sums, mixed in order or joined by exclusive or), so that a
//! server can be compared with another of either kind.

use std::fmt;

use sha1_smol::Sha1;

use crate::keyspace::{Db, Entry, Kind, StreamId, Value};
use crate::number::format_17_digits;

const DIGEST_BYTES: usize = 20;

/// A signature of 20 bytes, printed as 40 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// Takes in all keys of a database with their values; an empty database leaves no trace.
    pub fn mix_database(&mut self, index: usize, db: &Db<'_>) {
        if db.is_empty() {
            return;
        }
        self.mix(&(index as u32).to_be_bytes());
        db.for_each(|entry| {
            let mut of_entry = Self::default();
            of_entry.mix(entry.key());
            of_entry.mix_value(&entry);
            self.join(&of_entry.0);
        });
    }

    /// Computes the signature of a key's value, its type and whether it expires.
    pub fn of_value(entry: &Entry<'_>) -> Self {
        let mut digest = Self::default();
        digest.mix_value(entry);
        digest
    }

    fn mix_value(&mut self, entry: &Entry<'_>) {
        self.mix(&kind_number(entry.kind()).to_be_bytes());
        match entry.value() {
            Value::String(string) => self.mix(&string.as_bytes(&mut [0; 20])),
            Value::List(list) => list.iter().for_each(|element| self.mix(element)),
            Value::Set(set) => {
                set.iter().for_each(|member| self.join(&member.as_bytes(&mut [0; 20])));
            }
            Value::SortedSet(set) => {
                for member in &set {
                    let mut pair = Self::default();
                    pair.mix(member.bytes);
                    pair.mix(format_17_digits(member.score).as_bytes());
                    self.join(&pair.0);
                }
            }
            Value::Hash(hash) => {
                for (field, value) in &hash {
                    let mut pair = Self::default();
                    pair.mix(field);
                    pair.mix(value);
                    self.join(&pair.0);
                }
            }
            Value::Stream(stream) => {
                for entry in stream.range(StreamId::MIN, StreamId::MAX) {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    for (field, value) in entry.fields {
                        self.mix(&field.to_bytes());
                        self.mix(&value.to_bytes());
                    }
                }
            }
        }
        if entry.expiry().is_some() {
            self.join(b"!!expire!!");
        }
    }

    /// Takes in bytes of a set: the order in which they come does not matter.
    fn join(&mut self, bytes: &[u8]) {
        let sum = Sha1::from(bytes).digest().bytes();
        for (byte, with) in self.0.iter_mut().zip(sum) {
            *byte ^= with;
        }
    }

    /// Takes in bytes of a sequence: the order in which they come matters.
    fn mix(&mut self, bytes: &[u8]) {
        self.join(bytes);
        self.0 = Sha1::from(self.0).digest().bytes();
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The numbers by which Redis knows the types.
fn kind_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::SortedSet => 3,
        Kind::Hash => 4,
        // Between them is that of modules.
        Kind::Stream => 6,
    }
}
