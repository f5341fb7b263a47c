//! How long the commands of scripts take.

use std::time::Duration;

use crate::command::table::{Command, flag};
use crate::net::args::Args;

/// One of so many brief commands of a kind in a row is timed, and stands for the others.
const TIMED_EVERY: u32 = 8;
/// Requests and replies up to so many bytes are copied in no time worth measuring.
const BRIEF_BYTES_MAX: usize = 4096;

/// What is known of the time that brief commands of one kind take.
///
/// Two looks at the clock take longer than many a command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// What was timed last.
    command: Option<&'static Command>,
    took: Duration,
    /// How many it still stands for.
    left: u32,
}

impl Timing {
    /// Returns how long a command will take, if that need not be measured.
    #[inline]
    pub fn known(&mut self, command: &'static Command, args: &Args<'_>) -> Option<Duration> {
        let is_same = self.command.is_some_and(|last| std::ptr::eq(last, command));
        if !is_same || self.left == 0 {
            return None;
        }
        if args.raw().is_none_or(|raw| raw.len() > BRIEF_BYTES_MAX) {
            return None;
        }
        self.left -= 1;
        Some(self.took)
    }

    /// Notes how long a command took, and how many bytes its reply has.
    #[inline]
    pub fn note(&mut self, command: &'static Command, took: Duration, reply_bytes: usize) {
        let is_brief =
            reply_bytes <= BRIEF_BYTES_MAX && command.flags & (flag::FAST | flag::BRIEF) != 0;
        let left = if is_brief { TIMED_EVERY - 1 } else { 0 };
        *self = Self { command: Some(command), took, left };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table;
    use crate::net::OwnedArgs;

    fn row(name: &str) -> &'static Command {
        table::find(&OwnedArgs::from_words([name]).as_args()).unwrap()
    }

    #[test]
    fn what_is_brief_stands_for_some_that_follow_and_nothing_else_does() {
        let (get, set) = (row("get"), row("set"));
        let words = OwnedArgs::from_words(["GET", "k"]);
        let words = words.as_args();
        let long = OwnedArgs::from_words(["GET", &"k".repeat(BRIEF_BYTES_MAX)]);
        let took = Duration::from_micros(3);
        let mut timing = Timing::default();
        assert_eq!(timing.known(get, &words), None);
        timing.note(get, took, 10);
        assert_eq!(timing.known(set, &words), None, "it is another command");
        assert_eq!(timing.known(get, &long.as_args()), None, "it is a long one");
        for _ in 1..TIMED_EVERY {
            assert_eq!(timing.known(get, &words), Some(took));
        }
        assert_eq!(timing.known(get, &words), None);
        timing.note(get, took, BRIEF_BYTES_MAX + 1);
        assert_eq!(timing.known(get, &words), None, "the reply was long");
    }
}
