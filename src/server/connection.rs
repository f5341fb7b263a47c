//! One client's connection: requests in, replies out.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use crate::command::flow::{Block, Request};
use crate::command::session::flag;
use crate::command::weight::Weight;
use crate::command::{ClientInfo, Flow, Session};
use crate::net::socket::{Accepted, Socket};
use crate::net::{Parsed, Parser, Peer};

use super::blocking::Waiting;
use super::clients::Present;
use super::clock::unix_ms;
use super::execute::{Executor, Outcome};
use super::feeding;
use super::requests;
use super::turn::Outbox;
use super::worker::Worker;
use super::{Server, eviction};

/// How much is read from a socket at once.
pub(super) const READ_BYTES: usize = 16 * 1024;
/// After so many bytes that were there without waiting, the worker's other clients have a turn.
pub(super) const TURN_BYTES: usize = READ_BYTES;
/// From how many bytes on replies are written out though requests are left in the buffer.
const WRITE_BYTES: usize = 256 * 1024;
/// A client of whose replies so many bytes wait for replicas is not read from.
const HELD_BYTES_MAX: usize = 256 * 1024;
/// Read buffers larger than this are given back once they are empty.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// The most bytes reserved ahead for a request whose length is known.
const RESERVE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a client that broke the protocol may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// One client's connection, on the worker that serves it.
pub struct Connection {
    pub(super) worker: Worker,
    pub(super) outbox: Rc<Outbox>,
    pub(super) session: Session,
    parser: Parser,
    /// Keeps the client on the list.
    present: Present,
    /// Bytes read since this connection last waited for anything.
    turn_bytes: usize,
    /// The look of the pool at which it was last counted as active.
    counted_at: u32,
    /// Whether the end of the turn sends messages to it as well as replies.
    is_enrolled: bool,
}

/// A client between two workers, or between the listener and the first.
#[derive(Debug)]
pub struct Traveller {
    socket: Accepted,
    session: Session,
    input: BytesMut,
    present: Present,
}

/// Why a worker serves a connection no further.
pub(super) enum End {
    /// The client left, was told to, or broke the protocol; all replies are written.
    Closed,
    /// The socket failed.
    Broken,
    /// Another worker goes on with it; all replies are written.
    Moves,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// What the requests in the buffer came to.
enum Step {
    /// More bytes are needed.
    Read {
        /// How many at least.
        bytes: usize,
    },
    /// Enough replies have gathered; requests may be left.
    Write,
    /// The next request must wait until clients are no longer paused.
    Paused,
    /// A request waits for the server.
    Await(Request),
    /// A request waits for a key.
    Block(Block, Waiting),
    /// The connection ends after what is written.
    Close,
    /// The connection ends, as the client has more to read than it may have.
    Cut {
        /// How many bytes.
        unread: usize,
    },
    /// The connection ends, as clients take too much.
    Evicted,
    /// As [`Self::Close`], though the client may still be sending what nobody will read.
    Refuse,
}

impl Traveller {
    /// Takes in a client that has just connected.
    pub fn new(server: &Arc<Server>, socket: Accepted) -> Self {
        let session = open_session(server, &socket);
        let present = server.clients.enter(&session.info);
        Self { socket, session, input: BytesMut::new(), present }
    }
}

/// Registers a client's socket with the worker of the calling thread.
pub fn arrive(worker: &Worker, client: Traveller) -> io::Result<Connection> {
    let Traveller { socket, mut session, input, present } = client;
    let counters = Arc::clone(worker.executor.borrow().counters());
    let socket = socket.adopt().inspect_err(|_| session.unwatch_all(&worker.server.keyspace))?;
    let (info, hub) = (Arc::clone(&session.info), Arc::clone(&worker.server.hub));
    let outbox = Outbox::new(socket, info, counters, hub);
    *outbox.input.borrow_mut() = input;
    outbox.attended.note_session(&session);
    let mut connection = Connection {
        parser: parser(&worker.server, &session),
        worker: worker.clone(),
        outbox: Rc::new(outbox),
        session,
        present,
        turn_bytes: 0,
        // Not counted yet, at whichever look.
        counted_at: worker.server.pool.look().wrapping_sub(1),
        is_enrolled: false,
    };
    connection.enrol();
    connection.worker.turn.admit(&connection.outbox);
    Ok(connection)
}

/// Serves a client until it leaves, or moves to another worker.
pub async fn serve(mut connection: Connection) {
    let info = Arc::clone(&connection.session.info);
    let ended = tokio::select! {
        ended = connection.run() => ended,
        () = info.kill.notified() => Err(End::Closed),
    };
    connection.worker.seat().leave();
    connection.worker.turn.dismiss(info.id);
    if let Some(waiting) = info.excess.cut_bytes() {
        tracing::warn!(
            client = info.address,
            waiting,
            "closing a client that reached client-output-buffer-limit"
        );
    }
    if matches!(ended, Err(End::Moves)) {
        return connection.depart();
    }
    // How it ended makes no difference here: the socket is closed either way.
    connection.outbox.socket.end();
    connection.session.unwatch_all(&connection.worker.server.keyspace);
}

/// Tells what the connection does for a command that is answered later.
#[cold]
fn awaiting(request: Request, executor: &mut Executor) -> Step {
    let Request::Block(block) = request else { return Step::Await(request) };
    let waiting = executor.waiting().expect("it was noted when the command ran");
    Step::Block(block, waiting)
}

fn parser(server: &Server, session: &Session) -> Parser {
    let peer = if session.authenticated { Peer::Client } else { Peer::Unauthenticated };
    Parser::new(peer, server.live.bulk_bytes_max())
}

impl Connection {
    /// Goes on with another worker.
    fn depart(self) {
        let Self { worker, outbox, mut session, present, .. } = self;
        let input = outbox.input.take();
        let outbox = Rc::into_inner(outbox).expect("the turn that held it has ended");
        match outbox.into_socket().leave() {
            Ok(socket) => {
                let client = Traveller { socket, session, input, present };
                worker.server.pool.hand_over(worker.number, Box::new(client));
            }
            Err(error) => {
                session.unwatch_all(&worker.server.keyspace);
                tracing::warn!(%error, "a client could not move to another worker");
            }
        }
    }

    /// Has messages sent, once the client subscribes to anything.
    fn enrol(&mut self) {
        if let Some(subscriber) = &self.session.subscriber
            && !self.is_enrolled
        {
            self.is_enrolled = true;
            self.worker.turn.enrol(&self.outbox, subscriber.mailbox());
        }
    }

    async fn run(&mut self) -> Result<(), End> {
        loop {
            match self.execute_buffered() {
                Step::Read { bytes } => {
                    if self.worker.seat().sends_away() {
                        self.flush().await?;
                        return Err(End::Moves);
                    }
                    self.read(bytes).await?;
                }
                Step::Write => self.flush().await?,
                Step::Paused => {
                    self.flush().await?;
                    self.sit_out_the_pause().await?;
                }
                Step::Await(Request::Feed(request)) => {
                    self.flush().await?;
                    let mut input = self.outbox.input.take();
                    feeding::run(
                        &self.worker.server,
                        &self.outbox.socket,
                        &self.session,
                        request,
                        &mut input,
                    )
                    .await;
                    return Err(End::Closed);
                }
                Step::Await(request) => {
                    requests::prepare(&self.worker.server, &self.session, &request);
                    self.flush().await?;
                    self.answer(request).await?;
                }
                Step::Block(block, waiting) => {
                    self.flush().await?;
                    self.block(&block, waiting).await?;
                }
                Step::Close => {
                    self.flush().await?;
                    return Err(End::Closed);
                }
                Step::Cut { unread } => {
                    self.session.info.cut_off(unread);
                    return Err(End::Closed);
                }
                Step::Evicted => return Err(End::Closed),
                Step::Refuse => {
                    self.flush().await?;
                    self.outbox.socket.linger(LINGER).await;
                    return Err(End::Closed);
                }
            }
        }
    }

    /// Executes the requests that are whole; their replies are owed when the turn ends.
    fn execute_buffered(&mut self) -> Step {
        let executor = Rc::clone(&self.worker.executor);
        let mut executor = executor.borrow_mut();
        let began = executor.begin();
        self.count();
        self.session.info.active_ms.store(executor.now_ms(), Ordering::Relaxed);
        if self.outbox.attended.take_answered() {
            self.answered_by_others();
        }
        let step = self.execute_with(&mut executor);
        // It may have taken for longer than until the next look.
        self.count();
        let now = executor.end();
        drop(executor);
        if matches!(step, Step::Cut { .. } | Step::Evicted) {
            self.outbox.discard();
        }
        self.outbox.show_input();
        self.session.info.holdings.words.store(self.parser.heap_bytes(), Ordering::Relaxed);
        self.enrol();
        self.outbox.attended.note_session(&self.session);
        self.worker.turn.owe(&self.outbox, began, now);
        step
    }

    /// Counts the connection as active, once for each look of the pool.
    fn count(&mut self) {
        let look = self.worker.server.pool.look();
        if self.counted_at != look {
            self.counted_at = look;
            self.worker.seat().count_active();
        }
    }

    /// Takes note that requests were answered while a script kept this worker from doing so.
    #[cold]
    fn answered_by_others(&mut self) {
        self.parser = parser(&self.worker.server, &self.session);
        if let Some(transaction) = &mut self.session.transaction {
            transaction.refused = true;
        }
    }

    fn execute_with(&mut self, executor: &mut Executor) -> Step {
        let outbox = Rc::clone(&self.outbox);
        let (mut output, mut input) = (outbox.replies(), outbox.input.borrow_mut());
        let limit = self.worker.server.hub.limits().of(&self.session.info);
        loop {
            if limit.is_hit(output.len()) {
                return Step::Cut { unread: output.len() };
            }
            if output.len() >= WRITE_BYTES {
                return Step::Write;
            }
            if self.session.info.weight.is_wanted() && self.is_evicted(&input, output.len()) {
                return Step::Evicted;
            }
            let consumed = match self.parser.parse(&input) {
                Ok(Parsed::Command { consumed }) => consumed,
                Ok(Parsed::Empty { consumed }) => {
                    input.advance(consumed);
                    continue;
                }
                Ok(Parsed::Incomplete { need_hint }) => return Step::Read { bytes: need_hint },
                Err(error) => {
                    error.encode_into(&mut output);
                    return Step::Refuse;
                }
            };
            if let Some(subscriber) = &self.session.subscriber {
                subscriber.mailbox().take_all(&mut output);
            }
            let args = self.parser.args(&input);
            let start = output.len();
            let outcome = executor.execute(&mut self.session, args, &mut output);
            let flow = match outcome {
                Outcome::Ran(flow) => flow,
                Outcome::Held => {
                    // The same bytes are parsed again when the pause is over.
                    self.parser = parser(&self.worker.server, &self.session);
                    return Step::Paused;
                }
            };
            input.advance(consumed);
            if let Some(sight) = executor.sight()
                && (output.len() > start || matches!(flow, Flow::Await(_)))
            {
                self.outbox.holding.mark(start..output.len(), sight);
            }
            if self.session.authenticated {
                self.parser.set_peer(Peer::Client);
            }
            match flow {
                // What is to be run anew has been.
                Flow::Done | Flow::Anew => {}
                Flow::Close => return Step::Close,
                Flow::Await(request) => return awaiting(*request, executor),
            }
            if self.session.info.flags.load(Ordering::Relaxed) & flag::CLOSING != 0 {
                return Step::Close;
            }
        }
    }

    /// Counts what the client takes; tells whether that is too much, and it is the one to go.
    #[cold]
    fn is_evicted(&self, input: &BytesMut, replies_bytes: usize) -> bool {
        let info = &self.session.info;
        info.show_input(input.len(), input.capacity());
        self.outbox.show_growth(replies_bytes);
        eviction::keep_clients(&self.worker.server, Some(info));
        info.flags.load(Ordering::Relaxed) & flag::EVICTED != 0
    }

    /// Waits until all replies so far are with the socket.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        self.worker.turn.ended().await;
        Ok(self.outbox.flush().await?)
    }

    async fn read(&mut self, need: usize) -> Result<(), End> {
        self.parser.set_bulk_bytes_max(self.worker.server.live.bulk_bytes_max());
        {
            let mut input = self.outbox.input.borrow_mut();
            if input.is_empty() && input.capacity() > KEPT_BYTES_MAX {
                *input = BytesMut::new();
            }
            input.reserve(need.clamp(READ_BYTES, RESERVE_BYTES_MAX));
        }
        let count = loop {
            // A client that does not read its replies sends no further requests.
            self.outbox.drain().await?;
            if self.outbox.holding.bytes() >= HELD_BYTES_MAX {
                self.outbox.flush().await?;
            }
            if self.outbox.attended.take_unread() {
                return Ok(());
            }
            let read = self.outbox.socket.try_read(&mut self.outbox.input.borrow_mut());
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.turn_bytes = 0;
                    self.outbox.readable().await?;
                }
                read => break read?,
            }
        };
        self.turn_bytes += count;
        if self.turn_bytes >= TURN_BYTES {
            self.turn_bytes = 0;
            tokio::task::yield_now().await;
        }
        match count {
            0 => Err(End::Closed),
            count => note_input(&self.worker, &self.outbox, count),
        }
    }
}

/// Counts what was read of a client; an end where it has sent more ahead than it may.
pub(super) fn note_input(worker: &Worker, outbox: &Outbox, count: usize) -> Result<(), End> {
    worker.executor.borrow().counters().received(count as u64);
    let waiting = outbox.show_input();
    if waiting <= worker.server.live.query_bytes_max() {
        return Ok(());
    }
    let client = &outbox.info.address;
    tracing::warn!(client, waiting, "closing a client that reached client-query-buffer-limit");
    Err(End::Closed)
}

fn open_session(server: &Arc<Server>, socket: &Accepted) -> Session {
    let (address, local_address) = socket.addresses(&server.unix_path());
    let now_ms = unix_ms();
    let mut info = ClientInfo::new(server.clients.next_id(), address, local_address, now_ms);
    info.descriptor = socket.descriptor();
    info.weight = Weight::among(server.clients.weights());
    if socket.is_unix() {
        info.flags.store(flag::UNIX, Ordering::Relaxed);
    }
    let mut session = Session::new(Arc::new(info));
    session.become_default(&server.users.current());
    session
}

/// Tells a client why it is not served, within a bounded time, and closes its socket.
pub async fn turn_away(socket: Socket, text: &str) {
    const PATIENCE: Duration = Duration::from_secs(1);
    // A client that does not read its refusal has lost nothing else.
    let _ = tokio::time::timeout(PATIENCE, socket.write_all(text.as_bytes())).await;
    socket.end();
}
