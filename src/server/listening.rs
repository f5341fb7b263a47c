//! The thread that listens: it accepts clients, and moves to other addresses when told to.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::config::Settings;
use crate::net::listener::{self, BindError, Listener};

use super::{Server, worker};

/// Where the server listens.
#[derive(Debug, Default)]
pub struct Listening {
    orders: OnceLock<UnboundedSender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    addresses: Mutex<Vec<String>>,
    port: AtomicU16,
}

/// What the thread is told.
enum Order {
    /// To listen where these settings say, and nowhere else; if that fails, where it did before.
    Listen(Arc<Settings>, mpsc::Sender<Result<Bound, BindError>>),
    /// To end.
    End,
}

/// Where the thread listens now.
struct Bound {
    addresses: Vec<String>,
    port: u16,
}

impl Listening {
    /// Starts the thread, which hands each client to one of the workers.
    pub fn start(server: &Arc<Server>) -> io::Result<()> {
        let (orders, inbox) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(server);
        let thread = std::thread::Builder::new()
            .name("listener".to_owned())
            .spawn(move || runtime.block_on(serve(shared, inbox)))?;
        *server.listening.thread.lock() = Some(thread);
        if server.listening.orders.set(orders).is_err() {
            unreachable!("it is started once");
        }
        Ok(())
    }

    /// Listens where the settings say; where it listened before, nobody does any more.
    ///
    /// After an error it listens where it did before.
    pub fn listen(&self, settings: &Arc<Settings>) -> Result<(), BindError> {
        let (done, answer) = mpsc::channel();
        let order = Order::Listen(Arc::clone(settings), done);
        let told = self.orders.get().is_some_and(|orders| orders.send(order).is_ok());
        // At the very end of the server nobody listens, and nobody is told.
        let Some(answer) = answer.recv().ok().filter(|_| told) else { return Ok(()) };
        let bound = answer?;
        self.port.store(bound.port, Ordering::Relaxed);
        *self.addresses.lock() = bound.addresses;
        Ok(())
    }

    /// Returns the addresses and paths listened on.
    pub fn addresses(&self) -> Vec<String> {
        self.addresses.lock().clone()
    }

    /// Returns the TCP port; zero for none.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// Ends the thread; clients that connect from now on are refused.
    pub fn end(&self) {
        let Some(thread) = self.thread.lock().take() else { return };
        if let Some(orders) = self.orders.get() {
            // A thread that is gone already need not be told.
            let _ = orders.send(Order::End);
        }
        if thread.join().is_err() {
            tracing::error!("the listening thread panicked");
        }
    }
}

async fn serve(server: Arc<Server>, mut orders: UnboundedReceiver<Order>) {
    let mut open = Open { server, tcp: JoinSet::new(), unix: JoinSet::new(), last: None };
    while let Some(Order::Listen(settings, done)) = orders.recv().await {
        // Whoever asked waits for the answer, unless the server is ending.
        let _ = done.send(open.listen(settings).await);
    }
    open.tcp.shutdown().await;
    open.unix.shutdown().await;
}

/// The sockets that are open, each with the task that accepts from it.
struct Open {
    server: Arc<Server>,
    tcp: JoinSet<()>,
    /// Opened with the first settings; no later ones change it.
    unix: JoinSet<()>,
    last: Option<Arc<Settings>>,
}

impl Open {
    async fn listen(&mut self, settings: Arc<Settings>) -> Result<Bound, BindError> {
        let mut bound = self.listen_tcp(&settings).await?;
        if let Some(unix) = &settings.unix_socket {
            bound.addresses.push(unix.path.display().to_string());
            if self.unix.is_empty() {
                let listener = listener::bind_unix(&unix.path, unix.mode.unwrap_or(0))?;
                self.unix.spawn(self.accept(listener));
            }
        }
        self.last = Some(settings);
        Ok(bound)
    }

    async fn listen_tcp(&mut self, settings: &Settings) -> Result<Bound, BindError> {
        // On one port addresses may overlap, as those of `*` and `127.0.0.1` do: the old ones go
        // first. On another port the new ones come first, so that there is always one.
        let same_port = self.last.clone().filter(|last| last.port == settings.port);
        if same_port.is_some() {
            self.tcp.shutdown().await;
        }
        match bind_tcp(settings) {
            Ok(listeners) => {
                self.tcp.shutdown().await;
                Ok(self.accept_all(listeners))
            }
            Err(error) => {
                if self.last.is_some() {
                    tracing::warn!(%error, "it is listened where it was before");
                }
                if let Some(last) = same_port {
                    match bind_tcp(&last) {
                        Ok(listeners) => drop(self.accept_all(listeners)),
                        Err(error) => tracing::error!(%error, "there is no TCP socket any more"),
                    }
                }
                Err(error)
            }
        }
    }

    fn accept_all(&mut self, listeners: Vec<Listener>) -> Bound {
        let addresses = listeners.iter().map(Listener::address).collect();
        let port = listeners.first().and_then(Listener::port).unwrap_or(0);
        for listener in listeners {
            let accepting = self.accept(listener);
            self.tcp.spawn(accepting);
        }
        Bound { addresses, port }
    }

    /// Hands each client that connects to a worker.
    fn accept(&self, listener: Listener) -> impl Future<Output = ()> + use<> {
        worker::accept(Arc::clone(&self.server), listener)
    }
}

fn bind_tcp(settings: &Settings) -> Result<Vec<Listener>, BindError> {
    match settings.tcp_port() {
        Some(port) => listener::bind(&settings.bind, port, settings.tcp_backlog),
        None => Ok(Vec::new()),
    }
}
