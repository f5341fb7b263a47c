//! `LATENCY`: what was slow, and how the time of commands is spread.

use std::fmt::Write as _;

use super::{Call, Fault, Flow, help, table};

/// How many samples a graph shows at most, the newest ones.
const COLUMNS_MAX: usize = 80;
/// The marks of a column, from the lowest to the highest sample.
const MARKS: [char; 5] = ['_', '.', '-', 'o', '#'];

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
    let text = graph(&String::from_utf8_lossy(event), &samples, call.data.now_ms / 1000);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// Draws one column per sample; under each stands how long ago it was, from top to bottom.
fn graph(event: &str, samples: &[(i64, i64)], now_s: i64) -> String {
    let shown = &samples[samples.len().saturating_sub(COLUMNS_MAX)..];
    let took = || shown.iter().map(|(_, took_ms)| *took_ms);
    let high = took().max().unwrap_or_default();
    let low = took().min().unwrap_or_default();
    let most = samples.iter().map(|(_, took_ms)| *took_ms).max().unwrap_or_default();
    let mut text = format!("{event} - high {high} ms, low {low} ms (all time high {most} ms)\n");
    text.push_str(&"-".repeat(COLUMNS_MAX));
    text.push('\n');
    let level = |took_ms: i64| {
        let steps = (MARKS.len() - 1) as i64;
        ((took_ms - low) * steps / (high - low).max(1)) as usize
    };
    for (height, mark) in MARKS.iter().enumerate().rev() {
        text.extend(took().map(|took_ms| if level(took_ms) == height { *mark } else { ' ' }));
        text.push('\n');
    }
    text.push('\n');
    let ages: Vec<_> = shown.iter().map(|(at_s, _)| age((now_s - at_s).max(0))).collect();
    let lines = ages.iter().map(String::len).max().unwrap_or_default();
    for line in 0..lines {
        text.extend(ages.iter().map(|age| age.chars().nth(line).unwrap_or(' ')));
        text.push('\n');
    }
    text
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
    let threshold = call.host.config_get(&[b"latency-monitor-threshold"]);
    let is_off = threshold.first().is_none_or(|(_, value)| value == "0");
    let events = call.host.latency_latest();
    let mut text = String::new();
    if is_off && events.is_empty() {
        text.push_str(
            "Latency is not being watched. CONFIG SET latency-monitor-threshold <milliseconds> \
             has the server note what takes that long.\n",
        );
    } else if events.is_empty() {
        text.push_str("Nothing has taken as long as latency-monitor-threshold says.\n");
    }
    for (event, _, took_ms, most_ms) in &events {
        let samples = call.host.latency_history(event.as_bytes());
        let sum_ms: i64 = samples.iter().map(|(_, ms)| ms).sum();
        let average_ms = sum_ms / (samples.len() as i64).max(1);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{event}: {} samples of {average_ms} ms on average, {took_ms} ms the last and \
             {most_ms} ms the worst.",
            samples.len(),
        );
    }
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
        let text = graph("command", &[(10, 100), (127, 500)], 130);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "command - high 500 ms, low 100 ms (all time high 500 ms)");
        assert_eq!(lines[2..], [" #", "  ", "  ", "  ", "_ ", "", "23", "ms"]);
    }

    #[test]
    fn the_doctor_tells_what_it_sees() {
        assert!(Bench::new().reply("latency doctor").contains("not being watched"));
        let told = bench_with_events().reply("latency doctor");
        assert!(told.contains("command: 2 samples of 300 ms on average"), "{told}");
    }
}
