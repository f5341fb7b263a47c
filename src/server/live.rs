//! The settings that are read on the way of a command, where a lock would be felt.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::command::Classes;
use crate::config::Settings;
use crate::config::settings::AppendFsync;

/// Settings and states that each command looks at.
#[derive(Debug, Default)]
pub struct Live {
    fsync_always: AtomicBool,
    bulk_bytes_max: AtomicUsize,
    min_replicas: AtomicI64,
    min_replicas_lag_s: AtomicI64,
    slower_than_us: AtomicI64,
    memory_bytes_max: AtomicU64,
    latency_threshold_ms: AtomicU64,
    stop_writes_on_save_error: AtomicBool,
    clients_max: AtomicUsize,
    query_bytes_max: AtomicUsize,
    event_classes: AtomicU32,
    keepalive_s: AtomicU64,
    loading: AtomicBool,
    replica: AtomicBool,
    doubtful: AtomicBool,
    /// Whether the link to the primary is up; on a primary it counts as up.
    linked: AtomicBool,
    serves_stale: AtomicBool,
    disk_short: AtomicBool,
    active_expiry: AtomicBool,
    cron_paused: AtomicBool,
    changes: Changes,
}

/// What every write of every worker counts up, on a line of memory where nothing else is read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Changes(AtomicU64);

impl Live {
    /// Takes over what the configuration says now.
    pub fn apply(&self, settings: &Settings) {
        self.fsync_always.store(settings.appendfsync == AppendFsync::Always, Ordering::Release);
        self.bulk_bytes_max.store(settings.proto_max_bulk_len as usize, Ordering::Relaxed);
        let guarding = settings.guarding;
        self.min_replicas.store(guarding.min_replicas as i64, Ordering::Relaxed);
        self.min_replicas_lag_s.store(guarding.min_replicas_lag_secs as i64, Ordering::Relaxed);
        let slower_than = settings.slowlog_log_slower_than_us;
        self.slower_than_us.store(slower_than.map_or(-1, |us| us as i64), Ordering::Relaxed);
        self.memory_bytes_max.store(settings.memory_limit.bytes, Ordering::Relaxed);
        let threshold_ms = settings.latency_monitor_threshold_ms.unwrap_or(0);
        self.latency_threshold_ms.store(threshold_ms, Ordering::Relaxed);
        // Where none are scheduled nobody relies on them: what is written is in the log.
        let stops = settings.stop_writes_on_bgsave_error && !settings.save.is_empty();
        self.stop_writes_on_save_error.store(stops, Ordering::Relaxed);
        let query_bytes_max = settings.client_query_buffer_limit as usize;
        self.query_bytes_max.store(query_bytes_max, Ordering::Relaxed);
        self.clients_max.store(settings.maxclients as usize, Ordering::Relaxed);
        self.serves_stale.store(settings.following.serves_stale_data, Ordering::Relaxed);
        let classes = Classes::parse(&settings.notify_keyspace_events);
        self.event_classes.store(classes.bits(), Ordering::Relaxed);
        self.keepalive_s.store(u64::from(settings.tcp_keepalive_secs), Ordering::Relaxed);
    }

    /// Tells whether a reply waits until all it could have seen is durable.
    pub fn fsync_always(&self) -> bool {
        self.fsync_always.load(Ordering::Acquire)
    }

    /// Tells the most bytes that one word of a request may have.
    pub fn bulk_bytes_max(&self) -> usize {
        self.bulk_bytes_max.load(Ordering::Relaxed)
    }

    /// Tells how many replicas must be there for a write, and within which lag in seconds.
    pub fn min_replicas(&self) -> Option<(i64, i64)> {
        let (count, lag_s) = (
            self.min_replicas.load(Ordering::Relaxed),
            self.min_replicas_lag_s.load(Ordering::Relaxed),
        );
        (count > 0 && lag_s > 0).then_some((count, lag_s))
    }

    /// Tells from how many microseconds on a command is entered in the slow log, if ever.
    pub fn slower_than_us(&self) -> Option<u64> {
        u64::try_from(self.slower_than_us.load(Ordering::Relaxed)).ok()
    }

    /// Tells how many bytes of memory may be used, if that is limited.
    #[inline]
    pub fn memory_bytes_max(&self) -> Option<NonZero<u64>> {
        NonZero::new(self.memory_bytes_max.load(Ordering::Relaxed))
    }

    /// Tells from how many milliseconds on something is a latency event, if ever.
    pub fn latency_threshold_ms(&self) -> Option<u64> {
        Some(self.latency_threshold_ms.load(Ordering::Relaxed)).filter(|ms| *ms > 0)
    }

    /// Tells whether writes are refused while snapshots fail.
    pub fn stops_writes_on_save_error(&self) -> bool {
        self.stop_writes_on_save_error.load(Ordering::Relaxed)
    }

    /// Tells how many clients may be connected.
    pub fn clients_max(&self) -> usize {
        self.clients_max.load(Ordering::Relaxed)
    }

    /// Tells how many bytes a client may send ahead of their execution.
    pub fn query_bytes_max(&self) -> usize {
        self.query_bytes_max.load(Ordering::Relaxed)
    }

    /// Tells which keyspace events are published.
    #[inline]
    pub fn event_classes(&self) -> Classes {
        Classes::from_bits(self.event_classes.load(Ordering::Relaxed))
    }

    /// Tells after how many idle seconds a connection is probed; zero for never.
    pub fn keepalive_s(&self) -> u64 {
        self.keepalive_s.load(Ordering::Relaxed)
    }

    /// Tells whether the data is still being loaded.
    pub fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Acquire)
    }

    /// Notes whether the data is still being loaded.
    pub fn set_loading(&self, loading: bool) {
        self.loading.store(loading, Ordering::Release);
    }

    /// Tells whether this server follows a primary, and so takes no writes.
    pub fn is_replica(&self) -> bool {
        self.replica.load(Ordering::Acquire)
    }

    /// Notes whether this server follows a primary; changed while every shard is held.
    pub fn set_replica(&self, replica: bool) {
        self.replica.store(replica, Ordering::Release);
    }

    /// Tells whether this primary may have been replaced, and so takes no writes yet.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Acquire)
    }

    /// Notes whether this primary may have been replaced.
    pub fn set_doubtful(&self, doubtful: bool) {
        self.doubtful.store(doubtful, Ordering::Release);
    }

    /// Notes whether the link to the primary is up.
    pub fn set_linked(&self, linked: bool) {
        self.linked.store(linked, Ordering::Release);
    }

    /// Tells whether the data may be old, and is not to be served then.
    pub fn withholds_stale(&self) -> bool {
        self.is_replica()
            && !self.linked.load(Ordering::Acquire)
            && !self.serves_stale.load(Ordering::Relaxed)
    }

    /// Tells whether the disk has less room than its reserve.
    pub fn disk_is_short(&self) -> bool {
        self.disk_short.load(Ordering::Relaxed)
    }

    /// Notes whether the disk has less room than its reserve; returns what was noted before.
    pub fn set_disk_short(&self, short: bool) -> bool {
        self.disk_short.swap(short, Ordering::Relaxed)
    }

    /// Tells whether expired keys are looked for.
    pub fn active_expiry(&self) -> bool {
        self.active_expiry.load(Ordering::Relaxed)
    }

    /// Switches the search for expired keys.
    pub fn set_active_expiry(&self, on: bool) {
        self.active_expiry.store(on, Ordering::Relaxed);
    }

    /// Tells whether nothing is to be done by the clock.
    pub fn is_cron_paused(&self) -> bool {
        self.cron_paused.load(Ordering::Relaxed)
    }

    /// Stops what is done by the clock, or goes on with it.
    pub fn pause_cron(&self, paused: bool) {
        self.cron_paused.store(paused, Ordering::Relaxed);
    }

    /// Counts the changes since the last snapshot.
    pub fn changes(&self) -> u64 {
        self.changes.0.load(Ordering::Relaxed)
    }

    /// Notes changes.
    pub fn changed(&self, count: u64) {
        self.changes.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes off the changes that a snapshot holds.
    pub fn saved(&self, count: u64) {
        self.changes.0.fetch_sub(count, Ordering::Relaxed);
    }
}
