//! Clients that wait until a key holds something for them: `BLPOP` and its kin.
//!
//! Whoever changes a key serves those who wait for it, before it lets go of the shards: it runs their
//! commands in their stead, in the order in which they came, and logs what these do behind its own
//! effect. So nobody comes in between, and a command that waits logs nothing until it succeeds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::command::acl;
use crate::command::flow::{Block, Request};
use crate::command::table::keys::keys_of;
use crate::command::table::{Command, flag};
use crate::command::{Call, ClientInfo, Data, Effect, Fault, Flow, Host as _, Mode, Session};
use crate::keyspace::{Keyspace, Locked, ShardSet, Ticket};
use crate::net::args::OwnedArgs;
use crate::net::reply::Protocol;
use crate::net::{Args, Reply};
use crate::replication::stream::Stream;

use super::Server;
use super::clock::unix_ms;
use super::commit::Sight;
use super::effects::{log, seen};
use super::streams::Appending;
use super::{delivery, room};

/// The clients that wait.
#[derive(Debug, Default)]
pub struct Blocked {
    next: AtomicU64,
    waiters: Mutex<HashMap<Ticket, Waiter>>,
}

/// What one client waits with: its command, to be run by whoever makes that possible.
#[derive(Debug)]
struct Waiter {
    command: &'static Command,
    words: OwnedArgs,
    database: usize,
    protocol: Protocol,
    client: Arc<ClientInfo>,
    /// The version of the users that bind it by nothing.
    unbound: u64,
    answer: oneshot::Sender<Answer>,
}

/// What the command of a client that waited came to.
#[derive(Debug)]
pub struct Answer {
    /// Its reply.
    pub reply: Vec<u8>,
    /// What it shows the client that replicas must have first, where that matters.
    pub sight: Option<Sight>,
}

/// A client's place among those who wait; dropping it gives the place up.
pub struct Waiting {
    server: Arc<Server>,
    command: &'static Command,
    ticket: Ticket,
    database: usize,
    keys: Vec<Vec<u8>>,
    answer: oneshot::Receiver<Answer>,
}

/// The user of a client that waits was deleted.
struct Gone;

/// Who asks to wait: the command that found nothing.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Its row.
    pub command: &'static Command,
    /// Its words.
    pub args: Args<'a>,
    /// The client that sent it.
    pub session: &'a Session,
    /// The database it looks at.
    pub database: usize,
}

/// Locks the shards of a command, and those that serving whoever waits for its keys takes.
///
/// Whoever has to wait for a script that runs for too long gets none.
#[inline]
pub fn lock<'k>(server: &'k Server, command: &Command, set: ShardSet) -> Option<Locked<'k>> {
    let keyspace = &server.keyspace;
    let gives_up = || server.scripts.runs().is_any_slow();
    let locked = keyspace.lock_unless(set, &gives_up)?;
    if command.flags & (flag::WRITE | flag::QUEUED_KEYS | flag::RUNS_SCRIPT) == 0 {
        return Some(locked);
    }
    // Nobody else begins to wait for keys of the shards that are held now.
    if set.contains(keyspace.reach(set)) {
        return Some(locked);
    }
    drop(locked);
    lock_further(keyspace, set, &gives_up)
}

/// Does what [`lock`] does where serving takes more shards than the command.
#[cold]
fn lock_further<'k>(
    keyspace: &'k Keyspace,
    set: ShardSet,
    gives_up: &dyn Fn() -> bool,
) -> Option<Locked<'k>> {
    loop {
        let locked = keyspace.lock_unless(keyspace.reach(set), gives_up)?;
        if locked.holds(keyspace.reach(locked.set())) {
            return Some(locked);
        }
    }
}

/// Returns what a command asks to wait for, if it does.
#[inline]
pub fn awaited(result: &Result<Flow, Fault>) -> Option<&Block> {
    match result {
        Ok(Flow::Await(request)) => match &**request {
            Request::Block(block) => Some(block),
            _ => None,
        },
        _ => None,
    }
}

/// Has a client wait for keys whose shards are held.
pub fn wait(
    server: &Arc<Server>,
    locked: &mut Locked<'_>,
    asker: Asker<'_>,
    block: &Block,
) -> Waiting {
    let Asker { command, args, session, database } = asker;
    let blocked = &server.blocked;
    let ticket = Ticket(blocked.next.fetch_add(1, Ordering::Relaxed));
    let (sender, answer) = oneshot::channel();
    let waiter = Waiter {
        command,
        words: block.words.clone().unwrap_or_else(|| args.to_owned()),
        database,
        protocol: session.protocol,
        client: Arc::clone(&session.info),
        unbound: session.login.unbound(),
        answer: sender,
    };
    blocked.waiters.lock().insert(ticket, waiter);
    let reach = keys_of(command, &args)
        .map(|index| ShardSet::of(&server.keyspace.key(args.word(index))))
        .fold(ShardSet::EMPTY, ShardSet::union);
    let keys: Vec<_> = block.keys.clone().map(|index| args.word(index).to_vec()).collect();
    for key in &keys {
        locked.wait(database, &server.keyspace.key(key), (ticket, block.wish), reach);
    }
    Waiting { server: Arc::clone(server), command, ticket, database, keys, answer }
}

impl Waiting {
    /// Waits until the command has been run; to be dropped by whoever waits no longer.
    pub async fn answered(&mut self) -> Answer {
        match (&mut self.answer).await {
            Ok(answer) => {
                // Whoever served it has taken it off the lists.
                self.keys.clear();
                answer
            }
            Err(_) => std::future::pending().await,
        }
    }

    /// Tells whether the command may change something once it finds what it waits for.
    pub fn writes(&self) -> bool {
        self.command.has(flag::WRITE)
    }

    /// Stops waiting; returns the answer if there is one by now.
    pub fn give_up(mut self) -> Option<Answer> {
        self.leave();
        self.answer.try_recv().ok()
    }

    /// Gives the place up.
    ///
    /// Whoever serves a client holds the shards of all its keys until it is done. So once the client is
    /// off the lists, it has been served or never will be.
    fn leave(&mut self) {
        for key in std::mem::take(&mut self.keys) {
            let key = self.server.keyspace.key(&key);
            let mut locked = self.server.keyspace.lock(ShardSet::of(&key));
            locked.wait_no_more(self.database, &key, self.ticket);
        }
        self.server.blocked.waiters.lock().remove(&self.ticket);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Serves those who wait, on behalf of the command that made it possible.
pub struct Serving<'s, 'k> {
    server: &'s Server,
    stream: Option<&'s Arc<Stream>>,
    locked: &'s mut Locked<'k>,
    effect: Effect,
    unit: Vec<u8>,
    /// Who drives: on a replica nobody is served who would change anything.
    mode: Mode,
    now_ms: i64,
    /// Whether replies wait for replicas.
    commits: bool,
}

impl<'s, 'k> Serving<'s, 'k> {
    /// Begins with the shards that the command held.
    #[cold]
    pub fn new(
        (server, stream): (&'s Server, Option<&'s Arc<Stream>>),
        locked: &'s mut Locked<'k>,
        (mode, now_ms, commits): (Mode, i64, bool),
    ) -> Self {
        let (mut effect, unit) = (Effect::default(), Vec::new());
        effect.events.want(server.wanted_events());
        Self { server, stream, locked, effect, unit, mode, now_ms, commits }
    }

    /// Serves those who wait for keys that were changed, and whom that makes it possible to serve.
    ///
    /// Returns the keys for which more shards are needed: a command that only reads has no more than its
    /// own, and may find that a key has expired.
    #[must_use = "those who wait for the keys that are left are served by nobody else"]
    pub fn serve(mut self) -> Vec<(usize, Box<[u8]>)> {
        let mut left = Vec::new();
        while let Some((database, name)) = self.locked.take_ready() {
            let key = self.server.keyspace.key(&name);
            if !self.locked.reaches_all_of(&key) {
                left.push((database, name));
                continue;
            }
            let mut last = None;
            while let Some(ticket) = self.locked.next_waiting(database, &key, last, self.now_ms) {
                last = Some(ticket);
                let server = self.server;
                server.timed("command-unblocking", || self.serve_one(ticket));
            }
        }
        left
    }

    /// Runs the command of one who waits, who waits on if it still finds nothing.
    fn serve_one(&mut self, ticket: Ticket) {
        let Some(waiter) = self.server.blocked.waiters.lock().remove(&ticket) else { return };
        if self.mode == Mode::Reader && waiter.command.has(flag::WRITE) {
            // Its own connection is about to be told that this server follows another.
            self.server.blocked.waiters.lock().insert(ticket, waiter);
            return;
        }
        let mut session = Session::new(Arc::clone(&waiter.client));
        session.protocol = waiter.protocol;
        session.database = waiter.database;
        let Ok(checked) = self.check_again(&mut session, &waiter) else {
            // Its user is gone, and its connection is about to be closed.
            self.server.blocked.waiters.lock().insert(ticket, waiter);
            return;
        };
        let mut reply = Vec::new();
        self.effect.clear();
        self.effect.removals.watch(self.server.live.latency_threshold_ms());
        self.locked.take_created();
        let args = waiter.words.as_args();
        // Who made it possible had room made for itself alone.
        let room = self.stream.map_or(Ok(None), |stream| {
            let bytes = room::request_bytes(&session, waiter.command, &args);
            room::make(stream.log(), bytes)
        });
        let mut call = Call {
            args,
            located: None,
            data: Data {
                keyspace: &self.server.keyspace,
                locked: &mut *self.locked,
                effect: &mut self.effect,
                database: waiter.database,
                now_ms: self.now_ms,
                mode: self.mode,
                no_touch: false,
                hits: 0,
                misses: 0,
            },
            session: &mut session,
            reply: Reply::new(&mut reply, waiter.protocol),
            host: self.server,
        };
        let handler = waiter.command.handler.expect("what waits has run before");
        let result = match (&checked, &room) {
            (Ok(()), Ok(_)) => handler(&mut call),
            (Err(refusal), _) | (_, Err(refusal)) => Err(refusal.clone()),
        };
        let logged = self.log(&session, &waiter);
        match result {
            Ok(Flow::Await(_)) => {
                self.server.blocked.waiters.lock().insert(ticket, waiter);
                return;
            }
            Ok(_) => {}
            Err(fault) => {
                reply.clear();
                Reply::new(&mut reply, waiter.protocol).error(fault.bytes());
            }
        }
        let wrote = !self.effect.is_empty();
        let sight =
            self.commits.then(|| seen(self.server, &session, waiter.command, wrote)).flatten();
        if logged {
            // A client that has left meanwhile has been served all the same, as if it had left later.
            let _ = waiter.answer.send(Answer { reply, sight });
        }
        for index in keys_of(waiter.command, &args) {
            let key = self.server.keyspace.key(args.word(index));
            self.locked.wait_no_more(waiter.database, &key, ticket);
        }
    }

    /// Checks that whoever waits may still run the command; an error if it is nobody any more.
    fn check_again(
        &self,
        session: &mut Session,
        waiter: &Waiter,
    ) -> Result<Result<(), Fault>, Gone> {
        let users = &self.server.users;
        if waiter.unbound == users.version() {
            return Ok(Ok(()));
        }
        let current = users.current();
        let user = current.find_by_id(waiter.client.user_id.load(Ordering::Relaxed)).ok_or(Gone)?;
        session.log_in(Arc::clone(user), &current);
        let (command, args) = (waiter.command, &waiter.words.as_args());
        let checked = session.check(users, command, args);
        Ok(checked.map_err(|denied| {
            let fault = acl::deny(users, session, denied, (command, args), self.now_ms);
            self.server.count_error(&fault);
            fault
        }))
    }

    /// Logs what a command did, and tells of it; says whether it is in the log.
    fn log(&mut self, session: &Session, waiter: &Waiter) -> bool {
        let Self { server, stream, effect, unit, now_ms, .. } = self;
        let request = (waiter.database, &waiter.words.as_args());
        let logged = effect.is_empty() || log((server, *stream), effect, unit, session, request);
        if logged && !effect.events.is_empty() {
            delivery::deliver_in_order(&server.hub, effect, waiter.client.id, *now_ms);
        }
        logged
    }
}

/// Lets go of the shards of a command, once those are served who wait for keys that it changed.
///
/// Without the facts nobody is served: the server is ending.
#[inline]
pub fn let_go(
    (server, stream): (&Server, Option<&Arc<Stream>>),
    mut locked: Locked<'_>,
    facts: Option<(Mode, i64, bool)>,
) {
    let Some(facts) = facts.filter(|_| locked.has_ready()) else {
        server.bin.unlock(locked);
        return;
    };
    let left = Serving::new((server, stream), &mut locked, facts).serve();
    server.bin.unlock(locked);
    if !left.is_empty() {
        serve_left(server, left);
    }
}

/// Serves those who wait for keys that were changed where not all shards were held that this takes.
#[cold]
pub fn serve_left(server: &Server, keys: impl IntoIterator<Item = (usize, Box<[u8]>)>) {
    let (mut appending, now_ms) = (Appending::default(), unix_ms());
    for (database, name) in keys {
        let key = server.keyspace.key(&name);
        let locked = lock_further(&server.keyspace, ShardSet::of(&key), &|| false);
        let mut locked = locked.expect("it waits for as long as it takes");
        let is_reader = server.live.is_replica() || server.live.is_doubtful();
        let mode = if is_reader { Mode::Reader } else { Mode::Client };
        let stream = appending.refresh(&server.streams).filter(|_| !is_reader);
        locked.disturbed(database, &key);
        let facts = (mode, now_ms, server.commit.is_on());
        let left = Serving::new((server, stream), &mut locked, facts).serve();
        debug_assert!(left.is_empty(), "the shards of whoever waits are held");
        server.bin.unlock(locked);
    }
}
