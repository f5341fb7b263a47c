//! `backlogd status HOST:PORT`: the servers that replicate with one another, as a tree.
//!
//! ```text
//! run ─► walk: up to the root, down over the replicas ─► topology ─┬─► text, json
//!          │ ask (many at once, each with a time limit)            └─► warnings
//!          └─► client ─► facts (what one answer to INFO says)
//! ```
//!
//! Only `client` and `run` do I/O. Stock servers are asked as ours are: what these do not tell is left
//! out. Nothing that a server says reaches the terminal with a control character in it.

mod address;
mod facts;

mod client;

mod topology;
mod walk;

mod json;
mod text;
mod warnings;

mod run;

pub use run::{ping, run};

#[cfg(test)]
mod tests;
