//! What runs through a connection: much of it, and all that connections without TLS do.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};

use crate::Guarded;
use crate::support::random::Random;
use crate::support::{Client, Endpoint, await_until};

fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Client {
    Client::connect_tls(address, config)
}

/// Bytes that no compression and no repetition would hide a mistake in.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes: Vec<u8> =
        (0..count.div_ceil(8)).flat_map(|_| random.bits().to_le_bytes()).collect();
    bytes.truncate(count);
    bytes
}

#[test]
fn many_megabytes_in_one_pipeline_arrive_in_order_both_ways() {
    let guarded = Guarded::start(&[]);
    let shown = guarded.authority.issue("client");
    for version in [&TLS12, &TLS13] {
        let config = guarded.authority.client_of(Some(&shown), &[version]);
        let mut client = connect(guarded.address, &config);
        let values: Vec<_> = (0..400).map(|seed| noise(seed, 40_000 + seed as usize)).collect();
        for (number, value) in values.iter().enumerate() {
            client.send_command(&[&b"SET"[..], format!("key:{number}").as_bytes(), value]);
        }
        for _ in &values {
            assert_eq!(client.read().0.text(), "OK");
        }
        // All are asked for before any is read, so the server's socket fills up.
        for number in 0..values.len() {
            client.send_command(&["GET", &format!("key:{number}")]);
        }
        for value in &values {
            assert!(client.read().1.windows(value.len()).any(|part| part == value));
        }
        for number in 0..20_000 {
            client.send_command(&["ECHO", &number.to_string()]);
        }
        for number in 0..20_000 {
            assert_eq!(client.read().0.text(), number.to_string());
        }
    }
}

#[test]
fn a_value_of_many_records_comes_back_as_it_went() {
    let guarded = Guarded::start(&[]);
    let mut client = guarded.connect();
    let value = noise(1, 20 << 20);
    assert_eq!(client.call(&[&b"SET"[..], b"key", &value]).text(), "OK");
    assert_eq!(client.call(&["STRLEN", "key"]).integer(), value.len() as i64);
    let (_, reply) = {
        client.send_command(&["GET", "key"]);
        client.read()
    };
    assert!(reply[reply.len() - 2 - value.len()..reply.len() - 2] == value);
}

#[test]
fn a_client_that_reads_nothing_is_left_to_itself_and_gets_all_in_the_end() {
    let guarded = Guarded::start(&[]);
    let (mut deaf, mut other) = (guarded.connect(), guarded.connect());
    let value = noise(2, 1 << 20);
    other.call(&[&b"SET"[..], b"key", &value]);
    for _ in 0..64 {
        deaf.send_command(&["GET", "key"]);
    }
    await_until("its replies wait", || {
        let listed = other.run("CLIENT LIST").text();
        listed.lines().any(|line| !line.contains(" obl=0 "))
    });
    assert_eq!(other.run("PING").text(), "PONG");
    for _ in 0..64 {
        let (_, reply) = deaf.read();
        assert!(reply[reply.len() - 2 - value.len()..reply.len() - 2] == value);
    }
    assert_eq!(deaf.run("PING").text(), "PONG");
}

#[test]
fn messages_and_clients_that_wait_come_through() {
    let guarded = Guarded::start(&[]);
    let config = guarded.good();
    let (mut listener, mut blocked) =
        (connect(guarded.address, &config), connect(guarded.address, &config));
    listener.run("SUBSCRIBE news");
    blocked.send_command(&["BLPOP", "list", "0"]);
    let mut other = guarded.server.connect();
    await_until("it waits", || other.info("clients", "blocked_clients") == "1");
    let long = noise(3, 200_000);
    for number in 0..2000 {
        let text = number.to_string();
        other.call(&[&b"PUBLISH"[..], b"news", text.as_bytes()]);
        if number % 100 == 0 {
            other.call(&[&b"PUBLISH"[..], b"news", &long]);
        }
    }
    for number in 0..2000 {
        let message = listener.read().0;
        assert_eq!(message.elements()[2].text(), number.to_string());
        if number % 100 == 0 {
            assert!(listener.read().1.windows(long.len()).any(|part| part == long));
        }
    }
    other.run("RPUSH list element");
    assert_eq!(blocked.read().0.elements()[1].text(), "element");
    let mut cached = connect(guarded.address, &config);
    cached.run("HELLO 3");
    cached.run("CLIENT TRACKING ON");
    cached.run("GET key");
    other.run("SET key value");
    assert_eq!(cached.read().0.elements()[0].text(), "invalidate");
}

#[test]
fn a_busy_worker_answers_them_and_who_comes_meanwhile_moves_to_it_afterwards() {
    let guarded = Guarded::start(&["--io-threads", "1", "--busy-reply-threshold", "20"]);
    let config = guarded.good();
    let (mut runs, mut asks) =
        (connect(guarded.address, &config), connect(guarded.address, &config));
    assert_eq!(asks.run("PING").text(), "PONG");
    runs.send_command(&["EVAL", "while true do end", "0"]);
    await_until("the script runs for too long", || asks.run("PING").text().starts_with("BUSY"));
    let mut comes = connect(guarded.address, &config);
    assert!(comes.run("PING").text().starts_with("BUSY"));
    assert_eq!(asks.run("SCRIPT KILL").text(), "OK");
    assert!(runs.read().0.text().contains("Script killed"));
    let value = noise(4, 100_000);
    for client in [&mut runs, &mut asks, &mut comes] {
        assert_eq!(client.call(&[&b"SET"[..], b"key", &value]).text(), "OK");
        client.send_command(&["GET", "key"]);
        assert!(client.read().1.windows(value.len()).any(|part| part == value));
    }
    let moved = asks.info("stats", "backlogd_clients_moved");
    assert_eq!(moved, "1", "the one that came meanwhile");
}
