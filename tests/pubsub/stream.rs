//! Messages go down the replication stream, and are delivered by whoever applies it.

use super::support::history::await_online;
use super::support::{Endpoint, Follower, Server, Stock};
use super::{listen, next};

/// Runs what puts messages into the stream, and returns the commands of the stream.
fn stream_of(server: &impl Endpoint) -> Vec<Vec<String>> {
    let (mut client, mut subscriber) = (server.connect(), server.connect());
    listen(&mut subscriber, "SUBSCRIBE a");
    client.run("SET first 1");
    let (mut follower, _) = Follower::attach(server);
    follower.acknowledge(0);
    for line in [
        "SET k 1",
        "PUBLISH a 1",
        "publish nobody 2",
        "SPUBLISH s 3",
        "MULTI",
        "PUBLISH a 4",
        "SET k v",
        "EXEC",
        "MULTI",
        "PUBLISH a 5",
        "EXEC",
        "SELECT 3",
        "PUBLISH a 6",
        "SET last 1",
    ] {
        client.run(line);
    }
    let mut commands = Vec::new();
    while commands.last().is_none_or(|words: &Vec<String>| words[1..] != ["last", "1"]) {
        let words = follower.command();
        // Each server has its own idea of when to ask whether anybody is there.
        if words != ["PING"] && words[0] != "REPLCONF" {
            commands.push(words);
        }
    }
    commands
}

#[test]
fn the_stream_holds_the_messages_that_stock_puts_there() {
    let (server, stock) = (Server::start(&[]), Stock::start(&["--repl-diskless-sync", "no"]));
    let [ours, theirs] = [stream_of(&server), stream_of(&stock)];
    assert_eq!(ours, theirs);
    assert_eq!(ours.iter().filter(|words| words[0].eq_ignore_ascii_case("publish")).count(), 5);
}

#[test]
fn subscribers_of_a_stock_replica_hear_what_is_published_here() {
    let (server, replica) = (Server::start(&[]), Stock::start(&[]));
    replica.replicate(&server);
    await_online(&server, 1);
    let (mut here, mut there, mut client) = (server.connect(), replica.connect(), server.connect());
    listen(&mut here, "PSUBSCRIBE *");
    listen(&mut there, "PSUBSCRIBE *");
    let mut sharded = replica.connect();
    listen(&mut sharded, "SSUBSCRIBE s");
    for number in 0..100 {
        let number = number.to_string();
        assert_eq!(client.call(&["PUBLISH", "plain", &number]).integer(), 1);
        client.run("MULTI");
        client.call(&["SET", "key", &number]);
        client.call(&["PUBLISH", "inside", &number]);
        client.run("EXEC");
        client.call(&["SPUBLISH", "s", &number]);
        for heard in [&mut here, &mut there] {
            assert_eq!(next(heard), format!("pmessage * plain {number}"));
            assert_eq!(next(heard), format!("pmessage * inside {number}"));
        }
        assert_eq!(next(&mut sharded), format!("smessage s {number}"));
    }
    replica.await_offset_of(&server);
    let ours = client.info("replication", "master_repl_offset");
    assert_eq!(replica.connect().info("replication", "slave_repl_offset"), ours);
}

#[test]
fn a_restart_replays_no_message_and_keeps_the_offset() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    for number in 0..50 {
        client.call(&["PUBLISH", "a", &number.to_string()]);
        client.call(&["SPUBLISH", "a", &number.to_string()]);
        client.call(&["INCR", "counter"]);
    }
    let changes = client.info("persistence", "rdb_changes_since_last_save");
    assert_eq!(changes, "50", "a message is no change");
    let offset = client.info("replication", "master_repl_offset");
    server.kill();
    server.restart();
    let mut client = server.connect();
    assert_eq!(client.info("replication", "master_repl_offset"), offset);
    assert_eq!(client.run("GET counter").text(), "50");
    let calls = client.run("INFO commandstats").text();
    assert!(!calls.contains("publish"), "{calls}");
}

#[test]
fn messages_are_no_writes_to_a_primary_without_enough_replicas() {
    let arguments = ["--min-replicas-to-write", "1"];
    let (server, stock) = (Server::start(&arguments), Stock::start(&arguments));
    let mut clients = [server.connect(), stock.connect()];
    for line in [
        "SET k v",
        "PUBLISH a 1",
        "SPUBLISH a 2",
        "MULTI",
        "PUBLISH a 3",
        "GET k",
        "EXEC",
        "MULTI",
        "SET k v",
        "PUBLISH a 4",
        "EXEC",
    ] {
        let [ours, theirs] = clients.each_mut().map(|client| client.run(line));
        assert_eq!(ours, theirs, "{line}");
    }
}

#[test]
fn a_pause_of_writes_holds_messages_back() {
    let server = Server::start(&[]);
    let (mut client, mut other, mut subscriber) =
        (server.connect(), server.connect(), server.connect());
    listen(&mut subscriber, "SUBSCRIBE a");
    other.run("CLIENT PAUSE 100000 WRITE");
    client.send_command(&["PUBLISH", "a", "1"]);
    // Reads and subscriptions go on meanwhile.
    listen(&mut subscriber, "SUBSCRIBE b");
    assert_eq!(other.run("PUBSUB NUMSUB a").elements()[1].integer(), 1);
    assert_eq!(other.run("CLIENT UNPAUSE").text(), "OK");
    assert_eq!(client.read().0.integer(), 1);
    assert_eq!(next(&mut subscriber), "message a 1");
}
