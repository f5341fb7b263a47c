//! Scripts that run: which of them run for too long, and how they are ended.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Stopped;

/// How often whoever attends to others is called while a script runs for too long.
const ATTENDED_EVERY: Duration = Duration::from_millis(10);

/// Nothing runs.
const IDLE: u8 = 0;
/// A script runs that has written nothing.
const READS: u8 = 1;
/// A script runs that has written, and cannot be ended halfway.
const WRITES: u8 = 2;
/// A script runs that is to end.
const KILLED: u8 = 3;

/// The scripts that run, one on each thread at most.
#[derive(Debug, Default)]
pub struct Runs {
    threads: Mutex<Vec<Arc<Run>>>,
    /// How many run for too long.
    slow: AtomicUsize,
    threshold_ms: AtomicU64,
}

/// What runs on one thread.
#[derive(Debug, Default)]
struct Run {
    state: AtomicU8,
    /// How much the interpreter had allocated when its last script ended.
    interpreter_bytes: AtomicU64,
}

/// What became of the wish to end the scripts that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// They end.
    Killed,
    /// All of them have written.
    Unkillable,
    /// There are none.
    Idle,
}

/// What happens to a script that runs for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// From now on it does.
    Slow,
    /// It goes on.
    Again,
    /// It is over.
    Over,
}

impl Runs {
    /// Tells whether a script runs for too long.
    #[inline]
    pub fn is_any_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed) > 0
    }

    /// Says after how long a script has run for too long.
    pub fn set_threshold(&self, threshold: Duration) {
        self.threshold_ms.store(threshold.as_millis() as u64, Ordering::Relaxed);
    }

    /// Counts the bytes that the interpreters have allocated.
    pub fn interpreters_bytes(&self) -> u64 {
        let threads = self.threads.lock();
        threads.iter().map(|run| run.interpreter_bytes.load(Ordering::Relaxed)).sum()
    }

    /// Ends the scripts that run and have written nothing.
    pub fn kill(&self) -> Ending {
        let threads = self.threads.lock();
        let ends = threads.iter().map(|run| run.kill());
        let rank = |ending: Ending| match ending {
            Ending::Idle => 0,
            Ending::Unkillable => 1,
            Ending::Killed => 2,
        };
        ends.max_by_key(|ending| rank(*ending)).unwrap_or(Ending::Idle)
    }
}

impl Run {
    fn kill(&self) -> Ending {
        let order = Ordering::AcqRel;
        match self.state.compare_exchange(READS, KILLED, order, Ordering::Acquire) {
            Ok(_) | Err(KILLED) => Ending::Killed,
            Err(WRITES) => Ending::Unkillable,
            Err(_) => Ending::Idle,
        }
    }
}

type Attendant = Box<dyn Fn(Moment)>;

thread_local! {
    static WATCH: RefCell<Option<Rc<Watch>>> = const { RefCell::new(None) };
    static ATTENDANT: RefCell<Option<Attendant>> = const { RefCell::new(None) };
}

/// Has `attendant` called on this thread while a script runs on it for too long.
pub fn attend_with(attendant: Attendant) {
    ATTENDANT.set(Some(attendant));
}

fn attend(moment: Moment) {
    ATTENDANT.with_borrow(|attendant| {
        if let Some(attendant) = attendant {
            attendant(moment);
        }
    });
}

/// Notes that the script of this thread is about to write; it may be too late for that.
pub fn begin_to_write() -> Result<(), Stopped> {
    let watch = WATCH.with_borrow(Clone::clone);
    watch.map_or(Ok(()), |watch| watch.begin_to_write())
}

/// Notes that the script of this thread has run a command, from some time to another; tells whether it
/// is to end.
#[inline]
pub fn pass(from: Instant, to: Instant) -> Result<(), Stopped> {
    WATCH.with_borrow(|watch| watch.as_ref().map_or(Ok(()), |watch| watch.look_at(from, to)))
}

/// Looks after the scripts of one thread.
#[derive(Debug)]
pub struct Watch {
    runs: Arc<Runs>,
    run: Arc<Run>,
    /// When it was first looked how long the script has run.
    began: Cell<Option<Instant>>,
    attended: Cell<Option<Instant>>,
}

impl Watch {
    /// Begins to look after the scripts of the calling thread.
    pub fn new(runs: &Arc<Runs>) -> Rc<Self> {
        let run = Arc::<Run>::default();
        runs.threads.lock().push(Arc::clone(&run));
        let (runs, began, attended) = (Arc::clone(runs), Cell::new(None), Cell::new(None));
        let watch = Rc::new(Self { runs, run, began, attended });
        WATCH.set(Some(Rc::clone(&watch)));
        watch
    }

    /// Notes how much the interpreter has allocated.
    pub fn note_memory(&self, bytes: usize) {
        self.run.interpreter_bytes.store(bytes as u64, Ordering::Relaxed);
    }

    /// Notes that a script begins.
    pub fn begin(&self) {
        self.began.set(None);
        self.run.state.store(READS, Ordering::Release);
    }

    /// Notes that it has ended.
    pub fn end(&self) {
        self.run.state.store(IDLE, Ordering::Release);
        if self.attended.take().is_some() {
            self.runs.slow.fetch_sub(1, Ordering::Relaxed);
            attend(Moment::Over);
        }
    }

    /// Looks, now and then while a script runs, how long it has; tells whether it is to end.
    pub fn look(&self) -> Result<(), Stopped> {
        let now = Instant::now();
        self.look_at(now, now)
    }

    /// Does what [`Self::look`] does, as the clock was looked at already, and some time before.
    #[inline]
    fn look_at(&self, before: Instant, now: Instant) -> Result<(), Stopped> {
        let began = self.began.get().unwrap_or_else(|| {
            self.began.set(Some(before));
            before
        });
        self.note_time(now.duration_since(began), now);
        let is_killed = self.run.state.load(Ordering::Acquire) == KILLED;
        if is_killed { Err(Stopped::Killed) } else { Ok(()) }
    }

    /// Notes how long the script has run, and has others attended to where that is too long.
    #[inline]
    fn note_time(&self, ran: Duration, now: Instant) {
        match self.attended.get() {
            None if ran.as_millis()
                >= u128::from(self.runs.threshold_ms.load(Ordering::Relaxed)) =>
            {
                self.runs.slow.fetch_add(1, Ordering::Relaxed);
                attend(Moment::Slow);
                tracing::warn!(
                    "Slow script detected: still in execution after {} milliseconds. You can try \
                     killing the script using the SCRIPT KILL command.",
                    ran.as_millis()
                );
                self.attended.set(Some(now));
            }
            Some(last) if now.duration_since(last) >= ATTENDED_EVERY => {
                attend(Moment::Again);
                self.attended.set(Some(Instant::now()));
            }
            _ => {}
        }
    }

    fn begin_to_write(&self) -> Result<(), Stopped> {
        let order = Ordering::AcqRel;
        match self.run.state.compare_exchange(READS, WRITES, order, Ordering::Acquire) {
            Err(KILLED) => Err(Stopped::Killed),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_ended_until_it_writes() {
        let runs = Arc::new(Runs::default());
        runs.set_threshold(Duration::from_hours(1));
        let watch = Watch::new(&runs);
        assert_eq!(runs.kill(), Ending::Idle);
        watch.begin();
        assert_eq!(watch.look(), Ok(()));
        assert_eq!((runs.kill(), runs.kill()), (Ending::Killed, Ending::Killed));
        assert_eq!((watch.look(), begin_to_write()), (Err(Stopped::Killed), Err(Stopped::Killed)));
        watch.end();
        watch.begin();
        assert_eq!(begin_to_write(), Ok(()));
        assert_eq!((runs.kill(), watch.look()), (Ending::Unkillable, Ok(())));
        watch.end();
        assert_eq!(runs.kill(), Ending::Idle);
    }

    #[test]
    fn others_are_attended_to_once_it_runs_for_too_long() {
        let runs = Arc::new(Runs::default());
        let watch = Watch::new(&runs);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&seen);
        attend_with(Box::new(move |moment| noted.borrow_mut().push(moment)));
        watch.begin();
        watch.look().unwrap();
        assert!(runs.is_any_slow());
        watch.end();
        assert!(!runs.is_any_slow());
        assert_eq!(*seen.borrow(), [Moment::Slow, Moment::Over]);
    }
}
