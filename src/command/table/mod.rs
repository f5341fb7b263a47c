//! The table of commands: one row per command feeds dispatch, `COMMAND`, its docs and the counters.
//!
//! To add a command, write its row into the file of its group and its function into the file of its
//! family; everything else follows from the row.

mod command;
mod row;

pub mod acl;
pub mod flag;
pub mod keys;
pub mod touch;

mod bitmap;
mod blocking;
mod connection;
mod diagnostics;
mod functions;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;
mod users;

mod index;
mod resolve;

pub use command::{Argument, Channels, Command, Docs, Handler};
pub use index::{all, count, index_of, lookup, lookup_path};
pub use keys::{BeginSearch, FindKeys, KeySpec};
pub use resolve::{find, misunderstood, resolve, unknown};
