//! Certificates and ports that change while clients are connected.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Guarded;
use crate::support::stock::free_port;
use crate::support::{Authority, Client, Endpoint, Shown, await_until};

const REFUSED: &str = "Unable to update TLS configuration. Check server logs.";

/// Has a server show another certificate.
fn show(client: &mut Client, shown: &Shown) -> String {
    let file = |path: &std::path::Path| path.display().to_string();
    let (certificate, key) = (file(&shown.certificate), file(&shown.key));
    let set = ["CONFIG", "SET", "tls-cert-file", &certificate, "tls-key-file", &key];
    client.call(&set).text()
}

#[test]
fn under_load_clients_stay_and_new_ones_see_the_new_certificate() {
    let guarded = Guarded::start(&[]);
    let (config, ours) = (guarded.good(), &guarded.authority);
    let (ends, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let load = |number: usize| {
        let mut client = Client::connect_tls(guarded.address, &config);
        let mut count: i64 = 0;
        while !ends.load(Ordering::Relaxed) {
            count += 1;
            assert_eq!(client.run(&format!("INCR counter:{number}")).integer(), count);
            rounds.fetch_add(1, Ordering::Relaxed);
        }
    };
    let newcomers = || {
        while !ends.load(Ordering::Relaxed) {
            let mut client = Client::connect_tls(guarded.address, &config);
            assert_eq!(client.run("PING").text(), "PONG");
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|number| scope.spawn(move || load(number))).collect();
        let newcomers = scope.spawn(newcomers);
        let mut operator = guarded.server.connect();
        for _ in 0..10 {
            let next = ours.issue("next");
            assert_eq!(show(&mut operator, &next), "OK");
            let newest = Client::connect_tls(guarded.address, &config);
            assert_eq!(newest.peer_certificate(), next.der());
            let seen = rounds.load(Ordering::Relaxed);
            await_until("the load goes on", || rounds.load(Ordering::Relaxed) > seen + 10);
        }
        ends.store(true, Ordering::Relaxed);
        newcomers.join().expect("no newcomer met an error");
        for thread in threads {
            thread.join().expect("no client met an error");
        }
    });
}

#[test]
fn a_file_under_the_same_name_is_read_anew_when_it_is_named_again() {
    let guarded = Guarded::start(&[]);
    let config = guarded.good();
    let mut before = Client::connect_tls(guarded.address, &config);
    let old = guarded.shown.der();
    guarded.shown.replace_by(&guarded.authority.issue("renewed"));
    let newest = || Client::connect_tls(guarded.address, &config).peer_certificate();
    assert_eq!(newest(), old, "nobody has asked for it yet");
    let mut operator = guarded.server.connect();
    let file = guarded.shown.certificate.display().to_string();
    assert_eq!(operator.call(&["CONFIG", "SET", "tls-cert-file", &file]).text(), "OK");
    assert_eq!(newest(), guarded.shown.der());
    assert_eq!(before.run("PING").text(), "PONG");
    assert_eq!(before.peer_certificate(), old);
}

#[test]
fn what_cannot_be_used_changes_nothing() {
    let guarded = Guarded::start(&[]);
    let (config, mut operator) = (guarded.good(), guarded.server.connect());
    let names = ["tls-cert-file", "tls-key-file", "tls-ca-cert-file", "timeout"];
    let configured = |operator: &mut Client| {
        let get: Vec<_> = ["CONFIG", "GET"].into_iter().chain(names).collect();
        operator.call(&get)
    };
    let before = configured(&mut operator);
    let other = guarded.authority.issue("other");
    let broken = guarded.authority.directory().join("broken");
    fs::write(&broken, "nothing").expect("the file can be written");
    let (broken, other) = (broken.display().to_string(), other.certificate.display().to_string());
    for (name, value) in [
        ("tls-cert-file", "/no/such/file"),
        ("tls-cert-file", ""),
        ("tls-key-file", &broken),
        ("tls-ca-cert-file", &broken),
        // It is good, and belongs to another key.
        ("tls-cert-file", &other),
    ] {
        let reply = operator.call(&["CONFIG", "SET", "timeout", "7", name, value]).text();
        let expected =
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {REFUSED}");
        assert_eq!(reply, expected, "{value}");
        assert_eq!(configured(&mut operator), before);
        let newest = Client::connect_tls(guarded.address, &config);
        assert_eq!(newest.peer_certificate(), guarded.shown.der());
    }
}

#[test]
fn a_session_is_not_resumed_beyond_a_change_of_whom_the_server_trusts() {
    let guarded = Guarded::start(&[]);
    let config = guarded.good();
    let mut client = Client::connect_tls(guarded.address, &config);
    assert_eq!(client.run("PING").text(), "PONG");
    let others = Authority::new("somebody else");
    let mut operator = guarded.server.connect();
    let file = others.file().display().to_string();
    assert_eq!(operator.call(&["CONFIG", "SET", "tls-ca-cert-file", &file]).text(), "OK");
    let again = Client::try_connect_tls(guarded.address, &config)
        .and_then(|mut client| client.try_call(&["PING"]));
    assert!(again.is_err(), "{again:?}");
    assert_eq!(client.run("PING").text(), "PONG", "who is in stays in");
}

#[test]
fn the_port_opens_moves_and_closes_while_clients_stay() {
    let guarded = Guarded::start(&[]);
    let (config, mut operator) = (guarded.good(), guarded.server.connect());
    let mut first = Client::connect_tls(guarded.address, &config);
    let port = free_port();
    assert_eq!(operator.run(&format!("CONFIG SET tls-port {port}")).text(), "OK");
    let moved = SocketAddr::new(guarded.address.ip(), port);
    let mut second = Client::connect_tls(moved, &config);
    assert!(Client::try_connect(guarded.address).is_err(), "nobody listens there any more");
    let taken = guarded.server.address().port();
    let reply = operator.run(&format!("CONFIG SET tls-port {taken}")).text();
    assert!(reply.contains("'tls-port') - Unable to listen on this port."), "{reply}");
    let mut third = Client::connect_tls(moved, &config);
    assert_eq!(operator.run("CONFIG SET tls-port 0").text(), "OK");
    assert!(Client::try_connect(moved).is_err(), "nobody listens there any more");
    for client in [&mut first, &mut second, &mut third] {
        assert_eq!(client.run("PING").text(), "PONG");
    }
    let again = guarded.address.port();
    assert_eq!(operator.run(&format!("CONFIG SET tls-port {again}")).text(), "OK");
    assert_eq!(guarded.connect().run("PING").text(), "PONG");
}
