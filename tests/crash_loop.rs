//! Ends under load, mostly by `kill -9`, again and again: nothing acknowledged is lost, and no replica starts over.

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use backlogd::net::wire::put_command;
use support::history::{await_online, digest, history, number, resyncs};
use support::random::Random;
use support::{Client, Endpoint, Server, Stock, Value, await_until};

/// How many clients write at the same time.
const WRITERS: usize = 8;
/// Over how many keys each of them goes.
const KEYS: u64 = 40;
/// The most writes of one pipeline.
const PIPELINE_MAX: usize = 40;

/// What one client knows of its writes. It numbers them; each sets one of its keys to the number,
/// and then counts it.
#[derive(Clone, Copy, Debug, Default)]
struct Journal {
    writer: usize,
    /// The last write whose count was acknowledged.
    acknowledged: u64,
    /// The last write that was sent.
    sent: u64,
}

impl Journal {
    fn key(&self, number: u64) -> String {
        format!("key:{}:{}", self.writer, number % KEYS)
    }

    fn counter(&self) -> String {
        format!("counter:{}", self.writer)
    }

    /// Half of the clients make each write one transaction, so that both halves come or neither.
    fn is_transactional(&self) -> bool {
        self.writer.is_multiple_of(2)
    }

    /// How many replies a write has.
    fn replies(&self) -> usize {
        if self.is_transactional() { 6 } else { 4 }
    }

    fn encode(&self, number: u64, out: &mut Vec<u8>) {
        let (key, value) = (self.key(number), number.to_string());
        if self.is_transactional() {
            put_command(out, &["MULTI"]);
        }
        put_command(out, &["SET", &key, &value]);
        put_command(out, &["HSET", "shared", &self.counter(), &value]);
        put_command(out, &["SET", &format!("fading:{key}"), &value, "PX", "40"]);
        put_command(out, &["INCR", &self.counter()]);
        if self.is_transactional() {
            put_command(out, &["EXEC"]);
        }
    }

    /// Reads the replies of a write, and notes that it was acknowledged.
    fn confirm(&mut self, client: &mut Client) -> std::io::Result<()> {
        let mut last = Value::Null;
        for _ in 0..self.replies() {
            last = client.try_read()?.0;
        }
        let count = match &last {
            Value::Array(replies) => replies.last().expect("the replies of a transaction"),
            other => other,
        };
        assert_eq!(count.integer() as u64, self.acknowledged + 1, "writer {}", self.writer);
        self.acknowledged += 1;
        Ok(())
    }

    /// Compares with what is there after a restart, and goes on from that.
    fn check(&mut self, client: &mut Client) {
        let found = match client.call(&["GET", &self.counter()]) {
            Value::Null => 0,
            text => text.text().parse().expect("a number"),
        };
        let (least, most) = (self.acknowledged, self.sent);
        let writer = self.writer;
        assert!(
            (least..=most).contains(&found),
            "writer {writer}: {least} were acknowledged and {most} sent, but {found} are there"
        );
        for number in (found + 1).saturating_sub(KEYS).max(1)..=found {
            let value = client.call(&["GET", &self.key(number)]).text();
            // The write after the last one counted may be there by half.
            let ahead = (found + 1).to_string();
            let half = !self.is_transactional()
                && value == ahead
                && self.key(found + 1) == self.key(number);
            assert!(value == number.to_string() || half, "writer {writer}: {value} for {number}");
        }
        *self = Self { writer, acknowledged: found, sent: found };
    }
}

/// The load of one round: clients that write until the server is gone.
struct Load {
    writers: Vec<JoinHandle<Journal>>,
}

impl Load {
    /// Begins to write; says so on `moment` once `goal` writes are acknowledged.
    fn start(
        address: SocketAddr,
        journals: &[Journal],
        goal: u64,
        moment: &Sender<()>,
        seed: u64,
    ) -> Self {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let writers = journals.iter().map(|journal| {
            let (journal, moment) = (*journal, moment.clone());
            let acknowledged = Arc::clone(&acknowledged);
            std::thread::spawn(move || {
                let reached = || {
                    if acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == goal {
                        // The round may be over for another reason.
                        let _ = moment.send(());
                    }
                };
                write_until_cut(address, journal, seed, reached)
            })
        });
        Self { writers: writers.collect() }
    }

    /// Waits until all have noticed that the server is gone.
    fn join(self) -> Vec<Journal> {
        self.writers
            .into_iter()
            .map(|writer| writer.join().expect("a writer does not panic"))
            .collect()
    }
}

fn write_until_cut(
    address: SocketAddr,
    mut journal: Journal,
    seed: u64,
    acknowledged: impl Fn(),
) -> Journal {
    let mut random = Random::new(seed ^ journal.writer as u64);
    let Ok(mut client) = Client::try_connect(address) else { return journal };
    loop {
        let count = 1 + random.below(PIPELINE_MAX);
        let mut pipeline = Vec::new();
        for _ in 0..count {
            journal.sent += 1;
            journal.encode(journal.sent, &mut pipeline);
        }
        if client.try_send(&pipeline).is_err() {
            return journal;
        }
        for _ in 0..count {
            if journal.confirm(&mut client).is_err() {
                return journal;
            }
            acknowledged();
        }
    }
}

/// A primary with two stock replicas that lives through crash after crash.
struct Ordeal {
    server: Server,
    replicas: Vec<Stock>,
    journals: Vec<Journal>,
    random: Random,
    end: fn(&mut Server),
}

/// What a restart does to the name of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replid {
    Stays,
    Changes,
}

impl Ordeal {
    fn begin(seed: u64, arguments: &[&str]) -> Self {
        let debug = ["--enable-debug-command", "yes", "--save", ""];
        let server = Server::start(&[&debug[..], arguments].concat());
        let replicas = vec![Stock::start(&[]), Stock::start(&[])];
        for replica in &replicas {
            replica.replicate(&server);
        }
        await_online(&server, replicas.len());
        assert_eq!(resyncs(&server), (2, 0));
        let journals =
            (0..WRITERS).map(|writer| Journal { writer, ..Journal::default() }).collect();
        Self { server, replicas, journals, random: Random::new(seed), end: Server::kill }
    }

    /// Writes, kills the primary in the midst of it, starts it again and looks at everything.
    fn round(&mut self, round: usize, expected: Replid) {
        self.round_with(round, expected, |_| {});
    }

    /// A round in which something else happens under the load.
    fn round_with(&mut self, round: usize, expected: Replid, meanwhile: impl FnOnce(&mut Self)) {
        let before = history(&self.server);
        let goal = 1 + self.random.below(1500) as u64;
        let (moment, reached) = channel();
        let seed = self.random.bits();
        let load = Load::start(self.server.address(), &self.journals, goal, &moment, seed);
        drop(moment);
        meanwhile(self);
        reached.recv().unwrap_or_else(|_| panic!("round {round}: the load ended by itself"));
        (self.end)(&mut self.server);
        self.journals = load.join();

        self.server.restart_in_place();
        let after = history(&self.server);
        match expected {
            Replid::Stays => assert_eq!(after.replid, before.replid, "round {round}"),
            Replid::Changes => {
                assert_ne!(after.replid, before.replid, "round {round}");
                assert_eq!(after.replid2, before.replid, "round {round}");
            }
        }
        let mut client = self.server.connect();
        for journal in &mut self.journals {
            journal.check(&mut client);
        }
        await_online(&self.server, self.replicas.len());
        let partial = self.replicas.len() as u64;
        assert_eq!(resyncs(&self.server), (0, partial), "round {round}: full and partial resyncs");
        self.assert_quiet_and_equal(round);
    }

    /// Waits until nothing more expires, and compares data and offsets.
    fn assert_quiet_and_equal(&self, round: usize) {
        let mut client = self.server.connect();
        await_until("what fades has faded", || {
            client.info("keyspace", "db0").contains("expires=0,")
        });
        let offset =
            |endpoint: &Stock| number(&mut endpoint.connect(), "replication", "slave_repl_offset");
        for replica in &self.replicas {
            replica.await_offset_of(&self.server);
        }
        let ours = digest(&self.server);
        for replica in &self.replicas {
            assert_eq!(digest(replica), ours, "round {round}");
        }
        let end = history(&self.server).offset;
        await_until("offsets are equal", || self.replicas.iter().all(|r| offset(r) >= end));
        assert!(self.replicas.iter().all(|r| offset(r) <= history(&self.server).offset));
    }
}

fn pretend_boot(file: &Path, number: usize) {
    std::fs::write(file, format!("boot {number}\n")).expect("the file can be written");
}

#[test]
fn fifty_kills_in_a_row_cost_no_write_and_no_full_resync() {
    let mut ordeal = Ordeal::begin(1, &["--backlog-segment-size", "1mb"]);
    let replid = history(&ordeal.server).replid;
    for round in 0..50 {
        ordeal.round(round, Replid::Stays);
    }
    assert_eq!(history(&ordeal.server).replid, replid);
}

#[test]
fn kills_under_appendfsync_always_cost_nothing_either() {
    let mut ordeal = Ordeal::begin(2, &["--appendfsync", "always"]);
    for round in 0..8 {
        ordeal.round(round, Replid::Stays);
    }
}

#[test]
fn with_a_durable_feed_a_new_boot_keeps_every_replica() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let boot = place.path().join("boot-id");
    pretend_boot(&boot, 0);
    let path = boot.to_str().expect("a path in UTF-8");
    let mut ordeal =
        Ordeal::begin(3, &["--backlog-boot-id-file", path, "--backlog-feed", "durable"]);
    for round in 0..8 {
        pretend_boot(&boot, round + 1);
        ordeal.round(round, Replid::Stays);
    }
}

#[test]
fn with_a_sealed_feed_a_new_boot_is_a_new_history_that_replicas_not_ahead_continue() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let boot = place.path().join("boot-id");
    pretend_boot(&boot, 0);
    let path = boot.to_str().expect("a path in UTF-8");
    let mut ordeal =
        Ordeal::begin(4, &["--backlog-boot-id-file", path, "--backlog-feed", "sealed"]);
    for round in 0..8 {
        pretend_boot(&boot, round + 1);
        ordeal.round(round, Replid::Changes);
    }
}

#[test]
fn snapshots_under_load_are_exact_wherever_the_kill_falls() {
    let mut ordeal = Ordeal::begin(5, &["--backlog-segment-size", "256kb"]);
    for round in 0..10 {
        ordeal.round_with(round, Replid::Stays, |ordeal| {
            let mut client = ordeal.server.connect();
            if round % 2 == 0 {
                // Whole before the kill, so that the restart loads it and replays the log since.
                assert_eq!(client.run("SAVE").text(), "OK");
            } else {
                // The kill may come at any moment of it.
                assert_eq!(client.run("BGSAVE").text(), "Background saving started");
            }
        });
        let output = ordeal.server.output();
        assert!(output.contains("snapshot loaded"), "{output}");
    }
}

#[test]
fn replicas_that_join_under_load_lack_nothing_and_live_through_the_kill() {
    let mut ordeal = Ordeal::begin(6, &["--save", ""]);
    for round in 0..3 {
        ordeal.round_with(round, Replid::Stays, |ordeal| {
            let joining = Stock::start(&[]);
            joining.replicate(&ordeal.server);
            ordeal.replicas.push(joining);
        });
    }
}

#[test]
fn orderly_ends_under_load_lose_nothing_either() {
    let mut ordeal = Ordeal::begin(7, &[]);
    ordeal.end = |server| {
        let status = server.terminate();
        assert!(status.success(), "{status}: {}", server.output());
    };
    for round in 0..6 {
        ordeal.round(round, Replid::Stays);
        assert!(ordeal.server.output().contains("shut down in order"));
    }
}
