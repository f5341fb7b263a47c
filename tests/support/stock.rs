//! Starts stock servers: the replica, the primary and the oracle of the tests.
//!
//! They are Debian's redis-server 7.0. `BACKLOGD_TEST_REPLICAS` names further programs, with colons
//! between their paths, that replicas are started of in addition; `BACKLOGD_TEST_ORACLE` names one that
//! replies are compared with instead. Both take redis-server and valkey-server.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::Process;
use super::{Endpoint, await_until};

const INSTALL: &str = "It is needed here: apt-get install redis-server redis-tools";
/// Free ports tried; another program may take one between the choice and the start.
const ATTEMPTS: usize = 5;

/// The program that is there without being named.
const DEFAULT: &str = "redis-server";
const REPLICAS: &str = "BACKLOGD_TEST_REPLICAS";
const ORACLE: &str = "BACKLOGD_TEST_ORACLE";

/// A stock server's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: String,
    /// What to do when it cannot be run.
    hint: String,
}

impl Program {
    /// The one that the tests need in any case.
    pub fn usual() -> Self {
        Self { path: DEFAULT.to_owned(), hint: INSTALL.to_owned() }
    }

    /// Where it is, or its name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The programs whose replicas must get on with this server.
    pub fn replicas() -> Vec<Self> {
        let named = std::env::var(REPLICAS).unwrap_or_default();
        let named = named.split(':').filter(|path| !path.is_empty());
        std::iter::once(Self::usual())
            .chain(named.map(|path| Self::named(path, REPLICAS)))
            .collect()
    }

    /// The one that is right where replies differ.
    pub fn oracle() -> Self {
        match std::env::var(ORACLE) {
            Ok(path) if !path.is_empty() => Self::named(&path, ORACLE),
            _ => Self::usual(),
        }
    }

    fn named(path: &str, variable: &str) -> Self {
        Self { path: path.to_owned(), hint: format!("{variable} names it") }
    }

    /// Starts it with `--directive value` arguments and waits until it serves.
    pub fn start(&self, arguments: &[&str]) -> Stock {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        for _ in 0..ATTEMPTS {
            let port = free_port();
            if let Ok(process) = self.spawn(directory.path(), port, &arguments) {
                let (program, address) = (self.clone(), local(port));
                return Stock { program, process, address, directory, arguments };
            }
        }
        panic!("{} {arguments:?} does not start ({}):\n{}", self.path, self.hint, {
            self.spawn(directory.path(), free_port(), &arguments).err().unwrap_or_default()
        });
    }

    fn spawn(&self, directory: &Path, port: u16, arguments: &[String]) -> Result<Process, String> {
        let mut command = Command::new(&self.path);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(directory);
        command.args(["--save", "", "--enable-debug-command", "yes"]).args(arguments);
        let mut process = Process::start(&mut command, &self.hint);
        process.wait_for_line("Ready to accept connections")?;
        Ok(process)
    }
}

/// A running stock server and its directory, both gone when dropped.
pub struct Stock {
    program: Program,
    process: Process,
    address: SocketAddr,
    directory: TempDir,
    arguments: Vec<String>,
}

impl Stock {
    /// Starts the usual program with `--directive value` arguments and waits until it serves.
    pub fn start(arguments: &[&str]) -> Self {
        Program::usual().start(arguments)
    }

    /// Starts the program that is right where replies differ.
    pub fn oracle(arguments: &[&str]) -> Self {
        Program::oracle().start(arguments)
    }

    /// The version of Redis that it is, or is as good as: major and minor.
    pub fn version(&self) -> (u32, u32) {
        let version = self.connect().info("server", "redis_version");
        let mut numbers = version.split('.').map(|number| number.parse().expect("a version"));
        let mut next = || numbers.next().expect("a version of three numbers");
        (next(), next())
    }

    /// Tells whether it is Valkey, which goes by a version of Redis as well.
    pub fn is_valkey(&self) -> bool {
        self.connect().run("INFO server").text().contains("valkey_version:")
    }

    /// Starts in `directory`, which must fail; returns what it said.
    pub fn start_refused(directory: &Path) -> String {
        let started = Program::usual().spawn(directory, free_port(), &[]);
        started.err().unwrap_or_else(|| panic!("redis-server started in {}", directory.display()))
    }

    /// Makes it a replica of `primary` and waits until the link is up.
    pub fn replicate(&self, primary: &impl Endpoint) {
        let address = primary.address();
        let host = address.ip().to_string();
        let reply = self.connect().call(&["REPLICAOF", &host, &address.port().to_string()]);
        assert!(!reply.is_error(), "{reply:?}");
        self.await_link();
    }

    /// Waits until its link to its primary is up.
    pub fn await_link(&self) {
        let mut client = self.connect();
        await_until("the replica's link is up", || {
            client.info("replication", "master_link_status") == "up"
        });
    }

    /// Waits until it has applied everything up to `primary`'s present offset.
    pub fn await_offset_of(&self, primary: &impl Endpoint) {
        let offset = |info: String| info.parse::<u64>().expect("an offset");
        let goal = offset(primary.connect().info("replication", "master_repl_offset"));
        let mut client = self.connect();
        await_until(&format!("the replica is at offset {goal}"), || {
            offset(client.info("replication", "slave_repl_offset")) >= goal
        });
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port in the same directory.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// Starts it again as a replica, with the position that it saved.
    pub fn restart_as_replica_of(&mut self, primary: &impl Endpoint) {
        self.restart_as_replica_at(primary.address());
    }

    /// As [`Self::restart_as_replica_of`], of whom it reaches there.
    pub fn restart_as_replica_at(&mut self, primary: SocketAddr) {
        let (host, port) = (primary.ip().to_string(), primary.port().to_string());
        self.restart_with(&["--replicaof", &host, &port]);
    }

    fn restart_with(&mut self, further: &[&str]) {
        self.process.kill();
        let further = further.iter().map(|argument| (*argument).to_owned());
        let arguments: Vec<_> = self.arguments.iter().cloned().chain(further).collect();
        let (directory, port) = (self.directory.path(), self.address.port());
        let process = self.program.spawn(directory, port, &arguments);
        self.process = process.unwrap_or_else(|output| {
            panic!("{} does not start again:\n{output}", self.program.path)
        });
    }

    /// Ends it in good order, with its data and its position in the stream saved.
    pub fn shut_down(&mut self) {
        self.connect().send_command(&["SHUTDOWN", "SAVE"]);
        let status = self.process.wait();
        assert!(status.success(), "{status}");
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Everything it has printed so far.
    pub fn output(&mut self) -> String {
        self.process.output()
    }
}

impl Endpoint for Stock {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn pid(&self) -> u32 {
        self.process.pid()
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(local(0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
