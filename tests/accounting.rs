//! What the server notes of the commands that ran: in the slow log, in latency events, in counters.

mod support;

use support::{Client, Endpoint, Server, Stock};

/// Notes every command in the slow log.
const ALL_SLOW: [&str; 2] = ["--slowlog-log-slower-than", "0"];

/// The words of the slow log's entries, oldest first, without what asks for them.
fn slow_words(client: &mut Client) -> Vec<String> {
    let entries = client.run("SLOWLOG GET -1");
    let words = entries.elements().iter().rev().map(|entry| {
        let words = entry.elements()[3].elements().iter().map(support::Value::text);
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
