//! `MEMORY DOCTOR`: what stands out in the use of memory, in the words of stock servers.

use super::host::MemoryFigure;

/// What is told of so little memory that ratios say nothing.
const EMPTY: &str = "Hi Sam, this instance is empty or is using very little memory, my issues \
     detector can't be used in these conditions. Please, leave for your mission on Earth and \
     fill it with some data. The new Sam and I will be back to our programming as soon as I \
     finished rebooting.\n";

/// What is told where nothing stands out.
const FINE: &str = "Hi Sam, I can't find any memory issue in your instance. I can only account \
     for what occurs on this base.\n";

/// What comes ahead of what stands out.
const FIRST: &str = "Sam, I detected a few issues in this Redis instance memory implants:\n\n";

/// What comes behind it.
const LAST: &str = "I'm here to keep you safe, Sam. I want to help you.\n";

/// Much more was used once.
const PEAK: &str = " * Peak memory: In the past this instance used more than 150% the memory \
     that is currently using. The allocator is normally not able to release memory after a \
     peak, so you can expect to see a big fragmentation ratio, however this is actually \
     harmless and is only due to the memory peak, and if the Redis instance Resident Set Size \
     (RSS) is currently bigger than expected, the memory will be used as soon as you fill the \
     Redis instance with more data. If the memory peak was only occasional and you want to try \
     to reclaim memory, please try the MEMORY PURGE command, otherwise the only other option is \
     to shutdown and restart the instance.\n\n";

/// Much more is resident than is allocated; `ALLOCATOR` stands for its name.
const RSS: &str = " * High total RSS: This instance has a memory fragmentation and RSS overhead \
     greater than 1.4 (this means that the Resident Set Size of the Redis process is much \
     larger than the sum of the logical allocations Redis performed). This problem is usually \
     due either to a large peak memory (check if there is a peak memory entry above in the \
     report) or may result from a workload that causes the allocator to fragment memory a lot. \
     If the problem is a large peak memory, then there is no issue. Otherwise, make sure you \
     are using the Jemalloc allocator and not the default libc malloc. Note: The currently used \
     allocator is \"ALLOCATOR\".\n\n";

/// The allocator has many pages that are not full.
const FRAGMENTS: &str = " * High allocator fragmentation: This instance has an allocator \
     external fragmentation greater than 1.1. This problem is usually due either to a large \
     peak memory (check if there is a peak memory entry above in the report) or may result from \
     a workload that causes the allocator to fragment memory a lot.\n\n";

/// The allocator has many pages that hold nothing.
const ALLOCATOR: &str = " * High allocator RSS overhead: This instance has an RSS memory \
     overhead is greater than 1.1 (this means that the Resident Set Size of the allocator is \
     much larger than the sum what the allocator actually holds). This problem is usually due \
     to a large peak memory (check if there is a peak memory entry above in the report), you \
     can try the MEMORY PURGE command to reclaim it.\n\n";

/// The process has much beside what the allocator has.
const PROCESS: &str = " * High process RSS overhead: This instance has non-allocator RSS memory \
     overhead is greater than 1.1 (this means that the Resident Set Size of the Redis process \
     is much larger than the RSS the allocator holds). This problem may be due to Lua scripts \
     or Modules.\n\n";

/// Clients have a lot waiting.
const CLIENTS: &str = " * Big client buffers: The clients output buffers in this instance are \
     greater than 200K per client (on average). This may result from different causes, like \
     Pub/Sub clients subscribed to channels bot not receiving data fast enough, so that data \
     piles on the Redis instance output buffer, or clients sending commands with large replies \
     or very large sequences of commands in the same pipeline. Please use the CLIENT LIST \
     command in order to investigate the issue if it causes problems in your instance, or to \
     understand better why certain clients are using a big amount of memory.\n\n";

/// Below this, ratios of memory say nothing.
const TELLING_BYTES: i64 = 5 * 1024 * 1024;
/// Below this, what a ratio is about does not matter.
const MATTERING_BYTES: i64 = 10 * 1024 * 1024;
const PEAK_RATIO: f64 = 1.5;
const RSS_RATIO: f64 = 1.4;
const OVERHEAD_RATIO: f64 = 1.1;
/// What a client may take on average.
const CLIENT_BYTES_MAX: i64 = 200 * 1024;

/// What memory is used for, as far as it is looked at here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub allocated: i64,
    pub peak: i64,
    /// What the allocator has in pages that hold something.
    pub active: i64,
    /// What the allocator has in memory.
    pub resident: i64,
    /// What the process has in memory, pages of files left out: those are of the log, above all.
    pub anonymous: i64,
    pub clients_bytes: i64,
    pub clients_count: i64,
}

impl Findings {
    /// Finds them among the figures of `MEMORY STATS`.
    pub(super) fn among<'f>(
        figures: impl Iterator<Item = (&'f str, &'f MemoryFigure)>,
        clients_count: usize,
    ) -> Self {
        let mut found = Self { clients_count: clients_count as i64, ..Self::default() };
        for (name, figure) in figures {
            let MemoryFigure::Count(count) = figure else { continue };
            match name {
                "total.allocated" => found.allocated = *count,
                "peak.allocated" => found.peak = *count,
                "allocator.active" => found.active = *count,
                "allocator.resident" => found.resident = *count,
                "clients.normal" => found.clients_bytes = *count,
                "fragmentation.bytes" => found.anonymous = *count,
                _ => {}
            }
        }
        // That figure is what there is beyond what is allocated.
        found.anonymous += found.allocated;
        found
    }

    /// Tells what stands out.
    pub(super) fn tell(&self, allocator: &str) -> String {
        if self.allocated < TELLING_BYTES {
            return EMPTY.to_owned();
        }
        let exceeds = |more: i64, less: i64, ratio: f64| {
            more as f64 > less as f64 * ratio && more - less > MATTERING_BYTES
        };
        let clients_max = self.clients_count.max(1) * CLIENT_BYTES_MAX;
        let cases = [
            (self.peak as f64 > self.allocated as f64 * PEAK_RATIO, PEAK),
            (exceeds(self.anonymous, self.allocated, RSS_RATIO), RSS),
            (exceeds(self.active, self.allocated, OVERHEAD_RATIO), FRAGMENTS),
            (exceeds(self.resident, self.active, OVERHEAD_RATIO), ALLOCATOR),
            (exceeds(self.anonymous, self.resident, OVERHEAD_RATIO), PROCESS),
            (self.clients_bytes > clients_max, CLIENTS),
        ];
        let told: String =
            cases.iter().filter(|(is_so, _)| *is_so).map(|(_, text)| *text).collect();
        if told.is_empty() {
            return FINE.to_owned();
        }
        format!("{FIRST}{}{LAST}", told.replace("ALLOCATOR", allocator))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: i64 = 1 << 30;
    const SOUND: Findings = Findings {
        allocated: GB,
        peak: GB,
        active: GB,
        resident: GB,
        anonymous: GB,
        clients_bytes: 1000,
        clients_count: 1,
    };

    #[test]
    fn each_case_has_its_text() {
        let cases = [
            (Findings { peak: 2 * GB, ..SOUND }, PEAK),
            (Findings { active: GB / 5 * 6, resident: GB / 5 * 6, ..SOUND }, FRAGMENTS),
            (Findings { resident: GB / 5 * 6, ..SOUND }, ALLOCATOR),
            (Findings { anonymous: GB / 5 * 6, ..SOUND }, PROCESS),
            (Findings { clients_bytes: 300 * 1024, ..SOUND }, CLIENTS),
        ];
        for (findings, text) in cases {
            assert_eq!(findings.tell("jemalloc"), format!("{FIRST}{text}{LAST}"), "{findings:?}");
        }
        let told = Findings { anonymous: 2 * GB, resident: 2 * GB, ..SOUND }.tell("jemalloc-5.3.1");
        assert!(
            told.contains("is \"jemalloc-5.3.1\".\n") && told.contains("RSS overhead"),
            "{told}"
        );
    }

    #[test]
    fn where_nothing_stands_out_or_could_that_is_told() {
        assert_eq!(SOUND.tell(""), FINE);
        assert_eq!(Findings { allocated: TELLING_BYTES - 1, ..SOUND }.tell(""), EMPTY);
        // A ratio alone says little where there is little.
        let small = 6 << 20;
        let little = Findings { allocated: small, peak: small, active: small, ..SOUND };
        let little = Findings { resident: small * 2, anonymous: small * 2, ..little };
        assert_eq!(little.tell(""), FINE);
        assert_eq!(
            Findings { clients_bytes: 300 * 1024, clients_count: 2, ..SOUND }.tell(""),
            FINE
        );
    }

    #[test]
    fn the_figures_are_found_by_their_names() {
        let figures = [
            ("peak.allocated", MemoryFigure::Count(3)),
            ("total.allocated", MemoryFigure::Count(2)),
            ("allocator.resident", MemoryFigure::Count(7)),
            ("fragmentation", MemoryFigure::Ratio(4.5)),
            ("fragmentation.bytes", MemoryFigure::Count(5)),
        ];
        let found = Findings::among(figures.iter().map(|(name, figure)| (*name, figure)), 4);
        let expected =
            Findings { peak: 3, allocated: 2, resident: 7, anonymous: 7, ..Findings::default() };
        assert_eq!(found, Findings { clients_count: 4, ..expected });
    }
}
