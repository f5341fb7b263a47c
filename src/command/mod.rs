//! Executes commands: one table row and one function each.
//!
//! Knows the keyspace, how replies are written and how values are encoded; knows no socket, no log and no replica. What a
//! command wants of the server reaches it through [`Host`], and what its connection must do next is
//! told in its [`Flow`].

pub mod call;
pub mod counters;
pub mod effect;
pub mod events;
pub mod fault;
pub mod flow;
pub mod host;
pub mod interrupt;
pub mod session;
pub mod weight;

pub mod generic;
pub mod string;

pub mod bitmap;
pub mod blocking;
pub mod hyperloglog;

pub mod expiry;
pub mod geo;
pub mod hash;
pub mod list;
pub mod picks;
pub mod set;
pub mod sort;
pub mod sorted_set;
pub mod stream;

pub mod acl;
pub mod glob;
pub mod partial_sort;
pub mod scan;

pub mod debug;
pub mod digest;
pub mod stored;

pub mod table;

pub mod pubsub;

pub mod persistence;
pub mod replication;
pub mod room;
pub mod scripting;
pub mod transaction;

pub mod client;
pub mod config;
pub mod connection;
mod doctor;
pub mod help;
pub mod histogram;
pub mod info;
pub mod introspect;
pub mod latency;
pub mod memory;
mod removals;
pub mod secrets;
pub mod slowlog;
mod tally;
pub mod tracking;

#[cfg(test)]
mod expecting;
#[cfg(test)]
mod image_tests;
#[cfg(test)]
pub(crate) mod testing;

pub use call::{Call, Data, LocatedKey, Mode};
pub use effect::Effect;
pub use events::{Classes, Events};
pub use fault::Fault;
pub use flow::Flow;
pub use host::Host;
pub use interrupt::{Interrupt, Interruption};
pub use session::{ClientInfo, Session};

/// The version of Redis whose behaviour clients may count on.
pub const REDIS_VERSION: &str = "7.2.6";
