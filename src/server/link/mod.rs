//! The link to the primary that this server follows: one thread that connects, resyncs, applies what
//! comes and acknowledges it; and connects again when the link has ended.
//!
//! What comes is applied and appended to the log in one step, whole units at a time and with every
//! shard held ([`apply`]). A full resync replaces data, log and history in one durable step, when all
//! of the new data is there ([`adopt`]). A command that cannot be applied ends the link: none is ever
//! skipped.

mod adopt;
mod apply;
mod arrival;
mod backoff;
mod discard;
mod error;
mod session;
mod status;

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Server;
use backoff::Backoff;
pub use error::LinkError;
pub use status::{Stage, Status};

/// Where a primary listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryAddress {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for PrimaryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The link to one primary, from the wish to follow it to the wish not to.
pub struct Link {
    /// The primary.
    pub primary: PrimaryAddress,
    /// How it stands.
    pub status: Status,
    /// Whether the primary is to hand over to us first, as `FAILOVER` at its end asks.
    takes_over: Mutex<bool>,
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Link {
    /// A link that has not begun.
    pub fn to(primary: PrimaryAddress) -> Self {
        Self {
            primary,
            status: Status::default(),
            takes_over: Mutex::default(),
            stop: watch::Sender::new(false),
            thread: Mutex::default(),
        }
    }

    /// Begins to follow a primary.
    pub fn start(server: &Arc<Server>, primary: PrimaryAddress) -> std::io::Result<Arc<Self>> {
        Self::start_with(server, primary, false)
    }

    /// Begins to follow a replica that is to become the primary: its promotion is asked for first.
    pub fn start_handing_over(
        server: &Arc<Server>,
        successor: PrimaryAddress,
    ) -> std::io::Result<Arc<Self>> {
        Self::start_with(server, successor, true)
    }

    fn start_with(
        server: &Arc<Server>,
        primary: PrimaryAddress,
        takes_over: bool,
    ) -> std::io::Result<Arc<Self>> {
        let link = Arc::new(Self { takes_over: Mutex::new(takes_over), ..Self::to(primary) });
        server.live.set_linked(false);
        let (shared, own) = (Arc::clone(server), Arc::clone(&link));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("link".to_owned()).spawn(move || {
            runtime.block_on(own.run(&shared));
            // What is still looked up, or loaded for nobody, is not waited for.
            runtime.shutdown_background();
        })?;
        *link.thread.lock() = Some(thread);
        Ok(link)
    }

    /// Tells whether the successor that was asked to lead does.
    pub fn has_handed_over(&self) -> bool {
        !*self.takes_over.lock()
    }

    /// Tells whether it has begun, and was not told to end.
    pub fn has_begun(&self) -> bool {
        self.thread.lock().is_some()
    }

    /// Ends the link; when this returns nothing of it goes on.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the link had panicked");
        }
    }

    /// Tells whether the link is to end, or has.
    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    async fn run(&self, server: &Arc<Server>) {
        let mut stop = self.stop.subscribe();
        let mut backoff = Backoff::default();
        tracing::info!(primary = %self.primary, "following");
        loop {
            self.status.set_stage(Stage::Connecting);
            let ended = session::run(server, self).await;
            server.live.set_linked(false);
            let was_up = self.status.stage() == Stage::Connected;
            if matches!(ended, LinkError::Stopped) {
                self.status.set_stage(Stage::Connect);
                return;
            }
            let pause = backoff.next(&ended, was_up);
            let pause_ms = pause.as_millis() as u64;
            if self.status.went_down(&ended) {
                let is_hidden = server.settings().hide_user_data_from_log;
                let ended = if is_hidden { ended.without_user_data() } else { ended };
                tracing::warn!(primary = %self.primary, retry_ms = pause_ms, "the link is down: {ended}");
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The sender is this link's own.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}
