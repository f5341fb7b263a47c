//! `WATCH` of keys whose time has passed, before and after somebody removes them, as stock has it.

use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};

/// Milliseconds of the server's clock.
fn now_ms(client: &mut Client) -> u64 {
    let parts: Vec<u64> = client
        .run("TIME")
        .elements()
        .iter()
        .map(|part| part.text().parse().expect("a number"))
        .collect();
    parts[0] * 1000 + parts[1] / 1000
}

/// Watches an expired key, has another client do `meanwhile`, and returns the reply of `EXEC`.
fn reply_of_exec(endpoint: &dyn Endpoint, meanwhile: &[&str]) -> Value {
    let (mut client, mut other) = (endpoint.connect(), endpoint.connect());
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    client.run("FLUSHALL");
    client.run("PSETEX k 1 v");
    let set_ms = now_ms(&mut client);
    await_until("the key has expired", || now_ms(&mut client) > set_ms + 1);
    client.run("WATCH k");
    for line in meanwhile {
        other.run(line);
    }
    if meanwhile.contains(&"DEBUG SET-ACTIVE-EXPIRE 1") {
        await_until("the key is removed", || other.run("DBSIZE") == Value::Integer(0));
    }
    client.run("MULTI");
    client.run("PING");
    client.run("EXEC")
}

#[test]
fn only_what_a_client_can_see_breaks_a_watch() {
    let (server, stock) = (Server::start(&["--enable-debug-command", "yes"]), Stock::start(&[]));
    for meanwhile in [
        &[][..],
        &["GET k"],
        &["EXISTS k"],
        &["DEL k"],
        &["PEXPIRE k 100"],
        &["FLUSHALL"],
        &["FLUSHDB"],
        &["SWAPDB 0 1"],
        &["SWAPDB 0 1", "SWAPDB 0 1"],
        &["DEBUG SET-ACTIVE-EXPIRE 1"],
        &["SET k w"],
        &["GET k", "SET k w"],
        &["GET k", "SET k w", "DEL k"],
        &["SELECT 1", "SET k w", "SWAPDB 0 1"],
        &["SELECT 1", "HSET k f v", "COPY k k DB 0"],
    ] {
        let ours = reply_of_exec(&server, meanwhile);
        let theirs = reply_of_exec(&stock, meanwhile);
        assert_eq!(ours, theirs, "after {meanwhile:?}");
    }
}
