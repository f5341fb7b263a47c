//! `supervised`: what service managers are told, and when, beside stock servers.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Instant;

use crate::support::process::Process;
use crate::support::stock::free_port;
use crate::support::wait::PATIENCE;
use crate::support::{Client, Endpoint, Server, Stock, await_until};
use rustix::process::Signal;
use tempfile::TempDir;

const OURS: &str = env!("CARGO_BIN_EXE_backlogd");
const STOCK: &str = "redis-server";
const INSTALL: &str = "apt-get install redis-server";
const READY: &str = "Ready to accept connections";

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    name: String,
    heard: Vec<String>,
}

impl Manager {
    /// One that is found by a path.
    fn at(directory: &TempDir) -> Self {
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket can be bound");
        Self::over(socket, path.display().to_string())
    }

    /// One that is found by a name of the abstract namespace.
    fn named(name: &str) -> Self {
        let name = format!("backlogd-{name}-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("a socket can be bound");
        Self::over(socket, format!("@{name}"))
    }

    fn over(socket: UnixDatagram, name: String) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        Self { socket, name, heard: Vec::new() }
    }

    /// Waits for an assignment that contains `text`; what came before it is in `heard`.
    fn await_word(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.heard.iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < deadline, "{text} is not among {:?}", self.heard);
            let mut read = [0; 1024];
            let length = self.socket.recv(&mut read);
            let length = length.unwrap_or_else(|error| panic!("{error}: {:?}", self.heard));
            let told = std::str::from_utf8(&read[..length]).expect("UTF-8");
            self.heard.extend(told.lines().map(str::to_owned));
        }
    }

    /// Where in what was heard this stands first.
    fn place_of(&self, text: &str) -> usize {
        let found = self.heard.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("{text} is not among {:?}", self.heard))
    }
}

/// Starts a server in the foreground, whatever `daemonize` says; returns its port, too.
fn start(
    program: &str,
    place: &TempDir,
    environment: (&str, &str),
    more: &[&str],
) -> (Process, Client) {
    let port = free_port();
    let mut command = Command::new(program);
    command.env_remove("NOTIFY_SOCKET").env_remove("UPSTART_JOB").env(environment.0, environment.1);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(place.path());
    command.args(["--daemonize", "yes", "--pidfile", "pid"]).args(more);
    let mut process = Process::start(&mut command, INSTALL);
    if environment.0 == "UPSTART_JOB" {
        let state =
            || fs::read_to_string(format!("/proc/{}/stat", process.pid())).expect("it runs");
        await_until("it stops itself", || state().contains(") T "));
        process.signal(Signal::CONT);
    }
    if let Err(output) = process.wait_for_line(READY) {
        panic!("{program} does not start:\n{output}");
    }
    (process, Client::connect(([127, 0, 0, 1], port).into()))
}

fn config(client: &mut Client, name: &str) -> String {
    client.call(&["CONFIG", "GET", name]).elements()[1].text()
}

#[test]
fn systemd_is_told_of_loading_readiness_and_the_end() {
    for (program, asked) in [(STOCK, "auto"), (STOCK, "systemd"), (OURS, "auto"), (OURS, "systemd")]
    {
        let place = TempDir::new().expect("a temporary directory can be made");
        let mut manager =
            if asked == "auto" { Manager::named("ready") } else { Manager::at(&place) };
        let name = manager.name.clone();
        let (mut process, mut client) =
            start(program, &place, ("NOTIFY_SOCKET", &name), &["--supervised", asked]);
        manager.await_word("READY=1");
        manager.await_word("STATUS=Ready to accept connections");
        assert!(manager.place_of("loading") < manager.place_of("READY=1"), "{:?}", manager.heard);
        assert_eq!(client.info("server", "process_supervised"), "systemd");
        assert_eq!(config(&mut client, "supervised"), "systemd", "{program} has found it");
        assert_eq!(client.info("server", "process_id"), process.pid().to_string());
        let pid = fs::read_to_string(place.path().join("pid")).expect("it writes the file");
        assert_eq!(pid, format!("{}\n", process.pid()), "{program}");
        assert!(process.output().to_lowercase().contains("supervised by systemd"), "{program}");
        process.terminate();
        manager.await_word("STOPPING=1");
        assert!(process.wait().success());
        assert!(!place.path().join("pid").exists());
    }
}

#[test]
fn systemd_is_told_how_a_replica_stands_to_its_primary() {
    let primary = Server::start(&[]);
    let mut fill = primary.connect();
    assert_eq!(fill.run("SET key value").text(), "OK");
    let address = primary.address().port().to_string();
    let place = TempDir::new().expect("a temporary directory can be made");
    let mut manager = Manager::named("replica");
    let name = manager.name.clone();
    let more = ["--supervised", "systemd", "--replicaof", "127.0.0.1", &address];
    let (_process, mut client) = start(OURS, &place, ("NOTIFY_SOCKET", &name), &more);
    manager.await_word("READY=1");
    manager.await_word("MASTER <-> REPLICA sync: Finished with success");
    let nobody = free_port().to_string();
    assert_eq!(client.call(&["REPLICAOF", "127.0.0.1", &nobody]).text(), "OK");
    manager.heard.clear();
    manager.await_word("read-only mode. Waiting for MASTER <-> REPLICA sync");
    assert_eq!(client.run("REPLICAOF NO ONE").text(), "OK");
    manager.heard.clear();
    manager.await_word("STATUS=Ready to accept connections");
    assert!(!manager.heard.iter().any(|line| line.contains("read-only")), "{:?}", manager.heard);
}

#[test]
fn upstart_is_told_by_a_stop() {
    for (program, asked) in [(STOCK, "upstart"), (STOCK, "auto"), (OURS, "upstart"), (OURS, "auto")]
    {
        let place = TempDir::new().expect("a temporary directory can be made");
        let environment = ("UPSTART_JOB", "server");
        let (mut process, mut client) =
            start(program, &place, environment, &["--supervised", asked]);
        assert_eq!(client.info("server", "process_supervised"), "upstart", "{program}");
        assert_eq!(config(&mut client, "supervised"), "upstart", "{program}");
        let output = process.output();
        assert!(
            output.contains("supervised by upstart, will stop to signal readiness"),
            "{output}"
        );
    }
}

#[test]
fn a_manager_that_is_not_there_is_told_of_and_does_without() {
    for program in [STOCK, OURS] {
        for (asked, missing) in
            [("systemd", "NOTIFY_SOCKET not found"), ("upstart", "UPSTART_JOB not found")]
        {
            let place = TempDir::new().expect("a temporary directory can be made");
            // The last word on a directive counts.
            let more = ["--supervised", asked, "--daemonize", "no"];
            let (mut process, mut client) = start(program, &place, ("UNUSED", ""), &more);
            assert!(process.output().contains(missing), "{program}: {}", process.output());
            assert_eq!(client.info("server", "process_supervised"), "no", "{program}");
            assert_eq!(config(&mut client, "supervised"), asked, "{program}");
        }
    }
}

#[test]
fn a_manager_that_goes_away_holds_nobody_up() {
    let place = TempDir::new().expect("a temporary directory can be made");
    let mut manager = Manager::at(&place);
    let name = manager.name.clone();
    let stock = Stock::start(&[]);
    let (mut process, mut client) =
        start(OURS, &place, ("NOTIFY_SOCKET", &name), &["--supervised", "auto"]);
    manager.await_word("READY=1");
    drop(manager);
    let port = stock.address().port().to_string();
    assert_eq!(client.call(&["REPLICAOF", "127.0.0.1", &port]).text(), "OK");
    process.wait_for_line("the service manager cannot be told").expect("it says so");
    await_until("it follows all the same", || {
        client.info("replication", "master_link_status") == "up"
    });
    process.terminate();
    assert!(process.wait().success());
}
