//! What scripts ran, until it is counted by whoever ran the scripts.

use std::time::Duration;

use super::Fault;
use super::counters::Counters;
use super::table::{self, Command};

/// The commands that the scripts of a request ran, and the errors that they told.
#[derive(Debug, Default)]
pub struct Tally(Vec<Entry>);

#[derive(Debug)]
enum Entry {
    /// Runs of a command one after the other.
    Ran { command: &'static Command, count: u64, took: Duration },
    /// A run that failed.
    Failed { command: &'static Command, took: Duration, fault: Fault },
    /// A command did not run, or an error is of none.
    Refused { command: Option<&'static Command>, fault: Fault },
    /// A run that is counted otherwise told errors beside its reply.
    Told { command: &'static Command },
}

impl Tally {
    /// Notes that a command ran.
    #[inline]
    pub fn note(&mut self, command: &'static Command, took: Duration, failed: Option<&Fault>) {
        match (failed, self.0.last_mut()) {
            (None, Some(Entry::Ran { command: last, count, took: all }))
                if std::ptr::eq(*last, command) =>
            {
                *count += 1;
                *all += took;
            }
            (None, _) => self.0.push(Entry::Ran { command, count: 1, took }),
            (Some(fault), _) => {
                self.0.push(Entry::Failed { command, took, fault: fault.clone() });
            }
        }
    }

    /// Notes that a command did not run, or that an error was told which is of none.
    #[cold]
    pub fn note_refused(&mut self, command: Option<&'static Command>, fault: Fault) {
        self.0.push(Entry::Refused { command, fault });
    }

    /// Notes that there were errors within the reply of a command.
    #[cold]
    pub fn note_told(&mut self, command: &'static Command) {
        self.0.push(Entry::Told { command });
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
        let index = table::index_of;
        for entry in self.0.drain(..) {
            match entry {
                Entry::Ran { command, count, took } => {
                    counters.called_in_a_row(index(command), count, took);
                }
                Entry::Failed { command, took, fault } => {
                    counters.called(index(command), took, Some(&fault));
                }
                Entry::Refused { command, fault } => {
                    counters.refused(command.map(index), &fault);
                }
                Entry::Told { command } => counters.failed(index(command)),
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
