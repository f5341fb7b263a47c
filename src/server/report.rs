//! The text of `INFO`, section by section, in the spelling that dashboards expect.

use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;

use crate::admin::memory;
use crate::command::REDIS_VERSION;
use crate::command::counters::{RowTotal, Totals};
use crate::command::session::flag;
use crate::command::table;
use crate::config::settings::{AppendFsync, BacklogFeed};
use crate::position::Offset;
use crate::replication::stream::Stream;

use super::Server;
use super::clock::unix_ms;

/// A section: its name, whether a plain `INFO` shows it, and what writes it.
type Section = (&'static str, Usual, fn(&Server, &mut Text));

/// The sections in their order, and whether a plain `INFO` shows them.
const SECTIONS: [Section; 14] = [
    ("server", Usual::Yes, server_section),
    ("clients", Usual::Yes, clients),
    ("memory", Usual::Yes, memory_section),
    ("persistence", Usual::Yes, persistence),
    ("stats", Usual::Yes, stats),
    ("replication", Usual::Yes, replication),
    ("cpu", Usual::Yes, cpu),
    ("modules", Usual::Yes, modules),
    ("commandstats", Usual::No, command_stats),
    ("errorstats", Usual::Yes, error_stats),
    ("latencystats", Usual::No, latency_stats),
    ("cluster", Usual::Yes, cluster),
    ("keyspace", Usual::Yes, keyspace),
    ("backlog", Usual::Yes, backlog),
];

/// Whether a section is shown unless sections are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usual {
    Yes,
    No,
}

/// Lines of `name:value`.
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        self.0.push_str("# ");
        self.0.push_str(title);
        self.0.push_str("\r\n");
    }

    fn line(&mut self, name: impl Display, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    fn bytes(&mut self, name: &str, bytes: u64) {
        self.line(name, bytes);
        self.line(format_args!("{name}_human"), human(bytes));
    }

    fn flag(&mut self, name: &str, on: bool) {
        self.line(name, u8::from(on));
    }
}

/// Writes the sections named, or the usual ones.
pub fn info(server: &Server, sections: &[String]) -> String {
    let named = |name: &str| sections.iter().any(|section| section == name);
    let all = named("all") || named("everything");
    let usual = sections.is_empty() || named("default");
    let mut text = Text::default();
    for (name, shown, write) in SECTIONS {
        if all || named(name) || (usual && shown == Usual::Yes) {
            write(server, &mut text);
        }
    }
    text.0
}

fn server_section(server: &Server, text: &mut Text) {
    let system = rustix::system::uname();
    let now_ms = unix_ms();
    let uptime_s = (now_ms - server.started_ms) / 1000;
    text.head("Server");
    text.line("redis_version", REDIS_VERSION);
    text.line("redis_git_sha1", "00000000");
    text.line("redis_git_dirty", 0);
    text.line("redis_build_id", "0");
    text.line("redis_mode", "standalone");
    text.line("backlogd_version", env!("CARGO_PKG_VERSION"));
    let (name, release, machine) = (system.sysname(), system.release(), system.machine());
    text.line(
        "os",
        format_args!(
            "{} {} {}",
            name.to_string_lossy(),
            release.to_string_lossy(),
            machine.to_string_lossy()
        ),
    );
    text.line("arch_bits", usize::BITS);
    text.line("monotonic_clock", "POSIX clock_gettime");
    text.line("multiplexing_api", "epoll");
    text.line("atomicvar_api", "c11-builtin");
    text.line("process_id", std::process::id());
    text.line("process_supervised", "no");
    text.line("run_id", server.run_id);
    text.line("tcp_port", server.listening.port());
    text.line("server_time_usec", now_ms * 1000);
    text.line("uptime_in_seconds", uptime_s);
    text.line("uptime_in_days", uptime_s / 86_400);
    text.line("hz", server.settings().hz);
    text.line("configured_hz", server.settings().hz);
    text.line("lru_clock", (now_ms / 1000) & 0xff_ffff);
    let executable = std::env::current_exe().unwrap_or_default();
    text.line("executable", executable.display());
    let file = server.config.lock().file().map(|path| path.display().to_string());
    text.line("config_file", file.unwrap_or_default());
    text.line("io_threads_active", u8::from(server.counters.len() > 2));
}

fn clients(server: &Server, text: &mut Text) {
    let all = server.clients.list();
    let with = |bit: u64| {
        all.iter().filter(|client| client.flags.load(Ordering::Relaxed) & bit != 0).count()
    };
    text.head("Clients");
    text.line("connected_clients", all.len() - with(flag::REPLICA));
    text.line("cluster_connections", 0);
    text.line("maxclients", server.live.clients_max());
    text.line("client_recent_max_input_buffer", 0);
    text.line("client_recent_max_output_buffer", 0);
    text.line("blocked_clients", with(flag::BLOCKED));
    text.line("tracking_clients", 0);
    text.line("clients_in_timeout_table", 0);
    text.line("total_blocking_keys", 0);
    text.line("total_blocking_keys_on_nokey", 0);
}

fn memory_section(server: &Server, text: &mut Text) {
    let figures = memory::memory();
    let peak = server.stats.peak_bytes.load(Ordering::Relaxed).max(figures.allocated);
    let ratio = |a: u64, b: u64| a as f64 / b.max(1) as f64;
    text.head("Memory");
    text.bytes("used_memory", figures.allocated);
    text.bytes("used_memory_rss", figures.rss);
    text.bytes("used_memory_peak", peak);
    text.line(
        "used_memory_peak_perc",
        format_args!("{:.2}%", 100.0 * ratio(figures.allocated, peak)),
    );
    text.line("used_memory_overhead", figures.metadata);
    text.line("used_memory_startup", 0);
    text.line("used_memory_dataset", figures.allocated.saturating_sub(figures.metadata));
    text.line(
        "used_memory_dataset_perc",
        format_args!(
            "{:.2}%",
            100.0 * ratio(figures.allocated.saturating_sub(figures.metadata), figures.allocated)
        ),
    );
    text.line("allocator_allocated", figures.allocated);
    text.line("allocator_active", figures.active);
    text.line("allocator_resident", figures.resident);
    text.bytes("total_system_memory", memory::machine_bytes());
    text.bytes("used_memory_lua", 0);
    text.line("used_memory_vm_eval", 0);
    text.bytes("used_memory_scripts", 0);
    text.line("number_of_cached_scripts", 0);
    text.line("number_of_functions", 0);
    text.line("number_of_libraries", 0);
    text.bytes("maxmemory", 0);
    text.line("maxmemory_policy", "noeviction");
    text.line(
        "allocator_frag_ratio",
        format_args!("{:.2}", ratio(figures.active, figures.allocated)),
    );
    text.line("allocator_frag_bytes", figures.active.saturating_sub(figures.allocated));
    text.line(
        "allocator_rss_ratio",
        format_args!("{:.2}", ratio(figures.resident, figures.active)),
    );
    text.line("allocator_rss_bytes", figures.resident.saturating_sub(figures.active));
    text.line("rss_overhead_ratio", format_args!("{:.2}", ratio(figures.rss, figures.resident)));
    text.line("rss_overhead_bytes", figures.rss as i64 - figures.resident as i64);
    text.line(
        "mem_fragmentation_ratio",
        format_args!("{:.2}", ratio(figures.rss_anonymous, figures.allocated)),
    );
    text.line("mem_fragmentation_bytes", figures.rss_anonymous as i64 - figures.allocated as i64);
    text.line("mem_not_counted_for_evict", 0);
    text.line("mem_replication_backlog", 0);
    text.line("mem_total_replication_buffers", 0);
    text.line("mem_clients_slaves", 0);
    text.line("mem_clients_normal", 0);
    text.line("mem_cluster_links", 0);
    text.line("mem_aof_buffer", 0);
    text.line("mem_allocator", "jemalloc");
    text.line("active_defrag_running", 0);
    text.line("lazyfree_pending_objects", 0);
    text.line("lazyfreed_objects", 0);
}

fn persistence(server: &Server, text: &mut Text) {
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
    text.line("current_save_keys_processed", 0);
    text.line("current_save_keys_total", 0);
    text.line("rdb_changes_since_last_save", server.live.changes());
    text.flag("rdb_bgsave_in_progress", server.saving.is_busy());
    text.line("rdb_last_save_time", state.last_save_s);
    text.line("rdb_last_bgsave_status", status);
    text.line("rdb_last_bgsave_time_sec", state.last_took_s.map_or(-1, |s| s as i64));
    text.line("rdb_current_bgsave_time_sec", running_s);
    text.line("rdb_saves", state.saves);
    text.line("rdb_last_cow_size", 0);
    text.flag("aof_enabled", true);
    text.flag("aof_rewrite_in_progress", false);
    text.flag("aof_rewrite_scheduled", false);
    text.line("aof_last_rewrite_time_sec", -1);
    text.line("aof_current_rewrite_time_sec", -1);
    text.line("aof_last_bgrewrite_status", "ok");
    let Some(stream) = server.stream() else { return };
    let log = stream.log();
    let writes = if log.admission().is_ok() { "ok" } else { "err" };
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

fn loading_lines(server: &Server, text: &mut Text) {
    let (total, done) = server.loading.progress();
    let elapsed_s = (unix_ms() - server.started_ms) / 1000;
    let share = done as f64 * 100.0 / total.max(1) as f64;
    let left_s =
        if done == 0 { 1 } else { elapsed_s * total.saturating_sub(done) as i64 / done as i64 };
    text.line("loading_start_time", server.started_ms / 1000);
    text.line("loading_total_bytes", total);
    text.line("loading_rdb_used_mem", 0);
    text.line("loading_loaded_bytes", done);
    text.line("loading_loaded_perc", format_args!("{share:.2}"));
    text.line("loading_eta_seconds", left_s);
}

fn stats(server: &Server, text: &mut Text) {
    let totals = totals(server);
    let calls: u64 = totals.rows.iter().map(|row| row.calls).sum();
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    text.head("Stats");
    text.line("total_connections_received", server.clients.total());
    text.line("total_commands_processed", calls);
    text.line("instantaneous_ops_per_sec", server.stats.ops.per_second());
    text.line("total_net_input_bytes", totals.input_bytes);
    text.line("total_net_output_bytes", totals.output_bytes);
    text.line("total_net_repl_input_bytes", 0);
    text.line("total_net_repl_output_bytes", 0);
    text.line(
        "instantaneous_input_kbps",
        format_args!("{:.2}", server.stats.input.per_second() as f64 / 1024.0),
    );
    text.line(
        "instantaneous_output_kbps",
        format_args!("{:.2}", server.stats.output.per_second() as f64 / 1024.0),
    );
    text.line("rejected_connections", server.clients.refused());
    text.line("sync_full", count(&server.stats.full_syncs));
    text.line("sync_partial_ok", count(&server.stats.partial_syncs));
    text.line("sync_partial_err", count(&server.stats.refused_partial_syncs));
    text.line("expired_keys", count(&server.stats.expired));
    text.line("expired_stale_perc", "0.00");
    text.line("expired_time_cap_reached_count", 0);
    text.line("expire_cycle_cpu_milliseconds", 0);
    text.line("evicted_keys", 0);
    text.line("evicted_clients", 0);
    text.line("total_eviction_exceeded_time", 0);
    text.line("current_eviction_exceeded_time", 0);
    text.line("keyspace_hits", totals.hits);
    text.line("keyspace_misses", totals.misses);
    text.line("pubsub_channels", 0);
    text.line("pubsub_patterns", 0);
    text.line("pubsubshard_channels", 0);
    text.line("latest_fork_usec", 0);
    text.line("total_forks", 0);
    text.line("migrate_cached_sockets", 0);
    text.line("slave_expires_tracked_keys", 0);
    text.line("active_defrag_hits", 0);
    text.line("active_defrag_misses", 0);
    text.line("active_defrag_key_hits", 0);
    text.line("active_defrag_key_misses", 0);
    text.line("total_active_defrag_time", 0);
    text.line("current_active_defrag_time", 0);
    text.line("tracking_total_keys", 0);
    text.line("tracking_total_items", 0);
    text.line("tracking_total_prefixes", 0);
    text.line("unexpected_error_replies", 0);
    text.line("total_error_replies", totals.errors.values().sum::<u64>());
    text.line("dump_payload_sanitizations", 0);
    text.line("total_reads_processed", 0);
    text.line("total_writes_processed", 0);
    text.line("io_threaded_reads_processed", 0);
    text.line("io_threaded_writes_processed", 0);
    text.line("reply_buffer_shrinks", 0);
    text.line("reply_buffer_expands", 0);
}

fn replication(server: &Server, text: &mut Text) {
    let now_ms = unix_ms();
    let replicas = server.replicas.list();
    text.head("Replication");
    text.line("role", "master");
    text.line("connected_slaves", replicas.len());
    if let Some((_, lag_s)) = server.live.min_replicas() {
        text.line("min_slaves_good_slaves", server.replicas.count_good(lag_s, now_ms));
    }
    for (index, replica) in replicas.iter().enumerate() {
        text.line(
            format_args!("slave{index}"),
            format_args!(
                "ip={},port={},state={},offset={},lag={}",
                replica.address,
                replica.port,
                replica.state().word(),
                replica.acknowledged(),
                replica.lag_s(now_ms)
            ),
        );
    }
    let lineage = server.identity.lock().clone();
    let (replid2, second) = match lineage.past().first() {
        Some(old) => (old.replid.to_string(), old.ceiling.first_wanted() as i64),
        None => ("0".repeat(40), -1),
    };
    text.line("master_failover_state", "no-failover");
    text.line("master_replid", lineage.current());
    text.line("master_replid2", replid2);
    let log = server.stream().map(Stream::log);
    let (first, end) =
        log.map_or((Offset::ZERO, Offset::ZERO), |log| (log.sound_from(), log.written()));
    text.line("master_repl_offset", end);
    text.line("second_repl_offset", second);
    text.flag("repl_backlog_active", log.is_some());
    text.line("repl_backlog_size", server.settings().repl_backlog_size);
    text.line("repl_backlog_first_byte_offset", first.first_wanted());
    text.line("repl_backlog_histlen", end.since(first));
}

fn cpu(_server: &Server, text: &mut Text) {
    let time = memory::processor_time();
    text.head("CPU");
    text.line("used_cpu_sys", format_args!("{:.6}", time.system));
    text.line("used_cpu_user", format_args!("{:.6}", time.user));
    text.line("used_cpu_sys_children", format_args!("{:.6}", time.system_children));
    text.line("used_cpu_user_children", format_args!("{:.6}", time.user_children));
}

fn modules(_server: &Server, text: &mut Text) {
    text.head("Modules");
}

fn called(totals: &Totals) -> impl Iterator<Item = (&'static str, &RowTotal)> {
    let names = table::all().iter().map(|command| command.name);
    names.zip(&totals.rows).filter(|(_, row)| row.calls + row.rejected + row.failed > 0)
}

fn command_stats(server: &Server, text: &mut Text) {
    let totals = totals(server);
    text.head("Commandstats");
    for (name, row) in called(&totals) {
        let per_call = row.took_us as f64 / row.calls.max(1) as f64;
        text.line(
            format_args!("cmdstat_{name}"),
            format_args!(
                "calls={},usec={},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
                row.calls, row.took_us, row.rejected, row.failed
            ),
        );
    }
}

fn error_stats(server: &Server, text: &mut Text) {
    text.head("Errorstats");
    for (code, count) in totals(server).errors {
        text.line(format_args!("errorstat_{code}"), format_args!("count={count}"));
    }
}

fn latency_stats(server: &Server, text: &mut Text) {
    let totals = totals(server);
    let settings = server.settings();
    text.head("Latencystats");
    if !settings.latency_tracking {
        return;
    }
    for (name, row) in called(&totals).filter(|(_, row)| row.calls > 0) {
        let shares = settings.latency_percentiles.iter();
        let shown: Vec<String> =
            shares.map(|p| format!("p{p}={:.3}", row.percentile_us(*p))).collect();
        text.line(format_args!("latency_percentiles_usec_{name}"), shown.join(","));
    }
}

fn cluster(_server: &Server, text: &mut Text) {
    text.head("Cluster");
    text.flag("cluster_enabled", false);
}

fn keyspace(server: &Server, text: &mut Text) {
    text.head("Keyspace");
    for database in 0..server.keyspace.databases() {
        let keys = server.keyspace.keys_count(database);
        if keys > 0 {
            let expires = server.keyspace.expiring_count(database);
            text.line(
                format_args!("db{database}"),
                format_args!("keys={keys},expires={expires},avg_ttl=0"),
            );
        }
    }
}

/// What the log holds, how far it is durable, and how long a replica may stay away.
fn backlog(server: &Server, text: &mut Text) {
    let settings = server.settings();
    text.head("Backlog");
    text.line("backlog_dir", settings.backlog_dir.display());
    let feed = match settings.backlog_feed {
        BacklogFeed::Durable => "durable",
        BacklogFeed::Sealed => "sealed",
    };
    let fsync = match settings.appendfsync {
        AppendFsync::Always => "always",
        AppendFsync::EverySecond => "everysec",
        AppendFsync::No => "no",
    };
    text.line("backlog_feed", feed);
    text.line("backlog_fsync", fsync);
    let Some(stream) = server.stream() else { return };
    let log = stream.log();
    let (first, end) = (log.sound_from(), log.sealed());
    let snapshot = server.saving.state().newest.map(|newest| newest.meta().offset);
    text.line("backlog_start_offset", log.first());
    text.line("backlog_snapshot_offset", snapshot.map_or(-1, |offset| offset.0 as i64));
    text.line("backlog_durable_offset", log.durable());
    text.line("backlog_sealed_offset", end);
    text.line("backlog_written_offset", log.written());
    text.line("backlog_segments", log.segments());
    text.line("backlog_segment_bytes", settings.backlog_segment_size);
    text.line("backlog_file_bytes", log.file_bytes());
    text.line("backlog_covered_bytes", end.since(first));
    text.line("backlog_covered_seconds", covered_s(server, end.since(first), log.covered_ms()));
    text.flag("backlog_admits_writes", log.admission().is_ok());
    let syncs = log.sync_statistics();
    text.line("backlog_syncs", syncs.count);
    text.line("backlog_sync_last_usec", syncs.last_micros);
    text.line("backlog_sync_p50_usec", syncs.p50_micros);
    text.line("backlog_sync_p99_usec", syncs.p99_micros);
    text.line("backlog_sync_max_usec", syncs.max_micros);
    text.line("backlog_lineage", server.identity.lock().past().len() + 1);
}

/// How many seconds of absence the backlog covers at the present rate of writing.
///
/// An idle server covers at least the time since its oldest segment was begun.
fn covered_s(server: &Server, bytes: u64, age_ms: u64) -> u64 {
    match server.stats.written.per_second() {
        0 => age_ms / 1000,
        rate => bytes.max(server.settings().repl_backlog_size) / rate,
    }
}

/// Adds up what all workers counted.
pub fn totals(server: &Server) -> Totals {
    let mut totals = Totals::default();
    server.counters.iter().for_each(|counters| counters.add_to(&mut totals));
    totals
}

/// Shortens a number of bytes as Redis does: `1.50K`, `2.00M`.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.2}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn bytes_are_shortened_with_two_decimals() {
        assert_eq!(human(1023), "1023B");
        assert_eq!(human(1536), "1.50K");
        assert_eq!(human(3 << 30), "3.00G");
    }
}
