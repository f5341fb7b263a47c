//! `LATENCY DOCTOR`: what was slow and what may help, in the words of stock servers.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What is told while nothing is watched.
const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this \
     Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order \
     to enable it. If we weren't in a deep space mission I'd suggest to take a look at \
     https://redis.io/topics/latency-monitor.\n";

/// What is told where nothing was slow.
const NONE: &str = "Dave, no latency spike was observed during the lifetime of this Redis \
     instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a \
     stress pill, and think things over.\n";

/// What comes ahead of the events.
const FIRST: &str = "Dave, I have observed latency spikes in this Redis instance. You don't mind \
     talking about it, do you Dave?\n\n";

/// What comes ahead of the advice.
const ADVICE: &str = "\nI have a few advices for you:\n\n";

/// What is told where there is none.
const NO_ADVICE: &str = "\nWhile there are latency events logged, I'm not able to suggest any easy \
     fix. Please use the Redis community to get some help, providing this report in your help \
     request.\n";

/// Stands for the threshold in microseconds.
const THRESHOLD: &str = "THRESHOLD";

/// Commands are slow, and nothing notes which.
const ENABLE: &str = "- There are latency issues with potentially slow commands you are using. \
     Try to enable the Slow Log Redis feature using the command 'CONFIG SET \
     slowlog-log-slower-than THRESHOLD'. If the Slow log is disabled Redis is not able to log \
     slow commands execution for you.\n";

/// Commands are slow, and the slow log notes only those that are slower.
const TUNE: &str = "- Your current Slow Log configuration only logs events that are slower than \
     your configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than \
     THRESHOLD'.\n";

/// Commands are slow.
const LOOK: &str = "- Check your Slow Log to understand what are the commands you are running \
     which are too slow to execute. Please check https://redis.io/commands/slowlog for more \
     information.\n";

/// Commands are slow that should not be.
const SCHEDULER: &str = "- The system is slow to execute Redis code paths not containing system \
     calls. This usually means the system does not provide Redis CPU time to run for long \
     periods. You should try to:\n  1) Lower the system load.\n  2) Use a computer / VM just \
     for Redis if you are running other software in the same system.\n  3) Check if you have a \
     \"noisy neighbour\" problem.\n  4) Check with 'redis-cli --intrinsic-latency 100' what is \
     the intrinsic latency in your system.\n  5) Check if the problem is allocator-related by \
     recompiling Redis with MALLOC=libc, if you are using Jemalloc. However this may create \
     fragmentation problems.\n";

/// Many keys expire at once.
const RAISE_HZ: &str = "- In order to make the Redis keys expiring process more incremental, \
     try to set the 'hz' configuration parameter to 100 using 'CONFIG SET hz 100'.\n";

/// What goes may be large.
const LARGE_OBJECTS: &str = "- Deleting, expiring or evicting (because of maxmemory policy) \
     large objects is a blocking operation. If you have very large objects that are often \
     deleted, expired, or evicted, try to fragment those objects into multiple smaller \
     objects.\n";

/// Much has to go at once.
const MASS_EVICTION: &str = "- Sudden changes to the 'maxmemory' setting via 'CONFIG SET', or \
     allocation of large objects via sets or sorted sets intersections, STORE option of SORT, \
     Redis Cluster large keys migrations (RESTORE command), may create sudden memory pressure \
     forcing the server to block trying to evict keys. \n";

/// Something that may help, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Advice {
    EnableSlowLog,
    TuneSlowLog,
    LookAtSlowLog,
    Scheduler,
    RaiseHz,
    LargeObjects,
    MassEviction,
}

/// An event with its samples: second and milliseconds.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) samples: Vec<(i64, i64)>,
    pub(super) most_ms: i64,
}

/// How the server is set up to watch itself.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) threshold_ms: i64,
    pub(super) slower_than_us: i64,
    pub(super) hz: i64,
    pub(super) now_s: i64,
}

/// Tells of the events, and what may help.
pub(super) fn report(events: &[Event], watch: &Watch) -> String {
    if events.is_empty() {
        return if watch.threshold_ms == 0 { DISABLED } else { NONE }.to_owned();
    }
    let mut text = FIRST.to_owned();
    for (number, event) in (1..).zip(events) {
        describe(&mut text, number, event, watch.now_s);
    }
    let advice: BTreeSet<_> = events.iter().flat_map(|event| advice(&event.name, watch)).collect();
    if advice.is_empty() {
        text.push_str(NO_ADVICE);
        return text;
    }
    text.push_str(ADVICE);
    for advice in advice {
        text.push_str(&words(advice, watch));
    }
    text
}

fn describe(text: &mut String, number: u32, event: &Event, now_s: i64) {
    let Event { name, samples, most_ms } = event;
    let count = (samples.len() as i64).max(1);
    let average = samples.iter().map(|(_, ms)| ms).sum::<i64>() / count;
    let deviation = samples.iter().map(|(_, ms)| (ms - average).abs()).sum::<i64>() / count;
    let oldest_s = samples.first().map_or(now_s, |(at_s, _)| *at_s);
    let period_s = (now_s - oldest_s).max(1) as f64 / count as f64;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{number}. {name}: {} latency spikes (average {average}ms, mean deviation {deviation}ms, \
         period {period_s:.2} sec). Worst all time event {most_ms}ms.",
        samples.len(),
    );
}

fn advice(event: &str, watch: &Watch) -> Vec<Advice> {
    match event {
        "command" => {
            let mut advice = vec![Advice::LookAtSlowLog, Advice::LargeObjects];
            if watch.slower_than_us < 0 {
                advice.push(Advice::EnableSlowLog);
            } else if watch.slower_than_us / 1000 > watch.threshold_ms {
                advice.push(Advice::TuneSlowLog);
            }
            advice
        }
        "fast-command" => vec![Advice::Scheduler],
        "expire-cycle" if watch.hz < 100 => vec![Advice::RaiseHz, Advice::LargeObjects],
        "expire-cycle" | "eviction-del" => vec![Advice::LargeObjects],
        "eviction-cycle" => vec![Advice::MassEviction],
        _ => Vec::new(),
    }
}

fn words(advice: Advice, watch: &Watch) -> String {
    let threshold_us = (watch.threshold_ms * 1000).to_string();
    match advice {
        Advice::EnableSlowLog => ENABLE.replace(THRESHOLD, &threshold_us),
        Advice::TuneSlowLog => TUNE.replace(THRESHOLD, &threshold_us),
        Advice::LookAtSlowLog => LOOK.to_owned(),
        Advice::Scheduler => SCHEDULER.to_owned(),
        Advice::RaiseHz => RAISE_HZ.to_owned(),
        Advice::LargeObjects => LARGE_OBJECTS.to_owned(),
        Advice::MassEviction => MASS_EVICTION.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, watch: &Watch) -> String {
        let samples = vec![(90, 50), (98, 100)];
        report(&[Event { name: name.to_owned(), samples, most_ms: 100 }], watch)
    }

    fn watch(slower_than_us: i64) -> Watch {
        Watch { threshold_ms: 1, slower_than_us, hz: 10, now_s: 100 }
    }

    #[test]
    fn spikes_are_told_with_average_deviation_and_period() {
        let line = "1. x: 2 latency spikes (average 75ms, mean deviation 25ms, period 5.00 sec). \
                    Worst all time event 100ms.\n";
        assert_eq!(told("x", &watch(0)), format!("{FIRST}{line}{NO_ADVICE}"));
    }

    #[test]
    fn advice_is_by_event_and_by_what_is_set() {
        let starts = |text: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix("- "));
            lines.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
        };
        assert_eq!(starts(&told("command", &watch(100))), ["Check your", "Deleting, expiring"]);
        assert_eq!(starts(&told("command", &watch(10_000)))[0], "Your current");
        assert_eq!(starts(&told("command", &watch(-1)))[0], "There are");
        assert_eq!(starts(&told("fast-command", &watch(0))), ["The system"]);
        assert_eq!(starts(&told("eviction-cycle", &watch(0))), ["Sudden changes"]);
        assert_eq!(starts(&told("expire-cycle", &watch(0))), ["In order", "Deleting, expiring"]);
    }

    #[test]
    fn without_events_or_a_watch_that_is_said() {
        assert_eq!(report(&[], &watch(0)), NONE);
        assert_eq!(report(&[], &Watch { threshold_ms: 0, ..watch(0) }), DISABLED);
    }
}
