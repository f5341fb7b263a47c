//! How long calls took, to within one in 128: what percentiles and `LATENCY HISTOGRAM` are made of.
//!
//! Up to 255 ns there is a bucket for each nanosecond, and from there on 128 for each power of two,
//! as in the histograms of stock servers: so the same times give the same figures.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of a power of two.
const PARTS: u64 = 128;
/// Longer times, of more than a quarter of an hour, count as this.
const LONGEST_NS: u64 = (1 << 40) - 1;
const BUCKETS: usize = bucket(LONGEST_NS) + 1;
/// The first bound of `LATENCY HISTOGRAM`; the others are its doubles.
const FIRST_BOUND_NS: u64 = 1024;
/// How often it is doubled until it reaches the longest time.
const DOUBLED_MAX: u32 = 30;
const _: () = assert!(FIRST_BOUND_NS << DOUBLED_MAX > LONGEST_NS);

/// Counts times on one worker; it takes no room before the first one.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: OnceLock<Box<[AtomicU64]>>,
}

/// What several workers counted together.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// By bucket; empty where there is none.
    counts: Vec<u64>,
}

impl Histogram {
    /// Counts so many calls that took so long each.
    ///
    /// Without a locked instruction: only one worker writes, the others read.
    pub(super) fn add(&self, took_ns: u64, count: u64) {
        let buckets =
            self.buckets.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        let bucket = &buckets[bucket(took_ns.min(LONGEST_NS))];
        bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(super) fn add_to(&self, times: &mut Times) {
        let Some(buckets) = self.buckets.get() else { return };
        times.counts.resize(BUCKETS, 0);
        for (sum, bucket) in times.counts.iter_mut().zip(buckets) {
            *sum += bucket.load(Ordering::Relaxed);
        }
    }

    pub(super) fn reset(&self) {
        for bucket in self.buckets.get().into_iter().flatten() {
            bucket.store(0, Ordering::Relaxed);
        }
    }
}

impl Times {
    /// Counts the calls.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The microseconds that the given share of the calls did not exceed.
    pub fn percentile_us(&self, percent: f64) -> f64 {
        let wanted = ((self.count() as f64 * percent / 100.0 + 0.5) as u64).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        reached.map_or(0.0, |bucket| limit_ns(bucket) as f64 / 1000.0)
    }

    /// Upper bounds in microseconds, each about twice the one before, with the calls up to there.
    ///
    /// Those are left out up to which there are no more calls than up to the one before.
    pub fn cumulative_us(&self) -> Vec<(u64, u64)> {
        let mut told: Vec<(u64, u64)> = Vec::new();
        let (mut sum, mut next) = (0, 0);
        for doubled in 0..=DOUBLED_MAX {
            let bound = bucket((FIRST_BOUND_NS << doubled).min(LONGEST_NS));
            let Some(counts) = self.counts.get(next..=bound) else { break };
            let before = sum;
            sum += counts.iter().sum::<u64>();
            next = bound + 1;
            if sum > before {
                told.push((limit_ns(bound) / 1000, sum));
            }
        }
        told
    }
}

const fn bucket(took_ns: u64) -> usize {
    if took_ns < 2 * PARTS {
        return took_ns as usize;
    }
    let shift = (took_ns / (2 * PARTS)).ilog2() as u64 + 1;
    (shift * PARTS + (took_ns >> shift)) as usize
}

/// The longest time that falls into a bucket.
const fn limit_ns(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * PARTS {
        return bucket;
    }
    let shift = bucket / PARTS - 1;
    ((bucket - shift * PARTS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(took: &[(u64, u64)]) -> Times {
        let histogram = Histogram::default();
        for (took_ns, count) in took {
            histogram.add(*took_ns, *count);
        }
        let mut times = Times::default();
        histogram.add_to(&mut times);
        times
    }

    #[test]
    fn buckets_join_without_a_gap() {
        assert_eq!((0..=LONGEST_NS).rev().step_by(1 << 33).map(bucket).max(), Some(BUCKETS - 1));
        for index in 0..BUCKETS - 1 {
            let limit = limit_ns(index);
            assert_eq!((bucket(limit), bucket(limit + 1)), (index, index + 1), "{limit}");
        }
        assert_eq!(limit_ns(BUCKETS - 1), LONGEST_NS);
    }

    #[test]
    fn percentiles_are_those_of_stock() {
        let shown = |percent: f64, times: &Times| format!("{:.3}", times.percentile_us(percent));
        for (took_us, told) in [(4, "4.015"), (5, "5.023"), (230, "230.399"), (1, "1.003")] {
            assert_eq!(shown(50.0, &times(&[(took_us * 1000, 1)])), told);
        }
        let many = times(&[(3_000, 99), (1_000_000, 1)]);
        assert_eq!(shown(50.0, &many), "3.007");
        assert_eq!(shown(99.0, &many), "3.007");
        assert_eq!(shown(99.9, &many), "1003.519");
        assert_eq!(shown(99.9, &Times::default()), "0.000");
        assert!(times(&[(u64::MAX, 1)]).percentile_us(100.0) > 1e9);
    }

    #[test]
    fn bounds_are_those_of_stock() {
        let counts: Vec<_> = (0..18).map(|doubled| (1000 << doubled, 1)).collect();
        let bounds: Vec<_> = times(&counts).cumulative_us();
        let told = bounds.iter().map(|(bound_us, _)| *bound_us).collect::<Vec<_>>();
        let stock = [
            1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1_056, 2_113, 4_227, 8_454, 16_908, 33_816,
            67_633, 135_266,
        ];
        assert_eq!(told, stock);
        assert_eq!(bounds.last().map(|(_, calls)| *calls), Some(18));
        assert_eq!(times(&[(2_500_000, 3), (9_000, 1)]).cumulative_us(), [(16, 1), (4_227, 4)]);
        assert_eq!(times(&[(u64::MAX, 1)]).cumulative_us().len(), 1);
    }
}
