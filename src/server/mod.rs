//! Wires the parts together and owns every task and thread.
//!
//! One thread runs the clock and the shutdown, one listens, and the workers run the clients. The port
//! is open from the start: while the data is being loaded, clients are told so.

mod account;
mod admission;
mod asked;
mod balance;
mod beginning;
mod bin;
mod blocking;
mod busy;
mod clients;
mod clock;
mod commit;
mod connection;
mod cron;
mod damaged;
mod delivery;
mod descriptors;
mod doubt;
mod effects;
mod ending;
mod error;
mod eviction;
mod execute;
mod expiry;
mod failover;
mod failure;
mod feeding;
mod handshaking;
mod headroom;
mod held;
mod host;
mod intruder;
mod link;
mod listening;
mod live;
mod load;
mod metrics;
mod migrate;
mod monitor;
mod opening;
mod pause;
mod pool;
mod priority;
mod process;
mod recovery;
mod removal;
mod renames;
mod replay;
mod report;
mod requests;
mod restore;
mod retaining;
mod rights;
mod role;
mod room;
mod saving;
mod sending;
mod shutdown;
mod sizes;
mod stats;
mod streams;
mod throttle;
mod tls;
mod turn;
mod waiting;
mod worker;

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::admin::crash;
use crate::admin::latency::LatencyEvents;
use crate::admin::memory::{Purging, set_purging};
use crate::admin::slowlog::SlowLog;
use crate::admin::tracing::{LogHandle, LoggedRole};
use crate::command::acl::Users;
use crate::command::counters::Counters;
use crate::command::pubsub::Hub;
use crate::config::settings::{AppendFsync, BacklogFeed};
use crate::config::{Config, Packed, Settings};
use crate::keyspace::Keyspace;
use crate::log::SyncPolicy;
use crate::position::Replid;
use crate::replication::feed::{DurableOnly, FeedPolicy};
use crate::replication::lineage::Lineage;
use crate::replication::replicas::Replicas;
use crate::replication::resyncs::Resyncs;
use crate::replication::stream::Stream;
use crate::script::Cache;
use crate::snapshot::rdb::{Checksum, Compression, Options as RdbOptions, Small};
use crate::snapshot::{
    BootIdentity, Directory, FeedsSeen, FileError, ManifestFile, RunState, SnapshotStore,
};

use balance::Scaling;
use bin::Bin;
use blocking::Blocked;
use clients::Clients;
use commit::{Commit, Goal};
use doubt::Doubt;
use ending::{Signals, until_ended};
pub use error::RunError;
use eviction::Gauge;
use failover::Failover;
use handshaking::Handshakes;
use intruder::Intruders;
use listening::Listening;
use live::Live;
use metrics::Metrics;
use opening::{open_directory, remove_pid_file, write_address_file, write_pid_file};
use pause::Pause;
use pool::{Arrival, Pool};
pub use process::{Process, Start, begin};
use recovery::Loading;
use renames::Renames;
pub use replay::{Applied, Division, apply_units};
pub use restore::RestoreError;
pub use rights::UsersError;
use role::Roles;
use saving::Saving;
use shutdown::Stop;
use sizes::apply_sizes;
use stats::Stats;
use streams::Streams;
use tls::Tls;
use worker::Workers;

/// All that the server's tasks and threads share.
pub struct Server {
    config: Mutex<Config>,
    settings: RwLock<Arc<Settings>>,
    live: Live,
    keyspace: Keyspace,
    streams: Streams,
    policy: FeedPolicy,
    replicas: Arc<Replicas>,
    commit: Commit,
    /// The clients that wait for keys.
    blocked: Blocked,
    resyncs: Resyncs,
    clients: Arc<Clients>,
    /// One set for each worker, and at the end one for what several share.
    counters: Vec<Arc<Counters>>,
    pool: Pool,
    roles: Roles,
    failover: Failover,
    hub: Arc<Hub>,
    users: Users,
    doubt: Doubt,
    identity: Mutex<Lineage>,
    directory: Arc<Directory>,
    manifest: Mutex<Option<ManifestFile>>,
    store: OnceLock<SnapshotStore>,
    saving: Saving,
    loading: Loading,
    slow: SlowLog,
    latency: LatencyEvents,
    pause: Pause,
    stop: Stop,
    stats: Stats,
    bin: Bin,
    /// How much memory is used, where that is limited.
    memory: Gauge,
    tracing: LogHandle,
    process: Process,
    renames: Renames,
    scripts: Cache,
    intruders: Intruders,
    /// The server itself, for what outlives a call.
    me: Weak<Server>,
    failing: AtomicBool,
    /// New at each start: whoever watches the server sees by it that it was restarted.
    run_id: Replid,
    started_ms: i64,
    listening: Listening,
    handshakes: Handshakes,
    tls: Tls,
}

/// What was made ready before the server itself.
struct Aids {
    bin: Bin,
    tracing: LogHandle,
    process: Process,
    renames: Renames,
    users: Users,
}

/// Checks what a configuration as a whole must have; a start does so first.
pub fn check(config: &Config) -> Result<(), RunError> {
    Renames::new(config.renames()).map_err(RunError::Rename)?;
    let settings = config.settings();
    rights::open(config, &settings)?;
    let listens = settings.tcp_port().or(settings.tls.port).is_some();
    if !listens && settings.unix_socket.is_none() {
        return Err(RunError::NotListening);
    }
    tls::load(&settings)?;
    Ok(())
}

/// Runs the server until it is told to end.
pub fn run(mut config: Config, tracing: LogHandle, process: Process) -> Result<(), RunError> {
    process.announce();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (pool, inboxes) = match config.settings().io_threads {
        Some(workers) => Pool::new(workers, Scaling::Fixed),
        None => Pool::new(cores, Scaling::ByLoad),
    };
    descriptors::fit(&mut config, pool.workers());
    let settings = Arc::new(config.settings());
    let credentials = tls::load(&settings)?;
    let directory = Arc::new(open_directory(&settings)?);
    set_purging(purging(&settings));
    let bin = Bin::start().map_err(RunError::Thread)?;
    let renames = Renames::new(config.renames()).map_err(RunError::Rename)?;
    let follows = settings.following.primary.is_some();
    tracing.set_role(if follows { LoggedRole::Replica } else { LoggedRole::Primary });
    let users = rights::open(&config, &settings)?;
    let aids = Aids { bin, tracing, process, renames, users };
    let server =
        Arc::new_cyclic(|me| Server::new(config, settings, directory, pool, aids, me.clone()));
    server.tls.replace(credentials);
    crash::use_info(report::source_for_crashes(&server));
    for (name, reason) in server.config.lock().ignored() {
        tracing::warn!(directive = name, "has no effect: {reason}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Thread)?;
    let ended = runtime.block_on(serve(&server, inboxes));
    server.listening.end();
    server.handshakes.end();
    // What still runs on other threads executes no command any more, and the process ends.
    runtime.shutdown_background();
    ended
}

async fn serve(
    server: &Arc<Server>,
    inboxes: Vec<UnboundedReceiver<Arrival>>,
) -> Result<(), RunError> {
    // Before anybody can know that the server is there: an orderly end is possible from then on.
    let signals = Signals::new().map_err(RunError::Thread)?;
    let settings = server.settings();
    server.live.set_loading(true);
    role::announce(server);
    let workers = Workers::start(server, inboxes).map_err(RunError::Thread)?;
    Handshakes::start(server).map_err(RunError::Thread)?;
    Listening::start(server).map_err(RunError::Thread)?;
    server.listening.listen(&settings)?;
    // It ends where this function does.
    let _metrics = Metrics::start(server, &settings)?;
    tracing::info!(
        addresses = server.listening.addresses().join(" "),
        "listening; clients are told LOADING until the data is there"
    );
    write_pid_file(&settings);
    server.process.listens();
    let ended = serve_data(server, signals, workers).await;
    remove_pid_file(&settings);
    ended
}

/// Restores the data, and serves it until the end.
async fn serve_data(
    server: &Arc<Server>,
    mut signals: Signals,
    workers: Workers,
) -> Result<(), RunError> {
    let mut tasks = JoinSet::new();
    tasks.spawn(process::tell(Arc::clone(server)));
    let recovering = {
        let server = Arc::clone(server);
        std::thread::Builder::new()
            .name("recovery".to_owned())
            .spawn(move || recovery::start(&server))
            .map_err(RunError::Thread)?
    };
    let recovered = tokio::task::spawn_blocking(move || recovering.join());
    tokio::select! {
        recovered = recovered => match recovered {
            Ok(Ok(result)) => result?,
            _ => return Err(RunError::Panicked),
        },
        _ = signals.next() => {
            tracing::info!("told to end while loading; nothing was changed");
            return Ok(());
        }
    }
    write_address_file(&server.settings(), &server.listening.addresses())?;
    tracing::info!("Ready to accept connections");
    role::settle(server)?;
    server.process.serves();
    tasks.spawn(cron::run(Arc::clone(server)));
    until_ended(server, &mut signals).await;
    tasks.shutdown().await;
    server.listening.end();
    server.handshakes.end();
    workers.join(&server.pool);
    Ok(())
}

/// Translates `appendfsync`.
fn sync_policy(appendfsync: AppendFsync) -> SyncPolicy {
    match appendfsync {
        AppendFsync::Always => SyncPolicy::Always,
        AppendFsync::EverySecond => SyncPolicy::EverySecond,
        AppendFsync::No => SyncPolicy::Never,
    }
}

/// Translates `jemalloc-bg-thread`.
fn purging(settings: &Settings) -> Purging {
    if settings.jemalloc_bg_thread { Purging::InBackground } else { Purging::OnTheWay }
}

fn durable_only(feed: BacklogFeed) -> DurableOnly {
    match feed {
        BacklogFeed::Durable => DurableOnly::Yes,
        BacklogFeed::Sealed => DurableOnly::No,
    }
}

impl Server {
    fn new(
        config: Config,
        settings: Arc<Settings>,
        directory: Arc<Directory>,
        pool: Pool,
        aids: Aids,
        me: Weak<Self>,
    ) -> Self {
        let live = Live::default();
        live.apply(&settings);
        live.set_active_expiry(true);
        let hub = Hub::new(pool.workers());
        delivery::apply_limits(&hub, &settings);
        let scripts = Cache::default();
        scripts.runs().set_threshold(settings.busy_reply_threshold);
        let commit = Commit::default();
        commit.apply(&settings);
        let counters: Vec<Arc<Counters>> = (0..=pool.workers()).map(|_| Arc::default()).collect();
        for own in &counters {
            own.set_timed(settings.latency_tracking);
        }
        let keyspace = Keyspace::new(settings.databases);
        apply_sizes(&keyspace, &settings);
        Self {
            live,
            keyspace,
            streams: Streams::default(),
            policy: FeedPolicy::new(durable_only(settings.backlog_feed)),
            replicas: Arc::default(),
            commit,
            resyncs: Resyncs::default(),
            clients: Clients::limited(settings.memory_limit.clients_bytes),
            counters,
            pool,
            roles: Roles::default(),
            failover: Failover::default(),
            hub: Arc::new(hub),
            users: aids.users,
            blocked: Blocked::default(),
            doubt: Doubt::default(),
            identity: Mutex::new(Lineage::new(Replid::random())),
            directory,
            manifest: Mutex::new(None),
            store: OnceLock::new(),
            saving: Saving::default(),
            loading: Loading::default(),
            slow: SlowLog::new(settings.slowlog_max_len),
            latency: LatencyEvents::default(),
            pause: Pause::default(),
            stop: Stop::default(),
            stats: Stats::begin(),
            bin: aids.bin,
            memory: Gauge::default(),
            tracing: aids.tracing,
            process: aids.process,
            renames: aids.renames,
            scripts,
            intruders: Intruders::default(),
            me,
            failing: AtomicBool::new(false),
            run_id: Replid::random(),
            started_ms: clock::unix_ms(),
            listening: Listening::default(),
            handshakes: Handshakes::default(),
            tls: Tls::default(),
            config: Mutex::new(config),
            settings: RwLock::new(settings),
        }
    }

    /// Returns the configuration in force.
    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// Returns the stream, once the data is there.
    fn stream(&self) -> Option<Arc<Stream>> {
        self.streams.current()
    }

    /// Returns the store of snapshots, once the data is there.
    fn store(&self) -> Option<&SnapshotStore> {
        self.store.get()
    }

    /// Takes over what recovery has opened.
    fn open(&self, stream: Stream, store: SnapshotStore) {
        assert!(self.store.set(store).is_ok(), "recovery runs once");
        self.streams.put(stream);
    }

    fn log_dir(&self) -> PathBuf {
        self.settings().backlog_dir.clone()
    }

    fn boot_identity(&self) -> Result<BootIdentity, FileError> {
        BootIdentity::read(&self.settings().backlog_boot_id_file, &self.directory)
    }

    fn replid(&self) -> Replid {
        self.identity.lock().current()
    }

    /// Seals what is written and, under `appendfsync always`, waits until it is durable.
    ///
    /// Whatever a client of this worker has been shown lies below the offset that is waited for.
    /// Returns what replicas must confirm besides, before any of it is told.
    fn settle(&self) -> Option<Goal> {
        let stream = self.stream()?;
        let goal = self.ask_for_commit();
        if !self.live.fsync_always() {
            stream.seal();
            if goal.is_some() && self.policy.durable_only() == DurableOnly::Yes {
                // Replicas are sent it once it is durable.
                stream.log().request_sync();
            }
            return goal;
        }
        // This thread leads the sync, or waits for the one that does: see `turn`.
        let end = stream.seal_unnoticed();
        let synced = self.timed("aof-fsync-always", || stream.log().sync_through(end));
        if let Err(error) = synced {
            self.fail("a sync of the log has failed", &error);
        }
        goal
    }

    /// Asks replicas about the writes that the replies of a turn may tell of, unless it was done.
    fn ask_for_commit(&self) -> Option<Goal> {
        if !self.commit.is_on() || self.live.is_replica() {
            return None;
        }
        let goal = self.commit.goal();
        if self.commit.is_news(goal) {
            requests::ask_for_acknowledgement(self);
        }
        Some(goal)
    }

    /// Ends the process: what is in memory, or was promised, can no longer be kept.
    ///
    /// No reply that depends on it has left or will. The next start recovers what is on disk.
    fn fail(&self, what: &str, error: &dyn Error) -> ! {
        if !self.failing.swap(true, Ordering::AcqRel) {
            tracing::error!(%error, "{what}; the server ends, and recovers when it is started again");
            if let Err(error) = failure::mark(self.directory.path()) {
                tracing::error!(%error, "the failure could not be marked");
            }
            if let Some(mut manifest) = self.manifest.try_lock()
                && let Some(manifest) = manifest.as_mut()
                && let Err(error) = manifest.update(|manifest| manifest.sync_failed = true)
            {
                tracing::error!(%error, "the failure could not be recorded in the manifest");
            }
            std::process::exit(1);
        }
        // Another thread is ending the process; this one must not go on.
        loop {
            std::thread::park();
        }
    }

    /// Tells whether the shutdown has begun.
    fn is_ending(&self) -> bool {
        self.stop.is_under_way()
    }

    /// Syncs as often as there is something to send while replicas wait for durable bytes.
    fn feeds_changed(&self) {
        if let Some(stream) = self.stream() {
            let eager = self.replicas.count() > 0 && self.policy.durable_only() == DurableOnly::Yes;
            stream.log().set_eager(eager);
        }
    }

    /// Changes how far replicas are fed; that sealed bytes may leave is durable before any does.
    fn set_feed(&self, feed: BacklogFeed) -> Result<(), FileError> {
        if feed == BacklogFeed::Sealed
            && let Some(manifest) = self.manifest.lock().as_mut()
        {
            manifest.update(|manifest| {
                if let RunState::Running { feeds, .. } = &mut manifest.run {
                    *feeds = FeedsSeen::Sealed;
                }
            })?;
        }
        self.policy.set(durable_only(feed));
        self.feeds_changed();
        Ok(())
    }

    fn rdb_options(&self) -> RdbOptions {
        let settings = self.settings();
        let writing = &settings.writing;
        let small = |packed: Packed| {
            let Packed { entries_max, bytes_max } = packed;
            Small { entries_max, bytes_max }
        };
        RdbOptions {
            version: writing.rdb_version,
            compression: if writing.compressed { Compression::Lzf } else { Compression::None },
            checksum: if settings.rdbchecksum { Checksum::Written } else { Checksum::Omitted },
            hashes: small(writing.hashes),
            sets: small(writing.sets),
            sorted_sets: small(writing.sorted_sets),
            intset_members_max: writing.intset_members_max,
            list_node_max: writing.list_node_max,
        }
    }

    /// The name that snapshots have in the directory.
    fn dump_name(&self) -> String {
        self.settings().dbfilename.display().to_string()
    }

    /// Tells whether a replica that can take it gets an RDB that ends with a mark.
    fn diskless_sync(&self) -> bool {
        let found = self.config.lock().get(b"repl-diskless-sync");
        found.first().is_some_and(|(_, value)| value == b"yes")
    }

    /// Returns the server for a thread that outlives the call; `None` while the process ends.
    fn shared(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    fn unix_path(&self) -> String {
        let settings = self.settings();
        settings.unix_socket.as_ref().map_or_else(String::new, |u| u.path.display().to_string())
    }
}
