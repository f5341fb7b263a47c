//! `FAILOVER`: to replicas of either kind and from them, without losing a write.

use crate::stock_kinds;
use crate::support::history::number;
use crate::support::member::{await_link, await_same, follow};
use crate::support::{Endpoint, Kind, Member, Value, await_until};

/// A primary and its replica, with something written.
fn pair(primary: &Kind, replica: &Kind) -> (Member, Member) {
    let (primary, replica) = (primary.start(&[]), replica.start(&[]));
    primary.connect().run("SET key 1");
    follow(&replica, primary.address());
    await_link(&replica);
    primary.connect().run("SET key 2");
    await_same(&[&primary, &replica]);
    (primary, replica)
}

fn await_role(server: &dyn Endpoint, role: &str) {
    let mut client = server.connect();
    await_until(&format!("{} is a {role}", server.address()), || {
        client.info("replication", "role") == role
            && client.info("replication", "master_failover_state") == "no-failover"
    });
}

#[test]
fn a_failover_hands_over_there_and_back() {
    for other in Kind::all() {
        for (first, second) in [(Kind::Backlogd, other.clone()), (other.clone(), Kind::Backlogd)] {
            let (old, new) = pair(&first, &second);
            let (mut at_old, mut at_new) = (old.connect(), new.connect());
            let port = new.address().port().to_string();
            let to = ["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "20000"];
            for words in [&to[..1], &to] {
                assert_eq!(at_old.call(words).text(), "OK", "{first:?} to {second:?}");
                await_role(&old, "slave");
                await_role(&new, "master");
                await_link(&old);
                at_new.run("INCR key");
                await_same(&[&old, &new]);
                assert_eq!(number(&mut at_new, "stats", "sync_full"), 0);
                assert_eq!(at_new.run("FAILOVER").text(), "OK");
                await_role(&new, "slave");
                await_role(&old, "master");
                await_link(&new);
                at_old.run("INCR key");
                await_same(&[&old, &new]);
                assert_eq!(number(&mut at_old, "stats", "sync_full"), 1, "the first of all");
            }
            assert_eq!(at_new.run("GET key").text(), "6");
        }
    }
}

#[test]
fn what_cannot_be_a_failover_is_refused_in_stocks_words() {
    for kind in stock_kinds() {
        let (ours, of_ours) = pair(&Kind::Backlogd, &kind);
        let (stock, of_stock) = pair(&kind, &kind);
        let alone = (Kind::Backlogd.start(&[]), kind.start(&[]));
        let ask = |server: &Member, line: &str| server.connect().run(line);
        for line in ["FAILOVER", "FAILOVER ABORT", "FAILOVER TIMEOUT 10"] {
            assert_eq!(ask(&alone.0, line), ask(&alone.1, line), "{line}");
        }
        for line in [
            "FAILOVER ABORT",
            "FAILOVER ABORT TO 127.0.0.1 1",
            "FAILOVER ABORT ABORT",
            "FAILOVER TO",
            "FAILOVER TO 127.0.0.1",
            "FAILOVER TO 127.0.0.1 1",
            "FAILOVER TO 127.0.0.1 port",
            "FAILOVER TO 127.0.0.1 1 FORCE",
            "FAILOVER FORCE",
            "FAILOVER TIMEOUT",
            "FAILOVER TIMEOUT 0",
            "FAILOVER TIMEOUT -1",
            "FAILOVER TIMEOUT x",
            "FAILOVER TIMEOUT 10 FORCE",
            "FAILOVER NONSENSE",
            "FAILOVER TO 127.0.0.1 1 TO 127.0.0.1 2",
        ] {
            assert_eq!(ask(&ours, line), ask(&stock, line), "{line}");
        }
        assert_eq!(ask(&of_ours, "FAILOVER"), ask(&of_stock, "FAILOVER"));
    }
}

#[test]
fn a_failover_that_waits_holds_writes_back_and_can_be_aborted() {
    for kind in Kind::all() {
        let (ours, replica) = pair(&Kind::Backlogd, &kind);
        let mut client = ours.connect();
        let stopped = Stopped::new(replica.pid());
        let mut writer = ours.connect();
        client.run("SET ahead 1");
        assert_eq!(client.run("FAILOVER").text(), "OK");
        assert_eq!(client.info("replication", "master_failover_state"), "waiting-for-sync");
        assert_eq!(client.run("FAILOVER").text(), "ERR FAILOVER already in progress.");
        let refused = client.run("REPLICAOF NO ONE").text();
        assert_eq!(refused, "ERR REPLICAOF not allowed while failing over.");
        writer.send_command(&["SET", "held", "1"]);
        assert_eq!(client.run("CLIENT UNPAUSE").text(), "OK");
        assert_eq!(client.run("CLIENT PAUSE 20 ALL").text(), "OK");
        assert_eq!(
            client.run("GET held"),
            Value::Null,
            "no pause of clients ends what holds writes"
        );
        assert!(writer.is_silent());
        assert_eq!(client.run("CLIENT PAUSE 100000 WRITE").text(), "OK");
        assert_eq!(client.run("FAILOVER ABORT").text(), "OK");
        await_role(&ours, "master");
        await_until("it is given up", || {
            client.info("replication", "master_failover_state") == "no-failover"
        });
        assert!(writer.is_silent(), "nor does its end end a pause of clients");
        assert_eq!(client.run("CLIENT UNPAUSE").text(), "OK");
        assert_eq!(writer.read().0.text(), "OK");

        client.run("SET ahead 2");
        assert_eq!(client.run("FAILOVER TIMEOUT 50").text(), "OK");
        await_role(&ours, "master");
        assert_eq!(client.run("SET after 1").text(), "OK");
        drop(stopped);
        await_same(&[&ours, &replica]);
    }
}

#[test]
fn a_forced_failover_does_not_wait_for_a_replica_that_is_late() {
    for kind in Kind::all() {
        let (ours, replica) = pair(&Kind::Backlogd, &kind);
        let mut client = ours.connect();
        let stopped = Stopped::new(replica.pid());
        client.run("SET ahead 1");
        let port = replica.address().port().to_string();
        let words = ["FAILOVER", "TO", "127.0.0.1", &port, "FORCE", "TIMEOUT", "50"];
        assert_eq!(client.call(&words).text(), "OK");
        await_until("it has not waited any longer", || {
            client.info("replication", "master_failover_state") == "failover-in-progress"
        });
        drop(stopped);
        await_role(&replica, "master");
        await_role(&ours, "slave");
        await_link(&ours);
        replica.connect().run("INCR key");
        await_same(&[&ours, &replica]);
    }
}

#[test]
fn a_primary_whose_successor_does_not_want_to_leads_again() {
    let (ours, replica) = pair(&Kind::Backlogd, &Kind::Backlogd);
    let mut client = ours.connect();
    // Nobody is there to take over when it is asked to.
    let stopped = Stopped::new(replica.pid());
    client.run("SET ahead 1");
    let port = replica.address().port().to_string();
    client.call(&["FAILOVER", "TO", "127.0.0.1", &port, "FORCE", "TIMEOUT", "50"]);
    await_until("it asks the replica", || client.info("replication", "role") == "slave");
    assert_eq!(client.info("replication", "master_failover_state"), "failover-in-progress");
    let refused = client.run("SET held 1").text();
    assert_eq!(refused, "READONLY You can't write against a read only replica.");
    assert_eq!(client.run("FAILOVER ABORT").text(), "OK");
    await_role(&ours, "master");
    assert_eq!(client.run("SET held 1").text(), "OK");
    drop(stopped);
    await_same(&[&ours, &replica]);
}

/// A process that was stopped and goes on when this is dropped.
struct Stopped(rustix::process::Pid);

impl Stopped {
    fn new(pid: u32) -> Self {
        let pid = rustix::process::Pid::from_raw(pid as i32).expect("a process");
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("it runs");
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may be gone.
        let _ = rustix::process::kill_process(self.0, rustix::process::Signal::CONT);
    }
}
