//! Sends keys to another server, and removes here what that has got: the work of `MIGRATE`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::command::effect::encode;
use crate::command::flow::{Migration, Sent};
use crate::command::{Classes, Events, Fault, Session, stored};
use crate::keyspace::{Entry, ShardSet};
use crate::net::socket::Socket;
use crate::net::{Reply, tls};
use crate::position::Offset;
use crate::replication::stream::{Stream, StreamError, Unit};
use crate::snapshot::rdb::payload;

use super::clock::unix_ms;
use super::{Server, blocking, delivery};

/// A line of the target that is longer is no answer.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Requests are gathered up to so many bytes.
const WRITE_BYTES: usize = 256 * 1024;
/// A target that takes so many has not been silent.
const PIECE_BYTES: usize = 16 * 1024;

const NOT_CONNECTED: Fault = Fault::fixed("IOERR error or timeout connecting to the client");
const NOT_WRITTEN: Fault = Fault::fixed("IOERR error or timeout writing to target instance");
const NOT_READ: Fault = Fault::fixed("IOERR error or timeout reading to target instance");
const NOT_OURS: Fault = Fault::fixed(
    "ERR the keys were sent, and are kept here, as this server is no primary any more",
);
const NO_ROOM: Fault = Fault::fixed(
    "ERR the keys were sent, and are kept here, as the log has no room for their removal",
);

/// What came of the keys, in their order as far as the target answered.
#[derive(Debug, Default)]
struct Answers {
    /// Whether the target has the key.
    taken: Vec<bool>,
    /// The first error it told.
    error: Option<Vec<u8>>,
}

/// Sends the keys, and unless they are to be copied removes those that the target has; writes the reply.
///
/// A key that does not hold any more what was sent is kept.
pub async fn run(
    server: &Server,
    session: &Session,
    migration: &Migration,
    reply: &mut Reply<'_>,
) -> Result<(), Fault> {
    let socket = connect(server, migration).await?;
    let mut answers = Answers::default();
    // The target answers while it is written to: it need not keep all answers to itself.
    let (written, read) =
        tokio::join!(send(&socket, migration), listen(&socket, migration, &mut answers));
    socket.end();
    let changed = if migration.copy { None } else { forget(server, session, migration, &answers)? };
    if let Some(error) = answers.error {
        return Err(Fault::of_bytes(
            [b"ERR Target instance replied with error: ", &error[..]].concat(),
        ));
    }
    written?;
    read?;
    if let Some(key) = changed {
        return Err(Fault::of(format!(
            "ERR key \"{}\" changed while it was sent: it is kept here, and the target has what it \
             was before",
            key.escape_ascii()
        )));
    }
    reply.ok();
    Ok(())
}

async fn connect(server: &Server, migration: &Migration) -> Result<Socket, Fault> {
    let port: u16 = migration.port.parse().map_err(|_| NOT_CONNECTED)?;
    let connecting = async {
        let addresses = lookup_host((migration.host.as_str(), port)).await;
        let addresses: Vec<_> = addresses.map_err(|_| NOT_CONNECTED)?.collect();
        // That nobody listens is found by stock servers when they write.
        let stream = TcpStream::connect(&addresses[..]).await.map_err(|_| NOT_WRITTEN)?;
        stream.set_nodelay(true).map_err(|_| NOT_CONNECTED)?;
        if !server.settings().tls.migration {
            return Ok(Socket::Tcp(stream));
        }
        let config = server.tls.client().ok_or(NOT_CONNECTED)?;
        let shaken = tls::connect(stream, config, &migration.host).await;
        shaken.map(Socket::Tls).map_err(|error| {
            tracing::warn!(host = migration.host, %error, "MIGRATE: no TLS with the target");
            NOT_CONNECTED
        })
    };
    timeout(migration.timeout, connecting).await.map_err(|_| NOT_CONNECTED)?
}

async fn send(socket: &Socket, migration: &Migration) -> Result<(), Fault> {
    let mut bytes = Vec::new();
    let mut digits = itoa::Buffer::new();
    if let Some(login) = &migration.login {
        match &login.user {
            Some(user) => encode(&mut bytes, &[b"AUTH", user, &login.password]),
            None => encode(&mut bytes, &[b"AUTH", &login.password]),
        }
    }
    encode(&mut bytes, &[b"SELECT", digits.format(migration.target_database).as_bytes()]);
    for sent in &migration.keys {
        let ttl = digits.format(sent.ttl_ms).as_bytes();
        let words: [&[u8]; 5] = [b"RESTORE", &sent.key, ttl, &sent.payload, b"REPLACE"];
        encode(&mut bytes, if migration.replace { &words } else { &words[..4] });
        if bytes.len() >= WRITE_BYTES {
            write(socket, &bytes, migration.timeout).await?;
            bytes.clear();
        }
    }
    write(socket, &bytes, migration.timeout).await
}

/// Writes bytes to a target that may be silent for as long as `silence_max` at a time.
async fn write(socket: &Socket, bytes: &[u8], silence_max: Duration) -> Result<(), Fault> {
    for piece in bytes.chunks(PIECE_BYTES) {
        match timeout(silence_max, socket.write_all(piece)).await {
            Ok(Ok(())) => {}
            _ => return Err(NOT_WRITTEN),
        }
    }
    Ok(())
}

/// Reads the answers; what came before an error of the connection counts.
async fn listen(
    socket: &Socket,
    migration: &Migration,
    answers: &mut Answers,
) -> Result<(), Fault> {
    let mut lines = Lines { socket, bytes: BytesMut::new(), silence_max: migration.timeout };
    let mut refusal = None;
    if migration.login.is_some() {
        refusal = lines.next().await?;
    }
    let selected = lines.next().await?;
    let refusal = refusal.or(selected);
    for _ in &migration.keys {
        let error = lines.next().await?;
        // After a refusal the keys went somewhere else, if anywhere.
        let error = refusal.clone().or(error);
        answers.taken.push(error.is_none());
        if answers.error.is_none() {
            answers.error = error;
        }
    }
    Ok(())
}

/// The answers of the target, a line each.
struct Lines<'s> {
    socket: &'s Socket,
    bytes: BytesMut,
    silence_max: Duration,
}

impl Lines<'_> {
    /// Reads an answer; returns the error in it, if it is one.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|two| two == b"\r\n") {
                let line = self.bytes.split_to(end);
                self.bytes.advance(2);
                return match line.split_first() {
                    Some((b'+', _)) => Ok(None),
                    Some((b'-', error)) => Ok(Some(error.to_vec())),
                    _ => Err(NOT_READ),
                };
            }
            if self.bytes.len() > LINE_BYTES_MAX {
                return Err(NOT_READ);
            }
            match timeout(self.silence_max, self.socket.read(&mut self.bytes)).await {
                Ok(Ok(1..)) => {}
                _ => return Err(NOT_READ),
            }
        }
    }
}

/// Removes the keys that the target has; returns one that does not hold any more what was sent.
fn forget<'m>(
    server: &Server,
    session: &Session,
    migration: &'m Migration,
    answers: &Answers,
) -> Result<Option<&'m [u8]>, Fault> {
    let taken = migration.keys.iter().zip(&answers.taken).filter(|(_, taken)| **taken);
    let taken: Vec<&Sent> = taken.map(|(sent, _)| sent).collect();
    let Some(stream) = server.stream() else { return Err(NOT_OURS) };
    let mut changed = None;
    for sent in taken {
        // Room that is still to be made is waited for before the shard is held.
        let (log, bytes) = (stream.log(), sent.key.len() as u64 * 2);
        let _room = if log.is_ordinary(bytes) {
            log.admission().map_err(|_| NO_ROOM)?;
            None
        } else {
            Some(log.secure(bytes).map_err(|_| NO_ROOM)?)
        };
        let key = server.keyspace.key(&sent.key);
        let mut locked = server.keyspace.lock(ShardSet::of(&key));
        if server.live.is_replica() || server.live.is_doubtful() {
            return Err(NOT_OURS);
        }
        let db = locked.db(migration.database);
        match db.find(&key) {
            // Somebody else has removed it.
            None => continue,
            Some(entry) if !still_holds(&entry, migration, sent) => {
                changed.get_or_insert(&sent.key[..]);
                continue;
            }
            Some(_) => {}
        }
        locked.db(migration.database).remove(&key);
        locked.touched(migration.database, &key);
        log_removal(server, session, &stream, (migration.database, &sent.key))?;
        tell_removal(server, (migration.database, &sent.key));
        server.live.changed(1);
        let awaited = locked.take_all_ready();
        drop(locked);
        if !awaited.is_empty() {
            blocking::serve_left(server, awaited);
        }
    }
    Ok(changed)
}

/// Tells whether a key is as it was sent.
fn still_holds(entry: &Entry<'_>, migration: &Migration, sent: &Sent) -> bool {
    let payload = payload::encode(migration.options, |encoder| stored::encode(encoder, entry));
    entry.expiry() == sent.expiry_ms && payload.is_ok_and(|payload| payload == sent.payload)
}

/// Tells those who subscribe to events; the shard of the key is held.
fn tell_removal(server: &Server, key: (usize, &[u8])) {
    let mut events = Events::wanting(server.wanted_events());
    events.note(Classes::CHANGED, "", key, 0);
    events.note(Classes::GENERIC, "del", key, 0);
    if !events.is_empty() {
        delivery::deliver_events(&server.hub, &events, unix_ms());
        server.hub.ring();
    }
}

fn log_removal(
    server: &Server,
    session: &Session,
    stream: &Stream,
    (database, key): (usize, &[u8]),
) -> Result<(), Fault> {
    let mut bytes = Vec::new();
    encode(&mut bytes, &[b"DEL", key]);
    match stream.append(Unit::command(database, &bytes)) {
        Ok(end) => {
            session.info.written.store(end.0, Ordering::Relaxed);
            if server.commit.is_on() {
                server.commit.note_write(Offset(end.0));
            }
            Ok(())
        }
        // At the very end of the server: what is gone from memory comes back with the log.
        Err(StreamError::Closed) => Err(NO_ROOM),
        Err(error) => server.fail("cannot append to the log", &error),
    }
}
