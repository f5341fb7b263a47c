//! Functions and their libraries, as clients, replicas and files see them.

#[path = "../support/mod.rs"]
mod support;

mod busy;
mod commands;
mod durable;
mod effects;
mod following;
mod payloads;
mod stock;

use support::{Client, Endpoint, Server, Value};

/// A library of much that is of use, long enough to be compressed.
const LIBRARY: &str = "#!lua name=lib
    local function write(keys, args)
        redis.call('SET', keys[1], args[1])
        return redis.call('INCR', 'count')
    end
    redis.register_function('write', write)
    redis.register_function{function_name='read', flags={'no-writes'}, description='reads a key',
        callback=function(keys) return redis.call('GET', keys[1]) end}";

/// A server whose clients may ask for digests.
fn server(further: &[&str]) -> Server {
    Server::start(&[&["--enable-debug-command", "yes", "--save", ""][..], further].concat())
}

/// The digest of all data.
fn digest(endpoint: &impl Endpoint) -> String {
    endpoint.connect().run("DEBUG DIGEST").text()
}

/// Loads a library; it must be taken.
#[track_caller]
fn load(client: &mut Client, library: &str) {
    let reply = client.call(&["FUNCTION", "LOAD", "REPLACE", library]);
    assert!(!reply.is_error(), "{reply:?}");
}

/// A library with one function: its name, and what it returns.
fn returning(library: &str, function: &str, value: i64) -> String {
    format!(
        "#!lua name={library}\nredis.register_function('{function}', function() return {value} end)"
    )
}

/// What `FUNCTION LIST WITHCODE` tells, without the order, which stock leaves to chance.
fn libraries(endpoint: &dyn Endpoint) -> Vec<String> {
    let Value::Array(libraries) = endpoint.connect().run("FUNCTION LIST WITHCODE") else {
        panic!("libraries are listed");
    };
    let mut shown: Vec<_> = libraries
        .into_iter()
        .map(|library| {
            let mut fields = library.elements().to_vec();
            if let Value::Array(functions) = &mut fields[5] {
                functions.sort_by_key(|function| format!("{function:?}"));
            }
            format!("{fields:?}")
        })
        .collect();
    shown.sort();
    shown
}
