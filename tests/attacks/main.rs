//! Attacks on servers of this kind that became known, one test each, on the real server.
//!
//! After each the server answers others, has not grown, and says nothing of a crash. What became
//! known has a number, which stands at the test; the others are of the same family.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod names;
mod numbers;
mod patterns;
mod payloads;
mod protocol;

use backlogd::net::wire::put_command;
use support::{Client, Endpoint, Server, Value};

/// Memory by which the server may grow over an attack that it refuses.
const BALLOON_BYTES: usize = 64 << 20;

/// The server under attack.
struct Target {
    server: Server,
    before_bytes: usize,
}

impl Target {
    fn start(arguments: &[&str]) -> Self {
        let server = Server::start(&[&["--save", ""], arguments].concat());
        let before_bytes = server.resident_bytes();
        Self { server, before_bytes }
    }

    fn connect(&self) -> Client {
        self.server.connect()
    }

    /// Whether it answers others; asked while an attack is under way.
    #[track_caller]
    fn answers_others(&self) {
        assert_eq!(self.connect().run("PING").text(), "PONG");
    }

    /// Whether the attack has done nothing to it.
    #[track_caller]
    fn stands(&mut self) {
        self.answers_others();
        let grown = self.server.resident_bytes().saturating_sub(self.before_bytes);
        assert!(grown < BALLOON_BYTES, "it grew by {grown} bytes");
        assert!(self.server.is_running());
        let said = self.server.output();
        assert!(!said.contains("BUG REPORT"), "{said}");
    }

    /// Runs every line with each of the numbers for `#`; all are answered, and told here.
    #[track_caller]
    fn answers_all(&mut self, lines: &[&str], numbers: &[&str]) -> Vec<(String, Value)> {
        let mut client = self.connect();
        let mut said = Vec::new();
        for line in lines {
            for number in numbers {
                let line = line.replace('#', number);
                let reply = client.run(&line);
                said.push((line, reply));
            }
        }
        self.stands();
        said
    }
}

/// One request as it is sent.
fn request<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_command(&mut bytes, words);
    bytes
}

/// Whether all of these are errors.
#[track_caller]
fn assert_refused(said: &[(String, Value)]) {
    for (line, reply) in said {
        assert!(reply.is_error(), "{line}: {reply:?}");
    }
}
