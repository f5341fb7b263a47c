//! What happens by the clock: retention, snapshots on schedule, pings, idle clients.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::command::session::flag;
use crate::position::Offset;
use crate::replication::stream::Stream;
use crate::snapshot::ManifestFile;

use super::clock::unix_ms;
use super::headroom::Outlook;
use super::pool::Progress;
use super::{Server, delivery, eviction, expiry, retaining, saving};

/// How often the clock looks what is due.
const TICK: Duration = Duration::from_millis(100);
/// How often the room for the log is looked at while it is scarce and is written to.
const SCARCE_TICK: Duration = Duration::from_millis(10);
/// How long after a failed snapshot the next one is tried.
const RETRY_S: i64 = 5;
/// The log may always grow to this size before a snapshot is taken because of it.
const LOG_BEFORE_SNAPSHOT_BYTES: u64 = 64 * 1024 * 1024;

/// Does what is due, until the server ends.
pub async fn run(server: Arc<Server>) {
    tokio::join!(
        keep_time(&server),
        watch_room(&server),
        expiry::go_on(&server),
        eviction::go_on(&server)
    );
}

async fn keep_time(server: &Arc<Server>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut count: u64 = 0;
    let mut pings = Pings::default();
    loop {
        ticks.tick().await;
        server.pause.awake().await;
        if server.live.is_cron_paused() {
            continue;
        }
        count += 1;
        let totals = super::report::totals(server);
        server
            .pool
            .balance(Progress { commands: totals.calls(), sleeps: server.keyspace.sleeps() });
        let Some(stream) = server.stream() else { continue };
        let stream = &*stream;
        server.look_at_doubt();
        server.stats.sample(&totals, stream.log().written());
        eviction::look_again(server);
        if count.is_multiple_of(10) {
            retaining::retain(server, stream);
            note_durable(server, stream);
            save_if_due(server, stream);
            pings.tick(server, stream);
            drop_idle_clients(server);
            delivery::drop_slow_clients(server);
        }
    }
}

/// Makes room as the log grows, since a disk may fill between two rounds of the clock.
async fn watch_room(server: &Arc<Server>) {
    let mut pause = TICK;
    let (mut last, mut seen, mut saves) = (Offset::ZERO, Offset::ZERO, 0);
    loop {
        tokio::time::sleep(pause).await;
        server.pause.awake().await;
        let Some(stream) = server.stream() else { continue };
        let stream = &*stream;
        let (written, saves_now) = (stream.log().written(), server.saving.state().saves);
        let has_grown = written.since(seen) >= server.settings().backlog_segment_size / 2;
        if has_grown || saves_now != saves || server.live.disk_is_short() {
            (seen, saves) = (written, saves_now);
            retaining::retain(server, stream);
            save_if_due(server, stream);
        }
        let is_scarce =
            || retaining::outlook(server, stream.log(), taken_at(server)) != Outlook::Ample;
        pause = if written > last && is_scarce() { SCARCE_TICK } else { TICK };
        last = written;
    }
}

/// The offset of the snapshot that a restart begins from.
fn taken_at(server: &Server) -> Offset {
    server.saving.state().newest.map_or(Offset::ZERO, |newest| newest.meta().offset)
}

/// Notes in the manifest that the log reaches into its newest segment, once for each segment.
///
/// No other file refers to the newest one: were it gone, nothing else would tell.
fn note_durable(server: &Arc<Server>, stream: &Stream) {
    let log = stream.log();
    let newest = log.extents().pop().map(|newest| newest.base);
    let Some(base) = newest.filter(|&base| log.durable() > base) else { return };
    let is_due = |manifest: &ManifestFile| manifest.current().durable_floor <= base;
    if !server.manifest.try_lock().is_some_and(|file| file.as_ref().is_some_and(is_due)) {
        return;
    }
    let server = Arc::clone(server);
    // It syncs, which nobody here shall wait for.
    tokio::task::spawn_blocking(move || {
        let Some(mut file) = server.manifest.try_lock() else { return };
        let (Some(file), Some(stream)) = (file.as_mut(), server.stream()) else { return };
        let durable = stream.log().durable();
        if let Err(error) = file.update(|manifest| manifest.durable_floor = durable) {
            tracing::warn!(%error, "cannot note in the manifest how far the log is durable");
        }
    });
}

/// Starts a snapshot if a save point is reached, or the log since the last one is too long.
fn save_if_due(server: &Arc<Server>, stream: &Stream) {
    let saving = &server.saving;
    if saving.is_busy() || server.is_ending() {
        return;
    }
    if saving.is_wanted_again() {
        tracing::info!("taking the snapshot that was scheduled");
        return start_snapshot(server);
    }
    let state = saving.state();
    let now_s = unix_ms() / 1000;
    if saving.has_failed() && now_s - state.last_try_s < RETRY_S {
        return;
    }
    let settings = server.settings();
    let (changes, since_s) = (server.live.changes(), now_s - state.last_save_s);
    let point = settings
        .save
        .iter()
        .find(|point| changes > 0 && changes >= point.changes && since_s > point.seconds as i64);
    let taken_at = taken_at(server);
    let log_bytes = stream.log().sealed().since(taken_at.max(stream.log().first()));
    let data_bytes = crate::admin::memory::memory().allocated;
    let ratio = settings.backlog_snapshot_ratio;
    let too_long = ratio > 0
        && log_bytes > LOG_BEFORE_SNAPSHOT_BYTES.max(data_bytes.saturating_mul(ratio) / 100);
    // A restart would have to read what is damaged, unless it can begin above.
    let sound = stream.log().sound_from();
    let is_damaged = sound > stream.log().first() && taken_at < sound;
    let outlook = retaining::outlook(server, stream.log(), taken_at);
    let is_in_the_way = outlook == Outlook::SnapshotDue;
    // Writes may be refused until one succeeds.
    let is_retry = saving.has_failed() && !settings.save.is_empty();
    // One that has failed may have kept another name than the one it is looked for by.
    let is_gone = !saving.has_failed()
        && !server.live.is_loading()
        && saving.is_newest_gone(server.directory.path());
    if ![point.is_some(), too_long, is_damaged, is_in_the_way, is_retry, is_gone].contains(&true) {
        return;
    }
    if is_gone {
        tracing::warn!(
            "the file of the newest snapshot was removed or replaced, which a restart would begin \
             with: taking another"
        );
    } else if is_damaged {
        tracing::info!(%sound, "the log is damaged below, taking a snapshot above");
    } else if is_in_the_way {
        tracing::info!(
            "the disk gets short of room, taking a snapshot to let go of the log before it"
        );
    } else if let Some(point) = point {
        let (seconds, least) = (point.seconds, point.changes);
        tracing::info!(changes, seconds, least, "a save point is reached, taking a snapshot");
    } else if too_long {
        tracing::info!(log_bytes, "the log has grown long, taking a snapshot");
    } else {
        tracing::info!("the last snapshot has failed, taking it once more");
    }
    start_snapshot(server);
}

fn start_snapshot(server: &Arc<Server>) {
    if let Err(error) = saving::start(server) {
        tracing::warn!(%error, "cannot start the snapshot's thread");
    }
}

/// Pings the replicas when the stream is idle, so that they know the link is alive.
#[derive(Default)]
struct Pings {
    end: Offset,
    idle_s: u64,
}

impl Pings {
    fn tick(&mut self, server: &Server, stream: &Stream) {
        const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
        let end = stream.log().written();
        if end != self.end {
            (self.end, self.idle_s) = (end, 0);
            return;
        }
        self.idle_s += 1;
        let period_s = server.settings().repl_ping_replica_period.as_secs();
        if self.idle_s < period_s || server.replicas.count() == 0 || server.is_ending() {
            return;
        }
        // A pause of clients is none of the stream: replicas would take the primary for dead.
        if server.pause.is_held() {
            return;
        }
        match stream.tell_replicas(PING) {
            Ok(end) => (self.end, self.idle_s) = (end.unwrap_or(self.end), 0),
            Err(error) => server.fail("cannot append to the log", &error),
        }
        stream.seal();
    }
}

/// Ends the connections of clients that have been silent for `timeout` seconds.
fn drop_idle_clients(server: &Server) {
    let timeout_ms = server.settings().timeout_secs as i64 * 1000;
    if timeout_ms == 0 {
        return;
    }
    let now_ms = unix_ms();
    for client in server.clients.list() {
        let busy = flag::REPLICA | flag::BLOCKED | flag::SUBSCRIBER | flag::MONITOR;
        let busy = client.flags.load(Ordering::Relaxed) & busy != 0;
        if !busy && now_ms - client.active_ms.load(Ordering::Relaxed) > timeout_ms {
            client.kill.notify_one();
        }
    }
}
