//! A replica that was away, whichever way it went, asks for what it lacks and no more.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::history::{history, number};
use crate::support::member::{await_link, await_same, follow, promote};
use crate::support::process::Process;
use crate::support::{Client, Endpoint, Kind, Member, Relay, Server, await_until};
use crate::{replica_of, stock_kinds};

#[test]
fn a_replica_that_restarts_continues_however_it_ended() {
    for kind in Kind::all() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET before 1");
        let mut replica = replica_of(&primary, &[]);
        await_same(&[&primary, &replica]);
        let full = number(&mut client, "stats", "sync_full");
        for round in 0..4 {
            if round % 2 == 0 {
                replica.kill();
            } else {
                assert!(replica.terminate().success());
            }
            if round > 0 {
                client.call(&["SET", "key", &round.to_string()]);
                client.call(&["HSET", "hash", &round.to_string(), "1"]);
            }
            replica.restart_as_replica_at(primary.address());
            await_link(&replica);
            await_same(&[&primary, &replica]);
        }
        assert_eq!(number(&mut client, "stats", "sync_full"), full);
        assert_eq!(replica.connect().info("backlog", "backlog_last_resync_kind"), "partial");
    }
}

#[test]
fn a_replica_is_configured_by_either_name_at_the_start() {
    for words in [["--replicaof", "host port"], ["--slaveof", "host port"]] {
        let primary = Kind::Backlogd.start(&[]);
        primary.connect().run("SET key 1");
        let at = format!("127.0.0.1 {}", primary.address().port());
        let replica = Server::start(&[words[0], &at, "--enable-debug-command", "yes"]);
        await_link(&replica);
        let reason = replica.connect().info("backlog", "backlog_last_resync_reason");
        assert_eq!(reason, "this replica had no data");
        await_same(&[&primary, &replica]);
        assert_eq!(replica.connect().run("CONFIG GET replicaof").elements()[1].text(), at);
        let role = replica.connect().run("ROLE");
        assert_eq!(role.elements()[0].text(), "slave");
    }
}

/// Starts one by its configuration file, beside which it keeps its data.
fn start_of_file(file: &Path) -> (Process, Client) {
    let directory = file.parent().expect("it is in a directory");
    let address = directory.join("address");
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.arg(file).arg("--backlog-address-file").arg(&address);
    let mut process = Process::start(&mut command, "cargo builds it for the tests");
    process
        .wait_for_line("Ready to accept connections")
        .unwrap_or_else(|output| panic!("{output}"));
    let text = fs::read_to_string(&address).expect("the file with the address");
    (process, Client::connect(text.trim().parse().expect("an address")))
}

#[test]
fn config_rewrite_writes_the_primary_and_takes_it_out_again() {
    let place = TempDir::new().expect("a temporary directory can be made");
    let file = place.path().join("server.conf");
    let text = format!("port 0\nbind 127.0.0.1\ndir {}\n", place.path().display());
    fs::write(&file, text).expect("there is room");
    let named = || -> Vec<String> {
        let text = fs::read_to_string(&file).expect("it is there");
        text.lines().filter(|line| line.contains("replicaof")).map(str::to_owned).collect()
    };
    let is_up = |client: &mut Client| {
        await_until("the link is up", || client.info("replication", "master_link_status") == "up");
    };
    let primary = Kind::Backlogd.start(&[]);
    primary.connect().run("SET key 1");
    let port = primary.address().port().to_string();

    let (mut process, mut client) = start_of_file(&file);
    assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
    assert_eq!(named(), [""; 0]);
    assert_eq!(client.call(&["REPLICAOF", "127.0.0.1", &port]).text(), "OK");
    is_up(&mut client);
    assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
    assert_eq!(named(), [format!("replicaof 127.0.0.1 {port}")]);

    process.kill();
    let (_process, mut client) = start_of_file(&file);
    is_up(&mut client);
    assert_eq!(number(&mut primary.connect(), "stats", "sync_full"), 1);
    assert_eq!(client.run("SLAVEOF NO ONE").text(), "OK");
    assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
    assert_eq!(named(), [""; 0]);
}

#[test]
fn a_replica_that_starts_as_a_primary_takes_a_name_of_its_own() {
    for kind in Kind::all() {
        let primary = kind.start(&[]);
        primary.connect().run("SET key 1");
        let mut replica = replica_of(&primary, &[]);
        await_same(&[&primary, &replica]);
        let shared = history(&replica);
        replica.kill();
        replica.restart_in_place();
        let own = history(&replica);
        assert_ne!(own.replid, shared.replid);
        assert_eq!((&own.replid2, own.second), (&shared.replid, shared.offset as i64 + 1));
        assert_eq!(replica.connect().run("SET stray 1").text(), "OK");
        assert_eq!(replica.connect().info("replication", "role"), "master");
    }
}

#[test]
fn a_replica_that_starts_with_another_primary_of_the_same_history_continues_there() {
    for kind in Kind::all() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key 1");
        let other = kind.start(&[]);
        follow(&other, primary.address());
        let mut replica = replica_of(&primary, &[]);
        client.run("SET key 2");
        await_same(&[&primary, &other, &replica]);
        replica.kill();
        client.run("SET key 3");
        replica.restart_as_replica_at(other.address());
        await_link(&replica);
        await_same(&[&primary, &other, &replica]);
        assert_eq!(number(&mut other.connect(), "stats", "sync_full"), 0);
        assert_eq!(number(&mut client, "stats", "sync_full"), 2);
    }
}

#[test]
fn replicas_of_a_replica_are_served_while_its_primary_is_down() {
    for kind in stock_kinds() {
        let mut primary = kind.start(&[]);
        primary.connect().run("SET key 1");
        let replica = replica_of(&primary, &[]);
        let relay = Relay::to(&replica);
        let (below, stock) = (Kind::Backlogd.start(&[]), kind.start(&[]));
        follow(&below, relay.address());
        follow(&stock, relay.address());
        primary.connect().run("SET key 2");
        await_same(&[&primary, &replica, &below, &stock]);
        assert_eq!(relay.full(), 2);
        primary.kill();
        let mut reader = replica.connect();
        await_until("it has noticed", || {
            reader.info("replication", "master_link_status") == "down"
        });
        relay.cut();
        await_until("both have come back", || relay.partial() >= 2);
        await_same(&[&replica, &below, &stock]);
        let third = Kind::Backlogd.start(&[]);
        follow(&third, relay.address());
        await_link(&third);
        await_same(&[&replica, &below, &stock, &third]);
        assert_eq!(relay.full(), 3);

        promote(&replica);
        reader.run("SET key 3");
        await_same(&[&replica, &below, &stock, &third]);
        assert_eq!(relay.full(), 3, "the name is another, and the history is the same");
    }
}

#[test]
fn a_replica_of_a_stock_primary_that_has_written_nothing_since_continues() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        primary.connect().run("SET key 1");
        let relay = Relay::to(&primary);
        let Member::Own(mut replica) = Kind::Backlogd.start(&[]) else {
            unreachable!("it is ours")
        };
        follow(&replica, relay.address());
        await_same(&[&primary, &replica]);
        assert_eq!((history(&replica).offset, relay.full()), (0, 1));
        relay.cut();
        await_until("it has come back", || relay.partial() == 1);
        replica.kill();
        replica.restart_as_replica_at(relay.address());
        await_link(&replica);
        primary.connect().run("SET key 2");
        await_same(&[&primary, &replica]);
        assert_eq!((relay.full(), relay.partial()), (1, 2));
    }
}

#[test]
fn an_absence_for_longer_than_the_log_is_kept_is_one_full_resync() {
    for kind in Kind::all() {
        let (further, size) = match kind {
            Kind::Backlogd => (&["--backlog-segment-size", "1mb"][..], "1mb"),
            Kind::Stock(_) => (&[][..], "16kb"),
        };
        let primary = kind.start(&[further, &["--repl-backlog-size", size]].concat());
        let mut client = primary.connect();
        client.run("SET key 1");
        let mut replica = replica_of(&primary, &[]);
        client.run("SET key 2");
        await_same(&[&primary, &replica]);
        let full = number(&mut client, "stats", "sync_full");
        replica.kill();
        let value = "v".repeat(50_000);
        for index in 0..100 {
            client.call(&["SET", &format!("key:{}", index % 5), &value]);
        }
        if matches!(kind, Kind::Backlogd) {
            assert_eq!(client.run("SAVE").text(), "OK");
            await_until("the log is let go of", || {
                number(&mut client, "replication", "repl_backlog_first_byte_offset") > 3_000_000
            });
        }
        replica.restart_as_replica_at(primary.address());
        await_link(&replica);
        await_same(&[&primary, &replica]);
        assert_eq!(number(&mut client, "stats", "sync_full"), full + 1);
        let mut reader = replica.connect();
        assert_eq!(reader.info("backlog", "backlog_last_resync_kind"), "full");
        // It was behind, and so there was nothing that it alone had.
        assert_eq!(number(&mut reader, "backlog", "backlog_discarded_bytes"), 0);
        assert!(!replica.directory().join("discarded").exists());
    }
}

#[test]
fn keys_whose_time_comes_while_a_replica_is_down_stay_until_the_primary_deletes_them() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("DEBUG SET-ACTIVE-EXPIRE 0");
        client.run("SET lasting 1");
        let mut replica = replica_of(&primary, &[]);
        client.run("SET fading 1 PX 30");
        await_same(&[&primary, &replica]);
        replica.kill();
        let begin = Instant::now();
        await_until("its time has come", || begin.elapsed() > Duration::from_millis(40));
        replica.restart_as_replica_at(primary.address());
        await_link(&replica);
        let mut reader = replica.connect();
        assert_eq!(reader.run("EXISTS fading").integer(), 0);
        assert_eq!(reader.run("DBSIZE").integer(), 2, "it writes nothing of its own");
        await_same(&[&primary, &replica]);
        let held = history(&replica).offset;

        promote(&replica);
        await_until("a primary deletes it", || reader.run("DBSIZE").integer() == 1);
        assert!(history(&replica).offset > held);
    }
}
