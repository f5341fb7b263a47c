//! `LATENCY`: what was slow, and how the time of commands is spread.

mod doctor;

use std::cmp::Ordering;

use super::{Call, Fault, Flow, help, table};
use doctor::{Event, Watch};

/// How many samples stand beside each other; more are drawn below.
const COLUMNS_MAX: usize = 80;
/// The rows of a graph.
const ROWS: usize = 4;
/// The marks at the top of a column, from low to high within its row.
const MARKS: [char; 3] = ['_', 'o', '#'];

/// `LATENCY HISTORY event`.
pub fn latency_history(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let samples = call.host.latency_history(call.args.word(2));
    call.reply.array(samples.len());
    for (at_s, took_ms) in samples {
        call.reply.array(2);
        call.reply.integer(at_s);
        call.reply.integer(took_ms);
    }
    Ok(Flow::Done)
}

/// `LATENCY LATEST`.
pub fn latency_latest(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let events = call.host.latency_latest();
    call.reply.array(events.len());
    for (event, at_s, took_ms, most_ms) in &events {
        call.reply.array(4);
        call.reply.bulk(event.as_bytes());
        call.reply.integer(*at_s);
        call.reply.integer(*took_ms);
        call.reply.integer(*most_ms);
    }
    Ok(Flow::Done)
}

/// `LATENCY RESET [event …]`.
pub fn latency_reset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let events: Vec<&[u8]> = call.args.from(2).iter().collect();
    call.reply.count(call.host.latency_reset(&events));
    Ok(Flow::Done)
}

/// `LATENCY HISTOGRAM [command …]`; a container stands for its subcommands.
pub fn latency_histogram(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let asked = call.args.from(2);
    let rows = asked.iter().filter_map(table::lookup_path);
    let names: Vec<&[u8]> = rows
        .flat_map(|row| std::iter::once(row).chain(row.subcommands()))
        .map(|row| row.name.as_bytes())
        .collect();
    let knows_none = !asked.is_empty() && names.is_empty();
    let histograms = if knows_none { Vec::new() } else { call.host.latency_histograms(&names) };
    let reply = &mut call.reply;
    reply.map(histograms.len());
    for histogram in &histograms {
        reply.bulk(histogram.command.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(histogram.calls as i64);
        reply.bulk(b"histogram_usec");
        reply.map(histogram.cumulative_us.len());
        for (bound_us, calls) in &histogram.cumulative_us {
            reply.integer(*bound_us as i64);
            reply.integer(*calls as i64);
        }
    }
    Ok(Flow::Done)
}

/// `LATENCY GRAPH event`.
pub fn latency_graph(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let event = call.args.word(2);
    let samples = call.host.latency_history(event);
    if samples.is_empty() {
        return Err(Fault::quoting("ERR No samples available for event '", event, "'"));
    }
    let latest = call.host.latency_latest();
    let most = latest.iter().find(|(name, ..)| name.as_bytes() == event).map_or(0, |own| own.3);
    let text = graph(&String::from_utf8_lossy(event), &samples, most, call.data.now_ms / 1000);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// Draws one column per sample; under each stands how long ago it was, from top to bottom.
fn graph(event: &str, samples: &[(i64, i64)], most: i64, now_s: i64) -> String {
    let took = || samples.iter().map(|(_, took_ms)| *took_ms);
    let (high, low) = (took().max().unwrap_or_default(), took().min().unwrap_or_default());
    let mut text = format!("{event} - high {high} ms, low {low} ms (all time high {most} ms)\n");
    text.push_str(&"-".repeat(COLUMNS_MAX));
    text.push('\n');
    for (number, shown) in samples.chunks(COLUMNS_MAX).enumerate() {
        if number > 0 {
            text.push('\n');
        }
        draw(&mut text, shown, low, high, now_s);
    }
    text
}

fn draw(text: &mut String, shown: &[(i64, i64)], low: i64, high: i64, now_s: i64) {
    let steps = (ROWS * MARKS.len()) as i64;
    let level = |took_ms: i64| {
        // A range of nothing is all at the bottom.
        ((took_ms - low) * steps / (high - low).max(1)).min(steps - 1) as usize
    };
    for row in (0..ROWS).rev() {
        text.extend(shown.iter().map(|(_, took_ms)| {
            let level = level(*took_ms);
            match (level / MARKS.len()).cmp(&row) {
                Ordering::Less => ' ',
                Ordering::Equal => MARKS[level % MARKS.len()],
                Ordering::Greater => '|',
            }
        }));
        text.push('\n');
    }
    let ages: Vec<_> = shown.iter().map(|(at_s, _)| age((now_s - at_s).max(0))).collect();
    let lines = ages.iter().map(String::len).max().unwrap_or_default();
    text.push_str(&" ".repeat(shown.len()));
    text.push('\n');
    for line in 0..lines {
        text.extend(ages.iter().map(|age| age.chars().nth(line).unwrap_or(' ')));
        text.push('\n');
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `LATENCY DOCTOR`.
pub fn latency_doctor(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let number = |name: &[u8]| -> i64 {
        let found = call.host.config_get(&[name]);
        found.first().and_then(|(_, value)| value.parse().ok()).unwrap_or_default()
    };
    let watch = Watch {
        threshold_ms: number(b"latency-monitor-threshold"),
        slower_than_us: number(b"slowlog-log-slower-than"),
        hz: number(b"hz"),
        now_s: call.data.now_ms / 1000,
    };
    let events = call.host.latency_latest().into_iter().map(|(name, _, _, most_ms)| {
        let samples = call.host.latency_history(name.as_bytes());
        Event { name, samples, most_ms }
    });
    let text = doctor::report(&events.collect::<Vec<_>>(), &watch);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// `LATENCY HELP`.
pub fn latency_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::host::LatencyHistogram;
    use crate::command::testing::{Bench, NOW_MS};
    use crate::net::reply::Protocol;

    fn bench_with_events() -> Bench {
        let bench = Bench::new();
        let now_s = NOW_MS / 1000;
        let samples = vec![(now_s - 120, 100), (now_s - 3, 500)];
        bench.host.latency.lock().push(("command".to_owned(), samples));
        let histogram = |command: &str| LatencyHistogram {
            command: command.to_owned(),
            calls: 3,
            cumulative_us: vec![(1, 2), (8, 3)],
        };
        bench.host.histograms.lock().extend([histogram("config|get"), histogram("get")]);
        bench
    }

    #[test]
    fn samples_are_shown_and_forgotten() {
        let mut bench = bench_with_events();
        let history = "*2 *2 :1699999880 :100 *2 :1699999997 :500";
        assert_eq!(bench.reply("latency history command"), history);
        assert_eq!(bench.reply("latency history other"), "*0");
        assert_eq!(bench.reply("latency latest"), "*1 *4 $7 command :1699999997 :500 :500");
        assert_eq!(bench.reply("latency reset other"), ":0");
        assert_eq!(bench.reply("latency reset command"), ":1");
        assert_eq!(bench.reply("latency latest"), "*0");
    }

    #[test]
    fn histograms_are_maps_by_command() {
        let mut bench = bench_with_events();
        let get = "$3 get *4 $5 calls :3 $14 histogram_usec *4 :1 :2 :8 :3";
        assert_eq!(bench.reply("latency histogram GET nosuch"), format!("*2 {get}"));
        assert_eq!(bench.reply("latency histogram nosuch"), "*0");
        assert!(bench.reply("latency histogram").starts_with("*4 $10 config|get "));
        bench.session.protocol = Protocol::Resp3;
        assert_eq!(
            bench.reply("latency histogram config"),
            "%1 $10 config|get %2 $5 calls :3 $14 histogram_usec %2 :1 :2 :8 :3"
        );
    }

    #[test]
    fn a_graph_has_a_column_for_each_sample() {
        let mut bench = bench_with_events();
        let fault = "-ERR No samples available for event 'x'";
        assert_eq!(bench.reply("latency graph x"), fault);
        // As a stock server has drawn it.
        let took_ms = [50, 100, 1, 7, 30, 80, 120, 23, 103];
        let ages_s = [111, 109, 8, 7, 6, 5, 4, 2, 1];
        let samples: Vec<_> = ages_s.map(|age_s| 1000 - age_s).into_iter().zip(took_ms).collect();
        let text = graph("command", &samples, 130, 1000);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "command - high 120 ms, low 1 ms (all time high 130 ms)");
        assert_eq!(lines[1], "-".repeat(80));
        let drawn = [" _    # o", " |   o| |", "o|   || |", "||__#||#|", "         "];
        assert_eq!(lines[2..7], drawn);
        assert_eq!(lines[7..], ["118765421", "mmsssssss"]);
        let text = graph("command", &[(1000, 10)], 10, 1000);
        assert!(text.ends_with("-\n \n \n \n_\n \n0\ns\n"), "{text}");
        let many: Vec<_> = (0..100).map(|at_s| (at_s, at_s)).collect();
        assert_eq!(graph("command", &many, 99, 100).lines().nth(10), Some(""));
    }

    #[test]
    fn the_doctor_tells_what_it_sees() {
        assert!(Bench::new().reply("latency doctor").contains("I'm sorry, Dave"));
        let told = bench_with_events().reply("latency doctor");
        let line = "1. command: 2 latency spikes (average 300ms, mean deviation 200ms, \
                    period 60.00 sec). Worst all time event 500ms.";
        assert!(told.contains(line), "{told}");
    }
}
