//! Counters that are not per command, and rates.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::command::counters::Totals;
use crate::position::Offset;

/// How many samples a rate is averaged over.
const SAMPLES: usize = 16;

/// Counters that are not per command.
#[derive(Debug, Default)]
pub struct Stats {
    /// Full resyncs begun.
    pub full_syncs: AtomicU64,
    /// Partial resyncs granted.
    pub partial_syncs: AtomicU64,
    /// Partial resyncs asked for and refused.
    pub refused_partial_syncs: AtomicU64,
    /// Keys removed because their time had come.
    pub expired: AtomicU64,
    /// Searches for such keys that ended with their time and not with the keys.
    pub expiry_cut_short: AtomicU64,
    /// How long the searches took, in microseconds.
    pub expiry_us: AtomicU64,
    /// Which share of the keys that expire is due and still there.
    pub expiry_stale: Average,
    /// Keys removed because memory was short.
    pub evicted: AtomicU64,
    /// Clients closed because all of them took too much.
    pub evicted_clients: AtomicU64,
    /// Bytes sent to replicas, snapshots included.
    pub fed: AtomicU64,
    /// Bytes received from the primary, snapshots included.
    pub followed: AtomicU64,
    /// Where the history parted that was given up last.
    pub discarded_from: AtomicU64,
    /// How many bytes of it only this server had.
    pub discarded_bytes: AtomicU64,
    /// Commands executed.
    pub ops: Rate,
    /// Turns of the workers' loops.
    pub turns: Rate,
    /// Microseconds that those turns took.
    pub turns_us: Rate,
    /// Bytes read from clients, and from the primary.
    pub input: Rate,
    /// Bytes written to clients, and to replicas.
    pub output: Rate,
    /// Bytes sent to replicas.
    pub feeding: Rate,
    /// Bytes received from the primary.
    pub following: Rate,
    /// Bytes of stream written to the log.
    pub written: Rate,
    /// The most memory allocated at any sample.
    pub peak_bytes: AtomicU64,
    /// The memory allocated before there was any data.
    pub startup_bytes: u64,
}

impl Stats {
    /// Begins to count, before there is any data.
    pub fn begin() -> Self {
        Self { startup_bytes: crate::admin::memory::memory().allocated, ..Self::default() }
    }

    /// Takes the samples that only make sense over time.
    pub fn sample(&self, totals: &Totals, written: Offset) {
        self.ops.sample(totals.calls());
        self.turns.sample(totals.turns);
        self.turns_us.sample(totals.turns_us);
        let (fed, followed) =
            (self.fed.load(Ordering::Relaxed), self.followed.load(Ordering::Relaxed));
        self.input.sample(totals.input_bytes + followed);
        self.output.sample(totals.output_bytes + fed);
        self.feeding.sample(fed);
        self.following.sample(followed);
        self.written.sample(written.0);
        let allocated = crate::admin::memory::memory().allocated;
        self.peak_bytes.fetch_max(allocated, Ordering::Relaxed);
    }

    /// Zeroes what `CONFIG RESETSTAT` zeroes.
    pub fn reset(&self) {
        let counters = [
            &self.full_syncs,
            &self.partial_syncs,
            &self.refused_partial_syncs,
            &self.expired,
            &self.evicted,
            &self.evicted_clients,
            &self.expiry_cut_short,
            &self.expiry_us,
            &self.fed,
            &self.followed,
        ];
        for counter in counters {
            counter.store(0, Ordering::Relaxed);
        }
        self.expiry_stale.reset();
    }
}

/// An average in which what was long ago counts ever less.
#[derive(Debug, Default)]
pub struct Average(AtomicU64);

impl Average {
    /// Notes a value that counts so much, of one; there is one thread that does.
    pub fn note(&self, value: f64, weight: f64) {
        let average = value * weight + self.value() * (1.0 - weight);
        self.0.store(average.to_bits(), Ordering::Relaxed);
    }

    /// Tells it.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A rate per second, averaged over the last samples.
#[derive(Debug, Default)]
pub struct Rate(Mutex<Samples>);

#[derive(Debug, Default)]
struct Samples {
    last: Option<(Instant, u64)>,
    rates: [u64; SAMPLES],
    next: usize,
}

impl Rate {
    /// Notes the value of a counter now.
    pub fn sample(&self, value: u64) {
        let mut samples = self.0.lock();
        let now = Instant::now();
        if let Some((then, before)) = samples.last {
            let elapsed_ms = now.duration_since(then).as_millis().max(1) as u64;
            let place = samples.next;
            // An offset jumps by any number when a primary's history is taken over.
            let more = value.saturating_sub(before);
            samples.rates[place] = more.saturating_mul(1000) / elapsed_ms;
            samples.next = (place + 1) % SAMPLES;
        }
        samples.last = Some((now, value));
    }

    /// Tells the highest of the last samples.
    pub fn peak_per_second(&self) -> u64 {
        self.0.lock().rates.iter().copied().max().unwrap_or(0)
    }

    /// Tells the average.
    pub fn per_second(&self) -> u64 {
        let add = |sum: u64, rate: &u64| sum.saturating_add(*rate);
        self.0.lock().rates.iter().fold(0, add) / SAMPLES as u64
    }
}
