//! What a consumer sees that reads the stream and knows nothing of what the RDB file says of it.

use crate::support::{Client, Endpoint, Follower, Server, Stock, Value};

/// A follower's view of what these requests put into the stream, after a write in database 5.
fn stream_of(server: &impl Endpoint, lines: &[&str]) -> String {
    let mut client = server.connect();
    run(&mut client, &["SELECT 5", "SET before 1"]);
    let (mut follower, _) = Follower::sync(server);
    run(&mut client, lines);
    run(&mut client, &["SELECT 9", "SET the end"]);
    read_to(&mut follower, "*3\r\n$3\r\nSET\r\n$3\r\nthe\r\n$3\r\nend\r\n")
}

fn run(client: &mut Client, lines: &[&str]) {
    for line in lines {
        let reply = client.run(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
}

/// Reads up to `end`, byte by byte.
fn read_to(follower: &mut Follower, end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        bytes.extend(follower.read(1));
    }
    String::from_utf8(bytes).expect("text alone was written")
}

#[test]
fn the_stream_is_that_of_stock_byte_for_byte_and_a_transaction_selects_inside() {
    let scenarios: [&[&str]; 13] = [
        &["SET in 5"],
        &["SELECT 2", "SET in 2"],
        &["MULTI", "SET one 1", "SET two 2", "EXEC", "SET three 3"],
        // In another database than the write before.
        &["SELECT 2", "SET zero 0", "SELECT 3", "MULTI", "SET one 1", "SET two 2", "EXEC"],
        // Which changes the database, and comes back.
        &["MULTI", "SET one 1", "SELECT 2", "SET two 2", "SELECT 5", "SET three 3", "EXEC"],
        // Whose first write comes after a change.
        &["SET zero 0", "MULTI", "SELECT 2", "SET one 1", "SET two 2", "EXEC", "SET three 3"],
        // Which changes it at last.
        &["MULTI", "SET one 1", "SET two 2", "SELECT 2", "EXEC", "SET three 3"],
        // Of one command.
        &["MULTI", "SET one 1", "EXEC"],
        &["SELECT 2", "SET zero 0", "MULTI", "SELECT 3", "SET one 1", "EXEC", "SET two 2"],
        &["SELECT 2", "MULTI", "GET one", "SET one 1", "GET one", "EXEC"],
        // Of nothing.
        &["SELECT 2", "MULTI", "EXEC"],
        &["SELECT 2", "MULTI", "SELECT 3", "EXEC", "SET one 1"],
        &["SELECT 2", "MULTI", "GET one", "DEL one", "EXEC"],
    ];
    for lines in scenarios {
        let quiet = ["--repl-ping-replica-period", "3600"];
        let stock = Stock::start(&[&quiet[..], &["--repl-diskless-sync-delay", "0"]].concat());
        let server = Server::start(&[&quiet[..], &["--save", ""]].concat());
        let stock = selecting_inside(stream_of(&stock, lines));
        assert_eq!(stream_of(&server, lines), stock, "{lines:?}");
    }
}

/// Moves `SELECT` behind `MULTI`, where 7.2 writes it; 7.0 writes it before.
fn selecting_inside(mut stream: String) -> String {
    const MULTI: &str = "*1\r\n$5\r\nMULTI\r\n";
    for database in 0..10 {
        let select = format!("*2\r\n$6\r\nSELECT\r\n$1\r\n{database}\r\n");
        stream = stream.replace(&format!("{select}{MULTI}"), &format!("{MULTI}{select}"));
    }
    stream
}

const SELECT_5: &str = "*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n";
const SET_B: &str = "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n";

#[test]
fn each_full_sync_from_a_snapshot_begins_with_the_database() {
    let mut server = Server::start(&["--save", "", "--repl-ping-replica-period", "3600"]);
    let mut client = server.connect();
    run(&mut client, &["SELECT 5", "SET a 1", "SAVE"]);
    let (mut before, first) = Follower::attach(&server);
    run(&mut client, &["SET b 2"]);
    let expected = format!("{SELECT_5}{SET_B}");
    assert_eq!(read_to(&mut before, SET_B), expected);
    // From the same snapshot, and the log since.
    let (mut after, second) = Follower::attach(&server);
    assert_eq!(second.offset, first.offset);
    assert_eq!(read_to(&mut after, SET_B), expected);
    server.kill();
    server.restart();
    let (mut later, third) = Follower::attach(&server);
    assert_eq!(third.offset, first.offset);
    assert_eq!(read_to(&mut later, SET_B), expected);
    // A snapshot where none is needed: the stream selects once more, and applies the same.
    let mut client = server.connect();
    run(&mut client, &["SELECT 5", "SAVE", "SAVE", "SET b 2"]);
    assert_eq!(read_to(&mut later, SET_B), expected);
    server.kill();
    server.restart();
    let mut client = server.connect();
    client.run("SELECT 5");
    assert_eq!(client.run("DBSIZE"), Value::Integer(2));
}

#[test]
fn a_consumer_of_the_stream_alone_is_told_the_database_first() {
    let server = Server::start(&["--save", "", "--repl-ping-replica-period", "3600"]);
    let mut client = server.connect();
    run(&mut client, &["SELECT 5", "SET a 1"]);
    let mut raw = server.connect();
    assert_eq!(raw.call(&["REPLCONF", "rdb-filter-only", ""]).text(), "OK");
    raw.send_command(&["PSYNC", "?", "-1"]);
    assert!(raw.read_line().starts_with("+FULLRESYNC "));
    let length = raw.read_line();
    let length = length.trim_start_matches('$').parse().expect("a length");
    raw.read_bytes(length).expect("the snapshot");
    run(&mut client, &["SET b 2"]);
    let expected = format!("{SELECT_5}{SET_B}");
    let bytes = raw.read_bytes(expected.len()).expect("the stream");
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

#[test]
fn a_backup_over_the_wire_holds_what_was_written_last_and_ends_with_it() {
    let server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    client.run("SET removed 1");
    client.run("SAVE");
    client.run("DEL removed");
    client.run("SET added 1");
    let mut backup = server.connect();
    assert_eq!(backup.run("REPLCONF rdb-only 1").text(), "OK");
    backup.send_command(&["SYNC"]);
    let bytes = backup.read_to_close();
    let holds = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert!(bytes.starts_with(b"$") && holds(b"added") && !holds(b"removed"));
    let (_, rdb) = Follower::sync(&server);
    assert!(bytes.ends_with(&rdb), "a peer that knows SYNC only may be one, too");
    let refused = client.run("PSYNC ? -1 FAILOVER");
    assert_eq!(refused, Value::Error("ERR PSYNC FAILOVER can't be sent to a master.".to_owned()));
}
