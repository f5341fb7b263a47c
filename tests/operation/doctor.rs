//! `backlogd doctor` on the real machine: what it tells, its exit status, that it leaves nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::json::Json;
use crate::support::mount::Mount;
use crate::support::{Endpoint, Server};

fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.arg("doctor").args(arguments);
    command.output().expect("cargo builds it for the tests")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn member<'j>(json: &'j Json, name: &str) -> &'j Json {
    let Json::Object(members) = json else { panic!("no object: {json:?}") };
    &members.iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no {name}")).1
}

/// The verdict on one thing, and what was seen.
fn finding(json: &Json, name: &str) -> (String, String) {
    let Json::Array(findings) = member(json, "findings") else { panic!("no list") };
    let named = |finding: &&Json| member(finding, "name") == &Json::Text(name.to_owned());
    let found = findings.iter().find(named).unwrap_or_else(|| panic!("nothing about {name}"));
    let text = |name: &str| match member(found, name) {
        Json::Text(text) => text.clone(),
        other => panic!("{name} is {other:?}"),
    };
    (text("verdict"), text("seen"))
}

/// The exit status that a verdict stands for.
fn status(json: &Json) -> i32 {
    match member(json, "verdict") {
        Json::Text(verdict) if verdict == "fine" => 0,
        Json::Text(verdict) if verdict == "warning" => 1,
        Json::Text(verdict) if verdict == "error" => 2,
        other => panic!("{other:?}"),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it can be read");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn the_directory_of_a_running_server_is_examined_and_left_as_it_was() {
    let server = Server::start(&["--save", ""]);
    server.connect().run("SET k v");
    let before = names(server.directory());
    let directory = server.directory().to_str().expect("a path of text");
    let told = doctor(&[directory, "--json"]);
    let json = Json::parse(&text(&told.stdout));
    assert_eq!(told.status.code(), Some(status(&json)));
    assert_eq!(text(&told.stderr), "");
    let (_, seen) = finding(&json, "time of a sync");
    assert!(seen.contains("in 99 of 100"), "{seen}");
    let (verdict, seen) = finding(&json, "directory of the log");
    assert_eq!((verdict.as_str(), seen.as_str()), ("fine", directory));
    assert_eq!(names(server.directory()), before);
    assert_eq!(server.connect().run("GET k").text(), "v");
    let plain = text(&doctor(&[directory]).stdout);
    assert!(plain.lines().any(|line| line.contains("time of a sync")), "{plain}");
    let last = plain.lines().last().expect("lines");
    assert!(last == "All is well." || last.starts_with("Errors: "), "{plain}");
}

#[test]
fn a_configuration_is_measured_against_the_machine() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("a.conf");
    let path = directory.path().display();
    fs::write(&file, format!("dir {path}\nmaxmemory 900000gb\nbacklog-min-free-disk 900000gb\n"))
        .expect("it can be written");
    let told = doctor(&[file.to_str().expect("a path of text"), "--json"]);
    let json = Json::parse(&text(&told.stdout));
    assert_eq!((told.status.code(), status(&json)), (Some(2), 2));
    assert_eq!(finding(&json, "memory").0, "error");
    assert_eq!(finding(&json, "free space").0, "error");
    assert_eq!(names(directory.path()), ["a.conf"]);
}

#[test]
fn what_is_not_there_or_wrong_is_said() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let missing = directory.path().join("none/below");
    let told = doctor(&[missing.to_str().expect("a path of text"), "--json"]);
    let json = Json::parse(&text(&told.stdout));
    let (verdict, seen) = finding(&json, "directory of the log");
    assert_eq!(verdict, "warning");
    assert!(seen.starts_with("not there yet; "), "{seen}");
    assert_eq!(names(directory.path()), [""; 0]);
    let file = directory.path().join("wrong.conf");
    fs::write(&file, "port x\n").expect("it can be written");
    let told = doctor(&[file.to_str().expect("a path of text")]);
    assert_eq!(told.status.code(), Some(2));
    assert!(text(&told.stderr).contains("couldn't be parsed into an integer"));
    assert_eq!(doctor(&["a", "b"]).status.code(), Some(2));
}

#[test]
fn a_file_system_in_memory_is_an_error() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let Some(mount) = Mount::tmpfs(place.path(), 16) else { return };
    let told = doctor(&[mount.point().to_str().expect("a path of text"), "--json"]);
    let json = Json::parse(&text(&told.stdout));
    assert_eq!(told.status.code(), Some(2));
    let (verdict, seen) = finding(&json, "file system");
    assert_eq!(verdict, "error");
    assert!(seen.starts_with("tmpfs at "), "{seen}");
    assert_eq!(names(mount.point()), [""; 0]);
}
