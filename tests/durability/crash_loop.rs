//! Ends under load, mostly by `kill -9`, again and again: nothing acknowledged is lost, and no replica starts over.

use std::path::Path;
use std::sync::mpsc::channel;

use crate::support::history::{await_online, digest, history, number, resyncs};
use crate::support::load::{self, Journal, Load, Promise};
use crate::support::random::Random;
use crate::support::{Endpoint, Server, Stock, await_until};

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
        let journals = load::journals(Promise::Reply);
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
        assert!(
            !self.journals.iter().any(Journal::is_refused),
            "round {round}: a write is refused"
        );

        self.server.restart_in_place();
        let after = history(&self.server);
        match expected {
            Replid::Stays => assert_eq!(after.replid, before.replid, "round {round}"),
            Replid::Changes => {
                assert_ne!(after.replid, before.replid, "round {round}");
                assert_eq!(after.replid2, before.replid, "round {round}");
            }
        }
        load::check(&mut self.journals, &mut self.server.connect());
        await_online(&self.server, self.replicas.len());
        let partial = self.replicas.len() as u64;
        assert_eq!(resyncs(&self.server), (0, partial), "round {round}: full and partial resyncs");
        self.assert_quiet_and_equal(round);
    }

    /// Waits until nothing more expires, and compares data and offsets.
    fn assert_quiet_and_equal(&self, round: usize) {
        load::await_faded(&mut self.server.connect());
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
