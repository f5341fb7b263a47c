//! Scripts and functions that run: which of them run for too long, and how they are ended.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::net::Args;

use super::Stopped;

/// How often whoever attends to others is called while a script runs for too long.
const ATTENDED_EVERY: Duration = Duration::from_millis(10);
/// How much room is kept for the request that calls a function.
const REQUEST_BYTES_KEPT: usize = 64 * 1024;

/// Nothing runs.
const IDLE: u8 = 0;
/// What runs is to end.
const KILLED: u8 = 1;

/// What may run for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A script.
    Script,
    /// A function of a library.
    Function,
}

impl Kind {
    /// The state of a run of this kind that has written nothing.
    fn reads(self) -> u8 {
        match self {
            Self::Script => 2,
            Self::Function => 3,
        }
    }

    /// The state of a run of this kind that has written, and cannot be ended halfway.
    fn writes(self) -> u8 {
        self.reads() + 2
    }

    fn other(self) -> Self {
        match self {
            Self::Script => Self::Function,
            Self::Function => Self::Script,
        }
    }

    /// Names the command that ends it.
    pub fn killer(self) -> &'static str {
        match self {
            Self::Script => "SCRIPT KILL",
            Self::Function => "FUNCTION KILL",
        }
    }
}

/// The scripts and functions that run, one on each thread at most.
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
    /// What runs for too long, if that does.
    slow: Mutex<Option<Slow>>,
    /// How much the interpreter of scripts had allocated when its last one ended.
    scripts_bytes: AtomicU64,
    /// The same of functions.
    functions_bytes: AtomicU64,
}

/// What runs for too long.
#[derive(Clone, Debug)]
pub struct Slow {
    /// What it is.
    pub kind: Kind,
    /// The name of the function.
    pub name: Vec<u8>,
    /// The request that called the function, as it goes over the wire.
    pub request: Vec<u8>,
    began: Instant,
}

impl Slow {
    /// Tells for how long it has run.
    pub fn ran(&self) -> Duration {
        self.began.elapsed()
    }
}

/// What became of the wish to end the scripts, or the functions, that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// They end.
    Killed,
    /// All of them have written.
    Unkillable,
    /// What runs for too long is of the other kind.
    Other,
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

    /// Counts the bytes that the interpreters of one kind have allocated.
    pub fn interpreters_bytes(&self, kind: Kind) -> u64 {
        let threads = self.threads.lock();
        threads.iter().map(|run| run.interpreter_bytes(kind).load(Ordering::Relaxed)).sum()
    }

    /// Returns what runs for too long; of several, a script.
    pub fn slow(&self) -> Option<Slow> {
        if !self.is_any_slow() {
            return None;
        }
        let threads = self.threads.lock();
        let slow = threads.iter().filter_map(|run| run.slow.lock().clone());
        slow.min_by_key(|slow| slow.kind == Kind::Function)
    }

    /// Ends what runs of one kind and has written nothing.
    pub fn kill(&self, kind: Kind) -> Ending {
        let threads = self.threads.lock();
        let ends = threads.iter().map(|run| run.kill(kind));
        let rank = |ending: Ending| match ending {
            Ending::Idle => 0,
            Ending::Other => 1,
            Ending::Unkillable => 2,
            Ending::Killed => 3,
        };
        ends.max_by_key(|ending| rank(*ending)).unwrap_or(Ending::Idle)
    }
}

impl Run {
    fn interpreter_bytes(&self, kind: Kind) -> &AtomicU64 {
        match kind {
            Kind::Script => &self.scripts_bytes,
            Kind::Function => &self.functions_bytes,
        }
    }

    fn kill(&self, kind: Kind) -> Ending {
        let (order, other) = (Ordering::AcqRel, kind.other());
        match self.state.compare_exchange(kind.reads(), KILLED, order, Ordering::Acquire) {
            Ok(_) | Err(KILLED) => Ending::Killed,
            Err(state) if state == kind.writes() => Ending::Unkillable,
            // One that runs for a moment only is nobody's concern.
            Err(_) if self.slow.lock().is_none() => Ending::Idle,
            Err(state) if state == other.writes() => Ending::Unkillable,
            Err(state) if state == other.reads() => Ending::Other,
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
    kind: Cell<Kind>,
    /// When it was first looked how long the script has run.
    began: Cell<Option<Instant>>,
    attended: Cell<Option<Instant>>,
    /// The name of the function that runs, and the request that called it.
    called: RefCell<(Vec<u8>, Vec<u8>)>,
}

impl Watch {
    /// Begins to look after what runs on the calling thread, unless that is done already.
    pub fn of_thread(runs: &Arc<Runs>) -> Rc<Self> {
        let watch = WATCH.with_borrow(Clone::clone);
        watch.filter(|watch| Arc::ptr_eq(&watch.runs, runs)).unwrap_or_else(|| Self::new(runs))
    }

    fn new(runs: &Arc<Runs>) -> Rc<Self> {
        let run = Arc::<Run>::default();
        runs.threads.lock().push(Arc::clone(&run));
        let watch = Rc::new(Self {
            runs: Arc::clone(runs),
            run,
            kind: Cell::new(Kind::Script),
            began: Cell::new(None),
            attended: Cell::new(None),
            called: RefCell::default(),
        });
        WATCH.set(Some(Rc::clone(&watch)));
        watch
    }

    /// Notes how much the interpreter of one kind has allocated.
    pub fn note_memory(&self, kind: Kind, bytes: usize) {
        self.run.interpreter_bytes(kind).store(bytes as u64, Ordering::Relaxed);
    }

    /// Notes that a script begins.
    pub fn begin(&self) {
        self.begin_one(Kind::Script);
    }

    /// Notes that a function begins.
    pub fn begin_function(&self, name: &[u8], request: &Args<'_>) {
        let (name_of_it, request_of_it) = &mut *self.called.borrow_mut();
        name_of_it.clear();
        name_of_it.extend_from_slice(name);
        request_of_it.clear();
        request_of_it.shrink_to(REQUEST_BYTES_KEPT);
        request.encode_into(request_of_it);
        self.begin_one(Kind::Function);
    }

    fn begin_one(&self, kind: Kind) {
        self.began.set(None);
        self.kind.set(kind);
        self.run.state.store(kind.reads(), Ordering::Release);
    }

    /// Notes that it has ended.
    pub fn end(&self) {
        self.run.state.store(IDLE, Ordering::Release);
        if self.attended.take().is_some() {
            self.run.slow.lock().take();
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
                self.run.slow.lock().replace(self.slow());
                self.runs.slow.fetch_add(1, Ordering::Relaxed);
                attend(Moment::Slow);
                tracing::warn!(
                    "Slow script detected: still in execution after {} milliseconds. You can try \
                     killing the script using the {} command.",
                    ran.as_millis(),
                    self.kind.get().killer()
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

    fn slow(&self) -> Slow {
        let kind = self.kind.get();
        let began = self.began.get().unwrap_or_else(Instant::now);
        let (name, request) = match kind {
            Kind::Script => (Vec::new(), Vec::new()),
            Kind::Function => self.called.borrow().clone(),
        };
        Slow { kind, name, request, began }
    }

    fn begin_to_write(&self) -> Result<(), Stopped> {
        let (order, kind) = (Ordering::AcqRel, self.kind.get());
        let (reads, writes) = (kind.reads(), kind.writes());
        match self.run.state.compare_exchange(reads, writes, order, Ordering::Acquire) {
            Err(KILLED) => Err(Stopped::Killed),
            _ => Ok(()),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.runs.threads.lock().retain(|run| !Arc::ptr_eq(run, &self.run));
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
        assert_eq!(runs.kill(Kind::Script), Ending::Idle);
        watch.begin();
        assert_eq!(watch.look(), Ok(()));
        assert_eq!(
            (runs.kill(Kind::Script), runs.kill(Kind::Script)),
            (Ending::Killed, Ending::Killed)
        );
        assert_eq!((watch.look(), begin_to_write()), (Err(Stopped::Killed), Err(Stopped::Killed)));
        watch.end();
        watch.begin();
        assert_eq!(begin_to_write(), Ok(()));
        assert_eq!((runs.kill(Kind::Script), watch.look()), (Ending::Unkillable, Ok(())));
        watch.end();
        assert_eq!(runs.kill(Kind::Script), Ending::Idle);
    }

    #[test]
    fn who_ends_functions_ends_no_script_and_the_reverse() {
        let runs = Arc::new(Runs::default());
        let watch = Watch::of_thread(&runs);
        let request = crate::net::OwnedArgs::from_words(["FCALL", "f", "0"]);
        watch.begin_function(b"f", &request.as_args());
        assert_eq!(runs.kill(Kind::Script), Ending::Idle, "it has run for a moment only");
        watch.look().unwrap();
        let slow = runs.slow().unwrap();
        assert_eq!((slow.kind, &*slow.name), (Kind::Function, &b"f"[..]));
        assert_eq!(slow.request, b"*3\r\n$5\r\nFCALL\r\n$1\r\nf\r\n$1\r\n0\r\n");
        assert_eq!((runs.kill(Kind::Script), watch.look()), (Ending::Other, Ok(())));
        assert_eq!(runs.kill(Kind::Function), Ending::Killed);
        assert_eq!(watch.look(), Err(Stopped::Killed));
        watch.end();
        watch.begin();
        watch.look().unwrap();
        assert_eq!(runs.kill(Kind::Function), Ending::Other);
        begin_to_write().unwrap();
        assert_eq!(runs.kill(Kind::Function), Ending::Unkillable, "as in stock");
        watch.end();
        assert!(runs.slow().is_none());
        WATCH.take();
        drop(watch);
        assert!(runs.threads.lock().is_empty());
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
