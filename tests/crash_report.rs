//! A server that crashes says so at the end of its log, dies by the signal, and has lost nothing.

mod support;

use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::io::{Write, stdout};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::Mutex;

use backlogd::admin::crash::{self, InfoSource};
use backlogd::admin::tracing;
use backlogd::config::settings::LogLevel;
use rustix::process::{Pid, Signal, kill_process};
use support::history::history;
use support::process::Process;
use support::segments::segments;
use support::{Client, Endpoint, Server, await_until};

const START: &str = "=== BACKLOGD BUG REPORT START";
const END: &str = "=== BACKLOGD BUG REPORT END";

fn start(further: &[&str]) -> Server {
    let arguments = ["--enable-debug-command", "yes", "--save", ""];
    Server::start(&[&arguments[..], further].concat())
}

/// Writes, crashes it by `crash`, and sees that it ends by `signal`, and that all that was
/// acknowledged is there when it is started again; returns what it had said.
#[track_caller]
fn crash_it(server: &mut Server, signal: Signal, crash: impl FnOnce(&mut Client, Pid)) -> String {
    let mut client = server.connect();
    for number in 0..100 {
        let set = client.call(&["SET", &format!("key:{number}"), &format!("value {number}")]);
        assert_eq!(set.text(), "OK");
    }
    let before = history(server);
    let pid = Pid::from_raw(server.pid().cast_signed()).expect("a process");
    crash(&mut client, pid);
    assert_eq!(server.wait().signal(), Some(signal.as_raw()));
    let said = server.output();

    server.restart();
    let after = history(server);
    assert_eq!((after.replid, after.offset), (before.replid, before.offset));
    let mut client = server.connect();
    for number in 0..100 {
        assert_eq!(client.run(&format!("GET key:{number}")).text(), format!("value {number}"));
    }
    said
}

/// The report in what was said, which must be the only one, and whole.
#[track_caller]
fn report(said: &str) -> &str {
    assert_eq!((said.matches(START).count(), said.matches(END).count()), (1, 1), "{said}");
    let (start, end) = (said.find(START).expect("it begins"), said.find(END).expect("it ends"));
    assert!(start < end, "{said}");
    let report = &said[start..end];
    for part in [
        &format!("backlogd {} (build ", env!("CARGO_PKG_VERSION")),
        "in thread: ",
        "------ STACK TRACE ------",
        "------ INFO OUTPUT ------",
        "redis_version:",
        "run_id:",
        "# Replication",
    ] {
        assert!(report.contains(part), "{part} in {report}");
    }
    report
}

fn send(signal: Signal) -> impl FnOnce(&mut Client, Pid) {
    move |_, pid| kill_process(pid, signal).expect("it runs")
}

/// Sends a command that is not answered.
fn ask_for(line: &'static str) -> impl FnOnce(&mut Client, Pid) {
    move |client, _| client.send_command(&line.split(' ').collect::<Vec<_>>())
}

#[test]
fn every_fatal_signal_is_reported_and_ends_the_server_by_itself() {
    for (signal, name) in [
        (Signal::SEGV, "11 (SIGSEGV)"),
        (Signal::ABORT, "6 (SIGABRT)"),
        (Signal::BUS, "7 (SIGBUS)"),
        (Signal::FPE, "8 (SIGFPE)"),
        (Signal::ILL, "4 (SIGILL)"),
    ] {
        let said = crash_it(&mut start(&[]), signal, send(signal));
        let report = report(&said);
        assert!(report.contains(&format!("crashed by signal: {name}, si_code: 0")), "{report}");
        assert!(report.contains(&format!("Killed by PID: {}", std::process::id())), "{report}");
        // Nobody held a lock.
        assert!(report.contains("# Keyspace\ndb0:keys=100"), "{report}");
    }
}

#[test]
fn a_fault_in_a_command_is_reported_with_its_address_and_where_it_came_from() {
    let said = crash_it(&mut start(&[]), Signal::SEGV, ask_for("DEBUG SEGFAULT"));
    let report = report(&said);
    assert!(report.contains("crashed by signal: 11 (SIGSEGV), si_code: 2"), "{report}");
    assert!(report.contains("Accessing address: 0x"), "{report}");
    assert!(report.contains("in thread: worker"), "{report}");
    assert!(report.contains("/src/admin/crash/signals.rs:"), "{report}");
    assert!(report.contains("/src/command/debug/mod.rs:"), "{report}");
    // The command holds every shard, and INFO needs none.
    assert!(report.contains("# Keyspace\ndb0:keys=100"), "{report}");
}

#[test]
fn a_panic_is_reported_with_its_words_and_its_place() {
    let said = crash_it(&mut start(&[]), Signal::ABORT, ask_for("DEBUG PANIC"));
    let report = report(&said);
    assert!(report.contains("panicked at src/command/debug/mod.rs:"), "{report}");
    assert!(report.contains("DEBUG PANIC was called"), "{report}");
    assert!(report.contains("ends by signal: 6 (SIGABRT)"), "{report}");
    assert!(report.contains("/src/command/debug/mod.rs:"), "{report}");
}

#[test]
fn a_segment_that_another_program_cuts_short_is_a_reported_fault() {
    let mut server = start(&["--backlog-segment-size", "64kb", "--appendfsync", "no"]);
    let mut client = server.connect();
    client.run("SET key value");
    let segment = segments(server.directory()).pop().expect("a segment");
    let whole = fs::read(&segment).expect("it can be read");
    OpenOptions::new().write(true).open(&segment).and_then(|file| file.set_len(4096)).unwrap();
    client.send_command(&["SET", "key", "never acknowledged"]);
    assert_eq!(server.wait().signal(), Some(Signal::BUS.as_raw()));
    let said = server.output();
    let report = report(&said);
    assert!(report.contains("crashed by signal: 7 (SIGBUS), si_code: 2"), "{report}");
    assert!(report.contains("Accessing address: 0x"), "{report}");
    assert!(report.contains("/src/log/writer.rs:"), "{report}");
    fs::write(&segment, whole).unwrap();
    server.restart();
    assert_eq!(server.connect().run("GET key").text(), "value");
}

#[test]
fn reports_can_be_switched_off_and_on_and_the_end_is_the_same() {
    let mut server = start(&["--crash-log-enabled", "no"]);
    let said = crash_it(&mut server, Signal::SEGV, ask_for("DEBUG SEGFAULT"));
    assert!(!said.contains(START), "{said}");
    let said = crash_it(&mut server, Signal::ABORT, ask_for("DEBUG PANIC"));
    assert!(!said.contains(START) && said.contains("panicked at"), "{said}");
    assert_eq!(server.connect().run("CONFIG SET crash-log-enabled yes").text(), "OK");
    report(&crash_it(&mut server, Signal::SEGV, ask_for("DEBUG SEGFAULT")));
}

#[test]
fn who_may_not_debug_crashes_nothing() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for command in ["DEBUG SEGFAULT", "DEBUG PANIC"] {
        assert!(client.run(command).text().contains("DEBUG command not allowed"));
    }
    assert_eq!(client.run("PING").text(), "PONG");
}

#[test]
fn a_report_goes_to_the_file_where_the_log_does() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = |name: &str| directory.path().join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.args(["--port", "0", "--enable-debug-command", "yes", "--dir"]).arg(directory.path());
    command.arg("--logfile").arg(path("text.log"));
    command.arg("--backlog-address-file").arg(path("addresses"));
    let mut process = Process::start(&mut command, "cargo builds it for the tests");
    let mut address = None;
    await_until("the server is ready", || {
        let text = fs::read_to_string(path("addresses")).unwrap_or_default();
        address = text.lines().next().and_then(|line| line.trim().parse().ok());
        address.is_some()
    });
    let mut client = Client::connect(address.expect("an address"));
    client.send_command(&["DEBUG", "SEGFAULT"]);
    assert_eq!(process.wait().signal(), Some(Signal::SEGV.as_raw()));
    let said = fs::read_to_string(path("text.log")).expect("there is a log");
    let lines = report(&said);
    assert!(lines.contains("SIGSEGV"), "{lines}");
    let last = said.trim_end().lines().next_back().expect("lines");
    assert!(last.contains(END), "{last}");
    assert!(said.contains(&format!("{}:M ", process.pid())) && process.output().is_empty());
}

/// Names the crash that a process started for it dies of.
const CRASH: &str = "BACKLOGD_TEST_CRASH";

/// Runs the test `name` once more in a process of its own, where it crashes.
fn crashed(name: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", name, "--nocapture"]).env(CRASH, name);
    command.output().expect("it runs")
}

/// Whether this process was started to crash; if so, it reports to standard output.
fn is_to_crash() -> bool {
    let is_to_crash = std::env::var_os(CRASH).is_some();
    if is_to_crash {
        crash::enable();
        let log = tracing::start(LogLevel::Notice, None).expect("there is standard output");
        crash::start(log).expect("threads and handlers can be made");
    }
    is_to_crash
}

fn recurse(depth: u64) -> u64 {
    let room = black_box([depth; 100]);
    if depth == u64::MAX { room[0] } else { recurse(depth + 1) + room[99] }
}

#[test]
fn a_stack_that_overflows_is_reported_from_another_stack() {
    if is_to_crash() {
        let deep = std::thread::Builder::new().name("deep".to_owned());
        deep.spawn(|| recurse(0)).unwrap().join().unwrap();
    }
    let output = crashed("a_stack_that_overflows_is_reported_from_another_stack");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.signal(), Some(Signal::SEGV.as_raw()), "{said}");
    assert!(said.contains("in thread: deep") && said.contains("SIGSEGV"), "{said}");
    assert!(said.contains("none: there is no data yet") && said.contains(END), "{said}");
}

#[test]
fn a_thread_that_holds_locks_is_reported_without_what_needs_them() {
    static LOCK: Mutex<()> = Mutex::new(());
    if is_to_crash() {
        crash::use_info(InfoSource {
            sections: vec!["first", "second", "third"],
            write: Box::new(|section| {
                let held = (section == "second").then(|| LOCK.lock());
                format!("the {section} section is {}\r\n", held.is_some())
            }),
        });
        let _held = LOCK.lock();
        let mut output = stdout().lock();
        output.write_all(b"held\n").unwrap();
        crash::fault();
    }
    let output = crashed("a_thread_that_holds_locks_is_reported_without_what_needs_them");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.signal(), Some(Signal::SEGV.as_raw()), "{said}");
    assert!(said.contains("held\n") && said.contains(START) && said.contains(END), "{said}");
    let info = "the first section is false\n\n# second: left out, as the thread that crashed holds what \
                it needs\n\nthe third section is false\n";
    assert!(said.contains(info), "{said}");
}
