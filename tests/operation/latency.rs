//! What is slow, and how times are spread, in the shapes and words of stock.

use crate::support::injector::Injector;
use crate::support::{Client, Endpoint, Program, Server, Stock, Value, await_until};

const WATCHED: [&str; 4] = ["--latency-monitor-threshold", "5", "--hz", "10"];

fn both(arguments: &[&str]) -> (Server, Stock) {
    let own = [arguments, &["--enable-debug-command", "yes"]].concat();
    (Server::start(&own), Program::oracle().start(arguments))
}

/// A text in which every number is the same one.
fn without_numbers(text: &str) -> String {
    let mut told = String::new();
    for char in text.chars() {
        match char {
            '0'..='9' if told.ends_with('0') => {}
            '0'..='9' => told.push('0'),
            other => told.push(other),
        }
    }
    told
}

#[test]
fn the_doctor_says_what_stock_says() {
    let (server, stock) = both(&WATCHED);
    let said = |endpoint: &dyn Endpoint| -> Vec<String> {
        let mut client = endpoint.connect();
        let mut said = vec![client.run("LATENCY DOCTOR").text()];
        client.run("DEBUG SLEEP 0.05");
        said.push(client.run("LATENCY DOCTOR").text());
        client.run("CONFIG SET slowlog-log-slower-than -1");
        said.push(client.run("LATENCY DOCTOR").text());
        client.run("CONFIG SET slowlog-log-slower-than 100");
        said.push(client.run("LATENCY DOCTOR").text());
        client.run("CONFIG SET latency-monitor-threshold 0");
        assert_eq!(client.run("LATENCY RESET"), Value::Integer(1));
        said.push(client.run("LATENCY DOCTOR").text());
        said.into_iter().map(|text| without_numbers(&text)).collect()
    };
    let (ours, theirs) = (said(&server), said(&stock));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert!(ours[1].contains("Your current Slow Log"), "{}", ours[1]);
}

#[test]
fn a_graph_is_drawn_as_stock_draws_it() {
    let (server, stock) = both(&WATCHED);
    let drawn = |endpoint: &dyn Endpoint| {
        let mut client = endpoint.connect();
        client.run("DEBUG SLEEP 0.05");
        let (head, graph) = {
            let text = client.run("LATENCY GRAPH command").text();
            let (head, graph) = text.split_once('\n').expect("lines");
            (without_numbers(head), without_numbers(graph))
        };
        (head, graph, client.run("LATENCY GRAPH none").text())
    };
    assert_eq!(drawn(&server), drawn(&stock));
}

/// The bounds of the histogram of `DEBUG`, with the calls up to each.
fn histogram(client: &mut Client) -> Vec<(i64, i64)> {
    let told = client.run("LATENCY HISTOGRAM debug");
    let [name, facts] = told.elements() else { panic!("{told:?}") };
    assert_eq!(name.text(), "debug");
    let facts = facts.elements();
    assert_eq!((facts[0].text(), facts[2].text()), ("calls".into(), "histogram_usec".into()));
    let pairs = facts[3].elements().chunks(2);
    pairs.map(|pair| (pair[0].integer(), pair[1].integer())).collect()
}

#[test]
fn times_fall_into_the_buckets_of_stock() {
    let (server, stock) = both(&[]);
    // Early in a bucket, so that what comes on top leaves it there.
    let told = |endpoint: &dyn Endpoint| {
        let mut client = endpoint.connect();
        for _ in 0..2 {
            client.run("DEBUG SLEEP 0.3");
        }
        histogram(&mut client)
    };
    let (ours, theirs) = (told(&server), told(&stock));
    assert_eq!(ours, theirs);
    assert_eq!(ours, [(541_065, 2)]);
    let mut client = server.connect();
    let line = client.info("latencystats", "latency_percentiles_usec_debug");
    let shares: Vec<_> = line.split(',').filter_map(|part| part.split_once('=')).collect();
    let names: Vec<_> = shares.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["p50", "p99", "p99.9"]);
    let half: f64 = shares[0].1.parse().expect("a number");
    assert!((300_000.0..541_100.0).contains(&half), "{line}");
}

#[test]
fn percentiles_are_those_asked_for_and_none_without_tracking() {
    let (server, stock) = both(&["--latency-tracking-info-percentiles", "0 50 99.99 100"]);
    let told = |endpoint: &dyn Endpoint| -> Vec<String> {
        let mut client = endpoint.connect();
        let mut said = Vec::new();
        let names = |client: &mut Client| {
            let line = client.info("latencystats", "latency_percentiles_usec_ping");
            let names = line.split(',').filter_map(|part| part.split_once('='));
            names.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
        };
        client.run("PING");
        said.push(names(&mut client));
        client.run("CONFIG SET latency-tracking-info-percentiles 12.5");
        said.push(names(&mut client));
        client.run("CONFIG SET latency-tracking no");
        said.push(client.run("INFO latencystats").text());
        client.run("CONFIG RESETSTAT");
        client.run("PING");
        said.push(format!("{:?}", client.run("LATENCY HISTOGRAM ping")));
        client.run("CONFIG SET latency-tracking yes");
        client.run("PING");
        said.push(client.run("LATENCY HISTOGRAM ping").elements().len().to_string());
        said
    };
    assert_eq!(told(&server), told(&stock));
}

#[test]
fn codes_of_errors_are_told_apart_as_stock_does() {
    let (server, stock) = both(&[]);
    let told = |endpoint: &dyn Endpoint| {
        let mut client = endpoint.connect();
        for line in [
            "NOSUCH",
            "GET",
            "SET k v",
            "HGET k f",
            "EVALSHA x 0",
            "AUTH a b",
            "EXEC",
            "XADD",
            "MULTI",
            "NOSUCH",
            "EXEC",
            "XGROUP CREATE s g 0",
            "XREADGROUP GROUP g c STREAMS k >",
        ] {
            client.run(line);
        }
        let total = client.info("stats", "total_error_replies");
        (client.run("INFO errorstats").text(), total)
    };
    assert_eq!(told(&server), told(&stock));
}

#[test]
fn the_slow_log_shortens_what_it_shows_as_stock_does() {
    let (server, stock) = both(&["--slowlog-log-slower-than", "0", "--slowlog-max-len", "20"]);
    let told = |endpoint: &dyn Endpoint| -> Vec<(Vec<String>, String)> {
        let mut client = endpoint.connect();
        client.run("CLIENT SETNAME somebody");
        client.run("SLOWLOG RESET");
        for (count, bytes) in [(31, 1), (32, 1), (33, 1), (100, 128), (5, 129), (2, 100_000)] {
            let word = "w".repeat(bytes);
            let words: Vec<_> =
                std::iter::once("DEL".to_owned()).chain(vec![word; count - 1]).collect();
            client.call(&words);
        }
        client.run("SLOWLOG GET x");
        client.run("SLOWLOG GET -1 2");
        let entries = client.run("SLOWLOG GET -1");
        let told = entries.elements().iter().map(|entry| {
            let entry = entry.elements();
            assert_eq!(entry.len(), 6);
            assert!(entry[4].text().starts_with("127.0.0.1:"), "{entry:?}");
            (entry[3].elements().iter().map(Value::text).collect(), entry[5].text())
        });
        told.collect()
    };
    let (ours, theirs) = (told(&server), told(&stock));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
}

/// The events that were slow so far.
fn events(client: &mut Client) -> Vec<String> {
    let latest = client.run("LATENCY LATEST");
    latest.elements().iter().map(|event| event.elements()[0].text()).collect()
}

#[test]
fn what_takes_long_for_one_who_waited_is_an_event() {
    let server = Server::start(&["--latency-monitor-threshold", "1"]);
    let mut client = server.connect();
    for number in 1..=100_000 {
        client.send(format!("XADD other {number} field value\r\n").as_bytes());
        if number % 1000 == 0 {
            (0..1000).for_each(|_| drop(client.read()));
        }
    }
    let mut waiter = server.connect();
    waiter.send(b"XREAD BLOCK 0 STREAMS stream 0\r\n");
    await_until("it waits", || client.info("clients", "blocked_clients") == "1");
    client.run("LATENCY RESET");
    assert_eq!(client.run("RENAME other stream").text(), "OK");
    let (reply, _) = waiter.read();
    assert_eq!(reply.elements()[0].elements()[1].elements().len(), 100_000);
    assert!(events(&mut client).contains(&"command-unblocking".to_owned()));
}

/// Has a key whose name takes long to write down expire, without anybody removing it.
fn expire_a_long_name(client: &mut Client, name: &str) {
    let now_ms = |client: &mut Client| {
        let time = client.run("TIME");
        let part = |index: usize| time.elements()[index].text().parse::<u64>().expect("a number");
        part(0) * 1000 + part(1) / 1000
    };
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    assert_eq!(client.call(&["SET", name, "value", "PX", "1"]).text(), "OK");
    let end_ms = now_ms(client) + 2;
    await_until("its time is over", || now_ms(client) > end_ms);
    assert_eq!(client.run("DBSIZE"), Value::Integer(1));
    client.run("LATENCY RESET");
}

#[test]
fn an_expired_key_that_takes_long_to_remove_is_an_event_whoever_removes_it() {
    let arguments = ["--latency-monitor-threshold", "1", "--enable-debug-command", "yes"];
    let server = Server::start(&arguments);
    let mut client = server.connect();
    let name = "n".repeat(32 << 20);
    let script = "return redis.call('PERSIST', KEYS[1])";
    let accesses: [&[&[&str]]; 3] = [
        &[&["PERSIST", &name]],
        &[&["MULTI"], &["PERSIST", &name], &["EXEC"]],
        &[&["EVAL", script, "1", &name]],
    ];
    for access in accesses {
        expire_a_long_name(&mut client, &name);
        for request in access {
            client.call(request);
        }
        assert_eq!(client.run("DBSIZE"), Value::Integer(0));
        assert!(events(&mut client).contains(&"expire-del".to_owned()), "{}", access[0][0]);
    }
    expire_a_long_name(&mut client, &name);
    client.run("DEBUG SET-ACTIVE-EXPIRE 1");
    await_until("the clock removes it", || client.run("DBSIZE") == Value::Integer(0));
    // It is noted once the key is gone.
    await_until("it is noted", || events(&mut client).contains(&"expire-del".to_owned()));
}

#[test]
fn a_sync_that_takes_long_is_an_event() {
    let arguments = ["--latency-monitor-threshold", "20", "--appendfsync", "always"];
    let server = Server::start(&arguments);
    let mut client = server.connect();
    let _injector = Injector::delay(&server, "fdatasync,fsync,msync", 30);
    assert_eq!(client.run("SET key value").text(), "OK");
    assert!(events(&mut client).contains(&"aof-fsync-always".to_owned()));
    let latest = client.run("LATENCY HISTORY aof-fsync-always");
    assert!(latest.elements()[0].elements()[1].integer() >= 30, "{latest:?}");
}

#[test]
fn wrong_subcommands_are_refused_as_stock_does() {
    let (server, stock) = both(&[]);
    for line in
        ["LATENCY", "LATENCY NOSUCH", "LATENCY GRAPH", "SLOWLOG", "SLOWLOG NOSUCH", "SLOWLOG LEN x"]
    {
        let said = |endpoint: &dyn Endpoint| endpoint.connect().run(line);
        assert_eq!(said(&server), said(&stock), "{line}");
    }
}
