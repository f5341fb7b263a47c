//! Gives keys a time to live, takes it away and tells it.

use std::cmp::Ordering;

use super::{Call, Classes, Data, Fault, Flow, Mode};
use crate::keyspace::{Entry, Key};
use crate::net::Args;
use crate::number::parse_i64_strict;

/// What a command counts its time in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// Where a command counts its time from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Now,
    Epoch,
}

/// `EXPIRE key seconds [NX | XX | GT | LT]`: 1 if the expiry was set.
pub fn expire(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let fault = "ERR invalid expire time in 'expire' command";
    set_expiry(call, Unit::Seconds, Since::Now, fault)
}

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`: 1 if the expiry was set.
pub fn pexpire(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let fault = "ERR invalid expire time in 'pexpire' command";
    set_expiry(call, Unit::Milliseconds, Since::Now, fault)
}

/// `EXPIREAT key unix-seconds [NX | XX | GT | LT]`: 1 if the expiry was set.
pub fn expireat(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let fault = "ERR invalid expire time in 'expireat' command";
    set_expiry(call, Unit::Seconds, Since::Epoch, fault)
}

/// `PEXPIREAT key unix-milliseconds [NX | XX | GT | LT]`: 1 if the expiry was set.
pub fn pexpireat(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let fault = "ERR invalid expire time in 'pexpireat' command";
    set_expiry(call, Unit::Milliseconds, Since::Epoch, fault)
}

/// `PERSIST key`: 1 if there was an expiry, and now there is none.
pub fn persist(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let expires = call.data.peek(&key).is_some_and(|entry| entry.expiry().is_some());
    if expires {
        let clock = call.data.clock();
        let mut db = call.data.db();
        db.set_expiry(&key, None);
        db.touch(&key, clock);
        call.data.changed(&key);
        call.data.notify(Classes::GENERIC, "persist", &key);
    }
    call.reply.integer(i64::from(expires));
    Ok(Flow::Done)
}

/// `TTL key`: the seconds that remain; -1 without an expiry, -2 without the key.
pub fn ttl(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    tell_expiry(call, Unit::Seconds, Since::Now);
    Ok(Flow::Done)
}

/// `PTTL key`: the milliseconds that remain; -1 without an expiry, -2 without the key.
pub fn pttl(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    tell_expiry(call, Unit::Milliseconds, Since::Now);
    Ok(Flow::Done)
}

/// `EXPIRETIME key`: the expiry in Unix seconds; -1 without one, -2 without the key.
pub fn expiretime(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    tell_expiry(call, Unit::Seconds, Since::Epoch);
    Ok(Flow::Done)
}

/// `PEXPIRETIME key`: the expiry in Unix milliseconds; -1 without one, -2 without the key.
pub fn pexpiretime(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    tell_expiry(call, Unit::Milliseconds, Since::Epoch);
    Ok(Flow::Done)
}

/// Sets an expiry; one that has passed removes the key instead, but not while the log is applied.
///
/// The effect is a `PEXPIREAT` without options, or the removal: neither depends on the clock of
/// whoever applies it, nor on the expiry that was there.
fn set_expiry(
    call: &mut Call<'_, '_>,
    unit: Unit,
    since: Since,
    out_of_range: &'static str,
) -> Result<Flow, Fault> {
    let conditions = Conditions::parse(call.args.from(3))?;
    let time = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    let base_ms = if since == Since::Now { call.data.now_ms } else { 0 };
    let at_ms = match unit {
        Unit::Seconds => time.checked_mul(1000),
        Unit::Milliseconds => Some(time),
    }
    .and_then(|ms| ms.checked_add(base_ms))
    .ok_or(Fault::fixed(out_of_range))?;

    let key = call.key(1);
    let allowed = call.data.peek(&key).is_some_and(|entry| conditions.allow(at_ms, entry.expiry()));
    if allowed {
        apply(&mut call.data, &key, at_ms);
    }
    call.reply.integer(i64::from(allowed));
    Ok(Flow::Done)
}

fn apply(data: &mut Data<'_, '_>, key: &Key<'_>, at_ms: i64) {
    data.changed(key);
    if data.mode == Mode::Client && at_ms <= data.now_ms {
        data.db().remove(key);
        data.notify(Classes::GENERIC, "del", key);
        data.effect.rewrite(&[b"DEL", key.bytes()]);
    } else {
        let clock = data.clock();
        let mut db = data.db();
        db.set_expiry(key, Some(at_ms));
        db.touch(key, clock);
        data.notify(Classes::GENERIC, "expire", key);
        let at = itoa::Buffer::new().format(at_ms).to_owned();
        data.effect.rewrite(&[b"PEXPIREAT", key.bytes(), at.as_bytes()]);
    }
}

fn tell_expiry(call: &mut Call<'_, '_>, unit: Unit, since: Since) {
    let key = call.key(1);
    let now_ms = call.data.now_ms;
    let told = match read_untouched(&mut call.data, &key).map(|entry| entry.expiry()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => {
            let ms = match since {
                Since::Epoch => at_ms,
                Since::Now => at_ms.saturating_sub(now_ms).max(0),
            };
            match unit {
                Unit::Milliseconds => ms,
                Unit::Seconds => ms.saturating_add(500) / 1000,
            }
        }
    };
    call.reply.integer(told);
}

/// Finds a live key as a reading command does, but does not count as a use of it.
fn read_untouched<'d>(data: &'d mut Data<'_, '_>, key: &Key<'_>) -> Option<Entry<'d>> {
    if data.is_live(key) {
        data.hits += 1;
    } else {
        data.missed(key);
        return None;
    }
    data.locked.db(data.database).into_entry(key)
}

/// The conditions on which an expiry is set: all that were asked for must hold.
#[derive(Clone, Copy, Debug, Default)]
struct Conditions {
    /// `NX` or `XX`: whether there is one.
    held: Option<bool>,
    /// `GT` or `LT`: how it compares to the one there is; no expiry is later than any.
    order: Option<Ordering>,
}

impl Conditions {
    fn parse(words: Args<'_>) -> Result<Self, Fault> {
        let asked = |name: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(name));
        let known = [&b"NX"[..], b"XX", b"GT", b"LT"];
        let is_known = |word: &[u8]| known.iter().any(|name| name.eq_ignore_ascii_case(word));
        if let Some(word) = words.iter().find(|word| !is_known(word)) {
            return Err(Fault::quoting("ERR Unsupported option ", word, ""));
        }
        let [none, some, later, earlier] = known.map(asked);
        if none && (some || later || earlier) {
            return Err(Fault::fixed(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if later && earlier {
            return Err(Fault::fixed("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(Self {
            held: (none || some).then_some(some),
            order: match (later, earlier) {
                (true, _) => Some(Ordering::Greater),
                (_, true) => Some(Ordering::Less),
                _ => None,
            },
        })
    }

    fn allow(self, at_ms: i64, held: Option<i64>) -> bool {
        let order = held.map_or(Ordering::Less, |held| at_ms.cmp(&held));
        self.held.is_none_or(|wanted| wanted == held.is_some())
            && self.order.is_none_or(|wanted| wanted == order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::{Bench, NOW_MS};

    /// A bench with the key `k`.
    fn bench() -> Bench {
        let mut bench = Bench::new();
        bench.run("HSET k f v");
        bench
    }

    #[track_caller]
    fn expect(bench: &mut Bench, words: &str, reply: &str, stream: &[&str]) {
        let outcome = bench.run(words);
        assert_eq!(outcome.text(), reply, "reply to {words}");
        assert_eq!(outcome.stream(), stream, "effect of {words}");
    }

    #[test]
    fn every_way_to_set_an_expiry_becomes_a_point_in_time() {
        let at = |ms: i64| format!("PEXPIREAT k {ms}");
        let mut bench = bench();
        expect(&mut bench, "EXPIRE k 10", ":1", &[&at(NOW_MS + 10_000)]);
        expect(&mut bench, "PEXPIRE k 10", ":1", &[&at(NOW_MS + 10)]);
        expect(&mut bench, "EXPIREAT k 1800000000", ":1", &[&at(1_800_000_000_000)]);
        expect(&mut bench, "PEXPIREAT k 1800000000001", ":1", &[&at(1_800_000_000_001)]);
        for words in ["EXPIRE none 10", "PEXPIREAT none 1800000000001 GT"] {
            expect(&mut bench, words, ":0", &[]);
        }
    }

    #[test]
    fn the_time_that_remains_is_told_in_both_units() {
        let mut bench = bench();
        for words in ["TTL k", "PTTL k", "EXPIRETIME k", "PEXPIRETIME k"] {
            expect(&mut bench, words, ":-1", &[]);
        }
        for words in ["TTL none", "PTTL none", "EXPIRETIME none", "PEXPIRETIME none"] {
            expect(&mut bench, words, ":-2", &[]);
        }
        bench.run("PEXPIRE k 10499");
        expect(&mut bench, "TTL k", ":10", &[]);
        expect(&mut bench, "PTTL k", ":10499", &[]);
        bench.run("PEXPIRE k 10500");
        expect(&mut bench, "TTL k", ":11", &[]);
        expect(&mut bench, "PEXPIRETIME k", &format!(":{}", NOW_MS + 10_500), &[]);
        expect(&mut bench, "EXPIRETIME k", &format!(":{}", NOW_MS / 1000 + 11), &[]);
        bench.now_ms += 10_500;
        expect(&mut bench, "PTTL k", ":0", &[]);
        bench.now_ms += 1;
        expect(&mut bench, "PTTL k", ":-2", &["DEL k"]);
    }

    #[test]
    fn telling_the_time_is_no_use_of_the_key_but_a_hit() {
        let mut bench = bench();
        bench.now_ms += 60_000;
        assert_eq!(bench.run("TTL k").lookups, (1, 0));
        assert_eq!(bench.run("TTL none").lookups, (0, 1));
        assert!(bench.reply("DEBUG OBJECT k").ends_with("lru_seconds_idle:60"));
    }

    #[test]
    fn a_key_persists_once() {
        let mut bench = bench();
        expect(&mut bench, "PERSIST k", ":0", &[]);
        bench.run("EXPIRE k 10");
        expect(&mut bench, "PERSIST k", ":1", &["PERSIST k"]);
        expect(&mut bench, "TTL k", ":-1", &[]);
        expect(&mut bench, "PERSIST none", ":0", &[]);
    }

    #[test]
    fn an_expiry_that_has_passed_removes_the_key() {
        for words in ["EXPIRE k -1", "PEXPIRE k 0", "EXPIREAT k 5 NX", "PEXPIREAT k -5"] {
            let mut bench = bench();
            expect(&mut bench, words, ":1", &["DEL k"]);
            assert_eq!(bench.keyspace.keys_count(0), 0);
        }
    }

    #[test]
    fn a_replay_keeps_a_key_whose_expiry_has_passed() {
        let mut bench = bench();
        bench.mode = Mode::Replay;
        assert_eq!(bench.reply("PEXPIREAT k 5"), ":1");
        assert_eq!(bench.reply("PEXPIREAT k 6"), ":1");
        assert_eq!(bench.reply("PEXPIRETIME k"), ":6");
        assert_eq!(bench.reply("PERSIST k"), ":1");
        assert_eq!(bench.keyspace.keys_count(0), 1);
    }

    #[test]
    fn conditions_compare_with_the_expiry_there_is() {
        let mut bench = bench();
        let mut set = |words: &str| bench.reply(words) == ":1";
        // No expiry is later than any.
        assert!(!set("EXPIRE k 10 XX"));
        assert!(!set("EXPIRE k 10 GT"));
        assert!(!set("EXPIRE k 10 LT XX"));
        assert!(set("EXPIRE k 100 LT"));
        assert!(!set("EXPIRE k 10 NX"));
        assert!(!set("EXPIRE k 100 gt"));
        assert!(set("EXPIRE k 101 gt xx"));
        assert!(!set("EXPIRE k 101 LT"));
        assert!(set("EXPIRE k 50 LT"));
        assert!(!set("EXPIRE k -1 GT"));
        assert!(set("EXPIRE k -1 LT LT"));
        bench.run("HSET k f v");
        expect(&mut bench, "EXPIRE k 7 NX", ":1", &[&format!("PEXPIREAT k {}", NOW_MS + 7000)]);
    }

    #[test]
    fn conditions_that_contradict_are_refused_before_anything_else() {
        let mut bench = bench();
        let nx = "-ERR NX and XX, GT or LT options at the same time are not compatible";
        let gt = "-ERR GT and LT options at the same time are not compatible";
        for (words, reply) in [
            ("EXPIRE k 5 NX XX", nx),
            ("EXPIRE none 5 GT NX", nx),
            ("EXPIRE k x LT NX", nx),
            ("EXPIRE k 5 GT LT", gt),
            ("EXPIRE k 5 NX GT foo", "-ERR Unsupported option foo"),
            ("EXPIRE k x", "-ERR value is not an integer or out of range"),
        ] {
            expect(&mut bench, words, reply, &[]);
        }
    }

    #[test]
    fn times_out_of_range_are_refused() {
        let mut bench = bench();
        for (words, name) in [
            ("EXPIRE k 9223372036854775807", "expire"),
            ("EXPIRE k 9223372036854775", "expire"),
            ("EXPIRE k -9223372036854776", "expire"),
            ("PEXPIRE k 9223372036854775807", "pexpire"),
            ("EXPIREAT k 9223372036854775807", "expireat"),
        ] {
            let reply = format!("-ERR invalid expire time in '{name}' command");
            expect(&mut bench, words, &reply, &[]);
        }
        let last = "PEXPIREAT k 9223372036854775807";
        expect(&mut bench, last, ":1", &[last]);
        expect(&mut bench, "TTL k", &format!(":{}", (i64::MAX - NOW_MS + 500) / 1000), &[]);
        expect(&mut bench, "EXPIRE k -9223372036854775", ":1", &["DEL k"]);
    }
}
