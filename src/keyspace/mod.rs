//! Holds the data set in memory: shards, partitions, values and expiry; no I/O and no clock.
//!
//! A key's hash names its place: the top six bits its shard (one lock each), the bits after them its
//! position within the shard. [`Keyspace::lock`] takes the shards a command needs, [`Locked::db`] is
//! the view of one database over them, and [`Entry`] is what a key holds.

pub mod dice;
mod key;
mod limits;
mod space;
mod usage;

mod guards;
mod held;
mod image;
mod locked;
mod waiting;
mod watch;

mod database;
mod shard;

mod due;
mod sampling;
mod scan;
mod table;

mod index;
mod partition;
mod strings;

mod arena;
mod growth;
mod record;
mod seldom;
mod slab;
mod spent;
mod varint;

mod entry;
#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "waits for the types of values that use it")
)]
mod large;
mod stream;
mod value;

#[cfg(test)]
mod tests;

pub use database::{Db, SetExpiry};
pub use due::{Due, Searched};
pub use entry::{Entry, OwnedEntry, RAW};
pub use held::held_bytes;
pub use image::{Image, ImageCounts, ImagePart};
pub use key::{Key, SHARDS, ShardSet};
pub use limits::Limits;
pub use locked::{Cleared, Locked};
pub use sampling::Among;
pub use scan::ScanCursor;
pub use space::{Keyspace, Leftovers};
pub use spent::Spent;
pub use stream::{
    Consumer, Counters, Fields, Group, Name, Pending, Stream, StreamCut, StreamEntry, StreamId,
    StreamIter, StreamIterBack, StreamPart, Trim, TrimTo,
};
pub use usage::{Usage, UsagePolicy};
pub use value::{
    BlockPieces, Blocks, Cut, FieldSet, Hash, HashIter, HashMut, Kind, List, ListCut, ListEnd,
    ListIter, ListIterBack, ListMut, Member, Pieces, Place, RemovedMembers, ScoreSet, Set,
    SetBuilder, SetIter, SetMut, SortedSet, SortedSetIter, SortedSetIterBack, SortedSetMut, Str,
    StrMut, Value,
};
pub use waiting::{Ticket, Wish};
