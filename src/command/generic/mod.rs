//! The commands on keys, whatever these hold; those that concern expiry and iteration are elsewhere.

mod look;
mod object;
mod remove;

mod copy;
mod dump;
mod flush;
mod migrate;
mod rename;
mod restore;

pub use copy::{copy, move_key};
pub use dump::dump;
pub use flush::{dbsize, flushall, flushdb, swapdb};
pub use look::{exists, touch, type_of};
pub use migrate::migrate;
pub use object::{object_encoding, object_freq, object_help, object_idletime, object_refcount};
pub use remove::{del, unlink};
pub use rename::{rename, renamenx};
pub use restore::restore;

pub(super) use remove::remove_key;

#[cfg(test)]
mod tests;
