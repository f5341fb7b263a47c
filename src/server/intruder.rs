//! Turns away what a web browser was tricked into sending.
//!
//! A page may have a browser post to any port, and the body may hold commands. The request's own
//! lines come first, so a client that sends one of those is no client of ours.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::net::Args;

/// Between two warnings at least so much time passes: an attack shall not fill the disk.
const WARNING_INTERVAL_MS: i64 = 60_000;

/// Remembers when it was last warned of intruders.
#[derive(Debug, Default)]
pub struct Intruders {
    warned_ms: AtomicI64,
}

impl Intruders {
    /// Warns of a client whose connection is being closed, unless that was done lately.
    pub fn report(&self, client: &str, now_ms: i64) {
        if self.is_due(now_ms) {
            tracing::warn!(
                client,
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or \
                 Host: commands to this server. This is likely due to an attacker attempting to \
                 use Cross Protocol Scripting to compromise it. Connection aborted."
            );
        }
    }

    fn is_due(&self, now_ms: i64) -> bool {
        let warned_ms = self.warned_ms.load(Ordering::Relaxed);
        let due = now_ms.saturating_sub(warned_ms).abs() > WARNING_INTERVAL_MS;
        if due {
            self.warned_ms.store(now_ms, Ordering::Relaxed);
        }
        due
    }
}

/// Tells whether a request is a line of HTTP.
pub fn speaks_http(args: &Args<'_>) -> bool {
    let name = args.get(0).unwrap_or_default();
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_given_once_a_minute() {
        let intruders = Intruders::default();
        let start = 1_700_000_000_000;
        let due = [0, 1, 60_000, 60_001, 60_002].map(|after| intruders.is_due(start + after));
        assert_eq!(due, [true, false, false, true, false]);
    }
}
