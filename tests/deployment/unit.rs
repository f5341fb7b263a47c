//! The unit for systemd: what it starts says that it is ready, and systemd takes every line.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use tempfile::TempDir;

use super::support::process::Process;
use super::support::wait::PATIENCE;
use super::{read, source};

const OURS: &str = env!("CARGO_BIN_EXE_backlogd");
const PROGRAM: &str = "/usr/local/bin/backlogd";

/// The values of a setting, in order.
fn settings(unit: &str, name: &str) -> Vec<String> {
    let values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

#[test]
fn what_the_unit_starts_says_that_it_is_ready() {
    let unit = read("config/backlogd.service");
    assert_eq!(settings(&unit, "Type"), ["notify"]);
    assert_eq!(settings(&unit, "StateDirectory"), ["backlogd"]);
    let user = settings(&unit, "User");
    assert!(user.len() == 1 && user[0] != "root", "{user:?}");
    let start = settings(&unit, "ExecStart");
    let words: Vec<_> = start[0].split(' ').collect();
    assert_eq!(words[..2], [PROGRAM, "/etc/backlogd/backlogd.conf"]);

    let place = TempDir::new().expect("a temporary directory can be made");
    let socket = UnixDatagram::bind(place.path().join("notify")).expect("a socket can be bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    let state = place.path().join("state");
    fs::create_dir(&state).expect("a directory can be made");
    let mut command = Command::new(OURS);
    command.env("NOTIFY_SOCKET", place.path().join("notify")).env_remove("UPSTART_JOB");
    command.arg(source("config/backlogd.conf"));
    let state = state.to_str().expect("UTF-8");
    command.args(words[2..].iter().map(|word| word.replace("/var/lib/backlogd", state)));
    command.args(["--port", "0", "--unixsocket", "socket"]);
    let mut process = Process::start(&mut command, "cargo builds it");
    let await_word = |word: &str| loop {
        let mut read = [0; 1024];
        let length = socket.recv(&mut read).unwrap_or_else(|error| panic!("{word}: {error}"));
        if String::from_utf8_lossy(&read[..length]).lines().any(|line| line == word) {
            return;
        }
    };
    await_word("READY=1");
    process.terminate();
    await_word("STOPPING=1");
    assert!(process.wait().success());
}

#[test]
fn systemd_takes_every_line_of_the_unit_where_it_is_there() {
    let unit = read("config/backlogd.service");
    let sections: Vec<_> = unit.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(sections, ["[Unit]", "[Service]", "[Install]"]);
    for line in unit.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
        let (name, _) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        assert!(name.chars().all(char::is_alphanumeric), "{line}");
    }
    let place = TempDir::new().expect("a temporary directory can be made");
    let path = place.path().join("backlogd.service");
    fs::write(&path, unit.replace(PROGRAM, OURS)).expect("it can be written");
    let analyse = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output();
    // Where there is no systemd, nobody can use the unit either.
    let Ok(output) = analyse else { return };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let complaints: Vec<_> = told.lines().filter(|line| line.contains("backlogd")).collect();
    assert!(complaints.is_empty(), "{told}");
}
