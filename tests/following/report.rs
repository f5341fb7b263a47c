//! What a replica tells of itself, held against a stock replica of the same primary.

use crate::support::fake_primary::{rdb, replid};
use crate::support::history::number;
use crate::support::member::{await_down, await_link, await_same, follow, promote};
use crate::support::{Client, Endpoint, FakePrimary, Kind, Member, Relay, Server, await_until};
use crate::{replica_of, stock_kinds};

/// The names of a section's fields in their order, without those of this server alone.
fn fields(client: &mut Client) -> Vec<String> {
    let text = client.run("INFO replication").text();
    let names = text.lines().skip(1).filter_map(|line| line.split_once(':'));
    let names = names.map(|(name, _)| name.to_owned());
    names.filter(|name| name != "master_link_down_reason" && !name.contains("backlog_")).collect()
}

#[test]
fn a_replicas_info_and_role_are_those_of_stock() {
    for kind in stock_kinds() {
        let mut primary = kind.start(&[]);
        primary.connect().run("SET key 1");
        let stock = kind.start(&[]);
        follow(&stock, primary.address());
        let ours = replica_of(&primary, &[]);
        await_same(&[&primary, &ours, &stock]);
        let (mut at_ours, mut at_stock) = (ours.connect(), stock.connect());
        // Which fields there are depends on the version, and Valkey's are its own.
        if kind == stock_kinds()[0] {
            let theirs = fields(&mut at_stock);
            let own = fields(&mut at_ours);
            assert_eq!(own, theirs);
        }
        for field in [
            "role",
            "master_host",
            "master_port",
            "master_link_status",
            "master_sync_in_progress",
            "slave_repl_offset",
            "slave_read_repl_offset",
            "slave_priority",
            "slave_read_only",
            "replica_announced",
            "connected_slaves",
            "master_replid",
            "master_replid2",
            "master_repl_offset",
            "second_repl_offset",
        ] {
            let theirs = at_stock.info("replication", field);
            assert_eq!(at_ours.info("replication", field), theirs, "{field}");
        }
        assert_eq!(at_ours.run("ROLE"), at_stock.run("ROLE"));

        primary.kill();
        for client in [&mut at_ours, &mut at_stock] {
            await_until("it has noticed", || {
                client.info("replication", "master_link_status") == "down"
            });
        }
        if kind == stock_kinds()[0] {
            assert_eq!(fields(&mut at_ours), fields(&mut at_stock));
        }
        let role = at_ours.run("ROLE");
        assert_eq!(role.elements()[4].integer(), -1, "{role:?}");
        assert!(
            ["connect", "connecting"].contains(&role.elements()[3].text().as_str()),
            "{role:?}"
        );
    }
}

#[test]
fn a_replica_is_one_from_the_start_on_even_while_it_loads() {
    let primary = Kind::Backlogd.start(&[]);
    let mut client = primary.connect();
    let value = "v".repeat(1000);
    let lines = (0..20_000).map(|index| format!("SET key:{index} {value}\r\n"));
    client.send(lines.collect::<Vec<_>>().concat().as_bytes());
    for _ in 0..20_000 {
        client.read();
    }
    let mut replica = replica_of(&primary, &[]);
    await_same(&[&primary, &replica]);
    replica.kill();
    let at = format!("127.0.0.1 {}", primary.address().port());
    replica.restart_loading(&["--replicaof", &at]);
    let mut reader = replica.connect();
    loop {
        assert_eq!(reader.info("replication", "role"), "slave");
        if reader.info("replication", "master_link_status") == "up" {
            break;
        }
    }
    await_same(&[&primary, &replica]);
}

#[test]
fn what_the_link_is_at_and_why_it_is_down_is_told() {
    let primary = Kind::Backlogd.start(&[]);
    primary.connect().run("SET key 1");
    let relay = Relay::to(&primary);
    relay.close();
    let Member::Own(replica) = Kind::Backlogd.start(&[]) else { unreachable!("it is ours") };
    follow(&replica, relay.address());
    await_down(&replica, "closed");
    relay.open();
    await_link(&replica);
    let mut client = replica.connect();
    assert_eq!(client.info("backlog", "backlog_last_resync_kind"), "full");
    relay.cut();
    await_until("it has come back", || relay.partial() == 1);
    await_link(&replica);
    assert_eq!(client.info("backlog", "backlog_last_resync_kind"), "partial");
    assert_eq!(number(&mut client, "backlog", "backlog_discarded_bytes"), 0);
    promote(&replica);
    assert_eq!(client.info("replication", "role"), "master");
    let answers = [
        ("REPLICAOF NO ONE", "OK"),
        ("SLAVEOF no one", "OK"),
        ("REPLICAOF 127.0.0.1 port", "ERR Invalid master port"),
        ("REPLICAOF 127.0.0.1 70000", "ERR Invalid master port"),
        ("REPLICAOF 127.0.0.1", "ERR wrong number of arguments for 'replicaof' command"),
    ];
    for (line, answer) in answers {
        assert_eq!(client.run(line).text(), answer, "{line}");
    }
    follow(&replica, relay.address());
    let port = relay.address().port().to_string();
    let again = client.call(&["REPLICAOF", "127.0.0.1", &port]).text();
    assert_eq!(again, "OK Already connected to specified master");
    await_link(&replica);
    drop::<Server>(replica);
}

#[test]
fn what_a_primary_sends_is_counted_and_no_share_of_an_unknown_whole_is_told() {
    let (primary, replica) = (FakePrimary::start(), Server::start(&[]));
    let mut client = replica.connect();
    client.call(&["REPLICAOF", "127.0.0.1", &primary.port()]);
    let (mut connection, _) = primary.accept_at_psync();
    let (id, mark, snapshot) = (replid('a'), replid('e'), rdb(&[("k", "v")]));
    let (begun, rest) = snapshot.split_at(9);
    connection.send(format!("+FULLRESYNC {id} 0\r\n$EOF:{mark}\r\n").as_bytes());
    connection.send(begun);
    await_until("a part has come", || {
        let text = client.run("INFO replication").text();
        text.contains(&format!("master_sync_read_bytes:{}\r\n", begun.len()))
    });
    assert_eq!(client.info("replication", "master_sync_perc"), "0.00");
    assert_eq!(client.info("replication", "master_sync_left_bytes"), "-1");
    connection.send(&[rest, mark.as_bytes()].concat());
    await_until("the link is up", || client.info("replication", "master_link_status") == "up");
    let came = |client: &mut Client| number(client, "stats", "total_net_repl_input_bytes");
    let before = came(&mut client);
    assert!(before > snapshot.len() as u64, "{before}");
    let value = "v".repeat(100_000);
    let end = connection.say(&["SET", "k", &value]);
    connection.await_ack(end);
    assert_eq!(came(&mut client), before + end);
    assert!(number(&mut client, "stats", "total_net_input_bytes") >= before + end);
    await_until("a rate is told", || {
        client.info("stats", "instantaneous_input_repl_kbps") != "0.00"
    });
    client.run("CONFIG RESETSTAT");
    assert_eq!(came(&mut client), 0);
}
