//! Why a server does not run.

use std::path::PathBuf;

use crate::net::listener::BindError;
use crate::net::tls::TlsError;
use crate::snapshot::LockError;

use super::listening::ListenError;
use super::recovery::StartError;
use super::rights::UsersError;
use super::role::RoleError;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data directory cannot be made or used.
    #[error("cannot use the data directory {}: {source} (directive dir)", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Another server uses the directory, or it cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A socket cannot be listened on.
    #[error(transparent)]
    Bind(#[from] ListenError),
    /// Metrics cannot be served where they should be.
    #[error("cannot serve metrics: {0} (directive backlog-metrics-port)")]
    Metrics(#[from] BindError),
    /// There can be no TLS.
    #[error("cannot speak TLS: {0}")]
    Tls(#[from] TlsError),
    /// The file for the addresses cannot be written.
    #[error("cannot write the addresses to {}: {source} (directive backlog-address-file)", path.display())]
    AddressFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The process cannot go into the background.
    #[error("cannot go into the background: {0} (directive daemonize)")]
    Daemon(#[source] std::io::Error),
    /// There is neither a port nor a socket.
    #[error(
        "Configured to not listen anywhere, exiting. Port 0 without a unixsocket or a tls-port means \
         that; with backlog-address-file it means any free port (directives port, tls-port, unixsocket)"
    )]
    NotListening,
    /// A directive renames a command that does not exist, or to a name that does.
    #[error("No such command in rename-command: {0}")]
    Rename(String),
    /// The users cannot be had that the configuration asks for.
    #[error(transparent)]
    Users(#[from] UsersError),
    /// The data, the log or the snapshot cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The primary cannot be followed.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// A thread or a runtime could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// A recovery thread panicked.
    #[error("recovery has failed by a bug, see above")]
    Panicked,
}
