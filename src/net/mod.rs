//! Turns bytes into frames and back; knows no command and no key.

pub mod args;
pub mod http;
pub mod inline;
pub mod keepalive;
pub mod listener;
pub mod parser;

pub mod reply;
pub mod socket;
pub mod tls;
pub mod wire;

pub use args::{Args, OwnedArgs, Span};
pub use parser::{Parsed, Parser, Peer, ProtocolError};
pub use reply::{Deferred, Protocol, Reply};
