//! Snapshot after snapshot while values of every type are written to: none shows anything but one moment,
//! and nothing is lost by a crash.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::history::{assert_in_sync, digest, number};
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};
use backlogd::net::wire::put_command;
use tempfile::TempDir;

const WRITERS: usize = 3;
/// How long snapshots follow each other.
const FIRE: Duration = Duration::from_secs(6);
/// How many there must be at the least, on the slowest machine.
const SNAPSHOTS_MIN: usize = 10;
const PIPELINE: usize = 30;
/// What a write that finds things otherwise than it hoped may be told.
const FAIR: [&str; 3] = [
    "ERR no such key",
    "ERR index out of range",
    "ERR source and destination objects are the same",
];

/// Writes at random to values of every type, each over and below the thresholds.
struct Writer {
    random: Random,
    number: usize,
}

impl Writer {
    /// A key of this writer, or now and then one that all write to.
    fn key(&mut self, kind: &str) -> String {
        let owner = if self.random.chance(20) { WRITERS } else { self.number };
        format!("{kind}:{owner}:{}", self.random.below(3))
    }

    fn words(&mut self, form: impl Fn(usize, &mut Random) -> Vec<String>) -> Vec<String> {
        let count = if self.random.chance(4) { 150 } else { 1 + self.random.below(4) };
        (0..count).flat_map(|_| form(self.random.below(6000), &mut self.random)).collect()
    }

    fn command(&mut self) -> Vec<String> {
        let kind = *self.random.pick(&["list", "set", "zset", "hash", "text", "long", "tiny"]);
        let (key, other) = (self.key(kind), self.key(kind));
        let n = self.random.below(6000);
        let filler = "v".repeat(self.random.below(60));
        let line = |words: String| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let with = |head: String, tail: Vec<String>| [line(head), tail].concat();
        match (kind, self.random.below(10)) {
            (_, 0) if n < 200 => line(format!("DEL {key}")),
            (_, 0) if n < 500 => line(format!("COPY {key} {other} REPLACE")),
            (_, 0) if n < 700 => line(format!("PEXPIRE {key} 100000{n}")),
            ("list", 0..=4) => {
                with(format!("RPUSH {key}"), self.words(|n, _| vec![format!("{filler}{n}")]))
            }
            ("list", 5) => line(format!("LSET {key} {n} {filler}")),
            ("list", 6) => line(format!("LINSERT {key} AFTER {n} {filler}")),
            ("list", 7) => line(format!("LMOVE {key} {other} LEFT LEFT")),
            ("list", _) => line(format!("LPOP {key} {}", n % 20)),
            ("set", 0..=4) => with(format!("SADD {key}"), self.words(|n, _| vec![n.to_string()])),
            ("set", 5) => line(format!("SADD {key} {filler}{n}")),
            ("set", 6) => line(format!("SPOP {key} {}", n % 40)),
            ("set", 7) => line(format!("SMOVE {key} {other} {n}")),
            ("set", _) => with(format!("SREM {key}"), self.words(|n, _| vec![n.to_string()])),
            ("zset", 0..=5) => {
                let pairs = |n, random: &mut Random| {
                    vec![format!("{}.25", random.below(900)), format!("m{n}")]
                };
                with(format!("ZADD {key}"), self.words(pairs))
            }
            ("zset", 6) => line(format!("ZINCRBY {key} 1.5 m{n}")),
            ("zset", 7) => line(format!("ZREMRANGEBYRANK {key} {n} {}", n + 30)),
            ("zset", _) => with(format!("ZREM {key}"), self.words(|n, _| vec![format!("m{n}")])),
            ("hash", 0..=6) => with(
                format!("HSET {key}"),
                self.words(|n, _| vec![format!("f{n}"), format!("{filler}{n}")]),
            ),
            ("hash", 7) => line(format!("HINCRBYFLOAT {key} n{} 1.5", n % 100)),
            ("hash", _) => with(format!("HDEL {key}"), self.words(|n, _| vec![format!("f{n}")])),
            ("long", 0..=4) => line(format!("SETRANGE {key} {} {filler}{n}", n * 150)),
            ("long", 5 | 6) => line(format!("SETBIT {key} {} 1", n * 1201)),
            ("long", 7) => line(format!("BITFIELD {key} OVERFLOW SAT INCRBY u16 {} 9", n * 1200)),
            ("long", _) => line(format!("APPEND {key} {filler}{n}")),
            ("tiny", 0..=2) => line(format!("RPUSH {key}:l {n}")),
            ("tiny", 3) => line(format!("LTRIM {key}:l -20 -1")),
            ("tiny", 4 | 5) => line(format!("HSET {key}:h f{} {n}", n % 50)),
            ("tiny", 6) => line(format!("ZADD {key}:z {n} m{}", n % 50)),
            ("tiny", 7) => line(format!("SADD {key}:s {}", n % 300)),
            ("tiny", _) => line(format!("PFADD {key}:p {n}")),
            (_, _) => line(format!("SET {key} {filler}{n}")),
        }
    }

    /// Writes pipeline after pipeline, every third one as a transaction, until it is told to end.
    fn run(mut self, mut client: Client, ends: &AtomicBool) -> usize {
        let mut written = 0;
        while !ends.load(Ordering::Relaxed) {
            let is_whole = self.random.chance(33);
            let mut bytes = Vec::new();
            let frame: (&[&str], &[&str]) =
                if is_whole { (&["MULTI"], &["EXEC"]) } else { (&["PING"], &["PING"]) };
            put_command(&mut bytes, frame.0);
            for _ in 0..PIPELINE {
                put_command(&mut bytes, &self.command());
            }
            put_command(&mut bytes, frame.1);
            client.send(&bytes);
            for _ in 0..PIPELINE + 2 {
                let (reply, _) = client.read();
                let replies = if let Value::Array(replies) = &reply { &replies[..] } else { &[] };
                replies.iter().chain([&reply]).for_each(assert_is_fine);
            }
            written += PIPELINE;
        }
        written
    }
}

/// What may be said: anything but an error, or that there is no such element.
#[track_caller]
fn assert_is_fine(reply: &Value) {
    if let Value::Error(error) = reply {
        assert!(FAIR.contains(&error.as_str()), "a write was refused: {error}");
    }
}

fn start_writers(server: &Server, ends: &Arc<AtomicBool>) -> Vec<JoinHandle<usize>> {
    let start = |number| {
        let (client, ends) = (server.connect(), Arc::clone(ends));
        let writer = Writer { random: Random::new(number as u64 + 77), number };
        std::thread::spawn(move || writer.run(client, &ends))
    };
    (0..WRITERS).map(start).collect()
}

/// The digest of each key's value.
fn digests(endpoint: &impl Endpoint) -> BTreeMap<String, String> {
    let mut client = endpoint.connect();
    let keys = client.run("KEYS *");
    let names: Vec<_> = keys.elements().iter().map(Value::text).collect();
    let words: Vec<_> = ["DEBUG", "DIGEST-VALUE"].into_iter().map(str::to_owned).collect();
    let found = client.call(&[words, names.clone()].concat());
    names.into_iter().zip(found.elements().iter().map(Value::text)).collect()
}

/// Takes a snapshot in the background and waits until it is there.
fn save(client: &mut Client) {
    let reply = client.run("BGSAVE");
    assert!(!reply.is_error(), "{reply:?}");
    await_until("the snapshot is done", || {
        client.info("persistence", "rdb_bgsave_in_progress") == "0"
    });
    assert_eq!(client.info("persistence", "rdb_last_bgsave_status"), "ok");
}

/// What a stock server makes of a snapshot file.
fn loaded_by_stock(server: &Server) -> (Stock, TempDir) {
    let place = TempDir::new().expect("a temporary directory can be made");
    let path = place.path().join("dump.rdb");
    fs::copy(server.directory().join("dump.rdb"), &path).expect("it can be copied");
    let words = ["--dir", place.path().to_str().expect("it is text")];
    (Stock::start(&words), place)
}

#[test]
fn snapshots_under_fire_show_one_moment_and_a_crash_loses_nothing() {
    let options = ["--save", "", "--enable-debug-command", "yes", "--repl-ping-replica-period"];
    let mut server = Server::start(&[&options[..], &["3600", "--io-threads", "2"]].concat());
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    let ends = Arc::new(AtomicBool::new(false));
    let writers = start_writers(&server, &ends);
    let (began, mut client, mut snapshots) = (Instant::now(), server.connect(), 0);
    while began.elapsed() < FIRE || snapshots < SNAPSHOTS_MIN {
        save(&mut client);
        snapshots += 1;
        // A file that stock cannot load would say so here, not only the last.
        if snapshots == SNAPSHOTS_MIN / 2 {
            let (stock, _place) = loaded_by_stock(&server);
            assert!(number(&mut stock.connect(), "persistence", "rdb_last_load_keys_loaded") > 20);
        }
    }
    ends.store(true, Ordering::Relaxed);
    let written: usize = writers.into_iter().map(|w| w.join().expect("it wrote")).sum();
    assert!(written > 1000, "only {written} writes and {snapshots} snapshots");

    assert_in_sync(&server, &[&replica]);
    let (whole, of_each) = (digest(&server), digests(&server));
    assert!(of_each.len() > 40, "{} keys", of_each.len());
    // From the last snapshot and the log after it.
    server.kill();
    server.restart();
    assert_eq!(digests(&server), of_each);
    assert_eq!(digest(&server), whole);
    // From a snapshot alone, here and there.
    save(&mut server.connect());
    let (stock, _place) = loaded_by_stock(&server);
    assert_eq!(digests(&stock), of_each);
    assert_eq!(digest(&stock), whole);
    server.kill();
    server.restart();
    assert_eq!(digests(&server), of_each);
}
