//! The commands of lists.

mod words;

mod read;
mod write;

mod pop;
mod position;
mod transfer;
mod trim;

pub(in crate::command) use pop::{PopsOfFirst, pop_one};
pub use pop::{lmpop, lpop, rpop};
pub use position::lpos;
pub use read::{lindex, llen, lrange};
pub(in crate::command) use transfer::transfer;
pub use transfer::{lmove, rpoplpush};
pub use trim::{lrem, ltrim};
pub(in crate::command) use words::end;
pub use write::{linsert, lpush, lpushx, lset, rpush, rpushx};

#[cfg(test)]
mod tests;
