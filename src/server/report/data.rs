//! `INFO`: what is kept on disk, what is being loaded, and the keys.

use crate::keyspace::{Entry, Locked, ScanCursor, ShardSet};
use crate::server::Server;
use crate::server::clock::unix_ms;

use super::Text;

pub(super) fn persistence(server: &Server, text: &mut Text<'_, '_>) {
    let state = server.saving.state();
    let now_s = unix_ms() / 1000;
    let status = if server.saving.has_failed() { "err" } else { "ok" };
    let running_s = state.began_s.map_or(-1, |began| now_s - began);
    text.head("Persistence");
    let loading = server.live.is_loading();
    text.flag("loading", loading);
    text.flag("async_loading", false);
    if loading {
        loading_lines(server, text);
    }
    text.line("current_cow_peak", 0);
    text.line("current_cow_size", 0);
    text.line("current_cow_size_age", 0);
    let (keys_done, keys_total) = server.saving.progress();
    let share = keys_done as f64 * 100.0 / keys_total.max(1) as f64;
    text.line("current_fork_perc", format_args!("{share:.2}"));
    text.line("current_save_keys_processed", keys_done);
    text.line("current_save_keys_total", keys_total);
    text.line("rdb_changes_since_last_save", server.live.changes());
    text.flag("rdb_bgsave_in_progress", server.saving.is_busy());
    text.line("rdb_last_save_time", state.last_save_s);
    text.line("rdb_last_bgsave_status", status);
    text.line("rdb_last_bgsave_time_sec", state.last_took.map_or(-1, |took| took.as_secs() as i64));
    text.line("rdb_current_bgsave_time_sec", running_s);
    text.line("rdb_saves", state.saves);
    text.line("rdb_last_cow_size", 0);
    // Keys whose time has come are loaded like all others, and are deleted by way of the log.
    text.line("rdb_last_load_keys_expired", 0);
    text.line("rdb_last_load_keys_loaded", server.loading.keys());
    text.flag("aof_enabled", true);
    text.flag("aof_rewrite_in_progress", false);
    text.flag("aof_rewrite_scheduled", false);
    text.line("aof_last_rewrite_time_sec", -1);
    text.line("aof_current_rewrite_time_sec", -1);
    text.line("aof_last_bgrewrite_status", "ok");
    text.line("aof_rewrites", 0);
    text.line("aof_rewrites_consecutive_failures", 0);
    let Some(stream) = server.stream() else { return };
    let log = stream.log();
    let is_taken = log.admission().is_ok() && !server.live.disk_is_short();
    let writes = if is_taken { "ok" } else { "err" };
    let size = log.sealed().since(log.first());
    text.line("aof_last_write_status", writes);
    text.line("aof_last_cow_size", 0);
    text.line("module_fork_in_progress", 0);
    text.line("module_fork_last_cow_size", 0);
    text.line("aof_current_size", size);
    text.line("aof_base_size", 0);
    text.flag("aof_pending_rewrite", false);
    text.line("aof_buffer_length", log.written().since(log.sealed()));
    text.flag("aof_pending_bio_fsync", log.durable() < log.sealed());
    text.line("aof_delayed_fsync", 0);
}

fn loading_lines(server: &Server, text: &mut Text<'_, '_>) {
    let (total, done) = server.loading.progress();
    // Before the first is begun, it is found out what is to be loaded.
    let began_ms = server.loading.began_ms().unwrap_or(server.started_ms);
    let elapsed_s = (unix_ms() - began_ms) / 1000;
    let share = done as f64 * 100.0 / total.max(1) as f64;
    let left_s =
        if done == 0 { 1 } else { elapsed_s * total.saturating_sub(done) as i64 / done as i64 };
    text.line("loading_start_time", began_ms / 1000);
    text.line("loading_total_bytes", total);
    text.line("loading_rdb_used_mem", 0);
    text.line("loading_loaded_bytes", done);
    text.line("loading_loaded_perc", format_args!("{share:.2}"));
    text.line("loading_eta_seconds", left_s);
}

pub(super) fn keyspace(server: &Server, text: &mut Text<'_, '_>) {
    text.head("Keyspace");
    for database in 0..server.keyspace.databases() {
        let keys = server.keyspace.keys_count(database);
        if keys > 0 {
            let expires = server.keyspace.expiring_count(database);
            let ttl_ms = if expires > 0 { average_ttl_ms(server, text.held, database) } else { 0 };
            text.line(
                format_args!("db{database}"),
                format_args!("keys={keys},expires={expires},avg_ttl={ttl_ms}"),
            );
        }
    }
}

/// Estimates how long the keys of a database that expire have still to live, in milliseconds.
///
/// The keys that come first by their hash are as good a sample as any.
fn average_ttl_ms(server: &Server, held: &mut Locked<'_>, database: usize) -> i64 {
    /// So many of the keys seen are to expire, if there are as many.
    const SAMPLES: i64 = 100;
    const KEYS_AT_ONCE: usize = 500;
    const KEYS_MAX: usize = 20_000;
    let now_ms = unix_ms();
    let (mut sum, mut samples, mut seen) = (0_i128, 0, 0);
    let mut cursor = ScanCursor::START;
    loop {
        let look = |entry: Entry<'_>| {
            if let Some(at_ms) = entry.expiry().filter(|at_ms| *at_ms > now_ms) {
                sum += i128::from(at_ms) - i128::from(now_ms);
                samples += 1;
            }
        };
        cursor = if held.holds(ShardSet::ALL) {
            held.db(database).scan(cursor, KEYS_AT_ONCE, look)
        } else {
            server.keyspace.scan(database, cursor, KEYS_AT_ONCE, look)
        };
        seen += KEYS_AT_ONCE;
        if samples >= SAMPLES || seen >= KEYS_MAX || cursor == ScanCursor::START {
            let average = sum / i128::from(samples.max(1));
            return i64::try_from(average).unwrap_or(i64::MAX);
        }
    }
}
