//! `MEMORY`: what memory is used for.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::number::parse_i64_strict;

use super::host::MemoryFigure;
use super::{Call, Fault, Flow, help};

/// How many elements of a value are looked at unless the client says.
const SAMPLES_COUNT: usize = 5;
/// Below this, ratios of memory say nothing.
const TELLING_BYTES: i64 = 5 * 1024 * 1024;
/// The ratio of resident to allocated bytes above which memory is lost to fragments.
const FRAGMENTED_RATIO: f64 = 1.4;

/// `MEMORY USAGE key [SAMPLES count]`; 0 samples look at all elements.
pub fn memory_usage(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let samples = read_samples(call)?;
    let key = call.key(2);
    let bytes = call.data.db().find(&key).map(|entry| entry.memory_bytes(samples));
    match bytes {
        Some(bytes) => call.reply.count(bytes),
        None => call.reply.null(),
    }
    Ok(Flow::Done)
}

fn read_samples(call: &Call<'_, '_>) -> Result<usize, Fault> {
    let words: Vec<&[u8]> = call.args.from(3).iter().collect();
    let (pairs, rest) = words.as_chunks::<2>();
    let mut samples = SAMPLES_COUNT;
    for [option, value] in pairs {
        if !option.eq_ignore_ascii_case(b"samples") {
            return Err(Fault::SYNTAX);
        }
        let count = parse_i64_strict(value).ok_or(Fault::NOT_AN_INTEGER)?;
        samples = usize::try_from(count).map_err(|_| Fault::SYNTAX)?;
    }
    if rest.is_empty() { Ok(samples) } else { Err(Fault::SYNTAX) }
}

/// `MEMORY STATS`.
pub fn memory_stats(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let figures = call.host.memory_stats(call.data.locked);
    let reply = &mut call.reply;
    reply.map(figures.len());
    for (name, figure) in &figures {
        reply.bulk(name.as_bytes());
        match figure {
            MemoryFigure::Count(count) => reply.integer(*count),
            MemoryFigure::Ratio(ratio) => reply.double(*ratio),
            MemoryFigure::Nested(nested) => {
                reply.map(nested.len());
                for (name, count) in nested {
                    reply.bulk(name.as_bytes());
                    reply.integer(*count);
                }
            }
        }
    }
    Ok(Flow::Done)
}

/// `MEMORY MALLOC-STATS`: the same figures as text.
pub fn memory_malloc_stats(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let mut text = String::new();
    for (name, figure) in call.host.memory_stats(call.data.locked) {
        // Writing to a string cannot fail.
        let _ = match figure {
            MemoryFigure::Count(count) => writeln!(text, "{name}: {count}"),
            MemoryFigure::Ratio(ratio) => writeln!(text, "{name}: {ratio:.2}"),
            MemoryFigure::Nested(nested) => nested
                .iter()
                .try_for_each(|(inner, count)| writeln!(text, "{name}.{inner}: {count}")),
        };
    }
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// `MEMORY DOCTOR`.
pub fn memory_doctor(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let text = diagnose(&call.host.memory_stats(call.data.locked));
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

fn diagnose(figures: &[(Cow<'_, str>, MemoryFigure)]) -> String {
    let find = |wanted: &str| figures.iter().find(|(name, _)| *name == wanted);
    let count = |wanted| match find(wanted) {
        Some((_, MemoryFigure::Count(count))) => *count,
        _ => 0,
    };
    let allocated = count("total.allocated");
    if allocated < TELLING_BYTES {
        return "The server uses too little memory for a diagnosis.\n".to_owned();
    }
    let mut text = String::new();
    let peak = count("peak.allocated");
    if peak > allocated / 2 * 3 {
        let _ = writeln!(text, "Peak: {peak} bytes were in use once, and {allocated} are now.");
    }
    if let Some((_, MemoryFigure::Ratio(ratio))) = find("fragmentation")
        && *ratio > FRAGMENTED_RATIO
    {
        let _ = writeln!(
            text,
            "Fragmentation: {ratio:.2} bytes are resident for each byte in use; MEMORY PURGE may \
             return some."
        );
    }
    if text.is_empty() {
        text.push_str("Nothing stands out in the use of memory.\n");
    }
    text
}

/// `MEMORY PURGE`.
pub fn memory_purge(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.host.memory_purge();
    call.reply.ok();
    Ok(Flow::Done)
}

/// `MEMORY HELP`.
pub fn memory_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::Bench;
    use crate::keyspace::{SetExpiry, ShardSet};

    #[test]
    fn usage_estimates_a_key() {
        let mut bench = Bench::new();
        assert_eq!(bench.reply("memory usage k"), "$-1");
        let key = bench.keyspace.key(b"k");
        let mut locked = bench.keyspace.lock(ShardSet::of(&key));
        locked.db(0).set_string(&key, &[b'x'; 1000], SetExpiry::Clear, 0);
        drop(locked);
        let reply = bench.reply("memory usage k samples 0");
        assert!(reply[1..].parse::<usize>().unwrap() > 1000, "{reply}");
        assert_eq!(bench.reply("memory usage k"), reply);
    }

    #[test]
    fn usage_checks_its_options_first() {
        for (options, fault) in [
            ("samples", "-ERR syntax error"),
            ("samples -1", "-ERR syntax error"),
            ("samples 1 2", "-ERR syntax error"),
            ("foo 1", "-ERR syntax error"),
            ("samples x", "-ERR value is not an integer or out of range"),
            ("samples 9223372036854775808", "-ERR value is not an integer or out of range"),
        ] {
            assert_eq!(Bench::new().reply(&format!("memory usage k {options}")), fault);
        }
    }

    #[test]
    fn stats_are_a_map_of_figures() {
        assert_eq!(
            Bench::resp3().reply("memory stats"),
            "%3 $14 peak.allocated :100 $13 fragmentation ,1.5 \
             $4 db.0 %1 $23 overhead.hashtable.main :72"
        );
        let text = Bench::new().reply("memory malloc-stats");
        assert!(
            text.ends_with("fragmentation: 1.50\ndb.0.overhead.hashtable.main: 72\n"),
            "{text}"
        );
    }

    #[test]
    fn the_doctor_names_what_stands_out() {
        let figures = |peak, ratio| {
            [
                ("total.allocated".into(), MemoryFigure::Count(1 << 30)),
                ("peak.allocated".into(), MemoryFigure::Count(peak)),
                ("fragmentation".into(), MemoryFigure::Ratio(ratio)),
            ]
        };
        assert!(diagnose(&[]).contains("too little"));
        assert!(diagnose(&figures(1 << 30, 1.1)).starts_with("Nothing"));
        let told = diagnose(&figures(1 << 32, 2.0));
        assert!(told.contains("Peak:") && told.contains("Fragmentation: 2.00"), "{told}");
    }

    #[test]
    fn purge_asks_the_server() {
        let mut bench = Bench::new();
        assert_eq!(bench.reply("memory purge"), "+OK");
        assert_eq!(bench.host.asked(), ["purge"]);
    }
}
