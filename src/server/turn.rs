//! The turn of a worker: all sockets that are ready are read and executed, then everyone is answered.
//!
//! A connection that has executed what it read leaves its replies in its [`Outbox`] and goes on to
//! wait for more. The first to do so wakes the task that ends the turn, which thus runs behind all
//! tasks that were ready by then. It seals once for what all of them wrote, under `appendfsync
//! always` has one sync made for all, and sends the replies. So fifty clients that send one command
//! each cost one seal, and one sync.
//!
//! Nobody waits longer than it takes to execute what is ready, each connection up to what it has
//! read at once. A turn that has lasted for [`TURN_MAX`] ends earlier, unless it has to sync.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::command::ClientInfo;
use crate::command::counters::Counters;
use crate::net::socket::Socket;

use super::Server;

/// How long replies wait for the other sockets that are ready, beyond a command's own execution.
const TURN_MAX: Duration = Duration::from_micros(500);
/// Buffers larger than this are given back once they are empty.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// What the connections of one worker owe their clients until the turn ends.
pub struct Turn {
    server: Arc<Server>,
    counters: Arc<Counters>,
    /// Since when something has been owed; `None` between turns.
    began: Cell<Option<Instant>>,
    owed: RefCell<Vec<Rc<Outbox>>>,
    /// How many turns have ended.
    number: Cell<u64>,
    /// Those who wait for the present one to end.
    waiting: RefCell<Vec<Waker>>,
    /// Wakes the task that ends turns.
    ending: RefCell<Option<Waker>>,
}

impl Turn {
    /// Makes the turns of one worker.
    pub fn new(server: Arc<Server>, counters: Arc<Counters>) -> Self {
        Self {
            server,
            counters,
            began: Cell::new(None),
            owed: RefCell::default(),
            number: Cell::new(0),
            waiting: RefCell::default(),
            ending: RefCell::default(),
        }
    }

    /// Ends one turn after the other, each behind all that was ready when it began.
    pub async fn run(self: Rc<Self>) -> Infallible {
        poll_fn(|context| {
            self.end();
            *self.ending.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Notes that requests of a connection ran, and that its replies are owed when the turn ends.
    ///
    /// `began` and `now` tell when they began to run, and when that was done.
    pub fn owe(&self, outbox: &Rc<Outbox>, began: Instant, now: Instant) {
        let began = self.began.get().unwrap_or_else(|| {
            self.began.set(Some(began));
            if let Some(ending) = self.ending.take() {
                ending.wake();
            }
            began
        });
        if outbox.enter() {
            self.owed.borrow_mut().push(Rc::clone(outbox));
        }
        // Under `always` a sync costs more than the wait for those who share it.
        if now.duration_since(began) >= TURN_MAX && !self.server.live.fsync_always() {
            self.end();
        }
    }

    /// Waits until what is owed now has been sealed, made durable if need be, and sent.
    pub async fn ended(&self) {
        let number = self.number.get();
        poll_fn(|context| {
            if self.began.get().is_none() || self.number.get() != number {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Seals once, syncs once where replies wait for that, and sends all replies.
    pub fn end(&self) {
        let Some(began) = self.began.take() else { return };
        self.server.settle();
        let mut owed = self.owed.take();
        for outbox in owed.drain(..) {
            outbox.send();
        }
        // Nobody came meanwhile: this is the only thread that owes, and it was busy here.
        self.owed.replace(owed);
        self.number.set(self.number.get() + 1);
        self.counters.turn(began.elapsed().as_micros() as u64);
        for waker in self.waiting.borrow_mut().drain(..) {
            waker.wake();
        }
    }
}

/// The replies of one connection, and the socket they go to.
pub struct Outbox {
    /// The socket.
    pub socket: Socket,
    info: Arc<ClientInfo>,
    counters: Arc<Counters>,
    replies: RefCell<Vec<u8>>,
    /// How many of the bytes the socket has taken.
    sent: Cell<usize>,
    state: Cell<State>,
    /// Wakes the connection's task while it waits for requests.
    task: RefCell<Option<Waker>>,
}

/// Who sends the replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There are none.
    Empty,
    /// The end of the turn.
    Owed,
    /// The connection's task: the socket was full when the turn ended.
    Stuck,
    /// Nobody: the socket failed.
    Broken,
}

impl Outbox {
    /// Makes the empty outbox of a connection.
    pub fn new(socket: Socket, info: Arc<ClientInfo>, counters: Arc<Counters>) -> Self {
        Self {
            socket,
            info,
            counters,
            replies: RefCell::default(),
            sent: Cell::new(0),
            state: Cell::new(State::Empty),
            task: RefCell::default(),
        }
    }

    /// Returns the socket, of which all replies have been sent.
    pub fn into_socket(self) -> Socket {
        self.socket
    }

    /// Returns the buffer that replies are appended to; to be let go of before anything is awaited.
    pub fn replies(&self) -> std::cell::RefMut<'_, Vec<u8>> {
        self.replies.borrow_mut()
    }

    /// Waits until there is something to read, or replies are left for the task to send.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| {
            if matches!(self.state.get(), State::Stuck | State::Broken) {
                return Poll::Ready(Ok(()));
            }
            self.listen(context);
            self.socket.poll_read_ready(context)
        })
        .await
    }

    /// Sends what the end of a turn had to leave.
    pub async fn drain(&self) -> io::Result<()> {
        loop {
            match self.state.get() {
                State::Empty | State::Owed => return Ok(()),
                State::Broken => return Err(io::ErrorKind::BrokenPipe.into()),
                State::Stuck => {
                    self.socket.writable().await?;
                    self.send();
                }
            }
        }
    }

    /// Tells whether the outbox is to be sent by the end of the turn, and is not on its list yet.
    fn enter(&self) -> bool {
        let is_new = self.state.get() == State::Empty && !self.replies.borrow().is_empty();
        if is_new {
            self.state.set(State::Owed);
        }
        is_new
    }

    /// Sends as much as the socket takes.
    fn send(&self) {
        let mut replies = self.replies.borrow_mut();
        let from = self.sent.get();
        let (sent, state) = write(&self.socket, &replies[from..]);
        self.counters.sent(sent as u64);
        self.info.output_buffer.store(replies.len() - from - sent, Ordering::Relaxed);
        if state == State::Empty {
            replies.clear();
            if replies.capacity() > KEPT_BYTES_MAX {
                *replies = Vec::new();
            }
            self.sent.set(0);
        } else {
            self.sent.set(from + sent);
            if let Some(task) = self.task.borrow_mut().take() {
                task.wake();
            }
        }
        self.state.set(state);
    }

    fn listen(&self, context: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
    }
}

/// Writes as much as the socket takes; returns how much, and what is to become of the rest.
fn write(socket: &Socket, bytes: &[u8]) -> (usize, State) {
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.try_write(&bytes[sent..]) {
            Ok(0) => return (sent, State::Broken),
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (sent, State::Stuck),
            Err(_) => return (sent, State::Broken),
        }
    }
    (sent, State::Empty)
}
