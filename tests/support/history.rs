//! What a server says of its history, and whether servers hold the same data.

use super::{Client, Endpoint, Server, Stock, await_until};

/// The replication identity that `INFO` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// `master_replid`
    pub replid: String,
    /// `master_replid2`
    pub replid2: String,
    /// `master_repl_offset`
    pub offset: u64,
    /// `second_repl_offset`
    pub second: i64,
}

/// Asks a server for its history.
#[track_caller]
pub fn history(server: &impl Endpoint) -> History {
    let mut client = server.connect();
    History {
        replid: client.info("replication", "master_replid"),
        replid2: client.info("replication", "master_replid2"),
        offset: number(&mut client, "replication", "master_repl_offset"),
        second: client.info("replication", "second_repl_offset").parse().expect("an offset"),
    }
}

/// Reads a number from `INFO`.
#[track_caller]
pub fn number(client: &mut Client, section: &str, field: &str) -> u64 {
    let text = client.info(section, field);
    text.parse().unwrap_or_else(|_| panic!("{field} is no number: {text:?}"))
}

/// Which resyncs a server has served since it started: full and partial ones.
#[track_caller]
pub fn resyncs(server: &impl Endpoint) -> (u64, u64) {
    let mut client = server.connect();
    (number(&mut client, "stats", "sync_full"), number(&mut client, "stats", "sync_partial_ok"))
}

/// `DEBUG DIGEST` of a server.
#[track_caller]
pub fn digest(server: &impl Endpoint) -> String {
    server.connect().run("DEBUG DIGEST").text()
}

/// Waits until so many replicas are fed by `primary`.
#[track_caller]
pub fn await_online(primary: &impl Endpoint, count: usize) {
    let mut client = primary.connect();
    await_until(&format!("{count} replicas are online"), || {
        let text = client.run("INFO replication").text();
        text.lines().filter(|line| line.contains("state=online")).count() == count
    });
}

/// Waits until all replicas have what the quiet primary has, and compares the data.
#[track_caller]
pub fn assert_in_sync(primary: &Server, replicas: &[&Stock]) {
    for replica in replicas {
        replica.await_offset_of(primary);
    }
    let ours = digest(primary);
    assert_ne!(ours, "0".repeat(40), "there is data to compare");
    for (index, replica) in replicas.iter().enumerate() {
        assert_eq!(digest(*replica), ours, "replica {index} differs from its primary");
    }
}
