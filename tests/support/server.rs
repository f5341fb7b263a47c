//! Starts the real server on a port of the system's choice.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::process::Signal;
use tempfile::TempDir;

use super::Endpoint;
use super::process::Process;

/// What the server says once it serves commands.
const READY: &str = "Ready to accept connections";
/// What the server says once clients can connect, though they are told to wait.
const LISTENING: &str = "listening";

/// A running server and its data directory, both gone when dropped.
pub struct Server {
    process: Process,
    address: SocketAddr,
    directory: Directory,
    arguments: Vec<String>,
}

/// The data directory: made for the test, or one it keeps.
enum Directory {
    Own(TempDir),
    Given(PathBuf),
}

impl Directory {
    fn path(&self) -> &Path {
        match self {
            Self::Own(directory) => directory.path(),
            Self::Given(path) => path,
        }
    }
}

impl Server {
    /// Starts in a new directory with `--directive value` arguments, and waits until it serves.
    pub fn start(arguments: &[&str]) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        Self::start_with(Directory::Own(directory), owned(arguments))
    }

    /// Starts in a directory that outlives it.
    pub fn start_in(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_with(Directory::Given(directory.to_owned()), owned(arguments))
    }

    /// Starts in `directory` where that must fail; returns what it said and how it ended.
    pub fn start_refused(directory: &Path, arguments: &[&str]) -> (String, ExitStatus) {
        refused(spawn(directory, &owned(arguments)))
    }

    fn start_with(directory: Directory, arguments: Vec<String>) -> Self {
        let (process, address) = ready(directory.path(), &arguments);
        Self { process, address, directory, arguments }
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it with SIGTERM and waits.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.terminate();
        self.process.wait()
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Starts it again in the same directory with the same arguments, on another port.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// Starts it again on the port it had before, so that its replicas find it.
    pub fn restart_in_place(&mut self) {
        self.restart_in_place_with(&[]);
    }

    /// Starts it again on the port it had before, with further arguments for this run.
    pub fn restart_in_place_with(&mut self, further: &[&str]) {
        self.restart_loading(further);
        self.await_ready();
    }

    /// Starts it again on the port it had before, as a replica of whoever it reaches there.
    pub fn restart_as_replica_at(&mut self, primary: SocketAddr) {
        let primary = format!("{} {}", primary.ip(), primary.port());
        self.restart_in_place_with(&["--replicaof", &primary]);
    }

    /// Starts it again on the port it had before, and waits only until it answers at all.
    pub fn restart_loading(&mut self, further: &[&str]) {
        self.process.kill();
        let port = self.address.port().to_string();
        let arguments = [&self.arguments[..], &owned(further), &owned(&["--port", &port])].concat();
        self.process = spawn(self.directory.path(), &arguments);
        if let Err(output) = self.process.wait_for_line(LISTENING) {
            panic!("the server ended before it listened:\n{output}");
        }
    }

    /// Starts it again where that must fail; returns what it said and how it ended.
    pub fn restart_refused(&mut self, further: &[&str]) -> (String, ExitStatus) {
        self.process.kill();
        let arguments = [self.arguments.clone(), owned(further)].concat();
        refused(spawn(self.directory.path(), &arguments))
    }

    /// Waits until it serves.
    pub fn await_ready(&mut self) {
        if let Err(output) = self.process.wait_for_line(READY) {
            panic!("the server ended before it was ready:\n{output}");
        }
    }

    /// Waits for a line of its output.
    pub fn await_line(&mut self, text: &str) -> String {
        self.process
            .wait_for_line(text)
            .unwrap_or_else(|output| panic!("the server ended before it said {text:?}:\n{output}"))
    }

    /// Starts it again in the same directory, with further arguments for this run.
    pub fn restart_with(&mut self, further: &[&str]) {
        self.process.kill();
        let arguments = [self.arguments.clone(), owned(further)].concat();
        (self.process, self.address) = ready(self.directory.path(), &arguments);
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Everything the present run has printed so far.
    pub fn output(&mut self) -> String {
        self.process.output()
    }

    /// Tells whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }
}

impl Endpoint for Server {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn pid(&self) -> u32 {
        self.process.pid()
    }
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

fn refused(mut process: Process) -> (String, ExitStatus) {
    match process.wait_for_line(READY) {
        Ok(line) => panic!("it started: {line}"),
        Err(output) => (output, process.wait()),
    }
}

fn address_file(directory: &Path) -> PathBuf {
    directory.join("address-for-test")
}

fn spawn(directory: &Path, arguments: &[String]) -> Process {
    let address_file = address_file(directory);
    // What a run before it wrote must not be taken for this run's.
    drop(std::fs::remove_file(&address_file));
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.args(["--bind", "127.0.0.1", "--port", "0", "--dir"]).arg(directory);
    command.arg("--backlog-address-file").arg(&address_file).args(arguments);
    Process::start(&mut command, "cargo builds it for the tests")
}

fn ready(directory: &Path, arguments: &[String]) -> (Process, SocketAddr) {
    let mut process = spawn(directory, arguments);
    if let Err(output) = process.wait_for_line(READY) {
        panic!("the server ended before it was ready:\n{output}");
    }
    let path = address_file(directory);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let first = text.lines().next().unwrap_or_default();
    let address = first.strip_prefix("tls://").unwrap_or(first);
    let address = address.parse().unwrap_or_else(|_| panic!("not an address: {text:?}"));
    (process, address)
}
