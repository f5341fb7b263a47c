//! What the server remembers of a client between its commands.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::keyspace::{Keyspace, ShardSet};
use crate::net::args::OwnedArgs;
use crate::net::reply::Protocol;
use crate::script::Script;
use crate::script::functions::Found;

use super::acl::{DEFAULT_ID, Login};
use super::interrupt::Interrupt;
use super::pubsub::{Excess, Subscriber};
use super::scripting::Timing;
use super::table::Command;
use super::weight::{Holdings, Weight, name_bytes};

/// What the server remembers of a client between its commands; owned by its connection.
#[derive(Debug)]
pub struct Session {
    /// What other clients may see of this one.
    pub info: Arc<ClientInfo>,
    /// The selected database.
    pub database: usize,
    /// The protocol that `HELLO` chose.
    pub protocol: Protocol,
    /// Whether it may run commands: it gave a password, or needs none.
    pub authenticated: bool,
    /// Who it is, and whether it may do anything.
    pub login: Login,
    /// The commands queued since `MULTI`.
    pub transaction: Option<Transaction>,
    /// Whether `EXEC` is running the queued commands, so that none may wait.
    pub executing: bool,
    /// The keys under `WATCH`.
    pub watch: Watch,
    /// What `CLIENT REPLY` asked for.
    pub reply: ReplyMode,
    /// `CLIENT NO-TOUCH`.
    pub no_touch: bool,
    /// The script that it ran last.
    pub script: Option<Arc<Script>>,
    /// The function that it called last.
    pub function: Option<Found>,
    /// The time since 1970 that a script sees, from when it first asks.
    pub time: Option<OnceCell<Duration>>,
    /// The session of the commands that its scripts run, between these.
    pub scripted: Option<Box<Session>>,
    /// How long commands take that its scripts run.
    pub timing: Timing,
    /// How it was with memory when its last command began.
    pub memory: Memory,
    /// What `REPLCONF` said so far, before `PSYNC`.
    pub replica: ReplicaHello,
    /// The command that the server works on, whose answer this client awaits.
    pub under_way: Option<UnderWay>,
    /// What it subscribes to, once it has subscribed to anything.
    pub subscriber: Option<Box<Subscriber>>,
    /// Messages that are to be sent ahead of the reply to the present command.
    pub ahead: Vec<u8>,
}

/// Whether there is memory for what takes more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// There is, or it is not limited.
    Enough,
    /// There is not.
    Short,
}

/// A command that has begun, and ends with the server's answer.
#[derive(Debug)]
pub struct UnderWay {
    /// Its row.
    pub command: &'static Command,
    /// Its words.
    pub words: OwnedArgs,
    /// When it began.
    pub began: Instant,
}

/// The commands queued since `MULTI`.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The commands with their words, checked when they were queued.
    pub commands: Vec<(&'static Command, OwnedArgs)>,
    /// Whether a command was refused while queuing, so that `EXEC` must fail.
    pub refused: bool,
}

/// The keys under `WATCH`.
#[derive(Debug, Default)]
pub struct Watch {
    /// Set as soon as one of the keys is changed.
    pub broken: Arc<AtomicBool>,
    /// The keys, with their databases.
    pub keys: Vec<WatchedKey>,
}

impl Session {
    /// Stops watching all keys, as though none had ever been watched.
    ///
    /// Locks the shards of those keys: the caller must hold none.
    pub fn unwatch_all(&mut self, keyspace: &Keyspace) {
        for watched in self.watch.keys.drain(..) {
            let key = keyspace.key(&watched.key);
            let mut locked = keyspace.lock(ShardSet::of(&key));
            locked.unwatch(watched.database, &key, &self.watch.broken);
        }
        self.watch.broken.store(false, Ordering::Relaxed);
        self.watch.show(&self.info);
        self.info.flags.fetch_and(!flag::BROKEN, Ordering::Relaxed);
    }
}

impl Watch {
    /// Shows other clients how many keys there are, and what they take.
    pub fn show(&self, info: &ClientInfo) {
        let bytes = |watched: &WatchedKey| name_bytes(&watched.key);
        info.watched.store(self.keys.len(), Ordering::Relaxed);
        info.holdings.watched.store(self.keys.iter().map(bytes).sum(), Ordering::Relaxed);
    }
}

/// One key under `WATCH`.
#[derive(Debug)]
pub struct WatchedKey {
    /// The database.
    pub database: usize,
    /// The key.
    pub key: Vec<u8>,
}

/// Which replies a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// None to the next command, then all again.
    SkipNext,
    /// None to this command, then all again.
    Skip,
}

/// What a replica says of itself with `REPLCONF` before it asks for the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct ReplicaHello {
    /// The port it listens on.
    pub listening_port: u16,
    /// The address it announces, if not that of its socket.
    pub ip_address: Option<String>,
    /// Whether it takes an RDB that ends with a mark instead of a length.
    pub capa_eof: bool,
    /// Whether it takes `+CONTINUE <replid>`.
    pub capa_psync2: bool,
    /// Whether it named any capability at all.
    pub capa_any: bool,
    /// Whether it is a server of this kind, by its capability `backlog`.
    pub capa_backlog: bool,
    /// Its version, where it told one.
    pub version: Option<String>,
    /// Whether it wants the RDB alone, and no stream.
    pub rdb_only: bool,
    /// What it wants of the RDB.
    pub rdb_parts: RdbParts,
}

/// What of a snapshot a replica asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RdbParts {
    /// All of it.
    #[default]
    All,
    /// The libraries of functions.
    Functions,
    /// Nothing.
    None,
}

/// What one client shows to the others, in `CLIENT LIST` and to `CLIENT KILL`.
#[derive(Debug)]
pub struct ClientInfo {
    /// Its number; never used twice.
    pub id: u64,
    /// Its address, as `ip:port` or as the path of the Unix socket with `:0`.
    pub address: String,
    /// The address it came in at.
    pub local_address: String,
    /// The socket's descriptor.
    pub descriptor: i32,
    /// When it connected, in Unix milliseconds.
    pub since_ms: i64,
    /// When it last sent a command, in Unix milliseconds.
    pub active_ms: AtomicI64,
    /// The selected database.
    pub database: AtomicUsize,
    /// Its flags; see [`flag`].
    pub flags: AtomicU64,
    /// How many commands are queued, or -1 outside `MULTI`.
    pub queued: AtomicI64,
    /// How many keys it watches.
    pub watched: AtomicUsize,
    /// The protocol, 2 or 3.
    pub protocol: AtomicUsize,
    /// The bytes it sent that are not executed yet.
    pub query_buffer: AtomicUsize,
    /// The bytes that are reserved for what it sends, those included.
    pub query_room: AtomicUsize,
    /// The bytes of replies it has not taken yet.
    pub output_buffer: AtomicUsize,
    /// The bytes of messages that its worker has not come for yet.
    pub pushes: AtomicUsize,
    /// What its session has in memory beside its buffers.
    pub holdings: Holdings,
    /// What it counts for in what all clients take.
    pub weight: Weight,
    /// Since when it has left too much unread.
    pub excess: Excess,
    /// How many channels, patterns and shard channels it subscribes to.
    pub subscriptions: [AtomicUsize; 3],
    /// The table's index of its last command plus one; zero before the first.
    pub last_command: AtomicUsize,
    /// Who is told in its place which keys were changed: 0 for nobody, -1 if it is not told.
    pub redirect: AtomicI64,
    /// The offset up to which this client's writes reach in the stream.
    pub written: AtomicU64,
    /// The number of the user that it is.
    pub user_id: AtomicU64,
    /// The words it gave of itself.
    pub names: Mutex<Names>,
    /// Ends the connection when notified.
    pub kill: tokio::sync::Notify,
    /// Ends the waiting of a blocking command.
    pub interrupt: Interrupt,
}

impl Session {
    /// Begins with what a new connection has: database 0, RESP2, no transaction.
    ///
    /// It is one of the server itself until it is made a user.
    pub fn new(info: Arc<ClientInfo>) -> Self {
        Self {
            info,
            database: 0,
            protocol: Protocol::Resp2,
            authenticated: true,
            login: Login::of_server(),
            transaction: None,
            executing: false,
            watch: Watch::default(),
            reply: ReplyMode::On,
            no_touch: false,
            script: None,
            function: None,
            time: None,
            scripted: None,
            timing: Timing::default(),
            memory: Memory::Enough,
            replica: ReplicaHello::default(),
            under_way: None,
            subscriber: None,
            ahead: Vec::new(),
        }
    }

    /// Begins the session of the commands that one script runs; it is to be given back.
    pub fn begin_scripted(&mut self) -> Box<Self> {
        let own = self.scripted.take();
        let mut own = own.unwrap_or_else(|| Box::new(Self::new(Arc::clone(&self.info))));
        own.database = self.database;
        own.executing = true;
        own.time = Some(OnceCell::new());
        own
    }

    /// Takes back what [`Self::begin_scripted`] gave.
    pub fn end_scripted(&mut self, own: Box<Self>) {
        debug_assert!(own.transaction.is_none() && own.subscriber.is_none(), "not in scripts");
        self.scripted = Some(own);
    }
}

impl ClientInfo {
    /// Counts the bytes it takes, with what waits to be read and written.
    pub fn memory_bytes(&self) -> usize {
        let (used, room) = (&self.query_buffer, &self.query_room);
        let input = used.load(Ordering::Relaxed).max(room.load(Ordering::Relaxed));
        let own = size_of::<Self>() + size_of::<Session>();
        own + input + self.unread_bytes() + self.holdings.bytes()
    }

    /// Counts it anew among all clients, where what these take is limited; replicas do not count.
    #[inline]
    pub fn weigh(&self) {
        if self.weight.is_wanted() {
            let is_replica = self.flags.load(Ordering::Relaxed) & flag::REPLICA != 0;
            self.weight.set(if is_replica { 0 } else { self.memory_bytes() });
        }
    }

    /// Shows how much of what it sent is not executed yet, and what is reserved for it.
    pub fn show_input(&self, bytes: usize, room: usize) {
        self.query_buffer.store(bytes, Ordering::Relaxed);
        self.query_room.store(room, Ordering::Relaxed);
    }

    /// Counts the bytes that were written for it and that it has not taken.
    pub fn unread_bytes(&self) -> usize {
        self.output_buffer.load(Ordering::Relaxed) + self.pushes.load(Ordering::Relaxed)
    }

    /// Describes a client that has just connected.
    pub fn new(id: u64, address: String, local_address: String, now_ms: i64) -> Self {
        Self {
            id,
            address,
            local_address,
            descriptor: -1,
            since_ms: now_ms,
            active_ms: AtomicI64::new(now_ms),
            database: AtomicUsize::new(0),
            flags: AtomicU64::new(0),
            queued: AtomicI64::new(-1),
            watched: AtomicUsize::new(0),
            protocol: AtomicUsize::new(2),
            query_buffer: AtomicUsize::new(0),
            query_room: AtomicUsize::new(0),
            output_buffer: AtomicUsize::new(0),
            pushes: AtomicUsize::new(0),
            holdings: Holdings::default(),
            weight: Weight::default(),
            excess: Excess::default(),
            subscriptions: Default::default(),
            last_command: AtomicUsize::new(0),
            redirect: AtomicI64::new(-1),
            written: AtomicU64::new(0),
            user_id: AtomicU64::new(DEFAULT_ID),
            names: Mutex::new(Names { user: "default".to_owned(), ..Names::default() }),
            kill: tokio::sync::Notify::new(),
            interrupt: Interrupt::default(),
        }
    }
}

/// The words a client gave of itself.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// `CLIENT SETNAME`.
    pub name: String,
    /// `CLIENT SETINFO LIB-NAME`.
    pub library: String,
    /// `CLIENT SETINFO LIB-VER`.
    pub library_version: String,
    /// The user it authenticated as.
    pub user: String,
}

/// The bits of [`ClientInfo::flags`].
pub mod flag {
    /// A replica that is fed (`S`).
    pub const REPLICA: u64 = 1;
    /// Within `MULTI` (`x`).
    pub const TRANSACTION: u64 = 1 << 1;
    /// A watched key was changed (`d`).
    pub const BROKEN: u64 = 1 << 2;
    /// Will be closed after its reply (`c`).
    pub const CLOSING: u64 = 1 << 3;
    /// Came by the Unix socket (`U`).
    pub const UNIX: u64 = 1 << 4;
    /// `CLIENT NO-EVICT` (`e`).
    pub const NO_EVICT: u64 = 1 << 5;
    /// `CLIENT NO-TOUCH` (`T`).
    pub const NO_TOUCH: u64 = 1 << 6;
    /// Waits in `WAIT` or the like (`b`).
    pub const BLOCKED: u64 = 1 << 7;
    /// Told to end by `CLIENT KILL`; set before [`super::ClientInfo::kill`] is notified.
    pub const KILLED: u64 = 1 << 8;
    /// Watches `MONITOR` (`O`).
    pub const MONITOR: u64 = 1 << 9;
    /// Subscribes to something (`P`).
    pub const SUBSCRIBER: u64 = 1 << 10;
    /// Is told which keys were changed (`t`).
    pub const TRACKING: u64 = 1 << 11;
    /// Whoever was told in its place has left (`R`).
    pub const BROKEN_REDIRECT: u64 = 1 << 12;
    /// Is told of keys by their prefixes (`B`).
    pub const BROADCAST: u64 = 1 << 13;
    /// Is not connected any more, and is shown to nobody.
    pub const LEFT: u64 = 1 << 14;
    /// Told to end as clients take too much; set before [`super::ClientInfo::kill`] is notified.
    pub const EVICTED: u64 = 1 << 15;
}
