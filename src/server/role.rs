//! What this server is to others: a primary, or a replica of one; and how that changes.
//!
//! The configuration says which (`replicaof`), and `REPLICAOF` changes it there. Here the server is
//! brought in line with it, one change at a time.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::admin::tracing::LoggedRole;
use crate::command::Interruption;
use crate::log::SyncFailed;
use crate::position::{Offset, Replid};
use crate::replication::lineage::Lineage;
use crate::replication::stream::Author;
use crate::snapshot::{Ancestor, FileError, ManifestFile, Role as RecordedRole};

use super::Server;
use super::doubt::Confirmation;
use super::failover::Stage;
use super::link::{Link, PrimaryAddress};

/// What this server is to others.
#[derive(Default)]
enum Role {
    /// It decides what is in the stream.
    #[default]
    Primary,
    /// It follows one that does.
    Replica(Arc<Link>),
}

/// The present role, and whose turn it is to change it.
#[derive(Default)]
pub struct Roles {
    current: Mutex<Role>,
    turn: Mutex<()>,
}

/// Why the role could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The history could not be given another name.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The failover was given up before this server had begun to follow.
    #[error("the failover was aborted")]
    Aborted,
    /// The thread of the link cannot be started.
    #[error("cannot start the link: {0}")]
    Thread(#[from] std::io::Error),
}

impl Roles {
    /// Tells the link, if there is one.
    pub fn link(&self) -> Option<Arc<Link>> {
        match &*self.current.lock() {
            Role::Primary => None,
            Role::Replica(link) => Some(Arc::clone(link)),
        }
    }
}

impl Server {
    /// The primary that the configuration wants to be followed.
    pub(super) fn wanted_primary(&self) -> Option<PrimaryAddress> {
        self.settings().following.primary.clone().map(|(host, port)| PrimaryAddress { host, port })
    }

    /// Has the configuration name the primary that is to be followed, or none.
    pub(super) fn name_primary(&self, primary: Option<&PrimaryAddress>) {
        let mut config = self.config.lock();
        config.set_primary(primary.map(|primary| (primary.host.as_str(), primary.port)));
        *self.settings.write() = Arc::new(config.settings());
    }

    /// Whether the stream, which ends at `end`, is of a history worth naming.
    ///
    /// One that is empty still is where there is a snapshot: of data that came otherwise, of a primary
    /// whose history is as young, or for a replica.
    pub(super) fn has_history(&self, end: Offset) -> bool {
        let has_snapshot = |manifest: &ManifestFile| manifest.current().snapshot.is_some();
        end > Offset::ZERO || self.manifest.lock().as_ref().is_some_and(has_snapshot)
    }

    /// Goes on under the name that the primary's history has; durable when this returns (R8).
    ///
    /// `learned` is what the primary says of its past. Replicas are dropped if the name is another,
    /// as they learn it only when they ask again.
    pub(super) fn follow_history(
        &self,
        name: Replid,
        learned: &[Ancestor],
    ) -> Result<(), HistoryError> {
        let is_renamed = self.replid() != name;
        let follow = |lineage: &mut Lineage, end| lineage.follow(name, end, learned);
        self.change_history(name, (Author::Primary, RecordedRole::Replica), follow)?;
        if is_renamed {
            self.drop_replicas();
        }
        Ok(())
    }

    /// Takes a new replid: from here on this is another history, which shares the one so far.
    ///
    /// Replicas are dropped, as they learn the new name only when they ask again.
    pub(super) fn rotate_replid(&self) -> Result<Replid, HistoryError> {
        let new = Replid::random();
        let rotate = |lineage: &mut Lineage, end| lineage.rotate(new, end);
        self.change_history(new, (Author::Own, RecordedRole::Primary), rotate)?;
        self.drop_replicas();
        Ok(new)
    }

    /// Changes the lineage at the end of the stream; durable when this returns.
    ///
    /// Everything below the ceiling is durable before the ceiling is known to anybody (R9).
    fn change_history(
        &self,
        name: Replid,
        (author, role): (Author, RecordedRole),
        change: impl FnOnce(&mut Lineage, Offset),
    ) -> Result<(), HistoryError> {
        let stream = self.stream().ok_or(HistoryError::Loading)?;
        stream.begin_history(name, author, |end| {
            stream.log().block_until_durable_at(end)?;
            let mut lineage = self.identity.lock();
            let mut next = lineage.clone();
            change(&mut next, end);
            if let Some(manifest) = self.manifest.lock().as_mut() {
                manifest.update(|manifest| {
                    next.record(manifest);
                    manifest.role = role;
                })?;
            }
            *lineage = next;
            Ok(())
        })
    }

    /// Ends the connections of all replicas; they ask again for what they lack.
    pub(super) fn drop_replicas(&self) {
        let fed = self.replicas.list();
        for client in self.clients.list() {
            if fed.iter().any(|replica| replica.introduction.client == client.id) {
                client.kill.notify_one();
            }
        }
    }
}

/// Why the history is called as before.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The data is still being loaded.
    #[error("the data set is still being loaded")]
    Loading,
    /// The log has failed.
    #[error(transparent)]
    Sync(#[from] SyncFailed),
    /// The manifest cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Says whom this server will follow, if anybody, while there is no data yet to do it with.
pub fn announce(server: &Server) {
    let Some(primary) = server.wanted_primary() else { return };
    server.live.set_replica(true);
    *server.roles.current.lock() = Role::Replica(Arc::new(Link::to(primary)));
}

/// Brings the role in line with the configuration.
pub fn settle(server: &Arc<Server>) -> Result<(), RoleError> {
    let _turn = server.roles.turn.lock();
    let wanted = server.wanted_primary();
    let present = server.roles.link();
    match (present, wanted) {
        (Some(link), Some(wanted)) if link.primary == wanted && link.has_begun() => Ok(()),
        (present, Some(wanted)) => {
            if let Some(link) = present {
                link.stop();
            }
            follow(server, wanted, Link::start).map(drop)
        }
        (Some(link), None) => {
            link.stop();
            lead(server)
        }
        (None, None) => Ok(()),
    }
}

/// Follows a primary from now on; what the log has stays until the primary has judged it.
fn follow(
    server: &Arc<Server>,
    primary: PrimaryAddress,
    start: fn(&Arc<Server>, PrimaryAddress) -> std::io::Result<Arc<Link>>,
) -> Result<Arc<Link>, RoleError> {
    if !server.live.is_replica() {
        // Commands under way end first; those that come after are refused.
        let locked = server.keyspace.lock_all();
        server.live.set_replica(true);
        if let Some(stream) = server.stream() {
            stream.follow();
        }
        server.confirm(Confirmation::Follows);
        drop(locked);
        for client in server.clients.list() {
            client.interrupt.interrupt(Interruption::RoleChange);
        }
    }
    server.tracing.set_role(LoggedRole::Replica);
    let link = start(server, primary)?;
    *server.roles.current.lock() = Role::Replica(Arc::clone(&link));
    Ok(link)
}

/// Follows a replica, which is asked to lead first.
pub fn hand_over(server: &Arc<Server>, successor: PrimaryAddress) -> Result<Arc<Link>, RoleError> {
    let _turn = server.roles.turn.lock();
    if server.failover.stage() != Stage::InProgress {
        return Err(RoleError::Aborted);
    }
    server.name_primary(Some(&successor));
    follow(server, successor, Link::start_handing_over)
}

/// Leads, as the primary of before asks by `PSYNC … FAILOVER`.
pub fn take_over(server: &Arc<Server>) -> Result<(), RoleError> {
    server.name_primary(None);
    settle(server)
}

/// Takes no longer what a primary says: another history begins, which shares the one so far.
fn lead(server: &Arc<Server>) -> Result<(), RoleError> {
    let replid = server.rotate_replid()?;
    if let Some(stream) = server.stream() {
        server.commit.begin_history(stream.log().written());
    }
    *server.roles.current.lock() = Role::Primary;
    server.live.set_replica(false);
    server.tracing.set_role(LoggedRole::Primary);
    let parted = server.identity.lock().past().first().map(|old| (old.replid, old.ceiling));
    if let Some((old, ceiling)) = parted {
        tracing::info!(%replid, "this server is a primary now; {old} is valid up to {ceiling}");
    }
    Ok(())
}

/// Ends the link for good, before the server ends; the role stays.
pub fn end(server: &Server) {
    let _turn = server.roles.turn.lock();
    if let Some(link) = server.roles.link() {
        link.stop();
    }
}
