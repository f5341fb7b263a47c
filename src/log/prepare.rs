//! Keeping segments ready ahead of the writer, and removing retired ones, off the append path.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::format::{PAGE_BYTES, file_len_for_unit};
use super::mapping::Pager;
use super::schedulable::{AtomicBool, AtomicU8, Condvar, Mutex, MutexGuard, Ordering};
use super::storage::{Spare, StorageError};
use crate::position::Offset;

/// How long after a failed attempt the next one is made.
const RETRY: Duration = Duration::from_millis(200);
/// How long after a segment could not be removed that is tried again.
const REMOVE_AGAIN: Duration = Duration::from_secs(5);
/// How long after a shortage was told it may be told again.
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// How soon memory is looked at again that could not be let go of for want of a sync.
const REVIEW_AGAIN: Duration = Duration::from_millis(500);
/// How far ahead of the writer the pages of the stream are populated.
const STREAM_AHEAD_BYTES: usize = 4 << 20;
/// How far ahead of the writer the pages of the frames are populated.
const FRAMES_AHEAD_BYTES: usize = 1 << 20;
/// A stream faster than this is better off with large folios, a slower one with single pages.
const FAST_BYTES_PER_SECOND: f64 = 8e6;

const TAIL_IS_LOW: u8 = 1;
const SPARE_READY: u8 = 2;
const REFUSING: u8 = 4;

/// Says that no further segment can be made at present.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoSpace {
    /// Making one failed, most likely for want of disk space; it is tried again and again.
    #[error("{0}")]
    Shortage(Arc<StorageError>),
    /// The log has failed or is closing; see [`super::Log::failed`].
    #[error("the log accepts no more writes")]
    Closed,
}

/// The segments made ready, what is wanted of the helper thread, and whether writes are admitted.
#[derive(Debug)]
pub struct Supply {
    state: Mutex<State>,
    /// Signalled when a spare is ready or could not be made.
    ready: Condvar,
    /// Signalled when there is something for the helper to do.
    work: Condvar,
    signs: AtomicU8,
    threaded: AtomicBool,
}

#[derive(Debug)]
struct State {
    next_seq: u64,
    spare: Option<Spare>,
    spare_made: Option<Instant>,
    claims: Vec<Claim>,
    next_claim: u64,
    shortage: Option<Arc<StorageError>>,
    /// When one was told last: each large write makes an attempt of its own.
    told_at: Option<Instant>,
    retry_at: Option<Instant>,
    /// Names to remove, oldest first: retired segments and spares nobody used.
    removals: VecDeque<u64>,
    /// When the first of them is tried again, which could not be removed. No later one goes before it:
    /// what is left would have a gap.
    removal_at: Option<Instant>,
    tail: Option<TailPages>,
    review: Review,
    closed: bool,
}

/// When to see what memory can be let go of.
#[derive(Debug)]
struct Review {
    is_due: bool,
    /// Once so much is written.
    beyond: Offset,
    at: Option<Instant>,
}

/// A segment made for one large unit.
#[derive(Debug)]
struct Claim {
    id: u64,
    len: u64,
    state: ClaimState,
}

#[derive(Debug)]
enum ClaimState {
    Wanted,
    Ready(Spare),
    Used,
    Failed(Arc<StorageError>),
}

/// How far the pages of the tail are populated, and how far they should be.
#[derive(Debug)]
struct TailPages {
    pager: Pager,
    file_len: usize,
    stream_done: usize,
    stream_goal: usize,
    frames_done: usize,
    frames_goal: usize,
}

/// Space set aside for one large unit; given back when dropped.
#[derive(Debug)]
#[must_use = "the space is given back as soon as this is dropped"]
pub struct Secured {
    core: Arc<Core>,
    claim: Option<u64>,
}

impl Drop for Secured {
    fn drop(&mut self) {
        if let Some(id) = self.claim {
            self.core.supply.release(id);
        }
    }
}

/// What the helper found to do.
enum Task {
    Remove(u64),
    Create { seq: u64, len: u64, claim: Option<u64> },
    Populate,
    LetGo,
}

impl Supply {
    pub(super) fn new(next_seq: u64) -> Self {
        let state = State {
            next_seq,
            spare: None,
            spare_made: None,
            claims: Vec::new(),
            next_claim: 0,
            shortage: None,
            told_at: None,
            retry_at: None,
            removals: VecDeque::new(),
            removal_at: None,
            tail: None,
            review: Review { is_due: true, beyond: Offset::ZERO, at: None },
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            ready: Condvar::new(),
            work: Condvar::new(),
            signs: AtomicU8::new(0),
            threaded: AtomicBool::new(false),
        }
    }

    pub(super) fn set_threaded(&self) {
        self.threaded.store(true, Ordering::Release);
    }

    /// Whether there is little room, and no more of it is ready.
    pub(super) fn is_short(&self) -> bool {
        let signs = self.signs.load(Ordering::Relaxed);
        signs & REFUSING != 0 || signs & (TAIL_IS_LOW | SPARE_READY) == TAIL_IS_LOW
    }

    /// Whether a write of ordinary size may go ahead; one load unless space is short.
    pub(super) fn admission(&self, core: &Core) -> Result<(), NoSpace> {
        if !self.is_short() {
            return Ok(());
        }
        let mut state = self.state.lock();
        self.wait_for(core, &mut state, |state| state.spare.is_some())
    }

    /// Makes sure of room for a unit of `bytes`, if need be by a segment of its own.
    pub(super) fn secure(core: &Arc<Core>, bytes: u64) -> Result<Secured, NoSpace> {
        let core = Arc::clone(core);
        if bytes <= core.options.reserve_bytes() {
            core.supply.admission(&core)?;
            return Ok(Secured { core, claim: None });
        }
        let len = file_len_for_unit(bytes).max(core.options.segment_bytes());
        let id = core.supply.claim(&core, len)?;
        Ok(Secured { core, claim: Some(id) })
    }

    /// Hands out a spare of at least `len` bytes, waiting for one to be made.
    pub(super) fn take(&self, core: &Core, len: u64) -> Result<Spare, NoSpace> {
        let mut state = self.state.lock();
        let is_large = len > core.options.reserve_bytes();
        if is_large && let Some(spare) = state.take_claimed(len) {
            return Ok(spare);
        }
        if len <= core.options.segment_bytes() {
            // The caller stops the server if this fails, so an old shortage is not taken for an
            // answer: one more attempt is made.
            (state.shortage, state.retry_at) = (None, None);
            if let Err(refusal) = self.wait_for(core, &mut state, |state| state.spare.is_some()) {
                // What was made sure of may be less than was asked for, and so no longer large.
                return state.take_claimed(len).ok_or(refusal);
            }
            let spare = state.spare.take().expect("waited for it just now");
            self.signs.fetch_and(!SPARE_READY, Ordering::Relaxed);
            self.work.notify_one();
            return Ok(spare);
        }
        drop(state);
        let id = self.claim(core, len)?;
        let spare = self.state.lock().take_claimed(len);
        self.release(id);
        spare.ok_or(NoSpace::Closed)
    }

    /// To be called when a segment becomes the tail.
    pub(super) fn begin_tail(&self, pager: Pager, file_len: usize) {
        let mut state = self.state.lock();
        state.tail = Some(TailPages {
            pager,
            file_len,
            stream_done: STREAM_AHEAD_BYTES,
            stream_goal: STREAM_AHEAD_BYTES,
            frames_done: FRAMES_AHEAD_BYTES,
            frames_goal: FRAMES_AHEAD_BYTES,
        });
        self.signs.fetch_and(!TAIL_IS_LOW, Ordering::Relaxed);
        self.work.notify_one();
    }

    pub(super) fn tail_is_low(&self) {
        self.signs.fetch_or(TAIL_IS_LOW, Ordering::Relaxed);
    }

    /// Asks for the pages ahead of the writer, who is at `stream` with `frames` bytes of frames.
    pub(super) fn populate_ahead(&self, stream: usize, frames: usize) {
        if let Some(tail) = &mut self.state.lock().tail {
            tail.stream_goal = stream + STREAM_AHEAD_BYTES;
            tail.frames_goal = frames + FRAMES_AHEAD_BYTES;
            self.work.notify_one();
        }
    }

    /// To be called when a reader needs less memory than before.
    pub(super) fn review(&self) {
        self.state.lock().review.is_due = true;
        self.work.notify_one();
    }

    /// Asks for names to be removed, in the order given.
    pub(super) fn remove(&self, core: &Core, seqs: impl IntoIterator<Item = u64>) {
        self.state.lock().removals.extend(seqs);
        if self.threaded.load(Ordering::Acquire) {
            self.work.notify_one();
        } else {
            self.work_off(core);
        }
    }

    /// Refuses writes from now on.
    pub(super) fn refuse_everything(&self) {
        self.state.lock().closed = true;
        self.signs.fetch_or(REFUSING, Ordering::Relaxed);
        self.ready.notify_all();
    }

    pub(super) fn stop(&self) {
        self.refuse_everything();
        self.work.notify_all();
    }

    /// The body of the helper thread.
    pub(super) fn run(&self, core: &Core) {
        let mut state = self.state.lock();
        while !state.closed {
            if let Some(task) = state.next_task(core) {
                state = self.perform(core, state, &task);
            } else if let Some(at) = state.put_off_until() {
                if self.work.wait_until(&mut state, at).timed_out() {
                    state.ring(at);
                }
            } else {
                self.work.wait(&mut state);
            }
        }
        state.removal_at = None;
        while state.removal_at.is_none()
            && let Some(seq) = state.removals.pop_front()
        {
            state = self.perform(core, state, &Task::Remove(seq));
        }
    }

    /// Does everything there is to do; what the helper thread does bit by bit.
    pub(super) fn work_off(&self, core: &Core) {
        let mut state = self.state.lock();
        while let Some(task) = state.next_task(core) {
            state = self.perform(core, state, &task);
        }
    }

    /// Lets go of the lock while it touches the disk.
    fn perform<'a>(
        &'a self,
        core: &Core,
        mut state: MutexGuard<'a, State>,
        task: &Task,
    ) -> MutexGuard<'a, State> {
        match *task {
            Task::Remove(seq) => {
                drop(state);
                let removed = core.storage.remove(seq);
                state = self.state.lock();
                match removed {
                    Ok(()) => state.retry_at = None,
                    // Somebody else has, or the last attempt failed behind it.
                    Err(error) if error.source.kind() == ErrorKind::NotFound => {}
                    Err(error) => {
                        tracing::warn!(%error, source = %error.source, "a retired segment stays");
                        state.removals.push_front(seq);
                        state.removal_at = Some(Instant::now() + REMOVE_AGAIN);
                    }
                }
            }
            Task::Create { seq, len, claim } => {
                let is_fast = state.is_fast(core.options.segment_bytes());
                drop(state);
                let made = core.storage.create(seq, len, core.preparation(is_fast));
                let made = made.inspect(populate_beginning);
                state = self.state.lock();
                self.settle(&mut state, claim, made);
            }
            Task::Populate => {
                let step = state.tail.as_mut().map(TailPages::next_step);
                drop(state);
                if let Some((pager, stream, frames)) = step {
                    let populated = pager
                        .populate_for_write(stream)
                        .and_then(|()| pager.populate_for_write(frames));
                    if let Err(error) = populated {
                        tracing::debug!(%error, "pages of the log could not be populated");
                    }
                }
                state = self.state.lock();
            }
            Task::LetGo => {
                let beyond = core.marks.written().advanced(core.options.residency.step_bytes);
                state.review = Review { is_due: false, beyond, at: None };
                drop(state);
                let has_more_to_go = core.let_go();
                state = self.state.lock();
                state.review.at = has_more_to_go.then(|| Instant::now() + REVIEW_AGAIN);
            }
        }
        state
    }

    fn settle(&self, state: &mut State, claim: Option<u64>, made: Result<Spare, StorageError>) {
        let made = made.map_err(|error| {
            if state.shortage.is_none() && state.is_time_to_tell() {
                tracing::warn!(%error, source = %error.source, "no further segment can be made");
            }
            Arc::new(error)
        });
        match (claim, made) {
            (None, Ok(spare)) => {
                (state.shortage, state.retry_at) = (None, None);
                state.spare = Some(spare);
                state.spare_made = Some(Instant::now());
                self.signs.fetch_or(SPARE_READY, Ordering::Relaxed);
            }
            (None, Err(error)) => {
                state.shortage = Some(error);
                state.retry_at = Some(Instant::now() + RETRY);
            }
            (Some(id), made) => {
                let seq = made.as_ref().ok().map(|spare| spare.seq);
                match state.claims.iter_mut().find(|claim| claim.id == id) {
                    Some(claim) => {
                        claim.state = made.map_or_else(ClaimState::Failed, ClaimState::Ready);
                    }
                    None => state.removals.extend(seq),
                }
            }
        }
        self.ready.notify_all();
    }

    fn claim(&self, core: &Core, len: u64) -> Result<u64, NoSpace> {
        let mut state = self.state.lock();
        let id = state.next_claim;
        state.next_claim += 1;
        state.claims.push(Claim { id, len, state: ClaimState::Wanted });
        let settled = |state: &State| {
            let claim = state.claims.iter().find(|claim| claim.id == id);
            claim.is_none_or(|claim| !matches!(claim.state, ClaimState::Wanted))
        };
        self.wait_until(core, &mut state, settled);
        let claim = state.claims.iter().find(|claim| claim.id == id);
        let refusal = match claim.map(|claim| &claim.state) {
            Some(ClaimState::Ready(_) | ClaimState::Used) => return Ok(id),
            Some(ClaimState::Failed(error)) => NoSpace::Shortage(Arc::clone(error)),
            Some(ClaimState::Wanted) | None => NoSpace::Closed,
        };
        state.claims.retain(|claim| claim.id != id);
        Err(refusal)
    }

    fn release(&self, id: u64) {
        let mut state = self.state.lock();
        let Some(index) = state.claims.iter().position(|claim| claim.id == id) else { return };
        if let ClaimState::Ready(spare) = state.claims.swap_remove(index).state {
            state.removals.push_back(spare.seq);
            self.work.notify_one();
        }
    }

    /// Waits until `holds`, or until it is known that it will not.
    fn wait_for(
        &self,
        core: &Core,
        state: &mut MutexGuard<'_, State>,
        holds: impl Fn(&State) -> bool,
    ) -> Result<(), NoSpace> {
        if !self.threaded.load(Ordering::Acquire) {
            state.shortage = None;
        }
        self.wait_until(core, state, |state| holds(state) || state.shortage.is_some());
        if state.closed {
            return Err(NoSpace::Closed);
        }
        match &state.shortage {
            Some(error) if !holds(state) => Err(NoSpace::Shortage(Arc::clone(error))),
            _ => Ok(()),
        }
    }

    fn wait_until(
        &self,
        core: &Core,
        state: &mut MutexGuard<'_, State>,
        holds: impl Fn(&State) -> bool,
    ) {
        if !self.threaded.load(Ordering::Acquire) {
            if !holds(state) {
                state.retry_at = None;
                MutexGuard::unlocked(state, || self.work_off(core));
            }
            return;
        }
        while !holds(state) && !state.closed {
            self.work.notify_one();
            self.ready.wait(state);
        }
    }
}

impl State {
    /// Removals come first: they are what makes room on a full disk.
    fn next_task(&mut self, core: &Core) -> Option<Task> {
        if self.removal_at.is_none_or(|at| at <= Instant::now())
            && let Some(seq) = self.removals.pop_front()
        {
            self.removal_at = None;
            return Some(Task::Remove(seq));
        }
        let wanted = self.claims.iter().find(|claim| matches!(claim.state, ClaimState::Wanted));
        if let Some(claim) = wanted {
            let (id, len) = (claim.id, claim.len);
            return Some(Task::Create { seq: self.take_seq(), len, claim: Some(id) });
        }
        if self.spare.is_none() && self.retry_at.is_none() {
            let len = core.options.segment_bytes();
            return Some(Task::Create { seq: self.take_seq(), len, claim: None });
        }
        if self.tail.as_ref().is_some_and(TailPages::is_behind) {
            return Some(Task::Populate);
        }
        let review = &self.review;
        let is_due = review.is_due || core.marks.written() >= review.beyond;
        is_due.then_some(Task::LetGo)
    }

    /// Until when something was put off.
    fn put_off_until(&self) -> Option<Instant> {
        [self.retry_at, self.removal_at, self.review.at].into_iter().flatten().min()
    }

    /// To be called when it is `at`, until when something was put off.
    fn ring(&mut self, at: Instant) {
        if self.retry_at.is_some_and(|retry_at| retry_at <= at) {
            self.retry_at = None;
        }
        if self.review.at.is_some_and(|review_at| review_at <= at) {
            self.review.is_due = true;
        }
    }

    fn is_time_to_tell(&mut self) -> bool {
        let now = Instant::now();
        let is_time = self.told_at.is_none_or(|at| now.duration_since(at) >= TELL_AGAIN);
        if is_time {
            self.told_at = Some(now);
        }
        is_time
    }

    fn take_seq(&mut self) -> u64 {
        self.next_seq += 1;
        self.next_seq - 1
    }

    /// The smallest segment made for a large unit that is large enough for this one.
    fn take_claimed(&mut self, len: u64) -> Option<Spare> {
        let fits = |claim: &&mut Claim| matches!(&claim.state, ClaimState::Ready(spare) if spare.len >= len);
        let claim = self.claims.iter_mut().filter(fits).min_by_key(|claim| claim.len)?;
        match std::mem::replace(&mut claim.state, ClaimState::Used) {
            ClaimState::Ready(spare) => Some(spare),
            _ => None,
        }
    }

    /// Whether the last ordinary segment filled up quickly.
    fn is_fast(&self, segment_bytes: u64) -> bool {
        self.spare_made.is_some_and(|made| {
            segment_bytes as f64 > made.elapsed().as_secs_f64() * FAST_BYTES_PER_SECOND
        })
    }
}

impl TailPages {
    fn is_behind(&self) -> bool {
        self.stream_done < self.stream_goal.min(self.file_len)
            || self.frames_done < self.frames_goal.min(self.file_len)
    }

    fn next_step(&mut self) -> (Pager, Range<usize>, Range<usize>) {
        let stream = self.stream_done..self.stream_goal.min(self.file_len).max(self.stream_done);
        let frames = self.file_len.saturating_sub(self.frames_goal)
            ..self.file_len.saturating_sub(self.frames_done);
        let frames = frames.start - frames.start % PAGE_BYTES..frames.end;
        self.stream_done = self.stream_goal.max(self.stream_done);
        self.frames_done = self.frames_goal.max(self.frames_done);
        (self.pager.clone(), stream, frames)
    }
}

/// Populates where the writer will begin. A failure costs time later, nothing else.
pub(super) fn populate_beginning(spare: &Spare) {
    let (pager, len) = (spare.writable.pager(), spare.len as usize);
    let frames = len.saturating_sub(FRAMES_AHEAD_BYTES)..len;
    let populated = pager
        .populate_for_write(0..STREAM_AHEAD_BYTES)
        .and_then(|()| pager.populate_for_write(frames));
    if let Err(error) = populated {
        tracing::debug!(%error, "pages of a new segment could not be populated");
    }
}
