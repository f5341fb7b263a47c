//! What scripts ran, until it is counted by whoever ran the scripts.

use std::time::Duration;

use super::Fault;
use super::counters::Counters;
use super::table::{self, Command};

/// The commands that the scripts of a request ran.
#[derive(Debug, Default)]
pub struct Tally(Vec<Entry>);

/// Runs of a command one after the other.
#[derive(Debug)]
struct Entry {
    command: &'static Command,
    count: u64,
    took: Duration,
    failed: Option<Fault>,
}

impl Tally {
    /// Notes that a command ran.
    #[inline]
    pub fn note(&mut self, command: &'static Command, took: Duration, failed: Option<&Fault>) {
        let last = self.0.last_mut();
        if let Some(last) = last.filter(|last| std::ptr::eq(last.command, command))
            && failed.is_none()
            && last.failed.is_none()
        {
            last.count += 1;
            last.took += took;
            return;
        }
        self.0.push(Entry { command, count: 1, took, failed: failed.cloned() });
    }

    /// Takes over what another has noted.
    pub fn absorb(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// Has all of them counted.
    #[inline]
    pub fn count_by(&mut self, counters: &Counters) {
        if !self.0.is_empty() {
            self.count_all_by(counters);
        }
    }

    fn count_all_by(&mut self, counters: &Counters) {
        for Entry { command, count, took, failed } in self.0.drain(..) {
            let index = table::index_of(command);
            match failed {
                None => counters.called_in_a_row(index, count, took),
                Some(fault) => counters.called(index, took, Some(&fault)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::counters::Totals;
    use super::*;

    #[test]
    fn what_ran_is_counted_with_what_failed() {
        let (get, set) = (table::lookup(b"get").unwrap(), table::lookup(b"set").unwrap());
        let (mut tally, mut inner) = (Tally::default(), Tally::default());
        let took = Duration::from_micros(2);
        inner.note(get, took, None);
        inner.note(get, took, None);
        inner.note(get, took, Some(&Fault::SYNTAX));
        inner.note(set, took, None);
        tally.absorb(&mut inner);
        assert_eq!((tally.0.len(), inner.0.len()), (3, 0));
        let counters = Counters::default();
        tally.count_by(&counters);
        tally.count_by(&counters);
        let mut totals = Totals::default();
        counters.add_to(&mut totals);
        let of = |command| &totals.rows[table::index_of(command)];
        assert_eq!((of(get).calls, of(get).failed, of(set).calls), (3, 1, 1));
    }
}
