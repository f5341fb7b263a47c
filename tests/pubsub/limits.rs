//! `client-output-buffer-limit`: who reads too slowly is cut off, and holds nobody back.

use super::support::{Client, Endpoint, Server, Stock, await_until};
use super::{listen, listeners, next};

const LIMIT: &str = "client-output-buffer-limit";

fn connected(client: &mut Client, kind: &str) -> usize {
    client.call(&["CLIENT", "LIST", "TYPE", kind]).text().lines().count()
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_off_while_others_hear_everything() {
    let server = Server::start(&["--io-threads", "2", &format!("--{LIMIT}"), "pubsub 1mb 0 0"]);
    let (mut publisher, mut deaf, mut eager) =
        (server.connect(), server.connect(), server.connect());
    listen(&mut deaf, "SUBSCRIBE channel");
    listen(&mut eager, "SUBSCRIBE channel");
    let text = "x".repeat(1000);
    let mut sent = 0;
    await_until("the deaf one is cut off", || {
        for _ in 0..1000 {
            publisher.send_command(&["PUBLISH", "channel", &format!("{sent} {text}")]);
            sent += 1;
        }
        for number in sent - 1000..sent {
            publisher.read();
            assert_eq!(next(&mut eager), format!("message channel {number} {text}"));
        }
        connected(&mut publisher, "pubsub") == 1
    });
    assert_eq!(publisher.call(&["PUBLISH", "channel", "end"]).integer(), 1);
    // What its socket had taken is there, in order, and then the end.
    let rest = String::from_utf8(deaf.read_to_close()).expect("text");
    let heard = rest.matches("message").count();
    assert!((1..sent).contains(&heard), "{heard} of {sent}");
    assert!(rest.contains(&format!("\r\n{} {text}", heard - 2)), "message {heard} is missing");
}

#[test]
fn long_messages_are_kept_once_for_all_who_have_not_read_them() {
    let server = Server::start(&[&format!("--{LIMIT}"), "pubsub 0 0 0"]);
    let mut publisher = server.connect();
    let mut subscribers = listeners(&server, 50, "SUBSCRIBE channel");
    let before = server.resident_bytes();
    let text = "x".repeat(1 << 20);
    for _ in 0..20 {
        assert_eq!(publisher.call(&["PUBLISH", "channel", &text]).integer(), 50);
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 400 << 20, "{} MiB for 20 messages of a MiB", grown >> 20);
    for subscriber in &mut subscribers {
        for _ in 0..20 {
            assert_eq!(next(subscriber).len(), "message channel ".len() + text.len());
        }
    }
}

#[test]
fn above_the_soft_limit_a_subscriber_has_some_seconds() {
    let server = Server::start(&[&format!("--{LIMIT}"), "pubsub 0 100kb 1"]);
    let (mut publisher, mut deaf) = (server.connect(), server.connect());
    listen(&mut deaf, "SUBSCRIBE channel");
    let text = "x".repeat(100_000);
    // More than the sockets of both sides take.
    for _ in 0..200 {
        publisher.call(&["PUBLISH", "channel", &text]);
    }
    assert_eq!(connected(&mut publisher, "pubsub"), 1, "it has a second left");
    await_until("the time is over", || connected(&mut publisher, "pubsub") == 0);
}

#[test]
fn a_normal_client_is_cut_off_by_its_own_limit() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    other.call(&["SET", "long", &"x".repeat(300_000)]);
    assert_eq!(client.run("GET long").text().len(), 300_000);
    assert_eq!(other.call(&["CONFIG", "SET", LIMIT, "normal 200000 0 0"]).text(), "OK");
    client.send_command(&["GET", "long"]);
    client.send_command(&["SET", "never", "run"]);
    assert_eq!(client.read_to_close().len(), 0);
    assert_eq!(other.run("EXISTS never").integer(), 0);
    // Another class has another limit.
    let mut subscriber = server.connect();
    listen(&mut subscriber, "SUBSCRIBE channel");
    other.call(&["PUBLISH", "channel", &"x".repeat(300_000)]);
    assert_eq!(next(&mut subscriber).len(), "message channel ".len() + 300_000);
}

#[test]
fn a_normal_client_above_its_soft_limit_has_some_seconds() {
    let server = Server::start(&[&format!("--{LIMIT}"), "normal 0 1mb 1"]);
    let (mut deaf, mut other) = (server.connect(), server.connect());
    other.call(&["SET", "long", &"x".repeat(32 << 20)]);
    deaf.send_command(&["GET", "long"]);
    await_until("the time is over", || connected(&mut other, "normal") == 1);
}

#[test]
fn the_directive_reads_as_in_stock() {
    let (server, stock) = (Server::start(&[]), Stock::oracle(&[]));
    let mut clients = [server.connect(), stock.connect()];
    let mut same = |words: &[&str]| {
        let [ours, theirs] = clients.each_mut().map(|client| client.call(words));
        assert_eq!(ours, theirs, "{words:?}");
    };
    for value in [
        "normal 1mb 512kb 10",
        "pubsub 64mb 16mb 90 normal 0 0 0",
        "replica 1gb 0 0",
        "slave 256mb 64mb 60",
        "pubsub 1 2",
        "nobody 1 2 3",
        "normal -1 0 0",
        "normal x 0 0",
        "",
    ] {
        same(&["CONFIG", "SET", LIMIT, value]);
        same(&["CONFIG", "GET", LIMIT]);
    }
}

#[test]
fn a_limit_for_replicas_is_taken_and_told_to_be_without_effect() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.call(&["CONFIG", "SET", LIMIT, "replica 1kb 1kb 1"]).text(), "OK");
    server.await_line("on replicas, which are fed from the log");
}
