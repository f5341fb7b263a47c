//! Applying the commands of the stream to the keyspace, and what can go wrong at restoring it.

use std::sync::Arc;

use crate::command::table::Command;
use crate::command::{Call, ClientInfo, Data, Effect, Events, Fault, Host, Mode, Session};
use crate::keyspace::{Keyspace, Locked};
use crate::log::ReadError;
use crate::net::{Args, Protocol, ProtocolError, Reply};
use crate::number::parse_i64_strict;
use crate::position::Offset;
use crate::snapshot::rdb::DecodeError;

use super::clock::unix_ms;

/// Why the data could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The snapshot cannot be read.
    #[error("the snapshot is unreadable: {0}")]
    Snapshot(#[from] DecodeError),
    /// The snapshot speaks of a database that is not configured.
    #[error(
        "the snapshot holds database {database}, but only {databases} are configured (directive databases)"
    )]
    Database {
        /// The database.
        database: u64,
        /// How many there are.
        databases: usize,
    },
    /// The snapshot holds a library of functions that cannot be loaded.
    #[error("the snapshot holds a library of functions that cannot be loaded: {reply}")]
    Library {
        /// The error.
        reply: String,
    },
    /// The log works in a database that is not configured.
    #[error(
        "the log works in database {database} at offset {at}, but only {databases} are configured \
         (directive databases)"
    )]
    LogDatabase {
        /// The database.
        database: u64,
        /// Where.
        at: Offset,
        /// How many there are.
        databases: usize,
    },
    /// A thread that loads or replays could not be started.
    #[error("cannot start a thread to restore the data: {0}")]
    Thread(#[source] std::io::Error),
    /// The log does not hold what is needed.
    #[error("the log cannot be replayed: {0}")]
    Log(#[from] ReadError),
    /// The log holds something that is no command.
    #[error("the log is not a stream of commands at offset {at}: {error}")]
    Garbled {
        /// Where.
        at: Offset,
        /// The parser's word.
        error: ProtocolError,
    },
    /// The log ends within a command.
    #[error("the log ends within the command at offset {at}")]
    Incomplete {
        /// Where.
        at: Offset,
    },
    /// A command in the log cannot be applied.
    #[error("the command '{command}' at offset {at} of the log cannot be applied: {reply}")]
    Refused {
        /// Its name.
        command: String,
        /// Where.
        at: Offset,
        /// The error.
        reply: String,
    },
}

/// Applies commands of a stream, one after the other.
///
/// The keys live until the stream removes them, whatever the clock says, and nothing is logged anew.
pub struct Applier<'k> {
    keyspace: &'k Keyspace,
    host: &'k dyn Host,
    session: Session,
    effect: Effect,
    reply: Vec<u8>,
    now_ms: i64,
    changes: u64,
    /// What was done to keys, as far as anybody is to be told.
    events: Events,
}

impl<'k> Applier<'k> {
    /// Begins in a database.
    pub fn new(keyspace: &'k Keyspace, host: &'k dyn Host, database: usize) -> Self {
        let mut session = nobody();
        session.database = database;
        Self {
            keyspace,
            host,
            session,
            effect: Effect::default(),
            reply: Vec::new(),
            now_ms: unix_ms(),
            changes: 0,
            events: Events::default(),
        }
    }

    /// The database that the next command works in.
    pub fn database(&self) -> usize {
        self.session.database
    }

    /// Counts the changes to data so far.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Has events gathered from now on, behind those in `events`.
    pub fn gather(&mut self, events: Events) {
        self.effect.events.want(events.wanted());
        self.events = events;
    }

    /// Returns the events gathered.
    pub fn into_events(self) -> Events {
        self.events
    }

    /// Selects the database that the next command works in.
    pub fn select(&mut self, database: usize) {
        self.session.database = database;
    }

    /// Applies the command that stands at `at` of the stream; its shards are held.
    pub fn apply(
        &mut self,
        locked: &mut Locked<'_>,
        command: &'static Command,
        args: Args<'_>,
        at: Offset,
    ) -> Result<(), RestoreError> {
        let Some(handler) = command.handler else {
            return Err(RestoreError::refused(&args, at, "it is no command"));
        };
        self.effect.clear();
        self.reply.clear();
        locked.take_created();
        let database = self.session.database;
        let mut call = Call {
            args,
            located: None,
            data: Data {
                keyspace: self.keyspace,
                locked,
                effect: &mut self.effect,
                database,
                now_ms: self.now_ms,
                mode: Mode::Replay,
                no_touch: false,
                hits: 0,
                misses: 0,
            },
            reply: Reply::new(&mut self.reply, Protocol::Resp2),
            session: &mut self.session,
            host: self.host,
        };
        let databases = self.keyspace.databases();
        let failed = |fault: Fault| match selected(command, &args) {
            Some(database) => RestoreError::LogDatabase { database, at, databases },
            None => RestoreError::refused(&args, at, &fault.text()),
        };
        let result = handler(&mut call).map(drop).map_err(failed);
        for value in locked.take_spent().into_iter().flat_map(|spent| *spent) {
            self.host.drop_later(Box::new(value));
        }
        result?;
        self.changes += self.effect.changes();
        self.events.absorb(&self.effect.events, 0);
        Ok(())
    }
}

/// Tells whether a command in the stream says something to others and changes no data here.
///
/// It is stored and passed on like all others. Some are not in the table: what is none of this
/// server's business need not be known to it.
pub fn is_for_others(args: &Args<'_>) -> bool {
    const NAMES: [&[u8]; 7] =
        [b"ping", b"multi", b"exec", b"replconf", b"publish", b"spublish", b"script"];
    args.get(0).is_some_and(|name| NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// The database that a SELECT names: a primary logs none but those it has.
fn selected(command: &Command, args: &Args<'_>) -> Option<u64> {
    let name = args.get(1).filter(|_| command.name == "select")?;
    u64::try_from(parse_i64_strict(name)?).ok()
}

impl RestoreError {
    /// Where in the stream the command stands that could not be applied, if it was one.
    pub fn at(&self) -> Option<Offset> {
        match self {
            Self::LogDatabase { at, .. }
            | Self::Garbled { at, .. }
            | Self::Incomplete { at }
            | Self::Refused { at, .. } => Some(*at),
            Self::Snapshot(_)
            | Self::Database { .. }
            | Self::Library { .. }
            | Self::Thread(_)
            | Self::Log(_) => None,
        }
    }

    /// Leaves out what a client may have written, but for the name of its command.
    #[must_use]
    pub fn without_user_data(self) -> Self {
        let Self::Refused { command, at, reply } = self else { return self };
        let reply = Fault::of(reply).code().to_owned();
        Self::Refused { command, at, reply }
    }

    /// Says that a command cannot be applied.
    pub fn refused(args: &Args<'_>, at: Offset, reply: &str) -> Self {
        let command = args.get(0).unwrap_or_default();
        let (command, reply) = (String::from_utf8_lossy(command).into_owned(), reply.to_owned());
        Self::Refused { command, at, reply }
    }
}

/// The session of the log itself.
fn nobody() -> Session {
    Session::new(Arc::new(ClientInfo::new(0, String::new(), String::new(), 0)))
}
