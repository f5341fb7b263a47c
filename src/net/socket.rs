//! A client's socket, TCP, TLS or Unix, read and written through a shared reference.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::tls::{Session, TlsStream};

/// How much room a buffer gets that has none.
const READ_BYTES_MIN: usize = 64;
/// How much is read at once without asking the runtime.
const UNASKED_BYTES: usize = 16 * 1024;
/// How much is thrown away at once when a connection lingers.
const DRAIN_BYTES: usize = 16 * 1024;

/// A client's socket.
#[derive(Debug)]
pub enum Socket {
    /// By TCP.
    Tcp(TcpStream),
    /// By TCP, with TLS in it.
    Tls(TlsStream),
    /// By a Unix socket.
    Unix(UnixStream),
}

/// A client's socket while no worker's runtime has it.
#[derive(Debug)]
pub enum Accepted {
    /// By TCP.
    Tcp(std::net::TcpStream),
    /// By TCP, with TLS in it, whose handshake is done.
    Tls(std::net::TcpStream, Box<Session>),
    /// By a Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Registers the socket with the runtime of the calling thread.
    pub fn adopt(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
            Self::Tls(stream, session) => {
                Socket::Tls(TlsStream::new(TcpStream::from_std(stream)?, session))
            }
            Self::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
        })
    }

    /// Returns the descriptor, for people.
    pub fn descriptor(&self) -> RawFd {
        match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }

    /// Returns the peer's address and the local one as `CLIENT LIST` shows them.
    pub fn addresses(&self, unix_path: &str) -> (String, String) {
        match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => {
                let show = |address: io::Result<std::net::SocketAddr>| {
                    address.map_or_else(|_| "?:0".to_owned(), |a| unmapped(a).to_string())
                };
                (show(stream.peer_addr()), show(stream.local_addr()))
            }
            Self::Unix(_) => (format!("{unix_path}:0"), format!("{unix_path}:0")),
        }
    }

    /// Tells whether the peer is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(stream) | Self::Tls(stream, _) => {
                stream.peer_addr().is_ok_and(|address| unmapped(address).ip().is_loopback())
            }
            Self::Unix(_) => true,
        }
    }

    /// Tells whether it is a Unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

impl Socket {
    /// Takes the socket, which has all that was written, from the runtime of the calling thread, for
    /// another one to adopt.
    pub fn leave(self) -> io::Result<Accepted> {
        Ok(match self {
            Self::Tcp(stream) => Accepted::Tcp(stream.into_std()?),
            Self::Tls(stream) => {
                let (stream, session) = stream.into_parts();
                Accepted::Tls(stream.into_std()?, session)
            }
            Self::Unix(stream) => Accepted::Unix(stream.into_std()?),
        })
    }

    /// Returns the peer's address, if it has one.
    pub fn peer(&self) -> Option<std::net::SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok().map(unmapped),
            Self::Tls(stream) => stream.tcp().peer_addr().ok().map(unmapped),
            Self::Unix(_) => None,
        }
    }

    /// Returns another descriptor of the same socket, which keeps it open.
    ///
    /// There is none where what is written differs from what is sent.
    pub fn duplicate(&self) -> io::Result<Option<OwnedFd>> {
        match self {
            Self::Tcp(stream) => stream.as_fd().try_clone_to_owned().map(Some),
            Self::Tls(_) => Ok(None),
            Self::Unix(stream) => stream.as_fd().try_clone_to_owned().map(Some),
        }
    }

    /// Waits for bytes and appends them to `buffer`; zero means that the peer is done.
    pub async fn read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        loop {
            match self.try_read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.readable().await?,
                other => return other,
            }
        }
    }

    /// Waits until there are bytes to read, or the peer is done.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Tls(stream) => stream.tcp().readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    /// Appends to `buffer` bytes that are there, as far as it has room or a record of TLS goes.
    pub fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        if buffer.len() == buffer.capacity() {
            buffer.reserve(READ_BYTES_MIN);
        }
        let room = buffer.capacity() - buffer.len();
        let count = match self {
            Self::Tcp(stream) => stream.try_read_buf(buffer),
            Self::Tls(stream) => return stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read_buf(buffer),
        }?;
        if count < room {
            self.note_drained();
        }
        Ok(count)
    }

    /// Reads what is there without asking the runtime, which cannot look while it is kept busy.
    pub fn read_unasked(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let mut bytes = [0; UNASKED_BYTES];
        let count = match self {
            Self::Tcp(stream) => (&*SockRef::from(stream)).read(&mut bytes),
            Self::Tls(stream) => return stream.read_unasked(buffer),
            Self::Unix(stream) => (&*SockRef::from(stream)).read(&mut bytes),
        }?;
        buffer.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// Notes that nothing is left to read, so that the next attempt does not ask the system.
    ///
    /// What comes meanwhile is an event of its own, which the runtime has yet to fetch: it runs on
    /// this very thread, and so cannot have mistaken that event for the one that is over.
    fn note_drained(&self) {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        // The error is what was asked for.
        let _ = match self {
            Self::Tcp(stream) => stream.try_io(Interest::READABLE, nothing),
            // It does so itself.
            Self::Tls(_) => Ok(()),
            Self::Unix(stream) => stream.try_io(Interest::READABLE, nothing),
        };
    }

    /// Writes all of `bytes`, and waits until the system has them.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = &bytes[count..];
                    if matches!(self, Self::Tls(_)) && !bytes.is_empty() {
                        // To encrypt takes this thread's time, which others want as well.
                        tokio::task::yield_now().await;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                Err(e) => return Err(e),
            }
        }
        match self {
            Self::Tls(stream) => stream.flush().await,
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }

    /// Writes what was taken and the system does not have yet.
    pub fn try_flush(&self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.try_flush(),
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }

    /// As [`Self::try_flush`], without asking the runtime.
    pub fn flush_unasked(&self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.flush_unasked(),
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }

    /// Says that nothing more is written, where that is said otherwise than by closing.
    pub fn end(&self) {
        if let Self::Tls(stream) = self {
            stream.end();
        }
    }

    /// Ends the writing side and reads what still comes, so that the peer gets all that was written.
    ///
    /// A socket that is closed with bytes unread is reset, and the peer may lose the last reply.
    pub async fn linger(&self, patience: Duration) {
        self.end();
        let ended = match self {
            Self::Tls(stream) => SockRef::from(stream.tcp()).shutdown(Shutdown::Write),
            Self::Tcp(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
            Self::Unix(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
        };
        if ended.is_err() {
            return;
        }
        let drain = async {
            let mut unread = BytesMut::with_capacity(DRAIN_BYTES);
            while matches!(self.read(&mut unread).await, Ok(count) if count > 0) {
                unread.clear();
            }
        };
        // Whoever takes longer to read its last reply goes without.
        let _ = tokio::time::timeout(patience, drain).await;
    }

    /// Asks to be woken when there are bytes to read, or the peer is done; one task at a time can.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(context),
            Self::Tls(stream) => stream.tcp().poll_read_ready(context),
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    /// Waits until the socket takes more bytes.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Tls(stream) => stream.tcp().writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    /// Writes as many of `bytes` as the socket takes now; [`Self::try_flush`] tells whether the system
    /// has them all.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Tls(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// Writes what the socket takes without asking the runtime, which cannot look while it is kept busy.
    pub fn write_unasked(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*SockRef::from(stream)).write(bytes),
            Self::Tls(stream) => stream.write_unasked(bytes),
            Self::Unix(stream) => (&*SockRef::from(stream)).write(bytes),
        }
    }

    /// Sends small pieces at once, or lets the system gather them.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nodelay(nodelay),
            Self::Tls(stream) => stream.tcp().set_nodelay(nodelay),
            Self::Unix(_) => Ok(()),
        }
    }
}

/// Shows an IPv4 peer of an IPv6 socket by its IPv4 address.
fn unmapped(address: std::net::SocketAddr) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address.ip().to_canonical(), address.port())
}
