//! What a script writes: in the stream as what it did, there or not there as a whole.

use crate::support::history::{await_online, history};
use crate::support::member::{await_same, follow};
use crate::support::{Endpoint, Follower, Kind};
use crate::{digest, eval, server};

#[test]
fn the_stream_has_what_a_script_did_and_not_the_script() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("SET here 1");
    let (mut follower, _) = Follower::attach(&server);
    let mut stream = |count: usize| {
        let commands = (0..count).map(|_| follower.command().join(" "));
        commands.filter(|line| !line.starts_with("PING")).collect::<Vec<_>>()
    };
    eval(&mut client, "return redis.call('INCR', 'here')");
    assert_eq!(stream(2), ["SELECT 0", "INCR here"], "one command alone is no transaction");
    let script = "redis.call('SET', 'a', 1, 'EX', 100) redis.call('SELECT', 3)
                  redis.call('SADD', 's', 'm') redis.call('SPOP', 's') redis.call('GET', 'a')
                  redis.call('PUBLISH', 'c', 'm') redis.pcall('LPUSH', 's') error('too late')";
    assert!(eval(&mut client, script).is_error());
    let told = stream(7);
    let set = told[1].split_once(" PXAT ").expect("an absolute time").0;
    assert_eq!((told[0].as_str(), set), ("MULTI", "SET a 1"));
    assert_eq!(told[2..], ["SELECT 3", "SADD s m", "SREM s m", "PUBLISH c m", "EXEC"]);
    eval(&mut client, "redis.call('GET', 'a') return redis.call('DEL', 'nokey')");
    client.run("SET last 1");
    assert_eq!(stream(2), ["SELECT 0", "SET last 1"], "who changes nothing tells nothing");
}

#[test]
fn a_script_in_a_transaction_is_part_of_its_unit() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("SET here 1");
    let (mut follower, _) = Follower::attach(&server);
    for line in ["MULTI", "SET a 1"] {
        client.run(line);
    }
    client.call(&["EVAL", "redis.call('SET', 'b', 1) return redis.call('GET', 'a')", "0"]);
    client.run("SET c 1");
    let replies = client.run("EXEC");
    assert_eq!(replies.elements()[1].text(), "1");
    let told: Vec<_> = (0..6).map(|_| follower.command().join(" ")).collect();
    assert_eq!(
        told,
        ["MULTI", "SELECT 0", "SET a 1", "SET b 1", "SET c 1", "EXEC"].map(String::from)
    );
}

/// Writes much of everything.
const WRITES: &str = "
    for i = 1, 200 do
        redis.call('SET', KEYS[1] .. i, math.random(1000))
        redis.call('ZADD', KEYS[1], math.random(100000) / 4, i)
        redis.call('HINCRBYFLOAT', KEYS[2], i % 7, 0.1)
        redis.call('XADD', KEYS[3], '*', 'f', i)
        redis.call('EXPIRE', KEYS[1] .. i, 1000 + i)
    end
    redis.call('SPOP', KEYS[4], 3)
    return redis.call('SRANDMEMBER', KEYS[4])";

#[test]
fn a_restart_and_replicas_have_what_scripts_wrote() {
    for kind in Kind::all() {
        let mut primary = server(&[]);
        let replica = kind.start(&[]);
        follow(&replica, primary.address());
        await_online(&primary, 1);
        let mut client = primary.connect();
        for round in 0..10 {
            let keys = [format!("z{round}"), "h".to_owned(), "stream".to_owned(), "s".to_owned()];
            client.call(&["SADD", "s", "1", "2", "3", "4", "5", "6", "7", "8"]);
            let call = [&["EVAL", WRITES, "4"][..], &keys.each_ref().map(String::as_str)].concat();
            assert!(!client.call(&call).is_error());
        }
        await_same(&[&primary, &replica]);
        let before = (digest(&primary), history(&primary).replid);
        primary.kill();
        primary.restart_in_place();
        assert_eq!((digest(&primary), history(&primary).replid), before);
        assert_eq!(primary.connect().run("EXISTS h").integer(), 1);
        primary.connect().run("SET last 1");
        await_same(&[&primary, &replica]);
    }
}

#[test]
fn those_who_wait_or_watch_are_told_when_the_script_is_done() {
    let server = server(&["--notify-keyspace-events", "KEA"]);
    let mut client = server.connect();
    let (mut waiter, mut watcher) = (server.connect(), server.connect());
    watcher.run("WATCH l");
    watcher.run("MULTI");
    watcher.run("PING");
    waiter.send_command(&["BLPOP", "l", "0"]);
    crate::support::await_until("the client waits", || {
        client.info("clients", "blocked_clients") == "1"
    });
    let script = "redis.call('RPUSH', 'l', 'a', 'b') return redis.call('LRANGE', 'l', 0, -1)";
    assert_eq!(eval(&mut client, script).elements().len(), 2, "nobody comes in between");
    assert_eq!(waiter.read().0.elements()[1].text(), "a");
    assert_eq!(client.run("LLEN l").integer(), 1);
    assert_eq!(format!("{:?}", watcher.run("EXEC")), "Null");
}
