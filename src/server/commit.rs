//! `backlog-commit-replicas`: what a reply tells is on the disks of so many replicas before it leaves.
//!
//! The end of each turn that wrote asks the replicas by one `REPLCONF GETACK *`, whose answers tell
//! how far each has the stream on disk. The largest offset that enough of them have is the commit
//! watermark; replies are held until it has passed what they tell of (`held.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::config::Settings;
use crate::position::Offset;
use crate::replication::replicas::Replicas;

/// What a client has been shown by a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Data that somebody may have written a moment ago.
    Read,
    /// That its own write was done.
    Wrote,
}

/// What must be committed before the replies of a turn leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The end of the last write that any of them may tell of.
    pub end: Offset,
    /// The history that the offset belongs to.
    era: u64,
}

/// How many replicas are waited for, and how far they are.
#[derive(Debug, Default)]
pub struct Commit {
    replicas: AtomicU64,
    timeout_ms: AtomicU64,
    /// Where the latest write of a client ends.
    wrote: AtomicU64,
    /// Up to which write replicas have been asked.
    asked: AtomicU64,
    committed: AtomicU64,
    /// What lies below was waited for in vain, and its writers know.
    given_up: AtomicU64,
    /// How often this server began to lead: offsets of different ones do not compare.
    era: AtomicU64,
    waiting: AtomicU64,
    timeouts: AtomicU64,
}

impl Commit {
    /// Takes over what the configuration says now; what waits is to look again.
    pub fn apply(&self, settings: &Settings) {
        let timeout_ms = settings.guarding.commit_timeout.as_millis() as u64;
        self.timeout_ms.store(timeout_ms, Ordering::Relaxed);
        let before = self.replicas.swap(settings.guarding.commit_replicas, Ordering::Release);
        if before == 0 {
            // What was acknowledged without replicas can be read without them.
            self.given_up.fetch_max(self.wrote.load(Ordering::Acquire), Ordering::AcqRel);
        }
    }

    /// Tells how many replicas are waited for; zero if none is.
    pub fn replicas(&self) -> u64 {
        self.replicas.load(Ordering::Acquire)
    }

    /// Tells whether replies wait for replicas.
    pub fn is_on(&self) -> bool {
        self.replicas() > 0
    }

    /// Tells how long a reply waits at most.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.load(Ordering::Relaxed))
    }

    /// Notes a write of a client; the shards it speaks of are still held.
    pub fn note_write(&self, end: Offset) {
        self.wrote.fetch_max(end.0, Ordering::AcqRel);
    }

    /// Tells what the replies of the turn that ends wait for: all that its clients can have seen.
    pub fn goal(&self) -> Goal {
        let era = self.era.load(Ordering::Acquire);
        Goal { end: Offset(self.wrote.load(Ordering::Acquire)), era }
    }

    /// Tells whether replicas have yet to be asked about the goal; whoever is told so asks them.
    pub fn is_news(&self, goal: Goal) -> bool {
        self.asked.fetch_max(goal.end.0, Ordering::AcqRel) < goal.end.0
    }

    /// Tells whether a reply need not wait, as far as is known.
    ///
    /// What was given up on can be read: its writers know that it may be lost, and to wait for it
    /// anew would make each read an error for as long as replicas are missing.
    pub fn admits(&self, sight: Option<Sight>, goal: Goal) -> bool {
        let given_up = match sight {
            None => return true,
            Some(Sight::Read) => self.given_up.load(Ordering::Acquire),
            Some(Sight::Wrote) => 0,
        };
        self.committed.load(Ordering::Acquire).max(given_up) >= goal.end.0
    }

    /// Looks how far the replicas are, and tells whether the goal is reached.
    pub fn reaches(&self, goal: Goal, replicas: &Replicas) -> bool {
        let count = self.replicas();
        if count == 0 {
            return true;
        }
        if goal.era != self.era.load(Ordering::Acquire) {
            return false;
        }
        let committed = replicas.durable_at_nth(count as usize);
        self.committed.fetch_max(committed.0, Ordering::AcqRel).max(committed.0) >= goal.end.0
    }

    /// Notes that the goal was waited for in vain.
    pub fn give_up(&self, goal: Goal) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
        if goal.era == self.era.load(Ordering::Acquire) {
            self.given_up.fetch_max(goal.end.0, Ordering::AcqRel);
        }
    }

    /// Begins to lead at `end`: nothing below it is waited for, and what was held is not released.
    ///
    /// To be called before the first write.
    pub fn begin_history(&self, end: Offset) {
        self.era.fetch_add(1, Ordering::AcqRel);
        self.committed.store(0, Ordering::Release);
        for mark in [&self.wrote, &self.asked, &self.given_up] {
            mark.store(end.0, Ordering::Release);
        }
    }

    /// Notes that a client's replies begin to be held.
    pub fn begins_to_wait(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that none of a client's replies is held any more.
    pub fn waits_no_more(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts the clients whose replies are held, and the turns that waited in vain.
    pub fn counts(&self) -> (u64, u64) {
        (self.waiting.load(Ordering::Relaxed), self.timeouts.load(Ordering::Relaxed))
    }

    /// Says why a reply is not the one that the command made.
    pub fn fault(&self, sight: Sight) -> String {
        let (count, ms) = (self.replicas(), self.timeout_ms.load(Ordering::Relaxed));
        let missing = format!("{count} replicas did not confirm it on disk within {ms} ms");
        match sight {
            Sight::Wrote => format!(
                "NOREPLICAS backlog-commit-replicas: the write was executed and is in the log, but \
                 {missing}"
            ),
            Sight::Read => format!(
                "NOREPLICAS backlog-commit-replicas: what was read may be a write of which {missing}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit() -> Commit {
        let commit = Commit::default();
        commit.replicas.store(1, Ordering::Relaxed);
        commit
    }

    #[test]
    fn one_turn_asks_for_all_that_wrote_before_it() {
        let commit = commit();
        assert!(!commit.is_news(commit.goal()), "nothing was written");
        commit.note_write(Offset(70));
        commit.note_write(Offset(40));
        let goal = commit.goal();
        assert_eq!(goal.end, Offset(70));
        assert!(commit.is_news(goal));
        assert!(!commit.is_news(goal));
    }

    #[test]
    fn what_was_given_up_on_holds_back_no_reader_and_every_writer() {
        let commit = commit();
        commit.note_write(Offset(70));
        let goal = commit.goal();
        assert!(commit.admits(None, goal));
        assert!(!commit.admits(Some(Sight::Read), goal));
        commit.give_up(goal);
        assert!(commit.admits(Some(Sight::Read), goal));
        assert!(!commit.admits(Some(Sight::Wrote), goal));
        commit.note_write(Offset(71));
        assert!(!commit.admits(Some(Sight::Read), commit.goal()));
    }

    #[test]
    fn what_was_held_under_another_history_is_not_released_by_offsets_of_this_one() {
        let commit = commit();
        commit.note_write(Offset(70));
        let old = commit.goal();
        commit.begin_history(Offset(20));
        assert_eq!(commit.goal().end, Offset(20));
        assert!(commit.admits(Some(Sight::Read), commit.goal()));
        commit.committed.store(500, Ordering::Relaxed);
        assert!(!commit.reaches(old, &Replicas::default()));
        commit.give_up(old);
        assert_eq!(commit.given_up.load(Ordering::Relaxed), 20);
    }

    #[test]
    fn whoever_waits_for_nobody_is_there_already() {
        let commit = Commit::default();
        commit.note_write(Offset(70));
        assert!(commit.reaches(commit.goal(), &Replicas::default()));
    }
}
