//! Text that others read, with line ends and separators in it: lists of clients, `INFO`, the log.

use super::Target;
use crate::support::Value;

/// What would be a line of its own if it came through.
const FORGED: &str = "x\r\nid=1 addr=6.6.6.6:6 name=forged";

/// The lines of `CLIENT LIST`.
fn listed(target: &Target) -> Vec<String> {
    target.connect().run("CLIENT LIST").text().lines().map(str::to_owned).collect()
}

#[test]
fn a_name_cannot_forge_a_line_of_the_list_of_clients() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    for words in [
        ["CLIENT", "SETNAME", FORGED].as_slice(),
        &["CLIENT", "SETNAME", "a b"],
        &["CLIENT", "SETNAME", "a\nb"],
        &["CLIENT", "SETINFO", "LIB-NAME", FORGED],
        &["CLIENT", "SETINFO", "lib-ver", "1.0 name=forged"],
        &["HELLO", "3", "SETNAME", FORGED],
    ] {
        let reply = client.call(words);
        assert!(reply.is_error(), "{words:?}: {reply:?}");
    }
    let lines = listed(&target);
    assert!(lines.iter().all(|line| line.starts_with("id=") && !line.contains("forged")));
    assert_eq!(lines.len(), 2, "{lines:?}");
    target.stands();
}

/// A command is shown by its own name, never by what was sent.
#[test]
fn an_unknown_command_cannot_forge_a_reply_or_a_line() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    let reply = client.call(&["no\r\n+OK\r\n", FORGED]);
    let text = reply.text();
    assert!(reply.is_error() && !text.contains(['\r', '\n']), "{text:?}");
    // The next answer is that of the next request: nothing was slipped in between.
    assert_eq!(client.run("ECHO end").text(), "end");
    client.call(&["EVAL", "return redis.error_reply('a\\r\\n+OK\\r\\n')", "0"]);
    assert_eq!(client.run("ECHO end").text(), "end");
    client.call(&["EVAL", "return {ok='a\\r\\n:5\\r\\n'}", "0"]);
    assert_eq!(client.run("ECHO end").text(), "end");
    let stats = client.run("INFO errorstats").text();
    assert!(stats.lines().all(|line| line.is_empty() || line.starts_with(['#', 'e'])), "{stats}");
    target.stands();
}

/// What is refused or noted goes into the text log, where each message has a line.
#[test]
fn nothing_sent_can_forge_a_line_of_the_log() {
    let forged = "x\n1:M 01 Jan 2030 00:00:00.000 * forged by a client";
    let mut target = Target::start(&["--loglevel", "debug"]);
    let mut client = target.connect();
    for words in [
        ["REPLICAOF", forged, "1"].as_slice(),
        &["CONFIG", "SET", "masteruser", forged],
        &["CONFIG", "SET", forged, "1"],
        &["REPLCONF", "ip-address", forged],
        &["REPLCONF", "version", forged],
        &["DEBUG", "LOG", forged],
        &["FAILOVER", "TO", forged, "1"],
        &["CLIENT", "KILL", forged],
        &["PSYNC", forged, "1"],
        &["EVAL", "redis.log(redis.LOG_WARNING, ARGV[1])", "0", forged],
        &["FUNCTION", "LOAD", forged],
        &["MODULE", "LOAD", forged],
    ] {
        let mut client = target.connect();
        client.call(words);
    }
    client.send(b"*1\r\n$-1\r\n");
    client.read_to_close();
    target.connect().run("REPLICAOF NO ONE");
    let said = target.server.output();
    let own = |line: &str| line.contains("2030") && line.starts_with("1:M");
    assert!(!said.lines().any(own), "{said}");
    target.stands();
}

/// Fields that replicas name go into `INFO`.
#[test]
fn a_replica_cannot_forge_a_field_of_info() {
    let mut target = Target::start(&[]);
    let mut replica = target.connect();
    replica.call(&["REPLCONF", "ip-address", "a,state=online\r\nrole:slave"]);
    replica.call(&["REPLCONF", "listening-port", "7"]);
    replica.send(b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n");
    assert!(replica.read_line().starts_with("+FULLRESYNC"));
    let info = target.connect().run("INFO replication").text();
    let roles: Vec<_> = info.lines().filter(|line| line.starts_with("role:")).collect();
    assert_eq!(roles, ["role:master"], "{info}");
    let line = info.lines().find(|line| line.starts_with("slave0:")).expect("it is listed");
    assert_eq!(line.matches("state=").count(), 1, "{line}");
    target.stands();
}

/// Keys that fall into one bucket for whoever knows the hash: it is another in every process.
#[test]
fn nobody_can_know_which_keys_collide() {
    let order = || {
        let target = Target::start(&[]);
        let mut client = target.connect();
        let names: Vec<_> = (0..500).map(|n| [format!("key:{n}"), "v".to_owned()]).collect();
        let words: Vec<_> =
            std::iter::once("MSET".to_owned()).chain(names.into_iter().flatten()).collect();
        assert_eq!(client.call(&words).text(), "OK");
        let Value::Array(keys) = client.run("KEYS *") else { panic!("keys") };
        keys.iter().map(Value::text).collect::<Vec<_>>()
    };
    let (one, other) = (order(), order());
    assert_eq!(one.len(), other.len());
    assert_ne!(one, other, "the order of keys tells of their hashes");
}
