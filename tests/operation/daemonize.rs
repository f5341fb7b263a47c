//! `daemonize`, `pidfile` and the paths beside `dir`, asked of stock servers in the same words.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::await_until;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const OURS: &str = env!("CARGO_BIN_EXE_backlogd");
const STOCK: &str = "redis-server";
const INSTALL: &str = "redis-server is needed: apt-get install redis-server";

/// A place for a server, which is ended with it.
struct Place {
    directory: TempDir,
    program: &'static str,
}

impl Place {
    fn new(program: &'static str) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        fs::create_dir(directory.path().join("data")).expect("so can one in it");
        Self { directory, program }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the program with these lines on standard input, until nobody can write to its output any
    /// more: a daemon lets go of it. Returns its exit status and all of that.
    fn run(&self, arguments: &[&str], input: &str) -> (Option<i32>, String) {
        let mut child = Command::new(self.program)
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect(INSTALL);
        let mut pipe = child.stdin.take().expect("it is piped");
        pipe.write_all(input.as_bytes()).expect("it is read");
        drop(pipe);
        let output = child.wait_with_output().expect("it can be waited for");
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&told).into_owned())
    }

    /// Starts a daemon on a socket in the place, whose other directives are these.
    fn start(&self, lines: &str) {
        let lines = format!("daemonize yes\nport 0\nunixsocket {}\n{lines}", self.socket());
        let (code, told) = self.run(&["-"], &lines);
        assert_eq!(code, Some(0), "{}: {told}", self.program);
    }

    fn socket(&self) -> String {
        self.path("socket").display().to_string()
    }

    /// Asks it something, once it listens; returns the last line of the reply's `lines`.
    fn ask(&self, request: &str, lines: usize) -> String {
        let mut connected = None;
        await_until("the daemon listens", || {
            connected = UnixStream::connect(self.path("socket")).ok();
            connected.is_some()
        });
        let mut stream = connected.expect("it was waited for");
        stream.write_all(format!("{request}\r\n").as_bytes()).expect("the daemon reads");
        let replies = BufReader::new(stream).lines().take(lines);
        replies.last().expect("there is a reply").expect("the daemon answers")
    }

    /// The value of a field of INFO, whose name ends in a colon.
    fn info(&self, field: &str) -> String {
        let mut stream = UnixStream::connect(self.path("socket")).expect("the daemon listens");
        stream.write_all(b"INFO server\r\n").expect("the daemon reads");
        let mut lines = BufReader::new(stream).lines().map(|line| line.expect("it answers"));
        let line = lines.find_map(|line| line.strip_prefix(field).map(str::to_owned));
        line.expect("there is such a field")
    }

    fn config(&self, name: &str) -> String {
        self.ask(&format!("CONFIG GET {name}"), 5)
    }

    /// Waits until it serves, and takes the process that the pid file names.
    fn daemon(&self, file: &str) -> Daemon {
        let daemon = Daemon(self.pid(file));
        self.await_service();
        daemon
    }

    fn await_service(&self) {
        await_until("it serves", || self.ask("PING", 1) == "+PONG");
    }

    /// The number in a pid file, once it is there.
    fn pid(&self, file: &str) -> Pid {
        let mut found = None;
        await_until("the pid file is there", || {
            let text = fs::read_to_string(self.path(file)).unwrap_or_default();
            let number = text.strip_suffix('\n').map(|number| number.parse().expect("a number"));
            found = number.and_then(Pid::from_raw);
            found.is_some()
        });
        found.expect("it was waited for")
    }
}

/// A process that is nobody's child; it ends with the test.
struct Daemon(Pid);

impl Daemon {
    fn read(&self, what: &str) -> String {
        let path = format!("/proc/{}/{what}", self.0.as_raw_nonzero());
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn link(&self, what: &str) -> PathBuf {
        let path = format!("/proc/{}/{what}", self.0.as_raw_nonzero());
        fs::read_link(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The name of the process, its session, and whether it has a terminal.
    fn name_and_session(&self) -> (String, i32, bool) {
        let text = self.read("stat");
        let (name, rest) = text.split_once(") ").expect("the name stands in parentheses");
        let words: Vec<_> = rest.split(' ').collect();
        let name = name.split_once('(').expect("so it does").1.to_owned();
        (name, words[3].parse().expect("a number"), words[4] != "0")
    }

    fn terminate(&self) {
        kill_process(self.0, Signal::TERM).expect("it is there");
        self.await_end();
    }

    /// Waits until it has ended; whoever has inherited it may not have asked after it yet.
    /// Waits until all of it has ended: as long as a thread has not, the directory is locked.
    fn await_end(&self) {
        let path = |name| format!("/proc/{}/{name}", self.0.as_raw_nonzero());
        let threads = || fs::read_dir(path("task")).map_or(0, Iterator::count);
        await_until("the daemon is gone", || {
            fs::read_to_string(path("stat")).map_or(true, |stat| stat.contains(") Z "))
                && threads() <= 1
        });
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended, as it should.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn a_daemon_has_its_own_session_and_no_terminal_and_ends_with_its_pid_file() {
    for program in [STOCK, OURS] {
        let place = Place::new(program);
        place.start("pidfile server.pid\ndir data\nlogfile server.log\nsave \"\"\n");
        let daemon = place.daemon("data/server.pid");
        let (name, session, has_terminal) = daemon.name_and_session();
        let expected = Path::new(program).file_name().expect("a name").to_string_lossy();
        assert_eq!(name, expected, "it is found by its name");
        assert_eq!((session, has_terminal), (daemon.0.as_raw_nonzero().get(), false), "{program}");
        for descriptor in ["fd/0", "fd/1", "fd/2"] {
            assert_eq!(daemon.link(descriptor), Path::new("/dev/null"), "{program} {descriptor}");
        }
        let data = place.path("data").canonicalize().expect("the directory is there");
        assert_eq!(daemon.link("cwd"), data, "{program}: relative names mean those in dir");
        for (name, value) in [
            ("daemonize", "yes"),
            ("pidfile", "server.pid"),
            ("logfile", "server.log"),
            ("supervised", "no"),
            ("dir", data.to_str().expect("UTF-8")),
        ] {
            assert_eq!(place.config(name), value, "{program} {name}");
        }
        let log = fs::read_to_string(place.path("data/server.log")).expect("it logs there");
        assert!(log.contains(&format!("{}:M ", daemon.0.as_raw_nonzero())), "{program}: {log}");
        daemon.terminate();
        assert!(!place.path("data/server.pid").exists(), "{program}");
    }
}

#[test]
fn a_daemon_that_is_killed_leaves_its_pid_file_and_the_next_one_takes_it() {
    for program in [STOCK, OURS] {
        let place = Place::new(program);
        let lines = format!("pidfile {}\ndir data\n", place.path("pid").display());
        place.start(&lines);
        let killed = place.daemon("pid");
        assert_eq!(place.ask("SET key value", 1), "+OK");
        kill_process(killed.0, Signal::KILL).expect("it is there");
        killed.await_end();
        assert!(place.path("pid").exists());
        place.start(&lines);
        await_until("the pid file is of the new one", || place.pid("pid") != killed.0);
        place.daemon("pid").terminate();
    }
}

#[test]
fn a_daemon_without_a_pid_file_of_its_own_takes_that_of_stock() {
    for program in [STOCK, OURS] {
        let place = Place::new(program);
        place.start(&format!("dir data\nlogfile {}\n", place.path("log").display()));
        assert_eq!(place.config("pidfile"), "/var/run/redis.pid", "{program}");
        let pid = place.info("process_id:");
        Daemon(Pid::from_raw(pid.parse().expect("a number")).expect("not zero")).terminate();
    }
}

#[test]
fn a_pid_file_is_written_in_the_foreground_too_and_one_that_cannot_be_is_no_obstacle() {
    for program in [STOCK, OURS] {
        let place = Place::new(program);
        for (file, is_written) in [("x.pid", true), ("no/such/x.pid", false)] {
            let mut child = Command::new(program)
                .args(["--port", "0", "--unixsocket", &place.socket(), "--dir", "data"])
                .args(["--pidfile", file])
                .current_dir(place.directory.path())
                .stdout(Stdio::null())
                .spawn()
                .expect(INSTALL);
            let daemon = Daemon(Pid::from_child(&child));
            place.await_service();
            assert_eq!(place.config("pidfile"), file, "{program}");
            if is_written {
                assert_eq!(place.pid(&format!("data/{file}")), daemon.0);
            }
            kill_process(daemon.0, Signal::TERM).expect("it is there");
            assert!(child.wait().expect("it ends").success(), "{program}");
            assert!(!place.path("data/x.pid").exists(), "{program}");
        }
    }
}

#[test]
fn what_is_wrong_with_the_configuration_is_said_before_the_terminal_is_left() {
    for program in [STOCK, OURS] {
        let place = Place::new(program);
        for (line, word) in [
            ("port x", "argument couldn't be parsed into an integer"),
            ("dir /no/such/directory", "No such file or directory"),
            ("no-such-directive 1", "Bad directive"),
            ("logfile /no/such/directory/log", "Can't open the log file"),
        ] {
            let (code, told) = place.run(&["-"], &format!("daemonize yes\nport 1\n{line}\n"));
            assert_eq!(code, Some(1), "{program} {line}: {told}");
            assert!(told.contains(word), "{program} {line}: {told}");
        }
    }
}

#[test]
fn what_keeps_a_daemon_from_listening_is_said_by_its_launcher() {
    let place = Place::new(OURS);
    place.start("dir data\npidfile server.pid\n");
    let daemon = place.daemon("data/server.pid");
    let second =
        format!("--daemonize yes --port 0 --unixsocket {} --dir data", place.path("b").display());
    let mut arguments: Vec<_> = second.split(' ').collect();
    arguments.extend(["--pidfile", "server.pid"]);
    let (code, told) = place.run(&arguments, "");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("data is in use by process"), "{told}");
    assert_eq!(place.pid("data/server.pid"), daemon.0, "the pid file is the first one's");
    daemon.terminate();
}

#[test]
fn a_configuration_of_files_arguments_and_input_reaches_the_daemon() {
    let place = Place::new(OURS);
    let conf = format!("port 0\nunixsocket {}\nhz 20\ninclude more.conf\n", place.socket());
    fs::write(place.path("a.conf"), conf).expect("it can be written");
    fs::write(place.path("more.conf"), "slowlog-max-len 7\n").expect("it can be written");
    // Longer than a pipe holds.
    let input = format!("{}\nmaxclients 77\n", "# comment\n".repeat(20_000));
    let arguments = ["a.conf", "-", "--daemonize", "yes", "--dir", "data", "--pidfile", "p"];
    assert_eq!(place.run(&arguments, &input), (Some(0), String::new()));
    let daemon = place.daemon("data/p");
    for (name, value) in [("hz", "20"), ("slowlog-max-len", "7"), ("maxclients", "77")] {
        assert_eq!(place.config(name), value);
    }
    assert_eq!(place.ask("CONFIG REWRITE", 1), "+OK");
    let rewritten = fs::read_to_string(place.path("a.conf")).expect("it is where it was");
    assert!(rewritten.contains("\nmaxclients 77\n"), "{rewritten}");
    daemon.terminate();
}
