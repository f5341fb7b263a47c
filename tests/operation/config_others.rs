//! Configuration files of other servers, and of newer ones: a start with them unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::process::Process;
use crate::support::{Endpoint, Program};
use backlogd::config::Directive;
use tempfile::TempDir;

const FILES: [(&str, &str); 4] = [
    ("redis-7.2.conf", include_str!("../configs/redis-7.2.conf")),
    ("redis-8.conf", include_str!("../configs/redis-8.conf")),
    ("valkey-8.0.conf", include_str!("../configs/valkey-8.0.conf")),
    ("valkey-9.0.conf", include_str!("../configs/valkey-9.0.conf")),
];

/// A directory with a configuration, and one for data in it.
fn place(files: &[(&str, &str)]) -> TempDir {
    let place = TempDir::new().expect("a temporary directory can be made");
    for (name, text) in files {
        fs::write(place.path().join(name), text).expect("a file can be written");
    }
    fs::create_dir(place.path().join("data")).expect("a directory can be made");
    place
}

fn command(place: &Path, file: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.current_dir(place).arg(file).args(["--port", "0", "--unixsocket"]);
    command.arg(place.join("socket")).args(["--dir", "data"]).args(more);
    command
}

/// Starts with the file and returns why directives have no effect, by name.
fn start(place: &Path, file: &str, more: &[&str]) -> (Process, BTreeMap<String, String>) {
    let mut process = Process::start(&mut command(place, file, more), "cargo builds it");
    if let Err(output) = process.wait_for_line("Ready to accept connections") {
        panic!("{file}: it does not start:\n{output}");
    }
    let mut warned = BTreeMap::new();
    for line in process.output().lines() {
        let Some((reason, name)) = line.split_once(" directive=") else { continue };
        let reason = reason.split_once("has no effect: ").expect("a reason").1.to_owned();
        let earlier = warned.insert(name.to_owned(), reason);
        assert!(earlier.is_none(), "{file}: {name} is warned of twice");
    }
    (process, warned)
}

fn ask(place: &Path, request: &str, lines: usize) -> String {
    let mut stream = UnixStream::connect(place.join("socket")).expect("it listens");
    stream.write_all(format!("{request}\r\n").as_bytes()).expect("it reads");
    let replies = BufReader::new(stream).lines().take(lines);
    replies.last().expect("there is a reply").expect("it answers")
}

#[test]
fn files_of_other_servers_start_this_one_and_are_rewritten_by_it() {
    for (file, _) in FILES {
        let place = place(&FILES);
        let (mut process, mut warned) = start(place.path(), file, &[]);
        let expected = "the log cannot be switched off";
        assert_eq!(warned.get("appendonly").map(String::as_str), Some(expected), "{file}");
        let is_valkey = file.starts_with("valkey");
        assert_eq!(warned.contains_key("lazyfree-lazy-expire"), is_valkey, "{warned:?}");
        let modules = "modules cannot be loaded";
        let is_told = warned.get("search-timeout").map(String::as_str) == Some(modules);
        assert_eq!(is_told, file == "redis-8.conf", "{warned:?}");
        assert_eq!(ask(place.path(), "CONFIG SET maxclients 77", 1), "+OK");
        assert_eq!(ask(place.path(), "CONFIG REWRITE", 1), "+OK");
        process.terminate();
        assert!(process.wait().success());
        let (_process, mut again) = start(place.path(), file, &[]);
        // That line says `yes` now, unless it stands in a file that is included.
        warned.remove("appendonly");
        again.remove("appendonly");
        assert_eq!(again, warned, "{file}");
        assert_eq!(ask(place.path(), "CONFIG GET maxclients", 5), "77");
    }
}

#[test]
fn what_a_stock_server_writes_is_taken() {
    for program in Program::replicas() {
        let stock = program.start(&[]);
        let mut client = stock.connect();
        let known = client.run("CONFIG GET *");
        for pair in known.elements().chunks(2) {
            let name = pair[0].text();
            assert!(Directive::find(name.as_bytes()).is_some(), "{}: {name}", program.path());
        }
        drop(client);
        let place = place(&[("server.conf", "")]);
        let file = place.path().join("server.conf");
        let mut theirs = Command::new(program.path());
        theirs.arg(&file).args(["--port", "0", "--unixsocket"]).arg(place.path().join("socket"));
        theirs.arg("--dir").arg(place.path().join("data"));
        let mut process = Process::start(&mut theirs, "it has run before");
        process.wait_for_line("eady to accept connections").expect("it starts");
        for line in ["timeout 5", "maxmemory 100mb", "min-replicas-to-write 0", "hz 20"] {
            assert_eq!(ask(place.path(), &format!("CONFIG SET {line}"), 1), "+OK");
        }
        assert_eq!(ask(place.path(), "CONFIG REWRITE", 1), "+OK");
        process.terminate();
        process.wait();
        let (_process, _) = start(place.path(), "server.conf", &[]);
        assert_eq!(ask(place.path(), "CONFIG GET timeout", 5), "5");
        assert_eq!(ask(place.path(), "CONFIG GET maxmemory", 5), "104857600");
    }
}

#[test]
fn names_of_valkey_are_names_of_what_is_there() {
    let place = place(&[("a.conf", "primaryuser \"the user\"\nprimaryauth secret\n")]);
    let more = ["--commandlog-execution-slower-than", "7", "--server-cpulist", "0-1"];
    let (_process, warned) = start(place.path(), "a.conf", &more);
    assert_eq!(warned.keys().collect::<Vec<_>>(), ["server_cpulist"]);
    for (name, value) in [
        ("masteruser", "the user"),
        ("primaryuser", "the user"),
        ("masterauth", "secret"),
        ("primaryauth", "secret"),
        ("slowlog-log-slower-than", "7"),
        ("commandlog-execution-slower-than", "7"),
        ("server_cpulist", "0-1"),
    ] {
        assert_eq!(ask(place.path(), &format!("CONFIG GET {name}"), 5), value, "{name}");
    }
    assert_eq!(ask(place.path(), "CONFIG SET primaryauth other", 1), "+OK");
    assert_eq!(ask(place.path(), "CONFIG GET masterauth", 5), "other");
}

#[test]
fn what_would_be_missed_is_refused_with_the_reason() {
    let place = place(&[]);
    for (line, reason) in [
        (["--import-mode", "yes"], "what expires is removed while data is imported as well"),
        (["--rdma-port", "6379"], "RDMA is not supported"),
        (["--loadmodule", "./search.so"], "modules cannot be loaded"),
        (["--unixsocketgroup", "no-such-group"], "no-such-group: there is no such group"),
    ] {
        let mut refused = Command::new(env!("CARGO_BIN_EXE_backlogd"));
        refused.current_dir(place.path()).args(["--port", "0", "--unixsocket", "x"]);
        let output = refused.args(["--dir", "data"]).args(line).stdin(Stdio::null()).output();
        let output = output.expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{line:?}: {told}");
        assert!(told.contains(reason), "{line:?}: {told}");
    }
}

#[test]
fn the_unix_socket_is_given_to_a_group() {
    let place = place(&[("a.conf", "")]);
    // The one group that whoever runs this may give a file to.
    let own = fs::metadata(place.path()).expect("it is there").gid();
    let groups = fs::read_to_string("/etc/group").expect("there are groups");
    let name = groups.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields[2] == own.to_string()).then(|| fields[0].to_owned())
    });
    for group in name.into_iter().chain([own.to_string()]) {
        let more = ["--unixsocketgroup", &group, "--unixsocketperm", "770"];
        let (_process, _) = start(place.path(), "a.conf", &more);
        let socket = fs::metadata(place.path().join("socket")).expect("it listens");
        assert_eq!((socket.gid(), socket.mode() & 0o777), (own, 0o770), "{group}");
    }
}
