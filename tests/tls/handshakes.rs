//! Who gets in, who does not, and who only stops in the middle.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ClientConfig};

use crate::Guarded;
use crate::support::wait::PATIENCE;
use crate::support::{Authority, Client, Endpoint, await_until};

/// Asks for a `PING`; an error where the server does not let the client in.
fn ping(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<String> {
    let reply = Client::try_connect_tls(address, config)?.try_call(&["PING"])?;
    Ok(reply.text())
}

#[track_caller]
fn assert_refused(address: SocketAddr, config: &Arc<ClientConfig>, alert: &str) {
    let error = ping(address, config).expect_err("it is not let in");
    assert!(error.to_string().contains(alert), "{alert}: {error}");
}

/// Opens a connection and sends bytes that are no whole handshake.
fn begin(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket can be told so");
    stream.write_all(bytes).expect("the system takes it");
    stream
}

/// Reads until the server closes, which it must.
#[track_caller]
fn read_to_close(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    match stream.read_to_end(&mut read) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("not closed: {error}"),
        _ => read,
    }
}

#[test]
fn a_client_has_to_show_a_certificate_that_the_authority_has_signed() {
    let guarded = Guarded::start(&[]);
    let (ours, others) = (&guarded.authority, Authority::new("somebody else"));
    assert_eq!(guarded.connect().run("PING").text(), "PONG");
    let client = |shown| ours.client(Some(&shown));
    assert_refused(guarded.address, &ours.client(None), "CertificateRequired");
    assert_refused(guarded.address, &client(others.issue("client")), "UnknownCA");
    assert_refused(guarded.address, &client(ours.issue_expired("client")), "CertificateExpired");
    assert_refused(guarded.address, &client(ours.self_signed("client")), "UnknownCA");
    assert_eq!(guarded.connect().run("PING").text(), "PONG");
    let mut plain = guarded.server.connect();
    assert_eq!(plain.info("clients", "connected_clients"), "1", "nobody else is left");
}

#[test]
fn a_certificate_is_asked_for_as_the_directive_says() {
    let guarded = Guarded::start(&["--tls-auth-clients", "optional"]);
    let (ours, others) = (&guarded.authority, Authority::new("somebody else"));
    let foreign = ours.client(Some(&others.issue("client")));
    assert_eq!(ping(guarded.address, &ours.client(None)).unwrap(), "PONG");
    assert_eq!(ping(guarded.address, &guarded.good()).unwrap(), "PONG");
    assert_refused(guarded.address, &foreign, "UnknownCA");
    let mut plain = guarded.server.connect();
    assert_eq!(plain.run("CONFIG SET tls-auth-clients no").text(), "OK");
    assert_eq!(ping(guarded.address, &foreign).unwrap(), "PONG");
    assert_eq!(plain.run("CONFIG SET tls-auth-clients yes").text(), "OK");
    assert_refused(guarded.address, &ours.client(None), "CertificateRequired");
}

#[test]
fn who_stops_in_the_middle_keeps_nobody_waiting_and_is_closed_in_time() {
    let guarded = Guarded::start(&[]);
    // The head of a record of a handshake of 512 bytes, and some of them.
    let half = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 100]].concat();
    let began = Instant::now();
    let mut stopped: Vec<_> = [&[][..], &half[..1], &half[..5], &half]
        .into_iter()
        .cycle()
        .take(40)
        .map(|bytes| begin(guarded.address, bytes))
        .collect();
    assert_eq!(guarded.connect().run("PING").text(), "PONG");
    let mut plain = guarded.server.connect();
    assert_eq!(plain.run("PING").text(), "PONG");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for stream in &mut stopped {
        assert!(read_to_close(stream).is_empty());
    }
}

#[test]
fn handshakes_under_way_count_as_clients() {
    let guarded = Guarded::start(&["--maxclients", "5"]);
    let mut plain = guarded.server.connect();
    assert_eq!(plain.run("PING").text(), "PONG");
    let waiting: Vec<_> = (0..4).map(|_| begin(guarded.address, &[0x16])).collect();
    let mut further = begin(guarded.address, &[]);
    assert!(read_to_close(&mut further).is_empty());
    assert_eq!(plain.info("stats", "rejected_connections"), "1");
    drop(waiting);
    let config = guarded.good();
    await_until("there is room again", || ping(guarded.address, &config).is_ok());
}

#[test]
fn old_protocols_and_none_at_all_are_turned_away() {
    let guarded = Guarded::start(&[]);
    // A hello of TLS 1.0 (RFC 2246, 7.4.1.2): its version, a random, no session, one cipher, no compression.
    for minor in [1, 2] {
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
        let length = hello.len() as u8;
        let mut record = vec![0x16, 3, 1, 0, length + 4, 1, 0, 0, length];
        record.extend(hello);
        let answer = read_to_close(&mut begin(guarded.address, &record));
        // Nothing but a fatal alert.
        assert_eq!((answer.len(), answer[0], answer[5]), (7, 0x15, 2), "{answer:?}");
    }
    for plain in
        [&b"PING\r\n"[..], b"*1\r\n$4\r\nPING\r\n", b"\0\0\0\0\0\0\0\0", b"GET / HTTP/1.1\r\n"]
    {
        let answer = read_to_close(&mut begin(guarded.address, plain));
        assert!(!answer.contains(&b'+') && answer.len() < 16, "{answer:?}");
    }
    assert_eq!(guarded.connect().run("PING").text(), "PONG");
}

#[test]
fn a_protocol_that_is_not_configured_is_not_spoken() {
    let guarded = Guarded::start(&["--tls-protocols", "TLSv1.3"]);
    let shown = guarded.authority.issue("client");
    let client = |versions| guarded.authority.client_of(Some(&shown), versions);
    let (older, newer) = (client(&[&TLS12]), client(&[&TLS13]));
    assert_eq!(ping(guarded.address, &newer).unwrap(), "PONG");
    assert_refused(guarded.address, &older, "ProtocolVersion");
    let mut plain = guarded.server.connect();
    assert_eq!(plain.run("CONFIG SET tls-protocols TLSv1.2").text(), "OK");
    assert_eq!(ping(guarded.address, &older).unwrap(), "PONG");
    assert_refused(guarded.address, &newer, "ProtocolVersion");
    let refused = plain.run("CONFIG SET tls-protocols TLSv1.1").text();
    assert!(
        refused.ends_with("Unable to update TLS configuration. Check server logs."),
        "{refused}"
    );
    assert_eq!(ping(guarded.address, &older).unwrap(), "PONG");
}

#[test]
fn sessions_are_resumed_as_the_directives_say() {
    let guarded = Guarded::start(&[]);
    let shown = guarded.authority.issue("client");
    let mut plain = guarded.server.connect();
    let is_resumed = |version| {
        let config = guarded.authority.client_of(Some(&shown), &[version]);
        let mut first = Client::connect_tls(guarded.address, &config);
        // A ticket comes with the first reply.
        assert_eq!(first.run("PING").text(), "PONG");
        assert!(!first.is_resumed());
        let mut second = Client::connect_tls(guarded.address, &config);
        assert_eq!(second.run("PING").text(), "PONG");
        second.is_resumed()
    };
    for version in [&TLS12, &TLS13] {
        assert!(is_resumed(version));
        assert_eq!(plain.run("CONFIG SET tls-session-caching no").text(), "OK");
        assert!(!is_resumed(version));
        assert_eq!(plain.run("CONFIG SET tls-session-caching yes").text(), "OK");
    }
    assert_eq!(plain.run("CONFIG SET tls-session-cache-timeout 0").text(), "OK");
    assert!(!is_resumed(&TLS13), "they are too old at once");
}

#[test]
fn ciphers_are_those_of_the_directives_in_the_order_of_the_one_or_the_other() {
    let guarded = Guarded::start(&[]);
    let shown = guarded.authority.issue("client");
    let mut plain = guarded.server.connect();
    let agreed = |version| {
        let config = guarded.authority.client_of(Some(&shown), &[version]);
        Client::connect_tls(guarded.address, &config).cipher()
    };
    // What the client would like best.
    assert_eq!(agreed(&TLS13), CipherSuite::TLS13_AES_256_GCM_SHA384);
    let suites = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
    let ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305";
    let set = format!("CONFIG SET tls-ciphersuites {suites} tls-ciphers {ciphers}");
    assert_eq!(plain.run(&set).text(), "OK");
    assert_eq!(agreed(&TLS13), CipherSuite::TLS13_AES_256_GCM_SHA384);
    let only = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    assert_eq!(agreed(&TLS12), only);
    assert_eq!(plain.run("CONFIG SET tls-prefer-server-ciphers yes").text(), "OK");
    assert_eq!(agreed(&TLS13), CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
}

#[test]
fn stock_tools_speak_to_it() {
    let guarded = Guarded::start(&["--tls-ciphersuites", "TLS_AES_128_GCM_SHA256"]);
    let shown = guarded.authority.issue("client");
    let port = guarded.address.port().to_string();
    let run = |program: &str, further: &[&str]| {
        let mut command = Command::new(program);
        command.args(["-p", &port, "--tls", "--cacert"]).arg(guarded.authority.file());
        command.arg("--cert").arg(&shown.certificate).arg("--key").arg(&shown.key);
        let output = command.args(further).output();
        let output = output.unwrap_or_else(|error| panic!("apt-get install redis-tools: {error}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(run("redis-cli", &["SET", "key", "value"]), "OK\n");
    assert_eq!(run("redis-cli", &["GET", "key"]), "value\n");
    let info = run("redis-cli", &["INFO", "server"]);
    assert!(info.contains(&format!("name=tls,bind=127.0.0.1,port={port}")), "{info}");
    let listed = run("redis-cli", &["CLIENT", "LIST"]);
    assert!(listed.contains(&format!("laddr=127.0.0.1:{port}")), "{listed}");
    let rates =
        run("redis-benchmark", &["-t", "set,get", "-n", "2000", "-c", "5", "-P", "4", "-q"]);
    assert_eq!(rates.matches("requests per second").count(), 2, "{rates}");
}

#[test]
fn a_connection_ends_by_saying_so() {
    let guarded = Guarded::start(&[]);
    let ends_properly = |mut client: Client| {
        let error = client.try_read().expect_err("it is closed").to_string();
        assert!(!error.contains("close_notify"), "{error}");
    };
    let mut client = guarded.connect();
    assert_eq!(client.run("QUIT").text(), "OK");
    ends_properly(client);
    let mut victim = guarded.connect();
    let id = victim.run("CLIENT ID").integer();
    assert_eq!(guarded.connect().run(&format!("CLIENT KILL ID {id}")).integer(), 1);
    ends_properly(victim);
}
