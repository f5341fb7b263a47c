//! The replicas that are fed: who they are, how far they are, and what they hold in the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::position::Offset;

use super::resyncs::Resync;

/// What a replica's connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedState {
    /// It waits for a snapshot to be made.
    WaitSnapshot,
    /// The snapshot is being sent.
    SendSnapshot,
    /// The stream is being sent.
    Online,
}

impl FeedState {
    /// Returns the word that `INFO` shows.
    pub fn word(self) -> &'static str {
        match self {
            Self::WaitSnapshot => "wait_bgsave",
            Self::SendSnapshot => "send_bulk",
            Self::Online => "online",
        }
    }
}

/// What kind of server a replica is, as far as it said so before it asked for the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaKind {
    /// One of ours.
    Backlogd,
    /// Any other that named its capabilities, as stock servers do.
    Redis,
    /// It said nothing of itself.
    Unknown,
}

impl ReplicaKind {
    /// Returns the word that `INFO` shows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Backlogd => "backlogd",
            Self::Redis => "redis",
            Self::Unknown => "unknown",
        }
    }
}

/// What a replica said of itself before it asked for the stream.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// The client number of its connection.
    pub client: u64,
    /// The address it announced, or that of its socket.
    pub address: String,
    /// The port it listens on.
    pub port: u16,
    /// What it is.
    pub kind: ReplicaKind,
    /// Its version, where it told one.
    pub version: Option<String>,
}

/// A snapshot on its way to a replica.
#[derive(Debug)]
pub struct Progress {
    /// The size of the snapshot.
    pub bytes: u64,
    /// How much of it the socket has taken.
    pub sent: AtomicU64,
    began: Instant,
}

impl Progress {
    /// Tells how long the rest takes at the pace so far; `None` before there is a pace.
    pub fn remaining(&self) -> Option<Duration> {
        remaining(self.sent.load(Ordering::Relaxed), self.bytes, self.began.elapsed())
    }
}

fn remaining(sent: u64, bytes: u64, elapsed: Duration) -> Option<Duration> {
    let left = bytes.saturating_sub(sent) as f64;
    let pace = sent as f64 / elapsed.as_secs_f64();
    Duration::try_from_secs_f64(left / pace).ok()
}

/// One replica that is fed.
#[derive(Debug)]
pub struct Replica {
    /// What it said of itself.
    pub introduction: Introduction,
    resync: Mutex<Option<Resync>>,
    progress: Mutex<Option<Arc<Progress>>>,
    /// From where on the stream is sent or will be; `u64::MAX` until that is known.
    begin: AtomicU64,
    state: AtomicU8,
    cursor: AtomicU64,
    acknowledged: AtomicU64,
    durable: AtomicU64,
    /// Whether it has told what it has on disk.
    confirms: AtomicBool,
    acknowledged_ms: AtomicI64,
    acknowledgements: AtomicU64,
}

impl Replica {
    /// Describes a replica that has just asked for the stream.
    pub fn new(introduction: Introduction, now_ms: i64) -> Self {
        Self {
            introduction,
            resync: Mutex::default(),
            progress: Mutex::default(),
            begin: AtomicU64::new(u64::MAX),
            state: AtomicU8::new(0),
            cursor: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            confirms: AtomicBool::new(false),
            acknowledged_ms: AtomicI64::new(now_ms),
            acknowledgements: AtomicU64::new(0),
        }
    }

    /// Tells what its connection is doing.
    pub fn state(&self) -> FeedState {
        match self.state.load(Ordering::Relaxed) {
            0 => FeedState::WaitSnapshot,
            1 => FeedState::SendSnapshot,
            _ => FeedState::Online,
        }
    }

    /// Tells whether the stream is being sent.
    pub fn is_online(&self) -> bool {
        self.state() == FeedState::Online
    }

    /// Notes what its connection is doing.
    pub fn set_state(&self, state: FeedState) {
        let code = match state {
            FeedState::WaitSnapshot => 0,
            FeedState::SendSnapshot => 1,
            FeedState::Online => 2,
        };
        self.state.store(code, Ordering::Relaxed);
    }

    /// Tells up to where it was sent the stream: the log must keep what comes after.
    pub fn cursor(&self) -> Offset {
        Offset(self.cursor.load(Ordering::Acquire))
    }

    /// Notes up to where it was sent the stream.
    pub fn set_cursor(&self, offset: Offset) {
        self.cursor.store(offset.0, Ordering::Release);
    }

    /// Tells the offset it has acknowledged on this connection.
    pub fn acknowledged(&self) -> Offset {
        Offset(self.acknowledged.load(Ordering::Relaxed))
    }

    /// Tells the offset it has said to have on disk.
    pub fn durable(&self) -> Offset {
        Offset(self.durable.load(Ordering::Relaxed))
    }

    /// Tells when it last acknowledged anything, in Unix milliseconds.
    pub fn acknowledged_ms(&self) -> i64 {
        self.acknowledged_ms.load(Ordering::Relaxed)
    }

    /// Notes that it lives, though it acknowledges nothing.
    pub fn is_heard(&self, now_ms: i64) {
        self.acknowledged_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// Tells whether it has acknowledged anything on this connection, be it nothing at all.
    pub fn has_acknowledged(&self) -> bool {
        self.acknowledgements.load(Ordering::Acquire) > 0
    }

    /// Tells up to where it has the stream, for all that is known; `None` before it is sent any.
    ///
    /// Who has acknowledged nothing yet has what it claimed to have, or the snapshot it was sent.
    pub fn held(&self) -> Option<Offset> {
        let begin = self.begin.load(Ordering::Relaxed);
        (begin != u64::MAX).then(|| self.acknowledged().max(Offset(begin)))
    }

    /// Notes from where on the stream is sent to it.
    pub fn begin_at(&self, offset: Offset) {
        self.begin.store(offset.0, Ordering::Relaxed);
    }

    /// Notes how it resyncs.
    pub fn resyncs(&self, resync: Resync) {
        *self.resync.lock() = Some(resync);
    }

    /// Tells how it resynced when it came.
    pub fn resync(&self) -> Option<Resync> {
        self.resync.lock().clone()
    }

    /// Notes that a snapshot of so many bytes is on its way.
    pub fn begin_transfer(&self, bytes: u64) -> Arc<Progress> {
        let (sent, began) = (AtomicU64::new(0), Instant::now());
        let progress = Arc::new(Progress { bytes, sent, began });
        *self.progress.lock() = Some(Arc::clone(&progress));
        progress
    }

    /// Tells how far the snapshot has come that is on its way.
    pub fn transfer(&self) -> Option<Arc<Progress>> {
        let progress = self.progress.lock().clone();
        progress.filter(|_| self.state() == FeedState::SendSnapshot)
    }

    /// Tells the seconds since it last acknowledged anything.
    pub fn lag_s(&self, now_ms: i64) -> i64 {
        (now_ms - self.acknowledged_ms()).max(0) / 1000
    }
}

/// All replicas that are fed.
#[derive(Debug)]
pub struct Replicas {
    all: Mutex<BTreeMap<u64, Arc<Replica>>>,
    acks: watch::Sender<u64>,
}

impl Default for Replicas {
    fn default() -> Self {
        Self { all: Mutex::default(), acks: watch::Sender::new(0) }
    }
}

impl Replicas {
    /// Takes a replica in; it leaves when the guard is dropped.
    pub fn attach(self: &Arc<Self>, replica: Arc<Replica>) -> Attached {
        let client = replica.introduction.client;
        self.all.lock().insert(client, Arc::clone(&replica));
        Attached { replicas: Arc::clone(self), replica }
    }

    /// Lists them in the order in which they came.
    pub fn list(&self) -> Vec<Arc<Replica>> {
        self.all.lock().values().cloned().collect()
    }

    /// Counts them.
    pub fn count(&self) -> usize {
        self.all.lock().len()
    }

    /// Notes an acknowledgement, and wakes those who wait for one.
    pub fn acknowledge(&self, client: u64, offset: Offset, durable: Option<Offset>, now_ms: i64) {
        let Some(replica) = self.all.lock().get(&client).cloned() else { return };
        replica.acknowledged.fetch_max(offset.0, Ordering::Relaxed);
        if let Some(durable) = durable {
            replica.durable.fetch_max(durable.0, Ordering::Relaxed);
            replica.confirms.store(true, Ordering::Relaxed);
        }
        replica.acknowledged_ms.store(now_ms, Ordering::Relaxed);
        replica.acknowledgements.fetch_add(1, Ordering::Release);
        self.acks.send_modify(|count| *count += 1);
    }

    /// Counts the replicas online that have acknowledged `offset`.
    pub fn count_at(&self, offset: Offset) -> i64 {
        self.count_where(|replica| replica.acknowledged() >= offset)
    }

    /// Counts the replicas online that have said to have `offset` on disk.
    pub fn count_durable_at(&self, offset: Offset) -> i64 {
        self.count_where(|replica| replica.durable() >= offset)
    }

    /// Counts the replicas online that tell what they have on disk.
    pub fn count_confirming(&self) -> i64 {
        self.count_where(|replica| replica.confirms.load(Ordering::Relaxed))
    }

    /// Tells up to where so many replicas online have said to have the stream on disk.
    pub fn durable_at_nth(&self, count: usize) -> Offset {
        let all = self.all.lock();
        let online = all.values().filter(|replica| replica.state() == FeedState::Online);
        let mut durable: Vec<_> = online.map(|replica| replica.durable()).collect();
        durable.sort_unstable_by(|a, b| b.cmp(a));
        count.checked_sub(1).and_then(|nth| durable.get(nth).copied()).unwrap_or(Offset::ZERO)
    }

    /// Has those who wait for an acknowledgement look again, as what they wait for has changed.
    pub fn nudge(&self) {
        self.acks.send_modify(|count| *count += 1);
    }

    /// Counts the replicas online that acknowledged something within so many seconds.
    pub fn count_good(&self, lag_s_max: i64, now_ms: i64) -> i64 {
        self.count_where(|replica| replica.lag_s(now_ms) <= lag_s_max)
    }

    /// Subscribes to acknowledgements.
    pub fn acks(&self) -> watch::Receiver<u64> {
        self.acks.subscribe()
    }

    fn count_where(&self, good: impl Fn(&Replica) -> bool) -> i64 {
        let all = self.all.lock();
        all.values().filter(|r| r.state() == FeedState::Online && good(r)).count() as i64
    }
}

/// Keeps a replica on the list for as long as its connection lasts.
#[derive(Debug)]
pub struct Attached {
    replicas: Arc<Replicas>,
    replica: Arc<Replica>,
}

impl std::ops::Deref for Attached {
    type Target = Replica;

    fn deref(&self) -> &Replica {
        &self.replica
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.replicas.all.lock().remove(&self.replica.introduction.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(client: u64) -> Arc<Replica> {
        let (address, kind) = (String::from("a"), ReplicaKind::Redis);
        let port = client as u16;
        Arc::new(Replica::new(Introduction { client, address, port, kind, version: None }, 0))
    }

    #[test]
    fn only_replicas_that_are_online_count() {
        let replicas = Arc::new(Replicas::default());
        let first = replicas.attach(replica(1));
        let second = replicas.attach(replica(2));
        first.set_state(FeedState::Online);
        second.set_state(FeedState::SendSnapshot);
        replicas.acknowledge(1, Offset(10), None, 5);
        replicas.acknowledge(2, Offset(10), None, 5);
        assert_eq!(replicas.count_at(Offset(10)), 1);
        assert_eq!(replicas.count_at(Offset(11)), 0);
        assert_eq!(replicas.count_durable_at(Offset(1)), 0);
    }

    #[test]
    fn what_two_of_three_have_on_disk_is_what_the_second_has() {
        let replicas = Arc::new(Replicas::default());
        let all = [1, 2, 3].map(|client| replicas.attach(replica(client)));
        for replica in &all {
            replica.set_state(FeedState::Online);
        }
        assert_eq!(replicas.count_confirming(), 0);
        for (client, durable) in [(1, 10), (2, 30), (3, 20)] {
            replicas.acknowledge(client, Offset(40), Some(Offset(durable)), 5);
        }
        replicas.acknowledge(3, Offset(50), None, 5);
        assert_eq!(replicas.count_confirming(), 3);
        let nth = |count| replicas.durable_at_nth(count).0;
        assert_eq!([nth(1), nth(2), nth(3), nth(4)], [30, 20, 10, 0]);
        all[1].set_state(FeedState::SendSnapshot);
        assert_eq!(replicas.durable_at_nth(1), Offset(20));
    }

    #[test]
    fn a_replica_leaves_with_its_connection_and_frees_the_log() {
        let replicas = Arc::new(Replicas::default());
        let guard = replicas.attach(replica(1));
        guard.set_cursor(Offset(42));
        assert_eq!(replicas.list()[0].cursor(), Offset(42));
        drop(guard);
        assert_eq!(replicas.count(), 0);
    }

    #[test]
    fn an_acknowledgement_never_goes_back() {
        let replicas = Arc::new(Replicas::default());
        let guard = replicas.attach(replica(1));
        replicas.acknowledge(1, Offset(10), Some(Offset(8)), 5);
        replicas.acknowledge(1, Offset(4), Some(Offset(3)), 2_006);
        assert_eq!((guard.acknowledged(), guard.durable()), (Offset(10), Offset(8)));
        assert_eq!(guard.lag_s(4_007), 2);
    }

    #[test]
    fn what_a_replica_has_is_what_it_came_with_until_it_acknowledges_more() {
        let replicas = Arc::new(Replicas::default());
        let guard = replicas.attach(replica(1));
        assert_eq!(guard.held(), None);
        guard.begin_at(Offset(30));
        assert_eq!(guard.held(), Some(Offset(30)));
        replicas.acknowledge(1, Offset(20), None, 5);
        assert_eq!(guard.held(), Some(Offset(30)));
        replicas.acknowledge(1, Offset(40), None, 5);
        assert_eq!(guard.held(), Some(Offset(40)));
    }

    #[test]
    fn a_transfer_is_told_while_it_is_under_way() {
        let replica = replica(1);
        let progress = replica.begin_transfer(100);
        progress.sent.store(25, Ordering::Relaxed);
        assert!(replica.transfer().is_none(), "the snapshot is still being made");
        replica.set_state(FeedState::SendSnapshot);
        assert_eq!(replica.transfer().unwrap().bytes, 100);
        replica.set_state(FeedState::Online);
        assert!(replica.transfer().is_none());
    }

    #[test]
    fn the_rest_takes_as_long_as_the_pace_so_far_says() {
        let second = Duration::from_secs(1);
        assert_eq!(remaining(25, 100, second), Some(3 * second));
        assert_eq!(remaining(100, 100, second), Some(Duration::ZERO));
        assert_eq!(remaining(0, 100, second), None);
        assert_eq!(remaining(0, 0, Duration::ZERO), None);
    }
}
