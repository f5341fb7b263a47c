//! Where the server listens while it runs, and when it answers nobody.

mod support;

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use support::{Client, Endpoint, Server, await_until};

fn set(client: &mut Client, words: &[&str]) -> String {
    client.call(&[&["CONFIG", "SET"], words].concat()).text()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn at(host: &str, port: u16) -> SocketAddr {
    format!("{host}:{port}").parse().expect("an address")
}

#[test]
fn a_server_moves_to_another_port_and_keeps_its_clients() {
    let server = Server::start(&[]);
    let old = server.address();
    let mut client = server.connect();
    let new = at("127.0.0.1", free_port());
    assert_eq!(set(&mut client, &["port", &new.port().to_string()]), "OK");
    assert_eq!(client.run("PING").text(), "PONG", "a client that was there stays");
    assert_eq!(Client::connect(new).run("PING").text(), "PONG");
    assert!(Client::try_connect(old).is_err(), "nobody listens there any more");
    assert!(client.run("INFO server").text().contains(&format!("tcp_port:{}\r\n", new.port())));
    let told = std::fs::read_to_string(server.directory().join("address-for-test"));
    assert_eq!(told.expect("the address file"), format!("{new}\n"));
}

#[test]
fn a_port_in_use_is_refused_and_the_server_stays_where_it_is() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    assert_eq!(
        set(&mut client, &["timeout", "7", "port", &port]),
        "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this \
         port. Check server logs."
    );
    assert_eq!(client.run("CONFIG GET timeout").elements()[1].text(), "0", "all or nothing");
    assert_eq!(client.run("CONFIG GET port").elements()[1].text(), "0");
    assert_eq!(server.connect().run("PING").text(), "PONG");
}

#[test]
fn a_port_in_use_at_the_start_is_named_and_nothing_is_said_of_before() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let (output, status) = Server::start_refused(directory.path(), &["--port", &port]);
    assert!(!status.success() && output.contains(&port), "{output}");
    assert!(!output.contains("before"), "{output}");
}

#[test]
fn addresses_are_added_and_taken_away() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let port = free_port();
    let named = port.to_string();
    assert_eq!(set(&mut client, &["port", &named, "bind", "127.0.0.1 127.0.0.2"]), "OK");
    for host in ["127.0.0.1", "127.0.0.2"] {
        assert_eq!(Client::connect(at(host, port)).run("PING").text(), "PONG");
    }
    assert_eq!(set(&mut client, &["bind", "127.0.0.2"]), "OK");
    assert!(Client::try_connect(at("127.0.0.1", port)).is_err());
    // 192.0.2.0/24 is for documentation: no machine has an address of it.
    assert_eq!(
        set(&mut client, &["bind", "127.0.0.2 192.0.2.1"]),
        "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified \
         addresses."
    );
    assert_eq!(client.run("CONFIG GET bind").elements()[1].text(), "127.0.0.2");
    assert_eq!(Client::connect(at("127.0.0.2", port)).run("PING").text(), "PONG");
}

#[test]
fn a_server_put_to_sleep_answers_nobody() {
    const SLEEP: Duration = Duration::from_millis(500);
    let server = Server::start(&["--enable-debug-command", "yes", "--io-threads", "2"]);
    let (mut sleeper, mut other) = (server.connect(), server.connect());
    let began = Instant::now();
    sleeper.send_command(&["DEBUG", "SLEEP", "0.5"]);
    // It falls asleep once it has read the command; from then on a reply takes the rest of the time.
    await_until("a reply is held back", || {
        let asked = Instant::now();
        assert_eq!(other.run("CLIENT UNPAUSE").text(), "OK");
        asked.elapsed() >= SLEEP / 4
    });
    assert_eq!(sleeper.read().0.text(), "OK");
    assert!(began.elapsed() >= SLEEP);
    assert_eq!(other.run("PING").text(), "PONG");
}
