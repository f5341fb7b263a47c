//! Replies that wait for replicas: held turn by turn, and sent in order once they are committed.
//!
//! A worker goes on meanwhile: further turns execute, and queue up behind. One task of each worker
//! waits for acknowledgements, and for the deadline of the oldest turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use crate::command::Fault;
use crate::command::counters::Counters;

use super::Server;
use super::commit::{Goal, Sight};
use super::turn::Outbox;

/// The turns of one worker whose replies are held, oldest first.
pub struct Held {
    server: Arc<Server>,
    turns: RefCell<VecDeque<HeldTurn>>,
    added: Notify,
    /// Told whenever turns have left.
    left: Notify,
}

/// One turn, and to whom it owes what is held.
struct HeldTurn {
    goal: Goal,
    deadline: Instant,
    outboxes: Vec<Rc<Outbox>>,
}

/// What became of a turn that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Enough replicas have it.
    Committed,
    /// They did not say so in time.
    InVain,
}

impl Held {
    /// Makes the empty queue of a worker.
    pub fn new(server: Arc<Server>) -> Self {
        let (turns, added, left) = (RefCell::default(), Notify::new(), Notify::new());
        Self { server, turns, added, left }
    }

    /// Holds what must wait for the goal, and sends the rest.
    pub fn hold(&self, owed: impl Iterator<Item = Rc<Outbox>>, goal: Goal) {
        let commit = &self.server.commit;
        let mut outboxes = Vec::new();
        for outbox in owed {
            if commit.admits(outbox.holding.sight(), goal) {
                outbox.send();
                continue;
            }
            if outbox.hold() {
                commit.begins_to_wait();
            }
            outboxes.push(outbox);
        }
        if outboxes.is_empty() {
            return;
        }
        let deadline = Instant::now() + commit.timeout();
        self.turns.borrow_mut().push_back(HeldTurn { goal, deadline, outboxes });
        self.added.notify_one();
    }

    /// Sends what is committed, and errors in the place of what is overdue, for as long as it lives.
    pub async fn run(&self) -> Infallible {
        let mut acks = self.server.replicas.acks();
        loop {
            let Some(deadline) = self.release() else {
                self.added.notified().await;
                continue;
            };
            tokio::select! {
                // The sender is part of the server.
                _ = acks.changed() => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    /// Waits at the end of the server until nothing is held, and no longer than a reply waits, or
    /// than the end may take.
    pub async fn finish(&self) {
        let empty = async {
            while !self.turns.borrow().is_empty() {
                self.left.notified().await;
            }
        };
        // Whoever is still held then is told so.
        let patience = self.server.commit.timeout().min(self.server.settings().shutdown_timeout);
        let _ = timeout(patience, empty).await;
        while let Some(turn) = self.next(|_| true) {
            self.let_go(turn, Verdict::InVain);
        }
    }

    /// Lets go of all turns that are due; returns the deadline of the next.
    fn release(&self) -> Option<Instant> {
        let Server { commit, replicas, .. } = &*self.server;
        // What a replica of another primary has is another history.
        let leads = !self.server.live.is_replica() || !commit.is_on();
        while let Some(turn) = self.next(|turn| leads && commit.reaches(turn.goal, replicas)) {
            self.let_go(turn, Verdict::Committed);
        }
        let now = Instant::now();
        while let Some(turn) = self.next(|turn| turn.deadline <= now) {
            self.let_go(turn, Verdict::InVain);
        }
        self.left.notify_one();
        self.turns.borrow().front().map(|turn| turn.deadline)
    }

    fn next(&self, is_due: impl Fn(&HeldTurn) -> bool) -> Option<HeldTurn> {
        let mut turns = self.turns.borrow_mut();
        if turns.front().is_some_and(is_due) { turns.pop_front() } else { None }
    }

    fn let_go(&self, turn: HeldTurn, verdict: Verdict) {
        let commit = &self.server.commit;
        if verdict == Verdict::InVain {
            commit.give_up(turn.goal);
        }
        for outbox in turn.outboxes {
            if outbox.release(verdict, |sight| commit.fault(sight)) {
                commit.waits_no_more();
            }
        }
    }
}

/// The replies of one connection that are held, and what those of the present turn tell.
#[derive(Default)]
pub struct Holding {
    turns: RefCell<VecDeque<Replies>>,
    marks: RefCell<Vec<Mark>>,
    bytes: Cell<usize>,
    /// Why the reply that the server is about to give is an error.
    failed: RefCell<Option<String>>,
}

/// The replies to one connection of one turn, and those behind them that need not wait.
struct Replies {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

/// Where a reply is that tells something which must be committed first.
struct Mark {
    at: Range<usize>,
    sight: Sight,
}

impl Holding {
    /// Notes what the reply at `at` tells; an empty one is given by the server later.
    pub fn mark(&self, at: Range<usize>, sight: Sight) {
        self.marks.borrow_mut().push(Mark { at, sight });
    }

    /// Tells whether any reply of the present turn tells something.
    pub fn is_marked(&self) -> bool {
        !self.marks.borrow().is_empty()
    }

    /// Tells the most that a reply of the present turn tells.
    pub fn sight(&self) -> Option<Sight> {
        self.marks.borrow().iter().map(|mark| mark.sight).max()
    }

    /// Tells whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.turns.borrow().is_empty()
    }

    /// Tells how many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Takes the present turn's replies; tells whether they are the first.
    pub fn hold(&self, replies: &mut Vec<u8>) -> bool {
        let (bytes, marks) = (std::mem::take(replies), self.marks.take());
        self.bytes.set(self.bytes.get() + bytes.len());
        let mut turns = self.turns.borrow_mut();
        turns.push_back(Replies { bytes, marks });
        turns.len() == 1
    }

    /// Takes replies that need not wait, if there are any held that they must not overtake.
    pub fn queue_behind(&self, replies: &mut Vec<u8>) -> bool {
        self.marks.borrow_mut().clear();
        let mut turns = self.turns.borrow_mut();
        let Some(last) = turns.back_mut() else { return false };
        self.bytes.set(self.bytes.get() + replies.len());
        last.bytes.append(replies);
        true
    }

    /// Returns the oldest turn's replies as they are to be sent.
    pub fn release(
        &self,
        verdict: Verdict,
        fault: impl Fn(Sight) -> String,
        counters: &Counters,
    ) -> Vec<u8> {
        let Some(Replies { bytes, marks }) = self.turns.borrow_mut().pop_front() else {
            return Vec::new();
        };
        self.bytes.set(self.bytes.get() - bytes.len());
        if verdict == Verdict::Committed {
            return bytes;
        }
        let (mut told, mut from) = (Vec::with_capacity(bytes.len()), 0);
        for Mark { at, sight } in marks {
            let fault = fault(sight);
            counters.refused(None, &Fault::of(fault.clone()));
            told.extend_from_slice(&bytes[from..at.start]);
            from = at.end;
            if at.is_empty() {
                *self.failed.borrow_mut() = Some(fault);
            } else {
                told.push(b'-');
                told.extend_from_slice(fault.as_bytes());
                told.extend_from_slice(b"\r\n");
            }
        }
        told.extend_from_slice(&bytes[from..]);
        told
    }

    /// Tells why the reply that the server is about to give is an error, if so.
    pub fn take_failure(&self) -> Option<String> {
        self.failed.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(sight: Sight) -> String {
        format!("{sight:?}")
    }

    #[test]
    fn replies_leave_as_they_came_once_committed() {
        let holding = Holding::default();
        holding.mark(0..5, Sight::Wrote);
        assert_eq!(holding.sight(), Some(Sight::Wrote));
        assert!(holding.hold(&mut b"+OK\r\n".to_vec()));
        assert!(!holding.is_marked());
        assert!(holding.queue_behind(&mut b"+PONG\r\n".to_vec()));
        assert!(!holding.hold(&mut b":1\r\n".to_vec()));
        assert_eq!(holding.bytes(), 16);
        let counters = Counters::default();
        assert_eq!(holding.release(Verdict::Committed, fault, &counters), b"+OK\r\n+PONG\r\n");
        assert_eq!(holding.release(Verdict::Committed, fault, &counters), b":1\r\n");
        assert_eq!((holding.bytes(), holding.is_empty()), (0, true));
        assert!(!holding.queue_behind(&mut b"+PONG\r\n".to_vec()));
    }

    #[test]
    fn only_what_tells_of_the_data_becomes_an_error() {
        let holding = Holding::default();
        let mut replies = b"+PONG\r\n+OK\r\n$1\r\nx\r\n-ERR no\r\n".to_vec();
        holding.mark(7..12, Sight::Wrote);
        holding.mark(12..19, Sight::Read);
        holding.hold(&mut replies);
        let told = holding.release(Verdict::InVain, fault, &Counters::default());
        assert_eq!(told, b"+PONG\r\n-Wrote\r\n-Read\r\n-ERR no\r\n");
        assert_eq!(holding.take_failure(), None);
    }

    #[test]
    fn a_reply_that_the_server_gives_later_becomes_an_error_then() {
        let holding = Holding::default();
        holding.mark(0..0, Sight::Wrote);
        assert!(holding.hold(&mut Vec::new()));
        assert!(holding.release(Verdict::InVain, fault, &Counters::default()).is_empty());
        assert_eq!(holding.take_failure(), Some("Wrote".to_owned()));
    }
}
