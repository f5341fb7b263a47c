//! A primary that sends anything: the replica says what is wrong, keeps and serves the data it has,
//! leaves nothing behind, asks again, and follows once the primary behaves.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod following;
mod snapshots;
mod streams;

use std::path::Path;

use support::fake_primary::{Connection, rdb, replid};
use support::{Client, Endpoint, FakePrimary, Server, Value, await_until};

/// What a replica says of a link that ended.
const DOWN: &str = "the link is down";

/// A replica, and the primary it is to follow.
struct Scene {
    primary: FakePrimary,
    replica: Server,
    client: Client,
    /// The keys that the replica holds, with their values.
    held: Vec<(String, String)>,
    /// How often the primary has behaved.
    resyncs: u64,
}

/// A replica whose link is up.
struct Linked {
    connection: Connection,
    replid: String,
    offset: u64,
}

impl Scene {
    /// Begins with a replica that was a primary before, and has data of its own.
    fn start(arguments: &[&str]) -> Self {
        let primary = FakePrimary::start();
        let replica = Server::start(arguments);
        let mut client = replica.connect();
        client.run("SET own data");
        let held = vec![("own".to_owned(), "data".to_owned())];
        client.call(&["REPLICAOF", "127.0.0.1", &primary.port()]);
        Self { primary, replica, client, held, resyncs: 0 }
    }

    fn link_field(&mut self, field: &str) -> Option<String> {
        let text = self.client.call(&["INFO", "replication"]).text();
        let prefix = format!("{field}:");
        text.lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .map(|value| value.trim().to_owned())
    }

    /// Waits until the link is down for a reason.
    #[track_caller]
    fn await_reason(&mut self, expected: &str) {
        let mut reason = None;
        await_until(expected, || {
            reason = self.link_field("master_link_down_reason");
            reason.as_ref().is_some_and(|reason| reason.contains(expected))
        });
    }

    /// Waits until exactly the data held is served again.
    #[track_caller]
    fn await_held(&mut self) {
        let count = Value::Integer(self.held.len() as i64);
        let Self { client, held, .. } = self;
        await_until("exactly the data held is served", || {
            let is_held = |(key, value): &(String, String)| {
                client.call(&["GET", key]) == Value::Bulk(value.as_bytes().to_vec())
            };
            held.iter().all(is_held) && client.run("DBSIZE") == count
        });
    }

    /// How often the replica has said that the link is down for a reason.
    fn count_told(&mut self, reason: &str) -> usize {
        let output = self.replica.output();
        output.lines().filter(|line| line.contains(DOWN) && line.contains(reason)).count()
    }

    /// The primary behaves badly in a way, twice, and then well.
    #[track_caller]
    fn endures(&mut self, expected: &str, misbehave: impl Fn(&mut Connection)) -> Linked {
        let told = self.count_told(expected);
        for _ in 0..2 {
            let mut connection = self.primary.accept();
            misbehave(&mut connection);
            self.await_reason(expected);
            self.await_held();
        }
        let linked = self.recovers();
        assert_no_left_over(self.replica.directory());
        // What was said before the link was up has arrived when that it is up has.
        self.replica.await_line("the link is up");
        assert_eq!(self.count_told(expected), told + 1, "{expected} is said once");
        linked
    }

    /// The primary behaves: a snapshot, and a little of the stream.
    #[track_caller]
    fn recovers(&mut self) -> Linked {
        let (mut connection, _) = self.primary.accept_at_psync();
        self.resyncs += 1;
        let (number, digit) = (self.resyncs, (b'1' + (self.resyncs % 9) as u8) as char);
        let (replid, at) = (replid(digit), 1000 * number);
        let value = number.to_string();
        connection.full_resync(&replid, at, &rdb(&[("snapshot", &value)]));
        let offset = at + connection.say(&["SET", "stream", &value]);
        let offset = connection.await_applied(offset);
        self.held = vec![("snapshot".to_owned(), value.clone()), ("stream".to_owned(), value)];
        self.await_held();
        assert_eq!(self.link_field("master_link_status").as_deref(), Some("up"));
        assert_eq!(self.link_field("master_link_down_reason"), None);
        Linked { connection, replid, offset }
    }
}

/// Nothing lies in the directory that was only needed for a resync.
#[track_caller]
fn assert_no_left_over(directory: &Path) {
    let names: Vec<_> = std::fs::read_dir(directory)
        .expect("it is there")
        .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("a name"))
        .filter(|name| name.ends_with(".rdb.tmp"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
}
