//! One connection to the primary: the handshake, a full resync if need be, and the stream.

use std::io::Seek;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::log::Log;
use crate::net::keepalive::keep_alive;
use crate::net::socket::Socket;
use crate::net::tls;
use crate::position::{Position, Replid};
use crate::replication::answer;
use crate::replication::handshake::{Agreement, Failover, Handshake, Plan, Step};
use crate::replication::payload::{Payload, PayloadState};
use crate::replication::stream::Stream;
use crate::server::clock::unix_ms;
use crate::server::{Server, retaining};
use crate::snapshot::{Ancestor, Pending};

use super::adopt::{self, Aside, Incoming, Loading, Old};
use super::apply::{Applying, acknowledgement};
use super::{Link, LinkError, Stage};

/// How much is read from the socket at once.
const READ_BYTES: usize = 256 * 1024;
/// The most that waits to be applied, but for a unit that is larger.
const WAITING_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How often the primary is told how far we are.
const ACK_PERIOD: Duration = Duration::from_secs(1);

/// Follows until the link ends, and tells why.
pub async fn run(server: &Arc<Server>, link: &Link) -> LinkError {
    let session = async {
        let mut session = Session::connect(server, link).await?;
        let agreement = session.agree().await?;
        session.take_up(agreement).await?;
        session.follow().await
    };
    match session.await {
        Ok(never) => match never {},
        Err(_) if link.is_stopped() => LinkError::Stopped,
        Err(error) => error,
    }
}

/// One connection.
struct Session<'l> {
    server: &'l Arc<Server>,
    link: &'l Link,
    socket: Socket,
    buffer: BytesMut,
    stop: watch::Receiver<bool>,
    silence_max: Duration,
}

/// What has become of a snapshot that came.
enum Received {
    /// It is in its file.
    Kept,
    /// It is being loaded beside the old data.
    Loading(Loading),
    /// It is loaded.
    Loaded(Box<Aside>),
}

/// Connects, by TLS where the configuration says so.
async fn connect(server: &Server, link: &Link) -> Result<Socket, LinkError> {
    let failed = |source| LinkError::Connect { address: link.primary.to_string(), source };
    let stream = connect_tcp(server, link).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(LinkError::Socket)?;
    keep_alive(&stream, server.live.keepalive_s());
    if !server.settings().tls.replication {
        return Ok(Socket::Tcp(stream));
    }
    let config = server.tls.client().ok_or(LinkError::Stopped)?;
    let shaken = tls::connect(stream, config, &link.primary.host).await;
    shaken.map(Socket::Tls).map_err(|source| LinkError::Tls { source })
}

/// Addresses are tried in their order.
async fn connect_tcp(server: &Server, link: &Link) -> std::io::Result<TcpStream> {
    let source = server.settings().following.source_address.clone();
    let parse = |text: String| text.parse::<std::net::IpAddr>().map_err(std::io::Error::other);
    let source = source.map(parse).transpose()?;
    let mut failed = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in lookup_host((link.primary.host.as_str(), link.primary.port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(source) = source {
            socket.bind((source, 0).into())?;
        }
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl<'l> Session<'l> {
    async fn connect(server: &'l Arc<Server>, link: &'l Link) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Connect { address: link.primary.to_string(), source };
        let silence_max = server.settings().repl_timeout;
        let mut stop = link.stop.subscribe();
        let connected = tokio::select! {
            connected = timeout(silence_max, connect(server, link)) => connected,
            _ = stop.wait_for(|stop| *stop) => return Err(LinkError::Stopped),
        };
        let socket = match connected {
            Ok(socket) => socket?,
            Err(_) => return Err(failed(std::io::ErrorKind::TimedOut.into())),
        };
        link.status.heard();
        let buffer = BytesMut::new();
        Ok(Self { server, link, socket, buffer, stop, silence_max })
    }

    /// Waits for more bytes; an error after too long a silence, or when the link is to end.
    async fn read(&mut self) -> Result<(), LinkError> {
        self.buffer.reserve(READ_BYTES);
        let read = tokio::select! {
            read = timeout(self.silence_max, self.socket.read(&mut self.buffer)) => read,
            _ = self.stop.wait_for(|stop| *stop) => return Err(LinkError::Stopped),
        };
        match read {
            Ok(Ok(0)) => Err(LinkError::Closed),
            Ok(Ok(count)) => {
                self.server.stats.followed.fetch_add(count as u64, Ordering::Relaxed);
                self.link.status.heard();
                Ok(())
            }
            Ok(Err(error)) => Err(LinkError::Socket(error)),
            Err(_) => Err(LinkError::Silent { seconds: self.silence_max.as_secs() }),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let written = tokio::select! {
            written = timeout(self.silence_max, self.socket.write_all(bytes)) => written,
            _ = self.stop.wait_for(|stop| *stop) => return Err(LinkError::Stopped),
        };
        match written {
            Ok(written) => written.map_err(LinkError::Socket),
            Err(_) => Err(LinkError::Silent { seconds: self.silence_max.as_secs() }),
        }
    }

    fn stream(&self) -> Result<Arc<Stream>, LinkError> {
        self.server.stream().ok_or(LinkError::Stopped)
    }

    /// What we have, by which the primary judges whether we may go on.
    fn position(&self) -> Result<Option<Position>, LinkError> {
        let end = self.stream()?.seal();
        let position = Position { replid: self.server.replid(), offset: end };
        Ok(self.server.has_history(end).then_some(position))
    }

    fn plan(&self) -> Result<Plan, LinkError> {
        let settings = self.server.settings();
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let own_port = self.server.port_for_servers();
        let failover = if *self.link.takes_over.lock() { Failover::Asked } else { Failover::No };
        Ok(Plan {
            user: settings.following.user.as_ref().map(text),
            password: settings.following.password.as_ref().map(text),
            listening_port: settings.following.announce_port.unwrap_or(own_port),
            announce_ip: settings.following.announce_ip.clone(),
            position: self.position()?,
            failover,
        })
    }

    async fn agree(&mut self) -> Result<Agreement, LinkError> {
        self.link.status.set_stage(Stage::Handshake);
        let mut handshake = Handshake::new(self.plan()?);
        loop {
            let output = handshake.output();
            self.write(&output).await?;
            let (answer, consumed) = loop {
                if let Some(found) = answer::read(&self.buffer)? {
                    break found;
                }
                let dropped = answer::leading_newlines(&self.buffer);
                self.buffer.advance(dropped);
                self.read().await?;
            };
            self.buffer.advance(consumed);
            let step = handshake.answered(answer)?;
            for remark in handshake.remarks() {
                tracing::debug!(primary = %self.link.primary, "{remark}");
            }
            if let Step::Done(agreement) = step {
                *self.link.takes_over.lock() = false;
                // Whoever waits for the successor to lead looks again.
                self.link.status.set_stage(Stage::Handshake);
                return Ok(agreement);
            }
        }
    }

    async fn take_up(&mut self, agreement: Agreement) -> Result<(), LinkError> {
        match agreement {
            Agreement::Continue { replid, learned } => self.go_on(replid, &learned),
            Agreement::Full { replid, offset, learned, parted } => {
                let resync = Incoming { replid, offset, learned, parted };
                self.resync(resync).await
            }
        }
    }

    /// Continues where we are, under the name that the history has now.
    fn go_on(&mut self, replid: Option<Replid>, learned: &[Ancestor]) -> Result<(), LinkError> {
        let stream = self.stream()?;
        let end = stream.seal();
        let own = self.server.replid();
        let name = replid.unwrap_or(own);
        let reason = if name == own {
            format!("continues from {end} under the present replid")
        } else {
            format!("continues from {end}; the replid is {name} now, and was {own}")
        };
        self.server.follow_history(name, learned)?;
        self.link.status.began_resync("partial", reason.clone());
        tracing::info!(primary = %self.link.primary, "partial resync: {reason}");
        Ok(())
    }

    /// Receives the primary's data aside, and takes it over once it is whole.
    async fn resync(&mut self, incoming: Incoming) -> Result<(), LinkError> {
        let own = self.server.replid();
        let reason = match self.position()? {
            None => "this replica had no data".to_owned(),
            Some(at) => format!("the primary did not continue {own} from {}", at.offset),
        };
        let (primary, offset) = (&self.link.primary, incoming.offset);
        tracing::info!(%primary, replid = %incoming.replid, %offset, reason, "full resync");
        self.link.status.began_resync("full", reason);
        self.link.status.set_stage(Stage::Receiving);
        let store = self.server.store().ok_or(LinkError::Stopped)?;
        let mut pending = store.begin(incoming.offset, 0)?;
        let old = Old::wanted(self.server);
        let (bytes, received) = self.receive(&mut pending, old).await?;
        tracing::info!(%primary, bytes, "the primary's snapshot is here");
        self.link.status.set_stage(Stage::Loading);
        let loaded = match received {
            Received::Loaded(aside) => Ok(*aside),
            Received::Loading(loading) => self.loaded(loading).await,
            Received::Kept => {
                let mut file = pending.reader()?;
                file.rewind().map_err(LinkError::Write)?;
                let checking = tokio::task::spawn_blocking(move || adopt::check(file));
                self.meanwhile(checking).await?;
                let loading = Loading::start(self.server, &pending, Some(bytes))?;
                adopt::make_room(self.server);
                loading.arrival.reached(bytes);
                loading.arrival.is_whole();
                self.loaded(loading).await
            }
        };
        let server = Arc::clone(self.server);
        let adopting = tokio::task::spawn_blocking(move || {
            adopt::finish(&server, loaded, (pending, bytes), &incoming, old)
        });
        self.meanwhile(adopting).await
    }

    /// Writes the snapshot to its file as it comes; returns how long it is, and what became of it.
    async fn receive(
        &mut self,
        pending: &mut Pending,
        old: Old,
    ) -> Result<(u64, Received), LinkError> {
        let mut payload = Payload::new();
        let mut so_far = Received::Kept;
        loop {
            let is_begun = payload.received() > 0;
            let taken = payload.take(&self.buffer)?;
            if let Some(bytes) = payload.total().filter(|_| !is_begun) {
                self.check_room(bytes)?;
            }
            pending.write_unsynced(taken.data).map_err(LinkError::Write)?;
            let (consumed, state) = (taken.consumed, taken.state);
            self.buffer.advance(consumed);
            let (total, received) = (payload.total(), payload.received());
            self.link.status.set_total(total);
            self.link.status.set_received(received);
            if old == Old::Stays && received > 0 {
                so_far = self.load_further(so_far, pending, (received, total)).await?;
            }
            if state == PayloadState::Done {
                if let Received::Loading(loading) = &so_far {
                    loading.arrival.is_whole();
                }
                return Ok((received, so_far));
            }
            self.read().await?;
        }
    }

    /// Refuses a snapshot that would fill the disk, before any of it is written.
    fn check_room(&self, bytes: u64) -> Result<(), LinkError> {
        let reserve = self.server.settings().backlog_min_free_disk;
        let free = retaining::free_bytes(self.server.directory.path()).saturating_sub(reserve);
        if bytes > free { Err(LinkError::TooLarge { bytes }) } else { Ok(()) }
    }

    /// Loads what has arrived; ends early what cannot be used.
    async fn load_further(
        &mut self,
        so_far: Received,
        pending: &Pending,
        (received, total): (u64, Option<u64>),
    ) -> Result<Received, LinkError> {
        let loading = match so_far {
            Received::Kept => Loading::start(self.server, pending, total)?,
            Received::Loading(loading) => loading,
            Received::Loaded(aside) if aside.1.bytes < received => {
                return Err(LinkError::Trailing { end: aside.1.bytes, bytes: received });
            }
            // Its end is there, and the mark behind it is not.
            loaded @ Received::Loaded(_) => return Ok(loaded),
        };
        loading.arrival.reached(received);
        if loading.has_ended() {
            return Ok(Received::Loaded(Box::new(self.loaded(loading).await?)));
        }
        Ok(Received::Loading(loading))
    }

    /// Waits until the snapshot is loaded, or the link is to end.
    async fn loaded(&mut self, mut loading: Loading) -> Result<Aside, LinkError> {
        let Some(task) = loading.task() else { return Err(LinkError::Thread) };
        let (mut stop, arrival) = (self.stop.clone(), loading.arrival.clone());
        let loaded = tokio::select! {
            loaded = self.meanwhile(task) => loaded,
            _ = stop.wait_for(|stop| *stop) => {
                arrival.give_up();
                Err(LinkError::Stopped)
            }
        };
        if self.link.is_stopped() { Err(LinkError::Stopped) } else { loaded }
    }

    /// Waits for what other threads do, while the primary sees that we live.
    async fn meanwhile<T>(
        &mut self,
        mut work: JoinHandle<Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        let mut ticks = interval(ACK_PERIOD);
        loop {
            tokio::select! {
                done = &mut work => return done.map_err(|_| LinkError::Thread)?,
                _ = ticks.tick() => {
                    // A primary that is gone is noticed afterwards.
                    let _ = self.socket.try_write(b"\n");
                }
            }
        }
    }

    /// Applies the stream as it comes, and tells the primary how far we are.
    async fn follow(&mut self) -> Result<std::convert::Infallible, LinkError> {
        let stream = self.stream()?;
        let log = stream.log().clone();
        let careful = self.link.status.failed_to_apply();
        let origin = self.socket.peer().map_or_else(|| "?:0".to_owned(), |peer| peer.to_string());
        let begin = if careful { Applying::carefully } else { Applying::new };
        let mut applying = begin(&stream, origin);
        let mut is_up = false;
        self.acknowledge(&log).await?;
        let mut ticks = interval(ACK_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            self.gather()?;
            let came = applying.take(self.server, &stream, &mut self.buffer)?;
            // After an error the link counts as up once what failed is applied.
            if !is_up && (!careful || came.bytes > 0) {
                is_up = true;
                self.went_up(&log);
            }
            if came.asked {
                self.acknowledge(&log).await?;
                let end = log.sealed();
                if log.durable() < end {
                    // Led here, as by a worker under `always`: to wake another thread and be woken by
                    // it takes longer than a sync, and what comes meanwhile shares the next one.
                    log.sync_through(end)?;
                    self.acknowledge(&log).await?;
                }
            }
            tokio::select! {
                read = self.read() => read?,
                _ = ticks.tick() => {
                    self.check_silence()?;
                    // Nothing came that could fail.
                    if !std::mem::replace(&mut is_up, true) {
                        self.went_up(&log);
                    }
                    self.acknowledge(&log).await?;
                }
            }
        }
    }

    fn went_up(&self, log: &Log) {
        self.link.status.went_up();
        self.server.live.set_linked(true);
        tracing::info!(primary = %self.link.primary, offset = %log.sealed(), "the link is up");
    }

    /// Ends the link when the primary has been silent for too long.
    fn check_silence(&self) -> Result<(), LinkError> {
        let seconds = self.server.settings().repl_timeout.as_secs();
        let silent_ms = unix_ms().saturating_sub(self.link.status.heard_ms());
        if silent_ms / 1000 > seconds as i64 { Err(LinkError::Silent { seconds }) } else { Ok(()) }
    }

    /// Reads what is there without waiting, as much as is worth applying at once.
    fn gather(&mut self) -> Result<(), LinkError> {
        while self.buffer.len() < WAITING_BYTES_MAX {
            self.buffer.reserve(READ_BYTES);
            match self.socket.try_read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(_) => self.link.status.heard(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LinkError::Socket(error)),
            }
        }
        Ok(())
    }

    async fn acknowledge(&mut self, log: &Log) -> Result<(), LinkError> {
        let words = acknowledgement(log);
        self.write(words.as_bytes()).await
    }
}
