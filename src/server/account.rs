//! Notes the commands that took long, in the slow log and as latency events.

use std::time::{Duration, Instant};

use crate::command::host::Ran;
use crate::command::table::{Command, flag};
use crate::command::{ClientInfo, secrets};

use super::Server;
use super::clock::unix_ms;

impl Server {
    /// Enters a command in the slow log and among the latency events, if it was slow enough.
    pub(super) fn note_if_slow(&self, ran: &Ran<'_>, client: &ClientInfo) {
        let is_slow = self.live.slower_than_us().is_some_and(|limit| ran.took_us >= limit);
        if is_slow && !ran.command.has(flag::SKIP_SLOWLOG) {
            let words = secrets::shown(ran.command, &ran.args, self);
            self.slow.enter(words, ran.took_us, ran.at_ms, client);
        }
        self.note_delay(ran.command, ran.took_us, ran.at_ms);
    }

    /// Notes that something beside the commands took so long, if it was slow enough.
    pub(super) fn note_event(&self, event: &str, took: Duration, at_ms: i64) {
        let took_ms = took.as_millis() as u64;
        if self.live.latency_threshold_ms().is_some_and(|limit_ms| took_ms >= limit_ms) {
            self.latency.sample(event, took_ms, at_ms / 1000);
        }
    }

    /// Does something beside the commands, and notes how long that took, if it was slow enough.
    pub(super) fn timed<R>(&self, event: &str, work: impl FnOnce() -> R) -> R {
        let began = self.live.latency_threshold_ms().map(|_| Instant::now());
        let result = work();
        if let Some(began) = began {
            self.note_event(event, began.elapsed(), unix_ms());
        }
        result
    }

    /// Notes that clients were held up by a command, or by several of its kind in a row.
    pub(super) fn note_delay(&self, command: &Command, took_us: u64, at_ms: i64) {
        if self.live.latency_threshold_ms().is_some_and(|limit| took_us >= limit * 1000) {
            let event = if command.has(flag::FAST) { "fast-command" } else { "command" };
            self.latency.sample(event, took_us / 1000, at_ms / 1000);
        }
    }
}
