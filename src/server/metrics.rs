//! The thread that answers scrapers: `GET /metrics` on `backlog-metrics-port`.
//!
//! It has a runtime of its own, and takes no lock that a command holds for long. Scrapers are few,
//! so few are served at once, each for one request and a bounded time.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admin::metrics::{Beside, CONTENT_TYPE, exposition};
use crate::config::Settings;
use crate::keyspace::ShardSet;
use crate::net::http::{self, Asked, HEAD_BYTES_MAX, Method, Status};
use crate::net::listener::{self, Listener};

use super::clock::unix_ms;
use super::{RunError, Server, report, retaining};

/// How many are served at once; others are told to come again.
const CONNECTIONS_MAX: usize = 16;
/// How long a client may take for its request, and as long again for the reply.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many bytes behind a request are read away, so that the reply is not lost to a reset.
const REST_BYTES_MAX: usize = 64 * 1024;
/// How long is waited after an error of the listening socket.
const PAUSE: Duration = Duration::from_millis(100);

const PLAIN: &str = "text/plain; charset=utf-8";

/// The thread, if there is one; it ends when this is dropped.
#[derive(Debug)]
pub struct Metrics {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Metrics {
    /// Listens where the settings say, if they name a port.
    pub fn start(server: &Arc<Server>, settings: &Settings) -> Result<Self, RunError> {
        let Some(port) = settings.metrics_port else {
            return Ok(Self { end: None, thread: None });
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(RunError::Thread)?;
        let (end, ended) = oneshot::channel();
        let (bound, outcome) = mpsc::channel();
        let (server, bind, backlog) =
            (Arc::clone(server), settings.bind.clone(), settings.tcp_backlog);
        // The runtime goes where it may end: on the thread, whatever comes of it.
        let work = async move {
            match listener::bind(&bind, port, backlog) {
                Ok(listeners) => {
                    // Whoever starts the thread waits for this.
                    let _ = bound.send(Ok(()));
                    serve(server, listeners, ended).await;
                }
                Err(error) => drop(bound.send(Err(error))),
            }
        };
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || runtime.block_on(work))
            .map_err(RunError::Thread)?;
        // A thread that ends without a word has panicked, which is told where it is joined.
        outcome.recv().unwrap_or(Ok(()))?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            // A thread that is gone already need not be told.
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the metrics panicked");
        }
    }
}

async fn serve(server: Arc<Server>, listeners: Vec<Listener>, ended: oneshot::Receiver<()>) {
    for listener in &listeners {
        tracing::info!(address = listener.address(), "metrics are served");
    }
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(accept(Arc::clone(&server), listener, Arc::clone(&places)));
    }
    // Whether it was told or the other side is gone is the same.
    let _ = ended.await;
    tasks.shutdown().await;
}

async fn accept(server: Arc<Server>, listener: Listener, places: Arc<Semaphore>) {
    let mut clients = JoinSet::new();
    let Listener::Tcp(listener) = &listener else { return };
    loop {
        // What has ended is let go of.
        while clients.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a scraper");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let server = Arc::clone(&server);
                clients.spawn(async move {
                    answer(&server, stream).await;
                    drop(place);
                });
            }
            // It fits into the buffer of a socket that nothing was written to.
            Err(_) => drop(stream.try_write(&plain(Status::Unavailable, Method::Get))),
        }
    }
}

/// Reads one request and replies to it; whoever is slow is given up.
async fn answer(server: &Server, mut stream: TcpStream) {
    let mut head = Vec::with_capacity(1024);
    let Ok(Some(asked)) = timeout(PATIENCE, request(&mut stream, &mut head)).await else { return };
    let local = stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback());
    let said = if server.is_protected() && !local {
        plain(Status::Forbidden, Method::Get)
    } else {
        reply_to(server, asked)
    };
    let sending = async {
        stream.write_all(&said).await?;
        stream.shutdown().await?;
        let mut rest = (&mut stream).take(REST_BYTES_MAX as u64);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = timeout(PATIENCE, sending).await {
        tracing::debug!(%error, "a scraper has gone");
    }
}

/// Waits for a whole request; `None` where the client leaves before.
async fn request<'h>(stream: &mut TcpStream, head: &'h mut Vec<u8>) -> Option<Asked<'h>> {
    loop {
        if http::asked(head) != Asked::Incomplete {
            return Some(http::asked(head));
        }
        let room = HEAD_BYTES_MAX - head.len().min(HEAD_BYTES_MAX);
        let mut more = (&mut *stream).take(room as u64);
        if !matches!(more.read_buf(head).await, Ok(1..)) {
            return None;
        }
    }
}

fn reply_to(server: &Server, asked: Asked<'_>) -> Vec<u8> {
    let Asked::Request { method, path } = asked else {
        return plain(Status::BadRequest, Method::Get);
    };
    match (path, method) {
        ("/metrics", Method::Get | Method::Head) => {
            http::reply(Status::Ok, method, CONTENT_TYPE, &metrics(server))
        }
        ("/metrics", Method::Other) => plain(Status::MethodNotAllowed, method),
        _ => plain(Status::NotFound, method),
    }
}

fn plain(status: Status, method: Method) -> Vec<u8> {
    http::reply(status, method, PLAIN, &format!("{}\n", status.text()))
}

/// Writes all metrics as they are now.
fn metrics(server: &Server) -> String {
    let mut held = server.keyspace.lock(ShardSet::EMPTY);
    let info = report::info(server, &["everything".to_owned()], &mut held);
    let newest = server.slow.newest(1).pop();
    let stream = server.stream();
    let log = stream.as_deref().map(crate::replication::stream::Stream::log);
    let beside = Beside {
        now_s: unix_ms() / 1000,
        started_s: server.started_ms / 1000,
        databases: server.keyspace.databases(),
        slow_count: server.slow.count(),
        slow_newest: newest.map(|entry| (entry.id, entry.took_us)),
        latency: server.latency.latest(),
        sync_failures: log.map_or(0, |log| log.sync_statistics().failures),
        horizon: log.map(|log| retaining::held_by(server, log)),
    };
    exposition(&info, &beside)
}
