//! Links in TLS, of both kinds of servers and in both roles.

use std::net::SocketAddr;
use std::path::Path;

use crate::support::stock::free_port;
use crate::support::{
    Authority, Client, Endpoint, Kind, Member, Program, Shown, Value, await_until,
};

/// How much a full resync has to carry, in values of this size.
const VALUES: usize = 300;
const VALUE_BYTES: usize = 50_000;

/// A server whose links speak TLS, with a port for those who ask without.
pub struct Linked {
    member: Member,
    tls_port: u16,
}

impl Linked {
    pub fn start(kind: &Kind, authority: &Authority, shown: &Shown, further: &[&str]) -> Self {
        let (port, tls_port) = (free_port().to_string(), free_port());
        let number = tls_port.to_string();
        let files = authority.arguments(shown);
        let port: &[&str] = if *kind == Kind::Backlogd { &["--port", &port] } else { &[] };
        let arguments: Vec<_> =
            [port, &["--tls-port", &number, "--tls-replication", "yes"], further]
                .concat()
                .into_iter()
                .chain(files.iter().map(String::as_str))
                .collect();
        Self { member: kind.start(&arguments), tls_port }
    }

    pub fn with(kind: &Kind, authority: &Authority) -> Self {
        Self::start(kind, authority, &authority.issue("server"), &[])
    }

    pub fn tls_address(&self) -> SocketAddr {
        SocketAddr::new(self.member.address().ip(), self.tls_port)
    }

    pub fn connect(&self) -> Client {
        self.member.connect()
    }

    fn info(&self, section: &str, field: &str) -> String {
        self.connect().info(section, field)
    }

    pub fn follow(&self, primary: &Self) {
        let reply = self.connect().run(&format!("REPLICAOF 127.0.0.1 {}", primary.tls_port));
        assert!(!reply.is_error(), "{reply:?}");
    }

    pub fn await_link(&self) {
        await_until("the link is up", || self.info("replication", "master_link_status") == "up");
    }

    pub fn await_same_data(&self, primary: &Self) {
        let digest = |of: &Self| of.connect().run("DEBUG DIGEST").text();
        await_until("both have the same data", || digest(self) == digest(primary));
    }
}

fn set(client: &mut Client, key: &str, value: &[u8]) {
    assert_eq!(client.call(&[b"SET", key.as_bytes(), value]).text(), "OK");
}

fn fill(primary: &Linked) {
    let mut client = primary.connect();
    for number in 0..VALUES {
        let value: Vec<_> = (0..VALUE_BYTES).map(|at| (at * (number + 7) / 3) as u8).collect();
        set(&mut client, &format!("key:{number}"), &value);
    }
}

/// This server, and a stock one: that of Debian, as others may be built without TLS.
fn kinds() -> [Kind; 2] {
    [Kind::Backlogd, Kind::Stock(Program::usual())]
}

/// The kinds of primary and replica, of which one at least is ours.
fn pairs() -> [(Kind, Kind); 3] {
    let [ours, stock] = kinds();
    [(ours.clone(), ours.clone()), (ours.clone(), stock.clone()), (stock, ours)]
}

#[test]
fn full_resyncs_and_the_stream_come_through() {
    let authority = Authority::new("authority");
    for (primary_kind, replica_kind) in pairs() {
        let primary = Linked::with(&primary_kind, &authority);
        fill(&primary);
        let replica = Linked::with(&replica_kind, &authority);
        replica.follow(&primary);
        replica.await_link();
        replica.await_same_data(&primary);
        fill(&primary);
        let mut client = primary.connect();
        for number in 0..1000 {
            client.run(&format!("RPUSH list {number}"));
        }
        set(&mut client, "large", &vec![b'x'; 8 << 20]);
        let waited = client.run("WAIT 1 30000").integer();
        assert_eq!(waited, 1, "{primary_kind:?} {replica_kind:?}");
        replica.await_same_data(&primary);
        // It comes by the port that was announced for servers.
        let told = primary.info("replication", "slave0");
        assert!(told.contains(&format!("port={}", replica.tls_port)), "{told}");
    }
}

#[test]
fn after_a_kill_of_our_primary_both_kinds_resync_partially() {
    let authority = Authority::new("authority");
    let mut primary = Linked::with(&Kind::Backlogd, &authority);
    fill(&primary);
    let replicas: Vec<_> = kinds().iter().map(|kind| Linked::with(kind, &authority)).collect();
    for replica in &replicas {
        replica.follow(&primary);
        replica.await_link();
    }
    set(&mut primary.connect(), "before", b"1");
    let all = replicas.len();
    let waited = primary.connect().run(&format!("WAIT {all} 30000")).integer();
    assert_eq!(waited, all as i64);
    primary.member.kill();
    primary.member.restart(None);
    for replica in &replicas {
        replica.await_link();
    }
    set(&mut primary.connect(), "after", b"2");
    for replica in &replicas {
        replica.await_same_data(&primary);
        assert_eq!(replica.connect().run("GET after").text(), "2");
    }
    assert_eq!(primary.info("stats", "sync_partial_ok"), all.to_string());
    assert_eq!(primary.info("stats", "sync_full"), "0");
}

#[test]
fn after_a_kill_our_replica_resyncs_partially_from_both_kinds() {
    let authority = Authority::new("authority");
    for kind in kinds() {
        let primary = Linked::with(&kind, &authority);
        fill(&primary);
        let mut replica = Linked::with(&Kind::Backlogd, &authority);
        replica.follow(&primary);
        replica.await_link();
        set(&mut primary.connect(), "before", b"1");
        assert_eq!(primary.connect().run("WAIT 1 30000").integer(), 1);
        replica.member.kill();
        set(&mut primary.connect(), "meanwhile", b"2");
        replica.member.restart(Some(primary.tls_address()));
        replica.await_link();
        replica.await_same_data(&primary);
        assert_eq!(primary.info("stats", "sync_full"), "1", "{kind:?}");
        assert_eq!(primary.info("stats", "sync_partial_ok"), "1", "{kind:?}");
    }
}

#[test]
fn a_primary_is_followed_by_its_certificate_alone() {
    let (ours, others) = (Authority::new("authority"), Authority::new("somebody else"));
    let replica = Linked::with(&Kind::Backlogd, &ours);
    let anybody = ["--tls-auth-clients", "no"];
    for (shown, reason) in [
        (others.issue("server"), "UnknownIssuer"),
        (others.self_signed("server"), "UnknownIssuer"),
        (ours.issue_expired("server"), "certificate expired"),
    ] {
        let primary = Linked::start(&Kind::Backlogd, &ours, &shown, &anybody);
        set(&mut primary.connect(), "key", b"of an impostor");
        replica.follow(&primary);
        await_told(&replica, reason);
        assert_eq!(replica.info("replication", "master_link_status"), "down");
        assert_eq!(replica.connect().run("GET key"), Value::Null);
    }
    let primary = Linked::with(&Kind::Backlogd, &ours);
    // Without TLS there is nobody to be found: what listens is no TLS server.
    let plain = primary.member.address().port();
    replica.connect().run(&format!("REPLICAOF 127.0.0.1 {plain}"));
    await_told(&replica, "no TLS with the primary");
    set(&mut primary.connect(), "key", b"of the primary");
    replica.follow(&primary);
    replica.await_link();
    assert_eq!(replica.connect().run("GET key").text(), "of the primary");
}

/// Waits until the link tells this of its last attempt.
fn await_told(replica: &Linked, reason: &str) {
    await_until(reason, || replica.info("replication", "master_link_down_reason").contains(reason));
}

#[test]
fn a_replica_shows_the_certificate_that_is_meant_for_it() {
    let authority = Authority::new("authority");
    let others = Authority::new("somebody else");
    let primary = Linked::with(&Kind::Backlogd, &authority);
    let shown = authority.issue("server");
    let named = |path: &Path| path.display().to_string();
    let foreign = others.issue("client");
    let (certificate, key) = (named(&foreign.certificate), named(&foreign.key));
    let further = ["--tls-client-cert-file", &certificate, "--tls-client-key-file", &key];
    let replica = Linked::start(&Kind::Backlogd, &authority, &shown, &further);
    replica.follow(&primary);
    await_until("it is refused", || {
        let told = replica.info("replication", "master_link_down_reason");
        told.contains("UnknownCA")
    });
    let own = authority.issue("client");
    let (certificate, key) = (named(&own.certificate), named(&own.key));
    let set = [
        ["CONFIG", "SET", "tls-client-cert-file", &certificate],
        ["tls-client-key-file", &key, "timeout", "0"],
    ];
    assert_eq!(replica.connect().call(&set.concat()).text(), "OK");
    replica.await_link();
}

#[test]
fn keys_migrate_in_tls() {
    let authority = Authority::new("authority");
    let shown = authority.issue("server");
    let migrating = ["--tls-cluster", "yes"];
    let from = Linked::start(&Kind::Backlogd, &authority, &shown, &migrating);
    for kind in kinds() {
        let target = Linked::with(&kind, &authority);
        let mut client = from.connect();
        set(&mut client, "key", &vec![b'v'; 3 << 20]);
        let port = target.tls_port;
        assert_eq!(client.run(&format!("MIGRATE 127.0.0.1 {port} key 0 20000")).text(), "OK");
        assert_eq!(client.run("EXISTS key").integer(), 0);
        assert_eq!(target.connect().run("STRLEN key").integer(), 3 << 20);
    }
}
