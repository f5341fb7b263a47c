//! Latency events: when something took longer than `latency-monitor-threshold`.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

/// The most samples kept of one event.
const SAMPLES_MAX: usize = 160;

/// What was slow, when and how much.
#[derive(Debug, Default)]
pub struct LatencyEvents {
    events: Mutex<BTreeMap<String, Event>>,
}

#[derive(Debug, Default)]
struct Event {
    samples: VecDeque<(i64, i64)>,
    most_ms: i64,
}

impl LatencyEvents {
    /// Notes that something took so long; within one second the longest counts.
    pub fn sample(&self, event: &str, took_ms: u64, now_s: i64) {
        let took_ms = took_ms as i64;
        let mut events = self.events.lock();
        let event = events.entry(event.to_owned()).or_default();
        event.most_ms = event.most_ms.max(took_ms);
        if let Some(last) = event.samples.back_mut()
            && last.0 == now_s
        {
            last.1 = last.1.max(took_ms);
            return;
        }
        if event.samples.len() == SAMPLES_MAX {
            event.samples.pop_front();
        }
        event.samples.push_back((now_s, took_ms));
    }

    /// Lists the events: name, second and milliseconds of the last, milliseconds of the longest.
    pub fn latest(&self) -> Vec<(String, i64, i64, i64)> {
        let events = self.events.lock();
        let last = events.iter().filter_map(|(name, event)| {
            event.samples.back().map(|(at, took)| (name.clone(), *at, *took, event.most_ms))
        });
        last.collect()
    }

    /// Lists one event's samples, oldest first: second and milliseconds.
    pub fn history(&self, event: &[u8]) -> Vec<(i64, i64)> {
        let events = self.events.lock();
        let found = std::str::from_utf8(event).ok().and_then(|name| events.get(name));
        found.map(|event| event.samples.iter().copied().collect()).unwrap_or_default()
    }

    /// Forgets the events named, or all; counts them.
    pub fn reset(&self, names: &[&[u8]]) -> usize {
        let mut events = self.events.lock();
        let before = events.len();
        if names.is_empty() {
            events.clear();
        } else {
            events.retain(|name, _| !names.contains(&name.as_bytes()));
        }
        before - events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_a_second_counts() {
        let events = LatencyEvents::default();
        events.sample("command", 5, 100);
        events.sample("command", 9, 100);
        events.sample("command", 7, 101);
        assert_eq!(events.history(b"command"), [(100, 9), (101, 7)]);
        assert_eq!(events.latest(), [("command".to_owned(), 101, 7, 9)]);
        assert_eq!(events.reset(&[b"other"]), 0);
        assert_eq!(events.reset(&[]), 1);
    }
}
