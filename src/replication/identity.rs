//! Whether a restarted server may go on under its replid.
//!
//! R1: it may iff no byte that left the machine can be missing from the recovered log. Otherwise
//! bytes sent and then lost would be written anew with other contents, and a replica that has the
//! old ones would continue on a different history without anyone noticing.
//!
//! Pure: the facts come in, the decision and its reason go out.

use std::fmt;

use crate::position::Offset;
use crate::snapshot::directory::BootChange;
use crate::snapshot::{BootIdentity, DirectoryId, FeedsSeen, Manifest, Role, RunState};

/// What is known after recovery.
#[derive(Clone, Copy, Debug)]
pub struct Recovered<'a> {
    /// The end of the recovered log.
    pub end: Offset,
    /// Whether an operator made recovery cut bytes that had been durable.
    pub durable_bytes: DurableBytes,
    /// The boot and mount of now.
    pub boot: &'a BootIdentity,
    /// The directory recovered from.
    pub directory: DirectoryId,
    /// Whose history the server goes on with.
    pub role: Role,
}

/// Whether recovery kept all that had been durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurableBytes {
    /// Recovery's ordinary promise.
    Kept,
    /// Recovery was forced past damage.
    Cut,
}

/// The decision, with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The replid stays.
    Keep(KeepReason),
    /// A new one is minted before the first write; the old one is valid up to [`shared_up_to`].
    Rotate(RotateReason),
}

/// Why nothing that left the machine can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepReason {
    /// The last run ended in order, and the log ends where it did.
    CleanShutdown,
    /// The kernel, and with it the page cache, outlived the last run.
    SameBoot,
    /// Replicas had been sent durable bytes only.
    DurableFeed,
    /// The history is a primary's, which has the bytes, and all that comes is what it sends.
    Follows,
}

/// Why something that left the machine may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotateReason {
    /// The directory is a copy: the original may be writing under the same replid.
    CopiedDirectory,
    /// Recovery was forced past damage in durable bytes.
    DurableBytesCut,
    /// The log ends before what was known to be durable.
    ShortOfDurable {
        /// What was known to be durable.
        floor: Offset,
        /// The end of the recovered log.
        end: Offset,
    },
    /// The last run ended in order, but the log ends elsewhere.
    CleanEndDiffers {
        /// Where the last run ended.
        recorded: Offset,
        /// The end of the recovered log.
        end: Offset,
    },
    /// A sync had failed, so that the page cache may have lied.
    SyncHadFailed,
    /// The machine was started anew after sealed bytes had been sent.
    DifferentBoot,
    /// The file system was mounted anew after sealed bytes had been sent.
    DifferentMount,
    /// The history was a primary's, which may go on writing it.
    WasReplica,
}

/// Decides by what the last run recorded in `last` and by what recovery found.
#[must_use]
pub fn decide(last: &Manifest, recovered: &Recovered<'_>) -> Identity {
    let end = recovered.end;
    // Nothing is written here under the name but what the primary that owns it has written. Before
    // this server writes anything of its own, it takes another name.
    if recovered.role == Role::Replica {
        let is_sure = shared_up_to(last, recovered) == end;
        return if is_sure {
            Identity::Keep(KeepReason::Follows)
        } else {
            Identity::Rotate(RotateReason::CopiedDirectory)
        };
    }
    if last.role == Role::Replica {
        return Identity::Rotate(RotateReason::WasReplica);
    }
    if last.directory != recovered.directory {
        return Identity::Rotate(RotateReason::CopiedDirectory);
    }
    if recovered.durable_bytes == DurableBytes::Cut {
        return Identity::Rotate(RotateReason::DurableBytesCut);
    }
    if end < last.durable_floor {
        let floor = last.durable_floor;
        return Identity::Rotate(RotateReason::ShortOfDurable { floor, end });
    }
    match &last.run {
        RunState::Clean { end: recorded } => decide_after_clean_end(*recorded, last, end),
        RunState::Running { boot, feeds } => {
            decide_after_crash(recovered.boot.change_since(boot), *feeds, last)
        }
    }
}

/// Up to where the history found is shared with whoever else knows it: the ceiling of a new replid.
///
/// That is its end, but for a copied directory. What was not durable when the copy was made may be
/// lost where it was made, and other bytes be written there in its place under the same name; and
/// of a running server, log and manifest may have been copied at different moments. So a copy
/// vouches for what its manifest knows to have been durable, and for no more.
#[must_use]
pub fn shared_up_to(last: &Manifest, recovered: &Recovered<'_>) -> Offset {
    let end = recovered.end;
    // A file system may be numbered anew at a boot; files that are copied get other inodes.
    let moved = DirectoryId { device: recovered.directory.device, ..last.directory };
    if moved == recovered.directory {
        return end;
    }
    let snapshot = last.snapshot.as_ref().map_or(Offset::ZERO, |meta| meta.offset);
    last.known_durable().max(snapshot).min(end)
}

fn decide_after_clean_end(recorded: Offset, last: &Manifest, end: Offset) -> Identity {
    if recorded != end {
        Identity::Rotate(RotateReason::CleanEndDiffers { recorded, end })
    } else if last.sync_failed {
        Identity::Rotate(RotateReason::SyncHadFailed)
    } else {
        Identity::Keep(KeepReason::CleanShutdown)
    }
}

fn decide_after_crash(change: BootChange, feeds: FeedsSeen, last: &Manifest) -> Identity {
    let why_lossy = match change {
        _ if last.sync_failed => RotateReason::SyncHadFailed,
        BootChange::None => return Identity::Keep(KeepReason::SameBoot),
        BootChange::Boot => RotateReason::DifferentBoot,
        BootChange::Mount => RotateReason::DifferentMount,
    };
    match feeds {
        FeedsSeen::DurableOnly => Identity::Keep(KeepReason::DurableFeed),
        FeedsSeen::Sealed => Identity::Rotate(why_lossy),
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(reason) => write!(f, "replid kept: {reason}"),
            Self::Rotate(reason) => write!(f, "new replid: {reason}"),
        }
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CleanShutdown => "the last run was shut down in order",
            Self::SameBoot => "the machine has not been restarted since the last run",
            Self::DurableFeed => "replicas had been sent durable bytes only",
            Self::Follows => "this server follows a primary, and writes nothing of its own",
        })
    }
}

impl fmt::Display for RotateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopiedDirectory => {
                write!(f, "the directory was copied, restored or moved to another file system")
            }
            Self::DurableBytesCut => write!(f, "recovery was forced past damage in durable bytes"),
            Self::ShortOfDurable { floor, end } => {
                write!(f, "the log ends at {end}, but was known to be durable up to {floor}")
            }
            Self::CleanEndDiffers { recorded, end } => {
                write!(f, "the log ends at {end}, but the last run was shut down at {recorded}")
            }
            Self::WasReplica => write!(f, "the last run was a replica's, whose primary may go on"),
            Self::SyncHadFailed => write!(f, "a sync had failed in the last run"),
            Self::DifferentBoot => {
                write!(
                    f,
                    "the machine was restarted after bytes not yet durable may have been sent"
                )
            }
            Self::DifferentMount => write!(
                f,
                "the file system was mounted anew after bytes not yet durable may have been sent"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
