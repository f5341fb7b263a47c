//! What is sent before or without a whole request, and what is not read of the replies.

use super::{BALLOON_BYTES, Target, request};
use crate::support::{Client, Endpoint, Value};

const SECRET: [&str; 2] = ["--requirepass", "secret"];

/// Sends the same until the server has taken so much, does not take any more, or closes.
fn pour(client: &mut Client, piece: &[u8], bytes_max: usize) {
    let many = piece.repeat(1 + (256 << 10) / piece.len());
    let mut sent = 0;
    while sent < bytes_max && client.send_what_fits(&many) {
        sent += many.len();
    }
}

/// CVE-2025-21605: a stranger who asks and does not read the answers.
#[test]
fn a_stranger_who_never_reads_costs_little_memory() {
    let mut target = Target::start(&SECRET);
    let mut strangers: Vec<_> = (0..4).map(|_| target.connect()).collect();
    for stranger in &mut strangers {
        pour(stranger, &request(&["GET", "k"]), 4 * BALLOON_BYTES);
    }
    let mut friend = target.connect();
    assert_eq!(friend.run("AUTH secret").text(), "OK");
    assert_eq!(friend.run("PING").text(), "PONG");
    let grown = target.server.resident_bytes().saturating_sub(target.before_bytes);
    assert!(grown < BALLOON_BYTES, "it grew by {grown} bytes");
    drop(strangers);
    assert!(target.server.is_running());
}

/// The same of a client that may ask for much.
#[test]
fn a_client_who_never_reads_its_large_replies_costs_little_memory() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    client.call(&["SET", "k", &"x".repeat(1 << 20)]);
    let mut greedy = target.connect();
    pour(&mut greedy, &request(&["GET", "k"]), BALLOON_BYTES);
    target.stands();
}

/// CVE-2025-48367: connections that break the protocol, one after the other, starve nobody.
#[test]
fn broken_requests_by_the_thousand_starve_nobody() {
    let mut target = Target::start(&[]);
    let mut other = target.connect();
    for round in 0..2000 {
        let mut broken = target.connect();
        broken.send(b"*1\r\n$-5\r\n");
        if round % 100 == 0 {
            assert_eq!(other.run("PING").text(), "PONG");
            assert!(broken.read_to_close().starts_with(b"-ERR Protocol error"));
        }
    }
    target.stands();
}

/// Sizes that are named, with nothing behind them.
#[test]
fn headers_without_bodies_reserve_nothing() {
    for arguments in [&[][..], &SECRET] {
        let mut target = Target::start(arguments);
        let mut idle: Vec<_> = (0..200).map(|_| target.connect()).collect();
        for client in &mut idle {
            client.send(b"*1000000\r\n$500000000\r\n");
        }
        let mut friend = target.connect();
        if !arguments.is_empty() {
            friend.run("AUTH secret");
        }
        assert_eq!(friend.run("PING").text(), "PONG");
        let grown = target.server.resident_bytes().saturating_sub(target.before_bytes);
        assert!(grown < BALLOON_BYTES, "it grew by {grown} bytes");
        drop(idle);
        assert!(target.server.is_running());
    }
}

/// Requests of nothing, and of less than that.
#[test]
fn requests_without_words_are_passed_over() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    client.send(&b"*0\r\n*-1\r\n\r\n".repeat(100_000));
    assert_eq!(client.run("PING").text(), "PONG");
    client.send(b"*1\r\n$0\r\n\r\n");
    assert!(client.read().0.is_error());
    target.stands();
}

/// More words than anybody needs.
#[test]
fn counts_of_words_that_are_huge_or_overflow_are_refused() {
    let mut target = Target::start(&[]);
    for count in ["2147483647", "2147483648", "9223372036854775807", "-9999999999999"] {
        let mut client = target.connect();
        client.send(format!("*{count}\r\n").as_bytes());
        client.finish_sending();
        let said = client.read_to_close();
        let refused = said.starts_with(b"-ERR Protocol error: invalid multibulk length");
        // The largest one that can be counted is waited for in vain, and costs nothing.
        let is_silent = said.is_empty() && matches!(count, "2147483647" | "-9999999999999");
        assert!(refused || is_silent, "{count}: {}", said.escape_ascii());
    }
    target.stands();
}

/// A line that does not end.
#[test]
fn a_line_without_an_end_is_cut_off() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    drop(client.try_send(&vec![b'a'; 4 << 20]));
    let said = client.read_to_close();
    assert!(said.starts_with(b"-ERR Protocol error: too big inline request"), "{said:?}");
    target.stands();
}

/// Passwords that are tried at the rate a pipeline allows.
#[test]
fn passwords_tried_by_the_thousand_let_nobody_in() {
    const TRIES: usize = 20_000;
    let mut target = Target::start(&SECRET);
    let mut friend = target.connect();
    friend.run("AUTH secret");
    let mut stranger = target.connect();
    let mut bytes = Vec::new();
    for number in 0..TRIES {
        bytes.extend(request(&["AUTH", &format!("guess{number}")]));
    }
    stranger.send(&bytes);
    assert_eq!(friend.run("PING").text(), "PONG");
    for _ in 0..TRIES {
        let reply = stranger.read().0;
        assert!(reply.text().starts_with("WRONGPASS "), "{reply:?}");
    }
    assert!(stranger.run("GET k").text().starts_with("NOAUTH "));
    let counted = friend.info("errorstats", "errorstat_WRONGPASS");
    assert_eq!(counted, format!("count={TRIES}"));
    let grown = target.server.resident_bytes().saturating_sub(target.before_bytes);
    assert!(grown < BALLOON_BYTES, "it grew by {grown} bytes");
    assert!(target.server.is_running());
}

/// A transaction of commands that nobody executes.
#[test]
fn commands_queued_without_end_are_bounded_by_the_limit_of_clients() {
    let mut target = Target::start(&["--maxmemory-clients", "16mb"]);
    let mut greedy = target.connect();
    greedy.run("MULTI");
    let mut reader = greedy.second_half();
    let reading = std::thread::spawn(move || reader.drain());
    pour(&mut greedy, &request(&["SET", "k", &"v".repeat(1000)]), 4 * BALLOON_BYTES);
    drop(greedy);
    reading.join().expect("it reads to the end");
    target.stands();
    assert_ne!(target.connect().info("stats", "evicted_clients"), "0");
    assert_eq!(target.connect().run("EXISTS k"), Value::Integer(0));
}
