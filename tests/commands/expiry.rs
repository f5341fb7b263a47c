//! Keys whose time is over and that nobody asks for: all of them go, here, on replicas and over restarts.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::history::{assert_in_sync, digest, number};
use crate::support::{Client, Endpoint, Program, Server, await_until};
use backlogd::net::wire::put_command;

const DATABASES: [usize; 3] = [0, 5, 15];
const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];

fn after_ms(ms: u128) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    (now.as_millis() + ms).to_string()
}

/// Sets so many keys that expire at a time, every tenth with a hash; waits for the replies.
fn fill(client: &mut Client, keys: usize, at_ms: &str) {
    let mut bytes = Vec::new();
    for number in 0..keys {
        let key = format!("brief:{number}");
        if number % 10 == 0 {
            put_command(&mut bytes, &["HSET", &key, "field", "value"]);
            put_command(&mut bytes, &["PEXPIREAT", &key, at_ms]);
        } else {
            put_command(&mut bytes, &["SET", &key, "value", "PXAT", at_ms]);
        }
    }
    client.send(&bytes);
    let replies = keys + keys.div_ceil(10);
    (0..replies).for_each(|_| assert!(!client.read().0.is_error()));
}

fn count(client: &mut Client, databases: &[usize]) -> i64 {
    let count = |client: &mut Client, database: &usize| {
        client.run(&format!("SELECT {database}"));
        client.run("DBSIZE").integer()
    };
    databases.iter().map(|database| count(client, database)).sum()
}

#[test]
fn keys_that_nobody_asks_for_all_go_and_replicas_and_restarts_agree() {
    let mut server = Server::start(&DEBUG);
    let twin = Server::start(&DEBUG);
    twin.connect().call(&["REPLICAOF", "127.0.0.1", &server.address().port().to_string()]);
    let stock = Program::usual().start(&[]);
    stock.replicate(&server);
    let mut client = server.connect();
    // None is due before all are there, so that what goes goes by the clock alone.
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    for database in DATABASES {
        client.run(&format!("SELECT {database}"));
        fill(&mut client, 20_000, &after_ms(1_500));
        client.run("SET lasting value");
        client.call(&["SET", "later", "value", "PXAT", &after_ms(1_000_000)]);
    }
    client.run("DEBUG SET-ACTIVE-EXPIRE 1");
    await_until("all keys are gone", || count(&mut client, &DATABASES) == 6);
    let expired = number(&mut client, "stats", "expired_keys");
    assert!(expired <= 60_000 && number(&mut client, "stats", "keyspace_misses") == 0);
    await_until("what was due is told", || client.info("stats", "expired_stale_perc") != "0.00");

    let mut replica = stock.connect();
    assert_in_sync(&server, &[&stock]);
    let ours = digest(&server);
    await_until("the twin has the same", || digest(&twin) == ours);
    assert_eq!(count(&mut replica, &DATABASES), 6);
    assert_eq!(count(&mut twin.connect(), &DATABASES), 6);
    assert_eq!(
        number(&mut twin.connect(), "stats", "expired_keys"),
        0,
        "it is told, and decides not"
    );

    server.kill();
    server.restart();
    assert_eq!(count(&mut server.connect(), &DATABASES), 6);
    assert_eq!(digest(&server), ours);
}

#[test]
fn keys_that_fell_due_while_the_server_was_away_go_after_its_start() {
    let mut server = Server::start(&DEBUG);
    let mut client = server.connect();
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    let due = after_ms(200);
    fill(&mut client, 5_000, &due);
    client.run("SET lasting value");
    client.run("SAVE");
    server.kill();
    await_until("their time is over", || after_ms(0) > due);
    server.restart();
    let mut client = server.connect();
    await_until("all keys are gone", || client.run("DBSIZE").integer() == 1);
    assert_eq!(number(&mut client, "stats", "expired_keys"), 5_000);
}

#[test]
fn keys_longer_than_the_room_that_is_always_there_expire_too() {
    let server = Server::start(&["--backlog-segment-size", "1mb"]);
    let mut client = server.connect();
    for number in 0..8 {
        let key = format!("{number}{}", "k".repeat(400_000));
        assert_eq!(client.call(&["SET", &key, "value", "PX", "100"]).text(), "OK");
    }
    await_until("all keys are gone", || client.run("DBSIZE").integer() == 0);
}

#[test]
fn every_key_that_expires_in_a_lot_has_its_event() {
    let server =
        Server::start(&["--notify-keyspace-events", "Ex", "--enable-debug-command", "yes"]);
    let (mut client, mut listener) = (server.connect(), server.connect());
    listener.run("SUBSCRIBE __keyevent@0__:expired");
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    let due = after_ms(100);
    fill(&mut client, 1_000, &due);
    await_until("their time is over", || after_ms(0) > due);
    client.run("DEBUG SET-ACTIVE-EXPIRE 1");
    let mut told: Vec<_> = (0..1_000).map(|_| listener.read().0.elements()[2].text()).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 1_000);
}

#[test]
fn effort_is_set_and_told_as_by_stock_servers() {
    let server = Server::start(&["--active-expire-effort", "3"]);
    let mut client = server.connect();
    let get =
        |client: &mut Client| client.run("CONFIG GET active-expire-effort").elements()[1].text();
    assert_eq!(get(&mut client), "3");
    assert_eq!(client.run("CONFIG SET active-expire-effort 10").text(), "OK");
    assert_eq!(get(&mut client), "10");
    assert!(client.run("CONFIG SET active-expire-effort 11").is_error());
}
