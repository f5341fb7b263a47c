//! The worker threads: each runs the connections it was given, and their commands.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::command::counters::Counters;
use crate::net::listener::Listener;
use crate::net::socket::{Accepted, Socket};

use super::execute::Executor;
use super::turn::Turn;
use super::{Server, connection};

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

/// The worker threads, and who gets the next client.
#[derive(Debug)]
pub struct Workers {
    inboxes: Vec<UnboundedSender<Accepted>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts a worker for each set of counters.
    ///
    /// An inbox is unbounded: what waits there is bounded by the descriptors of the process.
    pub fn start(server: &Arc<Server>, counters: &[Arc<Counters>]) -> io::Result<Self> {
        let (mut inboxes, mut threads) = (Vec::new(), Vec::new());
        for (number, counters) in counters.iter().enumerate() {
            let (inbox, clients) = unbounded_channel();
            let (server, counters) = (Arc::clone(server), Arc::clone(counters));
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let thread =
                std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                    let local = LocalSet::new();
                    local.block_on(&runtime, work(server, counters, clients));
                })?;
            inboxes.push(inbox);
            threads.push(thread);
        }
        Ok(Self { inboxes, threads })
    }

    /// Returns the inboxes, for whoever accepts clients.
    pub fn inboxes(&self) -> Vec<UnboundedSender<Accepted>> {
        self.inboxes.clone()
    }

    /// Ends the workers once nobody holds an inbox any more; connections still open are cut.
    pub fn join(self) {
        drop(self.inboxes);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

/// Hands each client that connects to the next worker, until the server ends.
pub async fn accept(
    server: Arc<Server>,
    listener: Listener,
    inboxes: Vec<UnboundedSender<Accepted>>,
) {
    let mut next = 0;
    loop {
        match listener.accept(server.live.keepalive_s()).await {
            Ok(client) => {
                if inboxes[next % inboxes.len()].send(client).is_err() {
                    return;
                }
                next += 1;
            }
            Err(error) => {
                // Out of descriptors, or the client is gone already: neither ends the service.
                tracing::warn!(%error, "cannot accept a client");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn work(
    server: Arc<Server>,
    counters: Arc<Counters>,
    mut clients: UnboundedReceiver<Accepted>,
) {
    let executor = Rc::new(RefCell::new(Executor::new(Arc::clone(&server), counters)));
    let turn = Rc::new(Turn::new(Arc::clone(&server)));
    tokio::task::spawn_local(Rc::clone(&turn).run());
    while let Some(accepted) = clients.recv().await {
        let socket = match accepted.adopt() {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(%error, "cannot take over a client");
                continue;
            }
        };
        let refusal = refusal(&server, &socket);
        let (server, executor, turn) =
            (Arc::clone(&server), Rc::clone(&executor), Rc::clone(&turn));
        tokio::task::spawn_local(async move {
            match refusal {
                Some(text) => connection::turn_away(socket, text).await,
                None => connection::serve(server, executor, turn, socket).await,
            }
        });
    }
}

/// Tells why a client is not served, if so.
fn refusal(server: &Server, socket: &Socket) -> Option<&'static str> {
    if server.clients.count() >= server.live.clients_max() {
        server.clients.refuse();
        return Some(TOO_MANY);
    }
    (server.is_protected() && !socket.is_local()).then_some(PROTECTED)
}
