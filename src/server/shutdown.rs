//! The end in good order: replicas caught up, a snapshot if wanted, everything durable.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use crate::command::Fault;
use crate::command::flow::ShutdownMode;
use crate::snapshot::RunState;

use super::saving::{self, SaveError};
use super::{Server, role};

const FAILED: Fault = Fault::fixed("ERR Errors trying to SHUTDOWN. Check logs.");
const NOT_SHUTTING_DOWN: Fault = Fault::fixed("ERR No shutdown in progress.");

/// A wish to end the server, and who waits for the outcome.
#[derive(Debug)]
pub struct Wish {
    mode: ShutdownMode,
    outcome: oneshot::Sender<Result<(), Fault>>,
}

/// Where wishes to end the server arrive.
#[derive(Debug)]
pub struct Stop {
    wishes: mpsc::UnboundedSender<Wish>,
    inbox: Mutex<Option<mpsc::UnboundedReceiver<Wish>>>,
    called_off: watch::Sender<u64>,
    under_way: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        let (wishes, inbox) = mpsc::unbounded_channel();
        Self {
            wishes,
            inbox: Mutex::new(Some(inbox)),
            called_off: watch::Sender::new(0),
            under_way: watch::Sender::new(false),
        }
    }
}

impl Stop {
    /// Tells whether the end has begun.
    pub fn is_under_way(&self) -> bool {
        *self.under_way.borrow()
    }

    /// Takes the inbox; there is one reader.
    pub fn inbox(&self) -> Option<mpsc::UnboundedReceiver<Wish>> {
        self.inbox.lock().take()
    }
}

/// Asks for the end of the server; returns only if it stays.
pub async fn request(server: &Server, mode: ShutdownMode) -> Result<(), Fault> {
    if mode.abort {
        if !*server.stop.under_way.borrow() {
            return Err(NOT_SHUTTING_DOWN);
        }
        server.stop.called_off.send_modify(|count| *count += 1);
        return Ok(());
    }
    let (outcome, answer) = oneshot::channel();
    if server.stop.wishes.send(Wish { mode, outcome }).is_err() {
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
        match attempt(server, wish.mode).await {
            Ok(()) => return,
            Err(fault) => {
                // Whoever asked may have left.
                let _ = wish.outcome.send(Err(fault));
            }
        }
    }
}

/// Ends the server in good order, or takes everything back and tells why not.
pub async fn attempt(server: &Arc<Server>, mode: ShutdownMode) -> Result<(), Fault> {
    let mut called_off = server.stop.called_off.subscribe();
    server.stop.under_way.send_replace(true);
    server.pause.end_of_writes();
    tracing::info!("shutting down");
    let ended = tokio::select! {
        ended = end(server, mode) => ended,
        _ = called_off.changed() => Err(FAILED),
    };
    if ended.is_err() {
        tracing::warn!("the shutdown was called off or has failed, the server goes on");
        server.pause.writes_again();
        server.stop.under_way.send_replace(false);
    }
    ended
}

async fn end(server: &Arc<Server>, mode: ShutdownMode) -> Result<(), Fault> {
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
    server.process.ends();
    let shared = Arc::clone(server);
    let closed = tokio::task::spawn_blocking(move || {
        role::end(&shared);
        close(&shared)
    })
    .await;
    if matches!(closed, Ok(Ok(()))) || mode.force { Ok(()) } else { Err(FAILED) }
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

/// Makes everything durable and says so in the manifest; nothing is executed afterwards.
fn close(server: &Arc<Server>) -> Result<(), ()> {
    let Some(stream) = server.stream() else { return Ok(()) };
    // Commands under way end first; those that come after find the stream closed.
    let locked = server.keyspace.lock_all();
    let end = match stream.close() {
        Ok(end) => end,
        Err(error) => server.fail("cannot close the log", &error),
    };
    let mut manifest = server.manifest.lock();
    let Some(manifest) = manifest.as_mut() else { return Ok(()) };
    let recorded = manifest.update(|manifest| {
        manifest.run = RunState::Clean { end };
        manifest.durable_floor = end;
    });
    if let Err(error) = recorded {
        tracing::error!(%error, "the orderly end could not be recorded");
        return Err(());
    }
    tracing::info!(%end, "everything is durable, bye");
    drop(locked);
    Ok(())
}
