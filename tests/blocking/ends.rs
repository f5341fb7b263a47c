//! What ends the waiting, but for an element.

use std::time::Instant;

use super::support::{Client, Endpoint, Server, Value, await_until};
use super::{block, blocked, waiter, words};

#[test]
fn the_time_is_over_no_earlier_than_it_should() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for (line, bytes) in [
        ("BLPOP k 0.05", &b"*-1\r\n"[..]),
        ("BRPOP k l 0.05", b"*-1\r\n"),
        ("BLMPOP 0.05 1 k LEFT", b"*-1\r\n"),
        ("BLMOVE k l LEFT LEFT 0.05", b"*-1\r\n"),
        ("BRPOPLPUSH k l 0.05", b"*-1\r\n"),
    ] {
        let began = Instant::now();
        client.send_command(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(client.read().1, bytes, "{line}");
        assert!(began.elapsed().as_millis() >= 50, "{line}");
    }
    // Nothing is taken for whoever no longer waits.
    client.run("RPUSH k a");
    assert_eq!(client.run("LLEN k").integer(), 1);
    assert_eq!(client.info("clients", "total_blocking_keys"), "0");
}

#[test]
fn others_end_the_waiting_by_the_clients_number() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut waiting = server.connect();
    let id = waiting.run("CLIENT ID").integer();
    let unblock = |how: &str| format!("CLIENT UNBLOCK {id}{how}");
    assert_eq!(client.run(&unblock("")).integer(), 0);
    for (line, how, reply) in [
        ("BLPOP k 0", "", "*-1\r\n"),
        ("BLPOP k 0", " TIMEOUT", "*-1\r\n"),
        ("BLMOVE k l LEFT LEFT 0", " timeout", "*-1\r\n"),
        ("BLPOP k 0", " ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
        ("WAIT 1 0", "", ":0\r\n"),
        ("WAIT 1 0", " ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"),
        // Whether it is on the disk here is another matter.
        ("WAITAOF 0 1 0", "", "*2\r\n"),
    ] {
        waiting.run("SET written before");
        block(&server, &mut waiting, line);
        await_until("it can be ended", || client.run(&unblock(how)).integer() == 1);
        let answer = String::from_utf8_lossy(&waiting.read().1).into_owned();
        assert!(answer.starts_with(reply), "{line}{how}: {answer}");
    }
    assert!(client.run(&unblock(" NOW")).is_error() && client.run("CLIENT UNBLOCK x").is_error());
    assert_eq!(client.run("CLIENT UNBLOCK 123456").integer(), 0);
    client.run("RPUSH k a");
    assert_eq!(client.run("LLEN k").integer(), 1);
}

#[test]
fn nothing_is_taken_for_a_client_that_has_left_or_was_ended() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let leaving = waiter(&server, "BLPOP k 0");
    let mut killed = server.connect();
    let id = killed.run("CLIENT ID").integer();
    block(&server, &mut killed, "BLMOVE k l LEFT LEFT 0");
    let waiting_for_replicas = waiter(&server, "WAIT 3 0");
    drop(leaving);
    drop(waiting_for_replicas);
    await_until("who left waits no more", || blocked(&server) == 1);
    client.run(&format!("CLIENT KILL ID {id}"));
    await_until("who was ended waits no more", || blocked(&server) == 0);
    assert_eq!(client.info("clients", "total_blocking_keys"), "0");
    client.run("RPUSH k a");
    assert_eq!(client.run("LLEN k").integer(), 1);
}

#[test]
fn whoever_gives_up_while_it_is_served_is_answered_once() {
    const TIMES: i64 = 300;
    let server = Server::start(&["--io-threads", "2"]);
    let mut waiting = server.connect();
    waiting.send(&b"BLMPOP 0.001 3 j k l LEFT\r\n".repeat(TIMES as usize));
    let mut client = server.connect();
    for _ in 0..TIMES {
        client.run("RPUSH k a");
        client.run("RPUSH l a");
    }
    let answers = (0..TIMES).map(|_| waiting.read().0);
    let taken = answers.filter(|answer| *answer != Value::Null).count() as i64;
    let left = client.run("LLEN k").integer() + client.run("LLEN l").integer();
    assert_eq!(taken + left, 2 * TIMES);
    assert_eq!(client.info("clients", "total_blocking_keys"), "0");
}

#[test]
fn a_key_that_has_expired_serves_nobody() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut client = server.connect();
    assert_eq!(client.run("DEBUG SET-ACTIVE-EXPIRE 0").text(), "OK");
    client.run("SELECT 1");
    client.run("RPUSH k old");
    client.run("RPUSH probe old");
    client.run("PEXPIRE k 1");
    client.run("PEXPIRE probe 2");
    await_until("both have expired", || client.run("EXISTS probe").integer() == 0);
    let mut waiting = waiter(&server, "BLPOP k 0");
    client.run("SWAPDB 0 1");
    client.run("SELECT 0");
    assert_eq!((client.run("DBSIZE").integer(), blocked(&server)), (1, 1));
    client.run("RPUSH k new");
    assert_eq!(words(&mut waiting), "k new");
}

#[test]
fn what_was_sent_behind_is_executed_afterwards() {
    let server = Server::start(&[]);
    let mut waiting = waiter(&server, "BLPOP k 0");
    let received = |client: &mut Client| -> usize {
        let bytes = client.info("stats", "total_net_input_bytes");
        bytes.parse().expect("a number of bytes")
    };
    let mut client = server.connect();
    let mut before = received(&mut client);
    let own = received(&mut client) - before;
    let behind = [&b"PING\r\nBLPOP k 0.01\r\n"[..], &b"PING last\r\n".repeat(500)].concat();
    waiting.send(&behind);
    before += own;
    await_until("it is read", || {
        before += own;
        received(&mut client) == before + behind.len()
    });
    client.run("RPUSH k a");
    assert_eq!(words(&mut waiting), "k a");
    assert_eq!(waiting.read().0.text(), "PONG");
    assert_eq!(waiting.read().0, Value::Null);
    assert_eq!(waiting.read().0.text(), "last");
}

#[test]
fn a_server_that_begins_to_follow_lets_nobody_wait() {
    let server = Server::start(&[]);
    let mut for_a_key = waiter(&server, "BLPOP k 0");
    let mut for_replicas = waiter(&server, "WAIT 1 0");
    server.connect().run("REPLICAOF 127.0.0.1 1");
    for waiting in [&mut for_a_key, &mut for_replicas] {
        let text = waiting.read().0.text();
        assert!(text.starts_with("UNBLOCKED force unblock from blocking operation"), "{text}");
        assert_eq!(waiting.read_to_close(), b"");
    }
    server.connect().run("REPLICAOF NO ONE");
    let mut again = waiter(&server, "BLPOP k 0");
    assert_eq!(server.connect().run("RPUSH k a").integer(), 1);
    assert_eq!(words(&mut again), "k a");
}

#[test]
fn replies_that_are_not_wanted_are_not_sent() {
    let server = Server::start(&[]);
    let mut waiting = server.connect();
    waiting.send(b"CLIENT REPLY SKIP\r\n");
    block(&server, &mut waiting, "BLPOP k 0");
    let mut client = server.connect();
    client.run("RPUSH k a");
    await_until("it is served", || blocked(&server) == 0);
    assert_eq!(waiting.run("PING").text(), "PONG");
    assert_eq!(client.run("LLEN k").integer(), 0);
}

#[test]
fn nothing_is_taken_for_a_client_that_has_left_though_it_sent_much_ahead() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut leaving = waiter(&server, "BLPOP k 0");
    leaving.send(&b"PING\r\n".repeat(1024 * 1024));
    drop(leaving);
    await_until("who left waits no more", || blocked(&server) == 0);
    client.run("RPUSH k a");
    assert_eq!(client.run("LLEN k").integer(), 1);
}

#[test]
fn a_client_that_waits_sends_no_more_ahead_than_any_other() {
    let server = Server::start(&["--client-query-buffer-limit", "1mb"]);
    let mut waiting = waiter(&server, "BLPOP k 0");
    // The server may end the connection before it has all of that.
    let _ = waiting.try_send(&b"PING\r\n".repeat(1024 * 1024));
    await_until("it is ended", || blocked(&server) == 0);
    let mut client = server.connect();
    client.run("RPUSH k a");
    assert_eq!(client.run("LLEN k").integer(), 1);
}
