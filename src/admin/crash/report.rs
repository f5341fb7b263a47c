//! What the report says.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::Signal;

use super::{BEGUN, FACTS, INFO, PANIC, TRACE, TRACE_PATIENCE, TRACED, advance, reach};
use crate::admin::tracing::LogHandle;

/// How long the names of the functions in the backtrace may take.
const SYMBOLS_PATIENCE: Duration = Duration::from_secs(4);
/// How long a section of `INFO` may take.
const SECTION_PATIENCE: Duration = Duration::from_millis(300);
/// More lines of a backtrace are not written: a stack that overflowed has hundreds of thousands.
const TRACE_LINES_MAX: usize = 400;

/// Writes the report, as far as it can be.
pub(super) fn write(log: &LogHandle) {
    log.write_unlocked("\n\n");
    for line in beginning() {
        log.write_unlocked(&log.line_of_report(&line));
    }
    advance(BEGUN);
    log.write_unlocked(&format!("\n------ STACK TRACE ------\n{}\n", backtrace()));
    log.write_unlocked("------ INFO OUTPUT ------\n");
    write_info(log);
    log.write_unlocked("\n");
    let end = "=== BACKLOGD BUG REPORT END. Please send everything from START to here, and how it \
               came about, to those who maintain backlogd. ===";
    log.write_unlocked(&log.line_of_report(end));
}

/// The lines that need nothing but what the thread has noted.
fn beginning() -> Vec<String> {
    let signal = FACTS.signal.load(Ordering::Relaxed);
    let code = FACTS.code.load(Ordering::Relaxed);
    let tid = FACTS.tid.load(Ordering::Relaxed);
    let mut lines = vec![
        "=== BACKLOGD BUG REPORT START: Cut & paste starting from here ===".to_owned(),
        format!("backlogd {} (build {})", env!("CARGO_PKG_VERSION"), build()),
    ];
    if let Some(panic) = PANIC.get() {
        lines.extend(panic.lines().map(str::to_owned));
        lines.push(format!("ends by signal: {signal} ({})", name(signal)));
    } else {
        lines.push(format!("crashed by signal: {signal} ({}), si_code: {code}", name(signal)));
        if code > 0 {
            lines.push(format!("Accessing address: {:#x}", FACTS.address.load(Ordering::Relaxed)));
        } else {
            lines.push(format!("Killed by PID: {}", FACTS.sender.load(Ordering::Relaxed)));
        }
    }
    let thread = std::fs::read_to_string(format!("/proc/self/task/{tid}/comm"));
    let thread = thread.unwrap_or_default();
    lines.push(format!("in thread: {} (tid {tid})", thread.trim_end()));
    lines
}

fn name(signal: i32) -> &'static str {
    match Signal::from_named_raw(signal) {
        Some(Signal::SEGV) => "SIGSEGV",
        Some(Signal::ABORT) => "SIGABRT",
        Some(Signal::BUS) => "SIGBUS",
        Some(Signal::FPE) => "SIGFPE",
        Some(Signal::ILL) => "SIGILL",
        _ => "unknown",
    }
}

/// What tells one build from another: length and time of the executable.
fn build() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let built = std::fs::metadata("/proc/self/exe").and_then(|metadata| {
        let time = metadata.modified()?.duration_since(std::time::UNIX_EPOCH);
        Ok((metadata.len(), time.unwrap_or_default().as_secs()))
    });
    match built {
        Ok((bytes, time_s)) => format!("{}, {bytes} bytes, of {time_s}", path.display()),
        Err(_) => path.display().to_string(),
    }
}

/// The backtrace in words, or why there is none.
fn backtrace() -> String {
    if !reach(TRACED, Some(TRACE_PATIENCE)) {
        return "none: the thread hangs on its way through its stack".to_owned();
    }
    let Some(trace) = TRACE.get() else { return "none: the thread could not look".to_owned() };
    let text = bounded(SYMBOLS_PATIENCE, || trace.to_string());
    let Ok(text) = text else { return "none: the names could not be found in time".to_owned() };
    let mut kept: String = String::new();
    for line in text.lines().take(TRACE_LINES_MAX) {
        let _ = writeln!(kept, "{line}");
    }
    if text.lines().nth(TRACE_LINES_MAX).is_some() {
        kept.push_str("and more\n");
    }
    kept
}

fn write_info(log: &LogHandle) {
    let Some(info) = INFO.get() else {
        log.write_unlocked("none: there is no data yet\n");
        return;
    };
    for section in &info.sections {
        // A thread each: one that waits for a lock of the thread that crashed is given up.
        let text = bounded(SECTION_PATIENCE, || (info.write)(section));
        let text = text.unwrap_or_else(|_| {
            format!("# {section}: left out, as the thread that crashed holds what it needs\r\n")
        });
        log.write_unlocked(&text.replace("\r\n", "\n"));
        log.write_unlocked("\n");
    }
}

/// Has something made on another thread, and waits for it no longer than `patience`.
fn bounded(
    patience: Duration,
    make: impl FnOnce() -> String + Send + 'static,
) -> Result<String, RecvTimeoutError> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name("crash-detail".to_owned());
    let started = thread.spawn(move || {
        // Nobody waits any more if this fails.
        let _ = sender.send(make());
    });
    match started {
        Ok(_) => receiver.recv_timeout(patience),
        Err(_) => Err(RecvTimeoutError::Disconnected),
    }
}
