//! The writing end of the replication stream: units of commands, in one order, into the log.

use parking_lot::Mutex;

use crate::log::{AppendError, CloseError, Log, Writer};
use crate::position::{Offset, Replid};

/// The longest encoding of `SELECT`.
const SELECT_BYTES_MAX: usize = 48;

/// The writing end of the replication stream.
///
/// Its one lock is held for a copy (append) or a checksum (seal), never for a system call unless a
/// segment is full and the next one is late.
pub struct Stream {
    tail: Mutex<Tail>,
    log: Log,
}

struct Tail {
    /// `None` once the stream is closed.
    writer: Option<Writer>,
    /// The database that whoever applies the stream has selected at its end; `None` before the
    /// first command of a run or after a cut, as a replica that joins may have selected any.
    database: Option<usize>,
    author: Author,
}

/// Who decides what is in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// This server.
    Own,
    /// Nobody for now: this server may have been replaced.
    Nobody,
    /// A primary, whose bytes are appended as they come.
    Primary,
}

/// Why nothing can be appended.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The log refuses.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log could not be closed.
    #[error(transparent)]
    Close(#[from] CloseError),
    /// The stream is closed: the server is ending.
    #[error("the stream is closed")]
    Closed,
    /// Somebody else decides what is in it.
    #[error("the stream has another author")]
    Foreign,
}

impl Tail {
    fn writer(&mut self, author: Author) -> Result<&mut Writer, StreamError> {
        let writer = self.writer.as_mut().ok_or(StreamError::Closed)?;
        if self.author == author { Ok(writer) } else { Err(StreamError::Foreign) }
    }

    fn seal(&mut self, log: &Log) -> Offset {
        self.writer.as_mut().map_or_else(|| log.sealed(), Writer::seal)
    }
}

/// Commands that are applied together or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'u> {
    /// The database that the first command works in; `None` for commands that work in none.
    pub database: Option<usize>,
    /// The database selected after the last command.
    pub database_after: Option<usize>,
    /// What stands before the selection of a database: the `MULTI` of a transaction, or nothing.
    pub opening: &'u [u8],
    /// The commands, encoded.
    pub bytes: &'u [u8],
}

impl<'u> Unit<'u> {
    /// Makes a unit of one command that works in `database`.
    pub fn command(database: usize, bytes: &'u [u8]) -> Self {
        Self { database: Some(database), database_after: Some(database), opening: b"", bytes }
    }

    /// Makes a unit of one command that works in no database, as `PING` does.
    pub fn anywhere(bytes: &'u [u8]) -> Self {
        Self { database: None, database_after: None, opening: b"", bytes }
    }
}

impl Stream {
    /// Takes over the writer of a log of one's own.
    pub fn new(writer: Writer, log: Log) -> Self {
        let tail = Tail { writer: Some(writer), database: None, author: Author::Own };
        Self { tail: Mutex::new(tail), log }
    }

    /// Takes over the writer of a log that a primary's bytes go into, with `database` selected.
    pub fn following(writer: Writer, log: Log, database: usize) -> Self {
        let tail = Tail { writer: Some(writer), database: Some(database), author: Author::Primary };
        Self { tail: Mutex::new(tail), log }
    }

    /// Appends a unit, selecting its database first where that has changed; returns its end.
    ///
    /// The caller holds the locks of all the data that the unit speaks of, so that the order in the
    /// log is the order in which clients can have seen the effects.
    pub fn append(&self, unit: Unit<'_>) -> Result<Offset, StreamError> {
        let mut tail = self.tail.lock();
        let mut select = Select::default();
        if let Some(database) = unit.database
            && tail.database != Some(database)
        {
            select.write(database);
        }
        let parts = [unit.opening, select.as_bytes(), unit.bytes];
        let end = tail.writer(Author::Own)?.append(&parts)?;
        if unit.database_after.is_some() {
            tail.database = unit.database_after;
        }
        Ok(end)
    }

    /// Appends what is said to replicas and to nobody else, as a `PING`; returns its end.
    ///
    /// Nothing is appended where this server is not the author: it is for the primary to say; nor where
    /// room is short, as no room is made for it, and replicas acknowledge by themselves every second.
    pub fn tell_replicas(&self, command: &[u8]) -> Result<Option<Offset>, StreamError> {
        if self.log.is_short() {
            return Ok(None);
        }
        match self.append(Unit::anywhere(command)) {
            Ok(end) => Ok(Some(end)),
            Err(StreamError::Foreign) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Appends whole units as the primary sent them, and seals; returns their end.
    ///
    /// `database` is the one selected behind them. The caller holds every shard.
    pub fn append_verbatim(&self, bytes: &[u8], database: usize) -> Result<Offset, StreamError> {
        let mut tail = self.tail.lock();
        tail.writer(Author::Primary)?.append(&[bytes])?;
        tail.database = Some(database);
        Ok(tail.seal(&self.log))
    }

    /// Leaves it to a primary what is appended from now on; returns the end, sealed.
    ///
    /// The caller holds every shard: nobody is about to append an effect.
    pub fn follow(&self) -> Offset {
        let mut tail = self.tail.lock();
        tail.author = Author::Primary;
        tail.seal(&self.log)
    }

    /// Takes nothing until [`Self::take_again`]; to be called before anything was appended.
    pub fn withhold(&self) {
        self.tail.lock().author = Author::Nobody;
    }

    /// Takes what this server appends again, unless a primary has become the author.
    pub fn take_again(&self) {
        let mut tail = self.tail.lock();
        if tail.author == Author::Nobody {
            tail.author = Author::Own;
        }
    }

    /// Returns the end, sealed, and the database selected there.
    pub fn end(&self) -> (Offset, usize) {
        let mut tail = self.tail.lock();
        (tail.seal(&self.log), tail.database.unwrap_or(0))
    }

    /// Seals what is written, if anything is; returns an offset that covers all of it.
    pub fn seal(&self) -> Offset {
        if self.log.written() <= self.log.sealed() {
            return self.log.sealed();
        }
        self.tail.lock().seal(&self.log)
    }

    /// [`seal`](Self::seal) for whoever makes it durable next, so that no other thread need wake.
    pub fn seal_unnoticed(&self) -> Offset {
        if self.log.written() <= self.log.sealed() {
            return self.log.sealed();
        }
        let mut tail = self.tail.lock();
        tail.writer.as_mut().map_or_else(|| self.log.sealed(), Writer::seal_unnoticed)
    }

    /// Seals, and tells where the stream ends and which database is selected there.
    ///
    /// With all shards held by the caller this is the one place of a snapshot. The next command
    /// selects its database anew, for those who begin here and do not know what the snapshot says;
    /// unless it is the primary's, who does not know of the cut.
    pub fn cut(&self) -> (Offset, Option<usize>) {
        let mut tail = self.tail.lock();
        let database = match tail.author {
            Author::Own | Author::Nobody => tail.database.take(),
            Author::Primary => tail.database,
        };
        (tail.seal(&self.log), database)
    }

    /// Begins a history of another name at the end of the stream, where nothing is appended meanwhile.
    ///
    /// `record` gets the end and makes the change durable; if it fails, nothing has changed. Where
    /// the history is this server's own, the next command selects its database anew, as a replica
    /// that joins may have selected any.
    pub fn begin_history<E>(
        &self,
        replid: Replid,
        author: Author,
        record: impl FnOnce(Offset) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut tail = self.tail.lock();
        let end = tail.seal(&self.log);
        record(end)?;
        tail.author = author;
        if author == Author::Own {
            tail.database = None;
        }
        if let Some(writer) = &mut tail.writer {
            writer.set_replid(replid);
        }
        Ok(())
    }

    /// Returns the log behind the stream.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Makes everything durable and ends the log in good order; nothing is appended afterwards.
    pub fn close(&self) -> Result<Offset, StreamError> {
        let writer = self.tail.lock().writer.take().ok_or(StreamError::Closed)?;
        Ok(writer.close()?)
    }
}

/// An encoded `SELECT`, kept on the stack.
struct Select {
    bytes: [u8; SELECT_BYTES_MAX],
    len: usize,
}

impl Default for Select {
    fn default() -> Self {
        Self { bytes: [0; SELECT_BYTES_MAX], len: 0 }
    }
}

impl Select {
    fn write(&mut self, database: usize) {
        let (mut digits, mut width) = (itoa::Buffer::new(), itoa::Buffer::new());
        let digits = digits.format(database).as_bytes();
        self.push(b"*2\r\n$6\r\nSELECT\r\n$");
        self.push(width.format(digits.len()).as_bytes());
        self.push(b"\r\n");
        self.push(digits);
        self.push(b"\r\n");
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_select_is_an_array_of_bulk_strings() {
        let mut select = Select::default();
        select.write(7);
        assert_eq!(select.as_bytes(), b"*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n");
        let mut select = Select::default();
        select.write(usize::MAX);
        assert!(select.as_bytes().ends_with(b"$20\r\n18446744073709551615\r\n"));
    }
}
