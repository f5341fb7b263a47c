//! Room in the log for effects that are longer than the request that has them.

use std::any::Any;

use super::{Fault, Host};

/// So many bytes more than the request are no matter.
const SLACK_BYTES: u64 = 512;

/// What was made sure of for the effect of one command, or one transaction.
///
/// For the request as it is room was made before it ran. A command that is about to do something of
/// which more will be told asks for that before it changes anything, and is refused if need be.
#[derive(Debug, Default)]
pub struct Room {
    request_bytes: u64,
    further_bytes: u64,
    kept: Option<Box<dyn Any + Send>>,
}

impl Room {
    /// Begins anew with what was made sure of for a request.
    #[inline]
    pub fn begin(&mut self, request_bytes: u64) {
        self.release();
        (self.request_bytes, self.further_bytes) = (request_bytes, 0);
    }

    /// Gives back what was asked for beyond that.
    #[inline]
    pub fn release(&mut self) {
        if self.kept.is_some() {
            self.kept = None;
        }
    }

    /// Asks for so many bytes more, beyond all those before.
    pub fn ask(&mut self, host: &dyn Host, bytes: usize) -> Result<(), Fault> {
        let further_bytes = self.further_bytes.saturating_add(bytes as u64);
        if further_bytes > SLACK_BYTES {
            let total = self.request_bytes.saturating_add(further_bytes);
            self.kept = Some(host.make_room(total)?);
        }
        self.further_bytes = further_bytes;
        Ok(())
    }
}

/// Tells how many bytes words take in the stream, at most.
pub fn words_bytes(words: impl IntoIterator<Item = usize>) -> usize {
    /// `$`, a length and two ends of line.
    const AROUND: usize = 16;
    words.into_iter().fold(AROUND, |sum, len| sum.saturating_add(len + AROUND))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use crate::command::effect::encode;
    use crate::command::table;
    use crate::command::testing::Bench;
    use crate::net::args::OwnedArgs;

    fn bench() -> Bench {
        let mut bench = Bench::new();
        let name = "m".repeat(100);
        for n in 0..2000 {
            bench.run(&format!("SADD set {name}{n}"));
            bench.run(&format!("ZADD zset {n}.123456789 {name}{n}"));
            bench.run(&format!("GEOADD geo 15.{n:04} 38 {name}{n}"));
            bench.run(&format!("SET weight:{name}{n} x PX 10"));
        }
        bench.run(&format!("SADD one {}", name.repeat(20)));
        bench.run(&format!("RPUSH list {name}1 {name}2 {name}3 {name}4"));
        bench.now_ms += 11;
        bench
    }

    #[test]
    fn what_is_told_at_length_is_asked_for_and_refused_before_anything_changes() {
        for line in [
            "SPOP one",
            "SPOP set 1900",
            "SPOP set 30",
            "ZREMRANGEBYLEX zset - +",
            "ZRANGESTORE to zset - + BYLEX",
            "SORT set BY none:* ALPHA STORE to",
            "SORT list BY weight:* STORE to",
            "GEOSEARCHSTORE to geo FROMLONLAT 15 38 BYRADIUS 500 km STOREDIST",
            "DEBUG POPULATE 300 name",
            "DEBUG POPULATE 30 name 1000",
        ] {
            let mut bench = bench();
            let before = bench.reply("DEBUG DIGEST");
            bench.host.room_bytes.store(300, Relaxed);
            let refused = bench.run(line);
            assert_eq!(refused.text(), "-MISCONF no room", "{line}");
            assert!(refused.effect.is_empty(), "{line}: {:?}", refused.effect);
            assert_eq!(bench.reply("DEBUG DIGEST"), before, "{line}");
            bench.host.room_bytes.store(u64::MAX, Relaxed);
            let mut told = Vec::new();
            for words in bench.run(line).stream() {
                encode(&mut told, &words.split(' ').map(str::as_bytes).collect::<Vec<_>>());
            }
            let asked = bench.host.room_asked.load(Relaxed) as usize;
            let request = line.len() + 100;
            assert!(told.len() > 500, "{line}: {}", told.len());
            assert!(asked + request >= told.len(), "{line}: {asked} for {}", told.len());
        }
    }

    #[test]
    fn a_transaction_asks_for_all_it_tells() {
        let mut bench = bench();
        for line in ["MULTI", "SPOP set 30", "SPOP set 30", "SPOP one"] {
            let words: Vec<_> = line.split(' ').collect();
            let queued = OwnedArgs::from_words(words);
            let command = table::resolve(&queued.as_args()).expect("a command");
            match &mut bench.session.transaction {
                Some(transaction) => transaction.commands.push((command, queued)),
                None => assert_eq!(bench.reply(line), "+OK"),
            }
        }
        bench.run("EXEC");
        let asked = bench.host.room_asked.load(Relaxed);
        assert!(asked > 2 * 30 * 100 + 2000, "{asked}");
    }

    #[test]
    fn keys_that_are_only_looked_at_to_sort_by_them_stay() {
        let mut bench = bench();
        bench.host.room_bytes.store(0, Relaxed);
        let outcome = bench.run("SORT list BY weight:* GET # GET weight:*");
        assert!(outcome.reply.starts_with(b"*8\r\n"), "{}", outcome.text());
        assert!(outcome.effect.is_empty(), "{:?}", outcome.effect);
    }
}
