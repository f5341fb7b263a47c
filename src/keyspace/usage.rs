//! How the use of a key is noted in the 24 bits that its record has for that: when, or how often.
//!
//! ```text
//! by recency     0..24   seconds of the clock at the last use
//! by frequency   0..8    a counter that grows with the logarithm of the uses
//!                8..24   minutes of the clock when it was last brought up to date
//! ```
//!
//! The counter is that of Redis, as redis.conf describes it (`lfu-log-factor`, `lfu-decay-time`): a new
//! key begins with [`FIRST_COUNT`]; a use adds one with a probability of 1 / (excess · factor + 1),
//! the excess being what the counter has above that; each time of decay takes one away. As there, what
//! was noted by the one policy is read by the other after a switch, until the key is used again.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::dice::random_below;
use super::record::CLOCK_MASK;

/// What the counter of a new key says, so that it is not the first to go.
const FIRST_COUNT: u32 = 5;
const COUNT_MAX: u32 = 0xff;
const COUNT_BITS: u32 = 8;
const MINUTES_MASK: u32 = 0xffff;
const SECONDS_PER_MINUTE: u32 = 60;

/// The policy, packed: a bit that says frequency, 31 bits of decay, 31 bits of factor.
const FREQUENCY: u64 = 1 << 63;
const FIELD_BITS: u32 = 31;
const FIELD_MASK: u64 = (1 << FIELD_BITS) - 1;

/// What is noted of uses; changed at run time by CONFIG SET.
#[derive(Debug, Default)]
pub struct Usage {
    policy: AtomicU64,
}

/// What is noted of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsagePolicy {
    /// When it was.
    Recency,
    /// How many there are.
    Frequency {
        /// The larger, the more uses it takes to raise a counter; below 2^31.
        log_factor: u32,
        /// The minutes that take one from a counter, zero for none; below 2^31.
        decay_minutes: u32,
    },
}

/// A use of a key at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    At(u32),
    Counted {
        minutes: u32,
        log_factor: u32,
        decay_minutes: u32,
    },
    /// One that is told rather than made: what the record is to note.
    Told(u32),
}

impl Usage {
    /// Tells what is noted.
    #[inline]
    pub fn policy(&self) -> UsagePolicy {
        let packed = self.policy.load(Relaxed);
        if packed & FREQUENCY == 0 {
            return UsagePolicy::Recency;
        }
        UsagePolicy::Frequency {
            log_factor: (packed & FIELD_MASK) as u32,
            decay_minutes: ((packed >> FIELD_BITS) & FIELD_MASK) as u32,
        }
    }

    /// Changes what is noted from now on.
    pub fn set_policy(&self, policy: UsagePolicy) {
        let packed = match policy {
            UsagePolicy::Recency => 0,
            UsagePolicy::Frequency { log_factor, decay_minutes } => {
                let decay = u64::from(decay_minutes) & FIELD_MASK;
                FREQUENCY | (decay << FIELD_BITS) | (u64::from(log_factor) & FIELD_MASK)
            }
        };
        self.policy.store(packed, Relaxed);
    }

    /// The counter of a key at `clock`, in seconds; none where frequency is not noted.
    pub fn frequency(&self, accessed: u32, clock: u32) -> Option<u32> {
        match self.at(clock) {
            Use::At(_) | Use::Told(_) => None,
            Use::Counted { minutes, decay_minutes, .. } => {
                Some(decayed(accessed, minutes, decay_minutes))
            }
        }
    }

    /// The seconds that a key has been idle at `clock`, where its last use is noted.
    pub fn idle_s(accessed: u32, clock: u32) -> u32 {
        clock.wrapping_sub(accessed) & CLOCK_MASK
    }

    /// What was last noted of a key that has been idle, or was used so often; `None` if it is neither
    /// or the other is noted.
    pub(super) fn told(&self, idle_s: Option<u32>, count: Option<u8>, clock: u32) -> Option<Use> {
        match self.at(clock) {
            Use::Counted { minutes, .. } => {
                count.map(|count| Use::Told((minutes << COUNT_BITS) | u32::from(count)))
            }
            Use::At(_) | Use::Told(_) => {
                idle_s.map(|idle_s| Use::Told(clock.wrapping_sub(idle_s) & CLOCK_MASK))
            }
        }
    }

    /// A use at `clock`, in seconds.
    #[inline]
    pub(super) fn at(&self, clock: u32) -> Use {
        match self.policy() {
            UsagePolicy::Recency => Use::At(clock & CLOCK_MASK),
            UsagePolicy::Frequency { log_factor, decay_minutes } => {
                let minutes = (clock / SECONDS_PER_MINUTE) & MINUTES_MASK;
                Use::Counted { minutes, log_factor, decay_minutes }
            }
        }
    }
}

impl Use {
    /// What a record notes after this use; `before` reads what it noted, none for a new one.
    #[inline]
    pub(super) fn noted(self, before: impl FnOnce() -> Option<u32>) -> u32 {
        match self {
            Self::At(seconds) => seconds,
            Self::Told(noted) => noted,
            Self::Counted { minutes, log_factor, decay_minutes } => {
                let count = before().map_or(FIRST_COUNT, |before| {
                    raised(decayed(before, minutes, decay_minutes), log_factor)
                });
                (minutes << COUNT_BITS) | count
            }
        }
    }
}

fn decayed(accessed: u32, minutes: u32, decay_minutes: u32) -> u32 {
    let elapsed = minutes.wrapping_sub(accessed >> COUNT_BITS) & MINUTES_MASK;
    let periods = elapsed.checked_div(decay_minutes).unwrap_or(0);
    (accessed & COUNT_MAX).saturating_sub(periods)
}

fn raised(count: u32, log_factor: u32) -> u32 {
    let excess = u64::from(count.saturating_sub(FIRST_COUNT));
    let chances = excess * u64::from(log_factor) + 1;
    if count < COUNT_MAX && random_below(chances as usize) == 0 { count + 1 } else { count }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_frequency(log_factor: u32, decay_minutes: u32) -> Usage {
        let usage = Usage::default();
        usage.set_policy(UsagePolicy::Frequency { log_factor, decay_minutes });
        usage
    }

    #[test]
    fn a_policy_is_told_as_it_was_set() {
        let usage = Usage::default();
        assert_eq!(usage.policy(), UsagePolicy::Recency);
        let largest = i32::MAX as u32;
        for (log_factor, decay_minutes) in [(0, 0), (10, 1), (largest, 0), (0, largest)] {
            let policy = UsagePolicy::Frequency { log_factor, decay_minutes };
            usage.set_policy(policy);
            assert_eq!(usage.policy(), policy);
        }
        usage.set_policy(UsagePolicy::Recency);
        assert_eq!(usage.at(0xab12_3456).noted(|| Some(9)), 0x12_3456);
        assert_eq!(usage.frequency(9, 0), None);
    }

    #[test]
    fn each_use_counts_where_the_factor_is_zero_up_to_the_most() {
        let usage = by_frequency(0, 1);
        let mut accessed = usage.at(60).noted(|| None);
        assert_eq!(usage.frequency(accessed, 60), Some(FIRST_COUNT));
        for count in 6..=255 {
            accessed = usage.at(60).noted(|| Some(accessed));
            assert_eq!(usage.frequency(accessed, 60), Some(count));
        }
        accessed = usage.at(60).noted(|| Some(accessed));
        assert_eq!(usage.frequency(accessed, 60), Some(COUNT_MAX));
    }

    #[test]
    fn a_counter_grows_with_the_logarithm_of_the_uses() {
        let usage = by_frequency(10, 1);
        // redis.conf has a table of what 100, 1000 and 100,000 uses come to by this factor.
        let mut accessed = usage.at(0).noted(|| None);
        let mut uses = 0;
        for (until, counts) in [(100, 6..=18), (1000, 12..=30), (100_000, 110..=180)] {
            while uses < until {
                accessed = usage.at(0).noted(|| Some(accessed));
                uses += 1;
            }
            let count = usage.frequency(accessed, 0).expect("it is counted");
            assert!(counts.contains(&count), "{count} after {until} uses");
        }
    }

    #[test]
    fn time_takes_away_from_a_counter_even_where_the_minutes_wrap() {
        let (start, minutes) = (0xffff * 60, |count: u32| count * 60);
        let usage = by_frequency(0, 2);
        let accessed = usage.at(start).noted(|| None);
        for (later, count) in [(0, 5), (1, 5), (2, 4), (3, 4), (10, 0), (1000, 0)] {
            assert_eq!(usage.frequency(accessed, start + minutes(later)), Some(count), "{later}");
        }
        let used = usage.at(start + minutes(4)).noted(|| Some(accessed));
        assert_eq!(usage.frequency(used, start + minutes(4)), Some(4));
        let forever = by_frequency(0, 0);
        assert_eq!(forever.frequency(accessed, start + minutes(1000)), Some(5));
    }
}
