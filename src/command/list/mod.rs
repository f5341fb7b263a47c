//! The commands of lists.

mod words;

mod read;
mod write;

mod pop;
mod position;
mod transfer;
mod trim;

pub use pop::{lmpop, lpop, rpop};
pub use position::lpos;
pub use read::{lindex, llen, lrange};
pub use transfer::{lmove, rpoplpush};
pub use trim::{lrem, ltrim};
pub use write::{linsert, lpush, lpushx, lset, rpush, rpushx};

#[cfg(test)]
mod tests;
