//! Directories that cannot be used: each is refused with a text that names it and says why.

use std::fs;
use std::path::Path;

use crate::support::{Endpoint, Server, Value};
use tempfile::TempDir;

fn place() -> TempDir {
    TempDir::new().expect("a temporary directory can be made")
}

/// Starts in `directory`, which must fail; returns what was said.
fn refusal(directory: &Path, words: &[&str]) -> String {
    let (output, status) = Server::start_refused(directory, &[]);
    assert_eq!(status.code(), Some(1), "{output}");
    let name = directory.to_str().expect("a path in UTF-8");
    for word in words.iter().chain(&[name]) {
        assert!(output.contains(word), "{word:?} is not in:\n{output}");
    }
    output
}

#[test]
fn a_directory_that_is_not_there_is_refused_and_not_made() {
    let place = place();
    let missing = place.path().join("missing");
    refusal(&missing, &["No such file or directory"]);
    assert!(!missing.exists());
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let place = place();
    let file = place.path().join("file");
    fs::write(&file, "no directory").expect("it can be written");
    refusal(&file, &["Not a directory"]);
}

#[test]
fn a_directory_that_cannot_be_written_to_is_refused() {
    // Not even root may write there.
    refusal(Path::new("/sys/kernel"), &["backlogd.lock", "Permission denied"]);
}

#[test]
fn a_directory_of_another_program_is_refused_where_its_files_would_be_ours() {
    let place = place();
    let foreign = place.path().join("backlogd.manifest");
    fs::write(&foreign, "something else entirely, and long enough to be looked at")
        .expect("written");
    refusal(place.path(), &["backlogd.manifest", "not a manifest"]);
    assert!(fs::read_to_string(&foreign).expect("it is there").starts_with("something else"));
}

#[test]
fn segments_without_a_manifest_are_refused() {
    let place = place();
    fs::write(place.path().join("00000000000000000001.log"), [0; 8192]).expect("written");
    refusal(place.path(), &["segments", "no manifest"]);
}

#[test]
fn a_foreign_file_with_the_name_of_a_segment_is_refused() {
    let place = place();
    let mut server = Server::start_in(place.path(), &[]);
    server.connect().run("SET key value");
    server.kill();
    let foreign = place.path().join("00000000000000009999.log");
    fs::write(&foreign, "a text of some other program\n".repeat(400)).expect("written");
    refusal(place.path(), &["00000000000000009999.log"]);
    fs::remove_file(&foreign).expect("it is there");
    server.restart();
    assert_eq!(server.connect().run("GET key"), Value::Bulk(b"value".to_vec()));
}

#[test]
fn a_dump_that_is_none_is_refused_and_left_as_it_is() {
    let place = place();
    let dump = place.path().join("dump.rdb");
    fs::write(&dump, "not an RDB file").expect("written");
    refusal(place.path(), &["dump.rdb"]);
    assert_eq!(fs::read(&dump).expect("it is there"), b"not an RDB file");
    assert!(!place.path().join("backlogd.manifest").exists(), "nothing was begun");
}

#[test]
fn other_files_in_the_directory_are_left_alone() {
    let place = place();
    fs::write(place.path().join("notes.txt"), "mine").expect("written");
    fs::create_dir(place.path().join("sub")).expect("made");
    let server = Server::start_in(place.path(), &[]);
    assert_eq!(server.connect().run("SET key value").text(), "OK");
    drop(server);
    assert_eq!(fs::read(place.path().join("notes.txt")).expect("it is there"), b"mine");
}

#[test]
fn the_log_may_live_in_a_directory_of_its_own() {
    let (place, log) = (place(), place());
    let log_path = log.path().to_str().expect("a path in UTF-8");
    let arguments = ["--backlog-dir", log_path];
    let mut server = Server::start_in(place.path(), &arguments);
    server.connect().run("SET key value");
    assert_eq!(crate::support::segments::segments(log.path()).len(), 1);
    assert!(crate::support::segments::segments(place.path()).is_empty());
    server.kill();
    server.restart();
    assert_eq!(server.connect().run("GET key"), Value::Bulk(b"value".to_vec()));
    server.kill();
    // Without the directive its log is missing, and it does not begin an empty one.
    let (output, status) = Server::start_refused(place.path(), &[]);
    assert!(!status.success() && output.contains("no log in"), "{output}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let place = place();
    let other = Server::start(&[]);
    let port = other.address().port().to_string();
    let (output, status) = Server::start_refused(place.path(), &["--port", &port]);
    assert_eq!(status.code(), Some(1));
    assert!(output.contains(&port) && output.contains("in use"), "{output}");
}
