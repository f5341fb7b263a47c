//! One connection's TLS, apart from its socket.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedConnectionCommon, UnbufferedStatus,
};
use rustls::{ClientConfig, CommonState, Error, ServerConfig};

use super::scratch;

/// The least that is read at once: more than any record has.
const READ_BYTES_MIN: usize = 18 * 1024;
/// The most that is read at once.
const READ_BYTES_MAX: usize = 128 * 1024;
/// How much is encrypted before it is handed to the socket: four records of the largest size.
const BATCH_BYTES: usize = 64 * 1024;
/// What is no whole message of a handshake by then is none.
const INCOMING_BYTES_MAX: usize = 128 * 1024;
/// What a record has besides its text, and more than that.
const RECORD_EXTRA_BYTES: usize = 64;
/// The text of the largest record.
const RECORD_BYTES: usize = 16 * 1024;

/// One connection's TLS.
pub struct Session {
    side: Side,
    /// Of the peer's records what is not whole yet.
    incoming: Vec<u8>,
    /// Records that the socket has yet to take, and how much of them it has.
    outgoing: Vec<u8>,
    sent: usize,
    /// What came with the end of the handshake, and was read on its behalf.
    early: BytesMut,
    /// Whether the peer says nothing more.
    is_ended: bool,
    /// Whether the peer has broken the protocol, and was told so: the connection must not be asked again.
    is_broken: bool,
}

/// Which end of the connection this is.
enum Side {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What both ends have in common.
trait Process {
    type Data;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// Tells whether there is something to be sent.
    fn has_records(&self) -> bool;
}

impl Process for UnbufferedConnectionCommon<ServerConnectionData> {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_records(&self) -> bool {
        self.wants_write()
    }
}

impl Process for UnbufferedConnectionCommon<ClientConnectionData> {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_records(&self) -> bool {
        self.wants_write()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("is_ended", &self.is_ended).finish_non_exhaustive()
    }
}

impl Session {
    /// Begins as the server of a connection.
    pub fn server(config: Arc<ServerConfig>) -> io::Result<Self> {
        Ok(Self::new(Side::Server(UnbufferedServerConnection::new(config).map_err(broken)?)))
    }

    /// Begins as the client of a connection; the first record goes out with [`Self::flush`].
    pub fn client(config: Arc<ClientConfig>, host: &str) -> io::Result<Self> {
        // It is neither sent nor verified: sessions that can be resumed are kept by it.
        let name = ServerName::try_from(host.to_owned())
            .unwrap_or(ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into()));
        let connection = UnbufferedClientConnection::new(config, name).map_err(broken)?;
        let mut session = Self::new(Side::Client(connection));
        session.take_in(&mut [], &mut BytesMut::new()).1.map_err(broken)?;
        Ok(session)
    }

    fn new(side: Side) -> Self {
        Self {
            side,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            early: BytesMut::new(),
            is_ended: false,
            is_broken: false,
        }
    }

    /// Tells whether nothing but the handshake can be said yet.
    pub fn is_handshaking(&self) -> bool {
        self.common().is_handshaking()
    }

    /// Tells whether the socket has taken all that was sent.
    pub fn is_flushed(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Keeps what the peer said behind its handshake for whoever reads next.
    pub(super) fn keep_early(&mut self, plain: BytesMut) {
        self.early = plain;
    }

    /// Appends to `plain` what the peer says, and returns how much that is; zero where it says no more.
    ///
    /// `get` reads from the socket; it is called until something was said, so that only its own error
    /// tells that there is nothing. `put` writes to the socket what the session itself has to answer.
    pub fn receive(
        &mut self,
        plain: &mut BytesMut,
        mut get: impl FnMut(&mut [u8]) -> io::Result<usize>,
        mut put: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            plain.extend_from_slice(&early);
            return Ok(early.len());
        }
        if self.is_broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let before = plain.len();
        while !self.is_ended {
            let held = self.incoming.len();
            let room = (plain.capacity() - plain.len()).clamp(READ_BYTES_MIN, READ_BYTES_MAX);
            let taken = scratch::with_incoming(held + room, |bytes| {
                let count = get(&mut bytes[held..])?;
                bytes[..held].copy_from_slice(&self.incoming);
                self.is_ended = count == 0;
                let came = &mut bytes[..held + count];
                let (consumed, taken) = self.take_in(came, plain);
                self.incoming.clear();
                self.incoming.extend_from_slice(&came[consumed..]);
                io::Result::Ok(taken)
            })?;
            if self.incoming.is_empty() {
                // What is silent keeps no room.
                self.incoming = Vec::new();
            }
            self.is_broken = taken.is_err();
            let flushed = self.flush(&mut put);
            // After an error there was an alert to send, at best.
            taken.map_err(broken)?;
            match flushed {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
            if self.incoming.len() > INCOMING_BYTES_MAX {
                return Err(io::Error::new(ErrorKind::InvalidData, "a message of TLS is too long"));
            }
            if plain.len() > before {
                break;
            }
        }
        Ok(plain.len() - before)
    }

    /// Takes from the front of `bytes` as much as makes one batch, and writes it by `put`.
    ///
    /// What is taken counts as sent, though the socket may have left some of its records: these are
    /// kept and go first the next time, and until then nothing more is taken.
    pub fn send(
        &mut self,
        bytes: &[u8],
        mut put: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if self.is_broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.flush(&mut put)?;
        let batch = &bytes[..bytes.len().min(BATCH_BYTES)];
        if batch.is_empty() {
            return Ok(0);
        }
        scratch::with_outgoing(|records| {
            let length = self.seal(batch, records).map_err(broken)?;
            let records = &records[..length];
            let written = match put(records) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            self.outgoing.extend_from_slice(&records[written..]);
            Ok(batch.len())
        })
    }

    /// Writes by `put` what the socket has left.
    pub fn flush(&mut self, mut put: impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<()> {
        while self.sent < self.outgoing.len() {
            match put(&self.outgoing[self.sent..])? {
                0 => return Err(ErrorKind::WriteZero.into()),
                count => self.sent += count,
            }
        }
        if self.sent > 0 {
            self.outgoing = Vec::new();
            self.sent = 0;
        }
        Ok(())
    }

    /// Tells the peer that nothing more is said, as far as `put` takes it.
    pub fn end(&mut self, put: impl FnMut(&[u8]) -> io::Result<usize>) {
        if self.is_broken {
            return;
        }
        let mut records = [0; 2 * RECORD_EXTRA_BYTES];
        let Self { side, incoming, .. } = self;
        let length = match side {
            Side::Server(connection) => close(&mut **connection, incoming, &mut records),
            Side::Client(connection) => close(&mut **connection, incoming, &mut records),
        };
        self.outgoing.extend_from_slice(&records[..length]);
        // The connection ends, whether the peer is told or not.
        let _ = self.flush(put);
    }

    /// Decrypts whole records; returns how many bytes they were.
    fn take_in(&mut self, records: &mut [u8], plain: &mut BytesMut) -> (usize, Result<(), Error>) {
        let Self { side, outgoing, is_ended, .. } = self;
        match side {
            Side::Server(connection) => {
                open(&mut **connection, records, plain, (outgoing, is_ended))
            }
            Side::Client(connection) => {
                open(&mut **connection, records, plain, (outgoing, is_ended))
            }
        }
    }

    /// Encrypts `bytes` to the front of `records`; returns how long they are.
    fn seal(&mut self, bytes: &[u8], records: &mut Vec<u8>) -> Result<usize, Error> {
        let Self { side, incoming, .. } = self;
        match side {
            Side::Server(connection) => seal(&mut **connection, incoming, bytes, records),
            Side::Client(connection) => seal(&mut **connection, incoming, bytes, records),
        }
    }

    fn common(&self) -> &CommonState {
        match &self.side {
            Side::Server(connection) => connection,
            Side::Client(connection) => connection,
        }
    }
}

/// Decrypts whole records, and answers what is for the session itself.
fn open<C: Process>(
    connection: &mut C,
    records: &mut [u8],
    plain: &mut BytesMut,
    (answers, is_ended): (&mut Vec<u8>, &mut bool),
) -> (usize, Result<(), Error>) {
    let mut at = 0;
    loop {
        let UnbufferedStatus { mut discard, state } = connection.process(&mut records[at..]);
        let mut fault = None;
        let is_done = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    match record {
                        Ok(record) => {
                            plain.extend_from_slice(record.payload);
                            discard += record.discard;
                        }
                        Err(error) => fault = Some(error),
                    }
                }
                fault.is_some()
            }
            Ok(ConnectionState::EncodeTlsData(mut record)) => {
                encode(|room| record.encode(room), answers);
                false
            }
            Ok(ConnectionState::TransmitTlsData(records)) => {
                records.done();
                false
            }
            Ok(ConnectionState::PeerClosed) => {
                *is_ended = true;
                false
            }
            Ok(_) => true,
            Err(error) => {
                fault = Some(error);
                // The alert that tells why is still to be sent.
                answer_once_more(connection, &mut records[at + discard..], answers);
                true
            }
        };
        at += discard;
        if is_done {
            return (at, fault.map_or(Ok(()), Err));
        }
    }
}

/// Takes what a session that has failed still has to say; what came is not looked at again.
fn answer_once_more<C: Process>(connection: &mut C, rest: &mut [u8], answers: &mut Vec<u8>) {
    while connection.has_records()
        && let Ok(ConnectionState::EncodeTlsData(mut record)) = connection.process(rest).state
    {
        encode(|room| record.encode(room), answers);
    }
}

/// Appends one record that the session has made.
fn encode(mut put: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>, answers: &mut Vec<u8>) {
    let start = answers.len();
    let written = match put(&mut []) {
        Err(EncodeError::InsufficientSize(wanted)) => {
            answers.resize(start + wanted.required_size, 0);
            put(&mut answers[start..]).unwrap_or(0)
        }
        _ => 0,
    };
    answers.truncate(start + written);
}

/// Encrypts `bytes` to the front of `records`, behind what the session itself has to say.
///
/// `incoming` is what is held of the peer's records: the session counts on finding it there.
fn seal<C: Process>(
    connection: &mut C,
    incoming: &mut [u8],
    bytes: &[u8],
    records: &mut Vec<u8>,
) -> Result<usize, Error> {
    let mut own = Vec::new();
    loop {
        match connection.process(incoming).state? {
            ConnectionState::EncodeTlsData(mut record) => {
                encode(|room| record.encode(room), &mut own);
            }
            ConnectionState::TransmitTlsData(sent) => sent.done(),
            // The peer may listen though it says no more.
            ConnectionState::PeerClosed => {}
            ConnectionState::WriteTraffic(mut traffic) => {
                let extra = (bytes.len() / RECORD_BYTES + 2) * RECORD_EXTRA_BYTES;
                let mut room = own.len() + bytes.len() + extra;
                loop {
                    if records.len() < room {
                        records.resize(room, 0);
                    }
                    records[..own.len()].copy_from_slice(&own);
                    match traffic.encrypt(bytes, &mut records[own.len()..]) {
                        Ok(length) => return Ok(own.len() + length),
                        Err(EncryptError::InsufficientSize(wanted)) => {
                            room = own.len() + wanted.required_size;
                        }
                        Err(EncryptError::EncryptExhausted) => return Err(Error::EncryptError),
                    }
                }
            }
            _ => return Err(Error::HandshakeNotComplete),
        }
    }
}

/// Writes the record that ends the connection; returns how long it is.
fn close<C: Process>(connection: &mut C, incoming: &mut [u8], record: &mut [u8]) -> usize {
    match connection.process(incoming).state {
        Ok(ConnectionState::WriteTraffic(mut traffic)) => {
            traffic.queue_close_notify(record).unwrap_or(0)
        }
        _ => 0,
    }
}

/// Says by an I/O error that the peer does not speak TLS as it should, or cannot be trusted.
fn broken(error: Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
