//! Keys that go when more memory is used than `maxmemory` allows.
//!
//! Looked at before each command, and before its shards are locked: whoever finds too much removes
//! keys, one shard held at a time, until there is room or its time is over. Then the command runs all
//! the same, and the clock's thread goes on meanwhile. Each removal is logged as that of a key that
//! has expired, so replicas and restarts follow. A replica leaves all of it to its primary.

mod clients;
mod gauge;
mod pool;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::config::settings::MemoryLimit;
use crate::keyspace::dice::random_bits;
use crate::keyspace::{Entry, ShardSet};

use super::Server;
use super::clock::unix_ms;
use super::pause::Who;
use super::removal::{self, Why};
use super::streams::Appending;

pub use clients::{Helpless, keep_clients, limit_clients, look_again};
pub use gauge::Gauge;
use pool::{Candidate, Facts, Order, Policy, Pool};

/// After how many keys it is looked at whether the time is over.
const KEYS_AT_ONCE: usize = 16;
/// How often a key is looked for, where those that were found are gone before they can be removed.
const ATTEMPTS: usize = 64;
/// What each step of `maxmemory-eviction-tenacity` is worth, up to this one.
const TENACITY_LINEAR_MAX: u32 = 10;
const STEP_US: u64 = 50;
/// By how much each further step lengthens the time.
const STEP_FACTOR: f64 = 1.15;
/// With this tenacity there is no end.
const TENACITY_ENDLESS: u32 = 100;
/// How long the clock's thread leaves the shards to others between two rounds.
const PAUSE: Duration = Duration::from_millis(1);

/// Whether there is room in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Enough,
    /// There will be: what can be removed is being removed.
    Coming,
    /// There is none, and nothing that may be removed.
    None,
}

/// Removes keys on behalf of one thread.
#[derive(Debug, Default)]
pub struct Evictor {
    pool: Pool,
    /// What the candidates are scored by.
    policy: Option<Policy>,
    /// The databases that have keys which may go: to count them costs more than to remove one.
    databases: Vec<usize>,
    /// Where a random key is looked for next, so that all databases have their turn.
    next_database: usize,
    scratch: Vec<u8>,
}

/// Why a key was not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It is gone, or was used meanwhile.
    Missed,
    /// There is none that may go.
    None,
    /// Nothing may be removed now, as nothing may be logged.
    Barred,
}

impl Evictor {
    /// Makes room where more is used than may be; no shard is held by the caller.
    pub fn make_room(&mut self, server: &Server, appending: &mut Appending, now_ms: i64) -> Room {
        let Some(limit) = server.live.memory_bytes_max() else { return Room::Enough };
        if server.memory.used(now_ms) <= limit.get() {
            server.memory.note_excess(false);
            return Room::Enough;
        }
        if is_exempt(server, now_ms) || server.memory.used_for_sure(now_ms) <= limit.get() {
            return Room::Enough;
        }
        let began = Instant::now();
        let room = self.evict(server, appending, &server.settings().memory_limit);
        server.memory.note_excess(room != Room::Enough);
        server.note_event("eviction-cycle", began.elapsed(), now_ms);
        if room == Room::Coming {
            server.memory.unfinished.notify_one();
        }
        room
    }

    /// Removes keys until there is room, or nothing more to remove, or the time is over.
    fn evict(&mut self, server: &Server, appending: &mut Appending, limit: &MemoryLimit) -> Room {
        let Some(policy) = Policy::named(limit.policy) else { return Room::None };
        if self.policy != Some(policy) {
            self.pool.clear();
            self.policy = Some(policy);
        }
        let (began, time) = (Instant::now(), time_of(limit.tenacity));
        let mut count = 0;
        while server.memory.used_now() > limit.bytes {
            if count % KEYS_AT_ONCE == 0 {
                if count > 0 && time.is_some_and(|time| began.elapsed() > time) {
                    return Room::Coming;
                }
                self.list_databases(server, policy);
            }
            let mut evicted = self.evict_one(server, appending, (policy, limit.samples));
            if evicted == Err(Kept::None) {
                // Another database may have got its first key meanwhile.
                self.list_databases(server, policy);
                evicted = self.evict_one(server, appending, (policy, limit.samples));
            }
            match evicted {
                Ok(()) => count += 1,
                // Whatever bars it has its own word for commands that write.
                Err(Kept::Barred) => return Room::Enough,
                Err(_) => return room_left(server, limit.bytes),
            }
        }
        Room::Enough
    }

    fn list_databases(&mut self, server: &Server, policy: Policy) {
        let keyspace = &server.keyspace;
        let has_some = |database: &usize| keyspace.count_among(*database, policy.among) > 0;
        self.databases.clear();
        self.databases.extend((0..keyspace.databases()).filter(has_some));
    }

    /// Removes one key.
    fn evict_one(
        &mut self,
        server: &Server,
        appending: &mut Appending,
        (policy, samples): (Policy, usize),
    ) -> Result<(), Kept> {
        for _ in 0..ATTEMPTS {
            let found = match policy.order {
                Order::Random => self.find_any(server, policy),
                _ => self.find_best(server, policy, samples),
            };
            let found = found.ok_or(Kept::None)?;
            let remove = || self.remove(server, appending, policy, &found);
            let removed = server.timed("eviction-del", remove);
            if removed != Err(Kept::Missed) {
                return removed;
            }
        }
        Err(Kept::Missed)
    }

    /// Finds a key at random, in one database after the other.
    fn find_any(&mut self, server: &Server, policy: Policy) -> Option<Candidate> {
        let keyspace = &server.keyspace;
        for step in 0..self.databases.len() {
            let at = (self.next_database + step) % self.databases.len();
            let database = self.databases[at];
            let Some(shard) = keyspace.pick_shard(database, policy.among) else { continue };
            let mut found = None;
            let mut locked = keyspace.lock(shard);
            locked.db(database).sample(1, random_bits(), policy.among, |entry| {
                found = Some(Candidate { score: 0, database, key: entry.key().to_vec() });
            });
            if found.is_some() {
                self.next_database = at + 1;
                return found;
            }
        }
        None
    }

    /// Samples some keys of each database, and finds the best of them and of those that were kept.
    fn find_best(&mut self, server: &Server, policy: Policy, samples: usize) -> Option<Candidate> {
        let keyspace = &server.keyspace;
        let clock = clock();
        for &database in &self.databases {
            let mut left = samples;
            while left > 0 {
                let Some(shard) = keyspace.pick_shard(database, policy.among) else { break };
                let mut locked = keyspace.lock(shard);
                let pool = &mut self.pool;
                let offer = |entry: Entry<'_>| {
                    let score = policy.order.score(facts(entry), keyspace.usage(), clock);
                    pool.offer(score, database, entry.key());
                };
                let db = locked.db(database);
                left =
                    left.saturating_sub(db.sample(left, random_bits(), policy.among, offer).max(1));
            }
        }
        self.pool.take_best()
    }

    /// Removes a key that was found, unless it has changed since.
    fn remove(
        &mut self,
        server: &Server,
        appending: &mut Appending,
        policy: Policy,
        found: &Candidate,
    ) -> Result<(), Kept> {
        // There may be none to have; it may take a moment, and is not waited for under a lock.
        let stream = appending.refresh(&server.streams).ok_or(Kept::Barred)?;
        stream.log().admission().map_err(|_| Kept::Barred)?;
        let key = server.keyspace.key(&found.key);
        let mut locked = server.keyspace.lock(ShardSet::of(&key));
        // Whose data it is does not change while the shard is held.
        if is_exempt(server, unix_ms()) {
            return Err(Kept::Barred);
        }
        let stream = appending.refresh(&server.streams).ok_or(Kept::Barred)?;
        let database = found.database;
        if !is_still_best(server, policy, locked.db(database).find(&key), found) {
            return Err(Kept::Missed);
        }
        locked.db(database).remove(&key);
        let gone = (database, std::slice::from_ref(&key));
        removal::note((server, stream), &mut locked, gone, Why::Evicted, &mut self.scratch);
        // Its memory is wanted now: it is freed here, and not when the thread for that comes to it.
        let spent = locked.take_spent();
        removal::let_go(server, locked);
        drop(spent);
        server.stats.evicted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Goes on evicting where a command's time was over, until there is room.
pub async fn go_on(server: &Server) {
    let mut evictor = Evictor::default();
    loop {
        server.memory.unfinished.notified().await;
        loop {
            server.pause.awake().await;
            let mut appending = Appending::default();
            let room = evictor.make_room(server, &mut appending, unix_ms());
            if let Some(stream) = server.stream() {
                stream.seal();
            }
            server.hub.ring();
            if room != Room::Coming {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Sets to work where there is more in memory than a new limit allows, and tells so.
pub fn limit_changed(server: &Server) {
    let Some(limit) = server.live.memory_bytes_max() else {
        server.memory.note_excess(false);
        return;
    };
    let used = server.memory.used_for_sure(unix_ms());
    if used > limit.get() {
        tracing::warn!(
            used,
            maxmemory = limit,
            "the new maxmemory is less than what is used: keys are evicted, or writes refused, as \
             maxmemory-policy says"
        );
        server.memory.unfinished.notify_one();
    }
}

/// Tells whether there is room where no key may go: what was removed may not be free yet, as after
/// `FLUSHALL`, or not be known to be.
#[cold]
fn room_left(server: &Server, limit_bytes: u64) -> Room {
    let (waiting, _) = server.bin.counts();
    if waiting > 0 {
        return Room::Coming;
    }
    if server.memory.used_anew() <= limit_bytes { Room::Enough } else { Room::None }
}

/// Tells whether nothing may be evicted now, whatever is used.
fn is_exempt(server: &Server, now_ms: i64) -> bool {
    let live = &server.live;
    live.is_loading()
        || live.is_replica()
        || live.is_doubtful()
        || server.is_ending()
        || server.pause.holds(Who::Writer, now_ms)
}

fn is_still_best(
    server: &Server,
    policy: Policy,
    entry: Option<Entry<'_>>,
    found: &Candidate,
) -> bool {
    let score = |entry| policy.order.score(facts(entry), server.keyspace.usage(), clock());
    entry.is_some_and(|entry| policy.order == Order::Random || score(entry) >= found.score)
}

fn facts(entry: Entry<'_>) -> Facts {
    Facts { accessed: entry.accessed(), expiry: entry.expiry() }
}

fn clock() -> u32 {
    (unix_ms() / 1000) as u32
}

/// How long keys are evicted before a command runs; none for as long as it takes.
fn time_of(tenacity: u32) -> Option<Duration> {
    if tenacity >= TENACITY_ENDLESS {
        return None;
    }
    let linear = Duration::from_micros(STEP_US * u64::from(tenacity.min(TENACITY_LINEAR_MAX)));
    let steps = tenacity.saturating_sub(TENACITY_LINEAR_MAX);
    Some(linear.mul_f64(STEP_FACTOR.powi(steps as i32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_is_a_time_that_grows_steeply_above_ten() {
        assert_eq!(time_of(0), Some(Duration::ZERO));
        assert_eq!(time_of(1), Some(Duration::from_micros(50)));
        assert_eq!(time_of(10), Some(Duration::from_micros(500)));
        assert!(time_of(11) > Some(Duration::from_micros(570)));
        let longest = time_of(99).expect("it ends");
        assert!(longest > Duration::from_secs(100) && longest < Duration::from_secs(200));
        assert_eq!(time_of(100), None);
    }
}
