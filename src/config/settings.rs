//! The configuration as the server reads it: plain fields of the right types.
//!
//! Made anew from the [`Config`] after each change, and handed out whole.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use super::following::Following;
use super::guarding::Guarding;
use super::processing::Processing;
use super::store::Config;
pub use super::tls::{AuthClients, KeptSessions, Tls};
use super::users::UserSettings;
use super::value::Value;
pub use super::words::OutputLimit;
use super::words::SavePoint;
use super::writing::Writing;

/// When the log is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFsync {
    /// Before every reply.
    Always,
    /// Once a second.
    EverySecond,
    /// Whenever the system likes.
    No,
}

/// How far replicas are fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BacklogFeed {
    /// Up to what is durable here.
    Durable,
    /// Up to what is sealed, durable or not.
    Sealed,
}

/// Who may use a dangerous command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Nobody.
    No,
    /// Clients of this machine: loopback or a unix socket.
    Local,
    /// Everybody.
    Yes,
}

/// The least important message that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Much.
    Verbose,
    /// What an operator wants to know.
    Notice,
    /// What he must know.
    Warning,
    /// Nothing at all.
    Nothing,
}

/// What SIGINT and SIGTERM ask of a shutdown, as SHUTDOWN's options of the same names do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four options that combine freely")]
pub struct ShutdownOptions {
    /// A snapshot is taken even without save points.
    pub save: bool,
    /// No snapshot is taken.
    pub nosave: bool,
    /// Replicas are not waited for.
    pub now: bool,
    /// Errors do not stop it.
    pub force: bool,
}

/// With less for all clients, none could be served.
const CLIENTS_BYTES_MIN: u64 = 128 * 1024;

/// How much memory may be used, and what goes when there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The bytes, or zero for no limit.
    pub bytes: u64,
    /// `maxmemory-clients`, where all clients together are limited.
    pub clients_bytes: Option<usize>,
    /// What is evicted, by the name of the policy.
    pub policy: &'static str,
    /// `maxmemory-samples`.
    pub samples: usize,
    /// `maxmemory-eviction-tenacity`.
    pub tenacity: u32,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`.
    pub lfu_decay_minutes: u32,
}

/// Up to which size sets are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallSets {
    /// `set-max-intset-entries`.
    pub intset_entries_max: usize,
    /// `set-max-listpack-entries`.
    pub listpack_entries_max: usize,
    /// `set-max-listpack-value`.
    pub listpack_value_bytes_max: usize,
}

/// The address of a unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its path.
    pub path: PathBuf,
    /// Its mode, where one was asked for.
    pub mode: Option<u32>,
    /// Its group, by name or number, where one was asked for.
    pub group: Option<String>,
}

/// The configuration in force, typed.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the configuration file")]
pub struct Settings {
    /// `bind`: addresses to listen on; `-` before one says that it may be missing, `*` is all.
    pub bind: Vec<String>,
    /// `port`, see [`Settings::tcp_port`].
    pub port: u16,
    /// `protected-mode`.
    pub protected_mode: bool,
    /// `tcp-backlog`.
    pub tcp_backlog: u32,
    /// `unixsocket` and `unixsocketperm`.
    pub unix_socket: Option<UnixSocket>,
    /// `timeout`: seconds after which an idle client is closed; zero for never.
    pub timeout_secs: u64,
    /// `tcp-keepalive`: seconds between probes; zero for none.
    pub tcp_keepalive_secs: u32,
    /// `maxclients`.
    pub maxclients: u32,
    /// `io-threads`: worker threads; `None` for one to each core.
    pub io_threads: Option<usize>,
    /// `proto-max-bulk-len`.
    pub proto_max_bulk_len: u64,
    /// `client-query-buffer-limit`.
    pub client_query_buffer_limit: u64,
    /// `maxmemory`, and the directives that go with it.
    pub memory_limit: MemoryLimit,
    /// `client-output-buffer-limit` of ordinary clients.
    pub output_limit_normal: OutputLimit,
    /// `client-output-buffer-limit` of clients that subscribe.
    pub output_limit_pubsub: OutputLimit,

    /// `databases`.
    pub databases: usize,
    /// `loglevel`.
    pub loglevel: LogLevel,
    /// `logfile`; `None` for standard output.
    pub logfile: Option<PathBuf>,
    /// How the process lives beside whoever started it.
    pub processing: Processing,
    /// `hz`: how often background work runs each second.
    pub hz: u32,
    /// `active-expire-effort`, from 1 to 10.
    pub active_expire_effort: u32,
    /// `enable-debug-command`.
    pub enable_debug_command: Allowed,
    /// `crash-log-enabled`.
    pub crash_log_enabled: bool,
    /// `jemalloc-bg-thread`: memory is given back to the system by threads of the allocator.
    pub jemalloc_bg_thread: bool,
    /// `shutdown-timeout`: how long a shutdown waits for replicas.
    pub shutdown_timeout: Duration,
    /// `shutdown-on-sigint`.
    pub shutdown_on_sigint: ShutdownOptions,
    /// `shutdown-on-sigterm`.
    pub shutdown_on_sigterm: ShutdownOptions,
    /// `busy-reply-threshold`: how long a command may run before others are told BUSY.
    pub busy_reply_threshold: Duration,

    /// `requirepass`.
    pub requirepass: Option<Vec<u8>>,
    /// What holds for all users.
    pub users: UserSettings,

    /// `dir`, absolute.
    pub dir: PathBuf,
    /// Whether `dir` is the built-in default, which the server makes if it does not exist.
    pub dir_is_default: bool,
    /// `dbfilename`.
    pub dbfilename: PathBuf,
    /// `save`.
    pub save: Vec<SavePoint>,
    /// `stop-writes-on-bgsave-error`.
    pub stop_writes_on_bgsave_error: bool,
    /// How values are written.
    pub writing: Writing,
    /// `rdbchecksum`.
    pub rdbchecksum: bool,

    /// `appendfsync`.
    pub appendfsync: AppendFsync,
    /// `backlog-feed`.
    pub backlog_feed: BacklogFeed,
    /// `backlog-lineage-size`: how many histories of old are remembered.
    pub backlog_lineage_size: usize,
    /// `backlog-dir`, absolute, or else `dir`.
    pub backlog_dir: PathBuf,
    /// `backlog-segment-size`.
    pub backlog_segment_size: u64,
    /// `backlog-retain-time`; `None` when time keeps nothing.
    pub backlog_retain_time: Option<Duration>,
    /// `backlog-max-size`; `None` when only the disk is the limit.
    pub backlog_max_size: Option<u64>,
    /// `backlog-min-free-disk`.
    pub backlog_min_free_disk: u64,
    /// `backlog-snapshot-ratio`: percent of the data set.
    pub backlog_snapshot_ratio: u64,
    /// `backlog-snapshot-max-rate`: bytes a second; `None` for as fast as can be.
    pub backlog_snapshot_max_rate: Option<u64>,
    /// `backlog-discarded-max-size`: how much is kept of a history that is given up.
    pub backlog_discarded_max_size: u64,
    /// `backlog-discarded-max-count`: how many such are kept.
    pub backlog_discarded_max_count: usize,
    /// `backlog-force-recovery`.
    pub backlog_force_recovery: bool,
    /// `backlog-boot-id-file`.
    pub backlog_boot_id_file: PathBuf,
    /// `backlog-address-file`.
    pub backlog_address_file: Option<PathBuf>,

    /// `backlog-metrics-port`, if metrics are served.
    pub metrics_port: Option<u16>,

    /// `repl-backlog-size`.
    pub repl_backlog_size: u64,
    /// `repl-timeout`.
    pub repl_timeout: Duration,
    /// `repl-ping-replica-period`.
    pub repl_ping_replica_period: Duration,
    /// `repl-disable-tcp-nodelay`.
    pub repl_disable_tcp_nodelay: bool,
    /// What a write waits for, or asks for, of others than the log.
    pub guarding: Guarding,
    /// What concerns a server that follows a primary.
    pub following: Following,
    /// What concerns TLS.
    pub tls: Tls,

    /// `lazyfree-lazy-expire`.
    pub lazyfree_lazy_expire: bool,
    /// `lazyfree-lazy-server-del`.
    pub lazyfree_lazy_server_del: bool,
    /// `lazyfree-lazy-user-del`.
    pub lazyfree_lazy_user_del: bool,
    /// `lazyfree-lazy-user-flush`.
    pub lazyfree_lazy_user_flush: bool,
    /// `hash-max-listpack-entries`.
    pub hash_max_listpack_entries: usize,
    /// `hash-max-listpack-value`.
    pub hash_max_listpack_value: usize,
    /// `hll-sparse-max-bytes`.
    pub hll_sparse_max_bytes: usize,
    /// `zset-max-listpack-entries`.
    pub zset_max_listpack_entries: usize,
    /// `zset-max-listpack-value`.
    pub zset_max_listpack_value: usize,
    /// `stream-node-max-bytes`.
    pub stream_node_max_bytes: usize,
    /// `stream-node-max-entries`.
    pub stream_node_max_entries: usize,
    /// `list-max-listpack-size`.
    pub list_max_listpack_size: i64,
    /// Which sets are packed.
    pub small_sets: SmallSets,

    /// `slowlog-log-slower-than`: microseconds; `None` when nothing is noted.
    pub slowlog_log_slower_than_us: Option<u64>,
    /// `slowlog-max-len`.
    pub slowlog_max_len: usize,
    /// `latency-monitor-threshold`: milliseconds; `None` when nothing is noted.
    pub latency_monitor_threshold_ms: Option<u64>,
    /// `tracking-table-max-keys`.
    pub tracking_table_max_keys: usize,
    /// `notify-keyspace-events`: letters.
    pub notify_keyspace_events: Vec<u8>,
    /// `latency-tracking`.
    pub latency_tracking: bool,
    /// `hide-user-data-from-log`.
    pub hide_user_data_from_log: bool,
    /// `latency-tracking-info-percentiles`, as they are written.
    pub latency_percentiles: Vec<f64>,
}

impl Settings {
    /// The TCP port to listen on, if any.
    ///
    /// Port zero means none, as for a stock server; but with `backlog-address-file`, and no
    /// `tls-port`, it means any free port, since the file then tells which.
    #[must_use]
    pub fn tcp_port(&self) -> Option<u16> {
        let is_any = self.backlog_address_file.is_some() && self.tls.port.is_none();
        (self.port != 0 || is_any).then_some(self.port)
    }
}

impl Config {
    /// Makes the typed settings.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a line for each directive")]
    pub fn settings(&self) -> Settings {
        let [normal, _replica, pubsub] = self.output_limits();
        Settings {
            bind: self.strings("bind"),
            port: self.unsigned("port"),
            protected_mode: self.yes("protected-mode"),
            tcp_backlog: self.unsigned("tcp-backlog"),
            unix_socket: self.unix_socket(),
            timeout_secs: self.unsigned("timeout"),
            tcp_keepalive_secs: self.unsigned("tcp-keepalive"),
            maxclients: self.unsigned("maxclients"),
            io_threads: self.nonzero("io-threads"),
            proto_max_bulk_len: self.unsigned("proto-max-bulk-len"),
            client_query_buffer_limit: self.unsigned("client-query-buffer-limit"),
            memory_limit: self.memory_limit(),
            output_limit_normal: normal,
            output_limit_pubsub: pubsub,
            databases: self.unsigned("databases"),
            loglevel: self.loglevel(),
            logfile: self.path("logfile"),
            processing: self.processing(),
            hz: self.unsigned("hz"),
            active_expire_effort: self.unsigned("active-expire-effort"),
            enable_debug_command: self.allowed("enable-debug-command"),
            crash_log_enabled: self.yes("crash-log-enabled"),
            jemalloc_bg_thread: self.yes("jemalloc-bg-thread"),
            shutdown_timeout: self.seconds("shutdown-timeout"),
            shutdown_on_sigint: self.shutdown_options("shutdown-on-sigint"),
            shutdown_on_sigterm: self.shutdown_options("shutdown-on-sigterm"),
            busy_reply_threshold: Duration::from_millis(self.unsigned("busy-reply-threshold")),
            requirepass: self.bytes("requirepass"),
            users: self.user_settings(),
            dir_is_default: !self.is_given("dir"),
            dbfilename: self.path("dbfilename").unwrap_or_default(),
            save: self.save_points(),
            stop_writes_on_bgsave_error: self.yes("stop-writes-on-bgsave-error"),
            writing: self.writing(),
            rdbchecksum: self.yes("rdbchecksum"),
            appendfsync: self.appendfsync(),
            backlog_feed: self.backlog_feed(),
            backlog_lineage_size: self.unsigned("backlog-lineage-size"),
            backlog_dir: self.path("backlog-dir").map_or_else(|| self.dir(), absolute),
            backlog_segment_size: self.unsigned("backlog-segment-size"),
            backlog_retain_time: self.nonzero("backlog-retain-time").map(Duration::from_secs),
            backlog_max_size: self.nonzero("backlog-max-size"),
            backlog_min_free_disk: self.unsigned("backlog-min-free-disk"),
            backlog_snapshot_ratio: self.unsigned("backlog-snapshot-ratio"),
            backlog_snapshot_max_rate: self.nonzero("backlog-snapshot-max-rate"),
            backlog_discarded_max_size: self.unsigned("backlog-discarded-max-size"),
            backlog_discarded_max_count: self.unsigned("backlog-discarded-max-count"),
            backlog_force_recovery: self.yes("backlog-force-recovery"),
            backlog_boot_id_file: self.path("backlog-boot-id-file").unwrap_or_default(),
            backlog_address_file: self.path("backlog-address-file"),
            metrics_port: self.nonzero("backlog-metrics-port"),
            repl_backlog_size: self.unsigned("repl-backlog-size"),
            repl_timeout: self.seconds("repl-timeout"),
            repl_ping_replica_period: self.seconds("repl-ping-replica-period"),
            repl_disable_tcp_nodelay: self.yes("repl-disable-tcp-nodelay"),
            guarding: self.guarding(),
            following: self.following(),
            tls: self.tls(),
            lazyfree_lazy_expire: self.yes("lazyfree-lazy-expire"),
            lazyfree_lazy_server_del: self.yes("lazyfree-lazy-server-del"),
            lazyfree_lazy_user_del: self.yes("lazyfree-lazy-user-del"),
            lazyfree_lazy_user_flush: self.yes("lazyfree-lazy-user-flush"),
            hash_max_listpack_entries: self.unsigned("hash-max-listpack-entries"),
            hash_max_listpack_value: self.unsigned("hash-max-listpack-value"),
            hll_sparse_max_bytes: self.unsigned("hll-sparse-max-bytes"),
            zset_max_listpack_entries: self.unsigned("zset-max-listpack-entries"),
            zset_max_listpack_value: self.unsigned("zset-max-listpack-value"),
            stream_node_max_bytes: self.unsigned("stream-node-max-bytes"),
            stream_node_max_entries: self.unsigned("stream-node-max-entries"),
            list_max_listpack_size: self.number("list-max-listpack-size"),
            small_sets: self.small_sets(),
            slowlog_log_slower_than_us: u64::try_from(self.number("slowlog-log-slower-than")).ok(),
            slowlog_max_len: self.unsigned("slowlog-max-len"),
            latency_monitor_threshold_ms: self.nonzero("latency-monitor-threshold"),
            tracking_table_max_keys: self.unsigned("tracking-table-max-keys"),
            notify_keyspace_events: self.bytes("notify-keyspace-events").unwrap_or_default(),
            latency_tracking: self.yes("latency-tracking"),
            hide_user_data_from_log: self.yes("hide-user-data-from-log"),
            latency_percentiles: self.percentiles(),
            dir: self.dir(),
        }
    }

    pub(super) fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs(self.unsigned(name))
    }

    pub(super) fn yes(&self, name: &str) -> bool {
        matches!(self.value(name), Value::YesNo(true))
    }

    fn number(&self, name: &str) -> i64 {
        match self.value(name) {
            Value::Integer(number) => *number,
            Value::Memory(bytes) => i64::try_from(*bytes).unwrap_or(i64::MAX),
            other => unreachable!("{name} is a number, not {other:?}"),
        }
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.path("dir").unwrap_or_default()
    }

    fn small_sets(&self) -> SmallSets {
        SmallSets {
            intset_entries_max: self.unsigned("set-max-intset-entries"),
            listpack_entries_max: self.unsigned("set-max-listpack-entries"),
            listpack_value_bytes_max: self.unsigned("set-max-listpack-value"),
        }
    }

    fn memory_limit(&self) -> MemoryLimit {
        let bytes = match self.value("maxmemory") {
            Value::Memory(bytes) => *bytes,
            other => unreachable!("maxmemory is a size, not {other:?}"),
        };
        MemoryLimit {
            bytes,
            clients_bytes: self.clients_bytes(bytes),
            policy: self.choice("maxmemory-policy"),
            samples: self.unsigned("maxmemory-samples"),
            tenacity: self.unsigned("maxmemory-eviction-tenacity"),
            lfu_log_factor: self.unsigned("lfu-log-factor"),
            lfu_decay_minutes: self.unsigned("lfu-decay-time"),
        }
    }

    fn clients_bytes(&self, maxmemory: u64) -> Option<usize> {
        let bytes = match *self.value("maxmemory-clients") {
            Value::Memory(0) | Value::Percent(0) => return None,
            Value::Percent(_) if maxmemory == 0 => return None,
            Value::Memory(bytes) => bytes,
            Value::Percent(percent) => (maxmemory as f64 * f64::from(percent) / 100.0) as u64,
            ref other => unreachable!("maxmemory-clients is a size or a share, not {other:?}"),
        };
        Some(bytes.max(CLIENTS_BYTES_MIN) as usize)
    }

    /// A number of a range that the table keeps within `T`.
    pub(super) fn unsigned<T: TryFrom<i64>>(&self, name: &str) -> T {
        T::try_from(self.number(name)).ok().expect("the table's range is that of the field")
    }

    pub(super) fn nonzero<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        (self.number(name) != 0).then(|| self.unsigned(name))
    }

    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        match self.value(name) {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.bytes(name).map(|text| PathBuf::from(OsString::from_vec(text)))
    }

    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        match self.value(name) {
            Value::Words(words) => words.iter().map(text).collect(),
            _ => self.bytes(name).iter().map(text).collect(),
        }
    }

    pub(super) fn choice(&self, name: &str) -> &'static str {
        match self.value(name) {
            Value::Choice(choice) => choice,
            other => unreachable!("{name} is a choice, not {other:?}"),
        }
    }

    fn unix_socket(&self) -> Option<UnixSocket> {
        let mode = match self.value("unixsocketperm") {
            Value::Octal(mode) if *mode != 0 => Some(*mode),
            _ => None,
        };
        let group = self.strings("unixsocketgroup").into_iter().next();
        self.path("unixsocket").map(|path| UnixSocket { path, mode, group })
    }

    fn loglevel(&self) -> LogLevel {
        match self.choice("loglevel") {
            "debug" => LogLevel::Debug,
            "verbose" => LogLevel::Verbose,
            "warning" => LogLevel::Warning,
            "nothing" => LogLevel::Nothing,
            _ => LogLevel::Notice,
        }
    }

    fn allowed(&self, name: &str) -> Allowed {
        match self.choice(name) {
            "yes" => Allowed::Yes,
            "local" => Allowed::Local,
            _ => Allowed::No,
        }
    }

    fn appendfsync(&self) -> AppendFsync {
        match self.choice("appendfsync") {
            "always" => AppendFsync::Always,
            "no" => AppendFsync::No,
            _ => AppendFsync::EverySecond,
        }
    }

    fn backlog_feed(&self) -> BacklogFeed {
        match self.choice("backlog-feed") {
            "sealed" => BacklogFeed::Sealed,
            _ => BacklogFeed::Durable,
        }
    }

    fn shutdown_options(&self, name: &str) -> ShutdownOptions {
        let Value::Flags(flags) = self.value(name) else { return ShutdownOptions::default() };
        let has = |flag| flags.contains(&flag);
        ShutdownOptions {
            save: has("save"),
            nosave: has("nosave"),
            now: has("now"),
            force: has("force"),
        }
    }

    fn save_points(&self) -> Vec<SavePoint> {
        match self.value("save") {
            Value::SavePoints(points) => points.clone(),
            _ => Vec::new(),
        }
    }

    fn output_limits(&self) -> [OutputLimit; 3] {
        match self.value("client-output-buffer-limit") {
            Value::OutputLimits(limits) => *limits,
            _ => [OutputLimit::default(); 3],
        }
    }

    fn percentiles(&self) -> Vec<f64> {
        let words = self.strings("latency-tracking-info-percentiles");
        words.iter().filter_map(|word| word.parse().ok()).collect()
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests;
