//! The end in good order: replicas caught up, a snapshot if wanted, everything durable.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use crate::command::Fault;
use crate::command::flow::ShutdownMode;
use crate::snapshot::RunState;

use super::pause::Holder;
use super::saving::{self, SaveError};
use super::{Server, role};

const FAILED: Fault = Fault::fixed("ERR Errors trying to SHUTDOWN. Check logs.");
const NOT_SHUTTING_DOWN: Fault = Fault::fixed("ERR No shutdown in progress.");

/// A wish to end the server, and who waits for the outcome.
#[derive(Debug)]
pub struct Wish {
    mode: ShutdownMode,
    /// How often the end had been called off before.
    called_off: u64,
    outcome: oneshot::Sender<Result<(), Fault>>,
}

/// Where wishes to end the server arrive.
#[derive(Debug)]
pub struct Stop {
    wishes: mpsc::UnboundedSender<Wish>,
    inbox: Mutex<Option<mpsc::UnboundedReceiver<Wish>>>,
    called_off: watch::Sender<u64>,
    phase: Mutex<Phase>,
    closed: watch::Sender<bool>,
}

/// How far the end has come.
#[derive(Debug, Default)]
struct Phase {
    /// How many try to end the server: a second signal may come while a client waits for the first try.
    attempts: usize,
    /// The log is being closed, or is: nobody can take that back.
    is_closing: bool,
}

impl Default for Stop {
    fn default() -> Self {
        let (wishes, inbox) = mpsc::unbounded_channel();
        Self {
            wishes,
            inbox: Mutex::new(Some(inbox)),
            called_off: watch::Sender::new(0),
            phase: Mutex::default(),
            closed: watch::Sender::new(false),
        }
    }
}

impl Stop {
    /// Tells whether the end has begun.
    pub fn is_under_way(&self) -> bool {
        self.phase.lock().attempts > 0
    }

    /// Calls off what is under way; that cannot be done any more where nothing is returned.
    fn call_off(&self) -> Option<Result<(), Fault>> {
        let phase = self.phase.lock();
        match *phase {
            Phase { is_closing: true, .. } => None,
            Phase { attempts: 0, .. } => Some(Err(NOT_SHUTTING_DOWN)),
            _ => {
                self.called_off.send_modify(|count| *count += 1);
                Some(Ok(()))
            }
        }
    }

    /// Passes the point of no return, unless the attempt was called off before.
    ///
    /// Returns whether the caller is the first to pass it, who closes the log.
    fn begin_to_close(&self, called_off: &watch::Receiver<u64>) -> Result<bool, Fault> {
        let mut phase = self.phase.lock();
        if phase.is_closing {
            return Ok(false);
        }
        // Whoever calls it off holds the phase, too.
        if called_off.has_changed().unwrap_or(true) {
            return Err(FAILED);
        }
        phase.is_closing = true;
        Ok(true)
    }

    /// Takes the inbox; there is one reader.
    pub fn inbox(&self) -> Option<mpsc::UnboundedReceiver<Wish>> {
        self.inbox.lock().take()
    }
}

/// Asks for the end of the server; returns only if it stays.
pub async fn request(server: &Server, mode: ShutdownMode) -> Result<(), Fault> {
    if mode.abort {
        return match server.stop.call_off() {
            Some(outcome) => outcome,
            // The server ends, and nobody is left to answer.
            None => std::future::pending().await,
        };
    }
    let (outcome, answer) = oneshot::channel();
    let called_off = *server.stop.called_off.borrow();
    if server.stop.wishes.send(Wish { mode, called_off, outcome }).is_err() {
        return Err(FAILED);
    }
    match answer.await {
        Ok(result) => result,
        // The server ends; there is nobody left to answer.
        Err(_) => std::future::pending().await,
    }
}

/// Serves wishes until one comes true; then everything is durable and nothing more is executed.
pub async fn serve(server: &Arc<Server>, mut inbox: mpsc::UnboundedReceiver<Wish>) {
    while let Some(wish) = inbox.recv().await {
        let is_called_off = *server.stop.called_off.borrow() != wish.called_off;
        let ended = if is_called_off { Err(FAILED) } else { attempt(server, wish.mode).await };
        match ended {
            Ok(()) => return,
            Err(fault) => {
                // Whoever asked may have left.
                let _ = wish.outcome.send(Err(fault));
            }
        }
    }
}

/// Ends the server in good order, or takes everything back and tells why not.
///
/// It is given up by being dropped, unless the log is being closed already: then that goes on, and
/// the next attempt waits for it.
pub async fn attempt(server: &Arc<Server>, mode: ShutdownMode) -> Result<(), Fault> {
    let mut called_off = server.stop.called_off.subscribe();
    let _attempt = Attempt::begin(server);
    tracing::info!("shutting down");
    let closing = called_off.clone();
    let ended = tokio::select! {
        ended = end(server, mode, &closing) => ended,
        _ = called_off.changed() => Err(FAILED),
    };
    if ended.is_err() {
        tracing::warn!("the shutdown was called off or has failed, the server goes on");
    }
    ended
}

/// Holds back writes while the server is about to end.
struct Attempt<'s>(&'s Server);

impl<'s> Attempt<'s> {
    fn begin(server: &'s Server) -> Self {
        let mut phase = server.stop.phase.lock();
        phase.attempts += 1;
        server.pause.hold(Holder::Shutdown);
        Self(server)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut phase = self.0.stop.phase.lock();
        if phase.is_closing {
            return;
        }
        phase.attempts -= 1;
        if phase.attempts == 0 {
            self.0.pause.release(Holder::Shutdown);
        }
    }
}

async fn end(
    server: &Arc<Server>,
    mode: ShutdownMode,
    called_off: &watch::Receiver<u64>,
) -> Result<(), Fault> {
    if server.stream().is_none() {
        // Nothing was served yet, so nothing is to be kept.
        return Ok(());
    }
    if !mode.now {
        wait_for_replicas(server).await;
    }
    let wanted = mode.save.unwrap_or_else(|| !server.settings().save.is_empty());
    if wanted {
        let shared = Arc::clone(server);
        let saved = tokio::task::spawn_blocking(move || saving::save(&shared)).await;
        // While data is being loaded, what is on disk is all there is to save.
        let is_saved = matches!(saved, Ok(Ok(()) | Err(SaveError::Loading)));
        if !is_saved && !mode.force {
            return Err(FAILED);
        }
    }
    let mut closed = server.stop.closed.subscribe();
    if server.stop.begin_to_close(called_off)? {
        server.process.ends();
        let shared = Arc::clone(server);
        tokio::task::spawn_blocking(move || {
            role::end(&shared);
            close(&shared);
            shared.stop.closed.send_replace(true);
        });
    }
    closed.wait_for(|is_closed| *is_closed).await.map(drop).map_err(|_| FAILED)
}

/// Waits until every replica online has all that is written, at most `shutdown-timeout` seconds.
async fn wait_for_replicas(server: &Arc<Server>) {
    const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    let Some(stream) = server.stream() else { return };
    let end = stream.log().written();
    let online = || server.replicas.count_at(crate::position::Offset::ZERO);
    let lagging = || online() - server.replicas.count_at(end);
    if lagging() == 0 {
        return;
    }
    let mut acks = server.replicas.acks();
    if let Err(error) = stream.tell_replicas(GETACK) {
        server.fail("cannot append to the log", &error);
    }
    stream.seal();
    let timeout = server.settings().shutdown_timeout;
    let caught_up = async { while lagging() > 0 && acks.changed().await.is_ok() {} };
    if tokio::time::timeout(timeout, caught_up).await.is_err() {
        tracing::warn!(lagging = lagging(), "replicas have not caught up, they will later");
    }
}

/// Makes everything durable and says so in the manifest; nothing is written afterwards.
fn close(server: &Server) {
    let Some(stream) = server.stream() else { return };
    // Commands under way end first; those that come after find the stream closed.
    let locked = server.keyspace.lock_all();
    tracing::info!("making everything durable");
    let end = match stream.close() {
        Ok(end) => end,
        Err(error) => server.fail("cannot close the log", &error),
    };
    let mut manifest = server.manifest.lock();
    let Some(manifest) = manifest.as_mut() else { return };
    let recorded = manifest.update(|manifest| {
        manifest.run = RunState::Clean { end };
        manifest.durable_floor = end;
    });
    match recorded {
        Ok(()) => tracing::info!(%end, "everything is durable, bye"),
        Err(error) => tracing::error!(
            %error,
            %end,
            "everything is durable, but the orderly end could not be recorded: the next start \
             recovers as from a crash"
        ),
    }
    drop(locked);
}
