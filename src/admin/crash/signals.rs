//! The signals that faults raise: their handler, and how the process ends by them.
//!
//! All `unsafe` of it is here, and three facts carry it:
//!
//! - H1  The handler does only what a signal handler may, until the first lines of the report are
//!   written: atomics, futexes, the clock. It runs on the alternate stack that the standard library
//!   gives to each thread, and while it does all fatal signals are blocked, so that a second fault in it
//!   ends the process at once.
//! - H2  What the kernel passes to a handler made with `SA_SIGINFO` is a valid `siginfo_t` for as long as
//!   the handler runs. Of its fields those are shown that the kind of the signal has.
//! - H3  A disposition is only ever set to this handler, which is there throughout, or to the default.

#![expect(unsafe_code, reason = "no crate offers handlers of fatal signals without it")]

use std::io;
use std::{mem, ptr};

use libc::{SA_ONSTACK, SA_SIGINFO, SIG_DFL, c_int, c_void, siginfo_t};
use rustix::process::{Signal, getpid, kill_process};

/// The signals that end a process with a report.
const FATAL: [c_int; 5] = [libc::SIGSEGV, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Handles all of them from now on.
pub(super) fn install() -> io::Result<()> {
    let handler: Handler = on_signal;
    FATAL.iter().try_for_each(|signal| set_disposition(*signal, handler as libc::sighandler_t))
}

/// Ends the process by a signal, with the status and the core dump that it has by default.
///
/// Where the signal is blocked, as in its handler, that comes when it is no longer.
pub(super) fn end_by(signal: c_int) {
    // What can be done if this fails is done by the kernel: a fault in its handler ends the process.
    let _ = set_disposition(signal, SIG_DFL);
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = kill_process(getpid(), signal);
    }
}

/// Makes the present thread fault, as `DEBUG SEGFAULT` wants.
pub fn fault() -> ! {
    // SAFETY: a new mapping at a place of the kernel's choice touches nothing that exists.
    let page = unsafe {
        libc::mmap(ptr::null_mut(), 1, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANON, -1, 0)
    };
    // SAFETY: the page is there, aligned and never readable: there is no value, the load faults (H1).
    unsafe { page.cast::<u8>().read_volatile() };
    std::process::abort()
}

extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    // SAFETY: H2.
    let info = unsafe { &*info };
    // SAFETY: H2; the union of fields is filled, and what is read of it is a plain number.
    let address = unsafe { info.si_addr() } as usize;
    // SAFETY: as above.
    let sender = unsafe { info.si_pid() };
    super::on_signal(signal, info.si_code, address, sender);
    if info.si_code > 0 {
        // The instruction that faulted runs once more when this returns, and the core shows it.
        let _ = set_disposition(signal, SIG_DFL);
    } else {
        end_by(signal);
    }
}

fn set_disposition(signal: c_int, handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: a structure of integers, of which all zeroes is a value: no flags, nothing blocked.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for signal in FATAL {
        // SAFETY: the set is initialized, and is this function's own.
        unsafe { libc::sigaddset(&raw mut action.sa_mask, signal) };
    }
    // SAFETY: `action` is complete, and its handler is one of those of H3.
    let set = unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
