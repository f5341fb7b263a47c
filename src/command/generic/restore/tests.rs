//! Tests of `DUMP` and `RESTORE` against each other and against payloads of stock servers.

use crate::command::Mode;
use crate::command::testing::{Bench, NOW_MS};
use crate::keyspace::UsagePolicy;

/// `SET s v`, dumped by 7.0.
const STRING: &[u8] = b"\x00\x01v\x0a\x00\x91\x08\xce\xb2\x19\x38\x8a\xce";
/// `HSET k f 1 g xyz`, dumped by 7.0.
const HASH: &[u8] = b"\x10\x14\x14\0\0\0\x04\0\x81f\x02\x01\x01\x81g\x02\x83xyz\x04\xff\
    \x0a\x00\xc9\x1c\xe3\x60\xe5\x04\x1b\x09";

fn restore(bench: &mut Bench, key: &str, ttl: &str, payload: &[u8], options: &str) -> String {
    run(bench, key, ttl, payload, options).text()
}

fn run(
    bench: &mut Bench,
    key: &str,
    ttl: &str,
    payload: &[u8],
    options: &str,
) -> crate::command::testing::Outcome {
    let mut words = vec![&b"RESTORE"[..], key.as_bytes(), ttl.as_bytes(), payload];
    words.extend(options.split_whitespace().map(str::as_bytes));
    bench.run_words(&words)
}

#[test]
fn payloads_of_stock_servers_are_taken_and_given() {
    let mut bench = Bench::new();
    assert_eq!(restore(&mut bench, "s", "0", STRING, ""), "+OK");
    assert_eq!(bench.reply("GET s"), "$1 v");
    assert_eq!(restore(&mut bench, "h", "0", HASH, ""), "+OK");
    assert_eq!(bench.reply("HGET h g"), "$3 xyz");
    for (key, payload) in [("s", STRING), ("h", HASH)] {
        let dumped = bench.run(&format!("DUMP {key}"));
        let header = format!("${}\r\n", payload.len());
        assert_eq!(dumped.reply, [header.as_bytes(), payload, b"\r\n"].concat());
        assert_eq!((dumped.changes, dumped.lookups), (0, (1, 0)));
    }
    assert_eq!(bench.reply("DUMP none"), "$-1");
}

#[test]
fn what_is_asked_wrongly_is_refused_in_the_words_and_the_order_of_stock_servers() {
    let mut bench = Bench::new();
    bench.run("SET there 1");
    let damaged = [&STRING[..STRING.len() - 1], b"!"].concat();
    let odd = crate::snapshot::rdb::payload::encode(
        crate::snapshot::rdb::Options::default(),
        |encoder| encoder.set(b"", None, ["a", "a"].iter()),
    )
    .unwrap();
    for (key, ttl, payload, options, error) in [
        ("k", "0", STRING, "FOO", "-ERR syntax error"),
        ("there", "-1", &damaged[..], "FOO", "-ERR syntax error"),
        ("there", "-1", &damaged, "", "-BUSYKEY Target key name already exists."),
        ("there", "-1", &damaged, "replace", "-ERR Invalid TTL value, must be >= 0"),
        ("k", "x", STRING, "", "-ERR value is not an integer or out of range"),
        ("k", "0", STRING, "IDLETIME", "-ERR syntax error"),
        ("k", "0", STRING, "IDLETIME x", "-ERR value is not an integer or out of range"),
        ("k", "0", STRING, "IDLETIME -1", "-ERR Invalid IDLETIME value, must be >= 0"),
        ("k", "0", STRING, "FREQ 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255"),
        ("k", "0", STRING, "FREQ -1", "-ERR Invalid FREQ value, must be >= 0 and <= 255"),
        ("k", "0", STRING, "IDLETIME 1 FREQ 1", "-ERR syntax error"),
        ("k", "0", STRING, "FREQ 1 IDLETIME 1", "-ERR syntax error"),
        ("there", "0", &damaged, "REPLACE", "-ERR DUMP payload version or checksum are wrong"),
        ("k", "0", b"short", "", "-ERR DUMP payload version or checksum are wrong"),
        ("there", "0", &odd, "REPLACE", "-ERR Bad data format"),
    ] {
        let done = run(&mut bench, key, ttl, payload, options);
        assert_eq!(
            (done.text(), done.stream()),
            (error.to_owned(), vec![]),
            "{key} {ttl} {options}"
        );
    }
    assert_eq!(bench.reply("MGET there k"), "*2 $1 1 $-1");
}

#[test]
fn an_expiry_goes_into_the_stream_as_the_time_at_which_it_is() {
    let mut bench = Bench::new();
    let payload = String::from_utf8_lossy(STRING);
    let verbatim = run(&mut bench, "k", "0", STRING, "");
    assert_eq!(verbatim.stream(), [format!("RESTORE k 0 {payload}")]);
    let relative = run(&mut bench, "k", "5000", STRING, "REPLACE");
    assert_eq!(
        relative.stream(),
        [format!("RESTORE k {} {payload} REPLACE ABSTTL", NOW_MS + 5000)]
    );
    assert_eq!(bench.reply("PTTL k"), ":5000");
    let at = (NOW_MS + 7000).to_string();
    let absolute = run(&mut bench, "k", &at, STRING, "absttl replace");
    assert_eq!(absolute.stream(), [format!("RESTORE k {at} {payload} absttl replace")]);
    assert_eq!(bench.reply("PTTL k"), ":7000");
}

#[test]
fn what_has_expired_is_not_put_and_removes_what_it_replaces_but_in_a_replay() {
    let mut bench = Bench::new();
    bench.run("SET k 1");
    let late = run(&mut bench, "k", "1", STRING, "REPLACE ABSTTL");
    assert_eq!((late.text(), late.stream()), ("+OK".to_owned(), vec!["DEL k"]));
    assert_eq!(bench.reply("EXISTS k"), ":0");
    let late = run(&mut bench, "k", "1", STRING, "ABSTTL");
    assert_eq!((late.text(), late.stream()), ("+OK".to_owned(), vec![]));
    let beyond = i64::MAX.to_string();
    assert_eq!(restore(&mut bench, "k", &beyond, STRING, ""), "+OK");
    assert_eq!(bench.reply("EXISTS k"), ":0");
    bench.mode = Mode::Replay;
    assert_eq!(restore(&mut bench, "k", "1", STRING, "ABSTTL"), "+OK");
    assert_eq!(bench.reply("EXISTS k"), ":1");
}

#[test]
fn an_idle_time_or_a_frequency_is_kept_where_it_is_noted() {
    let mut bench = Bench::new();
    restore(&mut bench, "k", "0", STRING, "IDLETIME 1000");
    assert_eq!(bench.reply("OBJECT IDLETIME k"), ":1000");
    restore(&mut bench, "k", "0", STRING, "REPLACE FREQ 77");
    assert_eq!(bench.reply("OBJECT IDLETIME k"), ":0");
    let policy = UsagePolicy::Frequency { log_factor: 0, decay_minutes: 1 };
    bench.keyspace.usage().set_policy(policy);
    restore(&mut bench, "k", "0", STRING, "REPLACE FREQ 77");
    assert_eq!(bench.reply("OBJECT FREQ k"), ":77");
    restore(&mut bench, "k", "0", STRING, "REPLACE IDLETIME 9");
    assert_eq!(bench.reply("OBJECT FREQ k"), ":5");
}
