//! A TCP socket with TLS in it, read and written through a shared reference as one without.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read as _, Write as _};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::session::Session;

/// A TCP socket with TLS in it.
#[derive(Debug)]
pub struct TlsStream {
    tcp: TcpStream,
    session: RefCell<Box<Session>>,
}

impl TlsStream {
    /// Joins the two.
    pub fn new(tcp: TcpStream, session: Box<Session>) -> Self {
        Self { tcp, session: RefCell::new(session) }
    }

    /// Parts the two.
    pub fn into_parts(self) -> (TcpStream, Box<Session>) {
        (self.tcp, self.session.into_inner())
    }

    /// Returns the socket.
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Tells whether nothing but the handshake can be said yet.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session.borrow().is_handshaking()
    }

    /// Keeps what came behind the handshake for whoever reads next.
    pub(super) fn keep_early(&self, plain: BytesMut) {
        self.session.borrow_mut().keep_early(plain);
    }

    /// Appends to `buffer` what is there; zero means that the peer is done.
    pub fn try_read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let is_drained = Cell::new(false);
        let get = |bytes: &mut [u8]| {
            let count = self.tcp.try_read(bytes)?;
            is_drained.set(count < bytes.len());
            if is_drained.get() {
                self.note_drained();
            }
            Ok(count)
        };
        self.session.borrow_mut().receive(buffer, get, |records| self.tcp.try_write(records))
    }

    /// Reads what is there without asking the runtime.
    pub fn read_unasked(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        let get = |bytes: &mut [u8]| (&*SockRef::from(&self.tcp)).read(bytes);
        self.session.borrow_mut().receive(buffer, get, |records| self.put_unasked(records))
    }

    /// Takes as many of `bytes` as make one batch, and as soon as the socket has those before.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.session.borrow_mut().send(bytes, |records| self.tcp.try_write(records))
    }

    /// As [`Self::try_write`], without asking the runtime.
    pub fn write_unasked(&self, bytes: &[u8]) -> io::Result<usize> {
        self.session.borrow_mut().send(bytes, |records| self.put_unasked(records))
    }

    /// Writes what the socket has left of what was taken.
    pub fn try_flush(&self) -> io::Result<()> {
        let mut session = self.session.borrow_mut();
        if session.is_flushed() {
            return Ok(());
        }
        session.flush(|records| self.tcp.try_write(records))
    }

    /// As [`Self::try_flush`], without asking the runtime.
    pub fn flush_unasked(&self) -> io::Result<()> {
        self.session.borrow_mut().flush(|records| self.put_unasked(records))
    }

    /// Waits until the socket has all that was taken.
    pub async fn flush(&self) -> io::Result<()> {
        loop {
            match self.try_flush() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.tcp.writable().await?,
                done => return done,
            }
        }
    }

    /// Tells the peer that nothing more is said.
    pub fn end(&self) {
        self.session.borrow_mut().end(|records| self.put_unasked(records));
    }

    fn put_unasked(&self, records: &[u8]) -> io::Result<usize> {
        (&*SockRef::from(&self.tcp)).write(records)
    }

    /// Notes that nothing is left to read, as `Socket` does for one without TLS.
    fn note_drained(&self) {
        let nothing = || Err::<(), _>(ErrorKind::WouldBlock.into());
        // The error is what was asked for.
        let _ = self.tcp.try_io(Interest::READABLE, nothing);
    }
}
