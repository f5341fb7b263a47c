//! Snapshots are written at the rate that `backlog-snapshot-max-rate` allows, whatever the data is.

use std::fs;

use crate::support::{Client, Endpoint, Server, await_until};

/// What is written before it is looked at whether more is due.
const STEP_BYTES: u64 = 128 << 10;
const MEMBERS: usize = 100_000;

/// The size of the snapshot that is being written; none before it is begun.
fn staged_bytes(server: &Server) -> Option<u64> {
    let entries = fs::read_dir(server.directory()).expect("the directory can be read");
    entries
        .map(|entry| entry.expect("the directory can be read"))
        .find(|entry| entry.file_name().to_string_lossy().ends_with(".rdb.tmp"))
        .map(|entry| entry.metadata().expect("the file is there").len())
}

fn persistence(client: &mut Client, field: &str) -> String {
    client.info("persistence", field)
}

#[test]
fn a_value_that_is_all_of_the_data_is_written_no_faster() {
    // A step is due for a day before the next: nothing further is written until that changes.
    let server = Server::start(&["--backlog-snapshot-max-rate", "1"]);
    let mut client = server.connect();
    let mut words = vec!["ZADD".to_owned(), "large".to_owned()];
    for number in 0..MEMBERS {
        words.extend([number.to_string(), format!("member:{number}")]);
    }
    assert_eq!(client.call(&words).integer(), MEMBERS as i64);
    assert!(!client.run("BGSAVE").is_error());
    await_until("a step is written", || staged_bytes(&server).is_some_and(|bytes| bytes > 0));
    for number in 0..1000 {
        assert_eq!(client.run(&format!("ZADD large {number} member:0")).integer(), 0);
    }
    assert_eq!(staged_bytes(&server), Some(STEP_BYTES));
    assert_eq!(persistence(&mut client, "rdb_bgsave_in_progress"), "1");

    assert_eq!(client.run("CONFIG SET backlog-snapshot-max-rate 0").text(), "OK");
    await_until("the snapshot is there", || {
        persistence(&mut client, "rdb_bgsave_in_progress") == "0"
    });
    assert_eq!(persistence(&mut client, "rdb_last_bgsave_status"), "ok");
    let stored = fs::metadata(server.directory().join("dump.rdb")).expect("it is published");
    assert!(stored.len() > 10 * STEP_BYTES, "{} bytes", stored.len());
}

#[test]
fn a_failed_snapshot_stops_writes_only_where_snapshots_are_scheduled_until_one_succeeds() {
    let server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    client.run("SET key value");
    let in_the_way = server.directory().join("dump.rdb");
    fs::create_dir(&in_the_way).expect("there is none");
    client.run("BGSAVE");
    await_until("it has failed", || client.info("persistence", "rdb_last_bgsave_status") == "err");
    let mut set = |save: &str| {
        assert_eq!(client.call(&["CONFIG", "SET", "save", save]).text(), "OK");
        client.run("SET key value").text()
    };
    assert_eq!(set(""), "OK", "what is written is in the log");
    assert!(set("3600 100").starts_with("MISCONF Redis is configured to save RDB snapshots, "));
    assert_eq!(set(""), "OK");
    fs::remove_dir(&in_the_way).expect("it is empty");
    assert!(set("3600 100").starts_with("MISCONF "));
    await_until("it is tried again", || client.run("SET key value").text() == "OK");
}

#[test]
fn a_snapshot_whose_file_is_taken_away_is_taken_once_more() {
    let mut server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    client.run("SET key value");
    assert_eq!(client.run("SAVE").text(), "OK");
    let (file, elsewhere) = (server.directory().join("dump.rdb"), server.directory().join("away"));
    for number in 1..=2 {
        fs::rename(&file, &elsewhere).expect("it is there");
        server.await_line("the file of the newest snapshot was removed or replaced");
        await_until("it is there again", || file.exists());
        await_until("it is told", || {
            client.info("persistence", "rdb_saves") == (1 + number).to_string()
        });
    }
    server.kill();
    server.restart();
    assert_eq!(server.connect().run("GET key").text(), "value");
}
