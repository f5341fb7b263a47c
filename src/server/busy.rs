//! What goes on while a script runs for too long.
//!
//! Whoever asks for anything but the few commands that are marked for it is told so, before it waits for
//! a shard or while it does; clients that come are served by another worker. Those of the worker that
//! runs the script are read from and answered by its very thread, in between.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, BytesMut};

use crate::command::acl::Login;
use crate::command::scripting::{self, busy, function};
use crate::command::session::flag as client;
use crate::command::table::{self, flag};
use crate::command::{Fault, Session};
use crate::net::reply::Protocol;
use crate::net::{Args, Parsed, Parser, Peer, Reply};
use crate::script::{Kind, Moment, attend_with};

use super::Server;
use super::opening::remove_pid_file;
use super::renames::Meaning;
use super::turn::Outbox;
use super::worker::{Arrivals, Worker};

/// What was done for a connection while a script kept its worker busy.
#[derive(Debug, Default)]
pub struct Attended {
    /// Whether requests were answered, so that its parser begins anew.
    answered: Cell<bool>,
    /// Whether bytes were read that its task is to look at.
    unread: Cell<bool>,
    /// Whether its client may ask for anything at all.
    authenticated: Cell<bool>,
    /// Who the client is.
    login: RefCell<Login>,
}

impl Attended {
    /// Notes who the client is, and whether it may ask for anything.
    pub fn note_session(&self, session: &Session) {
        self.authenticated.set(session.authenticated);
        if !self.login.borrow().is_same(&session.login) {
            self.login.replace(session.login.clone());
        }
    }

    /// Tells once whether requests were answered.
    #[inline]
    pub fn take_answered(&self) -> bool {
        self.answered.get() && self.answered.replace(false)
    }

    /// Tells once whether bytes were read.
    #[inline]
    pub fn take_unread(&self) -> bool {
        self.unread.get() && self.unread.replace(false)
    }

    /// Tells whether bytes were read.
    pub fn has_unread(&self) -> bool {
        self.unread.get()
    }
}

/// What becomes of a request of a client of the worker that runs the script.
enum Answer {
    Done,
    Fault(Fault),
    /// What `FUNCTION STATS` tells.
    Stats,
    /// It runs when the script is over.
    Later,
}

impl Answer {
    fn of(done: Result<(), Fault>) -> Self {
        match done {
            Ok(()) => Self::Done,
            Err(fault) => Self::Fault(fault),
        }
    }
}

/// Has the calling worker attend to others while a script runs on it for too long.
pub fn attend(worker: &Worker, arrivals: &Arrivals) {
    let (server, turn) = (Arc::clone(&worker.server), Rc::clone(&worker.turn));
    let (number, arrivals) = (worker.number, Rc::clone(arrivals));
    attend_with(Box::new(move |moment| match moment {
        Moment::Slow => server.pool.begin_busy(number),
        Moment::Again => {
            // As many as are there: the end of the server is put back.
            let count = arrivals.borrow().len();
            for _ in 0..count {
                if let Ok(arrival) = arrivals.borrow_mut().try_recv() {
                    server.pool.pass_on(number, arrival);
                }
            }
            turn.each_idle(|outbox| answer_all(&server, outbox));
            turn.end_meanwhile();
        }
        Moment::Over => server.pool.end_busy(number),
    }));
}

/// Reads from a client and answers its requests as far as that can be done now.
fn answer_all(server: &Server, outbox: &Outbox) {
    // The runtime takes a socket that it has not looked at yet for one that is full.
    outbox.push_unasked();
    let occupied = client::BLOCKED | client::REPLICA;
    let is_idle = outbox.info.flags.load(Ordering::Relaxed) & occupied == 0;
    let Ok(mut input) = outbox.input.try_borrow_mut() else { return };
    if !is_idle || !outbox.attended.authenticated.get() || !outbox.is_clear() {
        return;
    }
    if !read(server, outbox, &mut input) {
        return;
    }
    let protocol = match outbox.info.protocol.load(Ordering::Relaxed) {
        3 => Protocol::Resp3,
        _ => Protocol::Resp2,
    };
    let mut parser = Parser::new(Peer::Client, server.live.bulk_bytes_max());
    while let Ok(Parsed::Command { consumed } | Parsed::Empty { consumed }) = parser.parse(&input) {
        let args = parser.args(&input);
        if !args.is_empty() {
            let mut replies = outbox.replies();
            let mut reply = Reply::new(&mut replies, protocol);
            match answer(server, outbox, &args) {
                Answer::Later => break,
                Answer::Done => reply.ok(),
                Answer::Fault(fault) => reply.error(fault.bytes()),
                Answer::Stats => {
                    if let Err(fault) = function::write_stats(&server.scripts, &mut reply) {
                        reply.error(fault.bytes());
                    }
                }
            }
        }
        input.advance(consumed);
        outbox.attended.answered.set(true);
    }
    if !input.is_empty() {
        outbox.attended.unread.set(true);
    }
    outbox.wake();
}

/// Reads what there is from a socket, up to what a client may send ahead; tells whether there was any.
fn read(server: &Server, outbox: &Outbox, input: &mut BytesMut) -> bool {
    let before = input.len();
    while input.len() < server.live.query_bytes_max() {
        match outbox.socket.read_unasked(input) {
            // Its task notices itself that a client has left.
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    input.len() > before
}

fn answer(server: &Server, outbox: &Outbox, args: &Args<'_>) -> Answer {
    match server.renames.meaning(args) {
        Meaning::Itself => answer_by_own_name(server, outbox, args),
        Meaning::Other(words) => answer_by_own_name(server, outbox, &words.as_args()),
        Meaning::Nothing => Answer::Fault(table::unknown(args)),
    }
}

fn answer_by_own_name(server: &Server, outbox: &Outbox, args: &Args<'_>) -> Answer {
    let command = match table::resolve(args) {
        Ok(command) => command,
        Err(fault) => return Answer::Fault(fault),
    };
    // Who may not is told so, and it is noted, when the script is over.
    if !outbox.attended.login.borrow().may_run(&server.users, command, args) {
        return Answer::Later;
    }
    match command.name {
        "script|kill" => Answer::of(scripting::kill(server.scripts.runs(), Kind::Script)),
        "function|kill" => Answer::of(scripting::kill(server.scripts.runs(), Kind::Function)),
        "function|stats" => Answer::Stats,
        "shutdown" if asks_for_no_snapshot(args) => end_at_once(server),
        "shutdown" => Answer::Fault(busy(server.scripts.runs())),
        _ if command.has(flag::ALLOW_BUSY) => Answer::Later,
        _ => Answer::Fault(busy(server.scripts.runs())),
    }
}

fn asks_for_no_snapshot(args: &Args<'_>) -> bool {
    args.iter().skip(1).any(|word| word.eq_ignore_ascii_case(b"nosave"))
}

/// Ends the process, as a script runs that cannot be ended: what it did is not in the log, and so is
/// as if it had not been done.
pub fn end_at_once(server: &Server) -> ! {
    tracing::warn!("SHUTDOWN NOSAVE while a script runs: ending at once");
    if let Some(stream) = server.stream() {
        stream.seal();
    }
    server.process.ends();
    remove_pid_file(&server.settings());
    std::process::exit(0);
}
