//! The commands of sorted sets.

pub(in crate::command) mod tell;

mod add;
mod read;
mod remove;
pub(in crate::command) mod store;

mod bounds;
mod count;
mod range;

pub(in crate::command) mod pop;
mod random;

mod combine;
mod sources;

pub use add::{zadd, zincrby};
pub use combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
pub use count::{zcount, zlexcount};
pub use pop::{zmpop, zpopmax, zpopmin};
pub use random::zrandmember;
pub use range::{
    zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore,
};
pub use read::{zcard, zmscore, zrank, zrevrank, zscan, zscore};
pub use remove::{zrem, zremrangebylex, zremrangebyrank, zremrangebyscore};

#[cfg(test)]
mod tests;
