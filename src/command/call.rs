//! One command being executed: its words, who asks, the data it may touch, where its reply goes.

use crate::keyspace::{
    Db, Entry, Hash, Key, Keyspace, List, Locked, Set, SortedSet, Str, Stream, Value,
};
use crate::net::{args::Args, reply::Reply};

use super::{Classes, Effect, Fault, Host, Session};

/// One command being executed.
///
/// The fields are apart so that a handler can read a value out of [`Self::data`] and write it to
/// [`Self::reply`] without a copy between.
pub struct Call<'c, 'k> {
    /// The command's words; word 0 is its name.
    pub args: Args<'c>,
    /// The key that its shards were found by, if it has only one.
    pub located: Option<LocatedKey<'c>>,
    /// The client on whose behalf it runs.
    pub session: &'c mut Session,
    /// The keys whose shards are locked for it.
    pub data: Data<'c, 'k>,
    /// Where its reply is written.
    pub reply: Reply<'c>,
    /// The server around it.
    pub host: &'c dyn Host,
}

/// A key and the word it is.
#[derive(Clone, Copy, Debug)]
pub struct LocatedKey<'c> {
    /// The word's index.
    pub index: usize,
    /// The key, hashed.
    pub key: Key<'c>,
}

/// Who drives the execution, and so who decides over expired keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A client of a primary: an expired key is gone, and its removal is logged.
    Client,
    /// A client of a replica, or of a primary that may have been replaced: an expired key is not shown,
    /// and stays until the primary removes it.
    Reader,
    /// A client that only reads while writes are held back: an expired key is not shown, and stays.
    Paused,
    /// The log is being applied: a key lives until the log removes it, and nothing is logged.
    Replay,
}

/// The part of the keyspace that a command holds, and what it did to it.
pub struct Data<'c, 'k> {
    /// The whole keyspace: hashes keys, counts them, and is scanned shard by shard.
    pub keyspace: &'c Keyspace,
    /// The shards held.
    pub locked: &'c mut Locked<'k>,
    /// What goes into the replication stream.
    pub effect: &'c mut Effect,
    /// The database that the client has selected.
    pub database: usize,
    /// The time of the command in Unix milliseconds; one transaction sees one time.
    pub now_ms: i64,
    /// Who drives.
    pub mode: Mode,
    /// Whether reads leave the access time alone (`CLIENT NO-TOUCH`).
    pub no_touch: bool,
    /// Counts lookups of reading commands that found a live key.
    pub hits: u64,
    /// Counts lookups of reading commands that found none.
    pub misses: u64,
}

impl<'c> Call<'c, '_> {
    /// Makes sure that an effect can be logged that has so many bytes more than the request.
    ///
    /// To be called before anything changes; whoever is refused changes nothing.
    pub fn make_room(&mut self, bytes: usize) -> Result<(), Fault> {
        // Nothing that is replayed is logged by whoever replays it.
        if self.data.mode == Mode::Replay {
            return Ok(());
        }
        self.data.effect.room.ask(self.host, bytes)
    }

    /// Returns the key in word `index`.
    #[inline]
    pub fn key(&self, index: usize) -> Key<'c> {
        if let Some(located) = self.located
            && located.index == index
        {
            return located.key;
        }
        let words: &'c [u8] = self.args.word(index);
        self.data.keyspace.key(words)
    }
}

impl<'k> Data<'_, 'k> {
    /// Lends the data to a command that runs as a part of this one, with an effect of its own.
    pub fn lend<'l>(&'l mut self, effect: &'l mut Effect, database: usize) -> Data<'l, 'k> {
        Data {
            keyspace: self.keyspace,
            locked: &mut *self.locked,
            effect,
            database,
            now_ms: self.now_ms,
            mode: self.mode,
            no_touch: self.no_touch,
            hits: 0,
            misses: 0,
        }
    }
}

impl Data<'_, '_> {
    /// Views the selected database.
    pub fn db(&mut self) -> Db<'_> {
        self.locked.db(self.database)
    }

    /// The seconds that entries note as their access time.
    pub fn clock(&self) -> u32 {
        (self.now_ms / 1000) as u32
    }

    /// Finds a live key for a reading command: counts the hit or miss and notes the access.
    #[inline]
    pub fn read(&mut self, key: &Key<'_>) -> Option<Entry<'_>> {
        if self.hides(self.database, key) {
            self.missed(key);
            return None;
        }
        let clock = self.clock();
        let db = self.locked.db(self.database);
        let entry = if self.no_touch { db.into_entry(key) } else { db.into_used_entry(key, clock) };
        if entry.is_some() {
            self.hits += 1;
        } else {
            self.misses += 1;
            note_miss(self.effect, self.database, key);
        }
        entry
    }

    /// Counts a lookup that found nothing, and has those told who want to be.
    pub fn missed(&mut self, key: &Key<'_>) {
        self.misses += 1;
        note_miss(self.effect, self.database, key);
    }

    /// Finds a live key without counting or noting anything.
    #[inline]
    pub fn peek(&mut self, key: &Key<'_>) -> Option<Entry<'_>> {
        if self.hides(self.database, key) {
            return None;
        }
        self.locked.db(self.database).into_entry(key)
    }

    /// Finds a live string for a reading command.
    pub fn read_string(&mut self, key: &Key<'_>) -> Result<Option<Str<'_>>, Fault> {
        self.read(key).map(|entry| string_in(&entry)).transpose()
    }

    /// Finds a live hash for a reading command.
    pub fn read_hash(&mut self, key: &Key<'_>) -> Result<Option<Hash<'_>>, Fault> {
        self.read(key).map(|entry| hash_in(&entry)).transpose()
    }

    /// Finds a live list for a reading command.
    pub fn read_list(&mut self, key: &Key<'_>) -> Result<Option<List<'_>>, Fault> {
        self.read(key).map(|entry| list_in(&entry)).transpose()
    }

    /// Finds a live set for a reading command.
    pub fn read_set(&mut self, key: &Key<'_>) -> Result<Option<Set<'_>>, Fault> {
        self.read(key).map(|entry| set_in(&entry)).transpose()
    }

    /// Finds a live sorted set for a reading command.
    pub fn read_sorted_set(&mut self, key: &Key<'_>) -> Result<Option<SortedSet<'_>>, Fault> {
        self.read(key).map(|entry| sorted_set_in(&entry)).transpose()
    }

    /// Finds a live stream for a reading command.
    pub fn read_stream(&mut self, key: &Key<'_>) -> Result<Option<&Stream>, Fault> {
        self.read(key).map(|entry| stream_in(&entry)).transpose()
    }

    /// Finds a live string for a writing command.
    pub fn peek_string(&mut self, key: &Key<'_>) -> Result<Option<Str<'_>>, Fault> {
        self.peek(key).map(|entry| string_in(&entry)).transpose()
    }

    /// Finds a live string for a writing command that may find nothing to do, and notes the use.
    ///
    /// Says how the string is kept too, as writing to it may change that.
    pub fn use_string(&mut self, key: &Key<'_>) -> Result<Option<(Str<'_>, &'static str)>, Fault> {
        if self.hides(self.database, key) {
            return Ok(None);
        }
        let clock = self.clock();
        let entry = self.locked.db(self.database).into_used_entry(key, clock);
        entry.map(|entry| Ok((string_in(&entry)?, entry.encoding()))).transpose()
    }

    /// Replaces the integer that a live key holds; see [`Db::change_int`].
    #[inline]
    pub fn change_int(
        &mut self,
        key: &Key<'_>,
        change: impl FnOnce(i64) -> Result<i64, Fault>,
    ) -> Option<Result<i64, Fault>> {
        if self.hides(self.database, key) {
            return None;
        }
        let clock = self.clock();
        self.locked.db(self.database).change_int(key, clock, change)
    }

    /// Finds a live hash for a writing command.
    pub fn peek_hash(&mut self, key: &Key<'_>) -> Result<Option<Hash<'_>>, Fault> {
        self.peek(key).map(|entry| hash_in(&entry)).transpose()
    }

    /// Finds a live list for a writing command.
    pub fn peek_list(&mut self, key: &Key<'_>) -> Result<Option<List<'_>>, Fault> {
        self.peek(key).map(|entry| list_in(&entry)).transpose()
    }

    /// Finds a live set for a writing command.
    pub fn peek_set(&mut self, key: &Key<'_>) -> Result<Option<Set<'_>>, Fault> {
        self.peek(key).map(|entry| set_in(&entry)).transpose()
    }

    /// Finds a live sorted set for a writing command.
    pub fn peek_sorted_set(&mut self, key: &Key<'_>) -> Result<Option<SortedSet<'_>>, Fault> {
        self.peek(key).map(|entry| sorted_set_in(&entry)).transpose()
    }

    /// Finds a live stream for a writing command.
    pub fn peek_stream(&mut self, key: &Key<'_>) -> Result<Option<&Stream>, Fault> {
        self.peek(key).map(|entry| stream_in(&entry)).transpose()
    }

    /// Tells whether the key exists and has not expired; an expired one is removed and logged.
    pub fn is_live(&mut self, key: &Key<'_>) -> bool {
        self.is_live_in(self.database, key)
    }

    /// Does what [`Self::is_live`] does in another database.
    pub fn is_live_in(&mut self, database: usize, key: &Key<'_>) -> bool {
        !self.hides(database, key) && self.locked.db(database).contains(key)
    }

    /// Tells whether a key that is there is not to be shown, as its time has passed.
    ///
    /// On a primary it is removed instead, and that is logged.
    #[inline]
    fn hides(&mut self, database: usize, key: &Key<'_>) -> bool {
        if self.mode == Mode::Replay || !self.locked.db(database).has_expired(key, self.now_ms) {
            return false;
        }
        if matches!(self.mode, Mode::Reader | Mode::Paused) {
            return true;
        }
        let began = self.effect.removals.begin();
        self.locked.db(database).remove(key);
        self.locked.touched(database, key);
        self.effect.expired(database, key.bytes());
        self.effect.removals.end(began);
        false
    }

    /// Notes that the command changed `key` of the selected database.
    ///
    /// Transactions that watch the key will fail, and the request goes into the replication stream
    /// unless the command puts something else there with [`Effect::rewrite`].
    pub fn changed(&mut self, key: &Key<'_>) {
        self.changed_in(self.database, key);
    }

    /// Notes `count` changes of a key that nobody waits for: what it holds did not become more.
    pub fn changed_unawaited(&mut self, key: &Key<'_>, count: u64) {
        self.locked.db(self.database).touched(key);
        self.outdated(self.database, key);
        self.effect.changed(count);
    }

    /// Does what [`Self::changed`] does for a key of another database.
    pub fn changed_in(&mut self, database: usize, key: &Key<'_>) {
        self.touched_in(database, key);
        self.effect.changed(1);
    }

    /// Notes that `key` of a database is not what it was, for those who watch it, wait for it or hold a
    /// copy; for the stream and for what is counted nothing is noted.
    pub fn touched_in(&mut self, database: usize, key: &Key<'_>) {
        self.locked.touched(database, key);
        self.outdated(database, key);
    }

    /// Notes that copies of `key` are out of date.
    #[inline]
    fn outdated(&mut self, database: usize, key: &Key<'_>) {
        if self.effect.events.wanted().has(Classes::CHANGED) {
            self.effect.note(Classes::CHANGED, "", database, key.bytes());
        }
    }

    /// Has those who subscribe to events of this class told what was done to `key`.
    ///
    /// If the key was created, that is told first.
    #[inline]
    pub fn notify(&mut self, class: Classes, name: &'static str, key: &Key<'_>) {
        self.notify_in(class, name, self.database, key);
    }

    /// Does what [`Self::notify`] does for a key of another database.
    #[inline]
    pub fn notify_in(
        &mut self,
        class: Classes,
        name: &'static str,
        database: usize,
        key: &Key<'_>,
    ) {
        if self.has_listeners() {
            self.note_new(database, key);
            self.effect.note(class, name, database, key.bytes());
        }
    }

    /// Has those told that `key` was created, if it was, before what else is told of the command.
    #[inline]
    pub fn notify_new_in(&mut self, database: usize, key: &Key<'_>) {
        if self.has_listeners() {
            self.note_new(database, key);
        }
    }

    /// Tells whether anybody is to be told what is done to keys.
    #[inline]
    pub fn has_listeners(&self) -> bool {
        !self.effect.events.wanted().is_empty()
    }

    #[cold]
    fn note_new(&mut self, database: usize, key: &Key<'_>) {
        if self.locked.take_created() {
            self.effect.note(Classes::NEW, "new", database, key.bytes());
        }
    }
}

/// Has those told who want to hear of keys that are looked for and not there.
#[inline]
fn note_miss(effect: &mut Effect, database: usize, key: &Key<'_>) {
    if effect.events.wanted().has(Classes::MISS) {
        effect.note(Classes::MISS, "keymiss", database, key.bytes());
    }
}

fn string_in<'e>(entry: &Entry<'e>) -> Result<Str<'e>, Fault> {
    match entry.value() {
        Value::String(string) => Ok(string),
        _ => Err(Fault::WRONG_TYPE),
    }
}

fn hash_in<'e>(entry: &Entry<'e>) -> Result<Hash<'e>, Fault> {
    match entry.value() {
        Value::Hash(hash) => Ok(hash),
        _ => Err(Fault::WRONG_TYPE),
    }
}

fn list_in<'e>(entry: &Entry<'e>) -> Result<List<'e>, Fault> {
    match entry.value() {
        Value::List(list) => Ok(list),
        _ => Err(Fault::WRONG_TYPE),
    }
}

fn set_in<'e>(entry: &Entry<'e>) -> Result<Set<'e>, Fault> {
    match entry.value() {
        Value::Set(set) => Ok(set),
        _ => Err(Fault::WRONG_TYPE),
    }
}

fn sorted_set_in<'e>(entry: &Entry<'e>) -> Result<SortedSet<'e>, Fault> {
    match entry.value() {
        Value::SortedSet(sorted_set) => Ok(sorted_set),
        _ => Err(Fault::WRONG_TYPE),
    }
}

fn stream_in<'e>(entry: &Entry<'e>) -> Result<&'e Stream, Fault> {
    match entry.value() {
        Value::Stream(stream) => Ok(stream),
        _ => Err(Fault::WRONG_TYPE),
    }
}
