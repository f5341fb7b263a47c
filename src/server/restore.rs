//! Bringing the keyspace up to date with the log: what follows the snapshot is applied in order.

use std::sync::Arc;

use crate::command::table;
use crate::command::{Call, ClientInfo, Data, Effect, Host, Mode, Session};
use crate::keyspace::{Keyspace, Locked};
use crate::log::{ReadError, Reader};
use crate::net::{Args, Parsed, Parser, Peer, Protocol, ProtocolError, Reply};
use crate::position::Offset;
use crate::snapshot::rdb::DecodeError;

use super::clock::unix_ms;

/// How much of the log is handed to the parser at once; a unit never straddles two pieces.
const PIECE_BYTES: usize = usize::MAX;
/// Progress is told after so many bytes.
const PROGRESS_BYTES: u64 = 4 * 1024 * 1024;

/// What the log held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Replayed {
    /// How many commands.
    pub commands: u64,
    /// How many bytes.
    pub bytes: u64,
}

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
    /// The threads that load could not be started.
    #[error("cannot start a thread to load the snapshot: {0}")]
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

/// A part of the log.
#[derive(Debug)]
pub struct Stretch {
    /// What reads it: placed at a command.
    pub reader: Reader,
    /// Where it ends.
    pub to: Offset,
    /// The database selected at the beginning.
    pub database: usize,
}

/// Applies a part of the log.
///
/// The keys live until the log removes them, whatever the clock says, and nothing is logged anew.
pub fn replay(
    locked: &mut Locked<'_>,
    keyspace: &Keyspace,
    host: &dyn Host,
    stretch: Stretch,
    mut progress: impl FnMut(Offset),
) -> Result<Replayed, RestoreError> {
    let Stretch { mut reader, to, database } = stretch;
    let from = reader.at();
    let mut applier = Applier::new(database);
    let mut told = from;
    while let Some(piece) = reader.read(to, PIECE_BYTES)? {
        applier.apply_piece(locked, keyspace, host, &piece, piece.offset())?;
        if piece.end().since(told) >= PROGRESS_BYTES {
            told = piece.end();
            progress(told);
        }
    }
    progress(to);
    Ok(Replayed { commands: applier.commands, bytes: to.since(from) })
}

/// Applies commands of a stream.
struct Applier {
    session: Session,
    effect: Effect,
    reply: Vec<u8>,
    commands: u64,
    now_ms: i64,
}

impl Applier {
    fn new(database: usize) -> Self {
        let mut session = nobody();
        session.database = database;
        Self {
            session,
            effect: Effect::default(),
            reply: Vec::new(),
            commands: 0,
            now_ms: unix_ms(),
        }
    }

    fn apply_piece(
        &mut self,
        locked: &mut Locked<'_>,
        keyspace: &Keyspace,
        host: &dyn Host,
        piece: &[u8],
        base: Offset,
    ) -> Result<(), RestoreError> {
        let mut parser = Parser::new(Peer::Upstream, usize::MAX);
        let mut at = 0;
        while at < piece.len() {
            let here = base.advanced(at as u64);
            match parser.parse(&piece[at..]) {
                Ok(Parsed::Command { consumed }) => {
                    let args = parser.args(&piece[at..]);
                    self.apply(locked, keyspace, host, args, here)?;
                    at += consumed;
                }
                Ok(Parsed::Empty { consumed }) => at += consumed,
                Ok(Parsed::Incomplete { .. }) => return Err(RestoreError::Incomplete { at: here }),
                Err(error) => return Err(RestoreError::Garbled { at: here, error }),
            }
        }
        Ok(())
    }

    fn apply(
        &mut self,
        locked: &mut Locked<'_>,
        keyspace: &Keyspace,
        host: &dyn Host,
        args: Args<'_>,
        at: Offset,
    ) -> Result<(), RestoreError> {
        self.commands += 1;
        let refused = |reply: String| RestoreError::Refused {
            command: String::from_utf8_lossy(&args[0]).into_owned(),
            at,
            reply,
        };
        let command = table::resolve(&args).map_err(|fault| refused(fault.text().into_owned()))?;
        // These say something to replicas and change no data.
        if matches!(command.name, "multi" | "exec" | "ping" | "replconf") {
            return Ok(());
        }
        let handler = command.handler.ok_or_else(|| refused("it is no command".to_owned()))?;
        self.effect.clear();
        self.reply.clear();
        let database = self.session.database;
        let mut call = Call {
            args,
            located: None,
            data: Data {
                keyspace,
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
            host,
        };
        handler(&mut call).map_err(|fault| refused(fault.text().into_owned()))?;
        Ok(())
    }
}

/// The session of the log itself.
fn nobody() -> Session {
    Session::new(Arc::new(ClientInfo::new(0, String::new(), String::new(), 0)), true)
}
