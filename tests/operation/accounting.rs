//! What the server notes of the commands that ran: in the slow log, in latency events, in counters.

use std::time::{Duration, Instant};

use crate::support::{Client, Endpoint, Server, Stock};

/// Notes every command in the slow log.
const ALL_SLOW: [&str; 2] = ["--slowlog-log-slower-than", "0"];

/// The words of the slow log's entries, oldest first, without what asks for them.
fn slow_words(client: &mut Client) -> Vec<String> {
    let entries = client.run("SLOWLOG GET -1");
    let words = entries.elements().iter().rev().map(|entry| {
        let words = entry.elements()[3].elements().iter().map(crate::support::Value::text);
        words.collect::<Vec<_>>().join(" ")
    });
    words.filter(|line| !line.starts_with("SLOWLOG")).collect()
}

#[test]
fn the_commands_of_a_transaction_enter_the_slow_log_one_by_one() {
    let server = Server::start(&ALL_SLOW);
    let stock = Stock::start(&ALL_SLOW);
    let words = |endpoint: &dyn Endpoint| {
        let mut client = endpoint.connect();
        for line in ["MULTI", "SET k v", "HGET k f", "AUTH secret", "EXEC", "MULTI", "DISCARD"] {
            client.run(line);
        }
        slow_words(&mut client)
    };
    let ours = words(&server);
    assert_eq!(ours, words(&stock));
    assert_eq!(ours[..4], ["MULTI", "SET k v", "HGET k f", "AUTH (redacted)"]);
}

/// The microseconds that all calls of a command took.
fn took_us(client: &mut Client, command: &str) -> u64 {
    let line = client.info("commandstats", &format!("cmdstat_{command}"));
    let usec = line.split(',').find_map(|part| part.strip_prefix("usec=")).expect("it is told");
    usec.parse().expect("a number")
}

#[test]
fn what_the_server_works_on_takes_until_its_answer() {
    let arguments = ["--slowlog-log-slower-than", "100000", "--latency-monitor-threshold", "100"];
    let server = Server::start(&[&arguments[..], &["--enable-debug-command", "yes"]].concat());
    let mut client = server.connect();
    client.run("DEBUG SLEEP 0.2");
    assert!(took_us(&mut client, "debug") >= 200_000);
    assert_eq!(slow_words(&mut client), ["DEBUG SLEEP 0.2"]);
    let latest = client.run("LATENCY LATEST");
    let event = &latest.elements()[0];
    assert_eq!(event.elements()[0].text(), "command");
    assert!(event.elements()[2].integer() >= 200);
    client.run("SAVE");
    assert!(took_us(&mut client, "save") >= 100);
}

#[test]
fn work_within_a_transaction_has_its_answer_in_its_place_as_in_stock() {
    let arguments = ["--slowlog-log-slower-than", "100000", "--enable-debug-command", "yes"];
    let server = Server::start(&arguments);
    let stock = Stock::start(&["--slowlog-log-slower-than", "100000"]);
    let seen = |endpoint: &dyn Endpoint| {
        let (mut client, mut other) = (endpoint.connect(), endpoint.connect());
        client.run("MULTI");
        for line in [
            "SET k 1",
            "DEBUG SLEEP 0.2",
            "INCR k",
            "DEBUG RELOAD",
            "HGET k f",
            "DEBUG RELOAD",
            "GET k",
        ] {
            assert_eq!(client.run(line).text(), "QUEUED");
        }
        let began = Instant::now();
        let replies = client.run("EXEC");
        assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
        assert_eq!(other.run("GET k").text(), "2");
        let slow = slow_words(&mut client).into_iter().filter(|line| line.contains("SLEEP"));
        (replies, slow.collect::<Vec<_>>())
    };
    let ours = seen(&server);
    assert_eq!(ours, seen(&stock));
    assert_eq!(ours.1, ["DEBUG SLEEP 0.2"]);
    let mut client = server.connect();
    assert!(took_us(&mut client, "debug") >= 200_000);
}

#[test]
fn a_signal_ends_a_server_that_sleeps() {
    let mut server = Server::start(&["--enable-debug-command", "yes"]);
    let (mut sleeper, mut other) = (server.connect(), server.connect());
    sleeper.send_command(&["DEBUG", "SLEEP", "86400"]);
    other.send_command(&["PING"]);
    assert!(server.terminate().success());
}

#[test]
fn an_exec_that_is_refused_counts_as_an_abort() {
    let errors = |endpoint: &dyn Endpoint| {
        let mut client = endpoint.connect();
        client.run("CONFIG SET requirepass secret");
        let mut stranger = endpoint.connect();
        assert!(stranger.run("EXEC").text().starts_with("EXECABORT "));
        client.run("INFO errorstats").text()
    };
    assert_eq!(errors(&Server::start(&[])), errors(&Stock::start(&[])));
}

#[test]
fn a_client_shows_the_command_it_sent_last_though_it_is_queued_or_refused() {
    let shown = |endpoint: &dyn Endpoint| -> Vec<String> {
        let (mut client, mut watcher) = (endpoint.connect(), endpoint.connect());
        let id = client.run("CLIENT ID").integer();
        let lines = ["HGET k", "NOSUCH", "CLIENT NOSUCH", "MULTI", "GET k", "HLEN", "EXEC", "PING"];
        let shown = lines.iter().map(|line| {
            client.run(line);
            let text = watcher.run(&format!("CLIENT LIST ID {id}")).text();
            let last = text.split(' ').find_map(|field| field.strip_prefix("cmd="));
            last.expect("it is told").to_owned()
        });
        shown.collect()
    };
    let ours = shown(&Server::start(&[]));
    assert_eq!(ours, shown(&Stock::start(&[])));
    assert_eq!(ours[4], "get");
}

#[test]
fn secrets_do_not_enter_the_slow_log() {
    let server = Server::start(&ALL_SLOW);
    let mut client = server.connect();
    for line in [
        "auth secret",
        "auth default secret",
        "hello 2 auth default secret",
        "config set masterauth secret REQUIREPASS secret timeout 0",
        "config set masteruser secret nosuch 1",
        "ping secret",
    ] {
        client.run(line);
    }
    assert_eq!(
        slow_words(&mut client),
        [
            "auth (redacted)",
            "auth (redacted) (redacted)",
            "hello 2 auth (redacted) (redacted)",
            "config set masterauth (redacted) REQUIREPASS (redacted) timeout 0",
            "config set masteruser (redacted) nosuch 1",
            "ping secret",
        ]
    );
}

#[test]
fn commands_in_a_pipeline_are_counted_before_what_asks_for_it_and_their_time_adds_up() {
    const RUNS: usize = 200;
    let server = Server::start(&["--io-threads", "1"]);
    let mut client = server.connect();
    let mut pipeline = Vec::new();
    let large = "x".repeat(100_000);
    for number in 0..RUNS {
        let number = number.to_string();
        for words in [&["SET", "k", &number][..], &["SET", "other", "1"], &["GET", "k"]] {
            backlogd::net::wire::put_command(&mut pipeline, words);
        }
    }
    // One that is not brief ends a row of its kind, and one that fails counts as failed.
    for words in [&["SET", "k", &large][..], &["GET", "k"], &["INCR", "k"], &["GET", "k"]] {
        backlogd::net::wire::put_command(&mut pipeline, words);
    }
    backlogd::net::wire::put_command(&mut pipeline, &["INFO", "commandstats"]);
    client.send(&pipeline);
    for _ in 0..3 * RUNS + 4 {
        client.read();
    }
    let stats = client.read().0.text();
    let calls = |command: &str, rest: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
        let line = line.unwrap_or_else(|| panic!("{command} is not in {stats}"));
        assert!(line.ends_with(rest), "{line}");
        line.split(',').next().expect("a first part").to_owned()
    };
    assert_eq!(calls("set", "failed_calls=0"), format!("cmdstat_set:calls={}", 2 * RUNS + 1));
    assert_eq!(calls("get", "failed_calls=0"), format!("cmdstat_get:calls={}", RUNS + 2));
    assert_eq!(calls("incr", "failed_calls=1"), "cmdstat_incr:calls=1");
    let took = took_us(&mut client, "set");
    assert!(took > 0, "hundreds of writes take more than a microsecond");
}
