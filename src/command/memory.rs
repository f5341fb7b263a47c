//! `MEMORY`: what memory is used for.

use crate::number::parse_i64_strict;

use super::doctor::Findings;
use super::host::MemoryFigure;
use super::{Call, Fault, Flow, help};

/// How many elements of a value are looked at unless the client says.
const SAMPLES_COUNT: usize = 5;

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

/// `MEMORY MALLOC-STATS`: what the allocator says of itself.
pub fn memory_malloc_stats(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let text = call.host.allocator_stats();
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// `MEMORY DOCTOR`.
pub fn memory_doctor(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let figures = call.host.memory_stats(call.data.locked);
    let figures = figures.iter().map(|(name, figure)| (&**name, figure));
    let text = Findings::among(figures, call.host.clients().len()).tell(&call.host.allocator());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
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
    }

    #[test]
    fn the_allocator_and_the_doctor_have_their_say() {
        assert_eq!(Bench::new().reply("memory malloc-stats"), "$7 arenas\n");
        let told = Bench::resp3().reply("memory doctor");
        assert!(told.contains("txt:Hi Sam, this instance is empty"), "{told}");
    }

    #[test]
    fn purge_asks_the_server() {
        let mut bench = Bench::new();
        assert_eq!(bench.reply("memory purge"), "+OK");
        assert_eq!(bench.host.asked(), ["purge"]);
    }
}
