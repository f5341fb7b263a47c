//! Taking over a primary's data: all of it or nothing, in one durable step (R7).
//!
//! 1. The snapshot lies aside in a file, whole.
//! 2. It is loaded beside the old data, or in the place of it when the configuration wants no two of
//!    them in memory. If it proves to be unusable the old data is there, or is restored from disk.
//! 3. The file is made durable. What this server alone knows of the history it gives up is put aside.
//! 4. The manifest is switched: replid, lineage, snapshot, and a log that is still to be created. From
//!    here on the new history counts, before the old one does.
//! 5. The old log is removed, the new one is created at the snapshot's offset, the manifest says so.
//!
//! A start after a crash behind the fourth step does the fifth again.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::DisklessLoad;
use crate::keyspace::{Keyspace, Locked};
use crate::log::Log;
use crate::position::{Offset, Replid};
use crate::replication::lineage::Lineage;
use crate::replication::stream::Stream;
use crate::server::clock::unix_ms;
use crate::server::load::{self, Loaded};
use crate::server::restore::RestoreError;
use crate::server::{Server, recovery};
use crate::snapshot::rdb::Finished;
use crate::snapshot::{Ancestor, LogFiles, LogPlace, Pending, Role, Sealed};

use super::{LinkError, discard};

/// What the primary says of the data that come.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The primary's history.
    pub replid: Replid,
    /// Where in it the data are.
    pub offset: Offset,
    /// What the primary says of its past, newest first.
    pub learned: Vec<Ancestor>,
    /// Up to where our history is its history too, if that is known.
    pub parted: Option<Offset>,
}

/// Takes over the data in `pending`, of `bytes`.
pub fn run(
    server: &Arc<Server>,
    mut pending: Pending,
    bytes: u64,
    incoming: &Incoming,
    stop: &watch::Receiver<bool>,
) -> Result<(), LinkError> {
    let reader = Reading { file: pending.reader()?, at: 0, stop: stop.clone() };
    let had_data = (0..server.keyspace.databases()).any(|db| server.keyspace.keys_count(db) > 0);
    let makes_room = had_data && server.settings().following.diskless_load != DisklessLoad::Swap;
    if makes_room {
        server.live.set_loading(true);
        clear(server);
    }
    let adopted = load_aside(server, reader, bytes).and_then(|(keyspace, loaded)| {
        pending.set_stream_db(loaded.stream_db);
        let Loaded { checksum, version, .. } = loaded;
        let finished = Finished { bytes, checksum, version };
        let sealed = pending.seal(finished, &server.dump_name())?;
        if *stop.borrow() {
            return Err(LinkError::Stopped);
        }
        discard::keep_apart(server, incoming);
        switch(server, sealed, &keyspace, incoming, loaded.stream_db as usize);
        tracing::info!(
            keys = loaded.keys,
            replid = %incoming.replid,
            offset = %incoming.offset,
            "the primary's data is adopted"
        );
        server.loading.found(loaded.keys);
        server.bin.put(Box::new(keyspace));
        Ok(())
    });
    if adopted.is_err() && makes_room {
        tracing::warn!("the old data is restored from disk");
        let Some(stream) = server.stream() else { return adopted };
        if let Err(error) = recovery::restore(server, &stream, &mut server.keyspace.lock_all()) {
            server.fail("cannot restore the data", &error);
        }
    }
    server.live.set_loading(false);
    adopted
}

/// Frees the old data: what they were is on disk.
fn clear(server: &Server) {
    let mut locked = server.keyspace.lock_all();
    for database in 0..server.keyspace.databases() {
        server.bin.put(Box::new(locked.clear(database)));
    }
}

/// Loads the snapshot into a keyspace of its own.
fn load_aside(
    server: &Server,
    reader: Reading,
    bytes: u64,
) -> Result<(Keyspace, Loaded), LinkError> {
    let keyspace = server.keyspace.empty_like();
    server.loading.begin(bytes);
    let progress = |at| server.loading.at(at);
    let stop = reader.stop.clone();
    let loaded = load::load(&mut keyspace.lock_all(), &keyspace, reader, bytes, progress);
    match loaded {
        Ok(loaded) if loaded.bytes == bytes => Ok((keyspace, loaded)),
        Ok(loaded) => Err(LinkError::Trailing { end: loaded.bytes, bytes }),
        Err(_) if *stop.borrow() => Err(LinkError::Stopped),
        Err(error) => Err(LinkError::Load(error)),
    }
}

/// Puts the new history in the place of the old one. What fails here ends the process: a start then
/// finds the one or the other.
fn switch(
    server: &Arc<Server>,
    sealed: Sealed,
    keyspace: &Keyspace,
    incoming: &Incoming,
    stream_db: usize,
) {
    // No snapshot of the old history is under way from here on.
    let _turn = server.saving.turn();
    let mut locked = server.keyspace.lock_all();
    if let Some(old) = server.stream()
        && let Err(error) = old.close()
    {
        server.fail("cannot close the log of the history that is given up", &error);
    }
    let mut lineage = server.identity.lock();
    let mut next = lineage.clone();
    next.adopt(incoming.replid, &incoming.learned);
    match put_in_place(server, sealed, &next, incoming.offset, stream_db) {
        Ok(stream) => server.streams.put(stream),
        Err(error) => server.fail("cannot put the primary's history in place", &*error),
    }
    *lineage = next;
    drop(lineage);
    exchange(server, &mut locked, keyspace);
    drop(locked);
    server.drop_replicas();
    server.feeds_changed();
}

fn exchange(server: &Server, locked: &mut Locked<'_>, keyspace: &Keyspace) {
    locked.exchange(&mut keyspace.lock_all(), unix_ms());
    server.live.saved(server.live.changes());
}

/// Switches the manifest, and replaces the log.
fn put_in_place(
    server: &Server,
    sealed: Sealed,
    lineage: &Lineage,
    offset: Offset,
    stream_db: usize,
) -> Result<Stream, Box<dyn std::error::Error>> {
    let boot = server.boot_identity()?;
    let mut manifest = server.manifest.lock();
    let manifest = manifest.as_mut().ok_or("there is no manifest")?;
    let stored = sealed.publish(manifest, |manifest| {
        lineage.record(manifest);
        manifest.role = Role::Replica;
        manifest.durable_floor = offset;
        let epoch = manifest.log.epoch + 1;
        manifest.log = LogPlace { epoch, first: offset, files: LogFiles::GivenUp };
    })?;
    let log_dir = server.log_dir();
    Log::remove_all(&log_dir)?;
    let options = recovery::options(server, lineage.current(), &boot);
    let (log, writer) = Log::create(&log_dir, offset, &options)?;
    manifest.update(|manifest| manifest.log.files = LogFiles::Own)?;
    server.saving.begin_with(Some(stored));
    Ok(Stream::following(writer, log, stream_db))
}

/// Reads a snapshot, until the link is to end.
struct Reading {
    file: File,
    at: u64,
    stop: watch::Receiver<bool>,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if *self.stop.borrow() {
            return Err(io::Error::other("the link is to end"));
        }
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl From<RestoreError> for LinkError {
    fn from(error: RestoreError) -> Self {
        Self::Load(error)
    }
}
