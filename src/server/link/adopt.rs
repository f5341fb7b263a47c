//! Taking over a primary's data: all of it or nothing, in one durable step (R7).
//!
//! 1. The snapshot is written to a file aside as it comes.
//! 2. It is loaded beside the old data while it comes; or, when the configuration wants no two of them
//!    in memory, in the place of it once it is whole. If it proves to be unusable the old data is there,
//!    or is restored from disk.
//! 3. The file is made durable. What this server alone knows of the history it gives up is put aside.
//! 4. The manifest is switched: replid, lineage, snapshot, and a log that is still to be created. From
//!    here on the new history counts, before the old one does.
//! 5. The old log is removed, the new one is created at the snapshot's offset, the manifest says so.
//!
//! A start after a crash behind the fourth step does the fifth again.

use std::fs::File;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::config::DisklessLoad;
use crate::keyspace::{Keyspace, Locked};
use crate::log::Log;
use crate::position::{Offset, Replid};
use crate::replication::lineage::Lineage;
use crate::replication::stream::Stream;
use crate::script::functions::Set;
use crate::server::clock::unix_ms;
use crate::server::load::{self, Loaded};
use crate::server::restore::RestoreError;
use crate::server::{Server, recovery, retaining};
use crate::snapshot::rdb::{Decoder, Finished, Item, Limits, RawItem};
use crate::snapshot::{Ancestor, LogFiles, LogPlace, Pending, Role, Sealed};

use super::arrival::{Arrival, Reading};
use super::{LinkError, discard};

/// What a snapshot is taken for whose length is not told: it bounds what is reserved ahead for it.
const UNKNOWN_BYTES: u64 = 16 << 20;

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

/// A snapshot that was loaded, aside.
pub type Aside = (Keyspace, Loaded);

/// Whether the old data is there while that of a primary is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// It is served, or there was none: loading can begin before all has arrived.
    Stays,
    /// It makes room first: loading begins when all has arrived.
    MakesRoom,
}

impl Old {
    /// What the configuration wants of the data that there are.
    pub fn wanted(server: &Server) -> Self {
        let mut databases = 0..server.keyspace.databases();
        let has_data = databases.any(|db| server.keyspace.keys_count(db) > 0);
        let swaps = server.settings().following.diskless_load == DisklessLoad::Swap;
        if has_data && !swaps { Self::MakesRoom } else { Self::Stays }
    }
}

/// The loading of a snapshot on threads of its own, beside the old data.
#[derive(Debug)]
pub struct Loading {
    /// How much of it is there.
    pub arrival: Arrival,
    task: Option<JoinHandle<Result<Aside, LinkError>>>,
}

impl Loading {
    /// Begins to load what is being written to `pending`; `total` is how much it will be, if known.
    pub fn start(
        server: &Arc<Server>,
        pending: &Pending,
        total: Option<u64>,
    ) -> Result<Self, LinkError> {
        let arrival = Arrival::default();
        let (file, syncing) = (pending.reader()?, arrival.clone());
        tokio::task::spawn_blocking(move || syncing.keep_syncing(&file));
        let (shared, reading) = (Arc::clone(server), arrival.reader(pending.reader()?));
        let task = tokio::task::spawn_blocking(move || load_aside(&shared, reading, total));
        Ok(Self { arrival, task: Some(task) })
    }

    /// Tells whether it has come to an end, be it before all has arrived.
    pub fn has_ended(&self) -> bool {
        self.task.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Hands out what is to be waited for; there is one to do so.
    pub fn task(&mut self) -> Option<JoinHandle<Result<Aside, LinkError>>> {
        self.task.take()
    }
}

impl Drop for Loading {
    /// Nobody waits for more than has arrived.
    fn drop(&mut self) {
        self.arrival.break_off();
    }
}

/// Reads a snapshot to its end without keeping anything, before old data makes room for it.
pub fn check(file: File) -> Result<(), LinkError> {
    let mut decoder = Decoder::new(file, Limits::default()).map_err(RestoreError::from)?;
    while !matches!(
        decoder.next_raw().map_err(RestoreError::from)?,
        RawItem::Other(Item::Eof { .. })
    ) {}
    Ok(())
}

/// Frees the old data, which is on disk; clients are told that the server loads.
pub fn make_room(server: &Server) {
    server.live.set_loading(true);
    let mut locked = server.keyspace.lock_all();
    for database in 0..server.keyspace.databases() {
        server.bin.put(Box::new(locked.clear(database)));
    }
}

/// Loads the snapshot into a keyspace of its own.
fn load_aside(server: &Server, reading: Reading, total: Option<u64>) -> Result<Aside, LinkError> {
    let keyspace = server.keyspace.empty_like();
    let total = total.unwrap_or(UNKNOWN_BYTES);
    server.loading.begin(total);
    let progress = |at| server.loading.at(at);
    let data = (&keyspace, &server.scripts);
    let loaded = load::load(&mut keyspace.lock_all(), data, reading, total, progress);
    loaded.map(|loaded| (keyspace, loaded)).map_err(LinkError::Load)
}

/// Takes over what was loaded, or leaves all as it was before.
pub fn finish(
    server: &Arc<Server>,
    loaded: Result<Aside, LinkError>,
    (pending, bytes): (Pending, u64),
    incoming: &Incoming,
    old: Old,
) -> Result<(), LinkError> {
    let adopted = loaded.and_then(|aside| take_over(server, aside, (pending, bytes), incoming));
    if adopted.is_err() && old == Old::MakesRoom {
        tracing::warn!("the old data is restored from disk");
        if let Some(stream) = server.stream()
            && let Err(error) = recovery::restore(server, &stream, &mut server.keyspace.lock_all())
        {
            server.fail("cannot restore the data", &error);
        }
    }
    if old == Old::MakesRoom {
        server.live.set_loading(false);
    }
    adopted
}

fn take_over(
    server: &Arc<Server>,
    (keyspace, loaded): Aside,
    (mut pending, bytes): (Pending, u64),
    incoming: &Incoming,
) -> Result<(), LinkError> {
    if loaded.bytes != bytes {
        return Err(LinkError::Trailing { end: loaded.bytes, bytes });
    }
    // The stream begins in the database that the snapshot names.
    let (database, databases) = (loaded.stream_db, keyspace.databases());
    if database >= databases as u64 {
        return Err(LinkError::Load(RestoreError::Database { database, databases }));
    }
    // Behind the switch there is no way back, and the new log needs a segment and a spare.
    let needed = server.settings().backlog_segment_size * 2;
    if retaining::free_bytes(&server.log_dir()) < needed {
        return Err(LinkError::DiskShort);
    }
    pending.set_stream_db(loaded.stream_db);
    let Loaded { checksum, version, stream_db, libraries, .. } = loaded;
    let sealed = pending.seal(Finished { bytes, checksum, version }, &server.dump_name())?;
    discard::keep_apart(server, incoming);
    switch(server, sealed, (&keyspace, libraries), incoming, stream_db as usize);
    tracing::info!(
        keys = loaded.keys,
        replid = %incoming.replid,
        offset = %incoming.offset,
        "the primary's data is adopted"
    );
    server.loading.found(loaded.keys);
    server.bin.put(Box::new(keyspace));
    Ok(())
}

/// Puts the new history in the place of the old one. What fails here ends the process: a start then
/// finds the one or the other.
fn switch(
    server: &Arc<Server>,
    sealed: Sealed,
    (keyspace, libraries): (&Keyspace, Arc<Set>),
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
    server.scripts.libraries().replace(libraries);
    drop(locked);
    server.drop_replicas();
    server.feeds_changed();
}

fn exchange(server: &Server, locked: &mut Locked<'_>, keyspace: &Keyspace) {
    locked.exchange(&mut keyspace.lock_all(), unix_ms());
    server.hub.invalidate_all(unix_ms());
    server.hub.ring();
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

impl From<RestoreError> for LinkError {
    fn from(error: RestoreError) -> Self {
        Self::Load(error)
    }
}
