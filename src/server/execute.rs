//! From a request to its reply and its place in the log.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::command::counters::Counters;
use crate::command::host::Ran;
use crate::command::scripting::{self, busy};
use crate::command::session::{Memory, ReplyMode, UnderWay, flag as client};
use crate::command::table::{self, Command, flag};
use crate::command::{Call, Data, Effect, Fault, Flow, LocatedKey, Mode, Session, transaction};
use crate::keyspace::ShardSet;
use crate::log::Secured;
use crate::net::{Args, Reply};

use super::admission::{self, READ_ONLY};
use super::asked::{Asked, does};
use super::blocking::{self, Asker, Waiting};
use super::clock::{Clock, unix_ms};
use super::commit::Sight;
use super::effects::{hear, log, seen, stays_here};
use super::eviction::{Evictor, Room};
use super::intruder::speaks_http;
use super::pause::Who;
use super::renames::Meaning;
use super::streams::Appending;
use super::{Server, delivery, rights, room};

const LOADING: Fault = Fault::fixed("LOADING Redis is loading the dataset in memory");
const PRIMARY_DOWN: Fault = Fault::fixed(
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);
const OUT_OF_MEMORY: Fault =
    Fault::fixed("OOM command not allowed when used memory > 'maxmemory'.");
const ONLY_MONITORS: Fault = Fault::fixed("ERR Replica can't interact with the keyspace");
pub(super) const NOT_IN_TRANSACTION: Fault =
    Fault::fixed("ERR Command not allowed inside a transaction");

/// What a client that monitors may not run.
const TOUCHES_DATA: u32 = flag::WRITE | flag::READONLY | flag::PUBLISHES | flag::KEEPS_RESULT;
/// Requests and replies up to so many bytes are copied in no time worth measuring.
const BRIEF_BYTES_MAX: usize = 4096;
/// Where commands are slow from fewer microseconds on, each is timed by itself.
const BRIEF_US: u64 = 1000;

/// Executes the requests of one worker's clients, one after the other.
pub struct Executor {
    server: Arc<Server>,
    counters: Arc<Counters>,
    effect: Effect,
    unit: Vec<u8>,
    clock: Clock,
    now_ms: i64,
    /// When the last command was done whose time is known.
    mark: Instant,
    /// What has run since.
    row: Row,
    /// Whether replies wait for replicas.
    commits: bool,
    /// What the command that ran last has shown its client, where that matters.
    sight: Option<Sight>,
    appending: Appending,
    evictor: Evictor,
    /// The place of the client whose command ran last, if it waits.
    waiting: Option<Waiting>,
}

/// Brief commands of one kind that ran one after the other; they share one look at the clock.
#[derive(Clone, Copy, Default)]
struct Row {
    command: Option<&'static Command>,
    count: u64,
}

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It ran, or was refused; the reply is written unless the flow says otherwise.
    Ran(Flow),
    /// It did not run: clients are paused. It is to be handed in again.
    Held,
}

impl Executor {
    /// Makes the executor of one worker.
    pub fn new(server: Arc<Server>, counters: Arc<Counters>) -> Self {
        Self {
            server,
            counters,
            effect: Effect::default(),
            unit: Vec::new(),
            clock: Clock::new(),
            now_ms: unix_ms(),
            mark: Instant::now(),
            row: Row::default(),
            commits: false,
            sight: None,
            appending: Appending::default(),
            evictor: Evictor::default(),
            waiting: None,
        }
    }

    /// Looks at the clock; to be called before the requests of one socket read.
    pub fn begin(&mut self) -> Instant {
        (self.mark, self.now_ms) = self.clock.look();
        self.commits = self.server.commit.is_on();
        self.mark
    }

    /// Accounts for what has run; to be called after the requests of one socket read.
    ///
    /// Returns when the last of them was done, or the clock was looked at.
    pub fn end(&mut self) -> Instant {
        self.account_row();
        self.mark
    }

    /// Returns the time of the requests being executed, in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Returns the counters of this worker.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Tells what the last request has shown its client that replicas must have on disk first.
    pub fn sight(&mut self) -> Option<Sight> {
        self.sight.take()
    }

    /// Takes the place of the client whose last request waits for a key.
    pub fn waiting(&mut self) -> Option<Waiting> {
        self.waiting.take()
    }

    /// Executes one request and appends its reply to `out`.
    pub fn execute(&mut self, session: &mut Session, args: Args<'_>, out: &mut Vec<u8>) -> Outcome {
        match self.server.renames.meaning(&args) {
            Meaning::Itself => self.execute_by_own_name(session, &args, out),
            Meaning::Other(words) => self.execute_by_own_name(session, &words.as_args(), out),
            Meaning::Nothing => {
                show_last(session, None);
                let fault = table::unknown(&args);
                Outcome::Ran(self.refuse(session, None, &fault, out))
            }
        }
    }

    fn execute_by_own_name(
        &mut self,
        session: &mut Session,
        args: &Args<'_>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let start = out.len();
        let mut is_push = false;
        let found = table::find(args);
        let outcome = match found {
            Some(command) if command.accepts(args.len()) => {
                show_last(session, Some(command));
                let outcome = self.dispatch(session, command, args, out);
                is_push = command.has(flag::REPLIES_BY_PUSH)
                    && session.transaction.is_none()
                    && !out[start..].starts_with(b"-");
                outcome
            }
            command => self.misunderstood(session, command, args, out),
        };
        if session.subscriber.is_some() && !matches!(outcome, Outcome::Held) {
            session.forget_caching(found);
        }
        // What is answered later is muted when it is.
        let is_answered = !matches!(outcome, Outcome::Held | Outcome::Ran(Flow::Await(_)));
        if is_answered && session.reply != ReplyMode::On {
            let end = if is_push { out.len() } else { start };
            mute(session, out, end);
        }
        if !session.ahead.is_empty() {
            out.splice(start..start, session.ahead.drain(..));
        }
        outcome
    }

    /// Answers a request that is no command, or has too few words for one or too many.
    #[cold]
    fn misunderstood(
        &mut self,
        session: &mut Session,
        command: Option<&'static Command>,
        args: &Args<'_>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        if command.is_none() && speaks_http(args) {
            return Outcome::Ran(self.turn_away(session, out));
        }
        show_last(session, command);
        let fault = table::misunderstood(args);
        Outcome::Ran(self.refuse(session, command, &fault, out))
    }

    fn dispatch(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: &Args<'_>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let asked = Asked::of(session, command, args);
        let queue = session.transaction.is_some() && !runs_at_once(command);
        // The room set aside for a large request is given back once the request has run.
        let _room = match self.admit(session, (command, args), &asked) {
            Ok(room) => room,
            Err(fault) => return Outcome::Ran(self.refuse(session, Some(command), &fault, out)),
        };
        if self.server.pause.holds(asked.who, self.now_ms) {
            return Outcome::Held;
        }
        if queue {
            queue_up(session, command, args, out);
            return Outcome::Ran(Flow::Done);
        }
        Outcome::Ran(self.run(session, command, (args, &asked), out))
    }

    /// Runs the command with the shards it needs, and logs its effect before it lets go of them.
    fn run(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        (args, asked): (&Args<'_>, &Asked),
        out: &mut Vec<u8>,
    ) -> Flow {
        let start = out.len();
        if !self.row.is_of(command) {
            self.account_row();
        }
        let handler = command.handler.expect("a container is resolved to a subcommand");
        let (set, located) = self.shards(session, command, args);
        let database = session.database;
        // Borrowed apart: a count of references would be one for all workers to fight over.
        let Self { server, effect, unit, now_ms, appending, commits, sight, waiting, .. } = self;
        let Some(mut locked) = blocking::lock(server, command, set) else {
            return self.refuse_busy(session, command, out);
        };
        effect.begin(asked.bytes, server.wanted_events(), server.live.latency_threshold_ms());
        let stream = appending.refresh(&server.streams);
        let mode = asked.mode(server, stream, *now_ms);
        if mode == Mode::Reader && asked.writes {
            drop(locked);
            return self.refuse(session, Some(command), &self.server.unwritable(), out);
        }
        let mut call = Call {
            args: *args,
            located,
            data: Data {
                keyspace: &server.keyspace,
                locked: &mut locked,
                effect,
                database,
                now_ms: *now_ms,
                mode,
                no_touch: session.no_touch,
                hits: 0,
                misses: 0,
            },
            reply: Reply::new(out, session.protocol),
            session,
            host: &**server,
        };
        let result = handler(&mut call);
        let (hits, misses) = (call.data.hits, call.data.misses);
        effect.tally.count_by(&self.counters);
        if matches!(result, Ok(Flow::Anew)) {
            drop(locked);
            return self.run(session, command, (args, asked), out);
        }
        let publishing = delivery::take_turn(&server.hub, effect);
        let logged = effect.is_empty()
            || stays_here(server, mode, effect)
            || log((server, stream), effect, unit, session, (database, args));
        if *commits && mode != Mode::Reader {
            *sight = seen(server, session, command, asked.may_write && !effect.is_empty());
        }
        if let Some(block) = blocking::awaited(&result) {
            let one = Asker { command, args: *args, session, database };
            *waiting = Some(blocking::wait(server, &mut locked, one, block));
        }
        let ran = (&*session, command, args);
        let is_told = logged && delivery::tell_at_once(server, effect, ran, *now_ms);
        let facts = logged.then_some((mode, *now_ms, *commits));
        blocking::let_go((server, stream), locked, facts);
        effect.room.release();
        if !logged {
            // The server is ending, and this came too late to be kept: it is not answered.
            out.truncate(start);
            return Flow::Close;
        }
        delivery::deliver(&server.hub, publishing.filter(|_| !is_told), effect, *now_ms);
        if server.live.is_doubtful() {
            hear(server, session, effect);
        }
        self.counters.looked_up(hits, misses);
        self.note(session, command, args, (&result, out.len() - start));
        result.unwrap_or_else(|fault| fail(session, &fault, (out, start)))
    }

    /// Accounts for a command that has run, now or with those of its row, or once its work is done.
    #[inline]
    fn note(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: &Args<'_>,
        (result, reply_bytes): (&Result<Flow, Fault>, usize),
    ) {
        match result {
            Ok(Flow::Await(request)) if request.is_work() => {
                let (words, began) = (args.to_owned(), self.mark);
                session.under_way = Some(UnderWay { command, words, began });
            }
            Ok(_) if self.is_brief(command, args, reply_bytes) => {
                self.row = Row { command: Some(command), count: self.row.count + 1 };
            }
            _ => self.account(session, command, args, result.as_ref().err()),
        }
    }

    fn shards<'a>(
        &self,
        session: &mut Session,
        command: &'static Command,
        args: &Args<'a>,
    ) -> (ShardSet, Option<LocatedKey<'a>>) {
        if command.flags & (flag::QUEUED_KEYS | flag::SCRIPT_SHARDS) != 0 {
            return (self.shards_apart(session, command, args), None);
        }
        transaction::shards_of(command, args, &self.server.keyspace)
    }

    /// Does what [`Self::shards`] does for commands that run others.
    fn shards_apart(
        &self,
        session: &mut Session,
        command: &'static Command,
        args: &Args<'_>,
    ) -> ShardSet {
        let server = &*self.server;
        if command.has(flag::QUEUED_KEYS) {
            return transaction::shards_of_queue(session, &server.keyspace);
        }
        // Those who see what a script does see it once.
        if server.hub.has_monitors() {
            return ShardSet::ALL;
        }
        scripting::shards((command, args), session, &server.scripts, &server.keyspace)
    }

    /// Tells whether the request may run, before it does anything.
    fn admit(
        &mut self,
        session: &mut Session,
        (command, args): (&'static Command, &Args<'_>),
        asked: &Asked,
    ) -> Result<Option<Secured>, Fault> {
        if !session.login.is_unbound(self.server.users.version()) {
            rights::admit(&self.server, session, (command, args), self.now_ms)?;
        }
        if session.transaction.is_some() && command.flags & flag::NO_MULTI != 0 {
            return Err(NOT_IN_TRANSACTION);
        }
        if self.server.scripts.runs().is_any_slow() && !command.has(flag::ALLOW_BUSY) {
            return Err(busy(self.server.scripts.runs()));
        }
        if self.server.live.memory_bytes_max().is_some() {
            if self.lacks_memory(session, command) {
                return Err(OUT_OF_MEMORY);
            }
        } else if session.memory == Memory::Short {
            session.memory = Memory::Enough;
        }
        let live = &self.server.live;
        if live.is_replica() && asked.writes {
            return Err(READ_ONLY);
        }
        if session.only_listens() && command.flags & flag::WHILE_LISTENING == 0 {
            return Err(only_listening(command));
        }
        if command.flags & flag::STALE == 0 && live.withholds_stale() {
            return Err(PRIMARY_DOWN);
        }
        if live.is_doubtful() && asked.writes {
            return Err(self.server.doubted());
        }
        if live.is_loading() && command.flags & flag::LOADING == 0 {
            return Err(LOADING);
        }
        if session.is_monitor() && command.has(TOUCHES_DATA) {
            return Err(ONLY_MONITORS);
        }
        match asked.who {
            Who::Writer => self.admit_write(asked),
            Who::Reader => Ok(None),
        }
    }

    /// Has keys evicted where there is too much in memory; tells whether the request is too much then.
    fn lacks_memory(&mut self, session: &mut Session, command: &Command) -> bool {
        let Self { server, appending, evictor, now_ms, .. } = self;
        let room = evictor.make_room(server, appending, *now_ms);
        session.memory = if room == Room::None { Memory::Short } else { Memory::Enough };
        if session.memory == Memory::Enough {
            return false;
        }
        // A queue may grow without an end.
        let grows = session.transaction.is_some()
            && !matches!(command.name, "exec" | "discard" | "quit" | "reset");
        grows || does(session, command, flag::DENYOOM)
    }

    /// Tells whether a write may run: there must be room in the log for it, and replicas enough.
    fn admit_write(&mut self, asked: &Asked) -> Result<Option<Secured>, Fault> {
        let Self { server, appending, .. } = self;
        let Some(stream) = appending.refresh(&server.streams) else { return Ok(None) };
        // What is no write stays with this server, if it follows another.
        if server.live.is_replica() {
            return Ok(None);
        }
        let room = room::make(stream.log(), asked.bytes)?;
        if server.live.disk_is_short() {
            return Err(room::NO_SPACE);
        }
        // A message goes into the log, and is none of the data; a count that is kept can be made again.
        if !asked.writes {
            return Ok(room);
        }
        admission::of_primary(server, self.now_ms)?;
        Ok(room)
    }

    /// Answers a request that would wait for a script that runs for too long.
    #[cold]
    fn refuse_busy(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        out: &mut Vec<u8>,
    ) -> Flow {
        let fault = busy(self.server.scripts.runs());
        self.refuse(session, Some(command), &fault, out)
    }

    /// Answers a request that may not run; a transaction it should have been part of fails.
    fn refuse(
        &mut self,
        session: &mut Session,
        command: Option<&'static Command>,
        fault: &Fault,
        out: &mut Vec<u8>,
    ) -> Flow {
        if let Some(transaction) = &mut session.transaction {
            transaction.refused = true;
        }
        let abort = command
            .is_some_and(|command| command.has(flag::QUEUED_KEYS))
            .then(|| transaction::abort(session, &self.server.keyspace, fault));
        // What is counted is what the client reads.
        let told = abort.as_ref().unwrap_or(fault);
        self.counters.refused(command.map(table::index_of), told);
        Reply::new(out, session.protocol).error(told.bytes());
        Flow::Done
    }

    /// Closes the connection of a client that speaks HTTP; as in stock it gets no reply any more.
    #[cold]
    fn turn_away(&self, session: &Session, out: &mut Vec<u8>) -> Flow {
        self.server.intruders.report(&session.info.address, self.now_ms);
        out.clear();
        Flow::Close
    }

    /// Counts a command that the server worked on, now that the work is done.
    pub fn account_work(&mut self, session: &Session, work: &UnderWay, failed: Option<&Fault>) {
        (self.now_ms, self.mark) = (unix_ms(), work.began);
        self.account(session, work.command, &work.words.as_args(), failed);
    }

    /// Tells whether a command that ran took so little that it need not be timed by itself.
    fn is_brief(&self, command: &Command, args: &Args<'_>, reply_bytes: usize) -> bool {
        let is_short = reply_bytes <= BRIEF_BYTES_MAX
            && args.raw().is_some_and(|raw| raw.len() <= BRIEF_BYTES_MAX);
        let slow_from_us = self.server.live.slower_than_us().unwrap_or(u64::MAX);
        is_short && command.flags & (flag::FAST | flag::BRIEF) != 0 && slow_from_us >= BRIEF_US
    }

    /// Counts the brief commands that ran since the last look at the clock.
    fn account_row(&mut self) {
        let Row { command: Some(command), count } = std::mem::take(&mut self.row) else { return };
        let now = Instant::now();
        let took = now.duration_since(self.mark);
        self.mark = now;
        self.counters.called_in_a_row(table::index_of(command), count, took);
        self.server.note_delay(command, took.as_micros() as u64, self.now_ms);
    }

    /// Counts the run, and notes it if it was slow.
    fn account(
        &mut self,
        session: &Session,
        command: &'static Command,
        args: &Args<'_>,
        failed: Option<&Fault>,
    ) {
        // Beside one that is not brief, those in a row with it took next to nothing.
        let brief = std::mem::take(&mut self.row).count;
        if brief > 0 {
            self.counters.called_in_a_row(table::index_of(command), brief, Duration::ZERO);
        }
        let now = Instant::now();
        let took = now.duration_since(self.mark);
        let took_us = took.as_micros() as u64;
        self.mark = now;
        self.counters.called(table::index_of(command), took, failed);
        let ran = Ran { command, args: *args, took_us, at_ms: self.now_ms };
        self.server.note_if_slow(&ran, &session.info);
    }
}

/// Puts an error in the place of a reply that begins at `start`.
fn fail(session: &Session, fault: &Fault, (out, start): (&mut Vec<u8>, usize)) -> Flow {
    out.truncate(start);
    Reply::new(out, session.protocol).error(fault.bytes());
    Flow::Done
}

impl Row {
    fn is_of(&self, command: &Command) -> bool {
        self.command.is_some_and(|own| std::ptr::eq(own, command))
    }
}

/// Shows others which command the client sent last, be it run, queued or refused.
fn show_last(session: &Session, command: Option<&'static Command>) {
    let place = command.map_or(0, |command| table::index_of(command) + 1);
    session.info.last_command.store(place, Ordering::Relaxed);
}

#[cold]
fn only_listening(command: &Command) -> Fault {
    Fault::of(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
         allowed in this context",
        command.name
    ))
}

/// Tells whether a command runs at once though a transaction is being queued.
fn runs_at_once(command: &Command) -> bool {
    matches!(command.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

fn queue_up(session: &mut Session, command: &'static Command, args: &Args<'_>, out: &mut Vec<u8>) {
    if let Some(transaction) = &mut session.transaction {
        let words = args.to_owned();
        let bytes = words.heap_bytes() + size_of_val(&(command, &words));
        session.info.holdings.queued.fetch_add(bytes, Ordering::Relaxed);
        transaction.commands.push((command, words));
        session.info.queued.store(transaction.commands.len() as i64, Ordering::Relaxed);
        session.info.flags.fetch_or(client::TRANSACTION, Ordering::Relaxed);
        Reply::new(out, session.protocol).simple("QUEUED");
    }
}

/// Takes back the reply that the client does not want.
fn mute(session: &mut Session, out: &mut Vec<u8>, start: usize) {
    match session.reply {
        ReplyMode::On => {}
        ReplyMode::Off => out.truncate(start),
        ReplyMode::SkipNext => session.reply = ReplyMode::Skip,
        ReplyMode::Skip => {
            out.truncate(start);
            session.reply = ReplyMode::On;
        }
    }
}
