//! Importing the RDB file of another server: every version, or nothing at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::history::assert_in_sync;
use crate::support::{Endpoint, Follower, Server, Stock, Value};
use backlogd::snapshot::rdb::crc64;
use tempfile::TempDir;

/// What is set where the server is to write nothing by itself.
const QUIET: [&str; 6] =
    ["--save", "", "--repl-ping-replica-period", "3600", "--enable-debug-command", "yes"];
/// A database with one key.
const BODY: &[u8] = b"\xfe\x03\x00\x01k\x05value";

/// How a file ends.
#[derive(Clone, Copy)]
enum End {
    /// With its checksum.
    Sum,
    /// With zeroes in its place.
    Zeroes,
    /// Without.
    Bare,
}

fn file(version: u32, body: &[u8], end: End) -> Vec<u8> {
    let mut bytes = [format!("REDIS{version:04}").as_bytes(), body, b"\xff"].concat();
    match end {
        End::Sum => bytes.extend(crc64(0, &bytes).to_le_bytes()),
        End::Zeroes => bytes.extend([0; 8]),
        End::Bare => {}
    }
    bytes
}

/// A directory that holds this as `dump.rdb`.
fn place_with(dump: &[u8]) -> TempDir {
    let place = TempDir::new().expect("a temporary directory can be made");
    fs::write(place.path().join("dump.rdb"), dump).expect("it can be written");
    place
}

fn value(server: &Server) -> Value {
    let mut client = server.connect();
    client.run("SELECT 3");
    client.run("GET k")
}

/// What lies in the directory, but for the lock, which says nothing and stays.
fn contents(directory: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let entries = fs::read_dir(directory).expect("it can be listed").map(|entry| {
        let entry = entry.expect("it can be listed");
        (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).ok())
    });
    entries.filter(|(name, _)| name != "backlogd.lock").collect()
}

/// Starts in a directory where that must fail and leave everything as it was; returns what was said.
fn refused(directory: &Path, arguments: &[&str]) -> String {
    let before = contents(directory);
    let (output, status) = Server::start_refused(directory, arguments);
    assert_eq!(status.code(), Some(1), "{output}");
    assert_eq!(contents(directory), before, "{output}");
    output
}

#[test]
fn every_version_is_imported_whatever_its_end_and_is_there_after_a_crash() {
    let old = (1..=4).map(|version| (version, End::Bare));
    let new = (5..=11).flat_map(|version| [(version, End::Sum), (version, End::Zeroes)]);
    for (version, end) in old.chain(new) {
        let place = place_with(&file(version, BODY, end));
        let mut server = Server::start_in(place.path(), &QUIET);
        for _ in 0..2 {
            assert_eq!(value(&server), Value::Bulk(b"value".to_vec()), "version {version}");
            server.kill();
            server.restart();
        }
        assert_eq!(server.connect().run("SET further 1").text(), "OK");
        assert_eq!(server.connect().run("SAVE").text(), "OK");
        server.restart();
        assert_eq!(server.connect().run("GET further"), Value::Bulk(b"1".to_vec()));
        assert_eq!(value(&server), Value::Bulk(b"value".to_vec()), "version {version}");
    }
}

#[test]
fn the_shortest_file_there_can_be_is_imported() {
    let place = place_with(b"REDIS0003\xff");
    let mut server = Server::start_in(place.path(), &QUIET);
    assert_eq!(server.connect().run("DBSIZE"), Value::Integer(0));
    server.kill();
    server.restart();
    assert_eq!(server.connect().run("DBSIZE"), Value::Integer(0));
}

#[test]
fn bytes_behind_the_end_are_refused_and_nothing_is_begun() {
    for (version, end) in [(3, End::Bare), (10, End::Sum), (10, End::Zeroes)] {
        let whole = file(version, BODY, end);
        let place = place_with(&[&whole[..], b"*1\r\n$4\r\nPING\r\n", &[0; 8]].concat());
        let output = refused(place.path(), &QUIET);
        let told = format!("22 bytes follow the end of the RDB data at byte {}", whole.len());
        assert!(output.contains("dump.rdb") && output.contains(&told), "{output}");
        // What it says one can do does help.
        fs::write(place.path().join("dump.rdb"), &whole).expect("it can be written");
        let server = Server::start_in(place.path(), &QUIET);
        assert_eq!(value(&server), Value::Bulk(b"value".to_vec()));
    }
}

#[test]
fn a_damaged_file_is_refused_and_nothing_is_begun() {
    let whole = file(10, BODY, End::Sum);
    for len in [0, 5, 9, 12, whole.len() - 9, whole.len() - 1] {
        refused(place_with(&whole[..len]).path(), &QUIET);
    }
    let mut flipped = whole;
    flipped[15] ^= 1;
    let output = refused(place_with(&flipped).path(), &QUIET);
    assert!(output.contains("it is damaged"), "{output}");
}

#[test]
fn what_a_module_keeps_is_refused_by_its_name_and_never_left_out() {
    let id = b"\x81\x45\xe2\x52\x38\xdf\x91\x2c\x03";
    let data = [BODY, b"\xf7", id, b"\x02\x01\x05\x01x\x00"].concat();
    let value = [BODY, b"\x07\x06module", id, b"\x05\x01x\x00"].concat();
    for (body, told) in [
        (data, "data of the module 'ReJSON-RL'"),
        (value, "key \"module\" at byte 20 of the RDB file is a value of the module 'ReJSON-RL'"),
    ] {
        let place = place_with(&file(10, &body, End::Sum));
        let output = refused(place.path(), &QUIET);
        assert!(output.contains(told) && output.contains("without the module"), "{output}");
        // Stock refuses it by the same name.
        let output = Stock::start_refused(place.path());
        assert!(output.contains("no matching module"), "{output}");
        assert!(output.contains("'ReJSON-RL'"), "{output}");
    }
}

#[test]
fn a_beginning_that_fails_at_any_step_is_taken_back() {
    let place = place_with(&file(3, BODY, End::Bare));
    let path = |name: &str| place.path().join(name);
    // The manifest cannot be written.
    fs::create_dir(path("backlogd.manifest.tmp")).expect("it can be made");
    let output = refused(place.path(), &QUIET);
    assert!(output.contains("backlogd.manifest.tmp"), "{output}");
    fs::remove_dir(path("backlogd.manifest.tmp")).expect("it is there");
    // The log cannot be created.
    let nowhere = path("missing/log").to_str().expect("a path in UTF-8").to_owned();
    let output = refused(place.path(), &[&QUIET[..], &["--backlog-dir", &nowhere]].concat());
    assert!(output.contains(&nowhere), "{output}");
    // The log is there, and the run is recorded; then a note that is no file cannot be removed.
    fs::create_dir(path("backlogd.sync-failed")).expect("it can be made");
    let output = refused(place.path(), &QUIET);
    assert!(output.contains("backlogd.sync-failed"), "{output}");
    fs::remove_dir(path("backlogd.sync-failed")).expect("it is there");
    let server = Server::start_in(place.path(), &QUIET);
    assert_eq!(value(&server), Value::Bulk(b"value".to_vec()));
}

#[test]
fn replicas_are_sent_no_file_that_another_server_wrote() {
    // Of a version that stock 7.0 does not read, and with a stream of another history.
    let aux = b"\xfa\x0erepl-stream-db\x017\xfa\x0brepl-offset\x0242";
    let dump = file(11, &[&aux[..], BODY].concat(), End::Sum);
    let place = place_with(&dump);
    let mut server = Server::start_in(place.path(), &QUIET);
    server.kill();
    server.restart();
    assert_eq!(fs::read(place.path().join("dump.rdb")).expect("it is there"), dump);
    let (_, rdb) = Follower::sync(&server);
    assert!(rdb.starts_with(b"REDIS0010"), "{}", rdb.escape_ascii());
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    assert_in_sync(&server, &[&replica]);
    let mut client = replica.connect();
    client.run("SELECT 3");
    assert_eq!(client.run("GET k"), Value::Bulk(b"value".to_vec()));
}

#[test]
fn an_import_cut_short_between_manifest_and_log_is_gone_on_with() {
    let place = place_with(&file(3, BODY, End::Bare));
    let mut server = Server::start_in(place.path(), &QUIET);
    // Having written nothing, it leaves what a start has before it creates the log.
    assert!(server.terminate().success());
    let spare = vec![0; 1 << 16];
    for left in [None, Some(&spare[..0]), Some(&spare[..])] {
        let files = contents(place.path()).into_keys().map(|name| place.path().join(name));
        for log in files.filter(|path| path.extension().is_some_and(|name| name == "log")) {
            fs::remove_file(log).expect("it is there");
        }
        if let Some(bytes) = left {
            fs::write(place.path().join("00000000000000000001.log"), bytes).expect("written");
        }
        server.restart();
        assert_eq!(value(&server), Value::Bulk(b"value".to_vec()));
        assert!(server.terminate().success());
    }
}
