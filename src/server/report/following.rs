//! `INFO`: the primary that is followed, and the link to it.

use crate::server::Server;
use crate::server::clock::unix_ms;
use crate::server::link::{Link, Stage};

use super::Text;

/// Writes what stock tells of a replica's link, and where it is the reason beside it.
pub(super) fn link(server: &Server, link: &Link, text: &mut Text<'_, '_>) {
    let (settings, now_ms) = (server.settings(), unix_ms());
    let (status, is_up) = (&link.status, link.status.is_up());
    let offset = server.stream().map_or(0, |stream| stream.log().sealed().0);
    text.line("role", "slave");
    text.line("master_host", &link.primary.host);
    text.line("master_port", link.primary.port);
    text.line("master_link_status", if is_up { "up" } else { "down" });
    let silent_s = if is_up { (now_ms - status.heard_ms()).max(0) / 1000 } else { -1 };
    text.line("master_last_io_seconds_ago", silent_s);
    let sync = status.sync();
    text.flag("master_sync_in_progress", sync.is_some());
    text.line("slave_read_repl_offset", offset);
    text.line("slave_repl_offset", offset);
    if let Some(sync) = sync {
        let total = sync.total.unwrap_or(0);
        let left = total as i64 - sync.received as i64;
        let share = if total == 0 { 0.0 } else { sync.received as f64 * 100.0 / total as f64 };
        text.line("master_sync_total_bytes", total);
        text.line("master_sync_read_bytes", sync.received);
        text.line("master_sync_left_bytes", if total == 0 { -1 } else { left });
        text.line("master_sync_perc", format_args!("{share:.2}"));
        text.line("master_sync_last_io_seconds_ago", (now_ms - status.heard_ms()).max(0) / 1000);
        // By the pace so far; nothing can be said before anything has come.
        let took_ms = (now_ms - sync.began_ms).max(1);
        let eta_s = (total > 0 && sync.received > 0)
            .then(|| left.max(0) * took_ms / 1000 / sync.received as i64);
        text.line("master_sync_eta_seconds", eta_s.unwrap_or(-1));
        text.flag("master_sync_loading", status.stage() == Stage::Loading);
    }
    if let Some((since_ms, reason)) = status.down() {
        text.line("master_link_down_since_seconds", (now_ms - since_ms).max(0) / 1000);
        text.line("master_link_down_reason", reason.map_or_else(String::new, one_line));
    }
    text.line("slave_priority", settings.following.priority);
    text.flag("slave_read_only", true);
    text.flag("replica_announced", settings.following.is_announced);
}

/// Writes how the data came here last.
pub(super) fn resync(server: &Server, text: &mut Text<'_, '_>) {
    use std::sync::atomic::Ordering::Relaxed;
    let Some(last) = server.roles.link().and_then(|link| link.status.last_resync()) else { return };
    text.line("backlog_last_resync_kind", last.kind);
    text.line("backlog_last_resync_reason", one_line(last.reason));
    let ago_ms = (unix_ms() - last.at_ms).max(0);
    text.line("backlog_last_resync_seconds_ago", ago_ms / 1000);
    text.line("backlog_discarded_from", server.stats.discarded_from.load(Relaxed));
    text.line("backlog_discarded_bytes", server.stats.discarded_bytes.load(Relaxed));
}

/// A text that fits on a line of `INFO`, which those who read it split there.
fn one_line(text: String) -> String {
    if text.contains(['\r', '\n']) { text.replace(['\r', '\n'], " ") } else { text }
}
