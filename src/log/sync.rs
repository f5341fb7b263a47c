//! Making the log durable: when, by whom, and what a failure means.
//!
//! One sync is under way at a time, and it covers whatever was sealed before it began, whoever sealed
//! it. Who may block leads one on its own thread, as workers do for the replies of a turn; the sync
//! thread leads those that others ask for, and those that nobody does.

use std::time::{Duration, Instant};

use super::core::Core;
use super::schedulable::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering};
use super::storage::StorageError;
use super::watermarks::SyncFailed;
use crate::position::Offset;

const SECOND: Duration = Duration::from_secs(1);
/// How many of the latest syncs the percentiles are taken over.
const LATENCIES: usize = 1024;
/// A stream with no more units than this since the last sync is idle: the next sync is due at once.
///
/// A single client that awaits each of its writes on a replica writes one, and one more to ask for
/// the acknowledgement.
const IDLE_UNITS_MAX: u64 = 2;

/// When the log is made durable without being asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// As soon as something is sealed; a reply waits for it.
    Always,
    /// At most one second late.
    EverySecond,
    /// When a segment is full.
    Never,
}

/// How the syncs went, in microseconds; percentiles over the latest thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncStatistics {
    /// How many succeeded.
    pub count: u64,
    /// How many failed: none or one, the first being the last.
    pub failures: u64,
    /// How long the last one took.
    pub last_micros: u64,
    /// The median.
    pub p50_micros: u64,
    /// The 99th percentile.
    pub p99_micros: u64,
    /// The longest since the start.
    pub max_micros: u64,
}

/// Tells the sync thread what is wanted of it.
#[derive(Debug)]
pub struct SyncControl {
    /// Held by whoever syncs, for as long as that takes.
    lead: Mutex<()>,
    state: Mutex<State>,
    wake: Condvar,
    wanted: AtomicU64,
    /// How many units were ever sealed, and how many of them before the last sync began.
    sealed_units: AtomicU64,
    synced_units: AtomicU64,
    /// Set while the thread sleeps; raised before it looks at what is wanted for the last time.
    sleeping: AtomicBool,
    /// Set while it sleeps until something is sealed.
    listening: AtomicBool,
    threaded: AtomicBool,
    latencies: Mutex<Latencies>,
}

#[derive(Debug)]
struct State {
    policy: SyncPolicy,
    eager: bool,
    stopping: bool,
}

#[derive(Debug, Default)]
struct Latencies {
    statistics: SyncStatistics,
    recent: Vec<u64>,
}

/// What the sync thread decides on.
#[derive(Clone, Copy, Debug)]
struct View {
    policy: SyncPolicy,
    eager: bool,
    durable: Offset,
    sealed: Offset,
    wanted: Offset,
    tail_base: Offset,
    /// How many units wait to become durable.
    units: u64,
}

/// What the sync thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Now,
    /// Once so much time has passed since the last sync.
    After(Duration),
    /// When something is sealed.
    OnSeal,
    /// When something is asked for.
    Idle,
}

fn due(view: View, coalesce: Duration) -> Due {
    let hurry = view.eager || view.policy == SyncPolicy::Always;
    let pending = view.sealed > view.durable;
    let is_idle = view.units <= IDLE_UNITS_MAX;
    if pending && (view.wanted > view.durable || (view.eager && is_idle)) {
        Due::Now
    } else if pending && hurry {
        Due::After(coalesce)
    } else if pending && view.policy == SyncPolicy::EverySecond {
        Due::After(SECOND)
    } else if pending && view.tail_base > view.durable {
        Due::Now
    } else if hurry || view.policy == SyncPolicy::EverySecond || view.wanted > view.sealed {
        Due::OnSeal
    } else {
        Due::Idle
    }
}

impl SyncControl {
    pub(super) fn new(policy: SyncPolicy) -> Self {
        Self {
            lead: Mutex::new(()),
            state: Mutex::new(State { policy, eager: false, stopping: false }),
            wake: Condvar::new(),
            wanted: AtomicU64::new(0),
            sealed_units: AtomicU64::new(0),
            synced_units: AtomicU64::new(0),
            sleeping: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            threaded: AtomicBool::new(false),
            latencies: Mutex::default(),
        }
    }

    pub(super) fn set_threaded(&self) {
        self.threaded.store(true, Ordering::Release);
    }

    pub(super) fn is_threaded(&self) -> bool {
        self.threaded.load(Ordering::Acquire)
    }

    pub(super) fn policy(&self) -> SyncPolicy {
        self.state.lock().policy
    }

    pub(super) fn set_policy(&self, policy: SyncPolicy) {
        self.state.lock().policy = policy;
        self.wake.notify_all();
    }

    pub(super) fn is_eager(&self) -> bool {
        self.state.lock().eager
    }

    pub(super) fn set_eager(&self, eager: bool) {
        self.state.lock().eager = eager;
        self.wake.notify_all();
    }

    pub(super) fn stop(&self) {
        self.state.lock().stopping = true;
        self.wake.notify_all();
    }

    /// Asks for everything up to `offset` to become durable soon.
    pub(super) fn request(&self, offset: Offset) {
        self.wanted.fetch_max(offset.0, Ordering::SeqCst);
        if self.sleeping.load(Ordering::SeqCst) {
            self.rouse();
        }
    }

    /// Counts the units that a seal covers; to be called before `sealed` rises.
    pub(super) fn count_sealed(&self, units: u64) {
        self.sealed_units.fetch_add(units, Ordering::Relaxed);
    }

    /// To be called after each seal; free unless the thread sleeps for want of one.
    pub(super) fn notice_seal(&self) {
        if self.listening.load(Ordering::SeqCst) {
            self.rouse();
        }
    }

    /// To be called when a segment has ended.
    pub(super) fn notice_roll(&self) {
        if self.sleeping.load(Ordering::SeqCst) {
            self.rouse();
        }
    }

    pub(super) fn statistics(&self) -> SyncStatistics {
        let latencies = self.latencies.lock();
        let mut sorted = latencies.recent.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0)
        };
        SyncStatistics { p50_micros: at(50), p99_micros: at(99), ..latencies.statistics }
    }

    /// The body of the sync thread; ends when stopped, or with the first failure (L6).
    pub(super) fn run(&self, core: &Core) {
        let mut last: Option<Instant> = None;
        let mut state = self.state.lock();
        while !state.stopping {
            self.sleeping.store(true, Ordering::SeqCst);
            self.listening.store(true, Ordering::SeqCst);
            let due = due(self.view(core, &state), core.options.coalesce);
            self.listening.store(due == Due::OnSeal, Ordering::SeqCst);
            let ripe = match due {
                Due::Now => true,
                Due::After(pause) => match last.map(|last| last + pause) {
                    Some(at) if at > Instant::now() => {
                        self.wake.wait_until(&mut state, at);
                        false
                    }
                    _ => true,
                },
                Due::OnSeal | Due::Idle => {
                    self.wake.wait(&mut state);
                    false
                }
            };
            if !ripe {
                continue;
            }
            self.sleeping.store(false, Ordering::SeqCst);
            drop(state);
            // What another thread has made durable by now is not synced again.
            if core.sync_through(core.marks.sealed()).is_err() {
                return;
            }
            last = Some(Instant::now());
            state = self.state.lock();
        }
    }

    fn view(&self, core: &Core, state: &State) -> View {
        View {
            policy: state.policy,
            eager: state.eager,
            durable: core.marks.durable(),
            sealed: core.marks.sealed(),
            wanted: Offset(self.wanted.load(Ordering::SeqCst)),
            tail_base: core.segments.tail().map_or(Offset::ZERO, |tail| tail.base()),
            units: self.pending_units(),
        }
    }

    fn pending_units(&self) -> u64 {
        let sealed = self.sealed_units.load(Ordering::Relaxed);
        // Another thread may have synced more by now than was sealed a moment ago.
        sealed.saturating_sub(self.synced_units.load(Ordering::Relaxed))
    }

    fn rouse(&self) {
        // Taking the lock makes sure that the thread is either before its last look or waiting.
        drop(self.state.lock());
        self.wake.notify_all();
    }

    fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut latencies = self.latencies.lock();
        let slot = latencies.statistics.count as usize % LATENCIES;
        if latencies.recent.len() < LATENCIES {
            latencies.recent.push(micros);
        } else {
            latencies.recent[slot] = micros;
        }
        let statistics = &mut latencies.statistics;
        statistics.count += 1;
        statistics.last_micros = micros;
        statistics.max_micros = statistics.max_micros.max(micros);
    }
}

impl Core {
    /// Makes everything below `offset` durable, on this thread unless another one does so already.
    ///
    /// Who comes while a sync is under way waits for it, and leads the next one if it did not cover
    /// them: all who came meanwhile share that one.
    pub(super) fn sync_through(&self, offset: Offset) -> Result<(), SyncFailed> {
        let _lead = self.sync.lead.lock();
        if self.marks.durable() >= offset { Ok(()) } else { self.sync_sealed() }
    }

    /// Makes durable what is sealed now, segment by segment in order; the caller has the lead.
    ///
    /// `sealed` is read before anything is flushed (L2). The first failure is final (L6): the kernel
    /// marks pages clean after a failed write, so a second attempt would succeed and mean nothing.
    fn sync_sealed(&self) -> Result<(), SyncFailed> {
        if let Some(failure) = self.marks.failure() {
            return Err(failure.clone());
        }
        // An estimate: a unit sealed this very moment may be counted and yet have to wait.
        let units = self.sync.sealed_units.load(Ordering::Relaxed);
        let target = self.marks.sealed();
        self.sync.synced_units.store(units, Ordering::Relaxed);
        let began = Instant::now();
        let from = self.marks.durable();
        for segment in self.segments.overlapping(from, target) {
            let to = segment.end().map_or(target, |end| end.min(target));
            segment.sync(self.marks.durable(), to).map_err(|error| self.sync_failed(&error))?;
            self.marks.raise_durable(to);
        }
        self.sync.record(began.elapsed());
        Ok(())
    }

    fn sync_failed(&self, error: &StorageError) -> SyncFailed {
        tracing::error!(error = %error, source = %error.source, "the log could not be synced");
        let failed = SyncFailed { reason: format!("{error}: {}", error.source).into() };
        self.sync.latencies.lock().statistics.failures += 1;
        self.supply.refuse_everything();
        self.marks.fail(failed.clone());
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(policy: SyncPolicy) -> View {
        let (durable, sealed) = (Offset(10), Offset(20));
        View {
            policy,
            eager: false,
            durable,
            sealed,
            wanted: Offset(0),
            tail_base: Offset(0),
            units: 100,
        }
    }

    const COALESCE: Duration = Duration::from_millis(2);

    #[test]
    fn what_is_waited_for_is_synced_at_once_under_every_policy() {
        for policy in [SyncPolicy::Always, SyncPolicy::EverySecond, SyncPolicy::Never] {
            let view = View { wanted: Offset(15), ..view(policy) };
            assert_eq!(due(view, COALESCE), Due::Now);
        }
    }

    #[test]
    fn each_policy_has_its_own_pace() {
        assert_eq!(due(view(SyncPolicy::Always), COALESCE), Due::After(COALESCE));
        assert_eq!(due(view(SyncPolicy::EverySecond), COALESCE), Due::After(SECOND));
        assert_eq!(due(view(SyncPolicy::Never), COALESCE), Due::Idle);
        let eager = View { eager: true, ..view(SyncPolicy::Never) };
        assert_eq!(due(eager, COALESCE), Due::After(COALESCE));
    }

    #[test]
    fn replicas_of_an_idle_stream_wait_for_nothing_but_the_sync() {
        let eager = |units| View { eager: true, units, ..view(SyncPolicy::EverySecond) };
        assert_eq!(due(eager(IDLE_UNITS_MAX), COALESCE), Due::Now);
        assert_eq!(due(eager(IDLE_UNITS_MAX + 1), COALESCE), Due::After(COALESCE));
    }

    #[test]
    fn a_full_segment_is_synced_even_when_nobody_asks() {
        let rolled = View { tail_base: Offset(18), ..view(SyncPolicy::Never) };
        assert_eq!(due(rolled, COALESCE), Due::Now);
    }

    #[test]
    fn nothing_pending_means_waiting_for_a_seal_unless_nobody_cares() {
        let idle = |policy| View { sealed: Offset(10), ..view(policy) };
        assert_eq!(due(idle(SyncPolicy::EverySecond), COALESCE), Due::OnSeal);
        assert_eq!(due(idle(SyncPolicy::Never), COALESCE), Due::Idle);
        let wanted = View { wanted: Offset(30), ..idle(SyncPolicy::Never) };
        assert_eq!(due(wanted, COALESCE), Due::OnSeal);
    }
}
