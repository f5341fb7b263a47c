//! What goes into the stream: libraries as they came, and of calls what these did.

use crate::support::{Client, Endpoint, Follower};
use crate::{LIBRARY, load, returning, server};

#[test]
fn the_stream_has_libraries_as_they_came_and_what_calls_did() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("SET here 1");
    let (mut follower, _) = Follower::attach(&server);
    let mut stream = |count: usize| {
        let words = std::iter::repeat_with(|| follower.command());
        words.filter(|words| words[0] != "PING").take(count).collect::<Vec<_>>()
    };
    let one = returning("one", "f", 1);
    client.call(&["FUNCTION", "LOAD", &one]);
    assert_eq!(stream(2)[1], ["FUNCTION", "LOAD", &one]);
    client.call(&["function", "load", "replace", LIBRARY]);
    assert_eq!(stream(1)[0], ["function", "load", "replace", LIBRARY], "verbatim");
    client.call(&["FCALL", "write", "1", "k", "v"]);
    let told: Vec<_> = stream(4).iter().map(|words| words.join(" ")).collect();
    assert_eq!(told, ["MULTI", "SET k v", "INCR count", "EXEC"]);
    // What changes nothing is told to nobody.
    for line in ["FCALL read 1 k", "FUNCTION LIST", "FUNCTION DELETE x", "FUNCTION KILL"] {
        client.run(line);
    }
    client.run("FUNCTION DELETE lib");
    client.run("FUNCTION FLUSH");
    client.run("FUNCTION FLUSH ASYNC");
    let told: Vec<_> = stream(3).iter().map(|words| words.join(" ")).collect();
    assert_eq!(told, ["FUNCTION DELETE lib", "FUNCTION FLUSH", "FUNCTION FLUSH ASYNC"]);
}

#[test]
fn a_library_in_a_transaction_is_part_of_its_unit() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("SET here 1");
    let (mut follower, _) = Follower::attach(&server);
    client.run("MULTI");
    client.run("SET a 1");
    client.call(&["FUNCTION", "LOAD", LIBRARY]);
    client.call(&["FCALL", "write", "1", "k", "v"]);
    assert_eq!(client.run("EXEC").elements()[2].integer(), 1);
    let told: Vec<_> = (0..7).map(|_| follower.command()[0].clone()).collect();
    assert_eq!(told, ["MULTI", "SELECT", "SET", "FUNCTION", "SET", "INCR", "EXEC"]);
}

#[test]
fn a_pause_of_writes_holds_calls_and_libraries_back() {
    let server = server(&[]);
    let mut client = server.connect();
    load(&mut client, LIBRARY);
    client.run("CLIENT PAUSE 100000 WRITE");
    assert_eq!(format!("{:?}", client.run("FCALL_RO read 1 k")), "Null");
    let held = |words: &[&str]| {
        let mut held: Client = server.connect();
        held.send_command(words);
        assert!(held.is_silent());
        held
    };
    let mut calling = held(&["FCALL", "read", "1", "k"]);
    let mut flushing = held(&["FUNCTION", "FLUSH"]);
    client.run("CLIENT UNPAUSE");
    assert_eq!(flushing.read().0.text(), "OK");
    calling.read();
}
