//! `SLOWLOG`: the commands that took long.

use crate::number::parse_i64_strict;

use super::{Call, Fault, Flow, help};

/// How many entries `SLOWLOG GET` shows unless it is told.
const SHOWN_COUNT: usize = 10;

/// `SLOWLOG GET [count]`; -1 asks for all.
pub fn slowlog_get(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let count = match (call.args.get(2), call.args.len()) {
        (None, _) => SHOWN_COUNT,
        (Some(word), 3) => read_count(word)?,
        _ => {
            return Err(Fault::quoting(
                "ERR unknown subcommand or wrong number of arguments for '",
                call.args.word(1),
                "'. Try SLOWLOG HELP.",
            ));
        }
    };
    let entries = call.host.slow_entries(count);
    let reply = &mut call.reply;
    reply.array(entries.len());
    for entry in &entries {
        reply.array(6);
        reply.integer(entry.id as i64);
        reply.integer(entry.at_s);
        reply.integer(entry.took_us as i64);
        reply.array(entry.words.len());
        entry.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(entry.address.as_bytes());
        reply.bulk(entry.name.as_bytes());
    }
    Ok(Flow::Done)
}

fn read_count(word: &[u8]) -> Result<usize, Fault> {
    match parse_i64_strict(word) {
        Some(-1) => Ok(usize::MAX),
        Some(count @ 0..) => Ok(count as usize),
        _ => Err(Fault::fixed("ERR count should be greater than or equal to -1")),
    }
}

/// `SLOWLOG LEN`.
pub fn slowlog_len(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.count(call.host.slow_count());
    Ok(Flow::Done)
}

/// `SLOWLOG RESET`.
pub fn slowlog_reset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.host.slow_reset();
    call.reply.ok();
    Ok(Flow::Done)
}

/// `SLOWLOG HELP`.
pub fn slowlog_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

#[cfg(test)]
mod tests {
    use crate::command::host::SlowEntry;
    use crate::command::testing::Bench;

    fn bench_with_entries(count: u64) -> Bench {
        let bench = Bench::new();
        let entry = |id| SlowEntry {
            id,
            at_s: 1_700_000_000,
            took_us: 12_345,
            words: vec![b"KEYS".to_vec(), b"*".to_vec()],
            address: "127.0.0.1:5".to_owned(),
            name: "me".to_owned(),
        };
        bench.host.slow.lock().extend((0..count).rev().map(entry));
        bench
    }

    #[test]
    fn entries_show_all_they_know() {
        assert_eq!(
            bench_with_entries(1).reply("slowlog get"),
            "*1 *6 :0 :1700000000 :12345 *2 $4 KEYS $1 * $11 127.0.0.1:5 $2 me"
        );
    }

    #[test]
    fn the_count_may_be_named() {
        let mut bench = bench_with_entries(12);
        assert_eq!(bench.reply("slowlog len"), ":12");
        for (words, start) in [
            ("slowlog get", "*10 *6 :11 "),
            ("slowlog get 2", "*2 *6 :11 "),
            ("slowlog get 0", "*0"),
            ("slowlog get -1", "*12 *6 :11 "),
            ("slowlog get -2", "-ERR count should be greater than or equal to -1"),
            ("slowlog get x", "-ERR count should be greater than or equal to -1"),
            (
                "slowlog get 1 2",
                "-ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.",
            ),
        ] {
            let reply = bench.reply(words);
            assert!(reply.starts_with(start), "{words}: {reply}");
        }
        assert_eq!(bench.reply("slowlog reset"), "+OK");
        assert_eq!(bench.reply("slowlog len"), ":0");
    }
}
