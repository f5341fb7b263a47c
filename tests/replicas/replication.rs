//! The primary side of replication, with stock replicas and with a raw one that counts every byte.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::follower::Form;
use crate::support::history::{assert_in_sync, await_online, digest, history, number, resyncs};
use crate::support::segments::log_bytes;
use crate::support::{
    Client, Endpoint, Follower, Program, Resync, Server, Stock, Value, await_until,
};

const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];

fn primary(further: &[&str]) -> Server {
    Server::start(&[&DEBUG[..], further].concat())
}

/// Writes keys of every type there is, in several databases.
fn fill(client: &mut Client, count: usize) {
    for index in 0..count {
        let database = (index % 3).to_string();
        assert_eq!(client.call(&["SELECT", &database]).text(), "OK");
        let key = format!("key:{index}");
        assert_eq!(client.call(&["SET", &key, "a value of some length"]).text(), "OK");
        let hash = format!("hash:{index}");
        client.call(&["HSET", &hash, "field", &key, "number", "1"]);
        client.call(&["HINCRBYFLOAT", &hash, "number", "0.25"]);
        client.call(&["APPEND", &key, "\0\r\n binary"]);
        client.call(&["INCR", "counter"]);
    }
    assert_eq!(client.run("SELECT 0").text(), "OK");
}

#[test]
fn a_stock_replica_takes_over_the_data_and_follows_the_stream() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let mut client = server.connect();
        fill(&mut client, 50);
        let replica = program.start(&[]);
        replica.replicate(&server);
        assert_in_sync(&server, &[&replica]);
        assert_eq!(resyncs(&server), (1, 0));

        fill(&mut client, 80);
        client.run("SELECT 5");
        client.run("MULTI");
        client.run("SET in:transaction 1");
        client.run("INCRBYFLOAT in:transaction 0.5");
        client.run("SELECT 6");
        client.run("HSET other f v");
        assert_eq!(client.run("EXEC").elements().len(), 4);
        client.run("SELECT 0");
        client.run("RENAME key:0 renamed");
        client.run("MOVE key:3 9");
        client.run("COPY key:6 copied DB 7");
        client.run("SWAPDB 1 2");
        assert_in_sync(&server, &[&replica]);
        assert_eq!(resyncs(&server), (1, 0), "nothing of it needed another resync");
        assert_eq!(replica.connect().run("GET renamed"), client.run("GET renamed"));

        client.run("FLUSHALL");
        client.run("SET last one");
        assert_in_sync(&server, &[&replica]);
    }
}

#[test]
fn an_expired_key_leaves_the_replica_by_a_logged_del() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let replica = program.start(&[]);
        replica.replicate(&server);
        let (mut follower, snapshot) = Follower::attach(&server);
        assert_eq!(snapshot.form, Form::Mark);
        let mut client = server.connect();
        client.run("SET lasting 1");
        client.run("SET fading 2 PX 30");
        let mut seen = Vec::new();
        loop {
            let command = follower.command();
            let is_del = command[0] == "DEL" || command[0] == "UNLINK";
            seen.push(command);
            if is_del {
                break;
            }
        }
        let fading = seen.iter().find(|command| command.contains(&"fading".to_owned()));
        let fading = fading.unwrap_or_else(|| panic!("the write is missing in {seen:?}"));
        assert!(fading.contains(&"PXAT".to_owned()), "an absolute time: {fading:?}");
        assert_eq!(seen.last().map(|del| del[1].as_str()), Some("fading"));
        assert_in_sync(&server, &[&replica]);
        assert_eq!(replica.connect().run("DBSIZE").integer(), 1);
    }
}

#[test]
fn a_replica_whose_link_is_cut_continues() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let replica = program.start(&[]);
        replica.replicate(&server);
        let mut client = server.connect();
        fill(&mut client, 10);
        let cut = client.run("CLIENT KILL TYPE replica").integer();
        assert_eq!(cut, 1);
        fill(&mut client, 20);
        await_until("the replica has come back", || resyncs(&server).1 == 1);
        assert_in_sync(&server, &[&replica]);
        assert_eq!(resyncs(&server), (1, 1));
    }
}

#[test]
fn a_replica_that_restarts_with_its_saved_position_continues() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let mut replica = program.start(&[]);
        replica.replicate(&server);
        let mut client = server.connect();
        fill(&mut client, 10);
        replica.await_offset_of(&server);
        replica.shut_down();
        fill(&mut client, 20);
        replica.restart_as_replica_of(&server);
        replica.await_link();
        assert_in_sync(&server, &[&replica]);
        assert_eq!(resyncs(&server), (1, 1));
    }
}

#[test]
fn psync_continues_at_every_byte_the_log_holds() {
    let server = primary(&["--repl-ping-replica-period", "3600"]);
    let (mut follower, snapshot) = Follower::attach(&server);
    let mut client = server.connect();
    client.run("SET key value");
    client.run("SELECT 3");
    client.run("MULTI");
    client.run("SET a 1");
    client.run("HSET h f v");
    client.run("EXEC");
    let end = history(&server).offset;
    let start = snapshot.offset;
    let stream = follower.read((end - start) as usize);
    for held in start..=end {
        let (mut other, resync) = Follower::resume(&server, &snapshot.replid, held);
        assert_eq!(resync, Resync::Partial(Some(snapshot.replid.clone())), "at {held}");
        let rest = other.read((end - held) as usize);
        assert!(rest == stream[(held - start) as usize..], "other bytes from {held} on");
    }
    let (mut last, _) = Follower::resume(&server, &snapshot.replid.to_uppercase(), end);
    client.run("SET key again");
    assert_eq!(last.command(), ["SET", "key", "again"], "the case of a replid says nothing");
    assert_eq!(resyncs(&server), (1, end - start + 2));
}

#[test]
fn psync_elsewhere_is_a_full_resync() {
    let server = primary(&["--repl-ping-replica-period", "3600"]);
    let (_follower, snapshot) = Follower::attach(&server);
    server.connect().run("SET key value");
    let now = history(&server);
    let beyond = Follower::resume(&server, &snapshot.replid, now.offset + 1).1.full();
    assert_eq!(beyond.replid, now.replid);
    let unknown = "0123456789012345678901234567890123456789";
    Follower::resume(&server, unknown, now.offset).1.full();
    Follower::resume(&server, "not a replid", 0).1.full();
    let (_, resync) = Follower::ask(&server, &["psync2"], &now.replid, 0);
    resync.full();
    let (_, resync) = Follower::ask(&server, &["psync2"], &now.replid, -7);
    resync.full();
    assert_eq!(number(&mut server.connect(), "stats", "sync_partial_ok"), 0);
    assert!(number(&mut server.connect(), "stats", "sync_partial_err") >= 4);
}

#[test]
fn psync_below_the_start_of_the_log_is_a_full_resync() {
    let server =
        primary(&["--backlog-segment-size", "64kb", "--repl-backlog-size", "64kb", "--save", ""]);
    let mut client = server.connect();
    let replid = history(&server).replid;
    let value = "v".repeat(1000);
    for _ in 0..300 {
        client.call(&["SET", "key", &value]);
    }
    assert_eq!(client.run("SAVE").text(), "OK");
    let mut first = 0;
    await_until("old segments are let go of", || {
        first = number(&mut client, "replication", "repl_backlog_first_byte_offset");
        first > 100_000
    });
    let held = first - 1;
    assert!(Follower::resume(&server, &replid, held).1.is_partial(), "at the start {first}");
    Follower::resume(&server, &replid, held - 1).1.full();
    assert!(history(&server).offset - held >= 64 * 1024, "as much as configured is kept");
}

#[test]
fn an_attached_replica_holds_the_log() {
    let server =
        primary(&["--backlog-segment-size", "64kb", "--repl-backlog-size", "64kb", "--save", ""]);
    let (mut follower, snapshot) = Follower::attach(&server);
    let mut client = server.connect();
    let value = "v".repeat(100_000);
    // Far more than socket buffers hold, so that the replica, which does not read, is behind.
    let rounds = 300;
    for _ in 0..rounds {
        client.call(&["SET", "key", &value]);
    }
    client.run("SAVE");
    let end = history(&server).offset;
    let stream = follower.read((end - snapshot.offset) as usize);
    assert_eq!(stream.windows(5).filter(|bytes| bytes == b"key\r\n").count(), rounds);
}

#[test]
fn a_replica_too_slow_for_the_configured_size_of_the_log_is_let_go() {
    let server = primary(&[
        "--backlog-segment-size",
        "64kb",
        "--repl-backlog-size",
        "64kb",
        "--backlog-max-size",
        "1mb",
        "--save",
        "",
    ]);
    let (mut follower, snapshot) = Follower::attach(&server);
    await_online(&server, 1);
    let mut client = server.connect();
    let value = "v".repeat(100_000);
    for _ in 0..300 {
        client.call(&["SET", "key", &value]);
    }
    assert_eq!(client.run("SAVE").text(), "OK");
    let limit = 1024 * 1024;
    await_until("the files take no more than allowed", || log_bytes(server.directory()) <= limit);
    assert!(number(&mut client, "backlog", "backlog_covered_bytes") > 200_000, "and not far less");
    let received = follower.read_to_close().len() as u64;
    let end = history(&server).offset;
    assert!(snapshot.offset + received < end, "it was cut off before the end");
    await_online(&server, 0);
    Follower::resume(&server, &snapshot.replid, snapshot.offset + received).1.full();
}

#[test]
fn the_time_to_keep_holds_the_log_until_it_has_passed() {
    let server = primary(&[
        "--backlog-segment-size",
        "64kb",
        "--repl-backlog-size",
        "16kb",
        "--backlog-retain-time",
        "3600",
        "--save",
        "",
    ]);
    let mut client = server.connect();
    let value = "v".repeat(1000);
    let mut write = |rounds| {
        for _ in 0..rounds {
            client.call(&["SET", "key", &value]);
        }
        assert_eq!(client.run("SAVE").text(), "OK");
    };
    let first = || number(&mut server.connect(), "replication", "repl_backlog_first_byte_offset");
    write(300);
    // What was written before is younger than an hour; retention has run when its limit is obeyed.
    server.connect().run("CONFIG SET backlog-max-size 384kb");
    await_until("the limit on the size is obeyed", || first() > 1);
    server.connect().run("CONFIG SET backlog-max-size 0");
    let kept = first();
    let held = history(&server).offset - kept;
    assert!(held > 150_000, "{held} bytes are kept, though 16 kb would do by size");
    write(100);
    server.connect().run("CONFIG SET backlog-retain-time 1");
    await_until("the hour is a second, and has passed", || {
        history(&server).offset - first() <= 64 * 1024 + 16 * 1024
    });
    assert!(first() > kept);
}

#[test]
fn both_forms_of_a_snapshot_hold_the_same_data() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let mut client = server.connect();
        fill(&mut client, 20);
        let replica = program.start(&[]);
        client.run("CONFIG SET repl-diskless-sync no");
        let (_a, by_length) = Follower::attach(&server);
        client.run("CONFIG SET repl-diskless-sync yes");
        let (_b, by_mark) = Follower::attach(&server);
        assert_eq!((by_length.form, by_mark.form), (Form::Length, Form::Mark));
        assert!(by_length.rdb == by_mark.rdb, "one snapshot serves both");
        let (_c, old) = Follower::ask(&server, &["psync2"], "?", -1);
        assert_eq!(old.full().form, Form::Length, "a replica that cannot take the mark");
        let (mut plain, rdb) = Follower::sync(&server);
        assert!(rdb == by_length.rdb, "SYNC sends the same");
        client.run("SET after sync");
        while plain.command() != ["SET", "after", "sync"] {}

        for form in ["no", "yes"] {
            client.call(&["CONFIG", "SET", "repl-diskless-sync", form]);
            replica.replicate(&server);
            assert_in_sync(&server, &[&replica]);
            replica.connect().run("REPLICAOF NO ONE");
            replica.connect().run("FLUSHALL");
        }
    }
}

fn redis_cli(server: &Server, arguments: &[&str]) -> std::process::Output {
    let port = server.address().port().to_string();
    Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("redis-cli: {error}; apt-get install redis-tools"))
}

#[test]
fn redis_cli_fetches_a_sound_rdb_file() {
    let server = primary(&[]);
    fill(&mut server.connect(), 20);
    let file = server.directory().join("fetched.rdb");
    let path = file.to_str().expect("a path in UTF-8");
    let output = redis_cli(&server, &["--rdb", path]);
    assert!(output.status.success(), "{output:?}");
    let check = Command::new("redis-check-rdb")
        .arg(path)
        .output()
        .unwrap_or_else(|error| panic!("redis-check-rdb: {error}; apt-get install redis-server"));
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && said.contains("RDB looks OK"), "{said}");
    assert!(
        said.contains("43 keys read"),
        "20 keys, 20 hashes and counters in 3 databases: {said}"
    );

    let output = redis_cli(&server, &["--functions-rdb", path]);
    assert!(output.status.success(), "{output:?}");
    let check = Command::new("redis-check-rdb").arg(path).output().expect("it ran before");
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(said.contains("RDB looks OK") && said.contains("0 keys read"), "{said}");
}

#[test]
fn a_follower_without_a_snapshot_gets_the_stream_alone() {
    let server = primary(&[]);
    let mut client = server.connect();
    fill(&mut client, 5);
    let mut raw = server.connect();
    assert_eq!(raw.call(&["REPLCONF", "rdb-filter-only", ""]).text(), "OK");
    raw.send_command(&["PSYNC", "?", "-1"]);
    assert!(raw.read_line().starts_with("+FULLRESYNC "));
    let length = raw.read_line();
    let length: usize = length.trim_start_matches('$').parse().expect("a length");
    let rdb = raw.read_bytes(length).expect("the snapshot");
    assert!(rdb.starts_with(b"REDIS0010"));
    assert!(!rdb.windows(4).any(|bytes| bytes == b"key:"), "no keys in it");
    client.run("SET marked 1");
    loop {
        let (command, _) = raw.read();
        if command.elements().iter().any(|word| word.text() == "marked") {
            break;
        }
    }
}

#[test]
fn wait_counts_the_replicas_that_have_what_this_client_wrote() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let mut client = server.connect();
        assert_eq!(client.run("WAIT 0 0").integer(), 0);
        client.run("SET key 1");
        assert_eq!(client.run("WAIT 1 20").integer(), 0, "nobody is there");
        let replicas = [program.start(&[]), program.start(&[])];
        for replica in &replicas {
            replica.replicate(&server);
        }
        await_online(&server, 2);
        client.run("SET key 2");
        assert_eq!(client.run("WAIT 2 0").integer(), 2);
        assert_eq!(client.run("WAIT 1 0").integer(), 2, "all that have it are counted");
        assert_eq!(client.run("WAIT 3 20").integer(), 2);
        assert_eq!(
            server.connect().run("WAIT 2 0").integer(),
            2,
            "who wrote nothing waits for nothing"
        );
        assert_eq!(client.run("WAIT 1 -1").text(), "ERR timeout is negative");
        client.run("MULTI");
        client.run("SET key 3");
        client.run("WAIT 2 0");
        assert_eq!(client.run("EXEC").elements().len(), 2, "it does not wait in a transaction");
    }
}

#[test]
fn what_would_wait_is_answered_in_its_place_within_a_transaction() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let mut client = server.connect();
    client.run("SET a 1");
    client.run("WAITAOF 1 0 0");
    client.run("MULTI");
    for command in [
        "WAITAOF 1 0 0",
        "DEBUG SLEEP 0.001",
        "WAIT 1 0",
        "DEBUG RELOAD",
        "DEBUG LOADAOF",
        "ECHO end",
    ] {
        assert_eq!(client.run(command).text(), "QUEUED");
    }
    let replies = client.run("EXEC");
    let [waitaof, sleep, wait, reload, replay, echo] = replies.elements() else {
        panic!("{replies:?}")
    };
    assert_eq!(replay.text(), "OK");
    let disks: Vec<_> = waitaof.elements().iter().map(Value::integer).collect();
    assert_eq!((disks, wait.integer()), (vec![1, 0], 0));
    assert_eq!((sleep.text(), reload.text()), ("OK".to_owned(), "OK".to_owned()));
    assert_eq!((echo.text(), client.run("GET a").text()), ("end".to_owned(), "1".to_owned()));
}

#[test]
fn waitaof_tells_what_is_on_disk_here_and_at_replicas() {
    let server = primary(&["--appendfsync", "no", "--repl-ping-replica-period", "3600"]);
    let mut client = server.connect();
    client.run("SET key 1");
    for replicas in ["x", "-1", "99999999999999999999"] {
        let reply = client.call(&["WAITAOF", "0", replicas, "0"]).text();
        assert_eq!(reply, "ERR value is out of range, must be positive");
    }
    let integers = |reply: Value| reply.elements().iter().map(Value::integer).collect::<Vec<_>>();
    assert_eq!(integers(client.run("WAITAOF 1 0 0")), [1, 0]);
    let durable = number(&mut client, "backlog", "backlog_durable_offset");
    assert!(durable >= history(&server).offset, "{durable}");
    assert_eq!(integers(client.run("WAITAOF 0 1 20")), [1, 0]);
    let (mut follower, _) = Follower::attach(&server);
    await_online(&server, 1);
    client.run("SET key 2");
    let end = history(&server).offset;
    follower.acknowledge_durable(end, end);
    assert_eq!(integers(client.run("WAITAOF 1 1 0")), [1, 1]);
    assert_eq!(
        client.run("WAITAOF 2 0 0").text(),
        "ERR value is out of range, value must between 0 and 1"
    );
}

#[test]
fn writes_need_as_many_good_replicas_as_configured() {
    for program in Program::replicas() {
        let server = primary(&["--min-replicas-to-write", "1", "--min-replicas-max-lag", "10"]);
        let mut client = server.connect();
        let refused = "NOREPLICAS Not enough good replicas to write.";
        assert_eq!(client.run("SET key 1").text(), refused);
        assert_eq!(client.run("GET key"), Value::Null, "reads go on");
        let replica = program.start(&[]);
        replica.replicate(&server);
        await_until("a good replica is there", || {
            client.info("replication", "min_slaves_good_slaves") == "1"
        });
        assert_eq!(client.run("SET key 1").text(), "OK");
        replica.connect().run("REPLICAOF NO ONE");
        await_online(&server, 0);
        assert_eq!(client.run("SET key 2").text(), refused);
        client.run("CONFIG SET min-replicas-to-write 0");
        assert_eq!(client.run("SET key 2").text(), "OK");
    }
}

fn replication_fields(endpoint: &impl Endpoint) -> BTreeSet<String> {
    let text = endpoint.connect().run("INFO replication").text();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn info_replication_and_role_are_spelt_as_stock_spells_them() {
    let server = primary(&["--min-replicas-to-write", "1"]);
    let stock = Stock::start(&["--min-replicas-to-write", "1", "--repl-diskless-sync-delay", "0"]);
    let replicas = [Stock::start(&[]), Stock::start(&[])];
    replicas[0].replicate(&server);
    replicas[1].replicate(&stock);
    await_online(&server, 1);
    await_online(&stock, 1);
    let mut ours = replication_fields(&server);
    assert!(ours.remove("backlog_lineage"), "what stock has no word for: {ours:?}");
    assert_eq!(ours, replication_fields(&stock));

    let names = |endpoint: &dyn Fn() -> Client| {
        let slave = endpoint().info("replication", "slave0");
        slave
            .split(',')
            .map(|f| f.split_once('=').expect("name=value").0.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&|| server.connect()), names(&|| stock.connect()));
    let slave = server.connect().info("replication", "slave0");
    let port = replicas[0].address().port();
    assert!(
        slave.starts_with(&format!("ip=127.0.0.1,port={port},state=online,offset=")),
        "{slave}"
    );

    await_until("a good replica is there", || {
        server.connect().info("replication", "min_slaves_good_slaves") == "1"
    });
    assert_eq!(server.connect().run("SET key value").text(), "OK");
    replicas[0].await_offset_of(&server);
    let role = server.connect().run("ROLE");
    let [kind, offset, fed] = role.elements() else { panic!("{role:?}") };
    assert_eq!(kind.text(), "master");
    assert!(offset.integer() > 0);
    let [address, told_port, _] = fed.elements()[0].elements() else { panic!("{fed:?}") };
    assert_eq!((address.text(), told_port.text()), ("127.0.0.1".to_owned(), port.to_string()));
    let second = server.connect().info("replication", "second_repl_offset");
    assert_eq!(second, "-1");
}

#[test]
fn an_idle_stream_is_pinged_and_the_pings_count() {
    for program in Program::replicas() {
        let server = primary(&["--repl-ping-replica-period", "1"]);
        let (mut follower, snapshot) = Follower::attach(&server);
        assert_eq!(follower.command(), ["PING"]);
        assert_eq!(follower.command(), ["PING"]);
        let offset = history(&server).offset;
        assert!(offset >= snapshot.offset + 2 * b"*1\r\n$4\r\nPING\r\n".len() as u64);
        let replica = program.start(&[]);
        replica.replicate(&server);
        server.connect().run("SET key value");
        assert_in_sync(&server, &[&replica]);
    }
}

#[test]
fn replicas_that_come_together_cost_one_snapshot() {
    for program in Program::replicas() {
        let server = primary(&["--save", ""]);
        fill(&mut server.connect(), 50);
        let replicas: Vec<_> = (0..4).map(|_| program.start(&[])).collect();
        let (host, port) = ("127.0.0.1", server.address().port().to_string());
        for replica in &replicas {
            replica.connect().call(&["REPLICAOF", host, &port]);
        }
        await_online(&server, replicas.len());
        assert_in_sync(&server, &replicas.iter().collect::<Vec<_>>());
        assert_eq!(resyncs(&server), (4, 0));
        assert_eq!(number(&mut server.connect(), "persistence", "rdb_saves"), 1);
    }
}

#[test]
fn a_new_replid_drops_the_replicas_which_continue_under_it() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let replica = program.start(&[]);
        replica.replicate(&server);
        let mut client = server.connect();
        fill(&mut client, 10);
        let before = history(&server);
        assert_eq!(client.run("DEBUG CHANGE-REPL-ID").text(), "OK");
        let after = history(&server);
        assert_ne!(before.replid, after.replid);
        assert_eq!(after.replid2, before.replid);
        assert_eq!(after.second as u64, before.offset + 1);
        await_until("the replica has come back", || resyncs(&server).1 == 1);
        fill(&mut client, 12);
        assert_in_sync(&server, &[&replica]);
        assert_eq!(resyncs(&server), (1, 1));
        assert_eq!(replica.connect().info("replication", "master_replid"), after.replid);
        assert!(Follower::resume(&server, &before.replid, before.offset).1.is_partial());
        Follower::resume(&server, &before.replid, before.offset + 1).1.full();
    }
}

#[test]
fn a_replica_of_a_replica_continues_through_a_promotion_of_neither() {
    for program in Program::replicas() {
        let server = primary(&[]);
        let (middle, last) = (program.start(&[]), program.start(&[]));
        middle.replicate(&server);
        last.replicate(&middle);
        fill(&mut server.connect(), 20);
        middle.await_offset_of(&server);
        last.await_offset_of(&server);
        assert_eq!(digest(&last), digest(&server));
    }
}
