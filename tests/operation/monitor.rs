//! `MONITOR`, as clients see it: every line but for its time and its port is that of a stock server.

use crate::support::history::await_online;
use crate::support::{Client, Endpoint, Server, Stock, Talk};

/// Leaves out of the lines when they were shown, and the ports of those who sent the commands.
fn without_times(seen: &[String]) -> Vec<String> {
    let plain = |line: &str| {
        let is_shown = line.starts_with("+1") && line.contains(" [");
        let Some((head, words)) = line.split_once("] ").filter(|_| is_shown) else {
            return line.to_owned();
        };
        let (time, from) = head.split_once(" [").expect("it was just seen");
        let (seconds, micros) = time[1..].split_once('.').expect("a time has a fraction");
        assert!(seconds.len() == 10 && micros.len() == 6, "{time}");
        let (database, address) = from.split_once(' ').expect("a database and an address");
        let (host, port) = address.rsplit_once(':').expect("an address has a port");
        port.parse::<u16>().expect("a port is a number");
        format!("+[{database} {host}] {words}")
    };
    // By which it is waited that others wait.
    let is_question = |line: &&str| !line.contains(r#"\"INFO\""#);
    let lines = |text: &String| {
        let lines = text.split("\\r\\n").filter(is_question);
        lines.map(plain).collect::<Vec<_>>().join("\n")
    };
    seen.iter().map(lines).collect()
}

#[track_caller]
fn same_as_stock(steps: &[&str]) {
    let debug = ["--enable-debug-command", "yes"];
    let (server, stock) = (Server::start(&debug), Stock::oracle(&[]));
    let ours = without_times(&Talk::hold(&server, steps));
    assert_eq!(ours, without_times(&Talk::hold(&stock, steps)), "{steps:?}");
    assert!(ours[0].contains("+[0 127.0.0.1] "), "nothing was shown: {ours:?}");
}

#[test]
fn what_clients_do_is_shown_as_by_stock() {
    same_as_stock(&[
        "0: MONITOR",
        "1: SET k v",
        "1: get k",
        "1: SELECT 3",
        "2: LPUSH k x",
        "1: MSET \u{1} \\ \" \u{e9} \u{7}\u{8}\t ''",
        "1: SELECT 0",
        "1: LPUSH k x",
        "1: INCR k",
        "2: PUBLISH c m",
        "2: SUBSCRIBE c",
        "2: UNSUBSCRIBE",
        "2: CLIENT GETNAME",
        "2: OBJECT ENCODING k",
        "2: ECHO x",
        "2: RESET",
        "2: DISCARD",
    ]);
}

#[test]
fn what_is_refused_and_what_is_for_administrators_is_not_shown() {
    same_as_stock(&[
        "0: MONITOR",
        "1: nosuch command",
        "1: GET",
        "1: CONFIG GET maxclients",
        "1: CONFIG SET requirepass secret",
        "2: GET k!",
        "2: AUTH default secret",
        "1: CONFIG SET requirepass ''",
        "1: SLOWLOG RESET",
        "1: DEBUG SET-ACTIVE-EXPIRE 1",
        "1: CLIENT KILL ID 1000",
        "1: LATENCY HISTORY none",
        "1: PING",
    ]);
}

#[test]
fn secrets_are_shown_to_nobody() {
    same_as_stock(&[
        "0: MONITOR",
        "1: AUTH p",
        "1: AUTH u p",
        "1: HELLO 2 AUTH u p SETNAME x",
        "1: MIGRATE 127.0.0.1 1 none 0 10 AUTH p",
        "1: MIGRATE 127.0.0.1 1 none 0 10 AUTH2 u p",
    ]);
}

#[test]
fn transactions_are_shown_as_they_are_executed() {
    same_as_stock(&[
        "0: MONITOR",
        "1: MULTI!",
        "1: SET k 1!",
        "1: SELECT 2!",
        "1: LPUSH k 1!",
        "2: SET other 1",
        "1: EXEC",
        "1: MULTI!",
        "1: GET k!",
        "1: DISCARD",
        "1: MULTI!",
        "1: nosuch!",
        "1: EXEC",
        "1: WATCH k",
        "2: SELECT 2",
        "2: RPUSH k 2",
        "1: MULTI!",
        "1: PING!",
        "1: EXEC",
        "1: MULTI!",
        "1: MONITOR!",
        "1: EXEC",
        "1: GET k",
    ]);
}

#[test]
fn commands_that_wait_are_shown_when_they_come() {
    same_as_stock(&[
        "0: MONITOR",
        "1: BLPOP q 0 ...",
        "2: RPUSH q a",
        "1: BLMOVE q r LEFT RIGHT 0 ...",
        "2: MULTI!",
        "2: RPUSH q b!",
        "2: EXEC",
        "1: WAIT 0 0",
    ]);
}

#[test]
fn whoever_monitors_may_not_touch_data_until_it_is_reset() {
    same_as_stock(&[
        "0: MONITOR",
        "0: MONITOR!",
        "0: PING",
        "0: GET k",
        "0: SET k v",
        "0: PUBLISH a b",
        "0: PFCOUNT p",
        "0: DBSIZE",
        "0: MULTI!",
        "0: GET k!",
        "0: EXEC",
        "0: CONFIG GET port-no",
        "0: SUBSCRIBE c",
        "1: PUBLISH c m",
        "0: UNSUBSCRIBE",
        "0: RESET",
        "1: SET k w",
        "0: GET k",
        "1: MONITOR",
        "0: GET k",
        "1: QUIT",
        "0: GET k",
    ]);
}

#[test]
fn lines_are_the_same_in_resp3() {
    same_as_stock(&[
        "0: HELLO 3",
        "0: MONITOR",
        "1: SET k v",
        "0: SUBSCRIBE c",
        "1: PUBLISH c m",
        "0: PING",
        "1: GET k",
    ]);
}

/// Reads the next line that a monitor is shown, without its time and port.
fn shown(monitor: &mut Client) -> String {
    let line = String::from_utf8(monitor.read().1).expect("all else is escaped");
    without_times(&[line.trim_end().to_owned()]).remove(0)
}

#[test]
fn inline_commands_are_shown_by_their_words() {
    let server = Server::start(&[]);
    let mut monitor = server.connect();
    assert_eq!(monitor.run("MONITOR").text(), "OK");
    let mut client = server.connect();
    client.send(b"  set  k \"a b\\x00\"\r\n");
    client.read();
    assert_eq!(shown(&mut monitor), r#"+[0 127.0.0.1] "set" "k" "a b\x00""#);
}

#[test]
fn monitors_are_listed_and_counted_as_ordinary_clients() {
    let server = Server::start(&[]);
    let (mut monitor, mut client) = (server.connect(), server.connect());
    monitor.run("MONITOR");
    let flags = |client: &mut Client| {
        let list = client.run("CLIENT LIST TYPE normal").text();
        let words = list.split_whitespace().filter_map(|word| word.strip_prefix("flags="));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(flags(&mut client), ["O", "N"]);
    drop(monitor);
    crate::support::await_until("it is gone", || flags(&mut client) == ["N"]);
}

#[test]
fn a_monitor_that_reads_too_little_is_cut_off_as_an_ordinary_client() {
    let limits = ["--client-output-buffer-limit", "normal 100000 0 0 pubsub 0 0 0"];
    let server = Server::start(&limits);
    let (mut monitor, mut client) = (server.connect(), server.connect());
    monitor.run("MONITOR");
    let value = "x".repeat(100_000);
    assert_eq!(client.call(&["SET", "k", &value]).text(), "OK");
    monitor.read_to_close();
}

#[test]
fn a_replica_shows_what_it_applies() {
    let primary = Server::start(&["--repl-ping-replica-period", "3600"]);
    let ours = Server::start(&[]);
    let theirs = Stock::start(&[]);
    for (replica, online) in [(&ours as &dyn Endpoint, 1), (&theirs, 2)] {
        let port = primary.address().port().to_string();
        assert!(!replica.connect().call(&["REPLICAOF", "127.0.0.1", &port]).is_error());
        await_online(&primary, online);
    }
    let mut monitors = [ours.connect(), theirs.connect()];
    for monitor in &mut monitors {
        assert_eq!(monitor.run("MONITOR").text(), "OK");
    }
    let mut client = primary.connect();
    for line in [
        "SET k v EX 1000",
        "SELECT 5",
        "MULTI",
        "INCRBYFLOAT f 1.5",
        "RPUSH q a b",
        "EXEC",
        "PUBLISH c m",
        "DEL q f",
        "SET last 1",
    ] {
        client.run(line);
    }
    let [ours, theirs] = monitors.each_mut().map(|monitor| {
        let mut seen: Vec<String> = Vec::new();
        while seen.last().is_none_or(|line| !line.contains("last")) {
            seen.push(shown(monitor));
        }
        // When a primary pings is its own affair.
        seen.retain(|line| !line.contains("\"PING\""));
        seen
    });
    assert_eq!(ours, theirs);
    assert!(ours.contains(&r#"+[5 127.0.0.1] "RPUSH" "q" "a" "b""#.to_owned()), "{ours:?}");
}
