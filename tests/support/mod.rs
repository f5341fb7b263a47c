//! What the integration tests share: a raw RESP client, and starters for both servers.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part of these")]

pub mod boot;
pub mod client;
pub mod data;
pub mod disk;
pub mod fake_primary;
pub mod follower;
pub mod history;
pub mod injector;
pub mod json;
pub mod load;
pub mod member;
pub mod mount;
pub mod process;
pub mod random;
pub mod relay;
pub mod segments;
pub mod server;
pub mod stock;
pub mod talk;
pub mod tls;
pub mod wait;

pub use boot::Boot;
pub use client::{Client, Value};
pub use disk::Disk;
pub use fake_primary::FakePrimary;
pub use follower::{Follower, Resync};
pub use member::{Kind, Member};
pub use relay::Relay;
pub use server::Server;
pub use stock::{Program, Stock};
pub use talk::Talk;
pub use tls::{Authority, Shown};
pub use wait::await_until;

use std::net::SocketAddr;

/// A running server that clients can reach, of either kind.
pub trait Endpoint {
    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// Its process.
    fn pid(&self) -> u32;

    /// Opens a connection in RESP2.
    fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// Bytes of memory the process has resident.
    fn resident_bytes(&self) -> usize {
        status_bytes(self.pid(), "VmRSS:")
    }

    /// Bytes of files that the process has resident.
    fn resident_file_bytes(&self) -> usize {
        status_bytes(self.pid(), "RssFile:")
    }
}

/// Reads a figure of the kernel about the memory of a process.
fn status_bytes(pid: u32, name: &str) -> usize {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    let kibibytes = line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number of kB");
    kibibytes * 1024
}
