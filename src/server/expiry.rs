//! Keys whose time is over, which the clock removes whether anybody asks for them or not.
//!
//! Ten times a second all of the keyspace is searched, shard by shard. A search is a sequence of short
//! slices with rests between them, so that however much there is to remove takes a bounded share of one
//! core, and each shard is held for some 64 keys at a time. Each such lot is logged as one `DEL`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::keyspace::{Due, Key, SHARDS, Searched, ShardSet};

use super::clock::unix_ms;
use super::pause::Who;
use super::removal::{self, Why};
use super::{Server, room};

/// How often a search begins, unless one goes on.
const TICK: Duration = Duration::from_millis(100);
/// How long a search rests between two slices; the system may make it more.
const REST: Duration = Duration::from_millis(2);
/// The longest slice, and what the first one takes.
const SLICE_MAX: Duration = Duration::from_millis(2);
/// Which share of the time it works, in percent, with `active-expire-effort 1`.
const SHARE_MIN: u32 = 25;
/// And so much more with each further step.
const SHARE_STEP: u32 = 2;
/// How much a new sample counts in the average of what is due and still there.
const STALE_WEIGHT: f64 = 0.05;
/// What a key takes in the log beyond its bytes, its share of `DEL` included.
const WORD_BYTES: usize = 48;
/// Room that is made for a `DEL`, if not more is needed.
const ROOM_BYTES: u64 = 64 * 1024;

/// A search over all databases and shards, and how far it has come.
#[derive(Debug, Default)]
struct Search {
    database: usize,
    shard: usize,
    /// Where it goes on within the shard.
    place: usize,
    due: Due,
    /// Room that is made for the next `DEL`; none until something is due.
    room_bytes: Option<u64>,
    scratch: Vec<u8>,
    /// Keys that were found and removed.
    removed: u64,
    /// Keys that were passed and expire later.
    passed: u64,
}

/// Why a slice of a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// As its time was over.
    InTime,
    /// As all was searched.
    Finished,
    /// As nothing may be removed now.
    Barred,
}

/// Removes what is due, until the server ends.
pub async fn go_on(server: &Server) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        server.pause.awake().await;
        if !server.live.is_cron_paused() {
            search(server).await;
        }
    }
}

/// Searches once, in slices.
async fn search(server: &Server) {
    let mut search = Search::default();
    let (mut tick, mut slice) = (Instant::now(), SLICE_MAX);
    loop {
        let began = Instant::now();
        let ended = search.go_on(server, began + slice);
        let over = Instant::now();
        let took = over - began;
        server.stats.expiry_us.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
        server.note_event("expire-cycle", took, unix_ms());
        if ended != Ended::InTime {
            break;
        }
        tokio::time::sleep(REST).await;
        slice = slice_after(over.elapsed(), server.settings().active_expire_effort);
        if tick.elapsed() > TICK {
            tick = Instant::now();
            server.stats.expiry_cut_short.fetch_add(1, Ordering::Relaxed);
            search.note_stale(server);
        }
    }
    search.note_stale(server);
}

/// How long a search works after it has rested for so long.
fn slice_after(rested: Duration, effort: u32) -> Duration {
    let share = SHARE_MIN + SHARE_STEP * effort.saturating_sub(1);
    SLICE_MAX.min(rested * share / (100 - share))
}

impl Search {
    /// Goes on for a slice.
    fn go_on(&mut self, server: &Server, until: Instant) -> Ended {
        let removed = self.removed;
        let ended = loop {
            if self.database == server.keyspace.databases() {
                break Ended::Finished;
            }
            if Instant::now() > until {
                break Ended::InTime;
            }
            if server.keyspace.expiring_count(self.database) == 0 {
                (self.shard, self.place) = (SHARDS, 0);
            } else if self.step(server).is_none() {
                break Ended::Barred;
            }
            if self.shard == SHARDS {
                (self.database, self.shard) = (self.database + 1, 0);
            }
        };
        if self.removed > removed {
            if let Some(stream) = server.stream() {
                stream.seal();
            }
            server.hub.ring();
        }
        ended
    }

    /// Removes some keys of one shard; none where nothing may be removed now.
    fn step(&mut self, server: &Server) -> Option<()> {
        let stream = server.stream()?;
        // Without room in the log nothing may change; the keys read as gone all the same. It may take a
        // moment to make, and is not waited for under a lock.
        let _room = match self.room_bytes {
            Some(bytes) => room::make(stream.log(), bytes).ok()?,
            None => None,
        };
        let mut locked = server.keyspace.lock(ShardSet::single(self.shard));
        // Whose data it is does not change while the shard is held.
        if is_barred(server) {
            return None;
        }
        self.due.clear();
        let mut place = self.place;
        let searched = locked.db(self.database).gather_due(unix_ms(), &mut place, &mut self.due);
        let needed = (self.due.bytes() + self.due.len() * WORD_BYTES) as u64;
        if needed > self.room_bytes.unwrap_or(0) {
            self.room_bytes = Some(needed.max(ROOM_BYTES));
            return Some(());
        }
        let keys: Vec<Key<'_>> = self.due.keys().map(|key| server.keyspace.key(key)).collect();
        server.timed("expire-del", || {
            for key in &keys {
                locked.db(self.database).remove(key);
            }
            let gone = (self.database, &*keys);
            removal::note((server, &stream), &mut locked, gone, Why::Expired, &mut self.scratch);
        });
        removal::let_go(server, locked);
        server.stats.expired.fetch_add(keys.len() as u64, Ordering::Relaxed);
        self.removed += keys.len() as u64;
        self.passed += self.due.passed() as u64;
        (self.shard, self.place) = match searched {
            Searched::Part => (self.shard, place),
            Searched::All => (self.shard + 1, 0),
        };
        Some(())
    }

    /// Notes how much of what expires was due, and begins to count anew.
    fn note_stale(&mut self, server: &Server) {
        let (removed, seen) = (self.removed as f64, (self.removed + self.passed) as f64);
        let now = if seen > 0.0 { removed / seen } else { 0.0 };
        server.stats.expiry_stale.note(now, STALE_WEIGHT);
        (self.removed, self.passed) = (0, 0);
    }
}

/// Tells whether nothing may expire into the log now.
fn is_barred(server: &Server) -> bool {
    let live = &server.live;
    !live.active_expiry()
        || live.is_replica()
        || live.is_doubtful()
        || server.is_ending()
        || server.pause.holds(Who::Writer, unix_ms())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_a_share_of_the_time() {
        let after = |effort| slice_after(Duration::from_micros(2400), effort).as_micros();
        assert_eq!((after(1), after(10)), (800, 1810));
        assert!((1..10).all(|effort| after(effort) < after(effort + 1)));
        assert_eq!(slice_after(Duration::from_secs(1), 1), SLICE_MAX);
    }
}
