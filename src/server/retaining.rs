//! Letting go of the part of the log that nobody needs any more.

use crate::log::Log;
use crate::log::retention::{Needs, horizon_and_holder};
use crate::replication::replicas::FeedState;
use crate::replication::stream::Stream;

use super::Server;
use super::clock::unix_ms;

/// Unlinks what nobody needs, by the holders there are now.
pub fn retain(server: &Server, stream: &Stream) {
    let log = stream.log();
    let before = log.first();
    let (horizon, holder) = horizon_and_holder(&needs(server, log));
    log.retire_to(horizon);
    note_shortage(server);
    let start = log.first();
    if start > before {
        tracing::info!(from = %before, %start, held_by = ?holder, "retired a part of the log");
    }
}

/// Refuses writes while the disk has less room than `backlog-min-free-disk`, and says so.
fn note_shortage(server: &Server) {
    let reserve = server.settings().backlog_min_free_disk;
    let short = shortage(server, reserve);
    if server.live.set_disk_short(short > 0) == (short > 0) {
        return;
    }
    let directory = server.log_dir();
    let directory = directory.display();
    if short > 0 {
        tracing::warn!(
            %directory,
            short_bytes = short,
            "the disk has less room than backlog-min-free-disk: writes are refused"
        );
    } else {
        tracing::info!(%directory, "the disk has room again: writes go on");
    }
}

fn needs(server: &Server, log: &Log) -> Needs {
    let settings = server.settings();
    let snapshot = server.saving.state().newest.map(|newest| newest.meta().offset);
    let (online, joining): (Vec<_>, Vec<_>) =
        server.replicas.list().into_iter().partition(|replica| replica.is_online());
    Needs {
        start: log.first(),
        sound: log.sound_from(),
        durable: log.durable(),
        // Without a snapshot a restart replays the log from its beginning.
        restart: snapshot.unwrap_or(log.first()),
        transfers: joining
            .iter()
            .filter(|replica| replica.state() == FeedState::SendSnapshot)
            .map(|replica| replica.cursor())
            .collect(),
        replicas: online.iter().map(|replica| replica.cursor()).collect(),
        slots: Vec::new(),
        backlog_bytes: settings.repl_backlog_size,
        backlog_since_ms: settings
            .backlog_retain_time
            .map(|time| (unix_ms() as u64).saturating_sub(time.as_millis() as u64)),
        files: log.extents(),
        spare_bytes: settings.backlog_segment_size,
        bytes_max: settings.backlog_max_size,
        disk_shortage_bytes: shortage(server, settings.backlog_min_free_disk),
    }
}

/// How many bytes the disk lacks of its reserve; zero where it cannot be asked.
fn shortage(server: &Server, reserve: u64) -> u64 {
    let Ok(disk) = rustix::fs::statvfs(server.log_dir()) else { return 0 };
    reserve.saturating_sub(disk.f_bavail.saturating_mul(disk.f_frsize))
}
