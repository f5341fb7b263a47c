//! `backlog-commit-replicas`: no reply tells what enough replicas do not have on disk.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::support::history::{await_online, history, number};
use crate::support::load::{self, Load, Promise};
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Follower, Server, Value, await_until};

const LONG: &str = "60000";

/// A primary whose replies wait for so many replicas, which are there and have nothing on disk yet.
struct World {
    server: Server,
    followers: Vec<Follower>,
    watcher: Client,
}

impl World {
    fn new(replicas: usize, waits_for: &str, timeout: &str, further: &[&str]) -> Self {
        let commit = ["--backlog-commit-replicas", waits_for, "--backlog-commit-timeout", timeout];
        let server = Server::start(&[&commit[..], further].concat());
        let followers: Vec<_> = (0..replicas).map(|_| Follower::attach(&server).0).collect();
        await_online(&server, replicas);
        let watcher = server.connect();
        let mut world = Self { server, followers, watcher };
        for index in 0..replicas {
            world.confirm_as(index, 0);
        }
        world
    }

    /// Tells on behalf of a replica what it has on disk, and waits until the primary knows.
    fn confirm_as(&mut self, index: usize, durable: u64) {
        let all = self.written();
        self.followers[index].acknowledge_durable(all, durable);
    }

    fn confirm_all(&mut self) {
        let end = self.written();
        (0..self.followers.len()).for_each(|index| self.confirm_as(index, end));
    }

    fn figure(&mut self, field: &str) -> u64 {
        number(&mut self.watcher, "backlog", field)
    }

    fn written(&mut self) -> u64 {
        self.figure("backlog_written_offset")
    }

    fn await_waiting(&mut self, clients: u64) {
        await_until(&format!("{clients} clients wait"), || {
            self.figure("backlog_commit_waiting") == clients
        });
    }

    /// Waits until the primary takes writes, as it knows what its replicas can do.
    fn await_admitted(&mut self) {
        let mut client = self.server.connect();
        // MULTI asks nothing of anybody; a write is admitted or refused when it is queued.
        await_until("writes are admitted", || {
            client.run("MULTI");
            let queued = client.run("SET admitted 1");
            client.run("DISCARD");
            queued == Value::Simple("QUEUED".into())
        });
    }
}

fn ready(replicas: usize, waits_for: &str, timeout: &str, further: &[&str]) -> World {
    let mut world = World::new(replicas, waits_for, timeout, further);
    world.await_admitted();
    world
}

#[test]
fn a_write_is_acknowledged_once_its_replica_has_it_on_disk_and_not_before() {
    for policy in ["everysec", "always"] {
        let mut world = ready(1, "1", LONG, &["--appendfsync", policy]);
        let mut writer = world.server.connect();
        writer.send_command(&["SET", "a", "1"]);
        world.await_waiting(1);
        // The replica is asked behind the write, and has received that: not enough.
        let follower = &mut world.followers[0];
        while follower.command() != ["SET", "a", "1"] {}
        assert_eq!(follower.command(), ["REPLCONF", "GETACK", "*"]);
        let all = world.written();
        world.followers[0].acknowledge(all);
        await_until("the acknowledgement has come", || {
            world.watcher.info("replication", "slave0").contains(&format!("offset={all}"))
        });
        assert_eq!(world.figure("backlog_commit_waiting"), 1);
        assert!(writer.is_silent());
        world.confirm_all();
        assert_eq!(writer.read().0.text(), "OK");
        await_until("nobody waits", || world.figure("backlog_commit_waiting") == 0);
        assert_eq!(world.figure("backlog_commit_offset"), all);
        assert_eq!(world.figure("backlog_commit_timeouts"), 0);
    }
}

#[test]
fn a_read_of_a_write_that_is_not_committed_waits_with_it_and_others_do_not() {
    let mut world = ready(1, "1", LONG, &[]);
    let (mut writer, mut reader) = (world.server.connect(), world.server.connect());
    assert_eq!(reader.run("GET a"), Value::Null);
    writer.send_command(&["SET", "a", "1"]);
    world.await_waiting(1);
    reader.send_command(&["GET", "a"]);
    world.await_waiting(2);
    assert!(reader.is_silent());
    // What tells nothing of the data is answered at once.
    assert_eq!(world.watcher.run("PING").text(), "PONG");
    assert_eq!(world.figure("backlog_commit_replicas"), 1);
    world.confirm_all();
    assert_eq!(writer.read().0.text(), "OK");
    assert_eq!(reader.read().0.text(), "1");
    // And what is committed can be read without waiting for anybody.
    assert_eq!(reader.run("GET a").text(), "1");
}

#[test]
fn what_is_not_confirmed_in_time_is_an_error_that_says_that_it_was_done() {
    let mut world = ready(1, "1", "50", &[]);
    let mut writer = world.server.connect();
    for command in [&["PING"][..], &["SET", "a", "1"], &["GET", "a"], &["INCR", "a"]] {
        writer.send_command(command);
    }
    assert_eq!(writer.read().0.text(), "PONG");
    let written = Value::Error(
        "NOREPLICAS backlog-commit-replicas: the write was executed and is in the log, but 1 \
         replicas did not confirm it on disk within 50 ms"
            .into(),
    );
    assert_eq!(writer.read().0, written);
    let read = writer.read().0.text();
    assert!(read.starts_with("NOREPLICAS backlog-commit-replicas: what was read"), "{read}");
    assert_eq!(writer.read().0, written);
    assert!(world.figure("backlog_commit_timeouts") >= 1);
    // It can be read from then on, as its writer knows.
    assert_eq!(writer.run("GET a").text(), "2");
    // A transaction whose answer the server gives later is no exception.
    for command in [&["MULTI"][..], &["INCR", "a"], &["WAIT", "0", "0"], &["EXEC"]] {
        writer.send_command(command);
    }
    (0..3).for_each(|_| assert!(!writer.read().0.is_error()));
    assert_eq!(writer.read().0, written);
    assert_eq!(writer.run("GET a").text(), "3");
    let errors = world.watcher.info("errorstats", "errorstat_NOREPLICAS");
    assert_eq!(errors, "count=4");
}

#[test]
fn a_client_goes_on_while_its_replies_are_held_and_gets_them_in_order() {
    let mut world = ready(1, "1", LONG, &[]);
    let mut client = world.server.connect();
    for number in 1..=20 {
        client.send_command(&["INCR", "counter"]);
        client.send_command(&["ECHO", &number.to_string()]);
        // Each executes by itself, in a turn of its own.
        await_until("it has executed", || {
            let text = world.watcher.run("INFO commandstats").text();
            text.contains(&format!("cmdstat_incr:calls={number},"))
        });
    }
    assert!(client.is_silent());
    assert_eq!(world.figure("backlog_commit_waiting"), 1);
    // Half of it is confirmed, and so half of it is told.
    world.confirm_all();
    client.send_command(&["INCR", "counter"]);
    client.send_command(&["WAIT", "1", "0"]);
    client.send_command(&["CLIENT", "REPLY", "SKIP"]);
    client.send_command(&["INCR", "counter"]);
    client.send_command(&["QUIT"]);
    for number in 1..=20 {
        assert_eq!(client.read().0.integer(), number);
        assert_eq!(client.read().0.text(), number.to_string());
    }
    world.await_waiting(1);
    assert!(client.is_silent());
    world.confirm_all();
    assert_eq!(client.read().0.integer(), 21);
    // What was acknowledged when the question came is enough for WAIT, too.
    assert_eq!(client.read().0.integer(), 1);
    assert_eq!(client.read().0.text(), "OK");
    assert!(client.read_to_close().is_empty());
    // The one that nobody was to be told of was executed, and readers wait for it.
    let mut reader = world.server.connect();
    reader.send_command(&["GET", "counter"]);
    world.await_waiting(1);
    world.confirm_all();
    assert_eq!(reader.read().0.text(), "22");
}

#[test]
fn a_client_that_has_closed_its_end_is_answered_all_the_same() {
    let mut world = ready(1, "1", LONG, &[]);
    let mut client = world.server.connect();
    client.send_command(&["SET", "a", "1"]);
    client.finish_sending();
    world.await_waiting(1);
    world.confirm_all();
    assert_eq!(client.read().0.text(), "OK");
    assert!(client.read_to_close().is_empty());
}

#[test]
fn two_of_three_replicas_are_enough_and_one_is_not() {
    let mut world = ready(3, "2", LONG, &[]);
    let mut writer = world.server.connect();
    writer.send_command(&["SET", "a", "1"]);
    world.await_waiting(1);
    let end = world.written();
    world.confirm_as(1, end);
    await_until("one has confirmed", || {
        world.watcher.info("replication", "slave1").contains(&format!("offset={end}"))
    });
    assert_eq!(world.figure("backlog_commit_offset"), 0);
    assert!(writer.is_silent());
    world.confirm_as(2, end);
    assert_eq!(writer.read().0.text(), "OK");
    assert_eq!(world.figure("backlog_commit_offset"), end);
}

#[test]
fn a_replica_that_leaves_is_missed_and_one_that_comes_back_completes_the_write() {
    let mut world = ready(1, "1", LONG, &[]);
    let mut writer = world.server.connect();
    writer.send_command(&["SET", "a", "1"]);
    world.await_waiting(1);
    let end = world.written();
    let replid = history(&world.server).replid;
    world.followers.clear();
    await_online(&world.server, 0);
    // Nothing that could not be committed is executed any more.
    let refusal = Value::Error("NOREPLICAS Not enough good replicas to write.".into());
    assert_eq!(world.watcher.run("SET b 1"), refusal);
    assert_eq!(world.watcher.run("DEL a"), refusal);
    assert!(writer.is_silent());
    let (follower, resync) = Follower::resume(&world.server, &replid, end);
    assert!(resync.is_partial());
    world.followers.push(follower);
    world.confirm_as(0, end);
    assert_eq!(writer.read().0.text(), "OK");
    assert_eq!(world.watcher.run("EXISTS b").integer(), 0);
}

#[test]
fn a_replica_that_never_tells_what_is_on_its_disk_does_not_count() {
    let mut world = World::new(0, "1", LONG, &[]);
    let (mut follower, snapshot) = Follower::attach(&world.server);
    await_online(&world.server, 1);
    follower.acknowledge(snapshot.offset);
    let refusal = world.watcher.run("SET a 1");
    assert_eq!(refusal.text(), "NOREPLICAS Not enough good replicas to write.");
}

#[test]
fn it_is_switched_on_and_off_at_run_time() {
    let mut world = ready(1, "0", LONG, &[]);
    let mut writer = world.server.connect();
    assert_eq!(writer.run("SET a 1").text(), "OK");
    world.watcher.run("CONFIG SET backlog-commit-replicas 1");
    // What was acknowledged without a replica is read without one.
    assert_eq!(writer.run("GET a").text(), "1");
    writer.send_command(&["SET", "a", "2"]);
    world.await_waiting(1);
    assert!(writer.is_silent());
    world.watcher.run("CONFIG SET backlog-commit-replicas 0");
    assert_eq!(writer.read().0.text(), "OK");
    assert_eq!(writer.run("SET a 3").text(), "OK");
    assert_eq!(world.figure("backlog_commit_waiting"), 0);
}

#[test]
fn a_shutdown_answers_those_who_wait_before_it_ends() {
    let mut world = ready(1, "1", "300", &["--shutdown-timeout", "0", "--save", ""]);
    let mut writer = world.server.connect();
    writer.send_command(&["SET", "a", "1"]);
    world.await_waiting(1);
    assert!(world.server.terminate().success());
    let told = writer.read().0.text();
    assert!(told.starts_with("NOREPLICAS backlog-commit-replicas: the write was exec"), "{told}");
    world.server.restart_with(&["--backlog-commit-replicas", "0"]);
    assert_eq!(world.server.connect().run("GET a").text(), "1");
}

/// Starts a replica of a primary, whose own replies wait for one as soon as it leads.
fn replica_of(primary: &Server) -> Server {
    let port = primary.address().port().to_string();
    let server =
        Server::start(&["--save", "", "--backlog-commit-replicas", "1", "--io-threads", "2"]);
    assert_eq!(server.connect().call(&["REPLICAOF", "127.0.0.1", &port]).text(), "OK");
    server
}

#[test]
fn whatever_was_acknowledged_is_there_when_the_replica_takes_over() {
    const ROUNDS: u64 = 6;
    let mut random = Random::new(11);
    let mut journals = load::journals(Promise::Reply);
    let mut primary =
        Server::start(&["--save", "", "--backlog-commit-replicas", "1", "--io-threads", "2"]);
    let mut replica = replica_of(&primary);
    for round in 0..ROUNDS {
        let mut probe = primary.connect();
        await_until("the replica confirms", || probe.run("SET probe 1").text() == "OK");
        let goal = 1 + random.below(800) as u64;
        let (moment, reached) = channel();
        let load = Load::start(primary.address(), &journals, goal, &moment, random.bits());
        drop(moment);
        reached.recv().unwrap_or_else(|_| panic!("round {round}: the load ended by itself"));
        primary.kill();
        journals = load.join();
        assert_eq!(replica.connect().run("REPLICAOF NO ONE").text(), "OK");
        // The next round's replica is a new server, and its primary the one promoted.
        primary = replica;
        load::check(&mut journals, &mut primary.connect());
        replica = replica_of(&primary);
    }
}

#[test]
fn a_server_that_ends_waits_for_replicas_no_longer_than_its_end_may_take() {
    let mut world = ready(1, "1", LONG, &["--shutdown-timeout", "0"]);
    let mut writer = world.server.connect();
    writer.send_command(&["SET", "a", "1"]);
    world.await_waiting(1);
    let began = Instant::now();
    world.watcher.send_command(&["SHUTDOWN", "NOSAVE", "NOW"]);
    assert!(world.server.wait().success());
    assert!(began.elapsed() < Duration::from_secs(30), "a reply would wait for a minute");
    let told = writer.read().0.text();
    assert!(told.starts_with("NOREPLICAS backlog-commit-replicas: the write was"), "{told}");
}
