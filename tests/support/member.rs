//! Members of a set of servers that replicate with one another, of either kind.

use std::net::SocketAddr;

use super::{Client, Endpoint, Program, Server, Stock, Value, await_until};

/// Replicas are not pinged, so that a set of servers becomes quiet; stock sends snapshots at once.
const QUIET: [&str; 2] = ["--repl-ping-replica-period", "3600"];
const AT_ONCE: [&str; 2] = ["--repl-diskless-sync-delay", "0"];
const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This server.
    Backlogd,
    /// A stock one.
    Stock(Program),
}

impl Kind {
    /// Starts a member that answers `DEBUG` and pings nobody.
    pub fn start(&self, further: &[&str]) -> Member {
        match self {
            Self::Backlogd => Member::Own(Server::start(&[&QUIET, &DEBUG, further].concat())),
            Self::Stock(program) => {
                let arguments = [&QUIET[..], &AT_ONCE, further].concat();
                Member::Stock(program.start(&arguments))
            }
        }
    }

    /// This server, and then every stock one.
    pub fn all() -> Vec<Self> {
        std::iter::once(Self::Backlogd)
            .chain(Program::replicas().into_iter().map(Self::Stock))
            .collect()
    }
}

/// A running member.
pub enum Member {
    /// This server.
    Own(Server),
    /// A stock one.
    Stock(Stock),
}

impl Member {
    /// Tells whether it is this server.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        match self {
            Self::Own(server) => server.kill(),
            Self::Stock(stock) => stock.kill(),
        }
    }

    /// Ends it in good order; stock saves its data and position.
    pub fn shut_down(&mut self) {
        match self {
            Self::Own(server) => {
                let status = server.terminate();
                assert!(status.success(), "{status}");
            }
            Self::Stock(stock) => stock.shut_down(),
        }
    }

    /// Starts it again on its port, as a primary or as a replica of whoever it reaches there.
    pub fn restart(&mut self, primary: Option<SocketAddr>) {
        match (self, primary) {
            (Self::Own(server), Some(primary)) => server.restart_as_replica_at(primary),
            (Self::Own(server), None) => server.restart_in_place(),
            (Self::Stock(stock), Some(primary)) => stock.restart_as_replica_at(primary),
            (Self::Stock(stock), None) => stock.restart(),
        }
    }

    /// Everything the present run has printed so far.
    pub fn output(&mut self) -> String {
        match self {
            Self::Own(server) => server.output(),
            Self::Stock(stock) => stock.output(),
        }
    }
}

impl Endpoint for Member {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Own(server) => server.address(),
            Self::Stock(stock) => stock.address(),
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Own(server) => server.pid(),
            Self::Stock(stock) => stock.pid(),
        }
    }
}

/// Has a server follow whoever it reaches at an address, from now on.
#[track_caller]
pub fn follow(server: &dyn Endpoint, primary: SocketAddr) {
    let (host, port) = (primary.ip().to_string(), primary.port().to_string());
    assert_eq!(server.connect().call(&["REPLICAOF", &host, &port]).text(), "OK");
}

/// Has a server lead from now on.
#[track_caller]
pub fn promote(server: &dyn Endpoint) {
    assert_eq!(server.connect().run("REPLICAOF NO ONE").text(), "OK");
}

/// Waits until a replica's link is up.
#[track_caller]
pub fn await_link(replica: &dyn Endpoint) {
    let mut client = replica.connect();
    await_until(&format!("the link of {} is up", replica.address()), || {
        client.info("replication", "master_link_status") == "up"
    });
}

/// Waits until a replica's link is down; returns the reason, which only this server gives.
#[track_caller]
pub fn await_down(replica: &Server, reason: &str) -> String {
    let mut client = replica.connect();
    let mut found = String::new();
    await_until(&format!("the link is down with {reason:?}"), || {
        let text = client.run("INFO replication").text();
        let reasons = text.lines().find_map(|line| line.strip_prefix("master_link_down_reason:"));
        reasons.unwrap_or_default().clone_into(&mut found);
        found.contains(reason)
    });
    assert_eq!(client.info("replication", "master_link_status"), "down");
    found
}

/// Waits until all members hold the same data at the same offset.
#[track_caller]
pub fn await_same(members: &[&dyn Endpoint]) {
    let mut clients: Vec<Client> = members.iter().map(|member| member.connect()).collect();
    let mut seen = Vec::new();
    let same = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        await_until("all members are the same", || {
            seen = clients.iter_mut().map(standing).collect();
            seen.iter().all(|(.., loading)| loading == "0")
                && seen.windows(2).all(|pair| pair[0] == pair[1])
        });
    }));
    assert!(same.is_ok(), "the members differ: {seen:#?}");
    assert_ne!(seen[0].1, Value::Simple("0".repeat(40)), "there is data to compare");
}

/// The offset, the digest, if it can be told, and whether the data is being loaded still.
fn standing(client: &mut Client) -> (String, Value, String) {
    let (offset, digest) =
        (client.info("replication", "master_repl_offset"), client.run("DEBUG DIGEST"));
    // Asked last: what equals the others may be about to be shown to clients.
    (offset, digest, client.info("persistence", "loading"))
}
