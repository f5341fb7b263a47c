//! `log tail`: the end of a log, and what is written to it while somebody follows.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::json::Json;
use crate::support::process::Process;
use crate::support::segments::{flip, lose_last_seals, lose_seals_before_last, segments};
use crate::support::{Boot, Client, Endpoint, Server, await_until};
use rustix::process::Signal;

/// Where the stream begins in a segment file.
const STREAM_AT: u64 = 4096;
const SMALL: [&str; 4] = ["--backlog-segment-size", "64kb", "--save", ""];
/// A log that is kept for nobody.
const SHORT: [&str; 2] = ["--repl-backlog-size", "1kb"];

fn command(tool: &str, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.args(["log", tool]).arg(directory).args(arguments);
    command
}

fn run(tool: &str, directory: &Path, arguments: &[&str]) -> Output {
    command(tool, directory, arguments).output().expect("the tool runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the tools write UTF-8")
}

/// Runs a tool that must find nothing wrong; returns the lines it printed.
#[track_caller]
fn lines(tool: &str, directory: &Path, arguments: &[&str]) -> Vec<String> {
    let output = run(tool, directory, arguments);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

/// Runs a tool that cannot answer; returns what it said.
#[track_caller]
fn refused(directory: &Path, arguments: &[&str]) -> String {
    let output = run("tail", directory, arguments);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
    text(&output.stderr)
}

fn follow(directory: &Path, arguments: &[&str]) -> Process {
    let follower = command("tail", directory, &["--follow", "--interval", "5", "--json"]);
    // Whoever runs the tests in the background has its children ignore an interrupt.
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(follower.get_program()).args(follower.get_args());
    Process::start(command.args(arguments), "a Unix has `env`, and cargo builds the rest")
}

/// Waits until the command with this word is shown.
#[track_caller]
fn await_shown(follower: &mut Process, word: &str) {
    follower.wait_for_line(word).unwrap_or_else(|output| panic!("it ended:\n{output}"));
}

/// What a follower has printed as commands, and what it has said beside them.
fn printed(follower: &mut Process) -> (Vec<String>, Vec<String>) {
    let output = follower.output();
    output.lines().map(str::to_owned).partition(|line| line.starts_with('{'))
}

/// The sequence numbers of the segment files, used or not, ascending.
fn numbers(directory: &Path) -> Vec<u64> {
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut numbers: Vec<u64> =
        names.filter_map(|name| name.ok()?.strip_suffix(".log")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The same of one that is ended first, so that nothing is on its way any more.
fn ended(follower: &mut Process) -> (Vec<String>, Vec<String>) {
    follower.terminate();
    follower.wait();
    printed(follower)
}

fn write(client: &mut Client, name: &str, count: usize) {
    for number in 0..count {
        client.call(&["SET", &format!("{name}:{number}"), &"v".repeat(1000)]);
    }
}

fn set(server: &Server, key: &str) {
    assert_eq!(server.connect().call(&["SET", key, "value"]).text(), "OK");
}

#[test]
fn the_latest_commands_are_those_that_a_dump_ends_with() {
    let mut server = Server::start(&SMALL);
    let mut client = server.connect();
    client.run("SELECT 3");
    write(&mut client, "key", 200);
    for form in [&[][..], &["--json"]] {
        let all = lines("dump", server.directory(), form);
        let tail =
            |arguments: &[&str]| lines("tail", server.directory(), &[form, arguments].concat());
        assert_eq!(tail(&[]), all[all.len() - 10..]);
        // These lie in more than one segment.
        assert_eq!(tail(&["-n", "150"]), all[all.len() - 150..]);
        assert_eq!(tail(&["--lines", "100000"]), all);
        assert_eq!(tail(&["-n", "0"]), [""; 0]);
    }
    let all = lines("dump", server.directory(), &["--json"]);
    let from = Json::parse(&all[70]).member("offset").number().to_string();
    assert_eq!(lines("tail", server.directory(), &["--json", "--from", &from]), all[70..]);
    server.kill();
    assert_eq!(lines("tail", server.directory(), &["--json"]), all[all.len() - 10..]);
}

#[test]
fn what_is_written_is_followed_through_new_segments_as_it_comes() {
    let server = Server::start(&SMALL);
    set(&server, "before");
    let mut follower = follower_at_end(&server);
    let from = server.connect().info("replication", "master_repl_offset");
    write(&mut server.connect(), "key", 300);
    set(&server, "the-last");
    await_shown(&mut follower, "the-last");
    assert!(segments(server.directory()).len() > 3);
    let (commands, complaints) = ended(&mut follower);
    let dump = lines("dump", server.directory(), &["--json", "--from", &from]);
    assert_eq!((commands, complaints), (dump, vec![]));
}

/// A follower that has shown the latest command, and from now on shows what comes.
fn follower_at_end(server: &Server) -> Process {
    let mut follower = follow(server.directory(), &["-n", "1"]);
    set(server, "is-followed");
    await_shown(&mut follower, "is-followed");
    // What it has shown so far is of no interest to those who compare.
    follower.forget();
    follower
}

#[test]
fn a_restart_is_said_and_followed_whether_it_was_in_good_order_or_not() {
    let mut server = Server::start(&SMALL);
    set(&server, "before");
    let mut follower = follower_at_end(&server);
    let from = server.connect().info("replication", "master_repl_offset");
    server.kill();
    server.restart();
    // Nothing was written: the segment that this run began is replaced by the next one's.
    server.kill();
    server.restart();
    set(&server, "after-kill");
    await_shown(&mut follower, "after-kill");
    assert!(server.terminate().success());
    server.restart();
    set(&server, "after-end");
    await_shown(&mut follower, "after-end");

    // Bytes that were appended and never sealed.
    let end: u64 = server.connect().info("replication", "master_repl_offset").parse().unwrap();
    server.kill();
    let tail = segments(server.directory()).pop().unwrap();
    let base = Json::parse(&lines("stat", server.directory(), &["--json"])[0]);
    let base = base.member("segments").elements().last().unwrap().member("start").number();
    let file = OpenOptions::new().write(true).open(&tail).unwrap();
    file.write_all_at(b"*3\r\n$3\r\nSET\r\n", STREAM_AT + end - base).unwrap();
    server.restart();
    set(&server, "after-tear");
    await_shown(&mut follower, "after-tear");

    let (commands, complaints) = ended(&mut follower);
    assert_eq!(commands, lines("dump", server.directory(), &["--json", "--from", &from]));
    assert!(complaints[0].starts_with("note: the server was restarted at offset "));
    let torn = format!("note: a restart has cut off a torn tail at offset {end}");
    assert_eq!(complaints.last(), Some(&torn), "{complaints:?}");
}

#[test]
fn a_cut_of_what_was_shown_is_said_and_the_log_is_followed_from_there() {
    let mut boot = Boot::new();
    let further = ["--appendfsync", "no", "--backlog-boot-id-file", &boot.word()];
    let mut server = Server::start(&[&SMALL[..], &further].concat());
    let mut client = server.connect();
    client.run("SELECT 4");
    client.run("SET kept value");
    let cut = client.info("replication", "master_repl_offset");
    let mut follower = follow(server.directory(), &["--from", &cut]);
    client.run("SELECT 7");
    client.run("SET to-be-lost value");
    await_shown(&mut follower, "to-be-lost");
    let end = client.info("replication", "master_repl_offset");
    server.kill();
    lose_last_seals(&segments(server.directory())[0], 1);
    boot.again();
    server.restart();
    let mut client = server.connect();
    client.run("SELECT 4");
    client.run("SET written-instead value");
    await_shown(&mut follower, "written-instead");
    let (commands, complaints) = ended(&mut follower);
    let said = format!(
        "note: a restart has cut the log at offset {cut}: what stood from there to {end} is not part \
         of it any more"
    );
    assert_eq!(complaints, [said]);
    let now = lines("dump", server.directory(), &["--json", "--from", &cut]);
    assert!(commands[0].contains("SELECT") && commands[1].contains("to-be-lost"), "{commands:?}");
    assert_eq!(commands[2..], now);
    assert_eq!(Json::parse(commands.last().unwrap()).member("db"), &Json::Number(4));
}

#[test]
fn a_torn_tail_is_said_and_what_a_restart_writes_in_its_place_is_followed() {
    let mut boot = Boot::new();
    let further = ["--appendfsync", "no", "--backlog-boot-id-file", &boot.word()];
    let mut server = Server::start(&[&SMALL[..], &further].concat());
    set(&server, "kept");
    let cut: u64 = server.connect().info("replication", "master_repl_offset").parse().unwrap();
    set(&server, "torn");
    server.kill();
    flip(&segments(server.directory())[0], 0, cut + 30);
    let mut follower = follow(server.directory(), &["--from", &cut.to_string()]);
    await_shown(&mut follower, "torn tail");
    boot.again();
    server.restart();
    set(&server, "written-instead");
    await_shown(&mut follower, "written-instead");
    let (commands, complaints) = ended(&mut follower);
    assert_eq!(
        commands,
        lines("dump", server.directory(), &["--json", "--from", &cut.to_string()])
    );
    assert_eq!(complaints.len(), 2, "it is said once: {complaints:?}");
    assert!(
        complaints[0].starts_with("note: ") && complaints[0].contains(&format!("offset {cut}"))
    );
    assert_eq!(complaints[1], format!("note: a restart has cut off a torn tail at offset {cut}"));
}

#[test]
fn a_torn_tail_behind_whole_pages_of_lost_seals_is_said() {
    let mut boot = Boot::new();
    let further = ["--appendfsync", "no", "--backlog-boot-id-file", &boot.word()];
    let mut server = Server::start(&[&SMALL[..], &further].concat());
    set(&server, "kept");
    let cut: u64 = server.connect().info("replication", "master_repl_offset").parse().unwrap();
    // Two pages of seals, each of one write; and some more.
    for _ in 0..300 {
        set(&server, "torn");
    }
    server.kill();
    let segment = segments(server.directory()).remove(0);
    lose_seals_before_last(&segment, 290, 10);
    let shown = lines("tail", server.directory(), &["--json", "-n", "1"]);
    assert!(shown[0].contains("torn"), "the last seals vouch for what is there: {shown:?}");

    flip(&segment, 0, cut + 30);
    let output = run("tail", server.directory(), &["--json"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("torn tail") && said.contains(&format!("offset {cut}")), "{said}");
    assert!(text(&output.stdout).lines().last().unwrap().contains("kept"));

    let mut follower = follow(server.directory(), &[]);
    await_shown(&mut follower, "torn tail");
    boot.again();
    server.restart();
    set(&server, "written-instead");
    await_shown(&mut follower, "written-instead");
    let (_, complaints) = ended(&mut follower);
    let torn = complaints.iter().filter(|said| said.ends_with("torn tail")).count();
    assert_eq!(torn, 1, "it is said once: {complaints:?}");
    let restart = format!("note: a restart has cut off a torn tail at offset {cut}");
    assert_eq!(complaints.last(), Some(&restart), "{complaints:?}");
}

#[test]
fn who_keeps_up_misses_nothing_and_who_is_overtaken_is_told_where() {
    let server = Server::start(&[&SMALL[..], &SHORT].concat());
    let mut client = server.connect();
    let mut follower = follower_at_end(&server);
    let from: u64 = client.info("replication", "master_repl_offset").parse().unwrap();
    let start = |client: &mut Client| -> u64 {
        client.info("backlog", "backlog_start_offset").parse().unwrap()
    };
    let retire = |client: &mut Client, name: &str| {
        let before = start(client);
        write(client, name, 300);
        assert_eq!(client.run("SAVE").text(), "OK");
        await_until("segments are retired", || start(client) > before + 200_000);
    };
    retire(&mut client, "first");
    set(&server, "still-there");
    await_shown(&mut follower, "still-there");
    let (commands, complaints) = printed(&mut follower);
    let mut end = from;
    for command in commands.iter().map(|line| Json::parse(line)) {
        assert_eq!(command.member("offset").number(), end);
        end = command.member("end").number();
    }
    assert!(complaints.is_empty() && end > start(&mut client));
    assert_eq!(client.info("replication", "master_repl_offset"), end.to_string());

    follower.signal(Signal::STOP);
    // It has this one open, and needs the next.
    let shown = numbers(server.directory()).pop().expect("a segment");
    retire(&mut client, "second");
    await_until("the files are gone", || numbers(server.directory())[0] > shown + 1);
    follower.signal(Signal::CONT);
    assert_eq!(follower.wait().code(), Some(2));
    let (commands, complaints) = printed(&mut follower);
    let last = Json::parse(commands.last().unwrap()).member("end").number();
    let said = format!(
        "backlogd: what lies behind offset {last} was retired before it was read: the output ends \
         there"
    );
    assert_eq!(complaints, [said]);

    let said = refused(server.directory(), &["--from", &from.to_string(), "-f"]);
    assert!(said.contains(&format!(": offset {from} is no longer there")), "{said}");
}

#[test]
fn damage_ends_it_with_the_status_of_damage() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect(), "key", 200);
    assert!(server.terminate().success());
    let path = segments(server.directory()).remove(1);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(b"?", STREAM_AT + 20_000).unwrap();
    for form in [&[][..], &["--follow"]] {
        let arguments = [&["--from", "0"], form].concat();
        let output = run("tail", server.directory(), &arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.starts_with("damage: ") && said.contains("corrupt"), "{said}");
        let shown = text(&output.stdout);
        assert!(shown.contains("key:50") && !shown.contains("key:199"));
    }
}

#[test]
fn an_offset_that_is_not_there_is_an_error_and_not_a_wait() {
    let server = Server::start(&SMALL);
    set(&server, "key");
    let end: u64 = server.connect().info("replication", "master_repl_offset").parse().unwrap();
    let beyond = (end + 1).to_string();
    for form in [&["--from", &beyond][..], &["--from", &beyond, "--follow"]] {
        let said = refused(server.directory(), form);
        assert!(said.contains(&format!("the log ends at {end}: offset {beyond} is not there yet")));
    }
    let said = refused(server.directory(), &["--follow", "--from", &(end - 1).to_string()]);
    assert!(said.contains("is inside of a command"), "{said}");
    let mut follower = follow(server.directory(), &["--from", &end.to_string()]);
    set(&server, "at-the-end");
    await_shown(&mut follower, "at-the-end");
}

#[test]
fn a_log_that_is_taken_away_ends_it() {
    let mut server = Server::start(&SMALL);
    set(&server, "before");
    let mut follower = follower_at_end(&server);
    server.kill();
    for path in segments(server.directory()) {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(follower.wait().code(), Some(2));
    assert!(follower.output().contains("the log that was followed is no longer there"));
}

#[test]
fn a_signal_ends_it_and_so_does_a_reader_that_leaves_though_nothing_is_written() {
    let server = Server::start(&SMALL);
    set(&server, "key");
    for signal in [Signal::INT, Signal::TERM] {
        let mut follower = follower_at_end(&server);
        follower.signal(signal);
        assert_eq!(follower.wait().signal(), Some(signal.as_raw()));
    }
    let mut command = command("tail", server.directory(), &["-f"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}
