//! The commands that a script runs.

use std::time::Instant;

use crate::command::host::Meaning;
use crate::command::room::words_bytes;
use crate::command::table::{self, Command, flag, keys};
use crate::command::{Call, Classes, Data, Effect, Fault, Flow, LocatedKey, Mode, Session, acl};
use crate::keyspace::ShardSet;
use crate::net::args::Args;
use crate::net::reply::{Protocol, Reply};
use crate::script::{Commands, Conduct, Stopped, begin_to_write, pass};

use super::shards;

const UNKNOWN: Fault = Fault::fixed("ERR Unknown Redis command called from script");
const WRONG_ARITY: Fault =
    Fault::fixed("ERR Wrong number of args calling Redis command from script");
const NOT_HERE: Fault = Fault::fixed("ERR This Redis command is not allowed from script");
const READ_ONLY: Fault = Fault::fixed("ERR Write commands are not allowed from read-only scripts.");
const STALE: Fault = Fault::fixed("ERR Can not execute the command on a stale replica");
const OUT_OF_MEMORY: Fault =
    Fault::fixed("OOM command not allowed when used memory > 'maxmemory'.");

const STRAYS: Fault = Fault::fixed(
    "ERR The script asks for a key that it does not name in KEYS, as another does at this moment; \
     run it again",
);

/// What may go into the stream.
const LOGS: u32 = flag::WRITE | flag::PUBLISHES | flag::KEEPS_RESULT;

/// What a script may do.
#[derive(Clone, Copy)]
pub struct Rights {
    /// Whether it may write.
    pub writes: bool,
    /// Whether memory is short, so that it may not take more.
    pub lacks_memory: bool,
}

/// Runs the commands of one script, as `EXEC` runs those of a transaction.
pub struct Inner<'i, 'c, 'k> {
    call: &'i mut Call<'c, 'k>,
    /// What the script has chosen by its commands, which ends with it.
    session: Box<Session>,
    effect: Box<Effect>,
    rights: Rights,
    has_written: bool,
    stopped: Option<Stopped>,
    conduct: &'i Conduct,
    /// The shards that it may ask for without straying from its keys.
    named: ShardSet,
    has_strayed: bool,
}

impl<'i, 'c, 'k> Inner<'i, 'c, 'k> {
    /// Begins a run.
    pub fn new(call: &'i mut Call<'c, 'k>, rights: Rights, conduct: &'i Conduct) -> Self {
        let held = call.data.locked.set();
        let is_tried = held == ShardSet::ALL && !conduct.is_trusted() && !conduct.has_strayed();
        let named = if is_tried { shards::named(&call.args, call.data.keyspace) } else { held };
        let session = call.session.begin_scripted();
        let effect = call.data.effect.begin_part();
        Self {
            call,
            session,
            effect,
            rights,
            has_written: false,
            stopped: None,
            conduct,
            named,
            has_strayed: false,
        }
    }

    /// Notes, at the end of the script, whether it has kept to its keys.
    pub fn end(self) {
        self.call.session.end_scripted(self.session);
        self.call.data.effect.end_part(self.effect);
        if self.has_strayed {
            self.conduct.strayed();
        } else {
            self.conduct.kept();
        }
    }

    fn try_run(
        &mut self,
        words: &Args<'_>,
        protocol: Protocol,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        match self.call.host.meaning(words) {
            Meaning::Itself => self.run_by_own_name(words, protocol, out),
            Meaning::Other(words) => self.run_by_own_name(&words.as_args(), protocol, out),
            Meaning::Nothing => Err(self.refuse(None, UNKNOWN)),
        }
    }

    fn run_by_own_name(
        &mut self,
        args: &Args<'_>,
        protocol: Protocol,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let Some(command) = table::find(args) else { return Err(self.refuse(None, UNKNOWN)) };
        let accepted = self.accept(command, args);
        let located = accepted.map_err(|fault| self.refuse(Some(command), fault))?;
        let result = match self.session.timing.known(command, args) {
            Some(took) => {
                let result = self.execute(command, (args, located), (protocol, out));
                self.call.data.effect.tally.note(command, took, result.as_ref().err());
                result
            }
            None => self.execute_timed(command, (args, located), (protocol, out)),
        };
        match result? {
            Flow::Done | Flow::Close => Ok(()),
            // Nobody can work on it while the script goes on.
            Flow::Await(_) | Flow::Anew => Err(NOT_HERE),
        }
    }

    /// Tells whether a command may run, and where its key is if it has only one.
    fn accept<'a>(
        &mut self,
        command: &'static Command,
        args: &Args<'a>,
    ) -> Result<Option<LocatedKey<'a>>, Fault> {
        if !command.accepts(args.len()) {
            return Err(WRONG_ARITY);
        }
        if command.has(flag::NOSCRIPT) {
            return Err(NOT_HERE);
        }
        if !command.has(flag::STALE) && self.call.host.withholds_stale() {
            return Err(STALE);
        }
        self.check(command, args)?;
        if asks_to_wait(command, args) {
            return Err(waits(command));
        }
        self.admit(command, args)?;
        let (set, located) = shards::of(command, args, self.call.data.keyspace);
        if !self.named.contains(set) {
            self.stray(set)?;
        }
        Ok(located)
    }

    /// Notes that a command did not run, unless the script ends here.
    #[cold]
    fn refuse(&mut self, command: Option<&'static Command>, fault: Fault) -> Fault {
        if self.stopped.is_none() {
            self.call.data.effect.tally.note_refused(command, fault.clone());
        }
        fault
    }

    /// Runs a command, and sees how long that takes.
    fn execute_timed(
        &mut self,
        command: &'static Command,
        (args, located): (&Args<'_>, Option<LocatedKey<'_>>),
        (protocol, out): (Protocol, &mut Vec<u8>),
    ) -> Result<Flow, Fault> {
        let began = Instant::now();
        let result = self.execute(command, (args, located), (protocol, out));
        let now = Instant::now();
        let took = now.duration_since(began);
        self.session.timing.note(command, took, out.len());
        self.call.data.effect.tally.note(command, took, result.as_ref().err());
        if let Err(stopped) = pass(began, now) {
            self.stopped = Some(stopped);
        }
        result
    }

    /// Sees to it that shards are held which are not of the keys that the script names.
    #[cold]
    fn stray(&mut self, set: ShardSet) -> Result<(), Fault> {
        self.has_strayed = true;
        let Data { locked, effect, .. } = &mut self.call.data;
        if locked.holds(set) {
            return Ok(());
        }
        if !self.has_written && effect.is_empty() && effect.events.is_empty() {
            self.stopped = Some(Stopped::Abandoned);
            return Err(NOT_HERE);
        }
        if locked.extend(set) { Ok(()) } else { Err(STRAYS) }
    }

    /// Checks that whoever runs the script may run a command.
    fn check(&mut self, command: &'static Command, args: &Args<'_>) -> Result<(), Fault> {
        let Self { call, session, .. } = self;
        let users = call.host.users();
        if !call.session.login.is_unbound(users.version()) {
            call.session.notice_users(users)?;
            let checked = call.session.check(users, command, args);
            checked.map_err(|denied| acl::deny_script(call, denied, (command, args)))?;
        }
        call.session.share_reading(session);
        Ok(())
    }

    /// Tells whether the script may run a command that its client may.
    fn admit(&mut self, command: &Command, args: &Args<'_>) -> Result<(), Fault> {
        let host = self.call.host;
        if !command.has(LOGS) {
            return Ok(());
        }
        if !self.rights.writes {
            return Err(READ_ONLY);
        }
        if command.has(flag::WRITE) {
            host.admits_write()?;
            if let Err(stopped) = begin_to_write() {
                self.stopped = Some(stopped);
                return Err(NOT_HERE);
            }
        }
        if command.has(flag::DENYOOM) && self.rights.lacks_memory && !self.has_written {
            return Err(OUT_OF_MEMORY);
        }
        if self.call.data.mode == Mode::Reader {
            return Ok(());
        }
        // For the script as a request there is room, and for what it does beyond there has to be.
        let bytes = words_bytes(args.iter().map(<[u8]>::len));
        self.call.data.effect.room.ask(host, bytes)
    }

    fn execute(
        &mut self,
        command: &'static Command,
        (args, located): (&Args<'_>, Option<LocatedKey<'_>>),
        (protocol, out): (Protocol, &mut Vec<u8>),
    ) -> Result<Flow, Fault> {
        let Self { call, session, effect, .. } = self;
        let handler = command.handler.expect("a container is resolved to a subcommand");
        let database = session.database;
        effect.clear();
        call.data.locked.take_created();
        // All of them are logged at once, and share the room.
        effect.room = std::mem::take(&mut call.data.effect.room);
        session.protocol = protocol;
        let mut inner = Call {
            args: *args,
            located,
            data: call.data.lend(effect, database),
            session,
            reply: Reply::new(out, protocol),
            host: call.host,
        };
        inner.data.no_touch = call.session.no_touch;
        let result = handler(&mut inner);
        let (hits, misses) = (inner.data.hits, inner.data.misses);
        if call.session.remembers_keys_of(command) {
            for index in keys::keys_of(command, args) {
                effect.note(Classes::READ, "", database, args.word(index));
            }
        }
        if call.host.hub().has_monitors() {
            call.host.show_script(args, session.database, None);
        }
        call.data.hits += hits;
        call.data.misses += misses;
        self.has_written |= !effect.is_empty();
        call.data.effect.absorb(effect, args, database);
        call.data.effect.room = std::mem::take(&mut effect.room);
        result
    }
}

impl Commands for Inner<'_, '_, '_> {
    fn may_run(&self, words: &Args<'_>) -> Option<bool> {
        let may = |words: &Args<'_>| {
            let command = table::find(words)?;
            Some(self.call.session.login.may_run(self.call.host.users(), command, words))
        };
        match self.call.host.meaning(words) {
            Meaning::Itself => may(words),
            Meaning::Other(words) => may(&words.as_args()),
            Meaning::Nothing => None,
        }
    }

    fn run(
        &mut self,
        words: &Args<'_>,
        protocol: Protocol,
        out: &mut Vec<u8>,
    ) -> Result<(), Stopped> {
        let result = self.try_run(words, protocol, out);
        if let Some(stopped) = self.stopped {
            return Err(stopped);
        }
        if let Err(fault) = result {
            out.clear();
            Reply::new(out, protocol).error(fault.bytes());
        }
        Ok(())
    }
}

/// Tells whether a command that reads streams says that it would wait.
fn asks_to_wait(command: &Command, args: &Args<'_>) -> bool {
    if !matches!(command.name, "xread" | "xreadgroup") {
        return false;
    }
    let mut place = 1;
    while let Some(word) = args.get(place).filter(|word| !word.eq_ignore_ascii_case(b"STREAMS")) {
        if word.eq_ignore_ascii_case(b"BLOCK") {
            return true;
        }
        let values = [(&b"COUNT"[..], 1), (b"GROUP", 2)];
        let values = values.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        place += 1 + values.map_or(0, |(_, count)| *count);
    }
    false
}

#[cold]
fn waits(command: &Command) -> Fault {
    let name = command.name;
    Fault::of(format!("ERR {name} command is not allowed with BLOCK option from scripts"))
}
