//! What may be unlinked: one pure function of who still needs what.

use crate::position::Offset;

/// Everything that holds on to the log, and what forces it to let go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Where the log begins.
    pub start: Offset,
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
    /// The first offset written within the time to keep for replicas that are away.
    pub backlog_time: Option<Offset>,
    /// How many bytes of log there may be, whoever holds them; `None`: any number.
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
}

/// The offset below which nothing need stay.
pub fn horizon(needs: &Needs) -> Offset {
    horizon_and_holder(needs).0
}

/// The offset below which nothing need stay, and who wants what lies just above it.
///
/// The limits override those who may resync from a snapshot: replicas, slots and the backlog. They
/// do not override the restart, nor a transfer, which would only begin anew and never end.
pub fn horizon_and_holder(needs: &Needs) -> (Offset, Holder) {
    let (wish, wisher) = least(wishes(needs)).unwrap_or((needs.durable, Holder::Durability));
    let (limit, limiter) = limit(needs);
    let (bent, holder) = if limit > wish { (limit, limiter) } else { (wish, wisher) };
    let firm = least(firm(needs)).filter(|&(at, _)| at < bent);
    let (horizon, holder) = firm.unwrap_or((bent, holder));
    (horizon.max(needs.start), holder)
}

fn wishes(needs: &Needs) -> Vec<(Offset, Holder)> {
    let backlog = Offset(needs.durable.0.saturating_sub(needs.backlog_bytes));
    let mut wishes = vec![(backlog, Holder::BacklogBytes)];
    wishes.extend(needs.backlog_time.map(|at| (at, Holder::BacklogTime)));
    wishes.extend(needs.replicas.iter().map(|&at| (at, Holder::Replica)));
    wishes.extend(needs.slots.iter().map(|&at| (at, Holder::Slot)));
    wishes
}

fn firm(needs: &Needs) -> Vec<(Offset, Holder)> {
    let mut firm = vec![(needs.durable, Holder::Durability), (needs.restart, Holder::Restart)];
    firm.extend(needs.transfers.iter().map(|&at| (at, Holder::Transfer)));
    firm
}

fn limit(needs: &Needs) -> (Offset, Holder) {
    let by_size = needs.bytes_max.map_or(0, |most| needs.durable.0.saturating_sub(most));
    let by_disk = match needs.disk_shortage_bytes {
        0 => 0,
        short => needs.start.0.saturating_add(short),
    };
    if by_disk > by_size {
        (Offset(by_disk), Holder::FreeDisk)
    } else {
        (Offset(by_size), Holder::BytesMax)
    }
}

fn least(holders: Vec<(Offset, Holder)>) -> Option<(Offset, Holder)> {
    holders.into_iter().min_by_key(|&(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of 100..1000 whose snapshot is at 900, with a backlog of 200 bytes.
    fn needs() -> Needs {
        Needs {
            start: Offset(100),
            durable: Offset(1000),
            restart: Offset(900),
            backlog_bytes: 200,
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
        let backlog_time = Some(Offset(400));
        assert_eq!(held(&Needs { backlog_time, ..needs() }), (400, Holder::BacklogTime));
        let transfers = vec![Offset(300)];
        assert_eq!(held(&Needs { transfers, ..needs() }), (300, Holder::Transfer));
    }

    #[test]
    fn the_limits_override_replicas_and_backlog_but_not_restart_and_transfers() {
        let slow = Needs { replicas: vec![Offset(150)], bytes_max: Some(400), ..needs() };
        assert_eq!(held(&slow), (600, Holder::BytesMax));
        let restart = Needs { restart: Offset(300), ..slow.clone() };
        assert_eq!(held(&restart), (300, Holder::Restart));
        let transfer = Needs { transfers: vec![Offset(200)], ..slow };
        assert_eq!(held(&transfer), (200, Holder::Transfer));
        let full = Needs { backlog_bytes: 5000, disk_shortage_bytes: 350, ..needs() };
        assert_eq!(held(&full), (450, Holder::FreeDisk));
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
        let greedy = Needs { backlog_bytes: u64::MAX, ..needs() };
        assert_eq!(held(&greedy), (100, Holder::BacklogBytes));
    }
}
