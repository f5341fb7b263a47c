//! What commands may ask of the server around them.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use crate::keyspace::Locked;
use crate::net::{Args, OwnedArgs};
use crate::position::{Offset, Replid};
use crate::script::Cache;
use crate::snapshot::rdb;

use super::acl::Users;
use super::pubsub::Hub;
use super::session::ClientInfo;
use super::table::Command;
use super::{Fault, Flow, Session};

/// What commands may ask of the server around them; everything here is off the hot path.
pub trait Host: Send + Sync {
    /// Writes the text of `INFO` for the sections named (lower case), all the usual ones if none.
    ///
    /// Looks into the shards: all of them are `held`, or none.
    fn info(&self, sections: &[String], held: &mut Locked<'_>) -> String;

    /// Lists the configuration parameters that match one of the patterns, with their values.
    fn config_get(&self, patterns: &[&[u8]]) -> Vec<(String, String)>;
    /// Changes configuration parameters, all or none.
    fn config_set(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), Fault>;
    /// Tells whether the value of a directive is not for others to read.
    fn keeps_secret(&self, directive: &[u8]) -> bool;
    /// Tells how `DUMP` writes values, as snapshots do.
    fn rdb_options(&self) -> rdb::Options;
    /// Writes the configuration back to its file.
    fn config_rewrite(&self) -> Result<(), Fault>;
    /// Counts a command that ran within a transaction, and notes it if it was slow.
    fn account_queued(&self, ran: &Ran<'_>, client: &ClientInfo, failed: Option<&Fault>);
    /// Shows monitors a command that has run for a client, which has selected `database` now.
    fn show(
        &self,
        command: &'static Command,
        args: &Args<'_>,
        database: usize,
        client: &ClientInfo,
    );
    /// Tells what words mean where commands go by other names.
    fn meaning(&self, args: &Args<'_>) -> Meaning;
    /// Returns the scripts that are known.
    fn scripts(&self) -> &Cache;
    /// Tells whether writes are taken at all at present.
    fn admits_write(&self) -> Result<(), Fault>;
    /// Tells whether the data is stale, and not to be shown then.
    fn withholds_stale(&self) -> bool;
    /// Ends the server at once, as a script runs that cannot be ended.
    fn end_at_once(&self);
    /// Shows monitors a script that a client runs, or, without a client, a command that one runs.
    fn show_script(&self, args: &Args<'_>, database: usize, client: Option<&ClientInfo>);
    /// Zeroes the counters that `INFO` shows.
    fn reset_statistics(&self);
    /// Tells whether `DEBUG` may be used by this client (`enable-debug-command`).
    fn allows_debug(&self, session: &Session) -> bool;

    /// Returns the users.
    fn users(&self) -> &Users;
    /// Reads the ACL file: its path and its text.
    fn read_acl_file(&self) -> Result<(String, Vec<u8>), Fault>;
    /// Puts a text in the place of the ACL file's.
    fn write_acl_file(&self, text: &[u8]) -> Result<(), Fault>;
    /// Counts an error that a client reads as a part of the reply to another command.
    fn count_error(&self, fault: &Fault);

    /// Lists the clients connected, in the order of their numbers.
    fn clients(&self) -> Vec<Arc<ClientInfo>>;
    /// Stops serving clients until that Unix time in milliseconds: all commands, or writes only.
    fn pause(&self, until_ms: i64, scope: PauseScope);
    /// Ends the pause.
    fn unpause(&self);

    /// Returns all subscriptions.
    fn hub(&self) -> &Arc<Hub>;

    /// Tells the role, for `ROLE` and `HELLO`.
    fn role(&self) -> RoleReport;
    /// Has the configuration name the primary that is to be followed, or none; tells if it did so.
    ///
    /// The role itself changes by [`super::flow::Request::ChangeRole`].
    fn set_primary(&self, primary: Option<(&str, u16)>) -> Result<Followed, Fault>;
    /// Names the present history.
    fn replid(&self) -> Replid;
    /// Takes note of `REPLCONF ACK` (`fack`: what the replica has on disk).
    fn acknowledged(&self, session: &Session, offset: Offset, durable: Option<Offset>);
    /// Counts the replicas that have acknowledged at least `offset`.
    fn replicas_at(&self, offset: Offset) -> i64;
    /// Tells whether all below `offset` is on the disk here, and on how many replicas' disks it is.
    fn durable_at(&self, offset: Offset) -> (bool, i64);
    /// Faults, as `DEBUG SEGFAULT` wants; only a test's host returns.
    fn fault(&self) -> Flow;
    /// Takes a new replid, as `DEBUG CHANGE-REPL-ID` wants.
    fn change_replid(&self) -> Result<Replid, Fault>;

    /// Starts a snapshot in the background.
    fn background_save(&self, schedule: bool) -> Result<SaveStarted, Fault>;
    /// Tells when the last snapshot was completed, in Unix seconds.
    fn last_save_s(&self) -> i64;
    /// Switches the active expiry cycle, as `DEBUG SET-ACTIVE-EXPIRE` wants.
    fn set_active_expiry(&self, on: bool);

    /// Stops what is done by the clock, or goes on with it.
    fn pause_cron(&self, paused: bool);
    /// Makes sure, as long as the result is kept, that an effect of so many bytes can be logged.
    fn make_room(&self, bytes: u64) -> Result<Box<dyn Any + Send>, Fault>;
    /// Drops a value that may be large off the worker threads.
    fn drop_later(&self, value: Box<dyn Send>);

    /// Lists the slow log's newest entries, newest first.
    fn slow_entries(&self, count: usize) -> Vec<SlowEntry>;
    /// Counts the slow log's entries.
    fn slow_count(&self) -> usize;
    /// Empties the slow log.
    fn slow_reset(&self);
    /// The latency histograms: per command its calls and the cumulative counts by microseconds.
    fn latency_histograms(&self, commands: &[&[u8]]) -> Vec<LatencyHistogram>;
    /// Lists latency events: name, Unix seconds of the last, milliseconds of the last and the most.
    fn latency_latest(&self) -> Vec<(String, i64, i64, i64)>;
    /// Lists one event's samples: Unix seconds and milliseconds.
    fn latency_history(&self, event: &[u8]) -> Vec<(i64, i64)>;
    /// Forgets the events named, or all; counts them.
    fn latency_reset(&self, events: &[&[u8]]) -> usize;
    /// The figures for `MEMORY STATS` and `MEMORY DOCTOR`, by their stock names.
    ///
    /// Looks into the shards: all of them are `held`, or none.
    fn memory_stats(&self, held: &mut Locked<'_>) -> MemoryFigures;

    /// Names the allocator, as stock servers do.
    fn allocator(&self) -> String;

    /// Returns what the allocator says of itself, some pages of text.
    fn allocator_stats(&self) -> String;
    /// Returns memory to the operating system.
    fn memory_purge(&self);
}

/// What a request means where commands go by other names.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What it says.
    Itself,
    /// The request with the command's own name.
    Other(OwnedArgs),
    /// Nothing: the name was taken away.
    Nothing,
}

/// A command that has run.
#[derive(Clone, Copy, Debug)]
pub struct Ran<'r> {
    /// Its row.
    pub command: &'static Command,
    /// Its words.
    pub args: Args<'r>,
    /// How long it took in microseconds.
    pub took_us: u64,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

/// What `CLIENT PAUSE` holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseScope {
    /// Commands that may write.
    Writes,
    /// All commands.
    All,
}

/// How `BGSAVE` went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveStarted {
    /// It runs.
    Now,
    /// Another one runs, and this follows it.
    Scheduled,
}

/// Whether another primary is to be followed than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Another one, or none any more.
    Changed,
    /// The same as before.
    Already,
}

/// What `ROLE` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleReport {
    /// A primary with its replicas: address, port and acknowledged offset.
    Primary {
        /// How far the stream reaches.
        offset: Offset,
        /// The replicas that are fed.
        replicas: Vec<(String, u16, Offset)>,
    },
    /// A replica.
    Replica {
        /// The primary's name or address.
        host: String,
        /// The primary's port.
        port: u16,
        /// What the link is at, in stock's words.
        link: &'static str,
        /// How far it has applied the stream; `None` as long as it has not begun to.
        offset: Option<Offset>,
    },
}

/// One entry of the slow log.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// Its number; never used twice while the server runs.
    pub id: u64,
    /// When the command began, in Unix seconds.
    pub at_s: i64,
    /// How long it took in microseconds.
    pub took_us: u64,
    /// Its words, shortened.
    pub words: Vec<Vec<u8>>,
    /// The client's address.
    pub address: String,
    /// The client's name.
    pub name: String,
}

/// One command's latency histogram.
#[derive(Clone, Debug)]
pub struct LatencyHistogram {
    /// The command, `config|get` for a subcommand.
    pub command: String,
    /// How often it ran.
    pub calls: u64,
    /// Upper bounds in microseconds with the number of calls at or below them.
    pub cumulative_us: Vec<(u64, u64)>,
}

/// The figures of `MEMORY STATS` by their names.
pub type MemoryFigures = Vec<(Cow<'static, str>, MemoryFigure)>;

/// One figure of `MEMORY STATS`.
#[derive(Clone, Debug)]
pub enum MemoryFigure {
    /// A count of bytes or things.
    Count(i64),
    /// A ratio.
    Ratio(f64),
    /// Figures of a database, nested.
    Nested(Vec<(&'static str, i64)>),
}
