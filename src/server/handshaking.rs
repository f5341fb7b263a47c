//! The thread that shakes hands: a client in TLS comes to a worker once that is done.
//!
//! To sign takes long, and a client may stop in the middle. Here neither keeps anybody waiting but those
//! who shake hands as well.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;

use crate::net::socket::{Accepted, Socket};
use crate::net::tls;

use super::Server;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The handshakes under way.
#[derive(Debug, Default)]
pub struct Handshakes {
    /// Unbounded: what waits there is counted, and limited as clients are.
    inbox: OnceLock<UnboundedSender<Option<TcpStream>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    count: AtomicUsize,
}

impl Handshakes {
    /// Starts the thread.
    pub fn start(server: &Arc<Server>) -> io::Result<()> {
        let (inbox, arrivals) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(server);
        let thread = std::thread::Builder::new()
            .name("tls-handshake".to_owned())
            .spawn(move || LocalSet::new().block_on(&runtime, serve(shared, arrivals)))?;
        *server.handshakes.thread.lock() = Some(thread);
        if server.handshakes.inbox.set(inbox).is_err() {
            unreachable!("it is started once");
        }
        Ok(())
    }

    /// Begins one; false once the server ends.
    pub fn begin(&self, client: TcpStream) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.inbox.get().is_some_and(|inbox| inbox.send(Some(client)).is_ok())
    }

    /// Counts those under way.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Ends the thread, and with it the handshakes.
    pub fn end(&self) {
        let Some(thread) = self.thread.lock().take() else { return };
        if let Some(inbox) = self.inbox.get() {
            // A thread that is gone already need not be told.
            let _ = inbox.send(None);
        }
        if thread.join().is_err() {
            tracing::error!("the thread that shakes hands panicked");
        }
    }
}

async fn serve(server: Arc<Server>, mut arrivals: UnboundedReceiver<Option<TcpStream>>) {
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            arrival = arrivals.recv() => match arrival.flatten() {
                Some(client) => drop(under_way.spawn_local(shake(Arc::clone(&server), client))),
                None => return,
            },
            Some(_) = under_way.join_next() => {}
        }
    }
}

/// Shakes hands with a client, and hands it to a worker.
async fn shake(server: Arc<Server>, client: TcpStream) {
    let peer = client.peer_addr().map_or_else(|_| "?".to_owned(), |peer| peer.to_string());
    let shaken = shake_in_time(&server, client).await;
    server.handshakes.count.fetch_sub(1, Ordering::Relaxed);
    match shaken {
        // Where the server ends meanwhile, the connection ends with it.
        Ok(client) => drop(server.pool.assign(client)),
        Err(error) => {
            tracing::info!(peer, %error, "a client did not get through its TLS handshake");
        }
    }
}

async fn shake_in_time(server: &Server, client: TcpStream) -> io::Result<Accepted> {
    let config = server.tls.server().ok_or(io::ErrorKind::ConnectionAborted)?;
    let client = tokio::net::TcpStream::from_std(client)?;
    match timeout(PATIENCE, tls::accept(client, config)).await {
        Ok(shaken) => Socket::Tls(shaken?).leave(),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
