//! Counts what commands do: calls, time, failures; one set per worker, added up when asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::histogram::{Histogram, Times};
use super::{Fault, table};

/// The most kinds of error that are told apart: scripts can make up codes. Others are counted in all.
const ERROR_KINDS_MAX: usize = 4096;

/// Counts what commands do on one worker.
#[derive(Debug)]
pub struct Counters {
    rows: Box<[Row]>,
    hits: AtomicU64,
    misses: AtomicU64,
    input_bytes: AtomicU64,
    output_bytes: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    turns: AtomicU64,
    turns_us: AtomicU64,
    errors: Mutex<Errors>,
    is_timed: AtomicBool,
}

/// Error replies.
#[derive(Debug, Default)]
struct Errors {
    count: u64,
    by_code: BTreeMap<String, u64>,
}

/// Counts what one command does.
#[derive(Debug, Default)]
struct Row {
    calls: AtomicU64,
    took_ns: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    histogram: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            rows: (0..table::count()).map(|_| Row::default()).collect(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            input_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            turns_us: AtomicU64::new(0),
            errors: Mutex::default(),
            is_timed: AtomicBool::new(true),
        }
    }
}

/// What several workers counted together.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Per command, by its place in the table.
    pub rows: Vec<RowTotal>,
    /// Lookups that found a key.
    pub hits: u64,
    /// Lookups that found none.
    pub misses: u64,
    /// Bytes read from clients.
    pub input_bytes: u64,
    /// Bytes written to clients.
    pub output_bytes: u64,
    /// Reads from clients' sockets that gave any.
    pub reads: u64,
    /// Writes of replies to clients' sockets.
    pub writes: u64,
    /// Turns of the workers' loops.
    pub turns: u64,
    /// How long they took, in microseconds.
    pub turns_us: u64,
    /// Error replies.
    pub errors_count: u64,
    /// Error replies by their code, as far as codes are told apart.
    pub errors: BTreeMap<String, u64>,
}

/// What one command did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowTotal {
    /// How often it ran.
    pub calls: u64,
    /// How long in all, in microseconds.
    pub took_us: u64,
    /// How often it was refused before it ran.
    pub rejected: u64,
    /// How often it ran and failed.
    pub failed: u64,
}

impl Totals {
    /// Counts the commands that ran.
    pub fn calls(&self) -> u64 {
        self.rows.iter().map(|row| row.calls).sum()
    }
}

impl Counters {
    /// Counts one run of a command.
    pub fn called(&self, command: usize, took: Duration, failed: Option<&Fault>) {
        self.called_in_a_row(command, 1, took);
        if let Some(fault) = failed {
            let row = &self.rows[command];
            add(&row.failed, 1);
            self.error(fault);
        }
    }

    /// Counts so many runs of a command, one at least, that took so long together.
    pub fn called_in_a_row(&self, command: usize, count: u64, took: Duration) {
        let row = &self.rows[command];
        let took_ns = took.as_nanos() as u64;
        add(&row.calls, count);
        add(&row.took_ns, took_ns);
        if self.is_timed.load(Ordering::Relaxed) {
            row.histogram.add(took_ns / count, count);
        }
    }

    /// Says whether histograms of times are kept, as `latency-tracking` wants.
    pub fn set_timed(&self, is_timed: bool) {
        self.is_timed.store(is_timed, Ordering::Relaxed);
    }

    /// Adds how long calls of a command took here to `times`.
    pub fn add_times_to(&self, command: usize, times: &mut Times) {
        self.rows[command].histogram.add_to(times);
    }

    /// Counts a command that was refused before it ran; `None` is one that does not exist.
    pub fn refused(&self, command: Option<usize>, fault: &Fault) {
        if let Some(command) = command {
            add(&self.rows[command].rejected, 1);
        }
        self.error(fault);
    }

    /// Counts a call of a command as failed that was counted otherwise.
    pub fn failed(&self, command: usize) {
        add(&self.rows[command].failed, 1);
    }

    /// Counts lookups of keys.
    pub fn looked_up(&self, hits: u64, misses: u64) {
        if hits > 0 {
            add(&self.hits, hits);
        }
        if misses > 0 {
            add(&self.misses, misses);
        }
    }

    /// Counts a read from a client.
    pub fn received(&self, bytes: u64) {
        add(&self.reads, 1);
        add(&self.input_bytes, bytes);
    }

    /// Counts replies written to a client.
    pub fn sent(&self, bytes: u64) {
        add(&self.writes, 1);
        add(&self.output_bytes, bytes);
    }

    /// Counts a turn of the worker's loop.
    pub fn turn(&self, took_us: u64) {
        add(&self.turns, 1);
        add(&self.turns_us, took_us);
    }

    /// Adds what was counted here to `totals`.
    pub fn add_to(&self, totals: &mut Totals) {
        totals.rows.resize(self.rows.len(), RowTotal::default());
        for (total, row) in totals.rows.iter_mut().zip(&self.rows) {
            total.calls += row.calls.load(Ordering::Relaxed);
            total.took_us += row.took_ns.load(Ordering::Relaxed) / 1000;
            total.rejected += row.rejected.load(Ordering::Relaxed);
            total.failed += row.failed.load(Ordering::Relaxed);
        }
        totals.hits += self.hits.load(Ordering::Relaxed);
        totals.misses += self.misses.load(Ordering::Relaxed);
        totals.input_bytes += self.input_bytes.load(Ordering::Relaxed);
        totals.output_bytes += self.output_bytes.load(Ordering::Relaxed);
        totals.reads += self.reads.load(Ordering::Relaxed);
        totals.writes += self.writes.load(Ordering::Relaxed);
        totals.turns += self.turns.load(Ordering::Relaxed);
        totals.turns_us += self.turns_us.load(Ordering::Relaxed);
        let errors = self.errors.lock();
        totals.errors_count += errors.count;
        for (code, count) in &errors.by_code {
            *totals.errors.entry(code.clone()).or_default() += count;
        }
    }

    /// Forgets all that was counted.
    pub fn reset(&self) {
        for row in &self.rows {
            for counter in [&row.calls, &row.took_ns, &row.rejected, &row.failed] {
                counter.store(0, Ordering::Relaxed);
            }
            row.histogram.reset();
        }
        let sums = [&self.hits, &self.misses, &self.input_bytes, &self.output_bytes];
        let others = [&self.reads, &self.writes, &self.turns, &self.turns_us];
        for counter in sums.into_iter().chain(others) {
            counter.store(0, Ordering::Relaxed);
        }
        *self.errors.lock() = Errors::default();
    }

    fn error(&self, fault: &Fault) {
        if fault.is_counted() {
            return;
        }
        let mut errors = self.errors.lock();
        errors.count += 1;
        if let Some(count) = errors.by_code.get_mut(fault.code()) {
            *count += 1;
        } else if errors.by_code.len() < ERROR_KINDS_MAX {
            errors.by_code.insert(fault.code().to_owned(), 1);
        }
    }
}

/// Adds without a locked instruction: only one worker writes, the others read.
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workers_add_up() {
        let (one, two) = (Counters::default(), Counters::default());
        one.called(0, Duration::from_micros(5), None);
        two.called(0, Duration::from_micros(9), Some(&Fault::SYNTAX));
        two.refused(None, &Fault::fixed("NOAUTH Authentication required."));
        let mut totals = Totals::default();
        one.add_to(&mut totals);
        two.add_to(&mut totals);
        assert_eq!(
            (totals.rows[0].calls, totals.rows[0].took_us, totals.rows[0].failed),
            (2, 14, 1)
        );
        assert_eq!(totals.errors.get("ERR"), Some(&1));
        assert_eq!(totals.errors.get("NOAUTH"), Some(&1));
    }

    #[test]
    fn codes_beyond_those_told_apart_are_counted_all_the_same() {
        let counters = Counters::default();
        for number in 0..=ERROR_KINDS_MAX {
            counters.refused(None, &Fault::of(format!("E{number} made up")));
        }
        let mut totals = Totals::default();
        counters.add_to(&mut totals);
        let count = ERROR_KINDS_MAX as u64 + 1;
        assert_eq!((totals.errors.len(), totals.errors_count), (ERROR_KINDS_MAX, count));
    }

    #[test]
    fn times_are_kept_while_that_is_wanted() {
        let counters = Counters::default();
        counters.called_in_a_row(0, 2, Duration::from_micros(6));
        counters.set_timed(false);
        counters.called(0, Duration::from_micros(9), None);
        let mut times = Times::default();
        counters.add_times_to(0, &mut times);
        assert_eq!(times.cumulative_us(), [(4, 2)]);
        counters.reset();
        let mut times = Times::default();
        counters.add_times_to(0, &mut times);
        assert_eq!(times.count(), 0);
    }
}
