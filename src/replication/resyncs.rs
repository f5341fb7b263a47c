//! How replicas resynced: which of them, when, and why they could continue or could not.

use std::collections::VecDeque;
use std::fmt;

use parking_lot::Mutex;

use crate::position::Offset;

use super::lineage::{Divergence, Under};

/// How many resyncs are remembered.
pub const REMEMBERED: usize = 16;

/// What a replica was sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResyncKind {
    /// The stream, from where the replica was.
    Partial,
    /// A snapshot, and the stream from there.
    Full,
}

impl ResyncKind {
    /// Returns the word that `INFO` shows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Full => "full",
        }
    }
}

/// Why a replica could continue, or could not. Its text has no comma and no line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResyncReason {
    /// It shares the history, and the log holds what it lacks.
    Continues {
        /// Where it was.
        from: Offset,
        /// Under which name it knows the history.
        under: Under,
    },
    /// It asked by `SYNC`, which names no position.
    SyncOnly,
    /// It said that it has none.
    NoHistory,
    /// What it named is no position.
    NoPosition,
    /// Its history is not ours.
    Diverges(Divergence),
    /// The log no longer holds what it lacks.
    BacklogBegins {
        /// Where the log begins.
        begin: Offset,
        /// Where the replica was.
        wanted: Offset,
    },
}

impl ResyncReason {
    /// What follows from it.
    pub fn kind(self) -> ResyncKind {
        match self {
            Self::Continues { .. } => ResyncKind::Partial,
            _ => ResyncKind::Full,
        }
    }
}

impl fmt::Display for ResyncReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continues { from, under: Under::Current } => {
                write!(f, "it continues from offset {from} under the present replid")
            }
            Self::Continues { from, under: Under::Ancestor } => {
                write!(f, "it continues from offset {from} under an older replid of the lineage")
            }
            Self::SyncOnly => write!(f, "the replica knows SYNC only"),
            Self::NoHistory => write!(f, "the replica has no history"),
            Self::NoPosition => write!(f, "the replica names no position that can be"),
            Self::Diverges(why) => why.fmt(f),
            Self::BacklogBegins { begin, wanted } => {
                write!(f, "the backlog begins at {begin} and the replica needs it from {wanted}")
            }
        }
    }
}

/// One resync, from the moment at which it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resync {
    /// The replica's address.
    pub address: String,
    /// The port it listens on.
    pub port: u16,
    /// Why it was partial or full.
    pub reason: ResyncReason,
    /// When it began, in Unix milliseconds.
    pub at_ms: i64,
}

impl Resync {
    /// The seconds since it began.
    pub fn age_s(&self, now_ms: i64) -> i64 {
        (now_ms - self.at_ms).max(0) / 1000
    }
}

/// The latest resyncs, those of replicas that have left included.
#[derive(Debug, Default)]
pub struct Resyncs(Mutex<VecDeque<Resync>>);

impl Resyncs {
    /// Notes one, and forgets the oldest beyond [`REMEMBERED`].
    pub fn note(&self, resync: Resync) {
        let mut all = self.0.lock();
        all.push_front(resync);
        all.truncate(REMEMBERED);
    }

    /// Lists them, newest first.
    pub fn list(&self) -> Vec<Resync> {
        self.0.lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resync(port: u16) -> Resync {
        Resync { address: "a".into(), port, reason: ResyncReason::NoHistory, at_ms: 1000 }
    }

    #[test]
    fn the_latest_are_remembered_newest_first() {
        let resyncs = Resyncs::default();
        (1..=20).for_each(|port| resyncs.note(resync(port)));
        let ports: Vec<_> = resyncs.list().iter().map(|resync| resync.port).collect();
        assert_eq!(ports, (5..=20).rev().collect::<Vec<_>>());
        assert_eq!(resyncs.list()[0].age_s(3999), 2);
        assert_eq!(resyncs.list()[0].age_s(0), 0, "clocks go backwards");
    }

    #[test]
    fn a_reason_is_one_field_of_a_line_and_tells_what_was_done() {
        let (from, begin, wanted) = (Offset(17), Offset(20), Offset(3));
        let (end, ceiling) = (Offset(9), Offset(8));
        let diverges = ResyncReason::Diverges;
        let reasons = [
            ResyncReason::Continues { from, under: Under::Current },
            ResyncReason::Continues { from, under: Under::Ancestor },
            ResyncReason::SyncOnly,
            ResyncReason::NoHistory,
            ResyncReason::NoPosition,
            ResyncReason::BacklogBegins { begin, wanted },
            diverges(Divergence::UnknownHistory),
            diverges(Divergence::AheadOfEnd { end }),
            diverges(Divergence::PastCeiling { ceiling }),
        ];
        for (index, reason) in reasons.into_iter().enumerate() {
            let text = reason.to_string();
            assert!(!text.contains([',', '\r', '\n']), "{text}");
            let expected = if index < 2 { ResyncKind::Partial } else { ResyncKind::Full };
            assert_eq!(reason.kind(), expected, "{text}");
        }
        assert_eq!(
            reasons[5].to_string(),
            "the backlog begins at 20 and the replica needs it from 3"
        );
    }
}
