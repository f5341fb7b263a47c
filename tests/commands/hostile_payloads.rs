//! `RESTORE` of what no server has dumped: an error, or a value that is whole, never a crash.

use crate::support::random::Random;
use crate::support::{Client, Endpoint, Server, Stock, Value};
use backlogd::snapshot::rdb::crc64;

/// How many variants of each payload are tried.
const VARIANTS: usize = 120;
/// The version and the checksum behind a value.
const FOOTER_BYTES: usize = 10;
/// Memory by which the server may grow over all of them together.
const BALLOON_BYTES: usize = 128 << 20;
const QUIET: [&str; 4] = ["--save", "", "--enable-debug-command", "yes"];

fn fill(client: &mut Client) {
    let long = "y".repeat(70_000);
    let many = |count: usize, form: &dyn Fn(usize) -> String| -> String {
        (0..count).map(form).collect::<Vec<_>>().join(" ")
    };
    for line in [
        "SET string value".to_owned(),
        "SET number:8 -7".to_owned(),
        "SET number:16 12345".to_owned(),
        "SET number:32 -1234567890".to_owned(),
        format!("SET string:packed {}", "abcd".repeat(100)),
        format!("SET string:long {long}"),
        format!("RPUSH list {}", many(9, &|n| format!("{}{n}", "e".repeat(n * 9)))),
        "RPUSH list:numbers 0 13 -1 127 4095 -4096 32767 8388607 2147483647 99999999999 -5e9"
            .to_owned(),
        format!("RPUSH list:nodes {}", many(300, &|n| format!("{}{n}", "element".repeat(9)))),
        format!("RPUSH list:plain a {long} b"),
        "SADD ints:16 1 2 3 -70".to_owned(),
        "SADD ints:32 1 -70000".to_owned(),
        "SADD ints:64 1 5000000000".to_owned(),
        "SADD set a b 17 -3".to_owned(),
        format!("SADD set:many {}", many(200, &|n| format!("member{n}"))),
        "ZADD zset 1 a -1.5 b inf c 3e300 d".to_owned(),
        format!("ZADD zset:many {}", many(200, &|n| format!("{n}.25 member{n}"))),
        format!("ZADD zset:long 1 {long} -inf a"),
        "HSET hash f 1 g 70000 h value".to_owned(),
        format!("HSET hash:many {}", many(200, &|n| format!("field{n} value{n}"))),
        format!("HSET hash:long f {long}"),
        "PFADD sketch a b c d".to_owned(),
        "XADD stream 1-1 f v g 70000".to_owned(),
        "XADD stream 5-2 f v g -1".to_owned(),
        "XADD stream 5-3 other field".to_owned(),
        "XDEL stream 5-2".to_owned(),
        "XGROUP CREATE stream g 0".to_owned(),
        "XREADGROUP GROUP g consumer STREAMS stream >".to_owned(),
        "XGROUP CREATE stream:empty g 0 MKSTREAM".to_owned(),
    ] {
        let reply = client.run(&line);
        assert!(!reply.is_error(), "{}: {reply:?}", &line[..20]);
    }
}

/// Dumps of every form that this server and stock write.
fn payloads() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut gather = |client: &mut Client| {
        fill(client);
        for key in client.run("KEYS *").elements() {
            let Value::Bulk(payload) = client.call(&["DUMP", &key.text()]) else {
                panic!("{key:?} is there")
            };
            all.push(payload);
        }
    };
    for (version, compresses) in [("9", "no"), ("10", "yes"), ("11", "no")] {
        let own = ["--backlog-rdb-version", version, "--rdbcompression", compresses];
        let server = Server::start(&[&QUIET[..], &own].concat());
        gather(&mut server.connect());
    }
    gather(&mut Stock::start(&[]).connect());
    all.sort_unstable();
    all.dedup();
    all
}

/// Changes a few bytes, or how many there are.
fn spoil(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    const TELLING: [u8; 10] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc3, 0xfe, 0xff];
    let (value, footer) = payload.split_at(payload.len() - FOOTER_BYTES);
    let mut value = value.to_vec();
    for _ in 0..=random.below(3) {
        // Most lengths stand at the beginning.
        let reach = if random.chance(60) { value.len().min(24) } else { value.len() };
        let at = if reach == 0 { 0 } else { random.below(reach) };
        match random.below(8) {
            _ if value.is_empty() => value.push(*random.pick(&TELLING)),
            0..=2 => value[at] ^= 1 << random.below(8),
            3 | 4 => value[at] = *random.pick(&TELLING),
            5 => value.truncate(at),
            6 => value.insert(at, *random.pick(&TELLING)),
            _ => drop(value.remove(at)),
        }
    }
    seal(&value, &footer[..2])
}

/// Puts the version and the right checksum behind a value.
fn seal(value: &[u8], version: &[u8]) -> Vec<u8> {
    let body = [value, version].concat();
    let sum = crc64(0, &body).to_le_bytes();
    [&body[..], &sum].concat()
}

fn restore(client: &mut Client, key: &str, payload: &[u8]) -> std::io::Result<Value> {
    client.try_call::<&[u8]>(&[b"RESTORE", key.as_bytes(), b"0", payload, b"REPLACE"])
}

/// Reads a value in full, from both sides where it has two; returns how many parts it has.
fn read_all(client: &mut Client, key: &str) -> usize {
    let kind = client.call(&["TYPE", key]).text();
    let lines = match kind.as_str() {
        "string" => {
            return client.call(&["GET", key]).text().len();
        }
        "list" => ["LRANGE # 0 -1", "LLEN #", "LINDEX # -1"],
        "set" => ["SMEMBERS #", "SCARD #", "SSCAN # 0 COUNT 1000000"],
        "zset" => ["ZRANGE # 0 -1", "ZCARD #", "ZREVRANGEBYSCORE # inf -inf WITHSCORES"],
        "hash" => ["HKEYS #", "HLEN #", "HGETALL #"],
        "stream" => ["XREVRANGE # + -", "XLEN #", "XRANGE # - +"],
        other => panic!("{other} is no type"),
    };
    let [all, count, _] = lines.map(|line| client.run(&line.replace('#', key)));
    assert!(count.integer() > 0 || kind == "stream", "{key} is empty");
    assert_eq!(all.elements().len() as i64, count.integer(), "a {kind}");
    all.elements().len()
}

/// Does to a copy of a stream what goes through all of it, and into its groups.
fn use_stream(client: &mut Client, key: &str) {
    client.call(&["COPY", key, "copy", "REPLACE"]);
    for line in [
        "XINFO STREAM copy FULL COUNT 0",
        "XPENDING copy g",
        "XPENDING copy g - + 10",
        "XREADGROUP GROUP g consumer STREAMS copy 0",
        "XREADGROUP GROUP g other STREAMS copy >",
        "XAUTOCLAIM copy g other 0 0",
        "XADD copy * f v g w",
        "XTRIM copy MINID 5-3",
        "XDEL copy 5-3 1-1",
        "XTRIM copy MAXLEN 1",
        "XGROUP DELCONSUMER copy g other",
        "XTRIM copy MAXLEN 0",
        "XINFO STREAM copy FULL",
    ] {
        client.run(line);
    }
}

#[test]
fn what_is_spoilt_is_refused_or_makes_a_value_that_is_whole() {
    let payloads = payloads();
    assert!(payloads.len() > 50, "{}", payloads.len());
    let server = Server::start(&QUIET);
    let mut client = server.connect();
    let mut random = Random::new(20_261_127);
    let before = server.resident_bytes();
    let (mut taken, mut refused) = (0, 0);
    for payload in &payloads {
        let whole = restore(&mut client, "k", payload).expect("it is there");
        assert_eq!(whole.text(), "OK", "{}", payload.escape_ascii());
        let (value, footer) = payload.split_at(payload.len() - FOOTER_BYTES);
        assert_eq!(&seal(value, &footer[..2]), payload);
        for _ in 0..VARIANTS {
            let spoilt = spoil(&mut random, payload);
            let shown = || spoilt[..spoilt.len().min(300)].escape_ascii().to_string();
            let reply = restore(&mut client, "k", &spoilt);
            let reply = reply.unwrap_or_else(|error| panic!("{error} after {}", shown()));
            if let Value::Error(error) = reply {
                assert_eq!(error, "ERR Bad data format", "{}", shown());
                refused += 1;
                continue;
            }
            taken += 1;
            let Value::Bulk(dumped) = client.call(&["DUMP", "k"]) else {
                panic!("no dump of {}", shown())
            };
            read_all(&mut client, "k");
            if dumped.first().is_some_and(|code| [15, 19, 21].contains(code)) {
                use_stream(&mut client, "k");
            }
            let again = restore(&mut client, "again", &dumped).expect("it is there");
            assert_eq!(again.text(), "OK", "{}", shown());
            let same = client.run("DEBUG DIGEST-VALUE k again");
            assert_eq!(same.elements()[0], same.elements()[1], "{}", shown());
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused");
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < BALLOON_BYTES, "it grew by {grown} bytes");
}
