//! The text of `INFO`, section by section, in the spelling that dashboards expect.

mod counted;
mod data;
mod feeding;
mod following;
mod machine;
mod usage;

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::admin::crash::InfoSource;
use crate::command::REDIS_VERSION;
use crate::command::counters::Totals;
use crate::command::histogram::Times;
use crate::command::session::{ClientInfo, flag};
use crate::command::table::{self, Command};
use crate::config::settings::{AppendFsync, BacklogFeed};
use crate::keyspace::{Locked, ShardSet};
use crate::position::Offset;
use crate::replication::stream::Stream;

use super::Server;
use super::clock::unix_ms;

pub(super) use usage::Usage;

/// A section: its name, whether a plain `INFO` shows it, and what writes it.
type Section = (&'static str, Usual, fn(&Server, &mut Text<'_, '_>));

/// The sections in their order, and whether a plain `INFO` shows them.
const SECTIONS: [Section; 14] = [
    ("server", Usual::Yes, server_section),
    ("clients", Usual::Yes, clients),
    ("memory", Usual::Yes, machine::memory_section),
    ("persistence", Usual::Yes, data::persistence),
    ("stats", Usual::Yes, counted::stats),
    ("replication", Usual::Yes, replication),
    ("cpu", Usual::Yes, machine::cpu),
    ("modules", Usual::Yes, modules),
    ("commandstats", Usual::No, counted::command_stats),
    ("errorstats", Usual::Yes, counted::error_stats),
    ("latencystats", Usual::No, counted::latency_stats),
    ("cluster", Usual::Yes, cluster),
    ("keyspace", Usual::Yes, data::keyspace),
    ("backlog", Usual::Yes, backlog),
];

/// Whether a section is shown unless sections are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usual {
    Yes,
    No,
}

/// Lines of `name:value`, and what may be looked into for them.
struct Text<'h, 'k> {
    written: String,
    /// All shards, or none.
    held: &'h mut Locked<'k>,
}

impl Text<'_, '_> {
    fn head(&mut self, title: &str) {
        if !self.written.is_empty() {
            self.written.push_str("\r\n");
        }
        self.written.push_str("# ");
        self.written.push_str(title);
        self.written.push_str("\r\n");
    }

    fn line(&mut self, name: impl Display, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.written, "{name}:{value}\r\n");
    }

    fn bytes(&mut self, name: &str, bytes: u64) {
        self.line(name, bytes);
        self.line(format_args!("{name}_human"), human(bytes));
    }

    fn flag(&mut self, name: &str, on: bool) {
        self.line(name, u8::from(on));
    }
}

/// Tells the report of a crash how to make the text, a section at a time.
pub fn source_for_crashes(server: &Arc<Server>) -> InfoSource {
    let server = Arc::downgrade(server);
    let write = move |section: &str| {
        let Some(server) = server.upgrade() else { return String::new() };
        let mut held = server.keyspace.lock(ShardSet::EMPTY);
        info(&server, &[section.to_owned()], &mut held)
    };
    let sections = SECTIONS.iter().map(|(name, ..)| *name).collect();
    InfoSource { sections, write: Box::new(write) }
}

/// Writes the sections named, or the usual ones.
pub fn info(server: &Server, sections: &[String], held: &mut Locked<'_>) -> String {
    let named = |name: &str| sections.iter().any(|section| section == name);
    let all = named("all") || named("everything");
    let usual = sections.is_empty() || named("default");
    let mut text = Text { written: String::new(), held };
    for (name, shown, write) in SECTIONS {
        if all || named(name) || (usual && shown == Usual::Yes) {
            write(server, &mut text);
        }
    }
    text.written
}

fn server_section(server: &Server, text: &mut Text<'_, '_>) {
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
    // What stock servers say that were not made by that compiler.
    text.line("gcc_version", "0.0.0");
    text.line("process_id", std::process::id());
    text.line("process_supervised", server.process.supervisor());
    text.line("run_id", server.run_id);
    let port = server.listening.port();
    text.line("tcp_port", if port == 0 { server.listening.tls_port() } else { port });
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
    text.line("io_threads_active", u8::from(server.pool.serving() > 1));
    text.line("backlogd_workers", server.pool.serving());
    listeners(server, text);
}

/// Tells what is listened on, each address as it is configured.
fn listeners(server: &Server, text: &mut Text<'_, '_>) {
    let settings = server.settings();
    let tcp = |name: &'static str, port: u16| {
        (port != 0).then(|| {
            let addresses = settings.bind.iter().map(|address| format!("bind={address},"));
            format!("name={name},{}port={port}", addresses.collect::<String>())
        })
    };
    let plain = tcp("tcp", server.listening.port());
    let tls = tcp("tls", server.listening.tls_port());
    let path = settings.unix_socket.as_ref().map(|unix| unix.path.display());
    let unix = path.map(|path| format!("name=unix,bind={path}"));
    for (number, listener) in plain.into_iter().chain(unix).chain(tls).enumerate() {
        text.line(format_args!("listener{number}"), listener);
    }
}

fn clients(server: &Server, text: &mut Text<'_, '_>) {
    let all = server.clients.list();
    let with = |bit: u64| {
        all.iter().filter(|client| client.flags.load(Ordering::Relaxed) & bit != 0).count()
    };
    text.head("Clients");
    text.line("connected_clients", all.len() - with(flag::REPLICA));
    text.line("cluster_connections", 0);
    text.line("maxclients", server.live.clients_max());
    let largest = |bytes: fn(&ClientInfo) -> &AtomicUsize| {
        all.iter().map(|client| bytes(client).load(Ordering::Relaxed)).max().unwrap_or(0)
    };
    text.line("client_recent_max_input_buffer", largest(|client| &client.query_room));
    text.line("client_recent_max_output_buffer", largest(|client| &client.output_buffer));
    text.line("blocked_clients", with(flag::BLOCKED));
    text.line("tracking_clients", with(flag::TRACKING));
    text.line("clients_in_timeout_table", 0);
    text.line("total_blocking_keys", server.keyspace.awaited_count());
    text.line("total_blocking_keys_on_nokey", 0);
}

fn replication(server: &Server, text: &mut Text<'_, '_>) {
    let now_ms = unix_ms();
    let replicas = server.replicas.list();
    text.head("Replication");
    match server.roles.link() {
        Some(link) => following::link(server, &link, text),
        None => text.line("role", "master"),
    }
    text.line("connected_slaves", replicas.len());
    if let Some((_, lag_s)) = server.live.min_replicas() {
        text.line("min_slaves_good_slaves", server.replicas.count_good(lag_s, now_ms));
    }
    for (index, replica) in replicas.iter().enumerate() {
        text.line(
            format_args!("slave{index}"),
            format_args!(
                "ip={},port={},state={},offset={},lag={}",
                feeding::plain(&replica.introduction.address),
                replica.introduction.port,
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
    text.line("master_failover_state", server.failover.stage().word());
    text.line("master_replid", lineage.current());
    text.line("master_replid2", replid2);
    let stream = server.stream();
    let log = stream.as_deref().map(Stream::log);
    let (first, end) =
        log.map_or((Offset::ZERO, Offset::ZERO), |log| (log.sound_from(), log.written()));
    text.line("master_repl_offset", end);
    text.line("second_repl_offset", second);
    text.flag("repl_backlog_active", log.is_some());
    text.line("repl_backlog_size", server.settings().repl_backlog_size);
    text.line("repl_backlog_first_byte_offset", first.first_wanted());
    text.line("repl_backlog_histlen", end.since(first));
    text.line("backlog_lineage", feeding::lineage(&lineage));
}

fn modules(_server: &Server, text: &mut Text<'_, '_>) {
    text.head("Modules");
}

fn cluster(_server: &Server, text: &mut Text<'_, '_>) {
    text.head("Cluster");
    text.flag("cluster_enabled", false);
}

/// What the log holds, how far it is durable, and how long a replica may stay away.
fn backlog(server: &Server, text: &mut Text<'_, '_>) {
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
    text.line("backlog_mapped_bytes", log.mapped_bytes());
    text.line("backlog_covered_bytes", end.since(first));
    text.line("backlog_covered_seconds", covered_s(server, end.since(first), log.covered_ms()));
    text.flag("backlog_admits_writes", log.admission().is_ok());
    let syncs = log.sync_statistics();
    text.line("backlog_syncs", syncs.count);
    text.line("backlog_sync_last_usec", syncs.last_micros);
    text.line("backlog_sync_p50_usec", syncs.p50_micros);
    text.line("backlog_sync_p99_usec", syncs.p99_micros);
    text.line("backlog_sync_max_usec", syncs.max_micros);
    commit(server, text);
    following::resync(server, text);
    feeding::section(server, log, text);
}

/// What writes and replies wait for, and how far that is.
fn commit(server: &Server, text: &mut Text<'_, '_>) {
    let count = server.commit.replicas();
    let (waiting, timeouts) = server.commit.counts();
    text.line("backlog_commit_replicas", count);
    text.line("backlog_commit_offset", server.replicas.durable_at_nth(count as usize));
    text.line("backlog_commit_waiting", waiting);
    text.line("backlog_commit_timeouts", timeouts);
    text.line("backlog_start_readonly_seconds_left", server.doubt.seconds_left());
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

/// Adds up how long calls of a command took on all workers.
pub fn times(server: &Server, command: &Command) -> Times {
    let mut times = Times::default();
    let index = table::index_of(command);
    server.counters.iter().for_each(|counters| counters.add_times_to(index, &mut times));
    times
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
