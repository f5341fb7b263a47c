//! The worker threads: each runs the connections it was given, and their commands.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::LocalSet;

use crate::net::listener::Listener;
use crate::net::socket::Accepted;

use super::connection::Traveller;
use super::execute::Executor;
use super::pool::{Arrival, Pool, Seat};
use super::turn::Turn;
use super::{Server, busy, connection};

const TOO_MANY: &str = "-ERR max number of clients reached\r\n";
const PROTECTED: &str = "-DENIED Redis is running in protected mode because protected mode is \
    enabled and no password is set for the default user. In this mode connections are only \
    accepted from the loopback interface. If you want to connect from external computers to Redis \
    you may adopt one of the following solutions: 1) Just disable protected mode sending the \
    command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from \
    the same host the server is running, however MAKE SURE Redis is not publicly accessible from \
    internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you \
    can just disable the protected mode by editing the Redis configuration file, and setting the \
    protected mode option to 'no', and then restarting the server. 3) If you started the server \
    manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an \
    authentication password for the default user. NOTE: You only need to do one of the above \
    things in order for the server to start accepting connections from the outside.\r\n";

/// The worker threads.
#[derive(Debug)]
pub struct Workers {
    threads: Vec<JoinHandle<()>>,
}

/// What all tasks of one worker share.
#[derive(Clone)]
pub struct Worker {
    /// The server.
    pub server: Arc<Server>,
    /// Which worker it is, in the order of the pool.
    pub number: usize,
    /// Executes the requests of its clients.
    pub executor: Rc<RefCell<Executor>>,
    /// Seals, syncs and sends for all of them.
    pub turn: Rc<Turn>,
}

impl Workers {
    /// Starts a worker for each inbox of the pool.
    pub fn start(
        server: &Arc<Server>,
        inboxes: Vec<UnboundedReceiver<Arrival>>,
    ) -> io::Result<Self> {
        let mut threads = Vec::new();
        for (number, arrivals) in inboxes.into_iter().enumerate() {
            let server = Arc::clone(server);
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let thread =
                std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                    let local = LocalSet::new();
                    local.block_on(&runtime, work(server, number, arrivals));
                })?;
            threads.push(thread);
        }
        Ok(Self { threads })
    }

    /// Ends the workers; connections still open are cut.
    pub fn join(self, pool: &Pool) {
        pool.end();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

impl Worker {
    /// Returns the place of this worker in the pool.
    pub fn seat(&self) -> &Seat {
        self.server.pool.seat(self.number)
    }
}

/// What clients of a socket speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Commands.
    Plain,
    /// TLS, and commands in it.
    Tls,
}

/// Hands each client that connects to a worker, until the server ends.
pub async fn accept(server: Arc<Server>, listener: Listener, speech: Speech) {
    loop {
        match listener.accept(server.live.keepalive_s()).await {
            Ok(client) => {
                let goes_on = match (client, speech) {
                    (Accepted::Tcp(client), Speech::Tls) => welcome_to_shake(&server, client),
                    (client, _) => server.pool.assign(client),
                };
                if !goes_on {
                    return;
                }
            }
            Err(error) => {
                // Out of descriptors, or the client is gone already: neither ends the service.
                tracing::warn!(%error, "cannot accept a client");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// Has hands shaken with a client, unless there are too many; false once the server ends.
fn welcome_to_shake(server: &Server, client: TcpStream) -> bool {
    if server.clients.count() + server.handshakes.count() >= server.live.clients_max() {
        // It would not understand why.
        server.clients.refuse();
        return true;
    }
    server.handshakes.begin(client)
}

/// Clients on their way to a worker, which takes them in one by one.
pub type Arrivals = Rc<RefCell<UnboundedReceiver<Arrival>>>;

async fn work(server: Arc<Server>, number: usize, arrivals: UnboundedReceiver<Arrival>) {
    let counters = Arc::clone(&server.counters[number]);
    let turn = Rc::new(Turn::new(Arc::clone(&server), number, Arc::clone(&counters)));
    let executor = Rc::new(RefCell::new(Executor::new(Arc::clone(&server), counters)));
    let worker = Worker { server, number, executor, turn };
    worker.seat().take();
    let arrivals: Arrivals = Rc::new(RefCell::new(arrivals));
    busy::attend(&worker, &arrivals);
    tokio::task::spawn_local(Rc::clone(&worker.turn).run());
    let turn = Rc::clone(&worker.turn);
    tokio::task::spawn_local(async move { turn.held.run().await });
    loop {
        let arrival = poll_fn(|context| arrivals.borrow_mut().poll_recv(context)).await;
        let traveller = match arrival {
            Some(Arrival::New(client)) => welcome(&worker, client),
            Some(Arrival::Moved(traveller)) => Some(*traveller),
            Some(Arrival::Last) | None => {
                // Whatever ran has its reply, if its client is still there to read it.
                worker.turn.end();
                worker.turn.held.finish().await;
                return;
            }
        };
        match traveller.map(|traveller| connection::arrive(&worker, traveller)) {
            Some(Ok(connection)) => drop(tokio::task::spawn_local(connection::serve(connection))),
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot take over a client");
                worker.seat().leave();
            }
            None => worker.seat().leave(),
        }
    }
}

/// Takes in a client that has just connected, unless it is not served.
fn welcome(worker: &Worker, client: Accepted) -> Option<Traveller> {
    let server = &worker.server;
    let Some(text) = refusal(server, &client) else {
        return Some(Traveller::new(server, client));
    };
    match client.adopt() {
        Ok(socket) => drop(tokio::task::spawn_local(connection::turn_away(socket, text))),
        Err(error) => tracing::warn!(%error, "cannot turn away a client"),
    }
    None
}

/// Tells why a client is not served, if so.
fn refusal(server: &Server, client: &Accepted) -> Option<&'static str> {
    if server.clients.count() >= server.live.clients_max() {
        server.clients.refuse();
        return Some(TOO_MANY);
    }
    (server.is_protected() && !client.is_local()).then_some(PROTECTED)
}
