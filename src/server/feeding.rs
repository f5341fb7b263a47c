//! A replica's connection: what it may continue from, its snapshot, and the stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::sync::oneshot;

use crate::command::Session;
use crate::command::flow::FeedRequest;
use crate::command::replication::acknowledgement;
use crate::command::session::{RdbParts, flag};
use crate::log::{Log, ReadError};
use crate::net::socket::Socket;
use crate::net::{Args, Parsed, Parser, Peer};
use crate::position::{Offset, Position, Replid};
use crate::replication::feed::{self, FeedError};
use crate::replication::lineage::Verdict;
use crate::replication::replicas::{Attached, FeedState, Introduction, Replica, ReplicaKind};
use crate::replication::resyncs::{Resync, ResyncReason};
use crate::replication::stream::Stream;
use crate::replication::transfer::{self, Transfer};

use super::Server;
use super::clock::unix_ms;
use super::doubt::Confirmation;
use super::priority::be_nice;
use super::role::{self, RoleError};
use super::saving::{self, Snapshot};

/// How often a replica that waits for its snapshot is told that we live.
const KEEPALIVE: Duration = Duration::from_secs(1);
/// What a replica is told as long as there is nothing to follow.
const NO_PRIMARY: &str = "-NOMASTERLINK Can't SYNC while not connected with my master\r\n";

/// Feeds a replica for as long as its connection lasts.
pub async fn run(
    server: &Arc<Server>,
    socket: &Socket,
    session: &Session,
    request: FeedRequest,
    input: &mut BytesMut,
) {
    let info = &session.info;
    info.flags.fetch_or(flag::REPLICA, Ordering::Relaxed);
    let peer = info.address.as_str();
    let request = match request {
        FeedRequest::TakeOver(at) => {
            tracing::info!(peer, offset = %at.offset, "the primary hands over");
            if let Err(error) = take_over(server).await {
                tracing::error!(%error, "cannot take over");
                return;
            }
            FeedRequest::Continue(at)
        }
        request => request,
    };
    let replica = Arc::new(describe(session));
    let Some(stream) = server.stream() else { return };
    let log = stream.log().clone();
    // From here on the log keeps what this replica may be sent.
    replica.set_cursor(log.first());
    let attached = server.replicas.attach(Arc::clone(&replica));
    server.feeds_changed();
    tracing::info!(peer, port = replica.introduction.port, "a replica asks for the stream");
    let feeding = feed(server, socket, session, request, &attached, &stream);
    let ended = tokio::select! {
        ended = feeding => ended.map(|never| match never {}),
        ended = listen(server, socket, session, input, (&replica, Silence::begin(request))) => ended,
    };
    drop(attached);
    server.feeds_changed();
    match ended {
        Ok(()) => tracing::info!(peer, "the replica has left"),
        Err(FeedError::Served) => tracing::info!(peer, "the snapshot was all it asked for"),
        Err(FeedError::Log(damage @ ReadError::Damaged { .. })) => {
            tracing::error!(
                peer,
                %damage,
                "the backlog now begins above the damage; whoever needs more resyncs in full"
            );
        }
        Err(error) => tracing::info!(peer, %error, "the replica's connection has ended"),
    }
}

/// Leads from now on.
async fn take_over(server: &Arc<Server>) -> Result<(), RoleError> {
    let shared = Arc::clone(server);
    let taking = tokio::task::spawn_blocking(move || role::take_over(&shared));
    taking.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn describe(session: &Session) -> Replica {
    let hello = &session.replica;
    let own = session.info.address.rsplit_once(':').map_or("", |(host, _)| host);
    let own = own.trim_start_matches('[').trim_end_matches(']');
    let address = hello.ip_address.clone().unwrap_or_else(|| own.to_owned());
    let kind = match (hello.capa_backlog, hello.capa_any) {
        (true, _) => ReplicaKind::Backlogd,
        (false, true) => ReplicaKind::Redis,
        (false, false) => ReplicaKind::Unknown,
    };
    let (client, port) = (session.info.id, hello.listening_port);
    let version = hello.version.clone();
    Replica::new(Introduction { client, address, port, kind, version }, unix_ms())
}

async fn feed(
    server: &Arc<Server>,
    socket: &Socket,
    session: &Session,
    request: FeedRequest,
    replica: &Attached,
    stream: &Arc<Stream>,
) -> Result<std::convert::Infallible, FeedError> {
    let (peer, log) = (session.info.address.as_str(), stream.log());
    if server.live.is_replica() && !server.has_history(log.sealed()) {
        // There is nothing to pass on yet, and no history to name.
        socket.write_all(NO_PRIMARY.as_bytes()).await.map_err(FeedError::Socket)?;
        return Err(FeedError::NothingYet);
    }
    let reason = judge(server, log, request, replica);
    note(server, replica, reason);
    let from = match reason {
        ResyncReason::Continues { from: offset, .. } => {
            let replid = name(server, stream)?;
            server.stats.partial_syncs.fetch_add(1, Ordering::Relaxed);
            tracing::info!(peer, %offset, %replid, "partial resync");
            let line = if session.replica.capa_psync2 {
                format!("+CONTINUE {replid}\r\n")
            } else {
                "+CONTINUE\r\n".to_owned()
            };
            socket.write_all(line.as_bytes()).await.map_err(FeedError::Socket)?;
            offset
        }
        reason => {
            server.stats.full_syncs.fetch_add(1, Ordering::Relaxed);
            if matches!(request, FeedRequest::Continue(_) | FeedRequest::Nowhere) {
                server.stats.refused_partial_syncs.fetch_add(1, Ordering::Relaxed);
            }
            tracing::info!(peer, %reason, "full resync");
            full(server, socket, session, request, (replica, stream)).await?
        }
    };
    if server.settings().repl_disable_tcp_nodelay {
        socket.set_nodelay(false).map_err(FeedError::Socket)?;
    }
    let reader = log.reader(from)?;
    replica.set_cursor(from);
    replica.begin_at(from);
    // It has taken all of a snapshot just now, and could not say anything meanwhile.
    replica.is_heard(unix_ms());
    replica.set_state(FeedState::Online);
    if request != FeedRequest::Sync {
        // Who asks for no more than a snapshot follows nobody.
        server.confirm(Confirmation::Replica);
    }
    feed::send_stream(socket, log, reader, replica, &server.policy, &server.stats.fed).await
}

/// Names the history that `stream` is of, unless that of a primary has taken its place.
///
/// What was decided before about the one must not go out under the name of the other.
fn name(server: &Server, stream: &Arc<Stream>) -> Result<Replid, FeedError> {
    let replid = server.replid();
    let is_current = server.stream().is_some_and(|current| Arc::ptr_eq(&current, stream));
    if is_current { Ok(replid) } else { Err(FeedError::Replaced) }
}

/// Keeps in mind how the replica resyncs, for when it is asked and for when it has left.
fn note(server: &Server, replica: &Attached, reason: ResyncReason) {
    let Introduction { address, port, .. } = &replica.introduction;
    let resync = Resync { address: address.clone(), port: *port, reason, at_ms: unix_ms() };
    replica.resyncs(resync.clone());
    server.resyncs.note(resync);
}

/// Decides whether the replica may continue, and why or why not.
fn judge(server: &Server, log: &Log, request: FeedRequest, replica: &Attached) -> ResyncReason {
    match request {
        FeedRequest::Sync => ResyncReason::SyncOnly,
        FeedRequest::Full => ResyncReason::NoHistory,
        FeedRequest::Nowhere => ResyncReason::NoPosition,
        FeedRequest::Continue(at) | FeedRequest::TakeOver(at) => {
            continues(server, log, at, replica)
        }
    }
}

fn continues(server: &Server, log: &Log, at: Position, replica: &Attached) -> ResyncReason {
    let under = match server.identity.lock().continues(at, log.sealed()) {
        Verdict::Continues(under) => under,
        Verdict::Diverges(why) => return ResyncReason::Diverges(why),
    };
    // Held first, then looked for: what is found after that is not retired.
    replica.set_cursor(at.offset);
    replica.set_state(FeedState::Online);
    let begin = log.sound_from();
    if at.offset < begin {
        replica.set_state(FeedState::WaitSnapshot);
        return ResyncReason::BacklogBegins { begin, wanted: at.offset };
    }
    ResyncReason::Continues { from: at.offset, under }
}

/// Sends a snapshot; returns the offset at which it was taken.
async fn full(
    server: &Arc<Server>,
    socket: &Socket,
    session: &Session,
    request: FeedRequest,
    (replica, stream): (&Attached, &Arc<Stream>),
) -> Result<Offset, FeedError> {
    let snapshot = snapshot(server, socket, session, request).await?;
    // In this order: a replica that is sent a snapshot holds the log where it will go on.
    replica.set_cursor(snapshot.offset);
    replica.set_state(FeedState::SendSnapshot);
    let replid = name(server, stream)?;
    if request != FeedRequest::Sync {
        let line = format!("+FULLRESYNC {replid} {}\r\n", snapshot.offset);
        socket.write_all(line.as_bytes()).await.map_err(FeedError::Socket)?;
    }
    let mark = (session.replica.capa_eof && server.diskless_sync()).then(saving::random_mark);
    let head = match &mark {
        Some(mark) => format!("$EOF:{mark}\r\n"),
        None => format!("${}\r\n", snapshot.bytes),
    };
    socket.write_all(head.as_bytes()).await.map_err(FeedError::Socket)?;
    let Snapshot { offset, bytes, .. } = snapshot;
    send(server, socket, snapshot, replica).await?;
    if let Some(mark) = &mark {
        socket.write_all(mark.as_bytes()).await.map_err(FeedError::Socket)?;
    }
    tracing::info!(peer = session.info.address, bytes, "snapshot sent");
    if session.replica.rdb_only {
        // It holds nothing in the log while it takes in the rest, and reads to the end as to the mark.
        replica.set_state(FeedState::WaitSnapshot);
        socket.linger(server.settings().repl_timeout).await;
        return Err(FeedError::Served);
    }
    if mark.is_some() {
        // Until it has seen the mark, the replica takes what follows for a part of the snapshot.
        first_acknowledgement(server, replica).await;
    }
    Ok(offset)
}

/// Sends a snapshot's file on a thread that gives way to the workers, and lets go of it there.
///
/// Where it has been replaced meanwhile, to close it is to give up all of its pages. Where it is to be
/// encrypted this task does that, a piece at a time: it has the session, which the acknowledgements
/// that come in need as well.
async fn send(
    server: &Arc<Server>,
    socket: &Socket,
    snapshot: Snapshot,
    replica: &Replica,
) -> Result<(), FeedError> {
    let progress = replica.begin_transfer(snapshot.bytes);
    let shared = Arc::clone(server);
    let Some(socket) = socket.duplicate().map_err(FeedError::Socket)? else {
        let Snapshot { file, bytes, .. } = snapshot;
        let sent = [&shared.stats.fed, &progress.sent];
        let done = transfer::through(socket, &file, bytes, &sent).await;
        tokio::task::spawn_blocking(move || drop(file));
        return done;
    };
    let wanted = Wanted::default();
    let given_up = Arc::clone(&wanted.given_up);
    let (done, outcome) = oneshot::channel();
    let transfer = move || {
        be_nice();
        let (file, bytes) = (&*snapshot.file, snapshot.bytes);
        let sent = [&shared.stats.fed, &progress.sent];
        // Whoever waited for it may have left.
        let _ = done.send(Transfer { socket, file, bytes, sent: &sent, given_up: &given_up }.run());
    };
    let thread = std::thread::Builder::new().name("send-snapshot".to_owned());
    thread.spawn(transfer).map_err(|error| FeedError::NoSnapshot(error.to_string()))?;
    outcome.await.map_err(|_| FeedError::LogFailed)?
}

/// Tells a transfer, when dropped, that nobody waits for it any more.
#[derive(Default)]
struct Wanted {
    given_up: Arc<AtomicBool>,
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

async fn first_acknowledgement(server: &Server, replica: &Replica) {
    let mut acks = server.replicas.acks();
    // It says so at offset zero, too; and it may have done so before this task got here.
    while !replica.has_acknowledged() {
        if acks.changed().await.is_err() {
            return;
        }
    }
}

/// Waits for a snapshot that serves, while telling the replica that we live.
async fn snapshot(
    server: &Arc<Server>,
    socket: &Socket,
    session: &Session,
    request: FeedRequest,
) -> Result<Snapshot, FeedError> {
    // Who asks for a snapshot alone, or knows SYNC only and may leave with it, takes it for a backup.
    let is_backup = session.replica.rdb_only || request == FeedRequest::Sync;
    let source = match (session.replica.rdb_parts, is_backup) {
        (RdbParts::None, _) => saving::empty,
        (RdbParts::Functions, _) => saving::of_functions,
        (RdbParts::All, true) => saving::up_to_date,
        (RdbParts::All, false) => saving::for_replica,
    };
    let shared = Arc::clone(server);
    let mut making = tokio::task::spawn_blocking(move || source(&shared));
    loop {
        tokio::select! {
            made = &mut making => {
                let made = made.map_err(|_| FeedError::LogFailed)?;
                return made.map_err(|error| FeedError::NoSnapshot(error.to_string()));
            }
            () = tokio::time::sleep(KEEPALIVE) => {
                socket.write_all(b"\n").await.map_err(FeedError::Socket)?;
            }
        }
    }
}

fn heard(server: &Server, session: &Session, args: &Args<'_>) {
    if let Some((offset, durable)) = acknowledgement(args) {
        server.replicas.acknowledge(session.info.id, offset, durable, unix_ms());
    }
}

/// Takes in what the replica says, until it leaves or is silent for too long.
async fn listen(
    server: &Arc<Server>,
    socket: &Socket,
    session: &Session,
    input: &mut BytesMut,
    (replica, mut silence): (&Replica, Silence),
) -> Result<(), FeedError> {
    let mut parser = Parser::new(Peer::Client, server.live.bulk_bytes_max());
    loop {
        loop {
            match parser.parse(input) {
                Ok(Parsed::Command { consumed }) => {
                    let args = parser.args(input);
                    if args.len() >= 3 && args[0].eq_ignore_ascii_case(b"replconf") {
                        heard(server, session, &args);
                    }
                    input.advance(consumed);
                }
                Ok(Parsed::Empty { consumed }) => {
                    // By an empty line a replica that is busy says that it lives.
                    replica.is_heard(unix_ms());
                    input.advance(consumed);
                }
                Ok(Parsed::Incomplete { .. }) => break,
                Err(error) => return Err(FeedError::Garbled(error)),
            }
        }
        let timeout = server.settings().repl_timeout;
        match tokio::time::timeout(silence.left(replica, timeout), socket.read(input)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(Err(error)) => return Err(FeedError::Socket(error)),
            Err(_) if silence.is_death(replica, durable(server), timeout) => {
                return Err(FeedError::Silent { seconds: timeout.as_secs() });
            }
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}

fn durable(server: &Server) -> Offset {
    server.stream().map_or(Offset::ZERO, |stream| stream.log().durable())
}

/// For how long a replica has given no sign of life.
struct Silence {
    /// It came by `SYNC`, as those do that acknowledge nothing.
    is_mute: bool,
    /// When it was last known to live, or to have to wait.
    since_ms: i64,
    /// How much of a snapshot it had taken by then.
    taken: Option<u64>,
    /// Up to where it had been sent the stream.
    cursor: Option<Offset>,
}

impl Silence {
    fn begin(request: FeedRequest) -> Self {
        let is_mute = request == FeedRequest::Sync;
        Self { is_mute, since_ms: unix_ms(), taken: None, cursor: None }
    }

    /// Returns after how long it is looked again whether it lives.
    fn left(&self, replica: &Replica, timeout: Duration) -> Duration {
        let since_ms = self.since_ms.max(replica.acknowledged_ms());
        let silent = Duration::from_millis(u64::try_from(unix_ms() - since_ms).unwrap_or(0));
        timeout.saturating_sub(silent).max(Duration::from_millis(1))
    }

    /// Tells whether it is given up, now that it has said nothing for so long.
    ///
    /// One that waits for a snapshot has nothing to say, and one that is sent it shows by what it takes
    /// that it lives, as a mute one does that is sent the stream, durable up to `end`. Or else they
    /// would hold the log for ever.
    fn is_death(&mut self, replica: &Replica, end: Offset, timeout: Duration) -> bool {
        let now_ms = unix_ms();
        if now_ms - replica.acknowledged_ms() < timeout.as_millis() as i64 {
            return false;
        }
        let taken = replica.transfer().map(|progress| progress.sent.load(Ordering::Relaxed));
        let cursor = Some(replica.cursor());
        let lives = match replica.state() {
            FeedState::WaitSnapshot => true,
            FeedState::SendSnapshot => self.taken != taken,
            FeedState::Online => self.is_mute && (self.cursor != cursor || cursor >= Some(end)),
        };
        (self.since_ms, self.taken, self.cursor) = (now_ms, taken, cursor);
        !lives
    }
}
