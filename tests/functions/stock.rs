//! Libraries and functions do what they do on a stock server, and say the same of what goes wrong.

use crate::server;
use crate::support::{Client, Endpoint, Stock};

/// The parts of a text, each on lines of its own.
fn parts(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split("\n---\n")
}

/// Has each part run by both servers for clients of both protocols.
fn compare(text: &'static str, least: usize, run: impl Fn(&mut Client, &str) -> String) {
    let (server, stock) = (server(&[]), Stock::start(&[]));
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut ours, mut theirs) = (server.connect(), stock.connect());
        ours.run(hello);
        theirs.run(hello);
        let mut count = 0;
        for part in parts(text) {
            assert_eq!(run(&mut ours, part), run(&mut theirs, part), "{part}");
            count += 1;
        }
        assert!(count >= least, "{count}");
    }
}

#[test]
fn libraries_are_taken_and_refused_as_by_a_stock_server() {
    compare(include_str!("libraries.txt"), 100, |client, library| {
        client.run("FUNCTION FLUSH");
        let loaded = client.call(&["FUNCTION", "LOAD", library]);
        format!("{loaded:?} {:?}", client.run("FUNCTION LIST WITHCODE"))
    });
}

#[test]
fn functions_do_what_they_do_on_a_stock_server() {
    compare(include_str!("functions.txt"), 60, |client, body| {
        let library = format!(
            "#!lua name=l\nlocal kept = 0\nredis.register_function('f', function(keys, args)\n{body}\nend)"
        );
        let loaded = client.call(&["FUNCTION", "LOAD", "REPLACE", &library]);
        let called = client.call(&["FCALL", "f", "2", "k1", "k2", "a1", "a2"]);
        format!("{loaded:?} {called:?}")
    });
}

#[test]
fn what_a_library_keeps_is_shared_by_its_functions_and_by_nobody_else() {
    let server = server(&["--io-threads", "1"]);
    let mut client = server.connect();
    let counting = |name: &str| {
        format!(
            "#!lua name={name}\nlocal n = 0
             redis.register_function('{name}_1', function() n = n + 1 return n end)
             redis.register_function('{name}_10', function() n = n + 10 return n end)"
        )
    };
    for name in ["a", "b"] {
        super::load(&mut client, &counting(name));
    }
    let mut call = |name: &str| client.call(&["FCALL", name, "0"]).integer();
    assert_eq!([call("a_1"), call("a_10"), call("A_1"), call("b_1")], [1, 11, 12, 1]);
    client.call(&["FUNCTION", "LOAD", "REPLACE", &counting("a")]);
    assert_eq!(client.run("FCALL a_1 0").integer(), 1, "what is loaded anew begins anew");
    // Scripts and functions see nothing of each other.
    client.run("EVAL return(KEYS) 1 k");
    super::load(
        &mut client,
        "#!lua name=c\nredis.register_function('c', function() return KEYS end)",
    );
    let text = client.run("FCALL c 0").text();
    assert!(text.contains("nonexistent global variable 'KEYS'"), "{text}");
}

#[test]
fn every_worker_has_the_library_as_it_is_now() {
    let server = server(&["--io-threads", "2"]);
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for value in 0..20 {
        let loader = value as usize % clients.len();
        super::load(&mut clients[loader], &super::returning("l", "f", value));
        for client in &mut clients {
            assert_eq!(client.run("FCALL f 0").integer(), value);
        }
    }
    clients[0].run("FUNCTION DELETE l");
    for client in &mut clients {
        assert_eq!(client.run("FCALL f 0").text(), "ERR Function not found");
    }
}
