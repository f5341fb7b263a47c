//! A replica made by hand: it claims any position, and keeps the very bytes it is sent.

use super::{Client, Endpoint};

/// How long the mark is that ends a snapshot sent without its length.
const MARK_BYTES: usize = 40;

/// What a primary answers to `PSYNC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resync {
    /// `+CONTINUE`, with the replid if it was told.
    Partial(Option<String>),
    /// `+FULLRESYNC`.
    Full(Snapshot),
}

/// A snapshot as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The history.
    pub replid: String,
    /// The offset it was taken at.
    pub offset: u64,
    /// Whether its length was told ahead, or a mark ended it.
    pub form: Form,
    /// The file.
    pub rdb: Vec<u8>,
}

/// How the end of a snapshot is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `$len`
    Length,
    /// `$EOF:mark`
    Mark,
}

impl Resync {
    /// The snapshot of a full resync.
    #[track_caller]
    pub fn full(self) -> Snapshot {
        match self {
            Self::Full(snapshot) => snapshot,
            Self::Partial(_) => panic!("a partial resync where a full one was due"),
        }
    }

    /// Tells whether it is a partial resync.
    pub fn is_partial(&self) -> bool {
        matches!(self, Self::Partial(_))
    }
}

/// A connection that has asked for the stream, and has read nothing of the answer.
#[derive(Debug)]
pub struct Asking(Client);

impl Asking {
    /// Shakes hands with these capabilities, and sends `PSYNC replid wanted`.
    #[track_caller]
    pub fn new(server: &impl Endpoint, capabilities: &[&str], replid: &str, wanted: i64) -> Self {
        let mut client = server.connect();
        assert_eq!(client.run("REPLCONF listening-port 1").text(), "OK");
        for capability in capabilities {
            assert_eq!(client.call(&["REPLCONF", "capa", capability]).text(), "OK");
        }
        client.send_command(&["PSYNC", replid, &wanted.to_string()]);
        Self(client)
    }

    /// Reads the answer, with the snapshot if it is one.
    #[track_caller]
    pub fn answer(self) -> (Follower, Resync) {
        let Self(mut client) = self;
        let line = client.read_line();
        let mut words = line.split_whitespace();
        let resync = match words.next() {
            Some("+CONTINUE") => Resync::Partial(words.next().map(str::to_owned)),
            Some("+FULLRESYNC") => {
                let replid = words.next().expect("a replid").to_owned();
                let offset: u64 =
                    words.next().and_then(|word| word.parse().ok()).expect("an offset");
                let (form, rdb) = read_payload(&mut client);
                if form == Form::Mark {
                    client.send_command(&["REPLCONF", "ACK", &offset.to_string()]);
                }
                Resync::Full(Snapshot { replid, offset, form, rdb })
            }
            _ => panic!("no answer to PSYNC: {line:?}"),
        };
        (Follower(client), resync)
    }
}

/// A connection that is fed the stream.
#[derive(Debug)]
pub struct Follower(Client);

impl Follower {
    /// Asks for everything.
    #[track_caller]
    pub fn attach(server: &impl Endpoint) -> (Self, Snapshot) {
        let (follower, resync) = Self::ask(server, &["eof", "psync2"], "?", -1);
        (follower, resync.full())
    }

    /// Claims to hold `held` bytes of a history.
    #[track_caller]
    pub fn resume(server: &impl Endpoint, replid: &str, held: u64) -> (Self, Resync) {
        Self::ask(server, &["eof", "psync2"], replid, held as i64 + 1)
    }

    /// Shakes hands with these capabilities, and sends `PSYNC replid wanted`.
    #[track_caller]
    pub fn ask(
        server: &impl Endpoint,
        capabilities: &[&str],
        replid: &str,
        wanted: i64,
    ) -> (Self, Resync) {
        Asking::new(server, capabilities, replid, wanted).answer()
    }

    /// Sends `SYNC`, as a replica that knows no more; returns the snapshot alone.
    #[track_caller]
    pub fn sync(server: &impl Endpoint) -> (Self, Vec<u8>) {
        let mut client = server.connect();
        client.send_command(&["SYNC"]);
        let (_, rdb) = read_payload(&mut client);
        (Self(client), rdb)
    }

    /// Reads the next bytes of the stream.
    #[track_caller]
    pub fn read(&mut self, count: usize) -> Vec<u8> {
        self.0.read_bytes(count).unwrap_or_else(|error| panic!("no {count} bytes: {error}"))
    }

    /// Reads the next command of the stream.
    #[track_caller]
    pub fn command(&mut self) -> Vec<String> {
        let (value, _) = self.0.read();
        value.elements().iter().map(super::Value::text).collect()
    }

    /// Acknowledges to hold so many bytes.
    #[track_caller]
    pub fn acknowledge(&mut self, held: u64) {
        self.0.send_command(&["REPLCONF", "ACK", &held.to_string()]);
    }

    /// Acknowledges, and tells how much of it is on disk.
    #[track_caller]
    pub fn acknowledge_durable(&mut self, held: u64, durable: u64) {
        let (held, durable) = (held.to_string(), durable.to_string());
        self.0.send_command(&["REPLCONF", "ACK", &held, "FACK", &durable]);
    }

    /// Reads what is left until the primary closes the connection.
    #[track_caller]
    pub fn read_to_close(&mut self) -> Vec<u8> {
        self.0.read_to_close()
    }
}

/// Reads a snapshot in either form.
#[track_caller]
fn read_payload(client: &mut Client) -> (Form, Vec<u8>) {
    let head = client.read_line();
    let head = head.strip_prefix('$').unwrap_or_else(|| panic!("no snapshot: {head:?}"));
    let read = |client: &mut Client, count| {
        client.read_bytes(count).unwrap_or_else(|error| panic!("a cut snapshot: {error}"))
    };
    let Some(mark) = head.strip_prefix("EOF:") else {
        let count = head.parse().unwrap_or_else(|_| panic!("not a length: {head:?}"));
        return (Form::Length, read(client, count));
    };
    assert_eq!(mark.len(), MARK_BYTES, "{mark:?}");
    let mut bytes = read(client, MARK_BYTES);
    while !bytes.ends_with(mark.as_bytes()) {
        bytes.extend(read(client, 1));
    }
    bytes.truncate(bytes.len() - MARK_BYTES);
    (Form::Mark, bytes)
}
