//! Clients that wait for keys: in what order they are served, and what ends their waiting.

#[path = "../support/mod.rs"]
mod support;

mod ends;
mod order;
mod stock;
mod streams;

use support::{Client, Endpoint, Server, await_until};

/// Sends a command that waits, and returns once it does.
#[track_caller]
fn block(server: &Server, client: &mut Client, line: &str) {
    let before = blocked(server);
    client.send_command(&line.split(' ').collect::<Vec<_>>());
    await_until("one client more waits", || blocked(server) == before + 1);
}

/// Connects a client that waits with a command.
#[track_caller]
fn waiter(server: &Server, line: &str) -> Client {
    let mut client = server.connect();
    block(server, &mut client, line);
    client
}

fn blocked(server: &Server) -> usize {
    let count = server.connect().info("clients", "blocked_clients");
    count.parse().expect("a number of clients")
}

/// Reads a reply of strings, joined by spaces.
#[track_caller]
fn words(client: &mut Client) -> String {
    let words: Vec<_> = client.read().0.elements().iter().map(support::Value::text).collect();
    words.join(" ")
}
