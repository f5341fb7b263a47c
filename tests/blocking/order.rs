//! Who is served, by whom, and what the stream tells of it.

use super::support::{Endpoint, Follower, Server, Stock, Value, await_until};
use super::{block, blocked, waiter, words};

#[test]
fn who_waited_longest_is_served_first_by_the_very_push() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut waiters: Vec<_> = (0..3).map(|_| waiter(&server, "BLPOP k 0")).collect();
    let mut client = server.connect();
    client.send(b"RPUSH k a b\r\nLLEN k\r\n");
    assert_eq!((client.read().0, client.read().0), (Value::Integer(2), Value::Integer(0)));
    assert_eq!(words(&mut waiters[0]), "k a");
    assert_eq!(words(&mut waiters[1]), "k b");
    assert!(waiters[2].is_silent());
    assert_eq!(blocked(&server), 1);
    client.run("LPUSH k c");
    assert_eq!(words(&mut waiters[2]), "k c");
    // Whoever was served is a client like any other again.
    assert_eq!(waiters[0].run("RPUSH k d").integer(), 1);
    assert_eq!(waiters[1].run("BLPOP k 0").elements().len(), 2);
}

#[test]
fn a_served_move_serves_the_next_one() {
    let server = Server::start(&[]);
    let (mut follower, _) = Follower::attach(&server);
    let mut last = waiter(&server, "BRPOP c 0");
    let mut second = waiter(&server, "BLMOVE b c LEFT RIGHT 0");
    let mut first = waiter(&server, "BRPOPLPUSH a b 0");
    let mut client = server.connect();
    assert_eq!(client.run("RPUSH a x y").integer(), 2);
    assert_eq!(first.read().0.text(), "y");
    assert_eq!(second.read().0.text(), "y");
    assert_eq!(words(&mut last), "c y");
    assert_eq!(client.run("LRANGE a 0 -1").elements().len(), 1);
    for command in ["SELECT 0", "RPUSH a x y", "RPOPLPUSH a b", "LMOVE b c LEFT RIGHT", "RPOP c"] {
        assert_eq!(follower.command().join(" "), command);
    }
}

#[test]
fn a_transaction_serves_when_it_is_done() {
    let server = Server::start(&[]);
    let mut first = waiter(&server, "BLPOP k 0");
    let mut second = waiter(&server, "BLPOP k 0");
    let mut client = server.connect();
    client.send(b"MULTI\r\nRPUSH k a\r\nRPUSH k b\r\nLPOP k\r\nLLEN k\r\nEXEC\r\n");
    for _ in 0..5 {
        client.read();
    }
    assert_eq!(client.read().0.elements()[3].integer(), 1);
    assert_eq!(words(&mut first), "k b");
    assert!(second.is_silent());
    client.send(b"MULTI\r\nRPUSH k c\r\nDEL k\r\nEXEC\r\n");
    (0..4).for_each(|_| drop(client.read()));
    assert!(second.is_silent());
    client.run("RPUSH k d");
    assert_eq!(words(&mut second), "k d");
}

#[test]
fn whatever_puts_a_list_at_the_key_serves() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.run("RPUSH from a b");
    let mut waiting = server.connect();
    let steps = ["RENAME from k", "COPY from k", "SORT from STORE k", "LMOVE from k LEFT LEFT"];
    for step in steps {
        client.run("DEL from k");
        client.run("RPUSH from 1 2");
        block(&server, &mut waiting, "BLPOP k 0");
        assert!(!client.run(step).is_error(), "{step}");
        assert!(words(&mut waiting).starts_with("k "), "{step}");
    }
    client.run("SELECT 1");
    client.run("RPUSH k other");
    block(&server, &mut waiting, "BLPOP none k 0");
    client.run("SWAPDB 0 1");
    assert_eq!(words(&mut waiting), "k other");
    client.run("SELECT 0");
    client.run("DEL k");
    block(&server, &mut waiting, "BLPOP k 0");
    client.run("SELECT 2");
    client.run("RPUSH k moved");
    client.run("MOVE k 0");
    assert_eq!(words(&mut waiting), "k moved");
}

#[test]
fn a_value_of_another_type_serves_nobody() {
    let server = Server::start(&[]);
    let mut waiting = waiter(&server, "BLPOP k 0");
    let mut client = server.connect();
    client.run("SET k v");
    client.run("DEL k");
    client.run("SADD k m");
    client.run("DEL k");
    assert!(waiting.is_silent());
    // What cannot be done is an error to whoever waited for it.
    client.run("SET to v");
    let mut moving = waiter(&server, "BLMOVE from to LEFT LEFT 0");
    client.run("RPUSH from a");
    assert!(moving.read().0.text().starts_with("WRONGTYPE"));
    assert_eq!(client.run("LLEN from").integer(), 1);
    client.run("RPUSH k a");
    assert_eq!(words(&mut waiting), "k a");
}

#[test]
fn many_who_wait_for_one_key_are_served_in_order() {
    const WAITING: usize = 200;
    let server = Server::start(&["--io-threads", "2"]);
    let mut waiters: Vec<_> = (0..WAITING).map(|_| waiter(&server, "BRPOP a k b 0")).collect();
    let mut client = server.connect();
    let elements: Vec<_> = (0..WAITING).map(|number| number.to_string()).collect();
    let push: Vec<&str> =
        ["LPUSH", "k"].into_iter().chain(elements.iter().map(String::as_str)).collect();
    assert_eq!(client.call(&push).integer(), WAITING as i64);
    for (number, waiting) in waiters.iter_mut().enumerate() {
        assert_eq!(words(waiting), format!("k {number}"));
    }
    assert_eq!(client.info("clients", "total_blocking_keys"), "0");
    assert_eq!(client.run("EXISTS k").integer(), 0);
}

#[test]
fn replicas_and_a_restart_have_what_the_served_took() {
    let mut server = Server::start(&["--enable-debug-command", "yes"]);
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    replica.await_link();
    let mut waiting = waiter(&server, "BLMPOP 0 2 k l LEFT COUNT 2");
    let mut client = server.connect();
    client.run("RPUSH l a b c");
    assert_eq!(waiting.read().0.elements()[1].elements().len(), 2);
    replica.await_offset_of(&server);
    let digest = |client: &mut super::Client| client.run("DEBUG DIGEST").text();
    let before = digest(&mut client);
    assert_eq!(digest(&mut replica.connect()), before);
    server.kill();
    server.restart();
    await_until("the data is there", || digest(&mut server.connect()) == before);
}
