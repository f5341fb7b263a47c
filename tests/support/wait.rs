//! Waiting for something in another process, which can only be asked.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until `reached` says so; panics with `what` when patience ends.
pub fn await_until(what: &str, reached: impl FnMut() -> bool) {
    await_within(PATIENCE, what, reached);
}

/// As [`await_until`], with more patience or less.
pub fn await_within(patience: Duration, what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !reached() {
        assert!(Instant::now() < deadline, "not reached within {patience:?}: {what}");
        // No event crosses the process boundary; this only spares the processor between two questions.
        std::thread::sleep(Duration::from_millis(5));
    }
}
