//! The commands on strings.

mod edit;
mod read;
mod set;

mod counter;
mod lcs;
pub(in crate::command) mod limit;
mod options;

pub use counter::{decr, decrby, incr, incrby, incrbyfloat};
pub use edit::{append, setrange};
pub use lcs::lcs;
pub use read::{get, getdel, getex, getrange, mget, strlen, substr};
pub use set::{getset, mset, msetnx, psetex, set, setex, setnx};

#[cfg(test)]
mod tests;
