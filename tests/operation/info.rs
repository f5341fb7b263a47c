//! `INFO` says what dashboards ask for, and what it says is so.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::data::fill;
use crate::support::history::{await_online, number};
use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};

/// The names of all fields, those aside that number something.
fn fields(client: &mut Client) -> BTreeSet<String> {
    let text = client.run("INFO everything").text();
    let names = text.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name);
    names.filter(|name| !name.starts_with("cmdstat_")).map(str::to_owned).collect()
}

#[test]
fn no_field_of_a_stock_server_is_missing() {
    let (server, stock) = (Server::start(&[]), Stock::start(&["--appendonly", "yes"]));
    let (ours, theirs) = (fields(&mut server.connect()), fields(&mut stock.connect()));
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_average_time_to_live_is_that_of_the_keys_that_expire() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for index in 0..300 {
        client.call(&["SET", &format!("lasting:{index}"), "v"]);
        client.call(&["SET", &format!("fading:{index}"), "v", "EX", "1000"]);
    }
    client.run("SELECT 3");
    client.run("SET only v");
    let average = |client: &mut Client, database: &str| -> i64 {
        let line = client.info("keyspace", database);
        let (_, ttl) = line.rsplit_once("avg_ttl=").expect("it is told");
        ttl.parse().expect("a number")
    };
    let ttl_ms = average(&mut client, "db0");
    assert!((900_000..=1_000_000).contains(&ttl_ms), "{ttl_ms}");
    assert_eq!(average(&mut client, "db3"), 0);
}

/// The figures of a reply that is a map, by their names; a map within has the names of both.
fn figures(reply: &Value) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for pair in reply.elements().chunks_exact(2) {
        match &pair[1] {
            Value::Integer(number) => drop(found.insert(pair[0].text(), *number)),
            Value::Array(_) => {
                let inner = figures(&pair[1]).into_iter();
                found.extend(inner.map(|(name, n)| (format!("{}.{name}", pair[0].text()), n)));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_figures_of_memory_add_up() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for index in 0..2000 {
        client.call(&["SET", &format!("key:{index}"), &"v".repeat(500), "EX", "1000"]);
    }
    client.run("SELECT 3");
    client.run("SET only v");

    let told = figures(&client.run("MEMORY STATS"));
    let (total, overhead) = (told["total.allocated"], told["overhead.total"]);
    let startup = told["startup.allocated"];
    assert_eq!(told["dataset.bytes"], total - overhead);
    assert_eq!(told["keys.bytes-per-key"], (total - startup) / 2001);
    let tables = told["db.0.overhead.hashtable.main"] + told["db.3.overhead.hashtable.main"];
    assert!(tables > 2001 * 2, "an address for each key: {tables}");
    assert_eq!(told["db.0.overhead.hashtable.expires"], 2000 * 8);
    assert_eq!(told["db.3.overhead.hashtable.expires"], 0);
    let parts = startup + tables + 2000 * 8 + told["clients.normal"] + told["clients.slaves"];
    assert_eq!(overhead, parts);
    assert!(told["dataset.bytes"] > 2000 * 500);
    assert!(!told.contains_key("db.1.overhead.hashtable.main"));

    let text = client.run("INFO memory").text();
    let line = |name: &str| -> i64 {
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(line("used_memory_startup"), startup);
    assert_eq!(line("used_memory_overhead") + line("used_memory_dataset"), line("used_memory"));
    assert!(line("used_memory_overhead") >= startup + tables);
}

#[test]
fn the_limit_of_memory_is_told_as_it_was_set() {
    let told = |endpoint: &dyn Endpoint| {
        let mut client = endpoint.connect();
        client.run("SET k v");
        client.run("CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lfu");
        let fields = ["maxmemory", "maxmemory_human", "maxmemory_policy"];
        let mut told = fields.map(|field| client.info("memory", field)).to_vec();
        told.push(client.run("OBJECT IDLETIME k").text());
        client.run("CONFIG SET maxmemory-policy noeviction");
        told.push(client.run("OBJECT FREQ k").text());
        told
    };
    assert_eq!(told(&Server::start(&[])), told(&Stock::start(&[])));
}

#[test]
fn a_transaction_may_ask_for_what_lies_in_the_shards_it_holds() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for line in ["MULTI", "SET k v EX 1000", "INFO keyspace", "EXEC"] {
        client.run(line);
    }
    client.run("MULTI");
    client.run("SET other v EX 1000");
    client.run("INFO");
    client.run("MEMORY STATS");
    let replies = client.run("EXEC");
    assert!(figures(&replies.elements()[2])["db.0.overhead.hashtable.main"] > 0);
    assert!(replies.elements()[1].text().contains("db0:keys=2,expires=2,avg_ttl="));
}

#[test]
fn what_goes_to_replicas_and_clients_is_counted() {
    let server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    fill(&mut client, 0, 50);
    let fed = |client: &mut Client| number(client, "stats", "total_net_repl_output_bytes");
    assert_eq!(fed(&mut client), 0);
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    await_online(&server, 1);
    let snapshot = fed(&mut client);
    assert!(snapshot > 0);
    client.call(&["SET", "large", &"v".repeat(100_000)]);
    await_until("the replica is sent it", || fed(&mut client) > snapshot + 100_000);
    assert!(number(&mut client, "stats", "total_reads_processed") > 100);
    assert!(number(&mut client, "stats", "total_writes_processed") > 100);
    assert!(number(&mut client, "memory", "mem_clients_normal") > 0);
    assert!(number(&mut client, "memory", "mem_clients_slaves") > 0);
    let startup = number(&mut client, "memory", "used_memory_startup");
    assert!(startup > 0 && startup < number(&mut client, "memory", "used_memory"));
}

#[test]
fn a_restart_tells_how_many_keys_the_snapshot_held() {
    let mut server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    fill(&mut client, 0, 50);
    let keys: i64 = (0..4)
        .map(|database| {
            client.run(&format!("SELECT {database}"));
            client.run("DBSIZE").integer()
        })
        .sum();
    client.run("SAVE");
    client.run("SET after 1");
    server.kill();
    server.restart();
    let loaded = number(&mut server.connect(), "persistence", "rdb_last_load_keys_loaded");
    assert_eq!(loaded, keys as u64);
}

/// A key's counter of uses after each of these commands on new keys.
fn frequencies(endpoint: &dyn Endpoint) -> Vec<(&'static str, Value, Value)> {
    const COMMANDS: [&str; 29] = [
        "PING",
        "SET s w",
        "SET s w XX GET",
        "GET s",
        "MGET s s",
        "APPEND s w",
        "SETRANGE s 1 w",
        "STRLEN s",
        "GETRANGE s 0 1",
        "GETSET s w",
        "GETEX s",
        "MSET s w",
        "LCS s s",
        "EXPIRE s 100",
        "EXISTS s",
        "TYPE s",
        "TTL s",
        "TOUCH s",
        "OBJECT ENCODING s",
        "OBJECT FREQ s",
        "COPY s t",
        "COPY h s REPLACE",
        "HSET h f 2",
        "HGET h f",
        "HDEL h f",
        "HINCRBY h n 1",
        "HGETALL h",
        "HLEN h",
        "SCAN 0",
    ];
    let mut client = endpoint.connect();
    let mut told = Vec::new();
    for command in COMMANDS {
        for line in ["FLUSHALL", "SET s v", "HSET h f 1 g 2 n 3", command] {
            assert!(!client.run(line).is_error(), "{line}");
        }
        told.push((command, client.run("OBJECT FREQ s"), client.run("OBJECT FREQ h")));
    }
    told
}

#[test]
fn the_frequency_of_uses_is_counted_as_stock_counts_it() {
    // With this factor every use counts.
    let arguments = ["--lfu-log-factor", "0", "--maxmemory-policy", "volatile-lfu"];
    let (server, stock) = (Server::start(&arguments), Stock::start(&arguments));
    let ours = frequencies(&server);
    assert_eq!(ours, frequencies(&stock));
    assert_eq!(ours[0], ("PING", Value::Integer(5), Value::Integer(5)));
    assert_eq!(ours[4], ("MGET s s", Value::Integer(7), Value::Integer(5)));
    let lines = ["OBJECT IDLETIME s", "CONFIG SET maxmemory-policy allkeys-lru", "OBJECT FREQ s"];
    let (mut client, mut oracle) = (server.connect(), stock.connect());
    for line in lines {
        assert_eq!(client.run(line), oracle.run(line), "{line}");
    }
}

#[test]
fn clients_are_counted_anew_once_statistics_are_reset() {
    let server = Server::start(&["--maxclients", "1"]);
    let mut client = server.connect();
    let turned_away = server.connect().read().0;
    assert_eq!(turned_away.text(), "ERR max number of clients reached");
    assert!(number(&mut client, "stats", "total_connections_received") > 0);
    assert!(number(&mut client, "stats", "rejected_connections") > 0);
    client.run("CONFIG RESETSTAT");
    assert_eq!(client.info("stats", "total_connections_received"), "0");
    assert_eq!(client.info("stats", "rejected_connections"), "0");
}
