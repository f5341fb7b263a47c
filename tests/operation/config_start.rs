//! The command line and the configuration file at the start of the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::process::Process;
use crate::support::{Client, Value};
use tempfile::TempDir;

const HINT: &str = "cargo builds it for the tests";

fn place() -> TempDir {
    TempDir::new().expect("a temporary directory can be made")
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).expect("the file can be written");
    path
}

fn backlogd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    backlogd(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts that these arguments are refused with these words, both checked and started.
fn assert_refused(arguments: &[&str], words: &[&str]) {
    let checked = [&["--check-config"], arguments].concat();
    for arguments in [arguments, &checked] {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {word:?} is not in:\n{said}");
        }
    }
}

/// A server started with arguments of its own, and its address.
fn start(directory: &Path, arguments: &[&str]) -> (Process, Client) {
    let file = directory.join("address");
    let mut command = backlogd(arguments);
    command.current_dir(directory).arg("--backlog-address-file").arg(&file);
    let mut process = Process::start(&mut command, HINT);
    if let Err(output) = process.wait_for_line("Ready to accept connections") {
        panic!("it did not start:\n{output}");
    }
    let address = fs::read_to_string(&file).expect("the file with the address");
    let first = address.lines().next().expect("an address");
    (process, Client::connect(first.parse().expect("an address")))
}

#[test]
fn a_bad_line_is_named_with_its_file_and_number() {
    let place = place();
    for (line, words) in [
        ("no-such-directive 1", "Bad directive or wrong number of arguments"),
        ("port seven", "argument couldn't be parsed into an integer"),
        ("appendfsync sometimes", "argument(s) must be one of the following"),
        ("hz \"10", "Unbalanced quotes"),
        ("save 1", "Invalid save parameters"),
        ("include /no/such/file.conf", "No such file or directory"),
    ] {
        let file = write(place.path(), "bad.conf", &format!("port 0\n\n# a comment\n{line}\n"));
        let name = file.to_str().expect("UTF-8");
        assert_refused(&[name], &[words, name, "line 4", line]);
    }
    let outer = write(place.path(), "outer.conf", "port 0\ninclude bad.conf\n");
    let output = backlogd(&["--check-config", "outer.conf"])
        .current_dir(place.path())
        .output()
        .expect("the binary runs");
    assert!(text(&output.stderr).contains("bad.conf, line 4"), "{output:?}");
    fs::remove_file(outer).expect("it is there");
    assert_refused(&["/no/such/file.conf"], &["/no/such/file.conf", "No such file"]);
}

#[test]
fn a_bad_directive_on_the_command_line_is_named() {
    assert_refused(&["--no-such-directive", "1"], &["Bad directive", "no-such-directive"]);
    assert_refused(&["--port", "99999"], &["port \"99999\"", "command line"]);
    assert_refused(&["--backlog-segment-size", "1"], &["must be between", "backlog-segment-size"]);
}

#[test]
fn a_snapshot_may_not_take_the_name_of_a_file_of_the_server() {
    for name in ["00000000000000000001.log", "backlogd.manifest", "backlogd.lock", "backlogd-1"] {
        assert_refused(&["--dbfilename", name], &["dbfilename", "files of its own", name]);
    }
    assert_refused(&["--dbfilename", ".."], &["dbfilename can't be a directory"]);
}

#[test]
fn what_a_start_refuses_of_the_configuration_as_a_whole_is_refused_by_the_check_too() {
    let rename = ["--rename-command", "NOSUCH", "x"];
    assert_refused(&rename, &["No such command in rename-command: NOSUCH"]);
    assert_refused(&["--port", "0"], &["not listen anywhere", "unixsocket"]);
    for further in ["--unixsocket", "--backlog-address-file"] {
        let output = run(&["--check-config", "--port", "0", further, "/tmp/x"]);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn directives_that_would_be_broken_promises_are_refused_with_the_reason() {
    for (directive, value, reason) in [
        ("--replica-read-only", "no", "primary"),
        ("--cluster-enabled", "yes", "cluster"),
        ("--aclfile", "users.acl", "No such file"),
        ("--loadmodule", "some.so", "modules"),
    ] {
        let arguments: Vec<_> = [directive].into_iter().chain(value.split(' ')).collect();
        assert_refused(&arguments, &[reason, directive.trim_start_matches('-')]);
    }
}

#[test]
fn a_directive_without_effect_is_accepted_with_one_warning() {
    let place = place();
    let arguments = ["--port", "0", "--dir", ".", "--io-threads-do-reads", "yes"];
    let (mut process, mut client) = start(place.path(), &arguments);
    assert_eq!(client.run("PING").text(), "PONG");
    let output = process.output();
    assert_eq!(output.matches("has no effect").count(), 1, "{output}");
}

#[test]
fn check_config_says_what_it_found_and_starts_nothing() {
    let place = place();
    let file = write(place.path(), "good.conf", "port 7000\nhz 20\n");
    let output = backlogd(&["--check-config", file.to_str().expect("UTF-8")])
        .current_dir(place.path())
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stdout).contains("sound"), "{output:?}");
    assert!(!place.path().join("backlogd-data").exists());
    let version = run(&["--version"]);
    assert!(text(&version.stdout).starts_with("backlogd "), "{version:?}");
    let help = run(&["--help"]);
    assert!(text(&help.stdout).contains("Usage: backlogd"), "{help:?}");
}

#[test]
fn the_command_line_overrides_the_file_which_rewrite_keeps() {
    let place = place();
    let config = "# mine\nport 0\ndir .\nhz 20 \n# about snapshots\nsave 100 1\nmaxclients 77\n";
    write(place.path(), "server.conf", config);
    let (mut process, mut client) = start(place.path(), &["server.conf", "--hz", "30"]);
    let get = |client: &mut Client, name: &str| {
        client.call(&["CONFIG", "GET", name]).elements()[1].text()
    };
    assert_eq!(get(&mut client, "hz"), "30");
    assert_eq!(get(&mut client, "save"), "100 1");
    assert_eq!(get(&mut client, "maxclients"), "77");
    assert_eq!(client.run("CONFIG SET maxclients 88").text(), "OK");
    assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
    let rewritten = fs::read_to_string(place.path().join("server.conf")).expect("it is there");
    assert!(rewritten.starts_with("# mine\nport 0\n"), "{rewritten}");
    assert!(rewritten.contains("# about snapshots\nsave 100 1\nmaxclients 88\n"), "{rewritten}");
    process.kill();
    let (_process, mut client) = start(place.path(), &["server.conf"]);
    assert_eq!(get(&mut client, "maxclients"), "88");
}

#[test]
fn names_with_underscores_are_taken_and_rewritten_as_they_are_spelled() {
    let place = place();
    let config = "# mine\nport 0\ndir .\nrepl_backlog_size 31457280\n# tail\n";
    write(place.path(), "server.conf", config);
    let flags = ["server.conf", "--slowlog_max_len", "9"];
    let (mut process, mut client) = start(place.path(), &flags);
    let get = |client: &mut Client, name: &str| {
        client.call(&["CONFIG", "GET", name]).elements()[1].text()
    };
    assert_eq!(get(&mut client, "repl-backlog-size"), "31457280");
    assert_eq!(get(&mut client, "slowlog-max-len"), "9");
    assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
    let rewritten = fs::read_to_string(place.path().join("server.conf")).expect("it is there");
    let lines: Vec<_> = rewritten.lines().filter(|line| !line.starts_with("dir ")).collect();
    assert_eq!(lines[..4], ["# mine", "port 0", "repl_backlog_size 31457280", "# tail"]);
    assert!(lines.contains(&"slowlog-max-len 9"), "{rewritten}");
    process.kill();
    let (_process, mut client) = start(place.path(), &["server.conf"]);
    assert_eq!(get(&mut client, "repl-backlog-size"), "31457280");
}

#[test]
fn the_log_stays_on_when_it_is_told_to_be_off() {
    let place = place();
    write(place.path(), "server.conf", "port 0\ndir .\nappendonly no\n");
    let (mut process, mut client) = start(place.path(), &["server.conf"]);
    let get =
        |client: &mut Client| client.call(&["CONFIG", "GET", "appendonly"]).elements()[1].text();
    assert_eq!(get(&mut client), "yes");
    assert_eq!(client.run("CONFIG SET appendonly yes").text(), "OK");
    let warning = "has no effect: the log cannot be switched off directive=appendonly";
    let output = process.output();
    assert_eq!(output.matches(warning).count(), 1, "of the line of the file:\n{output}");
    assert_eq!(client.run("CONFIG SET appendonly no").text(), "OK");
    process.wait_for_line(warning).expect("it warns of CONFIG SET");
    assert_eq!(get(&mut client), "yes");
    assert_eq!(client.run("SET key value").text(), "OK");
    assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
    let rewritten = fs::read_to_string(place.path().join("server.conf")).expect("it is there");
    assert!(rewritten.lines().any(|line| line == "appendonly yes"), "{rewritten}");
    process.kill();
    let (_process, mut client) = start(place.path(), &["server.conf"]);
    assert_eq!(client.run("GET key"), Value::Bulk(b"value".to_vec()));
}

#[test]
fn without_a_file_it_makes_a_directory_of_its_own() {
    let place = place();
    let (mut process, mut client) = start(place.path(), &["--port", "0"]);
    assert_eq!(client.run("SET key value").text(), "OK");
    assert!(place.path().join("backlogd-data").join("backlogd.manifest").exists());
    process.kill();
    let (_process, mut client) = start(place.path(), &["--port", "0"]);
    assert_eq!(client.run("GET key"), Value::Bulk(b"value".to_vec()));
}

#[test]
fn a_password_of_the_file_is_asked_for() {
    let place = place();
    write(place.path(), "server.conf", "port 0\ndir .\nrequirepass \"a secret\"\n");
    let (_process, mut client) = start(place.path(), &["server.conf"]);
    assert_eq!(client.run("PING").text(), "NOAUTH Authentication required.");
    assert!(client.call(&["AUTH", "wrong"]).text().starts_with("WRONGPASS"));
    assert_eq!(client.call(&["AUTH", "a secret"]).text(), "OK");
    assert_eq!(client.run("PING").text(), "PONG");
}
