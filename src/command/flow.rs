//! What a connection does after a command.

use std::ops::Range;
use std::time::Duration;

use crate::keyspace::Wish;
use crate::net::args::OwnedArgs;
use crate::position::Position;
use crate::snapshot::rdb;

/// What the connection does once a command has run.
#[derive(Debug, PartialEq, Eq)]
pub enum Flow {
    /// The reply is written; the next command follows.
    Done,
    /// The reply is written; the connection ends once it is flushed.
    Close,
    /// Nothing was done: the command is to be run anew, with the shards that it now says it needs.
    Anew,
    /// The reply comes later, from the server.
    Await(Box<Request>),
}

impl Flow {
    /// Asks for something of the server.
    pub fn ask(request: Request) -> Self {
        Self::Await(Box::new(request))
    }
}

/// What a command asks of the server, answered when it is done.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// `WAIT`: so many replicas must have acknowledged all that this client wrote.
    Wait {
        /// How many replicas.
        replicas: i64,
        /// How long at most; `None` waits for ever.
        timeout: Option<Duration>,
    },
    /// `WAITAOF`: as [`Self::Wait`], for what is durable here and on replicas.
    WaitDurable {
        /// Whether this server must have it on disk.
        local: bool,
        /// How many replicas must have it on disk.
        replicas: i64,
        /// How long at most; `None` waits for ever.
        timeout: Option<Duration>,
    },
    /// `BLPOP` and its kin: until a key holds something for the client.
    Block(Block),
    /// `SAVE`, and `BGSAVE` with the reply at once.
    Save,
    /// `DEBUG RELOAD`: a snapshot is written and loaded again.
    Reload,
    /// `DEBUG LOADAOF`: the log is replayed from the newest snapshot.
    Replay,
    /// `DEBUG SLEEP`: nothing is answered for so long.
    Sleep(Duration),
    /// `EXEC` of commands for which the server has to work: their answers come in their places.
    Transaction {
        /// The commands, in order.
        owed: Vec<Owed>,
        /// The reply behind the last answer.
        rest: Vec<u8>,
    },
    /// `REPLICAOF`: the role is to be what the configuration says.
    ChangeRole,
    /// `FAILOVER`: a replica is to take over.
    Failover(FailoverPlan),
    /// `FAILOVER ABORT`.
    AbortFailover,
    /// `MIGRATE`: keys are sent to another server, and removed here unless they changed meanwhile.
    Migrate(Box<Migration>),
    /// `SHUTDOWN`: an answer comes only if the server stays.
    Shutdown(ShutdownMode),
    /// `PSYNC` or `SYNC`: the connection becomes a replica's.
    Feed(FeedRequest),
}

impl Request {
    /// Tells whether it is given up when the client leaves, or somebody interrupts it.
    pub fn ends_early(&self) -> bool {
        matches!(self, Self::Wait { .. } | Self::WaitDurable { .. })
    }

    /// Tells whether the server works on it, so that the command takes until the answer.
    ///
    /// The time of the others is that of somebody else, or the end.
    pub fn is_work(&self) -> bool {
        matches!(
            self,
            Self::Save
                | Self::Reload
                | Self::Replay
                | Self::Sleep(_)
                | Self::ChangeRole
                | Self::Failover(_)
                | Self::AbortFailover
                | Self::Migrate(_)
                | Self::Transaction { .. }
        )
    }
}

/// What a command waits for that found nothing; it is run again when there may be something.
///
/// When the time is over it is answered by a null array, whatever its plain form says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The words that are the keys waited for.
    pub keys: Range<usize>,
    /// What it waits for.
    pub wish: Wish,
    /// How long at most; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// The words that are run again, where they are not those of the request.
    pub words: Option<OwnedArgs>,
}

/// A command of a transaction that the server works on once the others have run.
///
/// All of them leave the data as they are, or remove keys only where these are still as they were, so that it makes no difference to run them last.
#[derive(Debug, PartialEq, Eq)]
pub struct Owed {
    /// The reply between the answer before and this one.
    pub before: Vec<u8>,
    /// What is asked for.
    pub request: Request,
    /// The command's words.
    pub words: OwnedArgs,
}

/// Keys on their way to another server.
#[derive(Debug, PartialEq, Eq)]
pub struct Migration {
    /// The name or address of the server.
    pub host: String,
    /// Its port, as it was given.
    pub port: String,
    /// The database that they go to.
    pub target_database: i64,
    /// How long the server may be silent.
    pub timeout: Duration,
    /// Whether the keys stay here too.
    pub copy: bool,
    /// Whether they take the place of keys that are there.
    pub replace: bool,
    /// Who logs in there.
    pub login: Option<Login>,
    /// The database that they are in here.
    pub database: usize,
    /// How their values were encoded.
    pub options: rdb::Options,
    /// The keys.
    pub keys: Vec<Sent>,
}

/// The name and the password that another server is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user; the default one if none is named.
    pub user: Option<Vec<u8>>,
    /// The password.
    pub password: Vec<u8>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// A key as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent {
    /// The key.
    pub key: Vec<u8>,
    /// What it holds, as `DUMP` tells.
    pub payload: Vec<u8>,
    /// When it expires, in Unix milliseconds.
    pub expiry_ms: Option<i64>,
    /// How long it has from now on; zero for ever.
    pub ttl_ms: i64,
}

/// How `FAILOVER` goes about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailoverPlan {
    /// The replica that is to take over, by host and port; any if none is named.
    pub target: Option<(String, u16)>,
    /// How long it may take to catch up.
    pub timeout: Option<Duration>,
    /// Whether it takes over even if it does not.
    pub force: bool,
}

/// How `SHUTDOWN` goes about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownMode {
    /// `SAVE` / `NOSAVE`; `None` saves if there are save points.
    pub save: Option<bool>,
    /// `NOW`: replicas are not waited for.
    pub now: bool,
    /// `FORCE`: errors do not stop it.
    pub force: bool,
    /// `ABORT`: the shutdown under way is called off.
    pub abort: bool,
}

/// What a replica asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedRequest {
    /// `SYNC`: a snapshot and then the stream, with no word of identity.
    Sync,
    /// `PSYNC ? -1`: a snapshot and then the stream.
    Full,
    /// `PSYNC` with a replid or an offset that no history has: the same, but it was a refusal.
    Nowhere,
    /// `PSYNC <replid> <offset>`: the stream from there if this is possible.
    Continue(Position),
    /// `PSYNC <replid> <offset> FAILOVER`: the same, once this replica leads.
    TakeOver(Position),
}
