//! One client's connection: requests in, replies out.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use crate::command::flow::Request;
use crate::command::session::{ReplyMode, flag};
use crate::command::{ClientInfo, Flow, Session};
use crate::net::socket::Socket;
use crate::net::{Parsed, Parser, Peer, Reply};

use super::Server;
use super::clock::unix_ms;
use super::execute::{Executor, Outcome};
use super::feeding;
use super::turn::{Outbox, Turn};

/// How much is read from a socket at once.
const READ_BYTES: usize = 16 * 1024;
/// After so many bytes that were there without waiting, the worker's other clients have a turn.
const TURN_BYTES: usize = READ_BYTES;
/// From how many bytes on replies are written out though requests are left in the buffer.
const WRITE_BYTES: usize = 256 * 1024;
/// Read buffers larger than this are given back once they are empty.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// The most bytes reserved ahead for a request whose length is known.
const RESERVE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a client that broke the protocol may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// One client's connection.
pub struct Connection {
    server: Arc<Server>,
    executor: Rc<RefCell<Executor>>,
    turn: Rc<Turn>,
    outbox: Rc<Outbox>,
    session: Session,
    parser: Parser,
    input: BytesMut,
    /// Bytes read since this connection last waited for anything.
    turn_bytes: usize,
}

/// Why a connection goes no further.
enum End {
    /// The client left, was told to, or broke the protocol; all replies are written.
    Closed,
    /// The socket failed.
    Broken,
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
    /// The connection ends after what is written.
    Close,
    /// As [`Self::Close`], though the client may still be sending what nobody will read.
    Refuse,
}

/// Serves a client until it leaves.
pub async fn serve(
    server: Arc<Server>,
    executor: Rc<RefCell<Executor>>,
    turn: Rc<Turn>,
    socket: Socket,
) {
    let session = open_session(&server, &socket);
    let info = Arc::clone(&session.info);
    let present = server.clients.enter(&info);
    let bulk_bytes_max = server.live.bulk_bytes_max();
    let peer = if session.authenticated { Peer::Client } else { Peer::Unauthenticated };
    let counters = Arc::clone(executor.borrow().counters());
    let mut connection = Connection {
        server,
        executor,
        turn,
        outbox: Rc::new(Outbox::new(socket, Arc::clone(&info), counters)),
        session,
        parser: Parser::new(peer, bulk_bytes_max),
        input: BytesMut::new(),
        turn_bytes: 0,
    };
    tokio::select! {
        // How it ended makes no difference here: the socket is closed either way.
        _ = connection.run() => {}
        () = info.kill.notified() => {}
    }
    connection.session.unwatch_all(&connection.server.keyspace);
    drop(present);
}

impl Connection {
    async fn run(&mut self) -> Result<(), End> {
        loop {
            match self.execute_buffered() {
                Step::Read { bytes } => self.read(bytes).await?,
                Step::Write => self.flush().await?,
                Step::Paused => {
                    self.flush().await?;
                    let now_ms = unix_ms();
                    self.server.pause.over(now_ms).await;
                }
                Step::Await(Request::Feed(request)) => {
                    self.flush().await?;
                    feeding::run(
                        &self.server,
                        &self.outbox.socket,
                        &self.session,
                        request,
                        &mut self.input,
                    )
                    .await;
                    return Err(End::Closed);
                }
                Step::Await(request) => {
                    self.flush().await?;
                    self.answer(request).await;
                }
                Step::Close => {
                    self.flush().await?;
                    return Err(End::Closed);
                }
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
        let executor = Rc::clone(&self.executor);
        let mut executor = executor.borrow_mut();
        let began = executor.begin();
        self.session.info.active_ms.store(executor.now_ms(), Ordering::Relaxed);
        let step = self.execute_with(&mut executor);
        let now = executor.mark();
        drop(executor);
        self.turn.owe(&self.outbox, began, now);
        step
    }

    fn execute_with(&mut self, executor: &mut Executor) -> Step {
        let mut output = self.outbox.replies();
        loop {
            if output.len() >= WRITE_BYTES {
                return Step::Write;
            }
            let consumed = match self.parser.parse(&self.input) {
                Ok(Parsed::Command { consumed }) => consumed,
                Ok(Parsed::Empty { consumed }) => {
                    self.input.advance(consumed);
                    continue;
                }
                Ok(Parsed::Incomplete { need_hint }) => return Step::Read { bytes: need_hint },
                Err(error) => {
                    error.encode_into(&mut output);
                    return Step::Refuse;
                }
            };
            let args = self.parser.args(&self.input);
            let outcome = executor.execute(&mut self.session, args, &mut output);
            let flow = match outcome {
                Outcome::Ran(flow) => flow,
                Outcome::Held => {
                    // The same bytes are parsed again when the pause is over.
                    self.parser = self.fresh_parser();
                    return Step::Paused;
                }
            };
            self.input.advance(consumed);
            if self.session.authenticated {
                self.parser.set_peer(Peer::Client);
            }
            match flow {
                Flow::Done => {}
                Flow::Close => return Step::Close,
                Flow::Await(request) => return Step::Await(request),
            }
            if self.session.info.flags.load(Ordering::Relaxed) & flag::CLOSING != 0 {
                return Step::Close;
            }
        }
    }

    fn fresh_parser(&self) -> Parser {
        let peer = if self.session.authenticated { Peer::Client } else { Peer::Unauthenticated };
        Parser::new(peer, self.server.live.bulk_bytes_max())
    }

    /// Waits until all replies so far are with the socket.
    async fn flush(&mut self) -> Result<(), End> {
        self.turn.ended().await;
        Ok(self.outbox.drain().await?)
    }

    async fn read(&mut self, need: usize) -> Result<(), End> {
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES_MAX {
            self.input = BytesMut::new();
        }
        self.parser.set_bulk_bytes_max(self.server.live.bulk_bytes_max());
        self.input.reserve(need.clamp(READ_BYTES, RESERVE_BYTES_MAX));
        let count = loop {
            // A client that does not read its replies sends no further requests.
            self.outbox.drain().await?;
            match self.outbox.socket.try_read(&mut self.input) {
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
            count => {
                self.executor.borrow().counters().received(count as u64);
                let waiting = self.input.len();
                self.session.info.query_buffer.store(waiting, Ordering::Relaxed);
                if waiting > self.server.live.query_bytes_max() {
                    tracing::warn!(
                        client = self.session.info.address,
                        waiting,
                        "closing a client that reached client-query-buffer-limit"
                    );
                    return Err(End::Closed);
                }
                Ok(())
            }
        }
    }

    /// Waits for the server to do what a command asked for, and writes its reply.
    async fn answer(&mut self, request: Request) {
        let info = Arc::clone(&self.session.info);
        info.flags.fetch_or(flag::BLOCKED, Ordering::Relaxed);
        let muted = self.session.reply != ReplyMode::On;
        let mut output = Vec::new();
        let mut reply = Reply::new(&mut output, self.session.protocol);
        let done = super::requests::answer(&self.server, &self.session, request, &mut reply).await;
        if let Err(fault) = &done {
            reply.error(fault.bytes());
        }
        if let Some(work) = self.session.under_way.take() {
            self.executor.borrow_mut().account_work(&self.session, &work, done.as_ref().err());
        }
        if !muted {
            self.outbox.replies().extend_from_slice(&output);
        }
        info.flags.fetch_and(!flag::BLOCKED, Ordering::Relaxed);
    }
}

fn open_session(server: &Arc<Server>, socket: &Socket) -> Session {
    let (address, local_address) = socket.addresses(&server.unix_path());
    let now_ms = unix_ms();
    let authenticated = !server.needs_password_now();
    let mut info = ClientInfo::new(server.clients.next_id(), address, local_address, now_ms);
    info.descriptor = socket.descriptor();
    if socket.is_unix() {
        info.flags.store(flag::UNIX, Ordering::Relaxed);
    }
    Session::new(Arc::new(info), authenticated)
}

/// Tells a client why it is not served, within a bounded time, and closes its socket.
pub async fn turn_away(socket: Socket, text: &str) {
    const PATIENCE: Duration = Duration::from_secs(1);
    // A client that does not read its refusal has lost nothing else.
    let _ = tokio::time::timeout(PATIENCE, socket.write_all(text.as_bytes())).await;
}
