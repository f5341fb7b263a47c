//! The sessions that clients may resume, for a while and up to a number.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::server::StoresServerSessions;

/// Sessions by the names that clients know them by.
pub(super) struct Remembered {
    count_max: usize,
    age_max: Duration,
    sessions: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_name: HashMap<Vec<u8>, (Instant, Vec<u8>)>,
    /// In the order in which they came; some may be gone, or have been replaced.
    order: VecDeque<(Instant, Vec<u8>)>,
}

impl Remembered {
    /// Remembers so many sessions, each for so long.
    pub(super) fn new(count_max: usize, age_max: Duration) -> Self {
        Self { count_max, age_max, sessions: Mutex::default() }
    }

    fn find(&self, found: Option<(Instant, Vec<u8>)>) -> Option<Vec<u8>> {
        found.filter(|(since, _)| since.elapsed() < self.age_max).map(|(_, session)| session)
    }
}

impl Kept {
    /// Forgets those that are too old, and the oldest as long as there are too many.
    fn forget(&mut self, count_max: usize, age_max: Duration) {
        while let Some((since, name)) = self.order.front()
            && (self.order.len() > count_max || since.elapsed() >= age_max)
        {
            if self.by_name.get(name).is_some_and(|(newest, _)| newest == since) {
                self.by_name.remove(name);
            }
            self.order.pop_front();
        }
    }
}

impl fmt::Debug for Remembered {
    /// Secrets are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("count_max", &self.count_max).finish_non_exhaustive()
    }
}

impl StoresServerSessions for Remembered {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let mut kept = self.sessions.lock();
        let now = Instant::now();
        kept.by_name.insert(key.clone(), (now, value));
        kept.order.push_back((now, key));
        kept.forget(self.count_max, self.age_max);
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.find(self.sessions.lock().by_name.get(key).cloned())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.find(self.sessions.lock().by_name.remove(key))
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_for_the_newest() {
        let sessions = Remembered::new(2, Duration::from_mins(1));
        for name in [1, 2, 3] {
            assert!(sessions.put(vec![name], vec![name]));
        }
        assert_eq!(sessions.get(&[1]), None);
        assert_eq!(sessions.get(&[2]), Some(vec![2]));
        assert_eq!(sessions.take(&[3]), Some(vec![3]));
        assert_eq!(sessions.take(&[3]), None);
    }

    #[test]
    fn what_is_replaced_is_as_old_as_its_replacement() {
        let sessions = Remembered::new(2, Duration::from_mins(1));
        for (name, session) in [(1, 1), (2, 2), (1, 3)] {
            sessions.put(vec![name], vec![session]);
        }
        assert_eq!(sessions.get(&[1]), Some(vec![3]));
    }

    #[test]
    fn none_is_resumed_after_its_time() {
        let sessions = Remembered::new(2, Duration::ZERO);
        sessions.put(vec![1], vec![1]);
        assert_eq!(sessions.get(&[1]), None);
        assert_eq!(sessions.sessions.lock().by_name.len(), 0);
    }
}
