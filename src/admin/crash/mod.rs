//! The report with which the text log ends when the process dies of a fault or of a bug.
//!
//! ```text
//! thread that crashed                       thread crash-report
//! claims the report, notes signal, address
//!                          ── KNOWN ──►     writes what is known
//!                         ◄── BEGUN ──
//! looks for its backtrace
//!                          ── TRACED ─►     resolves and writes it, then INFO
//!                         ◄── ENDED ──
//! dies by the signal
//! ```
//!
//! Whatever the thread that crashed holds, it may never let go of. So it takes no lock for the first
//! step, and what needs any (its backtrace, `INFO`) comes later and is waited for a bounded time: if it
//! hangs or faults a second time, only what has not been written by then is lost. The lines go to the
//! file past the lock of the log. That it ends like `kill -9` for the data is the log's concern.

mod report;
mod signals;

use std::backtrace::Backtrace;
use std::io;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::Timespec;
use rustix::thread::{futex, gettid};

use super::tracing::LogHandle;

pub use signals::fault;

/// How far the report is; it only rises.
static STAGE: AtomicU32 = AtomicU32::new(IDLE);
/// Nothing has happened.
const IDLE: u32 = 0;
/// A thread has crashed.
const CLAIMED: u32 = 1;
/// It has noted why.
const KNOWN: u32 = 2;
/// That has been written.
const BEGUN: u32 = 3;
/// The thread has looked for its backtrace.
const TRACED: u32 = 4;
/// The report is complete.
const ENDED: u32 = 5;

/// How long the thread that crashed waits for the first lines.
const BEGIN_PATIENCE: Duration = Duration::from_secs(2);
/// How long it may look for its backtrace.
const TRACE_PATIENCE: Duration = Duration::from_secs(2);
/// How long everybody waits for the report to be complete.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// How long a thread that crashed may take to die of it.
const DEATH_PATIENCE: Duration = Duration::from_secs(1);

static ENABLED: AtomicBool = AtomicBool::new(false);
/// The thread that writes the report: nobody can write one of its own crash.
static REPORTER: AtomicI32 = AtomicI32::new(0);
static FACTS: Facts = Facts {
    tid: AtomicI32::new(0),
    signal: AtomicI32::new(0),
    code: AtomicI32::new(0),
    address: AtomicUsize::new(0),
    sender: AtomicI32::new(0),
};
static PANIC: OnceLock<String> = OnceLock::new();
static TRACE: OnceLock<Backtrace> = OnceLock::new();
static INFO: OnceLock<InfoSource> = OnceLock::new();

/// What makes `INFO`, a section at a time.
pub struct InfoSource {
    /// The names of the sections.
    pub sections: Vec<&'static str>,
    /// Writes one of them.
    pub write: Box<dyn Fn(&str) -> String + Send + Sync>,
}

/// What the thread that crashed notes without taking a lock.
struct Facts {
    tid: AtomicI32,
    signal: AtomicI32,
    code: AtomicI32,
    address: AtomicUsize,
    sender: AtomicI32,
}

/// Begins to watch for faults and panics, and to write a report to `log` while that is enabled.
///
/// A panic ends the process in any case: what the thread was changing may be half changed.
pub fn start(log: LogHandle) -> io::Result<()> {
    std::thread::Builder::new().name("crash-report".to_owned()).spawn(move || {
        REPORTER.store(thread_id(), Ordering::Relaxed);
        reach(KNOWN, None);
        report::write(&log);
        advance(ENDED);
        // The thread that crashed dies now, and the process with it, unless it hangs.
        reach(ENDED + 1, Some(DEATH_PATIENCE));
        signals::end_by(FACTS.signal.load(Ordering::Relaxed));
    })?;
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // First the report: standard error may be a pipe that nobody reads.
        on_panic(panic);
        before(panic);
        std::process::abort();
    }));
    signals::install()
}

/// Writes reports from now on (`crash-log-enabled`).
pub fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// Writes none from now on.
pub fn disable() {
    ENABLED.store(false, Ordering::Relaxed);
}

/// Tells where `INFO` comes from; the first to say so is taken.
pub fn use_info(source: InfoSource) {
    let _ = INFO.set(source);
}

/// Runs in the handler of a fatal signal, which ends the process afterwards (H1).
fn on_signal(signal: i32, code: i32, address: usize, sender: i32) {
    if !claim() {
        return;
    }
    FACTS.signal.store(signal, Ordering::Relaxed);
    FACTS.code.store(code, Ordering::Relaxed);
    FACTS.address.store(address, Ordering::Relaxed);
    FACTS.sender.store(sender, Ordering::Relaxed);
    hand_over();
}

/// Runs where a thread panics, before it aborts the process.
fn on_panic(panic: &PanicHookInfo<'_>) {
    if !claim() {
        return;
    }
    FACTS.signal.store(rustix::process::Signal::ABORT.as_raw(), Ordering::Relaxed);
    let _ = PANIC.set(panic.to_string());
    hand_over();
}

/// Takes the report for this thread; `false` if the process is to end without one, or has ended it.
///
/// There is one report. The threads that crash meanwhile let it be completed, but for those without
/// which it never is: the one that it is of, and the one that writes it.
fn claim() -> bool {
    let own = thread_id();
    if !ENABLED.load(Ordering::Relaxed) || own == REPORTER.load(Ordering::Relaxed) {
        return false;
    }
    if STAGE.compare_exchange(IDLE, CLAIMED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        FACTS.tid.store(own, Ordering::Relaxed);
        return true;
    }
    if own != FACTS.tid.load(Ordering::Relaxed) {
        reach(ENDED, Some(END_PATIENCE));
    }
    false
}

fn thread_id() -> i32 {
    gettid().as_raw_nonzero().get()
}

/// Has the report written: first what is noted, then the rest.
fn hand_over() {
    advance(KNOWN);
    if reach(BEGUN, Some(BEGIN_PATIENCE)) {
        // May need a lock that this very thread holds, or fault: the first lines are out.
        let _ = TRACE.set(Backtrace::force_capture());
    }
    advance(TRACED);
    reach(ENDED, Some(END_PATIENCE));
}

fn advance(stage: u32) {
    STAGE.fetch_max(stage, Ordering::AcqRel);
    // Whoever waits would find it without being woken, if later.
    let _ = futex::wake(&STAGE, futex::Flags::PRIVATE, i32::MAX.cast_unsigned());
}

/// Waits until the report has come to `stage`; tells whether it has.
fn reach(stage: u32, patience: Option<Duration>) -> bool {
    let deadline = patience.map(|patience| Instant::now() + patience);
    loop {
        let now = STAGE.load(Ordering::Acquire);
        if now >= stage {
            return true;
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return false;
        }
        let left = left.map(|left| Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        // It ends early by a signal, a change or the time: all are looked at anew.
        let _ = futex::wait(&STAGE, futex::Flags::PRIVATE, now, left.as_ref());
    }
}
