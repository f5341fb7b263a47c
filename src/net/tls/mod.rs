//! TLS: what a connection says in the clear above, and the records that a socket carries below.
//!
//! ```text
//! Socket::try_write ─► Session::send ─► records in the thread's scratch ─► one write to the socket
//! Socket::try_read ◄── Session::receive ◄── records in the thread's scratch ◄── one read of the socket
//! ```
//!
//! A [`Session`] does no I/O of its own, so what is not a tokio socket carries it as well. Whatever was
//! read is decrypted at once: where a session holds no plaintext, a socket that is not ready has none.

mod blocking;
mod chain;
mod credentials;
mod files;
mod handshake;
mod remembered;
mod scratch;
mod session;
mod stream;
mod suites;
#[cfg(test)]
mod testing;

pub use blocking::Blocking;
pub use credentials::{ClientAuth, Credentials, Options, Sessions, client_with, permissive_client};
pub use files::TlsError;
pub use handshake::{accept, connect};
pub use rustls::{ClientConfig, ServerConfig};
pub use session::Session;
pub use stream::TlsStream;
