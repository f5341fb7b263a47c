//! The sockets that clients connect to.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::keepalive::keep_alive;
use super::socket::Accepted;

/// How many clients of a Unix socket may wait to be accepted; the kernel has a limit of its own.
const UNIX_BACKLOG: i32 = 1024;

/// A socket that clients connect to.
#[derive(Debug)]
pub enum Listener {
    /// By TCP.
    Tcp(TcpListener),
    /// By a Unix socket, at this path.
    Unix(UnixListener, PathBuf),
}

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The operating system refused an address.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address as configured.
        address: String,
        /// The reason.
        source: io::Error,
    },
    /// None of the addresses could be used.
    #[error("cannot listen on any address of 'bind {addresses}'")]
    Nowhere {
        /// The addresses as configured.
        addresses: String,
    },
    /// There is no such group.
    #[error(
        "cannot give the Unix socket to the group {group}: {source} (directive unixsocketgroup)"
    )]
    Group {
        /// The group, as configured.
        group: String,
        /// The reason.
        source: io::Error,
    },
    /// The operating system refused a path.
    #[error("cannot listen on the Unix socket {}: {source}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// Listens on each address; one that begins with `-` may be missing on this machine.
///
/// With port 0 the first address chooses a free port, and the others take the same.
pub fn bind(addresses: &[String], port: u16, backlog: u32) -> Result<Vec<Listener>, BindError> {
    let mut listeners = Vec::new();
    let mut port = port;
    for configured in addresses {
        let (address, optional) = match configured.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (configured.as_str(), false),
        };
        match bind_tcp(address, port, backlog) {
            Ok(listener) => {
                if port == 0 {
                    port = listener.local_addr().map_or(0, |bound| bound.port());
                }
                listeners.push(Listener::Tcp(listener));
            }
            Err(e) if optional && is_missing(&e) => {}
            Err(source) => {
                return Err(BindError::Address { address: format!("{address}:{port}"), source });
            }
        }
    }
    if listeners.is_empty() && !addresses.is_empty() {
        return Err(BindError::Nowhere { addresses: addresses.join(" ") });
    }
    Ok(listeners)
}

/// Listens on a path, in place of a socket that was left there; `mode` zero leaves the mode alone.
///
/// The socket is given to `group`, which is looked for where the system has its own (`/etc/group`).
pub fn bind_unix(path: &Path, mode: u32, group: Option<&str>) -> Result<Listener, BindError> {
    let failed = |source| BindError::Path { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let socket = unix_socket_at(path, mode).map_err(failed)?;
    if let Some(group) = group {
        let given = group_id(group).and_then(|id| std::os::unix::fs::chown(path, None, Some(id)));
        given.map_err(|source| BindError::Group { group: group.to_owned(), source })?;
    }
    if mode != 0 {
        // The umask may have taken some of it away.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    let listener = UnixListener::from_std(socket.into()).map_err(failed)?;
    Ok(Listener::Unix(listener, path.to_owned()))
}

fn group_id(group: &str) -> io::Result<u32> {
    if let Ok(id) = group.parse() {
        return Ok(id);
    }
    let groups = std::fs::read_to_string("/etc/group")?;
    let mut named = groups.lines().filter_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok())?
    });
    named.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such group"))
}

/// Listens on a path whose mode is `mode` or less from its first moment on: what comes later is late.
fn unix_socket_at(path: &Path, mode: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if mode != 0 {
        // The path gets the mode that the socket has when it is bound, less the umask.
        rustix::fs::fchmod(&socket, rustix::fs::Mode::from_raw_mode(mode))?;
    }
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(UNIX_BACKLOG)?;
    Ok(socket)
}

fn bind_tcp(address: &str, port: u16, backlog: u32) -> io::Result<TcpListener> {
    let host = if address == "*" { "0.0.0.0" } else { address };
    let address: SocketAddr = if host == "::*" {
        (std::net::Ipv6Addr::UNSPECIFIED, port).into()
    } else {
        (host, port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

/// Tells whether the machine simply does not have the address, or the family.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
        || error.raw_os_error() == Some(rustix::io::Errno::PROTONOSUPPORT.raw_os_error())
}

impl Listener {
    /// Waits for the next client; TCP keepalive begins after `keepalive_s` seconds if not zero.
    pub async fn accept(&self, keepalive_s: u64) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                keep_alive(&stream, keepalive_s);
                Ok(Accepted::Tcp(stream.into_std()?))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Unix(stream.into_std()?))
            }
        }
    }

    /// Returns the TCP port.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(|bound| bound.port()),
            Self::Unix(..) => None,
        }
    }

    /// Returns the address for people and for the address file.
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| "?".to_owned(), |bound| bound.to_string())
            }
            Self::Unix(_, path) => path.display().to_string(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Nobody listens there any more; that it may be gone already is no harm.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_never_open_to_more_than_its_mode_allows() {
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o700, 0o600, 0o770] {
            let path = directory.path().join(format!("{mode:o}"));
            let socket = unix_socket_at(&path, mode).unwrap();
            let had = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(had & !mode, 0, "{had:o} before anybody has changed it");
            drop(socket);
        }
    }
}
