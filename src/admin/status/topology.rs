//! The servers that replicate with one another, as they were found.

use super::address::Address;
use super::facts::{Facts, Feed, LinkState, ONLINE, Resync, Role, Sync};

/// The servers that replicate with one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topology {
    /// The primary of all, or the highest that is known.
    pub(super) root: Member,
    /// Whether the way up ended there or in a circle.
    pub(super) shape: Shape,
    /// Whether there are more of them than were asked.
    pub(super) extent: Extent,
}

/// How the way up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// At a server that follows none, or that does not answer.
    Tree,
    /// At one that was met before.
    Circle,
}

/// Whether all servers were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// They were.
    Whole,
    /// There were too many.
    CutOff,
}

/// One server, and those that follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Where it was asked, or would have been.
    pub(super) address: Address,
    /// What it said.
    pub(super) seen: Seen,
    /// How it stands to the server above it; nothing is known of this for the root.
    pub(super) standing: Option<Standing>,
    /// Who follows it.
    pub(super) replicas: Vec<Member>,
}

/// What a server said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// This.
    Answered(Box<Facts>),
    /// Nothing, for this reason.
    Silent(String),
    /// It was not asked: it announces no port.
    Unasked,
    /// It stands elsewhere in the tree, by this address.
    Elsewhere(Address),
}

/// How a replica stands to its primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// What the primary sends, if it knows of the replica at all.
    pub(super) feed: Option<String>,
    /// How many bytes it lacks.
    pub(super) lag_bytes: Option<u64>,
    /// How old the oldest of them is, in seconds; stock servers do not know.
    pub(super) lag_s: Option<u64>,
    /// For how many seconds the primary has heard nothing of it.
    pub(super) silent_s: Option<u64>,
    /// The snapshot it is being sent.
    pub(super) sync: Option<Sync>,
    /// How it last resynced.
    pub(super) resync: Option<Resync>,
}

impl Member {
    /// What it said, if it did.
    pub(super) fn facts(&self) -> Option<&Facts> {
        match &self.seen {
            Seen::Answered(facts) => Some(facts),
            _ => None,
        }
    }

    /// Whether it is being sent a snapshot, or waits for one.
    pub(super) fn is_syncing(&self) -> bool {
        let is_fed_otherwise = |standing: &Standing| {
            standing.sync.is_some() || standing.feed.as_deref().is_some_and(|feed| feed != ONLINE)
        };
        self.standing.as_ref().is_some_and(is_fed_otherwise)
    }

    /// Counts it and all below it.
    pub(super) fn count(&self) -> usize {
        1 + self.replicas.iter().map(Self::count).sum::<usize>()
    }
}

impl Standing {
    /// Brings together what a primary says of a replica at `address`, and what that says of itself.
    ///
    /// The primary's account counts where both have one: it knows both ends.
    pub(super) fn between(
        primary: Option<&Facts>,
        feed: Option<&Feed>,
        address: &Address,
        replica: Option<&Facts>,
    ) -> Self {
        let link = replica.and_then(|facts| match &facts.role {
            Role::Replica(link) => Some(link),
            Role::Primary => None,
        });
        let behind = |held: u64| primary.map(|primary| primary.offset.saturating_sub(held));
        // Before it has acknowledged anything, a stock primary tells of offset zero.
        let acknowledged =
            || behind(feed.filter(|feed| feed.is_online() && feed.offset > 0)?.offset);
        let own = || {
            let shares = |facts: &&Facts| primary.is_some_and(|one| one.replid == facts.replid);
            behind(replica.filter(shares).filter(|_| link.is_some() && feed.is_none())?.offset)
        };
        let is_same = |told: &Address| told.port == address.port && told.host == address.host;
        let remembered = || {
            let mut resyncs = primary?.resyncs.iter();
            resyncs.find(|(told, _)| is_same(told)).map(|(_, resync)| resync.clone())
        };
        Self {
            feed: feed.map(|feed| feed.state.clone()),
            lag_bytes: feed.and_then(|feed| feed.lag_bytes).or_else(acknowledged).or_else(own),
            lag_s: feed.and_then(|feed| feed.lag_s),
            silent_s: feed.and_then(|feed| feed.silent_s),
            sync: feed
                .and_then(|feed| feed.sync.clone())
                .or_else(|| link.and_then(|link| link.sync.clone())),
            resync: feed
                .and_then(|feed| feed.resync.clone())
                .or_else(|| link.and_then(|link| link.resync.clone()))
                .or_else(remembered),
        }
    }
}

impl Facts {
    /// Whether it follows another server and is in touch with it.
    pub(super) fn is_linked(&self) -> bool {
        matches!(&self.role, Role::Replica(link) if link.state == LinkState::Up)
    }

    /// Names the server, by its run where it tells that.
    pub(super) fn identity(&self, address: &Address) -> String {
        if self.run_id.is_empty() { address.to_string() } else { self.run_id.clone() }
    }
}
