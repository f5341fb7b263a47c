//! The RDB file: Redis's format for a data set at rest and on its way to a replica.
//!
//! ```text
//! "REDIS" version(4 digits)
//! 0xFA aux key, aux value            any number of times
//! 0xFE db  0xFB keys expires         for each database that is not empty
//!   [0xFC expiry ms] type key value  for each key
//! 0xFF crc64 of all bytes before it  zero: not computed
//! ```

mod crc64;
mod elements;
mod encoding;
pub mod format;
mod intset;
pub mod lzf;
pub mod payload;
mod ziplist;
mod zipmap;

mod decode;
mod encode;
mod packer;
mod plain;
mod run;
mod score;
mod source;
mod stream;
mod value;

pub use crc64::crc64;
pub use decode::{Decoder, Entry, Item};
pub use elements::{Pairs, PairsIter, Scored, ScoredIter, Strings, StringsIter};
pub use encode::{Checksum, Compression, EncodeError, Encoder, Finished, Options, Preamble, Small};
pub use run::{Raw, RawItem, Run};
pub use source::{DecodeError, Limits, ModuleName, PackedError};
pub use stream::{
    ConsumerHead, GroupHead, IdBytes, Stream, StreamConsumer, StreamCounters, StreamFacts,
    StreamGroup, StreamPending,
};
pub use value::Value;

#[cfg(test)]
mod tests;
