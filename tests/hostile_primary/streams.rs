//! Streams that cannot be applied: none of it is skipped, and what came before is kept.

use super::support::fake_primary::{Connection, command, rdb, rdb_of, replid};
use super::{Scene, assert_no_left_over};

/// Encodes commands, one after the other.
fn stream(lines: &[&str]) -> Vec<u8> {
    let commands = lines.iter().map(|line| command(&line.split(' ').collect::<Vec<_>>()));
    commands.collect::<Vec<_>>().concat()
}

impl Scene {
    /// The primary's stream has something that cannot be applied behind something that can, whenever
    /// it is asked for; until it has something else in that place.
    #[track_caller]
    fn endures_in_stream(&mut self, expected: &str, bad: &[u8]) {
        let mut linked = self.recovers();
        let good = ["SET", "good", expected];
        linked.offset += linked.connection.say(&good);
        linked.connection.send(bad);
        self.held.push(("good".to_owned(), expected.to_owned()));
        for _ in 0..2 {
            self.await_reason(expected);
            self.await_held();
            linked.connection = self.continues(&linked.replid, linked.offset);
            linked.connection.send(bad);
        }
        self.await_reason(expected);
        let mut connection = self.continues(&linked.replid, linked.offset);
        let end = linked.offset + connection.say(&["SET", "next", "1"]);
        connection.await_applied(end);
        self.held.push(("next".to_owned(), "1".to_owned()));
        self.await_held();
        assert_no_left_over(self.replica.directory());
    }

    /// The replica asks for what it has not applied, and gets it.
    #[track_caller]
    fn continues(&mut self, replid: &str, held: u64) -> Connection {
        let (mut connection, asked) = self.primary.accept_at_psync();
        assert_eq!((asked.replid.as_str(), asked.wanted), (replid, held as i64 + 1));
        connection.send(b"+CONTINUE\r\n");
        connection
    }
}

#[test]
fn what_is_no_stream_ends_the_link_where_it_begins() {
    let mut scene = Scene::start(&[]);
    let cases: &[(&str, &[u8])] = &[
        ("garbled: inline command from a primary", b"GET / HTTP/1.1\r\n\r\n"),
        ("garbled: invalid multibulk length", b"*2147483648\r\n"),
        ("garbled: invalid multibulk length", b"*one\r\n"),
        ("garbled: invalid bulk length", b"*1\r\n$-7\r\n"),
        ("garbled: expected '$', got '*'", b"*1\r\n*1\r\n*1\r\n"),
        ("garbled: too big mbulk count string", &b"*".repeat(70_000)),
        ("a unit of more than", b"*2\r\n$3\r\nDEL\r\n$9223372036854775807\r\nx"),
        ("an EXEC without MULTI", &command(&["EXEC"])),
        ("a MULTI within a transaction", &stream(&["MULTI", "SET half 1", "MULTI"])),
    ];
    for (expected, bad) in cases {
        scene.endures_in_stream(expected, bad);
    }
    assert!(scene.replica.is_running());
}

#[test]
fn what_cannot_be_applied_ends_the_link_and_is_not_skipped() {
    let mut scene = Scene::start(&[]);
    let half = ["MULTI", "SET half 1", "HSET snapshot a 1", "EXEC"];
    let cases: &[(&str, &[&str])] = &[
        ("unknown command 'NOSUCH'", &["NOSUCH half"]),
        ("wrong number of arguments for 'set'", &["SET half"]),
        ("WRONGTYPE", &["HSET snapshot a 1"]),
        ("in database 99", &["SELECT 99", "SET half 1"]),
        ("WRONGTYPE", &half),
        ("unknown command 'NOSUCH'", &["MULTI", "SET half 1", "NOSUCH", "EXEC"]),
        // What would reach into the server rather than into its data.
        ("'REPLICAOF' at", &["REPLICAOF NO ONE"]),
        ("'CONFIG' at", &["CONFIG SET requirepass secret"]),
        ("'BGSAVE' at", &["BGSAVE"]),
        ("'SHUTDOWN' at", &["SHUTDOWN NOSAVE"]),
        ("'DEBUG' at", &["DEBUG CHANGE-REPL-ID"]),
        ("'GET' at", &["GET snapshot"]),
    ];
    for (expected, lines) in cases {
        scene.endures_in_stream(expected, &stream(lines));
    }
    assert!(scene.replica.is_running());
}

#[test]
fn half_a_command_and_then_silence_is_given_up_after_the_timeout() {
    let mut scene = Scene::start(&["--repl-timeout", "2"]);
    let halves = [&b"*3\r\n$3\r\nSET\r\n$4\r\nha"[..], &stream(&["MULTI", "SET half 1"])];
    for half in halves {
        scene.endures_in_stream("nothing was heard of the primary for 2 s", half);
    }
}

#[test]
fn a_history_may_begin_anew_at_any_offset() {
    let mut scene = Scene::start(&[]);
    // Offsets are signed on the wire.
    let highest = i64::MAX as u64 - 10_000;
    for (digit, at) in [('a', 5000), ('b', 100), ('c', 1 << 40), ('d', highest), ('e', 1)] {
        let (mut connection, _) = scene.primary.accept_at_psync();
        connection.full_resync(&replid(digit), at, &rdb(&[("at", &at.to_string())]));
        let end = at + connection.say(&["SET", "behind", &at.to_string()]);
        let end = connection.await_applied(end);
        assert_eq!(scene.client.run("GET at").text(), at.to_string());
        assert_eq!(scene.client.run("GET behind").text(), at.to_string());
        assert_eq!(scene.link_field("slave_repl_offset"), Some(end.to_string()));
        if at == highest {
            // It starts on such an offset too, and asks for what comes next.
            let port = scene.primary.port();
            scene.replica.restart_with(&["--replicaof", &format!("127.0.0.1 {port}")]);
            scene.client = super::Endpoint::connect(&scene.replica);
            assert_eq!(scene.client.run("GET behind").text(), at.to_string());
        }
    }
}

#[test]
fn a_stream_that_goes_on_in_a_database_that_is_gone_is_not_applied() {
    let mut scene = Scene::start(&[]);
    let (mut connection, _) = scene.primary.accept_at_psync();
    connection.full_resync(&replid('a'), 1, &rdb_of("0011", b"\xfa\x0erepl-stream-db\x019"));
    connection.await_ack(1);
    let primary = format!("127.0.0.1 {}", scene.primary.port());
    assert!(scene.replica.terminate().success());
    scene.replica.restart_with(&["--databases", "4", "--replicaof", &primary]);
    scene.client = super::Endpoint::connect(&scene.replica);
    let mut connection = scene.continues(&replid('a'), 1);
    connection.say(&["SET", "a", "1"]);
    scene.await_reason("in database 9 at offset 1, but only 4 are configured");
    assert!(scene.replica.is_running());
}
