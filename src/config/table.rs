//! The table of directives: a row for each, in the order of `config/backlogd.conf`.
//!
//! A row says what a directive is called, what its arguments look like, what it is by default and
//! what becomes of it. Parsing, CONFIG GET, SET and REWRITE, the start-up warning and the test of
//! the commented configuration file all follow from it.

use super::directive::{Directive, row};
use super::value::Kind::{
    self, AlwaysYes, Checked, Choice, Clamped, Directory, Flags, Integer, Memory, MemoryOrPercent,
    Octal, OutputLimits, Percent, SavePoints, Words,
};
use super::value::Value;
use super::words;

/// Stands for the value a directive has before its default is read.
pub(super) const ABSENT: Value = Value::Text(Vec::new());

/// Directives of older servers: taken with one argument, and neither kept nor shown.
pub(super) const FORGOTTEN: [&str; 3] =
    ["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

const YES_NO: Kind = Kind::YesNo;
const TEXT: Kind = Kind::Text;
const INT_MAX: i64 = i32::MAX as i64;
const UINT_MAX: i64 = u32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;
const PORT: Kind = Integer(0, u16::MAX as i64);
const COUNT: Kind = Integer(0, INT_MAX);
const LONG: Kind = Integer(0, LONG_MAX);
const SIZE: Kind = Memory(0, LONG_MAX as u64);
const MEMORY: Kind = Memory(0, u64::MAX);

const ALWAYS_LAZY: &str = "large values are always freed in the background";
const ALWAYS_STRICT: &str = "what a replica cannot apply stops its link";
const ALWAYS_ON: &str = "the log cannot be switched off";
const CURVES_ONLY: &str = "keys are agreed on by elliptic curves alone";
const DIRECTORY_IN_USE: &str = "the log is open in this directory; restart to use another";
const FREED_AT_ONCE: &str = "what is evicted is freed at once, as its memory is wanted";
const LOG_FIRST: &str = "a replica applies what its log has room for, and stops its link otherwise";
const LOG_FEEDS: &str = "replicas are fed from the log on disk";
const NO_AOF: &str = "the log takes the place of the append-only file";
const NO_CLUSTER: &str = "this server is not part of a cluster";
const NO_COMPRESSION: &str = "elements of lists are never compressed";
const NO_COMMAND_LOG: &str = "commands are noted for their time only, by SLOWLOG";
const NO_FORK: &str = "snapshots are written without a child process";
const NO_IMPORT: &str = "what expires is removed while data is imported as well";
const NO_LOCALE: &str = "SORT compares texts by their bytes";
const NO_LIMIT: &str = "clients are accepted by a thread that does nothing else";
const NO_MARK: &str = "sockets are not marked";
const NO_OWN_WRITES: &str =
    "a replica's log holds what its primary wrote and nothing else; write to the primary";
const NO_OWN_EVICTION: &str = "a replica has what its primary has, whose maxmemory evicts for both";
const NO_MODULES: &str = "modules cannot be loaded";
const NO_MPTCP: &str = "sockets are of TCP alone";
const NO_PASSPHRASE: &str = "a key that is encrypted is refused, and no other needs a password";
const NO_PROCESS: &str = "it is left to the service manager and the system";
const NO_RDMA: &str = "RDMA is not supported";
const NO_REHASH: &str = "tables stay small and are never rehashed as a whole";
const NO_RESTORE: &str = "payloads are always checked";
const NO_SAMPLING: &str = "keys that are due are found without sampling";
const NO_SEED: &str = "hashes have a new seed at each start";
const NO_THREADS: &str = "every worker thread reads, executes and writes";
const NO_VECTORS: &str = "there are no sets of vectors";
const NO_ZONE: &str = "nobody is told of zones";
const ANY_NAME: &str = "this server goes by a version of Redis in any case";
const KNOWN_VERSIONS: &str = "files of versions that are not known are refused";
const ONE_FORMAT: &str = "the text log has one format";
const REMOVED_WHERE_FOUND: &str = "whoever finds that a key has expired removes it";
const SAFE_SCRIPTS: &str = "scripts have no functions but those that are safe";

/// Directives of the modules that come with Redis 8, by how their names begin: taken, and neither
/// kept nor shown. Only a module knows all of their names.
pub(super) const OF_MODULES: [&str; 5] = ["bf-", "cf-", "json-", "search-", "ts-"];
/// Why they change nothing.
pub(super) const NO_MODULE: &str = NO_MODULES;

/// Every directive there is.
pub static TABLE: &[Directive] = &[
    // Network.
    row("bind", Words(words::addresses), "127.0.0.1 -::1"),
    row("port", PORT, "6379"),
    row("protected-mode", YES_NO, "yes"),
    row("tcp-backlog", COUNT, "511").fixed(),
    row("unixsocket", TEXT, "").fixed(),
    row("unixsocketperm", Octal(0o777), "0").fixed(),
    row("unixsocketgroup", TEXT, "").fixed(),
    row("timeout", COUNT, "0"),
    row("tcp-keepalive", COUNT, "300"),
    row("maxclients", Integer(1, UINT_MAX), "10000"),
    row("io-threads", Integer(0, 128), "0").fixed(),
    row("proto-max-bulk-len", Memory(1 << 20, LONG_MAX as u64), "536870912"),
    row("client-query-buffer-limit", Memory(1 << 20, LONG_MAX as u64), "1073741824"),
    row(
        "client-output-buffer-limit",
        OutputLimits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    ),
    row("bind-source-addr", TEXT, ""),
    row("io-threads-do-reads", YES_NO, "no").fixed().ignored(NO_THREADS),
    row("socket-mark-id", Integer(0, UINT_MAX), "0").fixed().ignored(NO_MARK),
    row("maxmemory-clients", MemoryOrPercent, "0"),
    row("tls-port", PORT, "0"),
    row("tls-replication", YES_NO, "no"),
    row("tls-cluster", YES_NO, "no"),
    row("tls-cert-file", TEXT, ""),
    row("tls-key-file", TEXT, ""),
    row("tls-client-cert-file", TEXT, ""),
    row("tls-client-key-file", TEXT, ""),
    row("tls-ca-cert-file", TEXT, ""),
    row("tls-ca-cert-dir", TEXT, ""),
    row("tls-auth-clients", Choice(&["no", "yes", "optional"]), "yes"),
    row("tls-protocols", TEXT, ""),
    row("tls-ciphers", TEXT, ""),
    row("tls-ciphersuites", TEXT, ""),
    row("tls-prefer-server-ciphers", YES_NO, "no"),
    row("tls-session-caching", YES_NO, "yes"),
    row("tls-session-cache-size", COUNT, "20480"),
    row("tls-session-cache-timeout", COUNT, "300"),
    row("tls-key-file-pass", TEXT, "").ignored(NO_PASSPHRASE),
    row("tls-client-key-file-pass", TEXT, "").ignored(NO_PASSPHRASE),
    row("tls-dh-params-file", TEXT, "").ignored(CURVES_ONLY),
    // General.
    row("databases", Integer(1, INT_MAX), "16").fixed(),
    row("loglevel", Choice(&["debug", "verbose", "notice", "warning", "nothing"]), "notice"),
    row("logfile", TEXT, "").fixed(),
    row("hide-user-data-from-log", YES_NO, "no"),
    row("daemonize", YES_NO, "no").fixed(),
    row("pidfile", TEXT, "").fixed(),
    row("supervised", Choice(&["upstart", "systemd", "auto", "no"]), "no").fixed(),
    row("hz", Clamped(1, 500), "10").ignored(NO_SAMPLING),
    row("active-expire-effort", Integer(1, 10), "1"),
    row("enable-debug-command", Choice(&["no", "yes", "local"]), "no").fixed(),
    row("enable-protected-configs", Choice(&["no", "yes", "local"]), "no").fixed(),
    row("shutdown-timeout", COUNT, "10"),
    row("crash-log-enabled", YES_NO, "yes"),
    row("shutdown-on-sigint", Flags(&["default", "save", "nosave", "now", "force"]), "default"),
    row("shutdown-on-sigterm", Flags(&["default", "save", "nosave", "now", "force"]), "default"),
    row("busy-reply-threshold", LONG, "5000").alias("lua-time-limit"),
    row("set-proc-title", YES_NO, "yes").fixed().ignored(NO_PROCESS),
    row(
        "proc-title-template",
        Checked(words::title_template),
        "{title} {listen-addr} {server-mode}",
    )
    .ignored(NO_PROCESS),
    row("always-show-logo", YES_NO, "no").fixed().ignored(NO_PROCESS),
    row("ignore-warnings", TEXT, "").ignored(NO_PROCESS),
    row("oom-score-adj", Choice(&["no", "yes", "relative", "absolute"]), "no").ignored(NO_PROCESS),
    row("oom-score-adj-values", Words(words::oom_scores), "0 200 800").ignored(NO_PROCESS),
    row("disable-thp", YES_NO, "yes").fixed().ignored(NO_PROCESS),
    row("server_cpulist", TEXT, "").fixed().alias("server-cpulist").ignored(NO_PROCESS),
    row("bio_cpulist", TEXT, "").fixed().alias("bio-cpulist").ignored(NO_PROCESS),
    row("bgsave_cpulist", TEXT, "").fixed().alias("bgsave-cpulist").ignored(NO_PROCESS),
    row("aof_rewrite_cpulist", TEXT, "").fixed().alias("aof-rewrite-cpulist").ignored(NO_PROCESS),
    row("crash-memcheck-enabled", YES_NO, "yes").ignored(NO_PROCESS),
    row("syslog-enabled", YES_NO, "no").fixed().ignored(NO_PROCESS),
    row("syslog-ident", TEXT, "redis").fixed().ignored(NO_PROCESS),
    row(
        "syslog-facility",
        Choice(&[
            "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
        ]),
        "local0",
    )
    .fixed()
    .ignored(NO_PROCESS),
    row("dynamic-hz", YES_NO, "yes").ignored(NO_PROCESS),
    row("jemalloc-bg-thread", YES_NO, "yes"),
    // Security.
    row("requirepass", TEXT, ""),
    row("aclfile", TEXT, "").fixed(),
    row("acllog-max-len", LONG, "128"),
    row("acl-pubsub-default", Choice(&["allchannels", "resetchannels"]), "resetchannels"),
    row("enable-module-command", Choice(&["no", "yes", "local"]), "no").fixed().ignored(NO_MODULES),
    // Data directory and snapshots.
    row("dir", Directory, "./backlogd-data").anchored(DIRECTORY_IN_USE),
    row("dbfilename", Checked(words::snapshot_name), "dump.rdb").protected(),
    row("save", SavePoints, "3600 1 300 100 60 10000"),
    row("stop-writes-on-bgsave-error", YES_NO, "yes"),
    row("rdbcompression", YES_NO, "yes"),
    row("rdbchecksum", YES_NO, "yes").fixed(),
    row("backlog-rdb-version", Integer(9, 11), "10"),
    row("rdb-save-incremental-fsync", YES_NO, "yes").ignored(NO_FORK),
    row("rdb-del-sync-files", YES_NO, "no").ignored(NO_FORK),
    row("sanitize-dump-payload", Choice(&["no", "yes", "clients"]), "no").ignored(NO_RESTORE),
    // The log.
    row("appendonly", AlwaysYes(ALWAYS_ON), "yes"),
    row("appendfsync", Choice(&["everysec", "always", "no"]), "everysec"),
    row("backlog-feed", Choice(&["durable", "sealed"]), "durable"),
    row("backlog-commit-replicas", COUNT, "0"),
    row("backlog-commit-timeout", Integer(1, INT_MAX), "1000"),
    row("backlog-start-readonly", COUNT, "0").fixed(),
    row("backlog-lineage-size", Integer(1, 1024), "64"),
    row("backlog-dir", TEXT, "").fixed(),
    row("backlog-segment-size", Memory(64 << 10, 1 << 40), "64mb").fixed(),
    row("backlog-retain-time", LONG, "0"),
    row("backlog-max-size", SIZE, "0"),
    row("backlog-min-free-disk", SIZE, "256mb"),
    row("backlog-snapshot-ratio", Percent(1, 1_000_000), "100"),
    row("backlog-snapshot-max-rate", SIZE, "256mb"),
    row("backlog-discarded-max-size", SIZE, "64mb"),
    row("backlog-discarded-max-count", COUNT, "8"),
    row("backlog-force-recovery", YES_NO, "no").fixed(),
    row("backlog-boot-id-file", TEXT, "/proc/sys/kernel/random/boot_id").fixed(),
    row("backlog-address-file", TEXT, "").fixed(),
    row("backlog-metrics-port", Integer(0, 65535), "0").fixed(),
    row("appendfilename", Checked(words::append_name), "appendonly.aof").fixed().ignored(NO_AOF),
    row("appenddirname", Checked(words::append_directory_name), "appendonlydir")
        .fixed()
        .ignored(NO_AOF),
    row("no-appendfsync-on-rewrite", YES_NO, "no").ignored(NO_AOF),
    row("auto-aof-rewrite-percentage", COUNT, "100").ignored(NO_AOF),
    row("auto-aof-rewrite-min-size", SIZE, "67108864").ignored(NO_AOF),
    row("aof-load-truncated", YES_NO, "yes").ignored(NO_AOF),
    row("aof-use-rdb-preamble", YES_NO, "yes").ignored(NO_AOF),
    row("aof-timestamp-enabled", YES_NO, "no").ignored(NO_AOF),
    row("aof-rewrite-incremental-fsync", YES_NO, "yes").ignored(NO_AOF),
    row("aof-disable-auto-gc", YES_NO, "no").ignored(NO_AOF),
    // Replication.
    row("repl-backlog-size", Memory(1, LONG_MAX as u64), "1gb"),
    row("repl-timeout", Integer(1, INT_MAX), "60"),
    row("repl-ping-replica-period", Integer(1, INT_MAX), "10").alias("repl-ping-slave-period"),
    row("repl-disable-tcp-nodelay", YES_NO, "no"),
    row("min-replicas-to-write", COUNT, "0").alias("min-slaves-to-write"),
    row("min-replicas-max-lag", COUNT, "10").alias("min-slaves-max-lag"),
    row("masterauth", TEXT, "").alias("primaryauth"),
    row("masteruser", TEXT, "").alias("primaryuser"),
    row("replica-announce-ip", TEXT, "").alias("slave-announce-ip"),
    row("replica-announce-port", PORT, "0").alias("slave-announce-port"),
    row("replicaof", Words(words::primary), "").fixed().alias("slaveof"),
    row("replica-serve-stale-data", YES_NO, "yes").alias("slave-serve-stale-data"),
    row("replica-read-only", YES_NO, "yes").alias("slave-read-only").refused(NO_OWN_WRITES),
    row("replica-priority", COUNT, "100").alias("slave-priority"),
    row("replica-announced", YES_NO, "yes"),
    row("replica-ignore-maxmemory", YES_NO, "yes")
        .alias("slave-ignore-maxmemory")
        .ignored(NO_OWN_EVICTION),
    row("replica-ignore-disk-write-errors", YES_NO, "no").ignored(LOG_FIRST),
    row("replica-lazy-flush", YES_NO, "no").alias("slave-lazy-flush").ignored(ALWAYS_LAZY),
    row("repl-diskless-load", Choice(&["disabled", "on-empty-db", "swapdb"]), "disabled"),
    row("propagation-error-behavior", Choice(&["ignore", "panic", "panic-on-replicas"]), "ignore")
        .ignored(ALWAYS_STRICT),
    row("repl-backlog-ttl", LONG, "3600").ignored(LOG_FEEDS),
    row("repl-diskless-sync", YES_NO, "yes"),
    row("repl-diskless-sync-delay", COUNT, "5").ignored(LOG_FEEDS),
    row("repl-diskless-sync-max-replicas", COUNT, "0").ignored(LOG_FEEDS),
    // Memory and encodings.
    row("maxmemory", MEMORY, "0"),
    row(
        "maxmemory-policy",
        Choice(&[
            "volatile-lru",
            "volatile-lfu",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "noeviction",
        ]),
        "noeviction",
    ),
    row("maxmemory-samples", Integer(1, INT_MAX), "5"),
    row("maxmemory-eviction-tenacity", Integer(0, 100), "10"),
    row("lfu-log-factor", COUNT, "10"),
    row("lfu-decay-time", COUNT, "1"),
    row("lazyfree-lazy-expire", YES_NO, "no").ignored(ALWAYS_LAZY),
    row("lazyfree-lazy-server-del", YES_NO, "no").ignored(ALWAYS_LAZY),
    row("lazyfree-lazy-user-del", YES_NO, "no").ignored(ALWAYS_LAZY),
    row("lazyfree-lazy-user-flush", YES_NO, "no").ignored(ALWAYS_LAZY),
    row("lazyfree-lazy-eviction", YES_NO, "no").ignored(FREED_AT_ONCE),
    row("hash-max-listpack-entries", LONG, "512").alias("hash-max-ziplist-entries"),
    row("hash-max-listpack-value", SIZE, "64").alias("hash-max-ziplist-value"),
    row("list-max-listpack-size", Integer(i32::MIN as i64, INT_MAX), "-2")
        .alias("list-max-ziplist-size"),
    row("list-compress-depth", COUNT, "0").ignored(NO_COMPRESSION),
    row("set-max-intset-entries", LONG, "512"),
    row("set-max-listpack-entries", LONG, "128"),
    row("set-max-listpack-value", SIZE, "64"),
    row("zset-max-listpack-entries", LONG, "128").alias("zset-max-ziplist-entries"),
    row("zset-max-listpack-value", SIZE, "64").alias("zset-max-ziplist-value"),
    row("hll-sparse-max-bytes", SIZE, "3000"),
    row("stream-node-max-bytes", SIZE, "4096"),
    row("stream-node-max-entries", LONG, "100"),
    row("activerehashing", YES_NO, "yes").ignored(NO_REHASH),
    row("activedefrag", YES_NO, "no").ignored(NO_REHASH),
    row("active-defrag-ignore-bytes", Memory(1, LONG_MAX as u64), "104857600").ignored(NO_REHASH),
    row("active-defrag-threshold-lower", Integer(0, 1000), "10").ignored(NO_REHASH),
    row("active-defrag-threshold-upper", Integer(0, 1000), "100").ignored(NO_REHASH),
    row("active-defrag-cycle-min", Integer(1, 99), "1").ignored(NO_REHASH),
    row("active-defrag-cycle-max", Integer(1, 99), "25").ignored(NO_REHASH),
    row("active-defrag-max-scan-fields", Integer(1, LONG_MAX), "1000").ignored(NO_REHASH),
    // Observation.
    row("slowlog-log-slower-than", Integer(-1, LONG_MAX), "10000")
        .alias("commandlog-execution-slower-than"),
    row("slowlog-max-len", LONG, "128").alias("commandlog-slow-execution-max-len"),
    row("latency-monitor-threshold", LONG, "0"),
    row("latency-tracking", YES_NO, "yes"),
    row("latency-tracking-info-percentiles", Words(words::percentiles), "50 99 99.9"),
    row("notify-keyspace-events", Checked(words::event_classes), ""),
    row("tracking-table-max-keys", LONG, "1000000"),
    row("locale-collate", TEXT, "").ignored(NO_LOCALE),
    // Cluster.
    row("cluster-enabled", YES_NO, "no").fixed().refused(NO_CLUSTER),
    row("cluster-announce-hostname", Checked(words::host_name), "").ignored(NO_CLUSTER),
    row("cluster-announce-human-nodename", TEXT, "").ignored(NO_CLUSTER),
    row("cluster-allow-pubsubshard-when-down", YES_NO, "yes").ignored(NO_CLUSTER),
    row("cluster-allow-reads-when-down", YES_NO, "no").ignored(NO_CLUSTER),
    row("cluster-allow-replica-migration", YES_NO, "yes").ignored(NO_CLUSTER),
    row("cluster-announce-bus-port", PORT, "0").ignored(NO_CLUSTER),
    row("cluster-announce-ip", TEXT, "").ignored(NO_CLUSTER),
    row("cluster-announce-port", PORT, "0").ignored(NO_CLUSTER),
    row("cluster-announce-tls-port", PORT, "0").ignored(NO_CLUSTER),
    row("cluster-config-file", TEXT, "nodes.conf").fixed().ignored(NO_CLUSTER),
    row("cluster-link-sendbuf-limit", MEMORY, "0").ignored(NO_CLUSTER),
    row("cluster-migration-barrier", COUNT, "1").ignored(NO_CLUSTER),
    row("cluster-node-timeout", LONG, "15000").ignored(NO_CLUSTER),
    row("cluster-port", PORT, "0").fixed().ignored(NO_CLUSTER),
    row("cluster-preferred-endpoint-type", Choice(&["ip", "hostname", "unknown-endpoint"]), "ip")
        .ignored(NO_CLUSTER),
    row("cluster-replica-no-failover", YES_NO, "no")
        .alias("cluster-slave-no-failover")
        .ignored(NO_CLUSTER),
    row("cluster-replica-validity-factor", COUNT, "10")
        .alias("cluster-slave-validity-factor")
        .ignored(NO_CLUSTER),
    row("cluster-require-full-coverage", YES_NO, "yes").ignored(NO_CLUSTER),
    // Of Valkey, and of Redis from 7.4 on.
    row("cluster-announce-client-ipv4", TEXT, "").ignored(NO_CLUSTER),
    row("cluster-announce-client-ipv6", TEXT, "").ignored(NO_CLUSTER),
    row("cluster-announce-client-port", PORT, "0").ignored(NO_CLUSTER),
    row("cluster-announce-client-tls-port", PORT, "0").ignored(NO_CLUSTER),
    row("cluster-blacklist-ttl", COUNT, "60").ignored(NO_CLUSTER),
    row("cluster-compatibility-sample-ratio", Integer(0, 100), "0").ignored(NO_CLUSTER),
    row("cluster-databases", Integer(1, INT_MAX), "1").fixed().ignored(NO_CLUSTER),
    row("cluster-manual-failover-timeout", Integer(1, INT_MAX), "5000").ignored(NO_CLUSTER),
    row("cluster-slot-migration-handoff-max-lag-bytes", SIZE, "1mb").ignored(NO_CLUSTER),
    row("cluster-slot-migration-log-max-len", LONG, "1000").ignored(NO_CLUSTER),
    row("cluster-slot-migration-write-pause-timeout", LONG, "10000").ignored(NO_CLUSTER),
    row("cluster-slot-stats-enabled", YES_NO, "no").ignored(NO_CLUSTER),
    row("slot-migration-max-failover-repl-bytes", Integer(-1, LONG_MAX), "0").ignored(NO_CLUSTER),
    row("auto-failover-on-shutdown", YES_NO, "no").ignored(NO_CLUSTER),
    row("availability-zone", TEXT, "").ignored(NO_ZONE),
    row("commandlog-large-reply-max-len", LONG, "128").ignored(NO_COMMAND_LOG),
    row("commandlog-large-request-max-len", LONG, "128").ignored(NO_COMMAND_LOG),
    row("commandlog-reply-larger-than", Integer(-1, LONG_MAX), "1048576").ignored(NO_COMMAND_LOG),
    row("commandlog-request-larger-than", Integer(-1, LONG_MAX), "1048576").ignored(NO_COMMAND_LOG),
    row("dual-channel-replication-enabled", YES_NO, "no").ignored(LOG_FEEDS),
    row("repl-rdb-channel", YES_NO, "no").ignored(LOG_FEEDS),
    row("replica-full-sync-buffer-limit", SIZE, "0").ignored(LOG_FEEDS),
    row("events-per-io-thread", COUNT, "2").ignored(NO_THREADS),
    row("lookahead", Integer(1, INT_MAX), "16").ignored(NO_THREADS),
    row("min-io-threads-avoid-copy-reply", COUNT, "7").ignored(NO_THREADS),
    row("prefetch-batch-max-size", Integer(0, 128), "16").ignored(NO_THREADS),
    row("max-new-connections-per-cycle", Integer(1, 1000), "10").ignored(NO_LIMIT),
    row("max-new-tls-connections-per-cycle", Integer(1, 1000), "1").ignored(NO_LIMIT),
    row("mptcp", YES_NO, "no").fixed().ignored(NO_MPTCP),
    row("repl-mptcp", YES_NO, "no").ignored(NO_MPTCP),
    row("rdma-bind", TEXT, "").ignored(NO_RDMA),
    row("rdma-completion-vector", Integer(-1, 1024), "-1").ignored(NO_RDMA),
    row("rdma-port", PORT, "0").refused(NO_RDMA),
    row("rdma-rx-size", SIZE, "1048576").ignored(NO_RDMA),
    row("extended-redis-compatibility", YES_NO, "no").ignored(ANY_NAME),
    row("log-format", Choice(&["legacy", "logfmt"]), "legacy").ignored(ONE_FORMAT),
    row("log-timestamp-format", Choice(&["legacy", "iso8601", "milliseconds"]), "legacy")
        .ignored(ONE_FORMAT),
    row("import-mode", YES_NO, "no").refused(NO_IMPORT),
    row("lazyexpire-nested-arbitrary-keys", YES_NO, "yes").ignored(REMOVED_WHERE_FOUND),
    row("lua-enable-deprecated-api", YES_NO, "no")
        .fixed()
        .alias("lua-enable-insecure-api")
        .ignored(SAFE_SCRIPTS),
    row("rdb-version-check", Choice(&["strict", "relaxed"]), "strict").ignored(KNOWN_VERSIONS),
    row("active-defrag-cycle-us", COUNT, "500").ignored(NO_REHASH),
    row("aof-load-corrupt-tail-max-size", SIZE, "0").ignored(NO_AOF),
    row("hash-seed", TEXT, "").fixed().ignored(NO_SEED),
    row("vset-force-single-threaded-execution", YES_NO, "no").ignored(NO_VECTORS),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::Access;

    #[test]
    fn every_default_is_a_value_of_its_kind_and_prints_as_itself() {
        for row in TABLE {
            let value = row.default_value();
            let line = value.to_line(row.kind);
            let words = crate::config::syntax::words(line.as_bytes()).unwrap();
            let words: Vec<_> = words.iter().map(Vec::as_slice).collect();
            if !matches!(row.kind, Directory) {
                assert_eq!(row.parse(&words, &ABSENT), Ok(value), "{}", row.name);
            }
        }
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut seen = HashSet::new();
        for row in TABLE {
            for name in [Some(row.name), row.alias].into_iter().flatten() {
                assert!(seen.insert(name), "{name}");
                assert_eq!(name, name.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn what_may_not_change_is_what_stock_servers_say_too() {
        let fixed = |name: &str| {
            TABLE[Directive::find(name.as_bytes()).unwrap()].access == Access::Immutable
        };
        for name in ["databases", "unixsocket", "slaveof", "logfile", "daemonize", "io-threads"] {
            assert!(fixed(name), "{name}");
        }
        for name in ["port", "bind", "maxclients"] {
            assert!(!fixed(name), "{name}");
        }
    }
}
