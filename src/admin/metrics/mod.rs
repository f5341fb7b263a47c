//! `/metrics`: what `INFO` tells, in the text format 0.0.4 of Prometheus.
//!
//! A function of values: the text of `INFO` and what stands in none of its lines. Names are those
//! that `redis_exporter` gives the same figures, so that its dashboards and alerts go on; what only
//! this server has begins with `backlogd_`. Who serves it is in `server`, requests in `net::http`.

mod families;
mod lines;
mod table;

pub use families::CONTENT_TYPE;

use families::{Families, Kind};

/// What `INFO` has no line for.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// When this is asked, in seconds since 1970.
    pub now_s: i64,
    /// When the server was started, in seconds since 1970.
    pub started_s: i64,
    /// How many databases there are.
    pub databases: usize,
    /// Entries of the slow log.
    pub slow_count: usize,
    /// Its newest entry: number and microseconds.
    pub slow_newest: Option<(u64, u64)>,
    /// Latency events: name, second and milliseconds of the last, milliseconds of the longest.
    pub latency: Vec<(String, i64, i64, i64)>,
    /// How many syncs of the log have failed.
    pub sync_failures: u64,
    /// From where on the log is kept, and by the words for each: who holds it, or does not.
    pub horizon: Option<(u64, Vec<(String, bool)>)>,
}

/// Writes everything there is to tell.
#[must_use]
pub fn exposition(info: &str, beside: &Beside) -> String {
    let mut families = Families::default();
    families.add("redis_up", Kind::Gauge, "Whether the server answers.", &[], 1.0);
    let fields = info.lines().filter_map(|line| line.trim_end().split_once(':'));
    let fields: Vec<(&str, &str)> = fields.collect();
    for (name, value) in &fields {
        if let Some(row) = table::find(name) {
            if let Some(number) = number(value) {
                families.add(row.metric, row.kind, row.help, &[], number * row.scale);
            }
        } else {
            lines::line(&mut families, name, value);
        }
    }
    lines::instance(&mut families, &fields);
    lines::primary(&mut families, &fields);
    lines::latencies(&mut families, &fields);
    databases(&mut families, beside.databases);
    told_beside(&mut families, beside, &fields);
    families.written()
}

/// Reads what `INFO` writes of a figure: a number, a percentage, or how something went.
fn number(value: &str) -> Option<f64> {
    match value {
        "ok" | "up" => Some(1.0),
        "err" | "down" => Some(0.0),
        _ => value.trim_end_matches('%').parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// Databases without a key have no line in `INFO`, and are zero and not absent.
fn databases(families: &mut Families, count: usize) {
    for database in 0..count {
        let database = format!("db{database}");
        for (name, kind, help) in [lines::KEYS, lines::EXPIRING] {
            // It stays as it is if it is there.
            families.add(name, kind, help, &[("db", &database)], 0.0);
        }
    }
}

fn told_beside(families: &mut Families, beside: &Beside, fields: &[(&str, &str)]) {
    let mut gauge = |name, help, labels: &[(&'static str, &str)], value: f64| {
        families.add(name, Kind::Gauge, help, labels, value);
    };
    let started = "When the server was started, in seconds since 1970.";
    gauge("redis_start_time_seconds", started, &[], beside.started_s as f64);
    gauge("redis_slowlog_length", "Entries of the slow log.", &[], beside.slow_count as f64);
    let (id, took_us) = beside.slow_newest.unwrap_or_default();
    gauge("redis_slowlog_last_id", "Number of the slow log's newest entry.", &[], id as f64);
    let took = "How long the slow log's newest entry took, in seconds.";
    gauge("redis_last_slow_execution_duration_seconds", took, &[], took_us as f64 / 1e6);
    for (event, at_s, took_ms, most_ms) in &beside.latency {
        let event = [("event_name", event.as_str())];
        let last = "When the event was noted last, in seconds since 1970.";
        gauge("redis_latency_spike_last", last, &event, *at_s as f64);
        let took = "How long the event took the last time, in seconds.";
        gauge("redis_latency_spike_duration_seconds", took, &event, *took_ms as f64 / 1e3);
        let most = "How long the event took at most, in seconds.";
        gauge("backlogd_latency_spike_max_seconds", most, &event, *most_ms as f64 / 1e3);
    }
    if let Some((horizon, holders)) = &beside.horizon {
        let kept = "The offset from which on the log is kept.";
        gauge("backlogd_retention_horizon_offset", kept, &[], *horizon as f64);
        let held = "Who keeps the log from being shorter: 1 for who does.";
        for (holder, holds) in holders {
            let holder = [("holder", holder.as_str())];
            gauge("backlogd_retention_held_by", held, &holder, f64::from(u8::from(*holds)));
        }
    }
    let saved = fields.iter().find(|(name, _)| *name == "rdb_last_save_time");
    if let Some(saved_s) = saved.and_then(|(_, saved)| saved.parse::<i64>().ok()) {
        let age_s = (beside.now_s - saved_s).max(0);
        let age = "Seconds since the newest snapshot was made, or the start where there is none.";
        gauge("backlogd_snapshot_age_seconds", age, &[], age_s as f64);
    }
    let failed = "Syncs of the log that have failed.";
    let failures = beside.sync_failures as f64;
    families.add("backlogd_sync_failures_total", Kind::Counter, failed, &[], failures);
}

#[cfg(test)]
mod tests;
