//! Filling the keyspace from a snapshot, with as many threads as there are cores.
//!
//! One thread cuts the file into entries without looking into their values, and gathers them by the
//! shard of their keys, for the thread that holds it. So every thread has its shards for itself: none
//! waits for another, and what several of them look up lies in different memory. What a thread gets
//! at once is of one shard, a small part of the memory, and it goes through that in its order.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, ScopedJoinHandle};

use crate::command::scripting::function::load_library;
use crate::command::stored::{self, Duplicate};
use crate::keyspace::{Db, Keyspace, Locked};
use crate::number::parse_i64_strict;
use crate::script::Cache;
use crate::script::functions::{Existing, LoadTime, Set};
use crate::snapshot::rdb::{DecodeError, Decoder, Entry, Item, Limits, Raw, RawItem, Run};

use super::clock::unix_ms;
use super::restore::RestoreError;

/// Progress is told after so many bytes.
const PROGRESS_BYTES: u64 = 4 * 1024 * 1024;
/// So many bytes of entries are gathered for a shard; an entry is never divided.
const RUN_BYTES: usize = 64 * 1024;
/// How much may wait for all threads together; whoever cuts the file waits when there is more.
const TASKS_MAX: usize = 16;
/// How much may wait for one thread, however many there are.
const LANE_TASKS_MIN: usize = 2;
/// A hint at the number of keys is believed as far as each may have taken so few bytes.
const KEY_BYTES_MIN: u64 = 3;

/// What a snapshot held.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// How many keys.
    pub keys: u64,
    /// The checksum of its contents.
    pub checksum: u64,
    /// Where in the file it ends.
    pub bytes: u64,
    /// The version of its format.
    pub version: u32,
    /// The database that the stream has selected behind it, as far as it says.
    pub stream_db: u64,
    /// The libraries of functions.
    pub libraries: Arc<Set>,
}

/// What one thread does next.
enum Task {
    /// Make room for so many keys in all shards together.
    Reserve { database: usize, keys: usize },
    /// Enter these.
    Fill { database: usize, run: Run },
}

/// What is gathered for a shard, and the thread that has it.
struct Gathering {
    run: Run,
    tasks: SyncSender<Task>,
}

/// Why the file is not cut to its end.
enum Stop {
    /// A thread has ended before its time: it knows why.
    Gone,
    Failed(RestoreError),
}

impl<E: Into<RestoreError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Loads a snapshot of `bytes` into databases that are empty; every shard is held.
///
/// Its libraries of functions are loaded as `scripts` has them run, and not put into force.
pub fn load(
    locked: &mut Locked<'_>,
    (keyspace, scripts): (&Keyspace, &Cache),
    reader: impl Read,
    bytes: u64,
    progress: impl FnMut(u64),
) -> Result<Loaded, RestoreError> {
    let decoder = Decoder::new(reader, Limits::default())?;
    let version = decoder.version();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut parts = locked.split(threads);
    let tasks_max = (TASKS_MAX / threads).max(LANE_TASKS_MIN);
    let loaded = std::thread::scope(|scope| {
        let (mut shards, mut lanes) = (Vec::new(), Vec::new());
        let mut fillers = Vec::new();
        for (index, part) in parts.iter_mut().enumerate() {
            let (tasks, inbox) = sync_channel(tasks_max);
            shards.extend(part.set().iter().map(|_| {
                let run = Run::new(decoder.version(), Limits::default());
                Gathering { run, tasks: tasks.clone() }
            }));
            lanes.push(tasks);
            let filler = Builder::new()
                .name(format!("load-{index}"))
                .spawn_scoped(scope, move || fill(part, keyspace, &inbox));
            fillers.push(filler.map_err(RestoreError::Thread)?);
        }
        let keys_max = bytes / KEY_BYTES_MIN;
        let (database, stream_db, libraries) = (0, 0, Set::default());
        let mut cutting =
            Cutting { keyspace, scripts, shards, lanes, database, keys_max, stream_db, libraries };
        let cut = cutting.run(decoder, progress);
        let stream_db = cutting.stream_db;
        let libraries = Arc::new(std::mem::take(&mut cutting.libraries));
        drop(cutting);
        let keys = fillers.into_iter().map(join).sum::<Result<u64, DecodeError>>()?;
        match cut {
            Ok((checksum, bytes)) => {
                Ok(Loaded { keys, checksum, bytes, version, stream_db, libraries })
            }
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Gone) => unreachable!("the thread that has ended would have said why"),
        }
    });
    locked.rejoin(parts);
    loaded
}

fn join(filler: ScopedJoinHandle<'_, Result<u64, DecodeError>>) -> Result<u64, DecodeError> {
    filler.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Handing the entries of a file to those who enter them.
struct Cutting<'k> {
    keyspace: &'k Keyspace,
    scripts: &'k Cache,
    /// By the number of the shard.
    shards: Vec<Gathering>,
    /// To each thread.
    lanes: Vec<SyncSender<Task>>,
    /// The one whose entries are being read.
    database: usize,
    /// The most keys that the file can hold.
    keys_max: u64,
    stream_db: u64,
    libraries: Set,
}

impl Cutting<'_> {
    /// Goes through the file; returns its checksum and where it ends.
    fn run<R: Read>(
        &mut self,
        mut decoder: Decoder<R>,
        mut progress: impl FnMut(u64),
    ) -> Result<(u64, u64), Stop> {
        let mut told = 0;
        loop {
            let consumed = decoder.consumed();
            if consumed - told >= PROGRESS_BYTES {
                told = consumed;
                progress(consumed);
            }
            // Moving what comes out would wait, key by key, until it has been written to memory.
            match decoder.next_raw() {
                Ok(RawItem::Entry(ref raw)) => self.hand(raw)?,
                Ok(RawItem::Other(Item::SelectDb(index))) => self.select(index)?,
                Ok(RawItem::Other(Item::ResizeDb { keys, .. })) => self.reserve(keys)?,
                Ok(RawItem::Other(Item::Aux { key, value })) => self.note(key, value),
                Ok(RawItem::Other(Item::Function(source))) => self.add_library(source)?,
                Ok(RawItem::Other(Item::Entry(_))) => {}
                Ok(RawItem::Other(Item::Eof { checksum })) => {
                    let end = decoder.consumed();
                    progress(end);
                    self.flush()?;
                    return Ok((checksum, end));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn note(&mut self, key: &[u8], value: &[u8]) {
        if key == b"repl-stream-db" {
            self.stream_db = parse_i64_strict(value).and_then(|db| db.try_into().ok()).unwrap_or(0);
        }
    }

    fn add_library(&mut self, source: &[u8]) -> Result<(), RestoreError> {
        let library = load_library(self.scripts, source, LoadTime::OfStream);
        let added = library.and_then(|library| self.libraries.add(library, Existing::Stays));
        added.map_err(|text| RestoreError::Library {
            reply: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    fn hand(&mut self, raw: &Raw<'_>) -> Result<(), Stop> {
        let key = self.keyspace.key(raw.key);
        let shard = &mut self.shards[key.shard()];
        shard.run.push(raw, key.hash());
        if shard.run.bytes() >= RUN_BYTES { shard.flush(self.database) } else { Ok(()) }
    }

    fn select(&mut self, index: u64) -> Result<(), Stop> {
        self.flush()?;
        let databases = self.keyspace.databases();
        self.database = usize::try_from(index)
            .ok()
            .filter(|index| *index < databases)
            .ok_or(RestoreError::Database { database: index, databases })?;
        Ok(())
    }

    fn reserve(&self, keys: u64) -> Result<(), Stop> {
        let (database, keys) = (self.database, keys.min(self.keys_max) as usize);
        let reserve = |tasks| send(tasks, Task::Reserve { database, keys });
        self.lanes.iter().try_for_each(reserve)
    }

    /// Hands over all that is gathered, to each thread in turn, so that none waits for another's.
    fn flush(&mut self) -> Result<(), Stop> {
        let (database, shards) = (self.database, self.shards.len());
        let each = shards.div_ceil(self.lanes.len());
        let mut turns = (0..each).flat_map(|first| (first..shards).step_by(each));
        turns.try_for_each(|shard| self.shards[shard].flush(database))
    }
}

impl Gathering {
    fn flush(&mut self, database: usize) -> Result<(), Stop> {
        if self.run.is_empty() {
            return Ok(());
        }
        let run = self.run.take(RUN_BYTES + RUN_BYTES / 4);
        send(&self.tasks, Task::Fill { database, run })
    }
}

fn send(tasks: &SyncSender<Task>, task: Task) -> Result<(), Stop> {
    tasks.send(task).map_err(|_| Stop::Gone)
}

/// Enters what comes, until nothing more does; returns how many keys there were.
fn fill(
    part: &mut Locked<'_>,
    keyspace: &Keyspace,
    inbox: &Receiver<Task>,
) -> Result<u64, DecodeError> {
    let clock = (unix_ms() / 1000) as u32;
    let mut count = 0;
    for task in inbox {
        match task {
            Task::Reserve { database, keys } => part.reserve(database, keys),
            Task::Fill { database, run } => {
                let db = &mut part.db(database);
                count += run.len() as u64;
                run.decode(db, Db::fetch, |db, entry| enter(db, keyspace, entry, clock))?;
            }
        }
    }
    (0..keyspace.databases()).for_each(|database| part.fit(database));
    Ok(count)
}

fn enter(
    db: &mut Db<'_>,
    keyspace: &Keyspace,
    entry: &Entry<'_>,
    clock: u32,
) -> Result<(), DecodeError> {
    if entry.value.is_empty() {
        tracing::info!(key = %entry.key.escape_ascii(), "a key without elements is left out");
        return Ok(());
    }
    let key = keyspace.key(entry.key);
    stored::put(db, &key, &entry.value, entry.expiry_ms, clock)
        .map_err(|Duplicate(what)| DecodeError::Duplicate { what, key: entry.key.to_vec() })
}
