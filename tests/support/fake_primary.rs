//! A primary made by hand: it takes a replica's connections, and answers as the test has it answer.

use std::net::{SocketAddr, TcpListener};

use backlogd::net::wire::put_command;
use backlogd::snapshot::rdb::{Encoder, Options};

use super::{Client, Value, await_until};

/// The shortest stream that means nothing.
pub const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Where a replica connects to.
#[derive(Debug)]
pub struct FakePrimary {
    listener: TcpListener,
}

impl FakePrimary {
    /// Listens on a port of the system's choice.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("it is a listener");
        Self { listener }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it listens")
    }

    /// The port, as an argument.
    pub fn port(&self) -> String {
        self.address().port().to_string()
    }

    /// Waits for the replica's next connection.
    #[track_caller]
    pub fn accept(&self) -> Connection {
        let mut accepted = None;
        await_until("the replica connects", || {
            accepted = self.listener.accept().ok();
            accepted.is_some()
        });
        let (stream, _) = accepted.expect("it was awaited");
        stream.set_nonblocking(false).expect("it is a socket");
        Connection(Client::over(stream).expect("it is a socket"))
    }

    /// Waits for a connection that shakes hands up to `PSYNC`; tells what that asked for.
    ///
    /// What the replica gave up before it was accepted is passed over.
    #[track_caller]
    pub fn accept_at_psync(&self) -> (Connection, Asked) {
        loop {
            let mut connection = self.accept();
            if let Ok(asked) = connection.try_shake_hands() {
                return (connection, asked);
            }
        }
    }
}

/// What a replica asks for by `PSYNC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The history that it holds; `?` if none.
    pub replid: String,
    /// The number of the first byte it wants; -1 for everything.
    pub wanted: i64,
}

/// One connection of the replica.
#[derive(Debug)]
pub struct Connection(Client);

impl Connection {
    /// Sends bytes as they are; the replica may have left already.
    pub fn send(&mut self, bytes: &[u8]) {
        drop(self.0.try_send(bytes));
    }

    /// Sends a command of the stream; tells how long it is.
    pub fn say(&mut self, words: &[&str]) -> u64 {
        let bytes = command(words);
        self.send(&bytes);
        bytes.len() as u64
    }

    /// Reads what the replica sends next.
    #[track_caller]
    pub fn hear(&mut self) -> Vec<String> {
        self.try_hear().unwrap_or_else(|error| panic!("the replica says nothing: {error}"))
    }

    fn try_hear(&mut self) -> std::io::Result<Vec<String>> {
        self.0.skip_newlines()?;
        Ok(self.0.try_read()?.0.elements().iter().map(Value::text).collect())
    }

    /// Reads the replica's next command, which is to be this one.
    #[track_caller]
    pub fn expect(&mut self, name: &str) {
        let words = self.hear();
        assert!(words[0].eq_ignore_ascii_case(name), "{words:?} instead of {name}");
    }

    /// Reads so many bytes.
    #[track_caller]
    pub fn read(&mut self, count: usize) -> Vec<u8> {
        self.0.read_bytes(count).expect("the replica sends them")
    }

    /// Closes in one direction: the replica hears no more.
    pub fn finish_sending(&self) {
        self.0.finish_sending();
    }

    /// Reads until the replica closes.
    #[track_caller]
    pub fn await_close(&mut self) {
        self.0.read_to_close();
    }

    /// Answers everything as a primary does, up to `PSYNC`, which is for the caller to answer.
    #[track_caller]
    pub fn shake_hands(&mut self) -> Asked {
        self.try_shake_hands().unwrap_or_else(|error| panic!("no PSYNC: {error}"))
    }

    fn try_shake_hands(&mut self) -> std::io::Result<Asked> {
        loop {
            let words = self.try_hear()?;
            match words[0].as_str() {
                "PING" => self.send(b"+PONG\r\n"),
                "INFO" => self.send(b"$13\r\nrole:master\r\n\r\n"),
                "PSYNC" => {
                    let wanted = words[2].parse().expect("a number");
                    return Ok(Asked { replid: words[1].clone(), wanted });
                }
                _ => self.send(b"+OK\r\n"),
            }
        }
    }

    /// Answers `PSYNC` with a snapshot whose length is told.
    pub fn full_resync(&mut self, replid: &str, offset: u64, rdb: &[u8]) {
        self.send(format!("+FULLRESYNC {replid} {offset}\r\n${}\r\n", rdb.len()).as_bytes());
        self.send(rdb);
    }

    /// Asks how far the replica is, `offset` being where the stream ends; waits until it is there.
    /// Tells where the stream ends then.
    #[track_caller]
    pub fn await_applied(&mut self, offset: u64) -> u64 {
        let end = offset + self.say(&["REPLCONF", "GETACK", "*"]);
        self.await_ack(end);
        end
    }

    /// Waits until the replica acknowledges so much.
    #[track_caller]
    pub fn await_ack(&mut self, offset: u64) {
        let wanted = offset.to_string();
        while !matches!(&self.hear()[..], [_, ack, at, ..] if ack == "ACK" && *at == wanted) {}
    }
}

/// Encodes a command of the stream.
pub fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_command(&mut bytes, words);
    bytes
}

/// A replid of one digit forty times.
pub fn replid(digit: char) -> String {
    digit.to_string().repeat(40)
}

/// A snapshot of strings, with its checksum.
pub fn rdb(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), Options::default()).expect("memory takes it");
    encoder.select_db(0).expect("memory takes it");
    for (key, value) in pairs {
        encoder.string(key.as_bytes(), None, value.as_bytes()).expect("memory takes it");
    }
    encoder.finish().expect("memory takes it").0
}

/// A snapshot of any contents, without a checksum.
pub fn rdb_of(version: &str, contents: &[u8]) -> Vec<u8> {
    [b"REDIS", version.as_bytes(), contents, b"\xff", &[0; 8]].concat()
}
