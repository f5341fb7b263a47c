//! What commands ask of the server and wait for: `WAIT`, `SAVE`, `SHUTDOWN` and their kin.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::command::flow::{Owed, Request};
use crate::command::host::Ran;
use crate::command::interrupt::WaitsFor;
use crate::command::{Fault, Host, Session, table};
use crate::net::Reply;
use crate::position::Offset;
use crate::replication::feed::DurableOnly;
use crate::replication::stream::StreamError;

use super::clock::unix_ms;
use super::{Server, failover, migrate, recovery, role, saving, shutdown};

const GIVEN_UP: Fault = Fault::fixed("ERR the work was given up as the server is shutting down");

/// Puts into the stream what the answer depends on, ahead of the end of the turn: one seal and one
/// sync then serve for it and for what the client wrote.
pub fn prepare(server: &Arc<Server>, session: &Session, request: &Request) {
    let written = Offset(session.info.written.load(Ordering::Relaxed));
    let lacks_acknowledgements = match *request {
        Request::Wait { replicas, .. } => server.replicas.count_at(written) < replicas,
        Request::WaitDurable { replicas, .. } => {
            server.replicas.count_durable_at(written) < replicas
        }
        _ => false,
    };
    // Who is about to lead has all that there is by then, and is asked already.
    if lacks_acknowledgements && server.failover.stage() == failover::Stage::None {
        ask_for_acknowledgement(server);
    }
}

/// Does what was asked for and writes the reply, unless it failed.
pub async fn answer(
    server: &Arc<Server>,
    session: &Session,
    request: Request,
    reply: &mut Reply<'_>,
    waits: &WaitsFor<'_>,
) -> Result<(), Fault> {
    let Request::Transaction { owed, rest } = request else {
        return answer_one(server, session, request, reply, waits).await;
    };
    for Owed { before, request, words } in owed {
        reply.buffer().extend_from_slice(&before);
        let (at_ms, began) = (unix_ms(), Instant::now());
        let done = answer_one(server, session, request, reply, waits).await;
        if let Err(fault) = &done {
            reply.error(fault.bytes());
        }
        let args = words.as_args();
        if let Ok(command) = table::resolve(&args) {
            let took_us = began.elapsed().as_micros() as u64;
            let ran = Ran { command, args, took_us, at_ms };
            server.account_queued(&ran, &session.info, done.as_ref().err());
        }
    }
    reply.buffer().extend_from_slice(&rest);
    Ok(())
}

async fn answer_one(
    server: &Arc<Server>,
    session: &Session,
    request: Request,
    reply: &mut Reply<'_>,
    waits: &WaitsFor<'_>,
) -> Result<(), Fault> {
    match request {
        Request::Wait { replicas, timeout } => {
            reply.integer(wait(server, session, replicas, timeout, waits).await?);
        }
        Request::WaitDurable { local, replicas, timeout } => {
            let written = Offset(session.info.written.load(Ordering::Relaxed));
            let goal = Goal { written, local, replicas };
            let (here, there) = wait_durable(server, goal, timeout, waits).await?;
            reply.array(2);
            reply.integer(i64::from(here));
            reply.integer(there);
        }
        Request::Sleep(time) => {
            let time_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            server.pause.sleep(unix_ms().saturating_add(time_ms));
            server.pause.awake().await;
            reply.ok();
        }
        Request::Save => {
            off_thread(server, saving::save).await?;
            reply.ok();
        }
        Request::Reload => {
            off_thread(server, recovery::reload).await?;
            reply.ok();
        }
        Request::Replay => {
            off_thread(server, recovery::replay_again).await?;
            reply.ok();
        }
        Request::Shutdown(mode) => {
            shutdown::request(server, mode).await?;
            reply.ok();
        }
        Request::ChangeRole => {
            off_thread(server, role::settle).await?;
            reply.ok();
        }
        Request::Migrate(migration) => migrate::run(server, session, &migration, reply).await?,
        Request::Failover(plan) => {
            failover::start(server, plan)?;
            reply.ok();
        }
        Request::AbortFailover => {
            failover::abort(server)?;
            reply.ok();
        }
        Request::Block(_) => unreachable!("the connection itself waits"),
        Request::Feed(_) => unreachable!("the connection itself becomes a replica's"),
        Request::Transaction { .. } => unreachable!("transactions are not nested"),
    }
    Ok(())
}

/// Runs something that takes long on a thread of its own.
async fn off_thread<E: std::fmt::Display + Send + 'static>(
    server: &Arc<Server>,
    work: fn(&Arc<Server>) -> Result<(), E>,
) -> Result<(), Fault> {
    let shared = Arc::clone(server);
    match tokio::task::spawn_blocking(move || work(&shared)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Fault::of(format!("ERR {error}"))),
        Err(_) => Err(GIVEN_UP),
    }
}

/// Waits until so many replicas have acknowledged what the client wrote; counts them.
async fn wait(
    server: &Arc<Server>,
    session: &Session,
    replicas: i64,
    timeout: Option<Duration>,
    waits: &WaitsFor<'_>,
) -> Result<i64, Fault> {
    let written = Offset(session.info.written.load(Ordering::Relaxed));
    let enough = || server.replicas.count_at(written) >= replicas;
    unless_interrupted(waits, until_acknowledged(server, timeout, enough)).await?;
    Ok(server.replicas.count_at(written))
}

/// Waits for `work`, or until somebody ends the waiting: with an error, or as though it were over.
async fn unless_interrupted(
    waits: &WaitsFor<'_>,
    work: impl Future<Output = ()>,
) -> Result<(), Fault> {
    tokio::select! {
        () = work => Ok(()),
        why = waits.interrupted() => why.fault().map_or(Ok(()), Err),
    }
}

/// What `WAITAOF` waits for.
#[derive(Clone, Copy)]
struct Goal {
    /// What is to be on the disks.
    written: Offset,
    /// Whether this server's is one of them.
    local: bool,
    /// How many replicas' are.
    replicas: i64,
}

/// Waits until what the client wrote is on so many disks; tells whether here, and counts replicas.
async fn wait_durable(
    server: &Arc<Server>,
    Goal { written, local, replicas }: Goal,
    timeout: Option<Duration>,
    waits: &WaitsFor<'_>,
) -> Result<(bool, i64), Fault> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let Some(stream) = server.stream() else { return Ok((false, 0)) };
    let log = stream.log();
    let work = async {
        if local {
            log.request_sync();
            // Whether it came in time is told by the watermark.
            let _ = by(deadline, log.durable_at(written)).await;
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let enough = || server.replicas.count_durable_at(written) >= replicas;
        until_acknowledged(server, left, enough).await;
    };
    unless_interrupted(waits, work).await?;
    Ok((log.durable() >= written, server.replicas.count_durable_at(written)))
}

/// Waits until `enough` says so, or the time is over; [`prepare`] has asked for acknowledgements.
async fn until_acknowledged(
    server: &Arc<Server>,
    timeout: Option<Duration>,
    enough: impl Fn() -> bool,
) {
    let mut acks = server.replicas.acks();
    if let Some(stream) = server.stream() {
        // The turn may have ended before the question was asked, and would have sealed it.
        stream.seal();
    }
    if enough() || timeout == Some(Duration::ZERO) {
        return;
    }
    if let Some(stream) = server.stream()
        && server.policy.durable_only() == DurableOnly::Yes
    {
        // Replicas are sent it, and what it asks about, once it is durable.
        stream.log().request_sync();
    }
    let waiting = async {
        while !enough() {
            if acks.changed().await.is_err() {
                return;
            }
        }
    };
    // Whether it was enough is counted by the caller.
    let _ = by(timeout.map(|timeout| Instant::now() + timeout), waiting).await;
}

/// Puts `REPLCONF GETACK *` into the stream.
pub fn ask_for_acknowledgement(server: &Server) {
    const GETACK: &[u8] = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    let Some(stream) = server.stream() else { return };
    match stream.tell_replicas(GETACK) {
        // At the very end of the server there is nobody left to ask.
        Ok(_) | Err(StreamError::Closed) => {}
        Err(error) => server.fail("cannot append to the log", &error),
    }
}

async fn by<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}
