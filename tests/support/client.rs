//! A client that sends bytes and reads replies, and hides neither.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use backlogd::net::wire::put_command;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CipherSuite, ClientConfig, ClientConnection, HandshakeKind, Stream};

use super::wait::PATIENCE;

/// One reply of RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Value {
    /// `+`
    Simple(String),
    /// `-`
    Error(String),
    /// `:`
    Integer(i64),
    /// `$`
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`
    Null,
    /// `*`
    Array(Vec<Value>),
    /// `%`
    Map(Vec<(Value, Value)>),
    /// `~`
    Set(Vec<Value>),
    /// `>`
    Push(Vec<Value>),
    /// `,` as it is spelt
    Double(String),
    /// `#`
    Boolean(bool),
    /// `=` with its format
    Verbatim(String, Vec<u8>),
    /// `(`
    BigNumber(String),
}

impl Value {
    /// The text of a string of any kind.
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Self::Simple(text) | Self::Error(text) => text.clone(),
            Self::Bulk(bytes) | Self::Verbatim(_, bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            other => panic!("no text: {other:?}"),
        }
    }

    /// The number of an integer reply.
    #[track_caller]
    pub fn integer(&self) -> i64 {
        match self {
            Self::Integer(number) => *number,
            other => panic!("no integer: {other:?}"),
        }
    }

    /// The elements of an array, set or push.
    #[track_caller]
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::Array(elements) | Self::Set(elements) | Self::Push(elements) => elements,
            other => panic!("no list: {other:?}"),
        }
    }

    /// Tells whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    buffer: Vec<u8>,
    at: usize,
}

impl Client {
    /// Connects; panics when nobody listens.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"))
    }

    /// Connects.
    pub fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&address, PATIENCE)?)
    }

    /// Speaks over a connection that is there.
    pub fn over(stream: TcpStream) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, tls: None, buffer: Vec::new(), at: 0 })
    }

    /// Connects in TLS, and shakes hands.
    pub fn try_connect_tls(
        address: SocketAddr,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<Self> {
        let mut client = Self::try_connect(address)?;
        let name = ServerName::IpAddress(address.ip().into());
        let connection = ClientConnection::new(Arc::clone(config), name);
        let mut connection = Box::new(connection.map_err(std::io::Error::other)?);
        while connection.is_handshaking() {
            connection.complete_io(&mut client.stream)?;
        }
        client.tls = Some(connection);
        Ok(client)
    }

    /// Connects in TLS; panics when that fails.
    #[track_caller]
    pub fn connect_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        Self::try_connect_tls(address, config)
            .unwrap_or_else(|error| panic!("no TLS with {address}: {error}"))
    }

    /// The certificate that the server has shown.
    #[track_caller]
    pub fn peer_certificate(&self) -> CertificateDer<'static> {
        let tls = self.tls.as_ref().expect("it speaks TLS");
        tls.peer_certificates().expect("the server shows one")[0].clone().into_owned()
    }

    /// Tells whether the server took up a session of before.
    #[track_caller]
    pub fn is_resumed(&self) -> bool {
        let tls = self.tls.as_ref().expect("it speaks TLS");
        tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Tells what was agreed on.
    #[track_caller]
    pub fn cipher(&self) -> CipherSuite {
        let tls = self.tls.as_ref().expect("it speaks TLS");
        tls.negotiated_cipher_suite().expect("the handshake is done").suite()
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap_or_else(|error| panic!("cannot send: {error}"));
    }

    /// Sends bytes as they are.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.tls {
            Some(tls) => {
                let mut stream = Stream::new(&mut **tls, &mut self.stream);
                stream.write_all(bytes)?;
                stream.flush()
            }
            None => self.stream.write_all(bytes),
        }
    }

    /// Sends bytes as long as the server takes them; whether it took all of these.
    ///
    /// After half a second without progress it is taken for one that will not read on.
    pub fn send_what_fits(&mut self, bytes: &[u8]) -> bool {
        let short = std::time::Duration::from_millis(500);
        self.stream.set_write_timeout(Some(short)).expect("a socket can be told so");
        self.stream.write_all(bytes).is_ok()
    }

    /// The same connection, without TLS, once more, for a thread that reads while this one writes.
    #[track_caller]
    pub fn second_half(&self) -> Self {
        let stream = self.stream.try_clone().expect("a socket can be duplicated");
        Self { stream, tls: None, buffer: Vec::new(), at: 0 }
    }

    /// Reads to the end of the connection and keeps nothing.
    pub fn drain(&mut self) {
        let mut chunk = [0; 16 * 1024];
        while matches!(self.stream.read(&mut chunk), Ok(1..)) {}
    }

    /// Sends one command without reading its reply.
    #[track_caller]
    pub fn send_command<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        let mut bytes = Vec::new();
        put_command(&mut bytes, words);
        self.send(&bytes);
    }

    /// Sends one command and reads its reply.
    #[track_caller]
    pub fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Value {
        self.send_command(words);
        self.read().0
    }

    /// As [`Self::call`], from words parted by spaces.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> Value {
        self.call(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// As [`Self::call`]; an I/O error instead of a panic, for servers that are being killed.
    pub fn try_call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> std::io::Result<Value> {
        let mut bytes = Vec::new();
        put_command(&mut bytes, words);
        self.try_send(&bytes)?;
        self.try_read().map(|(value, _)| value)
    }

    /// Reads one reply, and its exact bytes.
    #[track_caller]
    pub fn read(&mut self) -> (Value, Vec<u8>) {
        self.try_read().unwrap_or_else(|error| {
            let rest = self.buffer[self.at..].escape_ascii();
            panic!("no whole reply: {error}; so far: {rest}")
        })
    }

    /// Reads one reply, and its exact bytes.
    pub fn try_read(&mut self) -> std::io::Result<(Value, Vec<u8>)> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let value = self.value()?;
        Ok((value, self.buffer[..self.at].to_vec()))
    }

    /// Reads exactly `count` bytes that are no reply, such as a replication stream.
    pub fn read_bytes(&mut self, count: usize) -> std::io::Result<Vec<u8>> {
        self.fill(self.at + count)?;
        let bytes = self.buffer[self.at..self.at + count].to_vec();
        self.at += count;
        Ok(bytes)
    }

    /// Reads a line that is no whole reply, without its end; keepalive newlines before it are skipped.
    #[track_caller]
    pub fn read_line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.read_bytes(1) {
                Ok(byte) if byte == b"\n" && line.is_empty() => {}
                Ok(byte) if byte == b"\n" => break,
                Ok(byte) => line.extend(byte),
                Err(error) => panic!("no line: {error}; so far: {}", line.escape_ascii()),
            }
        }
        String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()
    }

    /// Passes over line feeds, by which a replica shows that it lives.
    pub fn skip_newlines(&mut self) -> std::io::Result<()> {
        loop {
            match self.buffer.get(self.at) {
                Some(b'\n') => self.at += 1,
                Some(_) => return Ok(()),
                None => self.more()?,
            }
        }
    }

    /// Tells whether nothing has come that was not read yet.
    #[track_caller]
    pub fn is_silent(&self) -> bool {
        self.stream.set_nonblocking(true).expect("a socket can be told so");
        let seen = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("a socket can be told so");
        let nothing = matches!(&seen, Err(error) if error.kind() == ErrorKind::WouldBlock);
        nothing && self.at == self.buffer.len()
    }

    /// Reads what is left until the server closes; a reset counts as a close.
    #[track_caller]
    pub fn read_to_close(&mut self) -> Vec<u8> {
        loop {
            match self.more() {
                Ok(()) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    panic!("not closed; so far: {}", self.buffer[self.at..].escape_ascii())
                }
                Err(_) => {
                    let rest = self.buffer[self.at..].to_vec();
                    self.at = self.buffer.len();
                    return rest;
                }
            }
        }
    }

    /// Tells the server that no more will be sent.
    pub fn finish_sending(&self) {
        // The server may have closed first.
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Reads one field of INFO; panics when it is missing.
    #[track_caller]
    pub fn info(&mut self, section: &str, field: &str) -> String {
        let text = self.call(&["INFO", section]).text();
        let prefix = format!("{field}:");
        let found = text.lines().find_map(|line| line.strip_prefix(prefix.as_str()));
        found.unwrap_or_else(|| panic!("INFO {section} has no {field}:\n{text}")).trim().to_owned()
    }

    fn value(&mut self) -> std::io::Result<Value> {
        let line = self.line()?;
        let (kind, rest) = line.split_at(1);
        Ok(match kind {
            "+" => Value::Simple(rest.to_owned()),
            "-" => Value::Error(rest.to_owned()),
            ":" => Value::Integer(rest.parse().map_err(|_| garbled(&line))?),
            "_" => Value::Null,
            "," => Value::Double(rest.to_owned()),
            "#" => Value::Boolean(rest == "t"),
            "(" => Value::BigNumber(rest.to_owned()),
            "$" | "*" if rest == "-1" => Value::Null,
            "$" => Value::Bulk(self.bulk(count(&line)?)?),
            "=" => {
                let bytes = self.bulk(count(&line)?)?;
                let format = String::from_utf8_lossy(&bytes[..3]).into_owned();
                Value::Verbatim(format, bytes[4..].to_vec())
            }
            "*" => Value::Array(self.values(count(&line)?)?),
            "~" => Value::Set(self.values(count(&line)?)?),
            ">" => Value::Push(self.values(count(&line)?)?),
            "%" => {
                let flat = self.values(count(&line)? * 2)?;
                let pairs = flat.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
                Value::Map(pairs.collect())
            }
            _ => return Err(garbled(&line)),
        })
    }

    fn values(&mut self, count: usize) -> std::io::Result<Vec<Value>> {
        (0..count).map(|_| self.value()).collect()
    }

    fn bulk(&mut self, count: usize) -> std::io::Result<Vec<u8>> {
        let bytes = self.read_bytes(count)?;
        match self.read_bytes(2)?.as_slice() {
            b"\r\n" => Ok(bytes),
            other => Err(garbled(&format!("after a bulk: {}", other.escape_ascii()))),
        }
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut searched = self.at;
        loop {
            if let Some(end) = self.buffer[searched..].windows(2).position(|pair| pair == b"\r\n") {
                let line = &self.buffer[self.at..searched + end];
                let line = line.iter().map(|byte| char::from(*byte)).collect::<String>();
                self.at = searched + end + 2;
                return if line.is_empty() { Err(garbled("an empty line")) } else { Ok(line) };
            }
            searched = self.buffer.len().saturating_sub(1).max(self.at);
            self.more()?;
        }
    }

    fn fill(&mut self, end: usize) -> std::io::Result<()> {
        while self.buffer.len() < end {
            self.more()?;
        }
        Ok(())
    }

    fn more(&mut self) -> std::io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        let read = match &mut self.tls {
            Some(tls) => Stream::new(&mut **tls, &mut self.stream).read(&mut chunk),
            None => self.stream.read(&mut chunk),
        };
        match read {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            // A process that is stopped, or traced, goes on where it was.
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn count(line: &str) -> std::io::Result<usize> {
    line[1..].parse().map_err(|_| garbled(line))
}

fn garbled(what: &str) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, format!("not a reply: {what:?}"))
}
