//! Which mailboxes of one worker have something in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

use super::Mailbox;

/// Which mailboxes of one worker have something in them.
///
/// Whoever lists one rings later: a worker is woken once for all that a turn of another has put in.
#[derive(Debug, Default)]
pub struct Post {
    listed: Mutex<Vec<Arc<Mailbox>>>,
    /// Whether something was listed since the worker last came or was woken.
    is_owed: AtomicBool,
    worker: Mutex<Option<Waker>>,
}

impl Post {
    pub(super) fn list(&self, mailbox: Arc<Mailbox>) {
        self.listed.lock().push(mailbox);
        self.is_owed.store(true, Ordering::Release);
    }

    pub(super) fn ring(&self) {
        if self.is_owed.load(Ordering::Acquire)
            && self.is_owed.swap(false, Ordering::AcqRel)
            && let Some(worker) = &*self.worker.lock()
        {
            worker.wake_by_ref();
        }
    }

    /// Notes whom to wake; to be called before what is listed is looked at.
    pub fn listen(&self, waker: &Waker) {
        let mut worker = self.worker.lock();
        if !worker.as_ref().is_some_and(|worker| worker.will_wake(waker)) {
            *worker = Some(waker.clone());
        }
    }

    /// Takes what is listed, into a list that is empty.
    pub fn take(&self, into: &mut Vec<Arc<Mailbox>>) {
        let mut listed = self.listed.lock();
        self.is_owed.store(false, Ordering::Release);
        std::mem::swap(&mut *listed, into);
    }
}
