//! Snapshots that cannot be used.

use std::fs;
use std::path::Path;

use super::support::fake_primary::{Connection, rdb, rdb_of, replid};
use super::support::{Endpoint, FakePrimary, Server, await_until};
use super::{Scene, assert_no_left_over};

/// So many keys take a while to be loaded.
const MANY: usize = 400_000;

fn seed(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/rdb").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Sends something in the place of a snapshot.
fn send_instead(connection: &mut Connection, bytes: &[u8]) {
    connection.shake_hands();
    connection.send(format!("+FULLRESYNC {} 1\r\n", replid('a')).as_bytes());
    connection.send(bytes);
}

/// Sends a snapshot whose length is right.
fn send(connection: &mut Connection, bytes: &[u8]) {
    connection.shake_hands();
    connection.full_resync(&replid('a'), 1, bytes);
}

fn damaged(mut bytes: Vec<u8>) -> Vec<u8> {
    *bytes.last_mut().expect("it has a checksum") ^= 1;
    bytes
}

/// Many keys, and a database for the stream that is not there: loaded as a whole, and then refused.
fn many_for_nothing() -> Vec<u8> {
    let mut body = b"\xfa\x0erepl-stream-db\x0298\xfe\0".to_vec();
    for number in 0..MANY {
        let key = format!("key:{number}");
        body.extend([0, key.len() as u8]);
        body.extend(key.bytes());
        body.extend(b"\x05value");
    }
    rdb_of("0011", &body)
}

#[test]
fn what_does_not_begin_as_a_snapshot_ends_the_link_and_is_shown() {
    let mut scene = Scene::start(&[]);
    let long = b"x".repeat(5000);
    let cases: &[(&str, &[u8])] = &[
        ("where a snapshot should begin the primary sent \"hello\"", b"hello\r\n"),
        ("where a snapshot should begin the primary sent \"$\"", b"$\r\n"),
        ("where a snapshot should begin the primary sent \"$-5\"", b"$-5\r\n"),
        ("the primary sent \"$99999999999999999999999\"", b"$99999999999999999999999\r\n"),
        ("the primary sent \"$EOF:short\"", b"$EOF:short\r\n"),
        ("the primary announced a snapshot of 0 bytes", b"$0\r\n"),
        ("a snapshot of 9223372036854775807 bytes", b"$9223372036854775807\r\n"),
        (
            "snapshot of 281474976710655 bytes does not fit on the disk",
            b"$281474976710655\r\nREDIS",
        ),
        ("a line of more than 4096 bytes came", &long),
        ("the primary cannot send a snapshot: ERR disk", b"-ERR disk\r\n"),
    ];
    for (expected, bytes) in cases {
        scene.endures(expected, |connection| send_instead(connection, bytes));
    }
    assert!(scene.replica.is_running());
}

fn unusable() -> Vec<(&'static str, Vec<u8>)> {
    let good = rdb(&[("a", "1"), ("b", "2")]);
    let behind = [&good[..], b"and more"].concat();
    vec![
        ("it is damaged; the data is as it was", damaged(good.clone())),
        ("and something else follows; the data is as it was", behind),
        ("ends too early", good[..good.len() - 9].to_vec()),
        ("not an RDB file", b"garbage that is no RDB".to_vec()),
        ("RDB version 99 is not supported", rdb_of("0099", b"")),
        ("or move it to another server; the data", seed("unsupported")),
        ("is a value of the module", seed("module-value")),
        ("holds data of the module", seed("module-data")),
        (
            "holds database 99, but only 16 are configured",
            rdb_of("0011", b"\xfe\x40\x63\0\x01a\x01b"),
        ),
        // The database that the stream has selected.
        (
            "holds database 98, but only 16 are configured",
            rdb_of("0011", b"\xfa\x0erepl-stream-db\x0298"),
        ),
    ]
}

#[test]
fn an_unusable_snapshot_leaves_the_data_as_it_was() {
    for load in ["disabled", "swapdb"] {
        let mut scene = Scene::start(&["--repl-diskless-load", load]);
        for (expected, bytes) in unusable() {
            scene.endures(expected, |connection| send(connection, &bytes));
        }
        assert!(scene.replica.is_running());
    }
}

#[test]
fn the_data_of_before_outlives_a_shutdown_while_another_is_loaded() {
    let primary = FakePrimary::start();
    let mut replica = Server::start(&["--save", "3600 1"]);
    let mut client = replica.connect();
    client.run("SET own data");
    client.call(&["REPLICAOF", "127.0.0.1", &primary.port()]);
    let snapshot = many_for_nothing();
    let (mut connection, _) = primary.accept_at_psync();
    connection.full_resync(&replid('a'), 1, &snapshot);
    await_until("it is being loaded", || client.info("persistence", "loading") == "1");
    assert!(replica.terminate().success());
    assert_no_left_over(replica.directory());
    replica.restart();
    assert_eq!(replica.connect().run("GET own").text(), "data");
}

#[test]
fn keys_that_have_expired_already_are_seen_by_nobody() {
    let mut scene = Scene::start(&[]);
    let expired = rdb_of("0011", b"\xfe\0\xfc\x01\0\0\0\0\0\0\0\0\x01a\x01b\0\x01c\x01d");
    let (mut connection, _) = scene.primary.accept_at_psync();
    connection.full_resync(&replid('a'), 1, &expired);
    let end = 1 + connection.say(&["PING"]);
    connection.await_ack(end);
    assert_eq!(scene.client.run("GET a"), super::support::Value::Null);
    assert_eq!(scene.client.run("GET c").text(), "d");
    assert_eq!(scene.client.run("REPLICAOF NO ONE").text(), "OK");
    await_until("the new primary removes it", || scene.client.run("DBSIZE").integer() == 1);
    scene.replica.restart();
    assert_eq!(scene.replica.connect().run("DBSIZE").integer(), 1);
}
