//! The commands of sets.

mod read;
mod write;

mod random;

mod combine;
mod difference;
mod intersection;

pub use difference::{sdiff, sdiffstore, sunion, sunionstore};
pub use intersection::{sinter, sintercard, sinterstore};
pub use random::{spop, srandmember};
pub use read::{scard, sismember, smembers, smismember, sscan};
pub use write::{sadd, smove, srem};

#[cfg(test)]
mod tests;
