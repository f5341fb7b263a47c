//! What a primary hears of its replica.

use std::time::Instant;

use super::support::await_until;
use super::support::fake_primary::{PING, rdb, replid};
use super::{Linked, Scene};

#[test]
fn a_replica_answers_at_once_when_it_is_asked_how_far_it_is() {
    let mut scene = Scene::start(&["--appendfsync", "no"]);
    let Linked { mut connection, offset, .. } = scene.recovers();
    let asked = offset + connection.say(&["REPLCONF", "GETACK", "*"]);
    connection.await_ack(asked);
    let asked =
        asked + connection.say(&["SET", "a", "1"]) + connection.say(&["replconf", "getack", "*"]);
    connection.await_ack(asked);
}

#[test]
fn a_replica_acknowledges_each_second_though_nothing_comes() {
    let mut scene = Scene::start(&[]);
    let Linked { mut connection, offset, .. } = scene.recovers();
    let began = Instant::now();
    for _ in 0..4 {
        let words = connection.hear();
        assert_eq!(words[..3], ["REPLCONF", "ACK", &offset.to_string()]);
    }
    let took_ms = began.elapsed().as_millis();
    assert!((2_000..10_000).contains(&took_ms), "{took_ms}");
}

#[test]
fn a_replica_shows_that_it_lives_while_it_loads() {
    let mut scene = Scene::start(&[]);
    let (mut connection, _) = scene.primary.accept_at_psync();
    let keys: Vec<_> = (0..100_000).map(|number| format!("key:{number}")).collect();
    let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "value")).collect();
    connection.full_resync(&replid('a'), 1, &rdb(&pairs));
    assert_eq!(connection.read(1), b"\n");
    connection.await_ack(1);
    assert_eq!(scene.client.run("DBSIZE").integer(), 100_000);
}

#[test]
fn line_feeds_keep_a_link_alive_on_which_a_snapshot_is_awaited() {
    let mut scene = Scene::start(&["--repl-timeout", "3"]);
    let (mut connection, _) = scene.primary.accept_at_psync();
    connection.send(format!("+FULLRESYNC {} 1\r\n", replid('a')).as_bytes());
    let began = Instant::now();
    while began.elapsed().as_secs() < 5 {
        connection.send(b"\n");
        await_until("some time has passed", || {
            let silent = scene.link_field("master_sync_last_io_seconds_ago");
            silent.is_some_and(|seconds| seconds != "0")
        });
    }
    let snapshot = rdb(&[("a", "1")]);
    connection.send(format!("${}\r\n", snapshot.len()).as_bytes());
    connection.send(&snapshot);
    connection.send(PING);
    connection.await_ack(1 + PING.len() as u64);
    assert_eq!(scene.client.run("GET a").text(), "1");
}

#[test]
fn the_primary_is_followed_again_after_a_promotion_that_failed() {
    let mut scene = Scene::start(&[]);
    scene.recovers();
    // The manifest cannot be replaced as long as its place aside is taken.
    let aside = scene.replica.directory().join("backlogd.manifest.tmp");
    std::fs::create_dir(&aside).expect("nothing lies there");
    assert!(scene.client.run("REPLICAOF NO ONE").is_error());
    assert!(scene.client.run("SET a 1").is_error(), "it is a replica still");
    std::fs::remove_dir(&aside).expect("it is empty");
    let port = scene.primary.port();
    assert_eq!(scene.client.call(&["REPLICAOF", "127.0.0.1", &port]).text(), "OK");
    scene.recovers();
    assert_eq!(scene.client.run("REPLICAOF NO ONE").text(), "OK");
    assert_eq!(scene.client.run("SET a 1").text(), "OK");
    assert_eq!(scene.link_field("role").as_deref(), Some("master"));
}
