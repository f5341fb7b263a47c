//! What goes into the stream: libraries as they came, and of calls what these did.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Client, Endpoint, Follower};
use crate::{LIBRARY, digest, libraries, load, returning, server};

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

/// Moves one from the key that it names to another.
const HALF_NAMED: &str = "#!lua name=half
    redis.register_function('half', function(keys, args)
        redis.call('DECR', keys[1])
        return redis.call('INCR', args[1])
    end)";

#[test]
fn a_function_that_kept_to_its_keys_gets_at_others_too() {
    let server = server(&[]);
    let mut client = server.connect();
    load(&mut client, HALF_NAMED);
    client.run("MSET own 1 other 1");
    // More often than it takes to be trusted.
    for _ in 0..20 {
        assert_eq!(client.run("FCALL half 1 own own").integer(), 1);
    }
    let (mut follower, _) = Follower::attach(&server);
    assert_eq!(client.run("FCALL half 1 own other").integer(), 2);
    let commands = std::iter::repeat_with(|| follower.command().join(" "));
    let told: Vec<_> = commands.filter(|line| !line.starts_with("PING")).take(5).collect();
    assert_eq!(told, ["MULTI", "SELECT 0", "DECR own", "INCR other", "EXEC"]);
}

/// A version of a library, which tells and notes its number.
fn version(number: i64) -> String {
    format!(
        "#!lua name=l
        redis.register_function('f', function(keys)
            redis.call('RPUSH', keys[1], {number})
            return {number}
        end)"
    )
}

#[test]
fn libraries_change_while_their_functions_are_called() {
    let mut server = server(&["--io-threads", "4"]);
    let mut client = server.connect();
    load(&mut client, &version(0));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for key in ["a", "b", "c"] {
            let (mut client, is_over) = (server.connect(), &is_over);
            scope.spawn(move || {
                let mut last = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let number = client.call(&["FCALL", "f", "1", key]).integer();
                    assert!(number >= last, "{number} after {last}");
                    last = number;
                    let noted = client.call(&["LINDEX", key, "-1"]).text();
                    assert_eq!(noted, number.to_string());
                }
            });
        }
        for number in 1..100 {
            load(&mut client, &version(number));
            assert_eq!(client.call(&["FCALL", "f", "1", "own"]).integer(), number);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let before = (digest(&server), libraries(&server));
    server.kill();
    server.restart_in_place();
    assert_eq!((digest(&server), libraries(&server)), before);
}
