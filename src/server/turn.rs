//! The turn of a worker: all sockets that are ready are read and executed, then everyone is answered.
//!
//! A connection that has executed what it read leaves its replies in its [`Outbox`] and goes on to
//! wait for more. The first to do so wakes the task that ends the turn, which thus runs behind all
//! tasks that were ready by then. It seals once for what all of them wrote, under `appendfsync
//! always` has one sync made for all, and sends the replies. So fifty clients that send one command
//! each cost one seal, and one sync. Messages to the worker's subscribers are sent by the same end.
//! Where replicas must have it first (`commit.rs`), the replies are held when the turn ends, and the
//! next one begins.
//!
//! Nobody waits longer than it takes to execute what is ready, each connection up to what it has
//! read at once. A turn that has lasted for [`TURN_MAX`] ends earlier, unless it has to sync.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use crate::command::ClientInfo;
use crate::command::counters::Counters;
use crate::command::pubsub::{Hub, Mailbox, Post};
use crate::net::socket::Socket;

use super::busy::Attended;
use super::commit::Sight;
use super::held::{Held, Holding, Verdict};
use super::sending::{State, flush, write};
use super::{Server, eviction};

/// How long replies wait for the other sockets that are ready, beyond a command's own execution.
const TURN_MAX: Duration = Duration::from_micros(500);
/// Buffers larger than this are given back once they are empty.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// What the connections of one worker owe their clients until the turn ends.
pub struct Turn {
    server: Arc<Server>,
    /// Which worker it is of.
    worker: usize,
    counters: Arc<Counters>,
    /// Since when something has been owed; `None` between turns.
    began: Cell<Option<Instant>>,
    owed: RefCell<Vec<Rc<Outbox>>>,
    /// The outboxes of all connections of the worker, by the numbers of the clients.
    connections: RefCell<HashMap<u64, Rc<Outbox>>>,
    /// The outboxes of those who subscribe, by the numbers of the clients.
    subscribers: RefCell<HashMap<u64, Rc<Outbox>>>,
    /// Kept for the mailboxes that have something in them.
    listed: RefCell<Vec<Arc<Mailbox>>>,
    /// Turns that have ended, and whose replies wait for replicas.
    pub held: Held,
    /// How many turns have ended.
    number: Cell<u64>,
    /// Those who wait for the present one to end.
    waiting: RefCell<Vec<Waker>>,
    /// Wakes the task that ends turns.
    ending: RefCell<Option<Waker>>,
}

impl Turn {
    /// Makes the turns of one worker.
    pub fn new(server: Arc<Server>, worker: usize, counters: Arc<Counters>) -> Self {
        Self {
            held: Held::new(Arc::clone(&server)),
            server,
            worker,
            counters,
            began: Cell::new(None),
            owed: RefCell::default(),
            connections: RefCell::default(),
            subscribers: RefCell::default(),
            listed: RefCell::default(),
            number: Cell::new(0),
            waiting: RefCell::default(),
            ending: RefCell::default(),
        }
    }

    /// Ends one turn after the other, each behind all that was ready when it began.
    pub async fn run(self: Rc<Self>) -> Infallible {
        poll_fn(|context| {
            self.post().listen(context.waker());
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

    /// Waits until what is owed now has been sealed, made durable if need be, and sent or held.
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

    /// Sends what comes into a mailbox with the replies in an outbox, from here on.
    pub fn enrol(&self, outbox: &Rc<Outbox>, mailbox: &Arc<Mailbox>) {
        *outbox.mailbox.borrow_mut() = Some(Arc::clone(mailbox));
        self.subscribers.borrow_mut().insert(mailbox.client(), Rc::clone(outbox));
        if mailbox.move_to(self.worker) {
            self.server.hub.list_again(mailbox);
        }
    }

    /// Takes in the outbox of a client that this worker serves from now on.
    pub fn admit(&self, outbox: &Rc<Outbox>) {
        self.connections.borrow_mut().insert(outbox.info.id, Rc::clone(outbox));
    }

    /// Visits the outboxes of all connections whose requests do not run at present.
    pub fn each_idle(&self, mut visit: impl FnMut(&Outbox)) {
        let mut owed = self.owed.borrow_mut();
        for outbox in self.connections.borrow().values() {
            if outbox.replies.try_borrow_mut().is_ok() {
                visit(outbox);
                if outbox.enter() {
                    owed.push(Rc::clone(outbox));
                }
            }
        }
    }

    /// Lets go of the outbox of a client that leaves this worker.
    pub fn dismiss(&self, client: u64) {
        self.subscribers.borrow_mut().remove(&client);
        self.connections.borrow_mut().remove(&client);
    }

    fn post(&self) -> &Post {
        self.server.hub.post(self.worker)
    }

    /// Moves messages to the outboxes of those who get them.
    ///
    /// What is moved was logged before, so it may leave once all that is logged now is sealed.
    fn collect(&self) {
        let mut listed = self.listed.take();
        self.post().take(&mut listed);
        let subscribers = self.subscribers.borrow();
        for mailbox in listed.drain(..) {
            // Who moves is found by the worker it moves to, and who leaves needs nothing more.
            if let Some(outbox) = subscribers.get(&mailbox.client())
                && outbox.collect(&mailbox)
            {
                self.owed.borrow_mut().push(Rc::clone(outbox));
            }
        }
        self.listed.replace(listed);
    }

    /// Seals once, syncs once where replies wait for that, and sends all replies and messages.
    pub fn end(&self) {
        self.collect();
        let began = self.began.take();
        if began.is_none() && self.owed.borrow().is_empty() {
            return;
        }
        let owed = self.owed.take();
        self.finish(began.unwrap_or_else(Instant::now), owed);
    }

    /// Does what [`Self::end`] does for all but the connection whose request runs at present, and leaves
    /// messages where they are.
    pub fn end_meanwhile(&self) {
        let began = self.began.take();
        let owed = self.owed.take();
        if began.is_none() && owed.is_empty() {
            return;
        }
        let is_idle = |outbox: &Rc<Outbox>| outbox.replies.try_borrow_mut().is_ok();
        let (owed, runs) = owed.into_iter().partition(is_idle);
        self.finish(began.unwrap_or_else(Instant::now), owed);
        *self.owed.borrow_mut() = runs;
    }

    fn finish(&self, began: Instant, mut owed: Vec<Rc<Outbox>>) {
        let goal = self.server.settle();
        self.server.hub.ring();
        eviction::keep_clients(&self.server, None);
        match goal {
            Some(goal) => self.held.hold(owed.drain(..), goal),
            None => owed.drain(..).for_each(|outbox| outbox.send()),
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
    /// What other clients may see of the client.
    pub info: Arc<ClientInfo>,
    counters: Arc<Counters>,
    /// What was read and has not run; to be let go of before anything is awaited.
    pub input: RefCell<BytesMut>,
    /// What was done for it while a script kept its worker busy.
    pub attended: Attended,
    /// Those of the present turn.
    replies: RefCell<Vec<u8>>,
    /// Whether the end of the turn is to send them.
    owed: Cell<bool>,
    /// Those of turns that have ended, while they wait for replicas.
    pub holding: Holding,
    /// A long message that goes ahead of all of them.
    frame: RefCell<Bytes>,
    /// Those that a full socket has left.
    left: RefCell<Vec<u8>>,
    /// How many bytes of them the socket has taken since.
    sent: Cell<usize>,
    hub: Arc<Hub>,
    /// Where further messages wait, if the client subscribes.
    mailbox: RefCell<Option<Arc<Mailbox>>>,
    state: Cell<State>,
    /// Wakes the connection's task while it waits for requests.
    task: RefCell<Option<Waker>>,
}

impl Outbox {
    /// Makes the empty outbox of a connection.
    pub fn new(
        socket: Socket,
        info: Arc<ClientInfo>,
        counters: Arc<Counters>,
        hub: Arc<Hub>,
    ) -> Self {
        Self {
            socket,
            info,
            counters,
            hub,
            mailbox: RefCell::default(),
            input: RefCell::default(),
            attended: Attended::default(),
            replies: RefCell::default(),
            owed: Cell::new(false),
            holding: Holding::default(),
            frame: RefCell::default(),
            left: RefCell::default(),
            sent: Cell::new(0),
            state: Cell::new(State::Clear),
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

    /// Forgets what has not been sent.
    pub fn discard(&self) {
        self.replies.borrow_mut().clear();
        self.left.borrow_mut().clear();
        *self.frame.borrow_mut() = Bytes::new();
        self.sent.set(0);
    }

    /// Waits until there is something to read, or replies are left for the task to send.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| {
            if matches!(self.state.get(), State::Stuck | State::Broken)
                || self.attended.has_unread()
            {
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
                State::Clear => return Ok(()),
                State::Broken => return Err(io::ErrorKind::BrokenPipe.into()),
                State::Stuck => {
                    // Others come first, even if the socket takes more at once.
                    tokio::task::yield_now().await;
                    self.socket.writable().await?;
                    self.push();
                }
            }
        }
    }

    /// Waits until all replies of turns that have ended are with the socket, those held too.
    pub async fn flush(&self) -> io::Result<()> {
        loop {
            self.drain().await?;
            if self.holding.is_empty() {
                return Ok(());
            }
            poll_fn(|context| {
                if self.holding.is_empty() || self.state.get() != State::Clear {
                    return Poll::Ready(());
                }
                self.listen(context);
                Poll::Pending
            })
            .await;
        }
    }

    /// Takes in messages, unless others are stuck or held; tells as [`Self::enter`] does.
    fn collect(&self, mailbox: &Mailbox) -> bool {
        if self.state.get() != State::Clear || !self.holding.is_empty() {
            return false;
        }
        let mut replies = self.replies.borrow_mut();
        let mut frame = self.frame.borrow_mut();
        // Behind a frame of the same turn there is another turn.
        if frame.is_empty()
            && let Some(next) = mailbox.take(&mut replies)
        {
            *frame = next;
        }
        self.show(frame.len() + replies.len());
        drop((replies, frame));
        self.enter()
    }

    /// Tells whether the outbox is to be sent by the end of the turn, and is not on its list yet.
    fn enter(&self) -> bool {
        let has_any = !self.replies.borrow().is_empty()
            || !self.frame.borrow().is_empty()
            || self.holding.is_marked();
        has_any && !self.owed.replace(true)
    }

    /// Sends what the turn that has ended owes, behind all those before.
    pub fn send(&self) {
        self.owed.set(false);
        let mut replies = self.replies.borrow_mut();
        if self.holding.queue_behind(&mut replies) {
            self.note_unsent(0);
            return;
        }
        let mut left = self.left.borrow_mut();
        if self.state.get() != State::Clear {
            left.append(&mut replies);
            self.note_unsent(left.len() - self.sent.get());
            return;
        }
        let mut state = self.send_frame(Socket::try_write);
        let mut sent = 0;
        if state == State::Clear {
            (sent, state) = write(|bytes| self.socket.try_write(bytes), &replies);
            self.counters.sent(sent as u64);
        }
        if state == State::Clear {
            state = flush(self.socket.try_flush());
        }
        self.state.set(state);
        if state == State::Clear {
            replies.clear();
            if replies.capacity() > KEPT_BYTES_MAX {
                *replies = Vec::new();
            }
        } else {
            std::mem::swap(&mut *left, &mut *replies);
            self.sent.set(sent);
            self.wake();
        }
        self.note_unsent(left.len() - self.sent.get());
        drop((replies, left));
        self.list_rest();
    }

    /// Holds the replies of the turn that has ended; tells whether no others were held.
    ///
    /// A message tells of no data, and goes its way.
    pub fn hold(&self) -> bool {
        self.owed.set(false);
        let is_first = self.holding.hold(&mut self.replies.borrow_mut());
        if self.state.get() == State::Clear && !self.frame.borrow().is_empty() {
            self.push();
        }
        self.note_unsent(self.left.borrow().len() - self.sent.get());
        is_first
    }

    /// Sends the replies of the oldest turn that was held; tells whether none is held any more.
    pub fn release(&self, verdict: Verdict, fault: impl Fn(Sight) -> String) -> bool {
        let mut bytes = self.holding.release(verdict, fault, &self.counters);
        self.left.borrow_mut().append(&mut bytes);
        if self.state.get() == State::Clear {
            self.push();
        }
        self.wake();
        self.holding.is_empty()
    }

    /// Sends as much of what is left as the socket takes.
    fn push(&self) {
        self.push_by(Socket::try_write, Socket::try_flush);
    }

    /// Sends what is left though the task that would do it cannot run.
    pub fn push_unasked(&self) {
        if self.state.get() == State::Stuck {
            self.push_by(Socket::write_unasked, Socket::flush_unasked);
        }
    }

    fn push_by(
        &self,
        put: fn(&Socket, &[u8]) -> io::Result<usize>,
        flush_socket: fn(&Socket) -> io::Result<()>,
    ) {
        let mut left = self.left.borrow_mut();
        let mut state = self.send_frame(put);
        if state == State::Clear {
            let from = self.sent.get();
            let sent;
            (sent, state) = write(|bytes| put(&self.socket, bytes), &left[from..]);
            self.counters.sent(sent as u64);
            self.sent.set(from + sent);
        }
        if state == State::Clear {
            state = flush(flush_socket(&self.socket));
        }
        if state == State::Clear {
            *left = Vec::new();
            self.sent.set(0);
        }
        self.state.set(state);
        self.note_unsent(left.len() - self.sent.get());
        drop(left);
        self.list_rest();
    }

    /// Sends as much of the long message as the socket takes.
    fn send_frame(&self, put: fn(&Socket, &[u8]) -> io::Result<usize>) -> State {
        let mut frame = self.frame.borrow_mut();
        if frame.is_empty() {
            return State::Clear;
        }
        let (sent, state) = write(|bytes| put(&self.socket, bytes), &frame);
        self.counters.sent(sent as u64);
        frame.advance(sent);
        if state == State::Clear {
            *frame = Bytes::new();
        }
        state
    }

    /// Shows others how many bytes the client has not been sent.
    fn note_unsent(&self, left: usize) {
        let unsent = self.frame.borrow().len() + left + self.holding.bytes();
        self.show(unsent);
    }

    /// Shows others how many bytes the client has yet to take.
    fn show(&self, bytes: usize) {
        self.info.output_buffer.store(bytes, Ordering::Relaxed);
        self.info.weigh();
    }

    /// Shows others how much the client has sent, and what is reserved for it.
    ///
    /// Returns the former.
    pub fn show_input(&self) -> usize {
        let input = self.input.borrow();
        self.info.show_input(input.len(), input.capacity());
        input.len()
    }

    /// Shows others how much there is while commands run that add to the replies.
    pub fn show_growth(&self, replies_bytes: usize) {
        let left = self.left.borrow().len() - self.sent.get();
        self.show(self.frame.borrow().len() + left + self.holding.bytes() + replies_bytes);
    }

    /// Tells whether replies to further requests may be sent at once.
    pub fn is_clear(&self) -> bool {
        self.state.get() == State::Clear && self.holding.is_empty()
    }

    /// Wakes the connection's task.
    pub fn wake(&self) {
        if let Some(task) = self.task.borrow_mut().take() {
            task.wake();
        }
    }

    /// Has the messages come for that were left where they wait while others were sent or held.
    fn list_rest(&self) {
        if self.state.get() == State::Clear
            && self.holding.is_empty()
            && let Some(mailbox) = &*self.mailbox.borrow()
            && mailbox.has_waiting()
        {
            self.hub.list_again(mailbox);
        }
    }

    fn listen(&self, context: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
    }
}
