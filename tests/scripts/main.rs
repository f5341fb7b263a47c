//! Lua scripts, as clients and replicas see them.

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod busy;
mod counted;
mod effects;
mod keys;
mod rights;
mod stock;

use support::{Client, Endpoint, Server};

/// Runs a script without keys.
#[track_caller]
fn eval(client: &mut Client, script: &str) -> support::Value {
    client.call(&["EVAL", script, "0"])
}

/// A server whose clients may ask for digests.
fn server(further: &[&str]) -> Server {
    Server::start(&[&["--enable-debug-command", "yes", "--save", ""][..], further].concat())
}

/// The digest of all data.
fn digest(endpoint: &impl Endpoint) -> String {
    endpoint.connect().run("DEBUG DIGEST").text()
}
