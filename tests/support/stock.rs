//! Starts a stock redis-server: the replica, the primary and the oracle of the tests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::Process;
use super::{Endpoint, await_until};

const INSTALL: &str = "It is needed here: apt-get install redis-server redis-tools";
/// Free ports tried; another program may take one between the choice and the start.
const ATTEMPTS: usize = 5;

/// A running redis-server and its directory, both gone when dropped.
pub struct Stock {
    process: Process,
    address: SocketAddr,
    directory: TempDir,
    arguments: Vec<String>,
}

impl Stock {
    /// Starts with `--directive value` arguments and waits until it serves.
    pub fn start(arguments: &[&str]) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        for _ in 0..ATTEMPTS {
            let port = free_port();
            if let Ok(process) = spawn(directory.path(), port, &arguments) {
                return Self { process, address: local(port), directory, arguments };
            }
        }
        panic!("redis-server {arguments:?} does not start:\n{}", {
            spawn(directory.path(), free_port(), &arguments).err().unwrap_or_default()
        });
    }

    /// Starts in `directory`, which must fail; returns what it said.
    pub fn start_refused(directory: &Path) -> String {
        let started = spawn(directory, free_port(), &[]);
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
        let address = primary.address();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        self.restart_with(&["--replicaof", &host, &port]);
    }

    fn restart_with(&mut self, further: &[&str]) {
        self.process.kill();
        let further = further.iter().map(|argument| (*argument).to_owned());
        let arguments: Vec<_> = self.arguments.iter().cloned().chain(further).collect();
        self.process = spawn(self.directory.path(), self.address.port(), &arguments)
            .unwrap_or_else(|output| panic!("redis-server does not start again:\n{output}"));
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

fn free_port() -> u16 {
    let listener = TcpListener::bind(local(0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn spawn(directory: &Path, port: u16, arguments: &[String]) -> Result<Process, String> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(directory);
    command.args(["--save", "", "--enable-debug-command", "yes"]).args(arguments);
    let mut process = Process::start(&mut command, INSTALL);
    process.wait_for_line("Ready to accept connections")?;
    Ok(process)
}
