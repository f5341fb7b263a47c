//! The commands of hashes.

mod read;
mod write;

mod increment;
mod random;

pub use increment::{hincrby, hincrbyfloat};
pub use random::hrandfield;
pub use read::{hexists, hget, hgetall, hkeys, hlen, hmget, hscan, hstrlen, hvals};
pub use write::{hdel, hmset, hset, hsetnx};

#[cfg(test)]
mod tests;
