//! Lines of `INFO` that hold several figures: databases, commands, errors, replicas, the primary.

use super::families::{Families, Kind};
use super::number;

/// A family: name, kind and help.
pub(super) type Known = (&'static str, Kind, &'static str);

pub(super) const KEYS: Known = ("redis_db_keys", Kind::Gauge, "Keys of a database.");
pub(super) const EXPIRING: Known =
    ("redis_db_keys_expiring", Kind::Gauge, "Keys of a database that expire.");
const AVERAGE_TTL: Known =
    ("redis_db_avg_ttl_seconds", Kind::Gauge, "How long keys that expire have to live on average.");
const PERCENTILES: Known = (
    "redis_latency_percentiles_usec",
    Kind::Summary,
    "How long calls of a command took, in microseconds; quantiles are percentages.",
);

/// Adds the figures of one line, if it is of a kind that is known.
pub(super) fn line(families: &mut Families, name: &str, value: &str) {
    if let Some(command) = name.strip_prefix("cmdstat_") {
        command_line(families, command, value);
    } else if let Some(code) = name.strip_prefix("errorstat_") {
        let count = field(value, "count").and_then(number);
        let labels = [("err", code)];
        let help = "Error replies by their code.";
        add(families, ("redis_errors_total", Kind::Counter, help), &labels, count);
    } else if is_numbered(name, "slave") {
        stock_replica(families, value);
    } else if is_numbered(name, "backlog_replica") {
        replica(families, value);
    } else if is_numbered(name, "db") {
        let labels = [("db", name)];
        add(families, KEYS, &labels, field(value, "keys").and_then(number));
        add(families, EXPIRING, &labels, field(value, "expires").and_then(number));
        let ttl_ms = field(value, "avg_ttl").and_then(number);
        add(families, AVERAGE_TTL, &labels, ttl_ms.map(|ms| ms / 1e3));
    }
}

/// Adds how long calls of each command took, with their sum and count.
pub(super) fn latencies(families: &mut Families, fields: &[(&str, &str)]) {
    let (name, kind, help) = PERCENTILES;
    for (line, value) in fields {
        let Some(command) = line.strip_prefix("latency_percentiles_usec_") else { continue };
        for (share, took_us) in value.split(',').filter_map(|part| part.split_once('=')) {
            let labels = [("cmd", command), ("quantile", share.trim_start_matches('p'))];
            if let Some(took_us) = number(took_us) {
                families.add(name, kind, help, &labels, took_us);
            }
        }
        let counted =
            fields.iter().find(|(name, _)| name.strip_prefix("cmdstat_") == Some(command));
        let Some((_, counted)) = counted else { continue };
        for (suffix, part) in [("_sum", "usec"), ("_count", "calls")] {
            if let Some(value) = field(counted, part).and_then(number) {
                families.add_part(name, kind, help, suffix, &[("cmd", command)], value);
            }
        }
    }
}

/// Adds who this server is.
pub(super) fn instance(families: &mut Families, fields: &[(&str, &str)]) {
    const NAMES: [&str; 9] = [
        "maxmemory_policy",
        "os",
        "process_id",
        "redis_build_id",
        "redis_mode",
        "redis_version",
        "role",
        "run_id",
        "tcp_port",
    ];
    let labels = NAMES.map(|name| (name, find(fields, name).unwrap_or_default()));
    families.add("redis_instance_info", Kind::Gauge, "Who the server is.", &labels, 1.0);
    let version = [("version", find(fields, "backlogd_version").unwrap_or_default())];
    families.add("backlogd_info", Kind::Gauge, "Which version it is.", &version, 1.0);
}

/// Adds how a replica gets on with its primary.
pub(super) fn primary(families: &mut Families, fields: &[(&str, &str)]) {
    let (Some(host), Some(port)) = (find(fields, "master_host"), find(fields, "master_port"))
    else {
        return;
    };
    let labels = [("master_host", host), ("master_port", port)];
    for (name, metric, help) in [
        ("master_link_status", "redis_master_link_up", "Whether the link to the primary is up."),
        (
            "master_last_io_seconds_ago",
            "redis_master_last_io_seconds_ago",
            "Seconds since the primary was heard of.",
        ),
        (
            "master_sync_in_progress",
            "redis_master_sync_in_progress",
            "Whether a full resync is under way.",
        ),
        (
            "slave_repl_offset",
            "redis_slave_repl_offset",
            "What is applied of the primary's stream.",
        ),
    ] {
        let value = find(fields, name).and_then(number);
        add(families, (metric, Kind::Gauge, help), &labels, value);
    }
    let read_only = [("read_only", find(fields, "slave_read_only").unwrap_or("1"))];
    let labels = [&labels[..], &read_only].concat();
    families.add("redis_slave_info", Kind::Gauge, "Whom the server follows.", &labels, 1.0);
}

fn command_line(families: &mut Families, command: &str, value: &str) {
    for (part, scale, metric, help) in [
        ("calls", 1.0, "redis_commands_total", "Calls of a command."),
        (
            "usec",
            1e-6,
            "redis_commands_duration_seconds_total",
            "How long all calls of a command took, in seconds.",
        ),
        (
            "rejected_calls",
            1.0,
            "redis_commands_rejected_calls_total",
            "Calls of a command that were refused before it ran.",
        ),
        (
            "failed_calls",
            1.0,
            "redis_commands_failed_calls_total",
            "Calls of a command that ended with an error.",
        ),
    ] {
        let value = field(value, part).and_then(number).map(|value| value * scale);
        add(families, (metric, Kind::Counter, help), &[("cmd", command)], value);
    }
}

fn stock_replica(families: &mut Families, value: &str) {
    let part = |name| field(value, name).unwrap_or_default();
    let labels =
        [("slave_ip", part("ip")), ("slave_port", part("port")), ("slave_state", part("state"))];
    let offset = "What a replica has acknowledged, as an offset.";
    let offset = ("redis_connected_slave_offset_bytes", Kind::Gauge, offset);
    add(families, offset, &labels, field(value, "offset").and_then(number));
    let lag = "Seconds for which a replica has been silent.";
    let lag = ("redis_connected_slave_lag_seconds", Kind::Gauge, lag);
    add(families, lag, &labels, field(value, "lag").and_then(number));
}

fn replica(families: &mut Families, value: &str) {
    let part = |name| field(value, name).unwrap_or_default();
    let labels = [
        ("ip", part("ip")),
        ("port", part("port")),
        ("kind", part("kind")),
        ("state", part("state")),
    ];
    for (name, metric, help) in [
        ("offset", "backlogd_replica_offset", "What a replica has acknowledged."),
        ("durable_offset", "backlogd_replica_durable_offset", "What a replica has on disk."),
        ("lag_bytes", "backlogd_replica_lag_bytes", "Bytes a replica has not acknowledged, or -1."),
        (
            "lag_seconds",
            "backlogd_replica_lag_seconds",
            "Age of the oldest byte a replica has not acknowledged, or -1.",
        ),
        ("sync_bytes", "backlogd_replica_sync_bytes", "Bytes sent of a snapshot under way."),
        ("sync_total", "backlogd_replica_sync_total_bytes", "Bytes of a snapshot under way."),
    ] {
        let value = field(value, name).and_then(number);
        add(families, (metric, Kind::Gauge, help), &labels, value);
    }
}

fn add(
    families: &mut Families,
    (name, kind, help): Known,
    labels: &[(&'static str, &str)],
    value: Option<f64>,
) {
    if let Some(value) = value {
        families.add(name, kind, help, labels, value);
    }
}

/// Whether a number stands behind the prefix.
fn is_numbered(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix).unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
}

/// One of the fields `name=value` that commas part.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let mut fields = line.split(',').filter_map(|part| part.split_once('='));
    fields.find(|(own, _)| *own == name).map(|(_, value)| value)
}

fn find<'f>(fields: &[(&str, &'f str)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
}
