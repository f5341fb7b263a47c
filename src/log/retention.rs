//! What may be unlinked: one pure function of who still needs what.

use crate::position::Offset;

/// A file of the log, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The offset of its first byte.
    pub base: Offset,
    /// When it was begun, in milliseconds of Unix time.
    pub begun_ms: u64,
    /// How much room it takes, whatever it holds: files are allocated as a whole.
    pub file_bytes: u64,
}

/// Everything that holds on to the log, and what forces it to let go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Where the log begins.
    pub start: Offset,
    /// From where on nothing is known to be damaged: what lies below cannot serve a replica.
    pub sound: Offset,
    /// Where it ends; nothing above what is durable can go.
    pub durable: Offset,
    /// The offset of the snapshot a restart begins from. Nothing overrides it.
    pub restart: Offset,
    /// Offsets that transfers under way, of snapshots above all, will go on from.
    pub transfers: Vec<Offset>,
    /// Up to where each attached replica has acknowledged.
    pub replicas: Vec<Offset>,
    /// Where each named slot stands.
    pub slots: Vec<Offset>,
    /// How many bytes to keep for replicas that are away.
    pub backlog_bytes: u64,
    /// Keep what was written since then for replicas that are away.
    pub backlog_since_ms: Option<u64>,
    /// The files, oldest first; the last one is the tail, which never goes.
    pub files: Vec<Extent>,
    /// How much room the files take that are prepared and not yet in use.
    pub spare_bytes: u64,
    /// How much room all files may take, whoever holds them; `None`: any.
    pub bytes_max: Option<u64>,
    /// How many bytes must go to leave the disk its reserve; zero: none.
    pub disk_shortage_bytes: u64,
}

/// Who keeps the log from being shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// What is not durable.
    Durability,
    /// The snapshot that a restart begins from.
    Restart,
    /// A transfer under way.
    Transfer,
    /// The slowest attached replica.
    Replica,
    /// The slowest named slot.
    Slot,
    /// The configured size of the backlog.
    BacklogBytes,
    /// The configured time the backlog reaches back.
    BacklogTime,
    /// The limit on the size of the log: others wanted more than it allows.
    BytesMax,
    /// The disk: others wanted more than it allows.
    FreeDisk,
    /// Damage: others wanted more than can be read.
    Damage,
}

impl Holder {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Durability,
        Self::Restart,
        Self::Transfer,
        Self::Replica,
        Self::Slot,
        Self::BacklogBytes,
        Self::BacklogTime,
        Self::BytesMax,
        Self::FreeDisk,
        Self::Damage,
    ];

    /// Its name for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Durability => "durability",
            Self::Restart => "restart",
            Self::Transfer => "transfer",
            Self::Replica => "replica",
            Self::Slot => "slot",
            Self::BacklogBytes => "backlog_size",
            Self::BacklogTime => "backlog_time",
            Self::BytesMax => "max_size",
            Self::FreeDisk => "free_disk",
            Self::Damage => "damage",
        }
    }
}

/// The offset below which nothing need stay.
pub fn horizon(needs: &Needs) -> Offset {
    horizon_and_holder(needs).0
}

/// The offset below which nothing need stay, and who wants what lies just above it.
///
/// The limits and damage override those who may resync from a snapshot: replicas, slots and the
/// backlog. They do not override the restart, nor a transfer, which would only begin anew and never
/// end.
pub fn horizon_and_holder(needs: &Needs) -> (Offset, Holder) {
    let (wish, wisher) = least(wishes(needs)).unwrap_or((needs.durable, Holder::Durability));
    let (limit, limiter) = limit(needs);
    let overriding = [(limit, limiter), (needs.sound, Holder::Damage)];
    let (bent, holder) = overriding
        .into_iter()
        .fold((wish, wisher), |held, over| if over.0 > held.0 { over } else { held });
    let firm = least(firm(needs)).filter(|&(at, _)| at < bent);
    let (horizon, holder) = firm.unwrap_or((bent, holder));
    (horizon.max(needs.start), holder)
}

fn wishes(needs: &Needs) -> Vec<(Offset, Holder)> {
    let backlog = Offset(needs.durable.0.saturating_sub(needs.backlog_bytes));
    let mut wishes = vec![(backlog, Holder::BacklogBytes)];
    let since = needs.backlog_since_ms.map(|since_ms| written_since(needs, since_ms));
    wishes.extend(since.map(|at| (at, Holder::BacklogTime)));
    wishes.extend(needs.replicas.iter().map(|&at| (at, Holder::Replica)));
    wishes.extend(needs.slots.iter().map(|&at| (at, Holder::Slot)));
    wishes
}

fn firm(needs: &Needs) -> Vec<(Offset, Holder)> {
    let mut firm = vec![(needs.durable, Holder::Durability), (needs.restart, Holder::Restart)];
    firm.extend(needs.transfers.iter().map(|&at| (at, Holder::Transfer)));
    firm
}

/// The beginning of the oldest file that may hold something written since then.
fn written_since(needs: &Needs, since_ms: u64) -> Offset {
    // A file that was begun before may have been written to until the next one was begun. The newest of
    // them counts: an older one may have been begun while the clock was ahead.
    let older = needs.files.iter().rev().find(|file| file.begun_ms <= since_ms);
    older.or(needs.files.first()).map_or(needs.start, |file| file.base)
}

fn limit(needs: &Needs) -> (Offset, Holder) {
    let occupied = needs.files.iter().map(|file| file.file_bytes).sum::<u64>() + needs.spare_bytes;
    let excess = needs.bytes_max.map_or(0, |most| occupied.saturating_sub(most));
    if needs.disk_shortage_bytes > excess {
        (freeing(needs, needs.disk_shortage_bytes), Holder::FreeDisk)
    } else {
        (freeing(needs, excess), Holder::BytesMax)
    }
}

/// The first offset to stay when files go until so many bytes are free, or only the tail is left.
fn freeing(needs: &Needs, bytes: u64) -> Offset {
    if bytes == 0 {
        return Offset::ZERO;
    }
    let mut freed = 0;
    let stays = |file: &&Extent| {
        let is_enough = freed >= bytes;
        freed += file.file_bytes;
        is_enough
    };
    needs.files.iter().find(stays).or(needs.files.last()).map_or(needs.start, |file| file.base)
}

fn least(holders: Vec<(Offset, Holder)>) -> Option<(Offset, Holder)> {
    holders.into_iter().min_by_key(|&(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of 100..1000 in nine files, whose snapshot is at 900, with a backlog of 200 bytes.
    ///
    /// The files take 128 bytes each, one was begun every second, and there is one spare.
    fn needs() -> Needs {
        let file = |n: u64| Extent { base: Offset(n * 100), begun_ms: n * 1000, file_bytes: 128 };
        Needs {
            start: Offset(100),
            durable: Offset(1000),
            restart: Offset(900),
            backlog_bytes: 200,
            files: (1..10).map(file).collect(),
            spare_bytes: 128,
            ..Needs::default()
        }
    }

    fn held(needs: &Needs) -> (u64, Holder) {
        let (at, holder) = horizon_and_holder(needs);
        assert_eq!(horizon(needs), at);
        (at.0, holder)
    }

    #[test]
    fn the_neediest_holder_decides() {
        assert_eq!(held(&needs()), (800, Holder::BacklogBytes));
        assert_eq!(held(&Needs { restart: Offset(700), ..needs() }), (700, Holder::Restart));
        let replicas = vec![Offset(990), Offset(600)];
        assert_eq!(held(&Needs { replicas, ..needs() }), (600, Holder::Replica));
        let slots = vec![Offset(500)];
        assert_eq!(held(&Needs { slots, ..needs() }), (500, Holder::Slot));
        let backlog_since_ms = Some(4500);
        assert_eq!(held(&Needs { backlog_since_ms, ..needs() }), (400, Holder::BacklogTime));
        let transfers = vec![Offset(300)];
        assert_eq!(held(&Needs { transfers, ..needs() }), (300, Holder::Transfer));
    }

    #[test]
    fn files_begun_while_the_clock_was_ahead_keep_nothing() {
        let mut needs = needs();
        needs.files.iter_mut().take(3).for_each(|file| file.begun_ms += 1_000_000);
        let backlog_since_ms = Some(4500);
        assert_eq!(held(&Needs { backlog_since_ms, ..needs }), (400, Holder::BacklogTime));
    }

    #[test]
    fn time_keeps_the_file_that_was_in_use_then() {
        let since = |since_ms| {
            let backlog_since_ms = Some(since_ms);
            held(&Needs { backlog_bytes: 0, restart: Offset(1000), backlog_since_ms, ..needs() }).0
        };
        assert_eq!(since(0), 100, "before there was any");
        assert_eq!(since(1999), 100);
        assert_eq!(since(2000), 200);
        assert_eq!(since(60_000), 900, "the tail, however long it has been in use");
    }

    #[test]
    fn the_limits_override_replicas_and_backlog_but_not_restart_and_transfers() {
        let slow = Needs { replicas: vec![Offset(150)], bytes_max: Some(640), ..needs() };
        assert_eq!(held(&slow), (600, Holder::BytesMax), "four files and the spare");
        let restart = Needs { restart: Offset(300), ..slow.clone() };
        assert_eq!(held(&restart), (300, Holder::Restart));
        let transfer = Needs { transfers: vec![Offset(200)], ..slow };
        assert_eq!(held(&transfer), (200, Holder::Transfer));
        let full = Needs { backlog_bytes: 5000, disk_shortage_bytes: 350, ..needs() };
        assert_eq!(held(&full), (400, Holder::FreeDisk), "three files of 128");
    }

    #[test]
    fn a_limit_frees_whole_files_and_never_the_tail() {
        let limited = |bytes_max| held(&Needs { bytes_max: Some(bytes_max), ..greedy() }).0;
        assert_eq!(
            [1280, 1279, 1152, 1151, 256, 255, 0].map(limited),
            [100, 200, 200, 300, 900, 900, 900]
        );
        let short = |disk_shortage_bytes| held(&Needs { disk_shortage_bytes, ..greedy() }).0;
        assert_eq!([0, 1, 128, 129, 5000].map(short), [100, 200, 200, 300, 900]);
    }

    #[test]
    fn what_is_damaged_goes_unless_a_restart_has_to_read_it() {
        let damaged = Needs { sound: Offset(850), replicas: vec![Offset(150)], ..needs() };
        assert_eq!(held(&damaged), (850, Holder::Damage));
        assert_eq!(held(&Needs { restart: Offset(300), ..damaged }), (300, Holder::Restart));
    }

    /// As [`needs`], with a backlog that would keep everything.
    fn greedy() -> Needs {
        Needs { backlog_bytes: u64::MAX, ..needs() }
    }

    #[test]
    fn a_limit_nobody_reaches_changes_nothing() {
        let roomy = Needs { bytes_max: Some(5000), ..needs() };
        assert_eq!(held(&roomy), held(&needs()));
    }

    #[test]
    fn nothing_undurable_goes_and_the_horizon_is_never_below_the_start() {
        let eager = Needs { backlog_bytes: 0, restart: Offset(5000), ..needs() };
        assert_eq!(held(&eager).0, 1000);
        assert_eq!(held(&greedy()), (100, Holder::BacklogBytes));
    }
}
