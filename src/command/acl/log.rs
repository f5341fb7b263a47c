//! What was denied of late, for `ACL LOG`.

use std::collections::VecDeque;

use super::Reason;

/// How many of the newest entries are looked at for one that a denial can join.
const LOOKED_AT: usize = 10;
/// How long after an entry's last denial another one may join it.
const JOINS_MS: i64 = 60_000;

/// Where something was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// As a request.
    TopLevel,
    /// Within a transaction.
    Multi,
    /// By a script.
    Lua,
}

impl Context {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
            Self::Lua => "lua",
        }
    }
}

/// Something that was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it was.
    pub reason: Reason,
    /// Where.
    pub context: Context,
    /// The name of the command, the key or the channel.
    pub object: Vec<u8>,
    /// The user that it was denied to.
    pub user: Vec<u8>,
    /// The client, as `CLIENT INFO` tells of it.
    pub client: String,
}

/// Denials of one kind.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How many.
    pub count: i64,
    /// The last one.
    pub event: Event,
    /// A number that no other entry has.
    pub id: i64,
    /// When the first one was, in Unix milliseconds.
    pub created_ms: i64,
    /// When the last one was.
    pub updated_ms: i64,
}

/// What was denied of late, newest first.
#[derive(Debug)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: i64,
    len_max: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { entries: VecDeque::new(), next_id: 0, len_max: 128 }
    }
}

impl Log {
    /// Takes note of a denial.
    pub fn note(&mut self, event: Event, now_ms: i64) {
        if self.len_max == 0 {
            self.entries.clear();
            return;
        }
        let joins = |entry: &Entry| {
            let (known, new) = (&entry.event, &event);
            known.reason == new.reason
                && known.context == new.context
                && entry.updated_ms.abs_diff(now_ms) <= JOINS_MS as u64
                && known.object == new.object
                && known.user == new.user
        };
        let found = self.entries.iter().take(LOOKED_AT).position(joins);
        let mut entry = found.and_then(|place| self.entries.remove(place)).unwrap_or_else(|| {
            self.next_id += 1;
            let (id, event) = (self.next_id - 1, event.clone());
            Entry { count: 0, event, id, created_ms: now_ms, updated_ms: now_ms }
        });
        entry.count += 1;
        entry.updated_ms = now_ms;
        entry.event = event;
        self.entries.push_front(entry);
        self.entries.truncate(self.len_max);
    }

    /// Lists the entries, newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets them.
    pub fn reset(&mut self) {
        self.entries.clear();
    }

    /// Sets how many are kept; as in stock, those there are too many of go with the next one.
    pub fn set_len_max(&mut self, count: usize) {
        self.len_max = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str) -> Event {
        Event {
            reason: Reason::Key,
            context: Context::TopLevel,
            object: object.into(),
            user: b"u".to_vec(),
            client: String::new(),
        }
    }

    fn told(log: &Log) -> Vec<(String, i64, i64)> {
        let text = |entry: &Entry| String::from_utf8(entry.event.object.clone()).unwrap();
        log.entries().map(|entry| (text(entry), entry.count, entry.id)).collect()
    }

    #[test]
    fn what_is_denied_again_joins_what_was_denied_within_a_minute() {
        let mut log = Log::default();
        log.note(event("a"), 0);
        log.note(event("b"), 10);
        log.note(event("a"), 60_000);
        assert_eq!(told(&log), [("a".into(), 2, 0), ("b".into(), 1, 1)]);
        log.note(event("a"), 120_001);
        assert_eq!(told(&log)[0], ("a".into(), 1, 2));
        let other = Event { context: Context::Multi, ..event("a") };
        log.note(other, 120_001);
        assert_eq!(told(&log).len(), 4);
    }

    #[test]
    fn only_the_newest_ten_are_looked_at_and_no_more_are_kept_than_asked_for() {
        let mut log = Log::default();
        (0..11).for_each(|number| log.note(event(&number.to_string()), 0));
        log.note(event("0"), 0);
        log.note(event("2"), 0);
        assert_eq!(told(&log)[..2], [("2".into(), 2, 2), ("0".into(), 1, 11)]);
        log.set_len_max(3);
        assert_eq!(told(&log).len(), 12);
        log.note(event("x"), 0);
        assert_eq!(told(&log).len(), 3);
        log.set_len_max(0);
        log.note(event("y"), 0);
        assert_eq!(told(&log).len(), 0);
    }
}
