//! `backlog-start-readonly`: a restarted primary takes no writes before it is known to be one still.

use crate::support::history::{await_online, history, number};
use crate::support::{Client, Endpoint, Follower, Server, Value, await_until};

const BEGUN: &str = "this primary was restarted and may have been replaced";
const ENDED: &str = "the doubt about this primary is over";

/// A primary that had data, crashed, and was started again.
fn restarted(seconds: &str) -> Server {
    let mut server = Server::start(&["--save", "", "--backlog-start-readonly", seconds]);
    let mut client = server.connect();
    assert_eq!(client.run("SET a 1").text(), "OK");
    server.kill();
    server.restart();
    server
}

fn seconds_left(client: &mut Client) -> u64 {
    number(client, "backlog", "backlog_start_readonly_seconds_left")
}

fn written(client: &mut Client) -> u64 {
    number(client, "backlog", "backlog_written_offset")
}

#[track_caller]
fn assert_in_doubt(client: &mut Client) {
    let told = client.run("SET a 2").text();
    let begin = "READONLY This primary was restarted and may have been replaced; it takes writes \
                 once a replica or Sentinel confirms it, or in ";
    let rest = told.strip_prefix(begin).unwrap_or_else(|| panic!("{told}"));
    let (left, directive) = rest.split_once(" s ").expect("a number of seconds");
    assert!((1..=600).contains(&left.parse::<u64>().expect("a number")), "{told}");
    assert_eq!(directive, "(directive backlog-start-readonly)");
}

#[test]
fn it_reads_and_does_not_write_until_the_time_is_over() {
    let mut server = restarted("1");
    assert!(server.output().contains(BEGUN));
    server.await_line("nobody said otherwise in time");
    assert_eq!(seconds_left(&mut server.connect()), 0);
    assert_eq!(server.connect().run("SET a 2").text(), "OK");

    let mut server = restarted("600");
    let mut client = server.connect();
    assert_in_doubt(&mut client);
    assert!((500..=600).contains(&seconds_left(&mut client)));
    assert_eq!(client.run("GET a").text(), "1");
    client.run("MULTI");
    assert_in_doubt(&mut client);
    assert!(client.run("EXEC").text().starts_with("EXECABORT"));
    assert_eq!(client.info("replication", "role"), "master");
    assert!(!server.output().contains(ENDED));
}

#[test]
fn nothing_moves_the_end_of_the_stream_meanwhile() {
    let mut server = Server::start(&["--save", "", "--backlog-start-readonly", "600"]);
    let mut client = server.connect();
    client.run("SET kept 1");
    client.run("SET fading 1 PX 1");
    server.kill();
    server.restart();
    let mut client = server.connect();
    let end = written(&mut client);
    await_until("it reads as gone", || client.run("EXISTS fading").integer() == 0);
    assert_eq!(client.run("WAIT 1 1").integer(), 0);
    // The clock looks for expired keys ten times a second.
    let until = number(&mut client, "server", "server_time_usec") + 400_000;
    await_until("the clock has had its turn", || {
        number(&mut client, "server", "server_time_usec") > until
    });
    assert_eq!(written(&mut client), end);
    assert_eq!(number(&mut client, "stats", "expired_keys"), 0);
    // An operator who says that this is the primary is believed.
    assert_eq!(client.run("REPLICAOF NO ONE").text(), "OK");
    assert!(server.await_line(ENDED).contains("REPLICAOF NO ONE"));
    await_until("it expires", || number(&mut client, "stats", "expired_keys") == 1);
    assert!(written(&mut client) > end);
}

#[test]
fn a_replica_that_continues_confirms_it() {
    let mut server = restarted("600");
    let mut client = server.connect();
    let before = history(&server);
    assert_in_doubt(&mut client);
    // One that had less, as one that was not promoted may have.
    let (_follower, resync) = Follower::resume(&server, &before.replid, before.offset);
    assert!(resync.is_partial());
    assert!(server.await_line(ENDED).contains("a replica follows it"));
    assert_eq!(client.run("SET a 2").text(), "OK");
    assert_eq!(seconds_left(&mut client), 0);
}

#[test]
fn a_replica_that_was_resynced_confirms_it_and_a_backup_does_not() {
    let mut server = restarted("600");
    let mut client = server.connect();
    let (backup, _) = Follower::sync(&server);
    await_online(&server, 1);
    drop(backup);
    assert_in_doubt(&mut client);
    let _follower = Follower::attach(&server);
    server.await_line(ENDED);
    assert_eq!(client.run("SET a 2").text(), "OK");
}

#[test]
fn it_becomes_a_replica_as_at_any_other_time() {
    let other = Server::start(&["--save", ""]);
    other.connect().run("SET b 1");
    let port = other.address().port().to_string();
    let mut server = restarted("600");
    let mut client = server.connect();
    assert_in_doubt(&mut client);
    assert_eq!(client.call(&["REPLICAOF", "127.0.0.1", &port]).text(), "OK");
    assert!(server.await_line(ENDED).contains("it follows another primary now"));
    await_until("it follows", || client.run("EXISTS b") == Value::Integer(1));
    let told = client.run("SET a 2").text();
    assert_eq!(told, "READONLY You can't write against a read only replica.");
    // And back: nothing is in doubt about what was promoted here.
    assert_eq!(client.run("REPLICAOF NO ONE").text(), "OK");
    assert_eq!(client.run("SET a 2").text(), "OK");
}

#[test]
fn who_has_no_history_or_is_a_replica_is_not_in_doubt() {
    let mut server = Server::start(&["--save", "", "--backlog-start-readonly", "600"]);
    assert_eq!(seconds_left(&mut server.connect()), 0);
    server.kill();
    server.restart();
    assert_eq!(server.connect().run("SET a 1").text(), "OK", "nothing was ever written");
    assert!(!server.output().contains(BEGUN));
    server.kill();
    server.restart_with(&["--replicaof", "127.0.0.1 1"]);
    assert_eq!(seconds_left(&mut server.connect()), 0);
    assert!(!server.output().contains(BEGUN));
}

#[test]
fn a_sentinel_that_takes_it_for_the_primary_confirms_it_and_another_does_not() {
    let mut server = restarted("600");
    let (mut client, mut sentinel) = (server.connect(), server.connect());
    // Every sentinel listens to what the others say, and hears itself.
    sentinel.send_command(&["SUBSCRIBE", "__sentinel__:hello"]);
    sentinel.read();
    let mut say = |port: u16| {
        let hello = format!("127.0.0.1,26379,{},1,it,127.0.0.1,{port},1", "a".repeat(40));
        assert_eq!(client.call(&["PUBLISH", "__sentinel__:hello", &hello]).integer(), 1);
        client.run("SET a 2").text()
    };
    let own = server.address().port();
    assert!(say(own ^ 1).starts_with("READONLY "), "it speaks of another server");
    assert_eq!(say(own), "OK");
    server.await_line(ENDED);
}
