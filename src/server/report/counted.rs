//! `INFO`: what was counted, over all and for each command and error.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::command::acl::Reason;
use crate::command::counters::{RowTotal, Totals};
use crate::command::pubsub::Kind;
use crate::command::table::{self, Command};
use crate::server::Server;
use crate::server::stats::Rate;

use super::{Text, times, totals};

/// Tells a rate in KiB per second.
fn kbps(rate: &Rate) -> String {
    format!("{:.2}", rate.per_second() as f64 / 1024.0)
}

pub(super) fn stats(server: &Server, text: &mut Text<'_, '_>) {
    let totals = totals(server);
    let calls = totals.calls();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    text.head("Stats");
    text.line("total_connections_received", server.clients.total());
    text.line("total_commands_processed", calls);
    text.line("instantaneous_ops_per_sec", server.stats.ops.per_second());
    text.line("total_net_input_bytes", totals.input_bytes + count(&server.stats.followed));
    text.line("total_net_output_bytes", totals.output_bytes + count(&server.stats.fed));
    text.line("total_net_repl_input_bytes", count(&server.stats.followed));
    text.line("total_net_repl_output_bytes", count(&server.stats.fed));
    text.line("instantaneous_input_kbps", kbps(&server.stats.input));
    text.line("instantaneous_output_kbps", kbps(&server.stats.output));
    text.line("instantaneous_input_repl_kbps", kbps(&server.stats.following));
    text.line("instantaneous_output_repl_kbps", kbps(&server.stats.feeding));
    text.line("rejected_connections", server.clients.refused());
    text.line("sync_full", count(&server.stats.full_syncs));
    text.line("sync_partial_ok", count(&server.stats.partial_syncs));
    text.line("sync_partial_err", count(&server.stats.refused_partial_syncs));
    text.line("expired_keys", count(&server.stats.expired));
    let stale = server.stats.expiry_stale.value();
    text.line("expired_stale_perc", format_args!("{:.2}", stale * 100.0));
    text.line("expired_time_cap_reached_count", count(&server.stats.expiry_cut_short));
    text.line("expire_cycle_cpu_milliseconds", count(&server.stats.expiry_us) / 1000);
    text.line("evicted_keys", count(&server.stats.evicted));
    text.line("evicted_clients", count(&server.stats.evicted_clients));
    let excess = server.memory.excess(Instant::now());
    text.line("total_eviction_exceeded_time", excess.total.as_millis());
    text.line("current_eviction_exceeded_time", excess.current.as_millis());
    text.line("keyspace_hits", totals.hits);
    text.line("keyspace_misses", totals.misses);
    text.line("pubsub_channels", server.hub.count(Kind::Channel));
    text.line("pubsub_patterns", server.hub.count(Kind::Pattern));
    text.line("pubsubshard_channels", server.hub.count(Kind::ShardChannel));
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
    let [_, keys, items, prefixes] = server.hub.tracker().counts();
    text.line("tracking_total_keys", keys);
    text.line("tracking_total_items", items);
    text.line("tracking_total_prefixes", prefixes);
    text.line("unexpected_error_replies", 0);
    text.line("total_error_replies", totals.errors_count);
    text.line("dump_payload_sanitizations", 0);
    text.line("total_reads_processed", totals.reads);
    text.line("total_writes_processed", totals.writes);
    text.line("io_threaded_reads_processed", 0);
    text.line("io_threaded_writes_processed", 0);
    text.line("reply_buffer_shrinks", 0);
    text.line("reply_buffer_expands", 0);
    turns(server, &totals, text);
    denials(server, text);
    text.line("backlogd_clients_moved", server.pool.moved());
}

/// Tells of the turns of the workers' loops, which stock calls cycles of the event loop.
fn turns(server: &Server, totals: &Totals, text: &mut Text<'_, '_>) {
    text.line("eventloop_cycles", totals.turns);
    text.line("eventloop_duration_sum", totals.turns_us);
    let commands_us: u64 = totals.rows.iter().map(|row| row.took_us).sum();
    text.line("eventloop_duration_cmd_sum", commands_us);
    let turns_per_second = server.stats.turns.per_second();
    text.line("instantaneous_eventloop_cycles_per_sec", turns_per_second);
    let us_per_second = server.stats.turns_us.per_second();
    let us_per_turn = us_per_second / turns_per_second.max(1);
    text.line("instantaneous_eventloop_duration_usec", us_per_turn);
}

/// Tells what users were denied.
fn denials(server: &Server, text: &mut Text<'_, '_>) {
    for (what, reason) in [
        ("auth", Reason::Auth),
        ("cmd", Reason::Command),
        ("key", Reason::Key),
        ("channel", Reason::Channel),
    ] {
        text.line(format_args!("acl_access_denied_{what}"), server.users.denied(reason));
    }
}

fn called(totals: &Totals) -> impl Iterator<Item = (&'static Command, &RowTotal)> {
    let rows = table::all().iter().zip(&totals.rows);
    rows.filter(|(_, row)| row.calls + row.rejected + row.failed > 0)
}

pub(super) fn command_stats(server: &Server, text: &mut Text<'_, '_>) {
    let totals = totals(server);
    text.head("Commandstats");
    for (command, row) in called(&totals) {
        let name = command.name;
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

pub(super) fn error_stats(server: &Server, text: &mut Text<'_, '_>) {
    text.head("Errorstats");
    for (code, count) in totals(server).errors {
        text.line(format_args!("errorstat_{code}"), format_args!("count={count}"));
    }
}

pub(super) fn latency_stats(server: &Server, text: &mut Text<'_, '_>) {
    let totals = totals(server);
    let settings = server.settings();
    text.head("Latencystats");
    if !settings.latency_tracking {
        return;
    }
    for (command, _) in called(&totals).filter(|(_, row)| row.calls > 0) {
        let times = times(server, command);
        if times.count() == 0 {
            continue;
        }
        let shares = settings.latency_percentiles.iter();
        let shown: Vec<String> =
            shares.map(|p| format!("p{p}={:.3}", times.percentile_us(*p))).collect();
        text.line(format_args!("latency_percentiles_usec_{}", command.name), shown.join(","));
    }
}
