//! Values of every type, exchanged with stock servers: in snapshots, by full resync, and by DUMP.

use std::fs;

use crate::support::history::{digest, number};
use crate::support::{Client, Endpoint, Follower, Program, Server, Stock};
use tempfile::TempDir;

/// The thresholds as they are, and so small that everything is large.
const THRESHOLDS: [&[&str]; 2] = [
    &[],
    &[
        "--list-max-ziplist-size",
        "2",
        "--set-max-intset-entries",
        "2",
        "--zset-max-ziplist-entries",
        "2",
        "--hash-max-ziplist-entries",
        "2",
    ],
];
/// What is set where the server is to write nothing by itself.
const QUIET: [&str; 6] =
    ["--save", "", "--repl-ping-replica-period", "3600", "--enable-debug-command", "yes"];

/// Puts values of every type into a stock server, small ones and large ones.
fn fill(client: &mut Client) {
    let mut call = |line: &str| {
        let reply = client.run(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    };
    call("SET string value");
    call("SET number 12345");
    call("SETRANGE long 100000 x");
    call("RPUSH list:small a b 1 -5000 4611686018427387904 hello");
    call("SADD set:integers 1 2 3 -70000");
    call("SADD set:small a 1 bcd");
    // No -0, which becomes 0 as soon as a set is small enough for a listpack.
    call("ZADD zset:small 1.5 a 0.1 b -inf c inf d 1e20 e 17 g 1e-7 h 3.0e-5 j 1e17 l");
    call("HSET hash:small f 1 g xyz");
    call("RPUSH list:expires a b");
    call("PEXPIREAT list:expires 99999999999999");
    let long = "x".repeat(9000);
    call(&format!("RPUSH list:long a {long} b"));
    call(&format!("SADD set:long a {long}"));
    call(&format!("ZADD zset:long 1 a 2.25 {long}"));
    for n in 0..2000 {
        let text = format!("e{n}").repeat(1 + n % 7);
        call(&format!("RPUSH list:many {text} {}", n * n));
        call(&format!("SADD set:many {text}"));
        call(&format!("SADD set:many:integers {}", n * 1_000_003));
        call(&format!("ZADD zset:many {}.{n} {text}", n * 37 % 1001));
        call(&format!("HSET hash:many {text} {n}"));
    }
    fill_streams(&mut call);
    call("SELECT 3");
    call("RPUSH list a");
}

/// Puts streams, groups and what is pending into a stock server.
fn fill_streams(call: &mut impl FnMut(&str)) {
    call("XADD stream:small 1-1 f v g 12");
    call("XADD stream:small 1-2 f v g -70000");
    call("XADD stream:small 5-0 other field h 1");
    call("XDEL stream:small 1-2");
    call("XGROUP CREATE stream:small g 0");
    call("XGROUP CREATE stream:small h 1-2 ENTRIESREAD 2");
    call("XGROUP CREATECONSUMER stream:small g idle");
    call("XREADGROUP GROUP g c COUNT 1 STREAMS stream:small >");
    call("XGROUP CREATE stream:empty g $ MKSTREAM");
    for n in 1..=2000 {
        let names = if n % 50 == 0 { "a b" } else { "a c" }.split_once(' ').unwrap_or_default();
        let (one, other) = names;
        call(&format!(
            "XADD stream:many {n}-{} {one} {n} {other} {}",
            n % 3,
            "v".repeat(1 + n % 90)
        ));
    }
    call("XTRIM stream:many MINID 77-0");
    call("XDEL stream:many 100-1 1000-1 1999-1");
    call("XGROUP CREATE stream:many g 0");
    for (consumer, count) in [("one", 300), ("two", 7), ("three", 500)] {
        call(&format!("XREADGROUP GROUP g {consumer} COUNT {count} STREAMS stream:many >"));
    }
    call("XACK stream:many g 80-2 81-0 82-1 500-2");
}

/// What a server tells of its streams, but for what 7.0 does not.
fn streams(server: &impl Endpoint) -> Vec<crate::support::Value> {
    let mut client = server.connect();
    let mut told = Vec::new();
    for key in ["small", "empty", "many"] {
        told.push(client.run(&format!("XINFO STREAM stream:{key}")));
        told.push(client.run(&format!("XINFO GROUPS stream:{key}")));
        told.push(client.run(&format!("XPENDING stream:{key} g")));
        told.push(client.run(&format!("XRANGE stream:{key} - + COUNT 100")));
    }
    told
}

/// Starts a server with what a stock one has saved.
fn import(stock: &Stock, arguments: &[&str]) -> (Server, TempDir) {
    stock.connect().run("SAVE");
    let place = TempDir::new().expect("a temporary directory can be made");
    let dump = stock.directory().join("dump.rdb");
    fs::copy(dump, place.path().join("dump.rdb")).expect("it can be copied");
    let arguments: Vec<_> = QUIET.iter().chain(arguments).copied().collect();
    (Server::start_in(place.path(), &arguments), place)
}

/// The digest of a server's data as this program computes it: 7.2 prints scores otherwise than 7.0.
fn digest_by(program: &Program, server: &Server) -> String {
    let replica = program.start(&[]);
    replica.replicate(server);
    replica.await_offset_of(server);
    digest(&replica)
}

#[test]
fn what_stock_servers_save_is_loaded_whatever_its_encoding_and_stays_over_restarts() {
    for program in Program::replicas() {
        for thresholds in THRESHOLDS {
            let stock = program.start(thresholds);
            fill(&mut stock.connect());
            let (mut server, _place) = import(&stock, &[]);
            let case = format!("{} {thresholds:?}", program.path());
            assert_eq!(digest_by(&program, &server), digest(&stock), "{case}");
            assert_eq!(streams(&server), streams(&stock), "{case}");
            assert!(!server.connect().run("SAVE").is_error());
            server.kill();
            server.restart_in_place();
            assert_eq!(digest_by(&program, &server), digest(&stock), "{case}");
            assert_eq!(streams(&server), streams(&stock), "{case}");
        }
    }
}

#[test]
fn every_version_that_is_written_is_loaded_by_the_servers_it_is_for() {
    for program in Program::replicas() {
        let stock = program.start(&[]);
        fill(&mut stock.connect());
        let newest = if stock.version() < (7, 2) { 10 } else { 11 };
        for version in 9..=newest {
            for thresholds in THRESHOLDS {
                let version = version.to_string();
                let arguments = [&["--backlog-rdb-version", &version], thresholds].concat();
                let (server, _place) = import(&stock, &arguments);
                let replica = program.start(&["--sanitize-dump-payload", "yes"]);
                replica.replicate(&server);
                replica.await_offset_of(&server);
                let case = format!("{} {arguments:?}", program.path());
                assert_eq!(digest(&replica), digest(&stock), "{case}");
                // Older forms do not tell what was counted.
                if version != "9" {
                    assert_eq!(streams(&replica), streams(&stock), "{case}");
                }
            }
        }
    }
}

#[test]
fn payloads_are_those_of_stock_servers_and_go_both_ways() {
    const SMALL: [&str; 11] = [
        "string",
        "number",
        "list:small",
        "list:long",
        "set:integers",
        "set:small",
        "zset:small",
        "hash:small",
        "stream:small",
        "stream:empty",
        "stream:many",
    ];
    for program in Program::replicas() {
        let stock = program.start(&["--rdbcompression", "no"]);
        fill(&mut stock.connect());
        let version = if stock.version() < (7, 2) { "10" } else { "11" };
        let arguments = ["--backlog-rdb-version", version, "--rdbcompression", "no"];
        let (server, _place) = import(&stock, &arguments);
        let (mut ours, mut theirs) = (server.connect(), stock.connect());
        for key in SMALL.into_iter().filter(|key| *key != "list:long" || !stock.is_valkey()) {
            let payloads = [&mut ours, &mut theirs].map(|client| client.call(&["DUMP", key]));
            assert_eq!(payloads[0], payloads[1], "{} {key}", program.path());
        }
        let (copy, back) = (Server::start(&QUIET), program.start(&[]));
        let (mut copier, mut restorer) = (copy.connect(), back.connect());
        for key in ours.run("KEYS *").elements() {
            let key = key.text();
            let ttl = ours.call(&["PEXPIRETIME", &key]).integer().max(0).to_string();
            for (from, to) in [(&mut theirs, &mut copier), (&mut ours, &mut restorer)] {
                let crate::support::Value::Bulk(payload) = from.call(&["DUMP", &key]) else {
                    panic!("{key} is there")
                };
                let words: [&[u8]; 5] =
                    [b"RESTORE", key.as_bytes(), ttl.as_bytes(), &payload, b"ABSTTL"];
                assert_eq!(to.call(&words).text(), "OK", "{} {key}", program.path());
            }
        }
        for (from, to) in [(&mut theirs, &mut copier), (&mut ours, &mut restorer)] {
            for client in [from, to] {
                client.run("SELECT 3");
                client.run("DEL list");
            }
        }
        assert_eq!(digest_by(&program, &copy), digest(&stock), "{}", program.path());
        assert_eq!(digest(&back), digest(&stock), "{}", program.path());
        assert_eq!(streams(&copy), streams(&stock), "{}", program.path());
        assert_eq!(streams(&back), streams(&stock), "{}", program.path());
    }
}

#[test]
fn what_is_restored_reaches_replicas_and_is_there_after_a_crash() {
    let stock = Stock::start(&[]);
    fill(&mut stock.connect());
    let mut server = Server::start(&QUIET);
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    let (mut from, mut to) = (stock.connect(), server.connect());
    for (key, ttl) in [("list:many", "0"), ("zset:small", "1000000"), ("set:long", "0")] {
        let crate::support::Value::Bulk(payload) = from.call(&["DUMP", key]) else {
            panic!("it is there")
        };
        let words: [&[u8]; 4] = [b"RESTORE", key.as_bytes(), ttl.as_bytes(), &payload];
        assert_eq!(to.call(&words).text(), "OK");
    }
    let held = digest(&server);
    assert_ne!(held, "0".repeat(40));
    replica.await_offset_of(&server);
    assert_eq!(digest(&replica), held);
    let expiry = |client: &mut Client| client.run("PEXPIRETIME zset:small").integer();
    let at = expiry(&mut to);
    assert_eq!(expiry(&mut replica.connect()), at);
    server.kill();
    server.restart_in_place();
    assert_eq!(digest(&server), held);
    assert_eq!(expiry(&mut server.connect()), at);
}

#[test]
fn keys_without_elements_are_left_out_as_stock_servers_leave_them() {
    let mut file = b"REDIS0011\xfe\x00\x01\x04list\x00\x04\x04hash\x00\x02\x03set\x00".to_vec();
    file.extend(b"\x14\x04pack\x07\x07\0\0\0\0\0\xff\x00\x01k\x01v\xff");
    file.extend([0; 8]);
    let place = TempDir::new().expect("a temporary directory can be made");
    fs::write(place.path().join("dump.rdb"), &file).expect("it can be written");
    let server = Server::start_in(place.path(), &QUIET);
    let mut client = server.connect();
    assert_eq!(client.run("DBSIZE").integer(), 1);
    assert_eq!(client.run("GET k").text(), "v");
}

#[test]
fn a_value_that_names_something_twice_is_refused() {
    for (body, what) in [
        (&b"\x02\x03set\x02\x01a\x01a"[..], "member"),
        (b"\x03\x04zset\x02\x01a\x011\x01a\x012", "member"),
        (b"\x04\x04hash\x02\x01a\x011\x01a\x012", "field"),
        (b"\x01\x03key\x01\x01a\x02\x03key\x01\x01a", "key"),
    ] {
        let mut file = [b"REDIS0011\xfe\x00", body, b"\xff"].concat();
        file.extend([0; 8]);
        let place = TempDir::new().expect("a temporary directory can be made");
        fs::write(place.path().join("dump.rdb"), &file).expect("it can be written");
        let (output, _) = Server::start_refused(place.path(), &QUIET);
        assert!(output.contains(&format!("has the same {what} twice")), "{output}");
    }
}

#[test]
fn one_snapshot_serves_all_replicas_until_they_are_to_have_an_older_version() {
    let server = Server::start(&[&QUIET[..], &["--backlog-rdb-version", "11"]].concat());
    let mut client = server.connect();
    client.run("SET key value");
    let mut saves = |version: &[u8]| {
        let (_, resync) = Follower::attach(&server);
        let (_, rdb) = Follower::sync(&server);
        for rdb in [&resync.rdb, &rdb] {
            assert!(rdb.starts_with(version), "{}", rdb.escape_ascii());
        }
        number(&mut client, "persistence", "rdb_saves")
    };
    assert_eq!((saves(b"REDIS0011"), saves(b"REDIS0011")), (1, 1));
    assert_eq!(server.connect().run("CONFIG SET backlog-rdb-version 10").text(), "OK");
    assert_eq!((saves(b"REDIS0010"), saves(b"REDIS0010")), (2, 2));
    assert_eq!(server.connect().run("CONFIG SET backlog-rdb-version 11").text(), "OK");
    assert_eq!(saves(b"REDIS0010"), 2, "whoever reads a newer version reads this one");
}
