//! Publish and subscribe, as clients and replicas see it.

#[path = "../support/mod.rs"]
mod support;

mod delivery;
mod events;
mod limits;
mod stock;
mod stream;

use support::{Client, Endpoint, Server, Value};

/// The words of a message or confirmation, the last of which may be a number.
fn words(value: &Value) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::Integer(number) => number.to_string(),
        Value::Null => "(nil)".to_owned(),
        other => other.text(),
    };
    value.elements().iter().map(word).collect()
}

/// Reads the next message, and joins its words by spaces.
#[track_caller]
fn next(client: &mut Client) -> String {
    words(&client.read().0).join(" ")
}

/// Subscribes by a command of one name, and reads the confirmation.
#[track_caller]
fn listen(client: &mut Client, line: &str) {
    client.send_command(&line.split(' ').collect::<Vec<_>>());
    for _ in line.split(' ').skip(1) {
        client.read();
    }
}

/// Connects so many clients that subscribe by the same command.
#[track_caller]
fn listeners(server: &Server, count: usize, line: &str) -> Vec<Client> {
    let listener = |_| {
        let mut client = server.connect();
        listen(&mut client, line);
        client
    };
    (0..count).map(listener).collect()
}
