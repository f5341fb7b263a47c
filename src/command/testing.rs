//! Runs commands in unit tests, over a keyspace of their own and without a server.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::Mutex;

use crate::keyspace::{Keyspace, Locked};
use crate::net::args::{Args, OwnedArgs};
use crate::net::reply::{Protocol, Reply};
use crate::position::{Offset, Replid};
use crate::script::Cache;
use crate::snapshot::rdb;

use super::acl::Users;
use super::effect::Part;
use super::host::{
    Followed, LatencyHistogram, Meaning, MemoryFigure, MemoryFigures, PauseScope, Ran, RoleReport,
    SaveStarted, SlowEntry,
};
use super::pubsub::Hub;
use super::table::{self, Command, flag};
use super::{Call, ClientInfo, Data, Effect, Fault, Flow, Host, Mode, Session, transaction};

/// The time at which commands run until a test changes it: a day in 2023, in Unix milliseconds.
pub const NOW_MS: i64 = 1_700_000_000_000;

/// A keyspace, a client and a server around them, small enough to run one command at a time.
pub struct Bench {
    /// The data.
    pub keyspace: Keyspace,
    /// The client.
    pub session: Session,
    /// The server.
    pub host: FakeHost,
    /// The time of the next command.
    pub now_ms: i64,
    /// Who drives.
    pub mode: Mode,
}

/// What one command did.
#[derive(Debug)]
pub struct Outcome {
    /// The bytes of its reply, an error's as well.
    pub reply: Vec<u8>,
    /// What the connection does next; nothing after an error.
    pub flow: Option<Flow>,
    /// What goes into the stream: per command its database and its words joined by spaces.
    pub effect: Vec<(usize, String)>,
    /// How many changes were noted.
    pub changes: u64,
    /// The lookups that found a key, and those that did not.
    pub lookups: (u64, u64),
}

impl Outcome {
    /// Returns the reply as text, with `\r\n` shown as a space between its lines.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.reply);
        text.trim_end_matches("\r\n").replace("\r\n", " ")
    }

    /// Returns the commands of the effect without their databases.
    pub fn stream(&self) -> Vec<&str> {
        self.effect.iter().map(|(_, words)| words.as_str()).collect()
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// Makes an empty keyspace of 16 databases with a client of RESP2.
    pub fn new() -> Self {
        let session = session_of(7);
        let host = FakeHost::default();
        host.clients.lock().push(Arc::clone(&session.info));
        Self { keyspace: Keyspace::new(16), session, host, now_ms: NOW_MS, mode: Mode::Client }
    }

    /// Makes one whose client has chosen RESP3.
    pub fn resp3() -> Self {
        let mut bench = Self::new();
        bench.session.protocol = Protocol::Resp3;
        bench
    }

    /// Runs words that are separated by single spaces.
    pub fn run(&mut self, words: &str) -> Outcome {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        self.run_words(&words)
    }

    /// Runs words and returns the reply's text alone.
    pub fn reply(&mut self, words: &str) -> String {
        self.run(words).text()
    }

    /// Runs words of any bytes.
    pub fn run_words(&mut self, words: &[&[u8]]) -> Outcome {
        let owned = OwnedArgs::from_words(words);
        let args = owned.as_args();
        let mut reply = Vec::new();
        let mut effect = Effect::default();
        let database = self.session.database;
        let mut lookups = (0, 0);
        let run = match table::resolve(&args) {
            Err(fault) => Err(fault),
            Ok(command) => {
                let set = if command.has(flag::QUEUED_KEYS) {
                    transaction::shards_of_queue(&self.session, &self.keyspace)
                } else {
                    transaction::shards_of(command, &args, &self.keyspace).0
                };
                let mut locked = self.keyspace.lock(set);
                let protocol = self.session.protocol;
                let no_touch = self.session.no_touch;
                let mut call = Call {
                    args,
                    located: None,
                    session: &mut self.session,
                    data: Data {
                        keyspace: &self.keyspace,
                        locked: &mut locked,
                        effect: &mut effect,
                        database,
                        now_ms: self.now_ms,
                        mode: self.mode,
                        no_touch,
                        hits: 0,
                        misses: 0,
                    },
                    reply: Reply::new(&mut reply, protocol),
                    host: &self.host,
                };
                let handler = command.handler.expect("a command that resolves can run");
                let run = handler(&mut call);
                lookups = (call.data.hits, call.data.misses);
                for value in locked.take_spent().into_iter().flat_map(|spent| *spent) {
                    self.host.drop_later(Box::new(value));
                }
                run
            }
        };
        let flow = match run {
            Ok(flow) => Some(flow),
            Err(fault) => {
                reply.clear();
                Reply::new(&mut reply, self.session.protocol).error(fault.bytes());
                None
            }
        };
        let mut commands = Vec::new();
        effect.emit(&args, database, |db, part| commands.push((db, words_of(part))));
        Outcome { reply, flow, effect: commands, changes: effect.changes(), lookups }
    }
}

/// Makes a client that has just connected.
pub fn session_of(id: u64) -> Session {
    let address = format!("127.0.0.1:{}", 50_000 + id);
    let mut info = ClientInfo::new(id, address, "127.0.0.1:6379".to_owned(), NOW_MS);
    info.since_ms = NOW_MS - 5_000;
    info.descriptor = 8;
    Session::new(Arc::new(info))
}

/// Joins the words of a command in the stream by spaces.
fn words_of(part: Part<'_>) -> String {
    let mut bytes = Vec::new();
    match part {
        Part::Request(args) => args.encode_into(&mut bytes),
        Part::Encoded(encoded) => bytes.extend_from_slice(encoded),
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<_> = text.split("\r\n").collect();
    lines.iter().skip(2).step_by(2).copied().collect::<Vec<_>>().join(" ")
}

/// The samples of a latency event: Unix seconds and milliseconds.
type Samples = Vec<(i64, i64)>;

/// A server that remembers what it was asked and answers what the test has put in.
pub struct FakeHost {
    /// What it was asked to do, in order.
    pub calls: Mutex<Vec<String>>,
    /// The parameters of the configuration.
    pub parameters: Mutex<Vec<(String, String)>>,
    /// The users.
    pub users: Users,
    /// The text of the ACL file, if there is one.
    pub acl_file: Mutex<Option<Vec<u8>>>,
    /// The clients connected.
    pub clients: Mutex<Vec<Arc<ClientInfo>>>,
    /// The slow log, newest first.
    pub slow: Mutex<Vec<SlowEntry>>,
    /// The latency events.
    pub latency: Mutex<Vec<(String, Samples)>>,
    /// Whether `DEBUG` is not for this client.
    pub refuses_debug: AtomicBool,
    /// How large an effect may be beyond its request.
    pub room_bytes: AtomicU64,
    /// How large the last one was said to be.
    pub room_asked: AtomicU64,
    /// The latency histograms.
    pub histograms: Mutex<Vec<LatencyHistogram>>,
    /// All subscriptions.
    pub hub: Arc<Hub>,
    /// The scripts.
    pub scripts: Cache,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self {
            calls: Mutex::default(),
            parameters: Mutex::default(),
            users: Users::default(),
            acl_file: Mutex::default(),
            clients: Mutex::default(),
            slow: Mutex::default(),
            latency: Mutex::default(),
            refuses_debug: AtomicBool::default(),
            room_bytes: AtomicU64::new(u64::MAX),
            room_asked: AtomicU64::default(),
            histograms: Mutex::default(),
            hub: Arc::new(Hub::new(1)),
            scripts: Cache::default(),
        }
    }
}

impl FakeHost {
    /// Takes the list of what it was asked to do.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock())
    }

    fn note(&self, what: impl Into<String>) {
        self.calls.lock().push(what.into());
    }
}

impl Host for FakeHost {
    fn info(&self, sections: &[String], _held: &mut Locked<'_>) -> String {
        format!("# Sections\r\nasked:{}\r\n", sections.join(","))
    }

    fn config_get(&self, patterns: &[&[u8]]) -> Vec<(String, String)> {
        let asked = |name: &str| patterns.iter().any(|p| *p == b"*" || *p == name.as_bytes());
        self.parameters.lock().iter().filter(|(name, _)| asked(name)).cloned().collect()
    }

    fn account_queued(&self, _ran: &Ran<'_>, _client: &ClientInfo, _failed: Option<&Fault>) {}

    fn show(&self, command: &'static Command, _args: &Args<'_>, database: usize, _: &ClientInfo) {
        self.note(format!("show {} in {database}", command.name));
    }

    fn meaning(&self, _args: &Args<'_>) -> Meaning {
        Meaning::Itself
    }

    fn scripts(&self) -> &Cache {
        &self.scripts
    }

    fn admits_write(&self) -> Result<(), Fault> {
        Ok(())
    }

    fn withholds_stale(&self) -> bool {
        false
    }

    fn end_at_once(&self) {
        self.note("end");
    }

    fn show_script(&self, args: &Args<'_>, database: usize, client: Option<&ClientInfo>) {
        let name = String::from_utf8_lossy(args.word(0)).into_owned();
        self.note(format!("show {name} in {database} by {:?}", client.map(|client| client.id)));
    }

    fn config_set(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), Fault> {
        for (name, value) in pairs {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            self.note(format!("set {name} {value}"));
        }
        Ok(())
    }

    fn keeps_secret(&self, directive: &[u8]) -> bool {
        [&b"masterauth"[..], b"requirepass"].contains(&directive)
    }

    fn rdb_options(&self) -> rdb::Options {
        rdb::Options::default()
    }

    fn config_rewrite(&self) -> Result<(), Fault> {
        Err(Fault::fixed("ERR The server is running without a config file"))
    }

    fn reset_statistics(&self) {
        self.note("reset statistics");
    }

    fn allows_debug(&self, _session: &Session) -> bool {
        !self.refuses_debug.load(Relaxed)
    }

    fn users(&self) -> &Users {
        &self.users
    }

    fn read_acl_file(&self) -> Result<(String, Vec<u8>), Fault> {
        let text = self.acl_file.lock().clone().ok_or(Fault::fixed("ERR no file"))?;
        Ok(("users.acl".to_owned(), text))
    }

    fn write_acl_file(&self, text: &[u8]) -> Result<(), Fault> {
        *self.acl_file.lock() = Some(text.to_vec());
        Ok(())
    }

    fn count_error(&self, fault: &Fault) {
        self.note(format!("error {}", fault.code()));
    }

    fn clients(&self) -> Vec<Arc<ClientInfo>> {
        self.clients.lock().clone()
    }

    fn pause(&self, until_ms: i64, scope: PauseScope) {
        self.note(format!("pause {until_ms} {scope:?}"));
    }

    fn unpause(&self) {
        self.note("unpause");
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn role(&self) -> RoleReport {
        RoleReport::Primary { offset: Offset(0), replicas: Vec::new() }
    }

    fn set_primary(&self, primary: Option<(&str, u16)>) -> Result<Followed, Fault> {
        self.note(format!("follow {primary:?}"));
        Ok(Followed::Changed)
    }

    fn replid(&self) -> Replid {
        Replid::from_bytes([7; 20])
    }

    fn acknowledged(&self, session: &Session, offset: Offset, durable: Option<Offset>) {
        self.note(format!("ack {} {offset:?} {durable:?}", session.info.id));
    }

    fn replicas_at(&self, _offset: Offset) -> i64 {
        0
    }

    fn durable_at(&self, offset: Offset) -> (bool, i64) {
        (offset == Offset::ZERO, 0)
    }

    fn fault(&self) -> Flow {
        self.note("fault");
        Flow::Done
    }

    fn change_replid(&self) -> Result<Replid, Fault> {
        Err(Fault::fixed("ERR there is no log"))
    }

    fn background_save(&self, schedule: bool) -> Result<SaveStarted, Fault> {
        self.note(if schedule { "bgsave schedule" } else { "bgsave" });
        Ok(SaveStarted::Now)
    }

    fn last_save_s(&self) -> i64 {
        NOW_MS / 1000
    }

    fn set_active_expiry(&self, on: bool) {
        self.note(if on { "expiry on" } else { "expiry off" });
    }

    fn pause_cron(&self, paused: bool) {
        self.note(if paused { "cron off" } else { "cron on" });
    }

    fn make_room(&self, bytes: u64) -> Result<Box<dyn Any + Send>, Fault> {
        self.room_asked.store(bytes, Relaxed);
        let most = self.room_bytes.load(Relaxed);
        if bytes > most { Err(Fault::fixed("MISCONF no room")) } else { Ok(Box::new(())) }
    }

    fn drop_later(&self, value: Box<dyn Send>) {
        self.note("drop later");
        drop(value);
    }

    fn slow_entries(&self, count: usize) -> Vec<SlowEntry> {
        self.slow.lock().iter().take(count).cloned().collect()
    }

    fn slow_count(&self) -> usize {
        self.slow.lock().len()
    }

    fn slow_reset(&self) {
        self.slow.lock().clear();
    }

    fn latency_histograms(&self, commands: &[&[u8]]) -> Vec<LatencyHistogram> {
        let asked = |name: &str| commands.is_empty() || commands.contains(&name.as_bytes());
        self.histograms.lock().iter().filter(|one| asked(&one.command)).cloned().collect()
    }

    fn latency_latest(&self) -> Vec<(String, i64, i64, i64)> {
        let events = self.latency.lock();
        let latest = events.iter().filter_map(|(name, samples)| {
            let (at_s, took_ms) = *samples.last()?;
            let most_ms = samples.iter().map(|(_, ms)| *ms).max()?;
            Some((name.clone(), at_s, took_ms, most_ms))
        });
        latest.collect()
    }

    fn latency_history(&self, event: &[u8]) -> Vec<(i64, i64)> {
        let events = self.latency.lock();
        let found = events.iter().find(|(name, _)| name.as_bytes() == event);
        found.map(|(_, samples)| samples.clone()).unwrap_or_default()
    }

    fn latency_reset(&self, events: &[&[u8]]) -> usize {
        let mut held = self.latency.lock();
        let before = held.len();
        held.retain(|(name, _)| !events.is_empty() && !events.contains(&name.as_bytes()));
        before - held.len()
    }

    fn allocator(&self) -> String {
        "jemalloc".to_owned()
    }

    fn allocator_stats(&self) -> String {
        "arenas\n".to_owned()
    }

    fn memory_stats(&self, _held: &mut Locked<'_>) -> MemoryFigures {
        vec![
            ("peak.allocated".into(), MemoryFigure::Count(100)),
            ("fragmentation".into(), MemoryFigure::Ratio(1.5)),
            ("db.0".into(), MemoryFigure::Nested(vec![("overhead.hashtable.main", 72)])),
        ]
    }

    fn memory_purge(&self) {
        self.note("purge");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_command_leaves_its_error_alone_in_the_reply() {
        let mut bench = Bench::new();
        let outcome = bench.run("get");
        assert_eq!(outcome.text(), "-ERR wrong number of arguments for 'get' command");
        assert_eq!(outcome.flow, None);
        assert!(outcome.stream().is_empty());
        assert_eq!((outcome.changes, outcome.lookups), (0, (0, 0)));
    }
}
