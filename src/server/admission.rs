//! Whether writes are taken at all at present.

use crate::command::Fault;

use super::Server;
use super::clock::unix_ms;

/// That this server follows another.
pub const READ_ONLY: Fault = Fault::fixed("READONLY You can't write against a read only replica.");
const NO_REPLICAS: Fault = Fault::fixed("NOREPLICAS Not enough good replicas to write.");
const SAVE_FAILED: Fault = Fault::fixed(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to \
     disk. Commands that may modify the data set are disabled, because this instance is configured \
     to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error \
     option). Please check the Redis logs for details about the RDB error.",
);

/// Tells whether a primary takes a write: snapshots must succeed, and there must be replicas enough.
#[inline]
pub fn of_primary(server: &Server, now_ms: i64) -> Result<(), Fault> {
    if server.live.stops_writes_on_save_error() && server.saving.has_failed() {
        return Err(SAVE_FAILED);
    }
    if let Some((count, lag_s)) = server.live.min_replicas()
        && server.replicas.count_good(lag_s, now_ms) < count
    {
        return Err(NO_REPLICAS);
    }
    if server.commit.is_on() && !can_commit(server) {
        return Err(NO_REPLICAS);
    }
    Ok(())
}

/// Tells whether a write is taken that comes in the middle of something.
pub fn of_write(server: &Server) -> Result<(), Fault> {
    if server.live.is_replica() {
        return Err(READ_ONLY);
    }
    if server.live.is_doubtful() {
        return Err(server.doubted());
    }
    of_primary(server, unix_ms())
}

/// Tells whether there are as many replicas as a write waits for.
#[cold]
fn can_commit(server: &Server) -> bool {
    server.replicas.count_confirming() >= server.commit.replicas() as i64
}
