//! What a model may do wrong on purpose, to show that the checks would notice.

/// One rule broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// R1: a start keeps the replid, whatever was lost.
    KeepsName,
    /// R9: a promotion announces a ceiling one byte above what is shared.
    CeilingTooHigh,
    /// R7: the manifest is switched when a full resync begins.
    AdoptsEarly,
    /// R8: a new name goes to the memory alone before the bytes that follow it.
    NameNotDurable,
    /// R8: replicas stay attached when `+CONTINUE` tells a new name.
    KeepsReplicas,
    /// R8: replicas stay attached when a promotion makes a new name.
    KeepsReplicasWhenPromoted,
    /// R3: the manifest names a snapshot, and it is sent, before the log is durable up to it.
    SnapshotNotDurable,
    /// A replica that starts as a primary goes on under the name of the one it followed.
    ForgetsItFollowed,
    /// R1: sealed bytes are sent, and the manifest says durable ones.
    FeedNotRecorded,
    /// R9: a promotion does not sync.
    PromotesUnsynced,
    /// R7: the switch to a full resync's history takes the old log for its own.
    OldLogNotGivenUp,
    /// R5: a copied directory vouches for bytes that the original can still lose.
    CopyVouchesForAll,
}

/// The rules a run goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    broken: Option<Broken>,
    looks: Looks,
}

/// What the checks look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// At every rule.
    AtRules,
    /// At histories and data alone, so that it shows where a broken rule leads.
    AtHistories,
}

impl Rules {
    /// All of them.
    pub const ALL: Self = Self { broken: None, looks: Looks::AtRules };

    /// All but one.
    pub fn but(broken: Broken, looks: Looks) -> Self {
        Self { broken: Some(broken), looks }
    }

    /// Whether this one is broken.
    pub fn break_with(self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// Notes that a rule is broken that must not be, unless it shall be seen where that leads.
    pub fn hold(self, truth: bool, otherwise: impl FnOnce() -> String) -> Result<(), Stop> {
        must(truth || self.looks == Looks::AtHistories, otherwise)
    }
}

/// Why a step was not finished.
#[derive(Debug)]
pub enum Stop {
    /// What must never happen has: a history lies, or data are lost.
    Lie(String),
    /// The process gave up because its disk did.
    Died,
}

/// Notes a lie unless `truth` holds.
pub fn must(truth: bool, otherwise: impl FnOnce() -> String) -> Result<(), Stop> {
    if truth { Ok(()) } else { Err(Stop::Lie(otherwise())) }
}
