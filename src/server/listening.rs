//! The thread that listens: it accepts clients, and moves to other addresses when told to.

use std::io;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::config::Settings;
use crate::net::listener::{self, BindError, Listener};

use super::worker::Speech;
use super::{Server, worker};

/// Where the server listens.
#[derive(Debug, Default)]
pub struct Listening {
    orders: OnceLock<UnboundedSender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    bound: Mutex<Bound>,
}

/// What the thread is told.
enum Order {
    /// To listen where these settings say, and nowhere else; if that fails, where it did before.
    Listen(Arc<Settings>, mpsc::Sender<Result<Bound, ListenError>>),
    /// To end.
    End,
}

/// Where the thread listens now.
#[derive(Clone, Debug, Default)]
struct Bound {
    /// Those for TLS have `tls://` before them.
    addresses: Vec<String>,
    port: u16,
    tls_port: u16,
}

/// Why it is not listened where the settings say.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct ListenError {
    /// Whether it is the port for TLS.
    pub is_tls: bool,
    /// The reason.
    pub source: BindError,
}

/// What is before the address of a socket for TLS.
pub const TLS: &str = "tls://";

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
    pub fn listen(&self, settings: &Arc<Settings>) -> Result<(), ListenError> {
        let (done, answer) = mpsc::channel();
        let order = Order::Listen(Arc::clone(settings), done);
        let told = self.orders.get().is_some_and(|orders| orders.send(order).is_ok());
        // At the very end of the server nobody listens, and nobody is told.
        let Some(answer) = answer.recv().ok().filter(|_| told) else { return Ok(()) };
        *self.bound.lock() = answer?;
        Ok(())
    }

    /// Returns the addresses and paths listened on.
    pub fn addresses(&self) -> Vec<String> {
        self.bound.lock().addresses.clone()
    }

    /// Returns the TCP port that is not for TLS; zero for none.
    pub fn port(&self) -> u16 {
        self.bound.lock().port
    }

    /// Returns the TCP port for TLS; zero for none.
    pub fn tls_port(&self) -> u16 {
        self.bound.lock().tls_port
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
    let mut open = Open {
        plain: Sockets::new(Arc::clone(&server), Speech::Plain),
        tls: Sockets::new(Arc::clone(&server), Speech::Tls),
        server,
        unix: JoinSet::new(),
    };
    while let Some(Order::Listen(settings, done)) = orders.recv().await {
        // Whoever asked waits for the answer, unless the server is ending.
        let _ = done.send(open.listen(&settings).await);
    }
    open.plain.tasks.shutdown().await;
    open.tls.tasks.shutdown().await;
    open.unix.shutdown().await;
}

/// The sockets that are open.
struct Open {
    server: Arc<Server>,
    plain: Sockets,
    tls: Sockets,
    /// Opened with the first settings; no later ones change it.
    unix: JoinSet<()>,
}

impl Open {
    async fn listen(&mut self, settings: &Settings) -> Result<Bound, ListenError> {
        let failed = |is_tls| move |source| ListenError { is_tls, source };
        let before = self.plain.place.clone();
        self.plain.listen(Place::plain(settings)).await.map_err(failed(false))?;
        if let Err(source) = self.tls.listen(Place::tls(settings)).await {
            if let Err(error) = self.plain.listen(before).await {
                tracing::error!(%error, "there is no TCP socket any more");
            }
            return Err(ListenError { is_tls: true, source });
        }
        let mut addresses = self.plain.addresses.clone();
        addresses.extend(self.tls.addresses.iter().map(|address| format!("{TLS}{address}")));
        if let Some(unix) = &settings.unix_socket {
            addresses.push(unix.path.display().to_string());
            if self.unix.is_empty() {
                let (mode, group) = (unix.mode.unwrap_or(0), unix.group.as_deref());
                let listener =
                    listener::bind_unix(&unix.path, mode, group).map_err(failed(false))?;
                self.unix.spawn(worker::accept(Arc::clone(&self.server), listener, Speech::Plain));
            }
        }
        Ok(Bound { addresses, port: self.plain.port, tls_port: self.tls.port })
    }
}

/// Where TCP sockets are, if anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    bind: Vec<String>,
    port: Option<u16>,
    backlog: u32,
}

impl Place {
    fn plain(settings: &Settings) -> Self {
        let (bind, backlog) = (settings.bind.clone(), settings.tcp_backlog);
        Self { bind, port: settings.tcp_port(), backlog }
    }

    fn tls(settings: &Settings) -> Self {
        Self { port: settings.tls.port, ..Self::plain(settings) }
    }

    fn bind(&self) -> Result<Vec<Listener>, BindError> {
        match self.port {
            Some(port) => listener::bind(&self.bind, port, self.backlog),
            None => Ok(Vec::new()),
        }
    }
}

/// TCP sockets of one kind, each with a task that accepts from it.
struct Sockets {
    server: Arc<Server>,
    speech: Speech,
    tasks: JoinSet<()>,
    place: Place,
    addresses: Vec<String>,
    port: u16,
}

impl Sockets {
    fn new(server: Arc<Server>, speech: Speech) -> Self {
        let (tasks, place) = (JoinSet::new(), Place::default());
        Self { server, speech, tasks, place, addresses: Vec::new(), port: 0 }
    }

    async fn listen(&mut self, place: Place) -> Result<(), BindError> {
        if place == self.place {
            return Ok(());
        }
        // On one port addresses may overlap, as those of `*` and `127.0.0.1` do: the old ones go
        // first. On another port the new ones come first, so that there is always one.
        let is_same_port = place.port == self.place.port;
        if is_same_port {
            self.tasks.shutdown().await;
        }
        match place.bind() {
            Ok(listeners) => {
                self.tasks.shutdown().await;
                self.accept_all(listeners);
                self.place = place;
                Ok(())
            }
            Err(error) => {
                if self.place.port.is_some() {
                    tracing::warn!(%error, "it is listened where it was before");
                }
                if is_same_port {
                    match self.place.bind() {
                        Ok(listeners) => self.accept_all(listeners),
                        Err(error) => tracing::error!(%error, "there is no TCP socket any more"),
                    }
                }
                Err(error)
            }
        }
    }

    fn accept_all(&mut self, listeners: Vec<Listener>) {
        self.addresses = listeners.iter().map(Listener::address).collect();
        self.port = listeners.first().and_then(Listener::port).unwrap_or(0);
        for listener in listeners {
            self.tasks.spawn(worker::accept(Arc::clone(&self.server), listener, self.speech));
        }
    }
}
