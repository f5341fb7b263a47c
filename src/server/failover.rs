//! `FAILOVER`: handing over to a replica without losing a write.
//!
//! Writes are held back until the replica has all of them. Then this server asks it to become the
//! primary, by `PSYNC … FAILOVER`, and follows it. If it does not want to, this server leads again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::command::Fault;
use crate::command::flow::FailoverPlan;
use crate::replication::replicas::Replica;

use super::link::PrimaryAddress;
use super::pause::Holder;
use super::{Server, requests, role};

/// How far a failover is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// There is none.
    #[default]
    None,
    /// Until the replica has all that was written.
    WaitingForSync,
    /// Until the replica has taken over.
    InProgress,
}

impl Stage {
    /// The word of `INFO`.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "no-failover",
            Self::WaitingForSync => "waiting-for-sync",
            Self::InProgress => "failover-in-progress",
        }
    }
}

/// The failover under way, if there is one.
pub struct Failover {
    stage: Mutex<Stage>,
    aborted: watch::Sender<u64>,
}

impl Default for Failover {
    fn default() -> Self {
        Self { stage: Mutex::default(), aborted: watch::Sender::new(0) }
    }
}

impl Failover {
    /// Tells how far it is.
    pub fn stage(&self) -> Stage {
        *self.stage.lock()
    }
}

/// Why a failover came to nothing.
#[derive(Debug, thiserror::Error)]
enum GivenUp {
    #[error("it was aborted")]
    Aborted,
    #[error("the replica did not catch up in time")]
    TooSlow,
    #[error("there is no replica any more")]
    NoReplica,
    #[error("the replica did not take over: {0}")]
    Refused(String),
    #[error("the role cannot be changed: {0}")]
    Role(#[from] role::RoleError),
}

/// Begins a failover, or says why not; it goes on in the background.
pub fn start(server: &Arc<Server>, plan: FailoverPlan) -> Result<(), Fault> {
    const REPLICA: Fault = Fault::fixed("ERR FAILOVER is not valid when server is a replica.");
    const NONE: Fault = Fault::fixed("ERR FAILOVER requires connected replicas.");
    const STRANGER: Fault = Fault::fixed("ERR FAILOVER target HOST and PORT is not a replica.");
    const OFFLINE: Fault = Fault::fixed("ERR FAILOVER target replica is not online.");
    const ALREADY: Fault = Fault::fixed("ERR FAILOVER already in progress.");
    let mut stage = server.failover.stage.lock();
    if *stage != Stage::None {
        return Err(ALREADY);
    }
    if server.live.is_replica() {
        return Err(REPLICA);
    }
    if server.replicas.count() == 0 {
        return Err(NONE);
    }
    if let Some(target) = &plan.target {
        let all = server.replicas.list();
        let found = all.iter().find(|replica| is_at(replica, target)).ok_or(STRANGER)?;
        if !found.is_online() {
            return Err(OFFLINE);
        }
    }
    *stage = Stage::WaitingForSync;
    drop(stage);
    server.pause.hold(Holder::Failover);
    let shared = Arc::clone(server);
    tokio::spawn(async move {
        let done = run(&shared, &plan).await;
        *shared.failover.stage.lock() = Stage::None;
        shared.pause.release(Holder::Failover);
        match done {
            Ok(successor) => tracing::info!(primary = %successor, "failed over"),
            Err(error) => tracing::warn!("the failover was given up, this server leads: {error}"),
        }
    });
    Ok(())
}

/// Gives up the failover under way.
pub fn abort(server: &Server) -> Result<(), Fault> {
    const NONE: Fault = Fault::fixed("ERR No failover in progress.");
    if server.failover.stage() == Stage::None {
        return Err(NONE);
    }
    server.failover.aborted.send_modify(|count| *count += 1);
    Ok(())
}

fn is_at(replica: &Replica, (host, port): &(String, u16)) -> bool {
    let known = &replica.introduction;
    known.port == *port && known.address.eq_ignore_ascii_case(host)
}

async fn run(server: &Arc<Server>, plan: &FailoverPlan) -> Result<PrimaryAddress, GivenUp> {
    let mut aborted = server.failover.aborted.subscribe();
    let deadline = plan.timeout.map(|timeout| Instant::now() + timeout);
    let successor = tokio::select! {
        successor = in_sync(server, plan, deadline) => successor?,
        _ = aborted.changed() => return Err(GivenUp::Aborted),
    };
    *server.failover.stage.lock() = Stage::InProgress;
    tracing::info!(%successor, "the replica has all writes, handing over to it");
    let handed_over = hand_over(server, &successor, deadline, &mut aborted).await;
    if handed_over.is_err() {
        // Should it not have begun yet, it will not.
        *server.failover.stage.lock() = Stage::WaitingForSync;
        change_primary(server, None).await?;
    }
    handed_over.map(|()| successor)
}

/// Waits until the replica wanted, or any, has acknowledged all that was written.
async fn in_sync(
    server: &Arc<Server>,
    plan: &FailoverPlan,
    deadline: Option<Instant>,
) -> Result<PrimaryAddress, GivenUp> {
    // What runs at this moment has passed the pause already.
    drop(server.keyspace.lock_all());
    requests::ask_for_acknowledgement(server);
    let end = {
        let Some(stream) = server.stream() else { return Err(GivenUp::NoReplica) };
        let end = stream.seal();
        stream.log().request_sync();
        end
    };
    let mut acks = server.replicas.acks();
    let wanted = |replica: &Replica| plan.target.as_ref().is_none_or(|at| is_at(replica, at));
    let address = |host: &str, port| PrimaryAddress { host: host.to_owned(), port };
    loop {
        let all = server.replicas.list();
        let mut candidates = all.iter().filter(|replica| replica.is_online() && wanted(replica));
        if let Some(found) = candidates.clone().find(|replica| replica.acknowledged() >= end) {
            return Ok(address(&found.introduction.address, found.introduction.port));
        }
        if candidates.next().is_none() && plan.target.is_none() {
            return Err(GivenUp::NoReplica);
        }
        // Looked at again from time to time: a replica that leaves acknowledges nothing.
        let again = Instant::now() + Duration::from_millis(100);
        let until = deadline.map_or(again, |deadline| deadline.min(again));
        // Whether by an acknowledgement or by time, it is looked at again.
        let _ = timeout_at(until, acks.changed()).await;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return match &plan.target {
                Some((host, port)) if plan.force => Ok(address(host, *port)),
                _ => Err(GivenUp::TooSlow),
            };
        }
    }
}

/// Follows the replica, which is asked to lead first; waits until it does.
///
/// From then on there is no way back, be it that it sends all of its data first: this server would lead
/// beside it.
async fn hand_over(
    server: &Arc<Server>,
    successor: &PrimaryAddress,
    deadline: Option<Instant>,
    aborted: &mut watch::Receiver<u64>,
) -> Result<(), GivenUp> {
    let (shared, address) = (Arc::clone(server), successor.clone());
    let following = tokio::task::spawn_blocking(move || role::hand_over(&shared, address));
    let link = following.await.map_err(|_| GivenUp::NoReplica)??;
    let mut changes = link.status.changes();
    // It has had its time to catch up; to take over takes no longer than that again.
    let until = deadline.map(|deadline| deadline.max(Instant::now() + Duration::from_secs(10)));
    let given_up = loop {
        if link.has_handed_over() {
            return Ok(());
        }
        if let Some(reason) = link.status.refusal() {
            break GivenUp::Refused(reason);
        }
        tokio::select! {
            told = changes.changed() => if told.is_err() { break GivenUp::NoReplica },
            () = async { sleep_until(until.unwrap_or_else(Instant::now)).await }, if until.is_some() => {
                break GivenUp::TooSlow;
            }
            _ = aborted.changed() => break GivenUp::Aborted,
        }
    };
    if link.has_handed_over() { Ok(()) } else { Err(given_up) }
}

async fn change_primary(
    server: &Arc<Server>,
    primary: Option<PrimaryAddress>,
) -> Result<(), GivenUp> {
    server.name_primary(primary.as_ref());
    let shared = Arc::clone(server);
    let settled = tokio::task::spawn_blocking(move || role::settle(&shared));
    settled.await.map_err(|_| GivenUp::NoReplica)??;
    Ok(())
}
