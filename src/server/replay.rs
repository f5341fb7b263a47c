//! Bringing the keyspace up to date with the log, with as many threads as there are cores.
//!
//! What counts is the order of the commands on each key. So a stretch of commands whose keys lie in
//! one thread's shards each is divided among threads, which apply their own in order; a command that
//! spans the shards of several is applied alone, between two stretches. Nobody looks at the data
//! meanwhile, so transactions need not be seen as a whole.

use std::thread::Builder;

use crate::command::table::{self, Command, flag};
use crate::command::{Events, Host, transaction};
use crate::keyspace::{Keyspace, Locked, ShardSet};
use crate::log::Reader;
use crate::net::{Args, Parsed, Parser, Peer};
use crate::position::Offset;

use super::restore::{Applier, RestoreError, is_for_others};

/// How much of the log is handed to the parser at once; a unit never straddles two pieces.
const PIECE_BYTES: usize = usize::MAX;
/// How many bytes of commands are divided among threads at once; progress is told after each time.
const STRETCH_BYTES: usize = 4 * 1024 * 1024;
/// The keys of so many commands are looked for before the first is applied.
const FETCHED_TOGETHER: usize = 8;
/// So many commands are worth the start of threads.
const THREADS_FROM: usize = 1000;

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

/// What the log held.
#[derive(Clone, Copy, Debug, Default)]
pub struct Replayed {
    /// How many commands.
    pub commands: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The database selected behind them.
    pub database: usize,
}

/// Whether commands that have nothing to do with each other may be applied out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// By as many threads as there are cores, each in its order; after an error some are applied and
    /// others are not.
    Threads,
    /// One after the other; after an error all those before it are applied.
    None,
}

/// What whole units came to.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// The database selected behind them.
    pub database: usize,
    /// How many changes to data.
    pub changes: u64,
}

/// Applies whole units, the first of which stands at `base` of the stream; every shard is held.
///
/// Events of the classes that `events` wants are added to it, also those before an error; some are
/// wanted only where nothing is divided, as their order is that of the stream.
pub fn apply_units(
    locked: &mut Locked<'_>,
    keyspace: &Keyspace,
    host: &dyn Host,
    (units, base): (&[u8], Offset),
    database: usize,
    division: Division,
    events: &mut Events,
) -> Result<Applied, RestoreError> {
    let mut replay = Replay::new(locked, keyspace, host, database, division);
    replay.applier.gather(std::mem::take(events));
    let applied = replay.apply_piece(units, base, &mut |_| ());
    let (database, changes) =
        (replay.applier.database(), replay.changes + replay.applier.changes());
    *events = replay.applier.into_events();
    applied.map(|()| Applied { database, changes })
}

/// Applies a part of the log; every shard is held.
pub fn replay(
    locked: &mut Locked<'_>,
    keyspace: &Keyspace,
    host: &dyn Host,
    stretch: Stretch,
    mut progress: impl FnMut(Offset),
) -> Result<Replayed, RestoreError> {
    let Stretch { mut reader, to, database } = stretch;
    let from = reader.at();
    let mut replay = Replay::new(locked, keyspace, host, database, Division::Threads);
    while let Some(piece) = reader.read(to, PIECE_BYTES)? {
        replay.apply_piece(&piece, piece.offset(), &mut progress)?;
    }
    progress(to);
    let (commands, database) = (replay.commands, replay.applier.database());
    Ok(Replayed { commands, bytes: to.since(from), database })
}

/// The replay of one part of the log.
struct Replay<'r, 'k> {
    locked: &'r mut Locked<'k>,
    keyspace: &'r Keyspace,
    host: &'r dyn Host,
    /// Applies what is not divided, and knows which database is selected.
    applier: Applier<'r>,
    /// The shards of each thread; none where all is applied in its order.
    lanes: Vec<ShardSet>,
    /// Commands to be divided, in their order.
    gathered: Vec<Gathered>,
    commands: u64,
    /// Those that threads have made.
    changes: u64,
}

/// A command whose keys lie in one lane.
#[derive(Clone, Copy)]
struct Gathered {
    /// Where it stands in the piece.
    at: usize,
    lane: usize,
    database: usize,
    /// The hash of its key, if it has one key.
    hash: Option<u64>,
}

impl<'r, 'k> Replay<'r, 'k> {
    fn new(
        locked: &'r mut Locked<'k>,
        keyspace: &'r Keyspace,
        host: &'r dyn Host,
        database: usize,
        division: Division,
    ) -> Self {
        let lanes = match division {
            Division::None => Vec::new(),
            Division::Threads => {
                let threads =
                    std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
                let parts = locked.split(threads);
                let lanes = parts.iter().map(Locked::set).collect();
                locked.rejoin(parts);
                lanes
            }
        };
        let applier = Applier::new(keyspace, host, database);
        let gathered = Vec::new();
        Self { locked, keyspace, host, applier, lanes, gathered, commands: 0, changes: 0 }
    }

    fn apply_piece(
        &mut self,
        piece: &[u8],
        base: Offset,
        progress: &mut impl FnMut(Offset),
    ) -> Result<(), RestoreError> {
        let mut parser = Parser::new(Peer::Upstream, usize::MAX);
        let (mut at, mut told) = (0, 0);
        while at < piece.len() {
            let here = base.advanced(at as u64);
            let parsed = parser.parse(&piece[at..]);
            match parsed {
                Ok(Parsed::Command { consumed }) => {
                    self.take((piece, base), at, parser.args(&piece[at..]))?;
                    at += consumed;
                }
                Ok(Parsed::Empty { consumed }) => at += consumed,
                Ok(Parsed::Incomplete { .. }) => return Err(RestoreError::Incomplete { at: here }),
                Err(error) => return Err(RestoreError::Garbled { at: here, error }),
            }
            if at - told >= STRETCH_BYTES {
                told = at;
                self.apply_gathered(piece, base)?;
                progress(base.advanced(at as u64));
            }
        }
        self.apply_gathered(piece, base)
    }

    /// Gathers a command, or applies it after all those gathered.
    fn take(
        &mut self,
        (piece, base): (&[u8], Offset),
        at: usize,
        args: Args<'_>,
    ) -> Result<(), RestoreError> {
        self.commands += 1;
        let here = base.advanced(at as u64);
        if is_for_others(&args) {
            return Ok(());
        }
        let command = resolve(&args, here)?;
        // A SELECT changes what follows and nothing before.
        if self.lanes.is_empty() || command.name == "select" {
            return self.applier.apply(self.locked, command, args, here);
        }
        let (shards, located) = transaction::shards_of(command, &args, self.keyspace);
        let lane = self.lanes.iter().position(|lane| lane.contains(shards));
        if let Some(lane) = lane.filter(|_| !shards.is_empty()) {
            let hash = located.map(|located| located.key.hash());
            let database = self.applier.database();
            self.gathered.push(Gathered { at, lane, database, hash });
            return Ok(());
        }
        self.apply_gathered(piece, base)?;
        self.applier.apply(self.locked, command, args, here)
    }

    fn apply_gathered(&mut self, piece: &[u8], base: Offset) -> Result<(), RestoreError> {
        let gathered = std::mem::take(&mut self.gathered);
        let selected = self.applier.database();
        let done = if self.lanes.len() > 1 && gathered.len() >= THREADS_FROM {
            self.divide(&gathered, piece, base)
        } else {
            let all = gathered.iter().copied();
            apply_all(&mut self.applier, self.locked, all, piece, base)
        };
        self.applier.select(selected);
        self.gathered = gathered;
        self.gathered.clear();
        done
    }

    fn divide(
        &mut self,
        gathered: &[Gathered],
        piece: &[u8],
        base: Offset,
    ) -> Result<(), RestoreError> {
        let (keyspace, host) = (self.keyspace, self.host);
        let mut parts = self.locked.split(self.lanes.len());
        assert!(parts.iter().map(Locked::set).eq(self.lanes.iter().copied()), "split as before");
        let done = std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for (lane, part) in parts.iter_mut().enumerate() {
                let work = move || {
                    let mut applier = Applier::new(keyspace, host, 0);
                    let own = gathered.iter().copied().filter(|command| command.lane == lane);
                    apply_all(&mut applier, part, own, piece, base)?;
                    Ok::<u64, RestoreError>(applier.changes())
                };
                let thread = Builder::new().name(format!("replay-{lane}"));
                threads.push(thread.spawn_scoped(scope, work).map_err(RestoreError::Thread)?);
            }
            // The first lane that failed tells why; any of them ends the replay.
            threads.into_iter().try_fold(0, |changes, thread| {
                let done = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                done.map(|own| changes + own)
            })
        });
        self.locked.rejoin(parts);
        self.changes += done?;
        Ok(())
    }
}

/// Finds a command that changes data or selects a database: others have no place in a stream, and
/// would reach into the server rather than into its data.
fn resolve(args: &Args<'_>, at: Offset) -> Result<&'static Command, RestoreError> {
    let command =
        table::resolve(args).map_err(|fault| RestoreError::refused(args, at, &fault.text()))?;
    if !command.has(flag::WRITE | flag::KEEPS_RESULT) && command.name != "select" {
        return Err(RestoreError::refused(args, at, "it changes no data"));
    }
    Ok(command)
}

/// Applies commands that were found in the piece to be whole.
fn apply_all(
    applier: &mut Applier<'_>,
    locked: &mut Locked<'_>,
    commands: impl Iterator<Item = Gathered>,
    piece: &[u8],
    base: Offset,
) -> Result<(), RestoreError> {
    let mut parser = Parser::new(Peer::Upstream, usize::MAX);
    let (mut commands, mut next) = (commands, Vec::with_capacity(FETCHED_TOGETHER));
    loop {
        next.clear();
        next.extend(commands.by_ref().take(FETCHED_TOGETHER));
        if next.is_empty() {
            return Ok(());
        }
        // Where their keys are is waited for at once, and not one after the other.
        for Gathered { database, hash, .. } in &next {
            if let Some(hash) = hash {
                locked.db(*database).fetch(*hash);
            }
        }
        apply_some(applier, locked, &mut parser, &next, piece, base)?;
    }
}

fn apply_some(
    applier: &mut Applier<'_>,
    locked: &mut Locked<'_>,
    parser: &mut Parser,
    commands: &[Gathered],
    piece: &[u8],
    base: Offset,
) -> Result<(), RestoreError> {
    for &Gathered { at, database, .. } in commands {
        let (bytes, here) = (&piece[at..], base.advanced(at as u64));
        let Ok(Parsed::Command { .. }) = parser.parse(bytes) else {
            unreachable!("it was parsed before")
        };
        let args = parser.args(bytes);
        applier.select(database);
        applier.apply(locked, resolve(&args, here)?, args, here)?;
    }
    Ok(())
}
