//! Replicas that say nothing for longer than `repl-timeout`: who is rightly silent, and who is given up.

use std::time::{Duration, Instant};

use crate::support::{Client, Endpoint, Follower, Server, await_until};

const TIMEOUT_S: u64 = 2;
const TIMEOUT: [&str; 6] = ["--repl-timeout", "2", "--rdbcompression", "no", "--save", ""];
const MIB: usize = 1 << 20;
/// More than sockets hold between a primary and a replica that does not read.
const VALUES: usize = 40;

fn filled() -> Server {
    let server = Server::start(&TIMEOUT);
    let mut client = server.connect();
    let value = "v".repeat(MIB);
    for number in 0..VALUES {
        assert_eq!(client.call(&["SET", &format!("key:{number}"), &value]).text(), "OK");
    }
    server
}

/// Asks for everything; returns when as many bytes are announced, of which nothing is read.
fn ask_for_all(server: &Server) -> (Client, usize) {
    let mut replica = server.connect();
    replica.send_command(&["PSYNC", "?", "-1"]);
    assert!(replica.read_line().starts_with("+FULLRESYNC "));
    let head = replica.read_line();
    let bytes = head.strip_prefix('$').and_then(|count| count.parse().ok());
    (replica, bytes.unwrap_or_else(|| panic!("no length: {head}")))
}

fn await_age(since: Instant, age: Duration) {
    await_until("time has passed", || since.elapsed() >= age);
}

#[test]
fn a_snapshot_that_takes_longer_than_the_timeout_is_taken_to_its_end() {
    let server = filled();
    let (mut replica, bytes) = ask_for_all(&server);
    let (began, step) = (Instant::now(), Duration::from_millis(200));
    let steps = (TIMEOUT_S as usize * 2 * 1000).div_ceil(200);
    assert!(steps * MIB < bytes / 2, "it is still being sent by then");
    for number in 1..=steps {
        replica.read_bytes(MIB).expect("it goes on");
        await_age(began, step * number as u32);
    }
    replica.read_bytes(bytes - steps * MIB).expect("it goes on to the end");
    // As long as a replica may be silent that loads what it was sent.
    await_age(Instant::now(), Duration::from_secs(TIMEOUT_S) / 2);
    server.connect().run("SET key last");
    for word in ["SELECT", "SET"] {
        let (command, _) = replica.read();
        assert_eq!(command.elements()[0].text(), word);
    }
}

#[test]
fn a_replica_that_takes_nothing_of_its_snapshot_is_given_up() {
    let mut server = filled();
    let (replica, _) = ask_for_all(&server);
    server.await_line("nothing was heard of the replica for 2 s (repl-timeout)");
    await_until("it is gone", || server.connect().info("replication", "connected_slaves") == "0");
    drop(replica);
}

#[test]
fn one_that_is_silent_on_the_stream_is_given_up_unless_it_knows_no_acknowledgements() {
    let mut server = Server::start(&TIMEOUT);
    server.connect().run("SET key value");
    let (mut mute, _) = Follower::sync(&server);
    let (mut silent, _) = Follower::attach(&server);
    silent.acknowledge(0);
    server.await_line("nothing was heard of the replica for 2 s (repl-timeout)");
    silent.read_to_close();
    server.connect().run("SET key last");
    while mute.command() != ["SET", "key", "last"] {}
}

#[test]
fn one_that_knows_no_acknowledgements_is_given_up_once_it_takes_no_more_of_the_stream() {
    let mut server = Server::start(&TIMEOUT);
    server.connect().run("SET key value");
    let (mute, _) = Follower::sync(&server);
    let (mut client, value) = (server.connect(), "v".repeat(MIB));
    for number in 0..VALUES {
        assert_eq!(client.call(&["SET", &format!("key:{number}"), &value]).text(), "OK");
    }
    server.await_line("nothing was heard of the replica for 2 s (repl-timeout)");
    drop(mute);
}
