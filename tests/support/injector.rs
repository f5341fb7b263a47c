//! A tracer that meddles with the system calls of a server.

use std::process::Command;

use super::Endpoint as _;
use super::process::Process;
use super::server::Server;

/// What meddles with system calls for as long as it is there, or the server is.
pub struct Injector(Process);

impl Injector {
    /// Makes `calls` fail from now on, as a disk does that is broken.
    pub fn fail(server: &Server, calls: &str) -> Self {
        Self::attach(server, calls, "error=EIO")
    }

    /// Makes `calls` take longer from now on, as on a slow disk.
    pub fn delay(server: &Server, calls: &str, by_ms: u64) -> Self {
        Self::attach(server, calls, &format!("delay_exit={}", by_ms * 1000))
    }

    fn attach(server: &Server, calls: &str, what: &str) -> Self {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-p", &server.pid().to_string()])
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{what}")]);
        let hint = "It is needed here: apt-get install strace";
        let mut tracer = Process::start(&mut command, hint);
        if let Err(output) = tracer.wait_for_line("attached") {
            panic!("strace cannot trace the server; {hint}, and run the tests as root:\n{output}");
        }
        Self(tracer)
    }

    /// Waits until what was traced has ended.
    pub fn join(mut self) {
        self.0.wait();
    }
}
