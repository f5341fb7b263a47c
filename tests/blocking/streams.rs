//! Those who wait for entries of streams: many are served by one, and groups may go.

use super::support::{Client, Endpoint, Follower, Server, Stock, Talk, Value, await_until};
use super::{block, blocked, waiter};

#[track_caller]
fn same_as_stock(steps: &[&str]) {
    let (server, stock) = (Server::start(&[]), Stock::oracle(&[]));
    assert_eq!(Talk::hold(&server, steps), Talk::hold(&stock, steps), "{steps:?}");
}

#[test]
fn words_that_are_wrong_are_errors_before_anything_waits() {
    same_as_stock(&[
        "0: XADD s 1-1 f v",
        "0: SET t v",
        "0: XGROUP CREATE s g $",
        "0: XREAD BLOCK",
        "0: XREAD BLOCK x STREAMS s $",
        "0: XREAD BLOCK -1 STREAMS s $",
        "0: XREAD BLOCK 0 STREAMS s >",
        "0: XREAD BLOCK 0 STREAMS t $",
        "0: XREAD BLOCK 0 GROUP g c STREAMS s $",
        "0: XREAD BLOCK 0 NOACK STREAMS s $",
        "0: XREADGROUP GROUP g c BLOCK 0 STREAMS s $",
        "0: XREADGROUP GROUP g c BLOCK 0 STREAMS none >",
        "0: XREADGROUP GROUP none c BLOCK 0 STREAMS s >",
        "0: XREADGROUP GROUP g c BLOCK 0 STREAMS t >",
        "0: XREADGROUP BLOCK 0 COUNT 1 NOACK STREAMS s >",
        "0: XREADGROUP GROUP g c BLOCK 0 STREAMS s 0",
        "0: XREAD BLOCK 1 STREAMS s $",
        "0: XREADGROUP GROUP g c BLOCK 1 STREAMS s >",
        "0: HELLO 3",
        "0: XREAD BLOCK 1 STREAMS s $",
        "0: MULTI!",
        "0: XREAD BLOCK 0 STREAMS s $!",
        "0: XREADGROUP GROUP g c BLOCK 0 STREAMS s >!",
        "0: EXEC",
    ]);
}

#[test]
fn one_entry_serves_everybody_who_reads() {
    same_as_stock(&[
        "1: XREAD BLOCK 0 STREAMS s $ ...",
        "2: XREAD BLOCK 0 STREAMS t s $ 0 ...",
        "3: HELLO 3",
        "3: XREAD COUNT 1 BLOCK 0 STREAMS s $ ...",
        "4: BLPOP s 0 ...",
        "5: XREAD BLOCK 0 STREAMS s 5 ...",
        "0: XADD s 1-1 f v",
        "0: XADD s 5-0 f v",
        "0: XADD s 5-1 f v",
        "1: XREAD BLOCK 0 STREAMS s $ ...",
        "0: MULTI!",
        "0: XADD s 6-1 f v!",
        "0: XADD s 7-1 f v!",
        "0: EXEC",
        "0: DEL s",
        "0: RPUSH s a",
    ]);
}

#[test]
fn consumers_are_served_one_after_the_other() {
    same_as_stock(&[
        "0: XGROUP CREATE s g $ MKSTREAM",
        "0: XGROUP CREATE s h $",
        "1: XREADGROUP GROUP g a BLOCK 0 STREAMS s > ...",
        "2: XREADGROUP GROUP g b BLOCK 0 COUNT 1 STREAMS s > ...",
        "3: XREADGROUP GROUP h c BLOCK 0 NOACK STREAMS s > ...",
        "4: XREAD BLOCK 0 STREAMS s $ ...",
        "0: XADD s 1-1 f v",
        "0: XADD s 2-1 f v",
        "0: XPENDING s g",
        "0: XPENDING s h",
        "1: XREADGROUP GROUP g a BLOCK 0 STREAMS s > ...",
        "0: XGROUP SETID s g 0",
        "0: XDEL s 1-1",
        "0: XADD s 3-1 f v",
    ]);
}

/// Reads an error.
#[track_caller]
fn error(client: &mut Client) -> String {
    let reply = client.read().0;
    assert!(reply.is_error(), "{reply:?}");
    reply.text()
}

#[test]
fn a_group_that_goes_ends_the_waiting_whatever_takes_it() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut client = server.connect();
    let missing = "NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
    for (step, told) in [
        ("XGROUP DESTROY s g", missing),
        ("DEL s", missing),
        ("RENAME s other", missing),
        ("SET s text", wrong),
        ("FLUSHALL", missing),
        ("FLUSHDB", missing),
        ("SWAPDB 0 9", missing),
        ("PEXPIREAT s 1", missing),
        ("MOVE s 5", missing),
    ] {
        client.run("FLUSHALL");
        client.run("XGROUP CREATE s g $ MKSTREAM");
        // A key that lies elsewhere is waited for as well.
        client.run("XGROUP CREATE far g $ MKSTREAM");
        let mut reading = waiter(&server, "XREAD BLOCK 0 STREAMS s $");
        let mut waiting = waiter(&server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s far > >");
        client.run("XACK s g 1");
        client.run("XGROUP CREATE s unconcerned $");
        assert!(waiting.is_silent(), "{step}");
        assert!(!client.run(step).is_error(), "{step}");
        let expected =
            if step.starts_with("FLUSH") || step.starts_with("SWAPDB") { missing } else { told };
        assert_eq!(error(&mut waiting), expected, "{step}");
        assert!(reading.is_silent(), "{step}");
        assert_eq!(blocked(&server), 1);
        assert_eq!(waiting.run("PING").text(), "PONG");
        client.run("DEL s");
        client.run("XADD s 1-1 f v");
        assert_eq!(reading.read().0.elements().len(), 1, "{step}");
    }
}

#[test]
fn a_stream_that_expires_ends_the_waiting_whoever_finds_out() {
    for (active, look) in [("1", None), ("0", Some("GET s")), ("0", Some("EXISTS s other"))] {
        let server = Server::start(&["--enable-debug-command", "yes"]);
        let mut client = server.connect();
        client.run(&format!("DEBUG SET-ACTIVE-EXPIRE {active}"));
        client.run("XGROUP CREATE s g $ MKSTREAM");
        client.run("XGROUP CREATE far g $ MKSTREAM");
        client.run("PEXPIRE s 60");
        let mut waiting = waiter(&server, "XREADGROUP GROUP g c BLOCK 0 STREAMS far s > >");
        if let Some(look) = look {
            await_until("the stream has expired", || client.run("PTTL s").integer() <= 1);
            await_until("somebody finds out", || {
                client.run(look);
                blocked(&server) == 0
            });
        }
        assert!(error(&mut waiting).starts_with("NOGROUP No such key 's'"), "{look:?}");
    }
}

#[test]
fn a_stream_that_is_sent_elsewhere_ends_the_waiting_here() {
    let (server, other) = (Server::start(&[]), Server::start(&[]));
    let mut client = server.connect();
    client.run("XGROUP CREATE s g $ MKSTREAM");
    let mut waiting = waiter(&server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    let address = other.address();
    let migrate = format!("MIGRATE {} {} s 0 5000", address.ip(), address.port());
    assert_eq!(client.run(&migrate).text(), "OK");
    assert!(error(&mut waiting).starts_with("NOGROUP No such key 's'"));
    let groups = other.connect().run("XINFO GROUPS s");
    assert_eq!(groups.elements()[0].elements()[3], Value::Integer(1), "{groups:?}");
}

#[test]
fn what_a_waiting_consumer_gets_goes_into_the_stream_behind_the_entry() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.run("XGROUP CREATE s g $ MKSTREAM");
    let (mut follower, _) = Follower::attach(&server);
    let mut waiting = waiter(&server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    client.run("XADD s 5-1 f v");
    assert_eq!(waiting.read().0.elements().len(), 1);
    for command in ["SELECT 0", "XGROUP CREATECONSUMER s g c", "XADD s 5-1 f v", "MULTI"] {
        assert_eq!(follower.command().join(" "), command);
    }
    let claim = follower.command();
    assert_eq!(claim[..6].join(" "), "XCLAIM s g c 0 5-1");
    assert_eq!(claim[8..].join(" "), "RETRYCOUNT 1 FORCE JUSTID LASTID 5-1");
    assert_eq!(follower.command().join(" "), "XGROUP SETID s g 5-1 ENTRIESREAD 1");
    assert_eq!(follower.command().join(" "), "EXEC");
}

#[test]
fn those_who_read_from_a_replica_are_served_by_its_primary() {
    let (primary, replica) = (Server::start(&[]), Server::start(&[]));
    let address = primary.address();
    let follow = format!("REPLICAOF {} {}", address.ip(), address.port());
    assert_eq!(replica.connect().run(&follow).text(), "OK");
    primary.connect().run("XADD s 1-1 f v");
    let mut reader = replica.connect();
    await_until("the replica has it", || reader.run("XLEN s") == Value::Integer(1));
    block(&replica, &mut reader, "XREAD BLOCK 0 STREAMS s $");
    let mut other = waiter(&replica, "XREAD BLOCK 0 STREAMS none s 0 1-1");
    primary.connect().run("XADD s 2-2 g w");
    for client in [&mut reader, &mut other] {
        let told = client.read().0;
        let entry = &told.elements()[0].elements()[1].elements()[0];
        assert_eq!(entry.elements()[0].text(), "2-2");
    }
    assert_eq!(blocked(&replica), 0);
}
