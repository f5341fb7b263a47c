//! Letting go of the part of the log that nobody needs any more.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::log::Log;
use crate::log::retention::{Holder, Needs, horizon_and_holder};
use crate::position::Offset;
use crate::replication::replicas::FeedState;
use crate::replication::stream::Stream;

use super::Server;
use super::clock::unix_ms;
use super::headroom::{self, Disk, Outlook, Pace, Shares};

/// Unlinks what nobody needs, by the holders there are now.
pub fn retain(server: &Server, stream: &Stream) {
    let log = stream.log();
    let before = log.first();
    let disk = disk(server);
    let (horizon, holder) = horizon_and_holder(&needs(server, log, disk));
    log.retire_to(horizon);
    note_shortage(server, disk);
    let start = log.first();
    if start > before {
        tracing::info!(from = %before, %start, held_by = ?holder, "retired a part of the log");
    }
}

/// Refuses writes while the disk has less room than `backlog-min-free-disk`, and says so.
fn note_shortage(server: &Server, disk: Disk) {
    let short = disk.shortage_bytes(0);
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

/// Tells how long the room for the log lasts, the last snapshot of it having been taken there.
pub fn outlook(server: &Server, log: &Log, taken_at: Offset) -> Outlook {
    headroom::outlook(disk(server), Shares::of(&log.extents(), taken_at), &pace(server))
}

fn pace(server: &Server) -> Pace {
    let saving = server.saving.state();
    // The first one holds what has been allocated since the start, at most.
    let data_bytes =
        || crate::admin::memory::memory().allocated.saturating_sub(server.stats.startup_bytes);
    Pace {
        bytes_per_second: server.stats.written.peak_per_second(),
        segment_bytes: server.settings().backlog_segment_size,
        // Where the log has a disk of its own, snapshots take nothing of its room.
        snapshot_bytes: if is_apart(server) {
            0
        } else {
            saving.newest.map_or_else(data_bytes, |newest| newest.meta().bytes)
        },
        snapshot_time: saving.last_took.unwrap_or_default(),
    }
}

/// Tells whether the log lies on another file system than the snapshots.
fn is_apart(server: &Server) -> bool {
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev());
    let (log, own) = (device(&server.log_dir()), device(server.directory.path()));
    matches!((log, own), (Ok(log), Ok(own)) if log != own)
}

/// Tells from where on the log is kept, and of each who may hold it whether it does.
pub fn held_by(server: &Server, log: &Log) -> (u64, Vec<(String, bool)>) {
    let (horizon, holder) = horizon_and_holder(&needs(server, log, disk(server)));
    let all = Holder::ALL.iter().map(|one| (one.word().to_owned(), *one == holder));
    (horizon.0, all.collect())
}

/// Looks at the disk of the log.
fn disk(server: &Server) -> Disk {
    let free_bytes = free_bytes(&server.log_dir());
    Disk { free_bytes, reserve_bytes: server.settings().backlog_min_free_disk }
}

/// How much room there is below a path; all there can be where that cannot be asked.
pub fn free_bytes(path: &Path) -> u64 {
    let disk = rustix::fs::statvfs(path);
    disk.map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn needs(server: &Server, log: &Log, disk: Disk) -> Needs {
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
        // Before the disk is short, as it takes a moment until what is retired is gone.
        disk_shortage_bytes: disk.shortage_bytes(pace(server).ahead_bytes()),
    }
}
