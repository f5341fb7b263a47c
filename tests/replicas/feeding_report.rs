//! `INFO` tells whom a primary feeds, how far each of them is, and how and why it resynced.

use std::collections::BTreeMap;

use crate::support::follower::Asking;
use crate::support::history::{history, number};
use crate::support::{Client, Endpoint, Follower, Server, Stock, await_until};

const FOREIGN: &str = "its replid is not part of this server's lineage";

/// The fields of a line `name:a=b,c=d` of `INFO`; none if there is no such line.
fn fields(client: &mut Client, section: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let text = client.call(&["INFO", section]).text();
    let prefix = format!("{name}:");
    let line = text.lines().find_map(|line| line.strip_prefix(prefix.as_str()))?;
    let pairs =
        line.split(',').map(|pair| pair.split_once('=').unwrap_or_else(|| panic!("{line}")));
    Some(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[track_caller]
fn replica(client: &mut Client, index: usize) -> BTreeMap<String, String> {
    let name = format!("backlog_replica{index}");
    fields(client, "backlog", &name).unwrap_or_else(|| panic!("there is no {name}"))
}

#[track_caller]
fn resync(client: &mut Client, index: usize) -> (String, String) {
    let name = format!("backlog_resync{index}");
    let line = fields(client, "backlog", &name).unwrap_or_else(|| panic!("there is no {name}"));
    assert!(line["seconds_ago"].parse::<u64>().is_ok(), "{line:?}");
    (line["kind"].clone(), line["reason"].clone())
}

#[test]
fn a_stock_replica_is_told_with_its_lag_and_with_how_it_resynced() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut stock = Stock::start(&[]);
    stock.replicate(&server);
    client.run("SET k v");
    stock.await_offset_of(&server);
    await_until("it has acknowledged", || replica(&mut client, 0)["lag_bytes"] == "0");

    let port = stock.address().port().to_string();
    let told = replica(&mut client, 0);
    assert_eq!((told["ip"].as_str(), &told["port"]), ("127.0.0.1", &port));
    assert_eq!((told["kind"].as_str(), told["version"].as_str()), ("redis", "unknown"));
    assert_eq!((told["state"].as_str(), told["lag_seconds"].as_str()), ("online", "0"));
    assert_eq!(told["offset"], client.info("replication", "master_repl_offset"));
    assert_eq!(told["last_resync"], "full");
    assert_eq!(told["last_resync_reason"], FOREIGN, "it offers its own history");
    assert!(told["last_resync_seconds_ago"].parse::<u64>().is_ok(), "{told:?}");
    assert!(!told.contains_key("sync_bytes"), "{told:?}");
    let line = client.info("replication", "slave0");
    let names: Vec<_> = line.split(',').filter_map(|pair| pair.split('=').next()).collect();
    assert_eq!(names, ["ip", "port", "state", "offset", "lag"], "as stock has it");

    let held = number(&mut client, "replication", "master_repl_offset");
    assert_eq!(stock.connect().run("CLIENT KILL TYPE master").integer(), 1);
    let continued = format!("it continues from offset {held} under the present replid");
    await_until("it has come again", || {
        fields(&mut client, "backlog", "backlog_replica0")
            .is_some_and(|told| told["last_resync"] == "partial")
    });
    assert_eq!(replica(&mut client, 0)["last_resync_reason"], continued);

    stock.kill();
    await_until("it has left", || client.info("replication", "connected_slaves") == "0");
    assert_eq!(fields(&mut client, "backlog", "backlog_replica0"), None);
    assert_eq!(resync(&mut client, 0), ("partial".to_owned(), continued));
    assert_eq!(resync(&mut client, 1), ("full".to_owned(), FOREIGN.to_owned()));
    assert_eq!(fields(&mut client, "backlog", "backlog_resync2"), None);
}

#[test]
fn the_lag_is_the_age_of_what_is_not_acknowledged_and_not_of_the_last_word() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let (mut follower, snapshot) = Follower::attach(&server);
    follower.acknowledge(snapshot.offset);
    await_until("it is fed", || replica(&mut client, 0)["lag_seconds"] == "0");
    client.run("SET k v");
    let written = number(&mut client, "replication", "master_repl_offset");
    await_until("it lags by two seconds", || {
        follower.acknowledge_durable(snapshot.offset, snapshot.offset);
        let told = replica(&mut client, 0);
        assert_eq!(told["lag_bytes"], (written - snapshot.offset).to_string());
        told["lag_seconds"].parse::<u64>().expect("a number") >= 2
    });
    let stock = fields(&mut client, "replication", "slave0").expect("it is there");
    assert!(
        stock["lag"].parse::<u64>().expect("a number") < 2,
        "it speaks all the time: {stock:?}"
    );
    follower.acknowledge_durable(written, snapshot.offset);
    await_until("it has caught up", || replica(&mut client, 0)["lag_seconds"] == "0");
    let told = replica(&mut client, 0);
    assert_eq!(told["durable_offset"], snapshot.offset.to_string());
    assert_eq!(told["lag_bytes"], "0");
}

#[test]
fn what_a_replica_is_follows_from_what_it_says_before_it_asks() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let capabilities = ["eof", "psync2", "backlog", "unheard-of"];
    let (_ours, _) = Follower::ask(&server, &capabilities, "?", -1);
    assert_eq!(replica(&mut client, 0)["kind"], "backlogd");
    let mut valkey = server.connect();
    for line in ["REPLCONF capa eof", "REPLCONF version 8.0.1", "REPLCONF ip-address a,b=c"] {
        assert_eq!(valkey.run(line).text(), "OK");
    }
    valkey.send(b"PSYNC nonsense 17\r\n");
    await_until("it is there", || client.info("replication", "connected_slaves") == "2");
    let told = replica(&mut client, 1);
    assert_eq!((told["kind"].as_str(), told["version"].as_str()), ("redis", "8.0.1"));
    assert_eq!(told["ip"], "a?b?c");
    await_until("it is judged", || resync(&mut client, 0).1.contains("names no position"));
    let (_raw, _) = Follower::sync(&server);
    assert_eq!(resync(&mut client, 0).1, "the replica knows SYNC only");
    let told = replica(&mut client, 2);
    assert_eq!((told["kind"].as_str(), told["port"].as_str()), ("unknown", "0"));
    assert_eq!(told["last_resync_reason"], "the replica knows SYNC only");
}

#[test]
fn a_snapshot_on_its_way_is_told_with_what_is_left() {
    let server = Server::start(&["--rdbcompression", "no"]);
    let mut client = server.connect();
    for index in 0..32 {
        client.call(&["SET", &format!("key:{index}"), &"v".repeat(1 << 20)]);
    }
    let asking = Asking::new(&server, &["psync2"], "?", -1);
    await_until("it is judged", || {
        fields(&mut client, "backlog", "backlog_resync0")
            .is_some_and(|told| told["reason"] == "the replica has no history")
    });
    await_until("the snapshot is on its way", || {
        fields(&mut client, "backlog", "backlog_replica0")
            .is_some_and(|told| told.get("sync_bytes").is_some_and(|sent| sent != "0"))
    });
    let told = replica(&mut client, 0);
    let bytes = |name: &str| told[name].parse::<u64>().expect("a number");
    assert_eq!(told["state"], "send_bulk");
    assert!(bytes("sync_total") > 32 << 20, "{told:?}");
    assert!(bytes("sync_bytes") < bytes("sync_total"), "it does not read: {told:?}");
    assert!(told["sync_eta_seconds"].parse::<u64>().is_ok(), "there is a pace: {told:?}");
    assert_eq!((told["lag_bytes"].as_str(), told["lag_seconds"].as_str()), ("-1", "-1"));
    let (_follower, _) = asking.answer();
    await_until("it is fed", || replica(&mut client, 0)["state"] == "online");
    assert!(!replica(&mut client, 0).contains_key("sync_bytes"));
}

#[test]
fn the_lineage_is_told_and_decides_who_continues() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut client = server.connect();
    let lineage = |client: &mut Client| client.info("replication", "backlog_lineage");
    assert_eq!(lineage(&mut client), "");
    let mut expected = Vec::new();
    for count in 1..=3 {
        client.run("SET k v");
        let before = history(&server);
        assert!(!client.run("DEBUG CHANGE-REPL-ID").is_error());
        expected.insert(0, format!("{}:{}", before.replid, before.offset));
        assert_eq!(lineage(&mut client), expected.join(","), "after {count}");
        assert_eq!(history(&server).second, before.offset as i64 + 1);
    }
    client.run("SET k w");

    let older = expected[1].split_once(':').expect("a replid and an offset");
    let ceiling: u64 = older.1.parse().expect("an offset");
    let (_follower, answer) = Follower::resume(&server, older.0, ceiling);
    assert!(answer.is_partial());
    let reason = "under an older replid of the lineage";
    assert_eq!(
        resync(&mut client, 0),
        ("partial".to_owned(), format!("it continues from offset {ceiling} {reason}"))
    );
    let (_follower, answer) = Follower::resume(&server, older.0, ceiling + 1);
    assert!(!answer.is_partial());
    let reason =
        format!("it followed an older history past {ceiling} where this one parted from it");
    assert_eq!(resync(&mut client, 0), ("full".to_owned(), reason));
}

#[test]
fn as_many_histories_as_configured_are_remembered_now_and_after_a_restart() {
    let mut server = Server::start(&["--enable-debug-command", "yes"]);
    let lineage = |server: &Server| server.connect().info("replication", "backlog_lineage");
    for _ in 0..4 {
        assert!(!server.connect().run("DEBUG CHANGE-REPL-ID").is_error());
    }
    let all = lineage(&server);
    let newest = |count| all.split(',').take(count).collect::<Vec<_>>().join(",");
    assert_eq!(newest(4), all);
    server.restart();
    assert_eq!(lineage(&server), all);
    server.restart_with(&["--backlog-lineage-size", "3"]);
    assert_eq!(lineage(&server), newest(3));
    for (size, kept) in [("0", 3), ("1025", 3), ("1024", 3), ("2", 2)] {
        let reply = server.connect().call(&["CONFIG", "SET", "backlog-lineage-size", size]);
        assert_eq!(reply.is_error(), ["0", "1025"].contains(&size), "{reply:?}");
        assert_eq!(lineage(&server), newest(kept), "{size}");
    }
    let (forgotten, ceiling) = all.rsplit(',').next().and_then(|one| one.split_once(':')).unwrap();
    let (_follower, answer) = Follower::resume(&server, forgotten, ceiling.parse().unwrap());
    assert!(!answer.is_partial());
    let told = resync(&mut server.connect(), 0);
    assert_eq!(told, ("full".to_owned(), FOREIGN.to_owned()));
    let before = history(&server);
    assert!(!server.connect().run("DEBUG CHANGE-REPL-ID").is_error());
    let after = format!("{}:{},{}", before.replid, before.offset, newest(1));
    assert_eq!(lineage(&server), after, "the oldest has gone");
}
