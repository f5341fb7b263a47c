//! A failed sync is final: nothing more is acknowledged, the server ends, and a restart recovers.

use crate::support::history::{assert_in_sync, await_online, history, resyncs};
use crate::support::injector::Injector;
use crate::support::{Client, Endpoint, Follower, Server, Stock, Value, await_until};

const ARGUMENTS: [&str; 4] = ["--enable-debug-command", "yes", "--save", ""];

/// Writes until the server is gone; returns the number of the last write that was acknowledged.
fn write_until_cut(client: &mut Client, from: usize) -> usize {
    for number in from.. {
        let reply = client.try_call(&["SET", &format!("key:{number}"), &number.to_string()]);
        match reply {
            Ok(reply) => assert_eq!(reply.text(), "OK"),
            Err(_) => return number - 1,
        }
    }
    unreachable!("the disk is broken")
}

/// Lets every sync of the log fail under `appendfsync always`; returns server and acknowledged writes.
fn broken_by(calls: &str, feed: &str) -> (Server, Stock, usize) {
    let always = ["--appendfsync", "always", "--backlog-feed", feed];
    let mut server = Server::start(&[&ARGUMENTS[..], &always].concat());
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    let mut client = server.connect();
    for number in 1..=50 {
        client.call(&["SET", &format!("key:{number}"), &number.to_string()]);
    }
    replica.await_offset_of(&server);
    let injector = Injector::fail(&server, calls);
    let acknowledged = write_until_cut(&mut client, 51);
    assert_eq!(acknowledged, 50, "no write is acknowledged once a sync has failed");
    let status = server.wait();
    injector.join();
    assert_eq!(status.code(), Some(1), "{}", server.output());
    let output = server.output();
    assert!(output.contains("a sync of the log has failed"), "{output}");
    (server, replica, acknowledged)
}

#[test]
fn a_failed_sync_ends_the_server_and_keeps_the_history_of_a_durable_feed() {
    let (mut server, replica, acknowledged) = broken_by("msync,fdatasync", "durable");
    let replid = replica.connect().info("replication", "master_replid");
    server.restart_in_place();
    assert_eq!(history(&server).replid, replid, "no byte was sent that can be missing");
    assert_recovered(&server, &replica, acknowledged);
}

/// Every call by which something could be made durable.
const EVERY: &str = "msync,fdatasync,fsync,sync_file_range,rename,renameat,renameat2";

#[test]
fn a_failed_sync_ends_the_history_of_a_sealed_feed() {
    assert_ends_the_history("msync,fdatasync");
}

#[test]
fn a_failed_sync_is_remembered_though_the_manifest_cannot_be_written_either() {
    assert_ends_the_history(EVERY);
}

fn assert_ends_the_history(calls: &str) {
    let (mut server, replica, acknowledged) = broken_by(calls, "sealed");
    let replid = replica.connect().info("replication", "master_replid");
    server.restart_in_place();
    let now = history(&server);
    assert_ne!(now.replid, replid);
    assert_eq!(now.replid2, replid, "what the page cache says may differ from the disk");
    assert!(server.output().contains("a sync had failed"), "{}", server.output());
    assert_recovered(&server, &replica, acknowledged);
    server.kill();
    server.restart_in_place();
    assert_eq!(history(&server).replid, now.replid, "it rotates once");
}

#[test]
fn a_disk_that_fails_altogether_ends_the_server_all_the_same() {
    let (mut server, replica, acknowledged) = broken_by(EVERY, "durable");
    server.restart_in_place();
    assert_recovered(&server, &replica, acknowledged);
}

fn assert_recovered(server: &Server, replica: &Stock, acknowledged: usize) {
    let mut client = server.connect();
    for number in 1..=acknowledged {
        let value = client.call(&["GET", &format!("key:{number}")]);
        assert_eq!(value, Value::Bulk(number.to_string().into_bytes()));
    }
    await_online(server, 1);
    assert_eq!(resyncs(server), (0, 1));
    client.run("SET after 1");
    assert_in_sync(server, &[replica]);
}

#[test]
fn a_failed_sync_ends_the_server_under_everysec_too() {
    let mut server = Server::start(&ARGUMENTS);
    let mut client = server.connect();
    client.run("SET durable 1");
    assert_eq!(client.run("WAITAOF 1 0 0").elements()[0].integer(), 1);
    let injector = Injector::fail(&server, "msync,fdatasync");
    // Acknowledged before the sync is due, as everysec has it; nobody is fed what is not durable.
    let (mut follower, snapshot) = attach(&server);
    let _ = client.try_call(&["SET", "soon", "1"]);
    let status = server.wait();
    injector.join();
    assert_eq!(status.code(), Some(1), "{}", server.output());
    assert!(follower.read_to_close().is_empty(), "no byte was sent that is not durable");
    server.restart();
    assert_eq!(server.connect().run("GET durable"), Value::Bulk(b"1".to_vec()));
    assert!(Follower::resume(&server, &snapshot.0, snapshot.1).1.is_partial());
}

/// Attaches a replica at the end of the stream; returns its position too.
fn attach(server: &Server) -> (Follower, (String, u64)) {
    let now = history(server);
    let (follower, resync) = Follower::resume(server, &now.replid, now.offset);
    assert!(resync.is_partial());
    (follower, (now.replid, now.offset))
}

#[test]
fn a_disk_on_which_no_segment_can_be_made_is_told_from_a_full_one() {
    let server = Server::start(&[&ARGUMENTS[..], &["--backlog-segment-size", "64kb"]].concat());
    let mut client = server.connect();
    let injector = Injector::fail(&server, "fallocate");
    let value = "v".repeat(4000);
    let refusal = (0..1000).find_map(|number| {
        let reply = client.call(&["SET", &format!("key:{number}"), &value]);
        matches!(reply, Value::Error(_)).then_some(reply)
    });
    let Some(Value::Error(text)) = refusal else { panic!("writes go on without a segment") };
    assert!(text.starts_with("MISCONF Errors writing to the AOF file: cannot "), "{text}");
    assert!(text.contains("Input/output error") && !text.contains("No space"), "{text}");
    assert_eq!(client.call(&["GET", "key:0"]).text(), value);
    drop(injector);
    await_until("writes go on", || !client.call(&["SET", "key:0", "again"]).is_error());
}
