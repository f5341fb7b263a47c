//! Users on both sides of a link: a replica logs in as one, and nobody's users become another's.

use super::support::member::{await_down, await_link};
use super::support::{Endpoint, Server, Stock, Value, await_until};

/// What a replica has to be allowed, as the documentation of stock says.
const REPLICA: [&str; 8] =
    ["--user", "replica", "on", ">secret", "+psync", "+replconf", "+ping", "resetchannels"];
/// How a replica logs in.
const LOGIN: [&str; 4] = ["--masteruser", "replica", "--masterauth", "secret"];

fn following(primary: &impl Endpoint) -> [String; 3] {
    ["--replicaof".to_owned(), "127.0.0.1".to_owned(), primary.address().port().to_string()]
}

fn arguments<'a>(parts: &[&'a [&'a str]], address: &'a [String]) -> Vec<&'a str> {
    parts.concat().into_iter().chain(address.iter().map(String::as_str)).collect()
}

fn await_value(replica: &impl Endpoint, key: &str, value: &str) {
    let mut client = replica.connect();
    await_until(
        "the write is replicated",
        || matches!(client.call(&["GET", key]), Value::Bulk(text) if text == value.as_bytes()),
    );
}

#[test]
fn a_replica_follows_as_a_user_that_may_do_nothing_else() {
    let primary = Server::start(&REPLICA);
    let address = following(&primary);
    let replica = Server::start(&arguments(&[&LOGIN], &address));
    await_link(&replica);
    let mut client = primary.connect();
    client.run("SET k v");
    await_value(&replica, "k", "v");
    let listed = client.run("CLIENT LIST").text();
    let is_feed = |line: &&str| line.contains(" flags=S ") && line.contains(" user=replica ");
    assert_eq!(listed.lines().filter(is_feed).count(), 1, "{listed}");

    // Users stay where they were made.
    client.run("ACL SETUSER local on");
    client.run("SET k2 v2");
    await_value(&replica, "k2", "v2");
    let names = |server: &Server| format!("{:?}", server.connect().run("ACL USERS"));
    assert_ne!(names(&primary), names(&replica));

    // Whoever is deleted does not follow any more, until it is there again.
    client.run("ACL DELUSER replica");
    await_down(&replica, "WRONGPASS");
    client.run("ACL SETUSER replica on >secret +psync +replconf +ping");
    await_link(&replica);
    client.run("SET k3 v3");
    await_value(&replica, "k3", "v3");
}

#[test]
fn what_a_replica_may_not_do_of_its_handshake_is_told() {
    let primary = Server::start(&["--user", "replica", "on", ">secret", "+ping", "+replconf"]);
    let address = following(&primary);
    let replica = Server::start(&arguments(&[&LOGIN], &address));
    await_down(&replica, "NOPERM");
    primary.connect().run("ACL SETUSER replica +psync");
    await_link(&replica);
}

#[test]
fn users_of_a_replica_do_not_bind_the_stream() {
    let primary = Server::start(&[]);
    let address = following(&primary);
    let own = ["--user", "default", "on", "nopass", "+get", "+info", "+ping", "~*"];
    let replica = Server::start(&arguments(&[&own], &address));
    await_link(&replica);
    primary.connect().run("SET k v");
    primary.connect().run("EVAL redis.call('INCR','n') 0");
    await_value(&replica, "k", "v");
    await_value(&replica, "n", "1");
    let told = replica.connect().run("STRLEN k").text();
    assert_eq!(told, "NOPERM User default has no permissions to run the 'strlen' command");
}

#[test]
fn stock_servers_follow_and_are_followed_as_users() {
    let primary = Server::start(&REPLICA);
    let address = following(&primary);
    let replica = Stock::start(&arguments(&[&LOGIN], &address));
    replica.await_link();
    primary.connect().run("SET k v");
    await_value(&replica, "k", "v");

    let primary = Stock::start(&REPLICA);
    let address = following(&primary);
    let replica = Server::start(&arguments(&[&LOGIN], &address));
    await_link(&replica);
    primary.connect().run("SET k v");
    await_value(&replica, "k", "v");
}

#[test]
fn the_password_of_the_default_user_is_enough_for_a_replica() {
    let primary = Server::start(&["--requirepass", "secret"]);
    let address = following(&primary);
    let replica = Server::start(&arguments(&[&["--masterauth", "secret"]], &address));
    await_link(&replica);
    let mut client = primary.connect();
    assert_eq!(client.run("AUTH secret").text(), "OK");
    client.run("SET k v");
    await_value(&replica, "k", "v");
}
