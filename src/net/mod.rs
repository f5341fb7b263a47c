//! Turns bytes into frames and back; knows no command and no key.

pub mod args;
pub mod inline;
pub mod listener;
pub mod parser;

pub mod reply;
pub mod socket;
pub mod wire;

pub mod long_double;
pub mod number;

pub use args::{Args, OwnedArgs, Span};
pub use long_double::LongDouble;
pub use parser::{Parsed, Parser, Peer, ProtocolError};
pub use reply::{Deferred, Protocol, Reply};
