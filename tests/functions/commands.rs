//! The commands around functions answer as those of a stock server.

use crate::support::{Client, Endpoint, Program, Stock, Talk, Value};
use crate::{LIBRARY, load, returning, server};

/// Has both servers answer the same requests; replies are compared one by one.
#[track_caller]
fn same(lines: &[&[&str]]) {
    let (server, stock) = (server(&[]), Stock::start(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    for line in lines {
        assert_eq!(ours.call(line), theirs.call(line), "{line:?}");
    }
}

#[test]
fn subcommands_answer_as_those_of_a_stock_server() {
    let (a, b, other) = (returning("a", "f", 1), returning("A", "g", 2), returning("b", "F", 3));
    same(&[
        &["FUNCTION"],
        &["FUNCTION", "nosuch"],
        &["FUNCTION", "LOAD"],
        &["FUNCTION", "LOAD", "REPLACE"],
        &["FUNCTION", "LOAD", &a],
        &["FUNCTION", "LOAD", &a],
        &["FUNCTION", "LOAD", "x", &a],
        &["FUNCTION", "LOAD", &a, "REPLACE"],
        &["FUNCTION", "LOAD", "replace", "REPLACE", &a],
        &["FUNCTION", "LOAD", &other],
        &["FUNCTION", "LOAD", "#!lua name=a\nx("],
        &["FUNCTION", "LOAD", "REPLACE", "#!lua name=a\nx("],
        &["FCALL", "f", "0"],
        &["FUNCTION", "LIST", "WITHCODE"],
        &["FUNCTION", "LIST", "withcode", "libraryname", "a"],
        &["FUNCTION", "LIST", "LIBRARYNAME", "A"],
        &["FUNCTION", "LIST", "LIBRARYNAME", "[a-c]"],
        &["FUNCTION", "LIST", "LIBRARYNAME", "x*"],
        &["FUNCTION", "LIST", "LIBRARYNAME"],
        &["FUNCTION", "LIST", "LIBRARYNAME", "a", "LIBRARYNAME", "a"],
        &["FUNCTION", "LIST", "WITHCODE", "WITHCODE"],
        &["FUNCTION", "LIST", "x"],
        &["FUNCTION", "LOAD", &b],
        &["FUNCTION", "STATS"],
        &["FUNCTION", "STATS", "x"],
        &["FUNCTION", "KILL"],
        &["FUNCTION", "KILL", "x"],
        &["FUNCTION", "DUMP", "x"],
        &["FUNCTION", "HELP", "x"],
        &["FUNCTION", "DELETE"],
        &["FUNCTION", "DELETE", "x"],
        &["FUNCTION", "DELETE", "A"],
        &["FLUSHALL"],
        &["FUNCTION", "LIST"],
        &["FUNCTION", "FLUSH", "x"],
        &["FUNCTION", "FLUSH", "SYNC", "x"],
        &["FUNCTION", "FLUSH", "sync"],
        &["FUNCTION", "LIST"],
        &["FUNCTION", "FLUSH", "ASYNC"],
        &["FUNCTION", "FLUSH"],
        &["MULTI"],
        &["FUNCTION", "LOAD", &a],
        &["FCALL", "f", "0"],
        &["FUNCTION", "DELETE", "a"],
        &["FCALL", "f", "0"],
        &["EXEC"],
    ]);
}

#[test]
fn calls_answer_as_on_a_stock_server() {
    same(&[
        &["FUNCTION", "LOAD", LIBRARY],
        &["FCALL"],
        &["FCALL", "write"],
        &["FCALL", "nosuch", "x"],
        &["FCALL", "write", "x"],
        &["FCALL", "write", "-1"],
        &["FCALL", "write", "2", "k"],
        &["FCALL", "write", "1", "k", "v"],
        &["FCALL", "WRITE", "1", "k", "v"],
        &["FCALL_RO", "write", "1", "k", "v"],
        &["FCALL_RO", "read", "1", "k"],
        &["FCALL", "read", "1", "k"],
        &["FCALL", "read", "0"],
        &["FCALL", "write", "0"],
        &["COMMAND", "GETKEYS", "FCALL", "f", "2", "a", "b", "c"],
        &["COMMAND", "GETKEYSANDFLAGS", "FCALL_RO", "f", "1", "a", "c"],
        &["EVAL", "return redis.call('FCALL', 'read', 0)", "0"],
        &["EVAL", "return redis.call('FUNCTION', 'FLUSH')", "0"],
        &["EVAL", "return redis.register_function", "0"],
    ]);
}

/// Functions of each kind that what is asked of a server may refuse.
const FLAGGED: &str = "#!lua name=flagged
    redis.register_function('plain', function() return redis.call('SET', 'x', 1) end)
    redis.register_function('idle', function() return 1 end)
    redis.register_function{function_name='lean', flags={'allow-oom'},
        callback=function() return redis.call('SET', 'x', 1) end}
    redis.register_function{function_name='reader', flags={'no-writes'},
        callback=function() return redis.call('GET', 'x') end}
    redis.register_function{function_name='liar', flags={'no-writes'},
        callback=function() return redis.call('SET', 'x', 1) end}
    redis.register_function{function_name='stale', flags={'no-writes', 'allow-stale'},
        callback=function() return redis.call('GET', 'x') end}";

fn compare_calls(ours: &mut Client, theirs: &mut Client, set_up: &str) {
    for command in ["FCALL", "FCALL_RO"] {
        for name in ["plain", "idle", "lean", "reader", "liar", "stale"] {
            let line = [command, name, "0"];
            assert_eq!(ours.call(&line), theirs.call(&line), "{set_up}: {line:?}");
        }
    }
}

#[test]
fn a_function_may_do_what_its_flags_allow_as_on_a_stock_server() {
    for set_up in [
        "PING",
        "CONFIG SET maxmemory 1",
        "CONFIG SET min-replicas-to-write 1",
        "REPLICAOF 127.0.0.1 1",
        "CONFIG SET replica-serve-stale-data no",
    ] {
        let (server, stock) = (server(&[]), Program::usual().start(&[]));
        let (mut ours, mut theirs) = (server.connect(), stock.connect());
        for client in [&mut ours, &mut theirs] {
            load(client, FLAGGED);
            client.run("SET x 1");
            assert!(!client.run(set_up).is_error());
            if set_up.ends_with("serve-stale-data no") {
                client.run("REPLICAOF 127.0.0.1 1");
            }
        }
        compare_calls(&mut ours, &mut theirs, set_up);
        let another = returning("another", "g", 1);
        for line in [
            &["FUNCTION", "LOAD", &another][..],
            &["FUNCTION", "DELETE", "flagged"],
            &["FUNCTION", "STATS"],
            &["FUNCTION", "FLUSH"],
        ] {
            assert_eq!(ours.call(line), theirs.call(line), "{set_up}: {line:?}");
        }
    }
}

#[test]
fn a_library_that_takes_too_long_is_refused() {
    let server = server(&[]);
    let mut client = server.connect();
    let reply = client.call(&["FUNCTION", "LOAD", "#!lua name=l\nwhile true do end"]);
    assert_eq!(reply.text(), "ERR Error registering functions: ERR FUNCTION LOAD timeout");
    load(&mut client, &returning("l", "f", 1));
    assert_eq!(client.run("FCALL f 0").integer(), 1);
}

#[test]
fn names_that_differ_by_case_alone_are_refused_within_a_library() {
    let server = server(&[]);
    let library = "#!lua name=l\nredis.register_function('f', function() end)
                   redis.register_function('F', function() end)";
    let reply = server.connect().call(&["FUNCTION", "LOAD", library]);
    let expected = "ERR Error registering functions: ERR Function already exists in the library";
    assert_eq!(reply.text(), expected);
}

#[test]
fn memory_and_numbers_are_told() {
    let server = server(&["--io-threads", "1"]);
    let mut client = server.connect();
    let figures = ["used_memory_functions", "number_of_functions", "number_of_libraries"];
    let told = |client: &mut Client| figures.map(|name| client.info("memory", name));
    assert_eq!(told(&mut client), ["0", "0", "0"]);
    assert_eq!(client.info("memory", "used_memory_vm_functions"), "0");
    load(&mut client, LIBRARY);
    let [bytes, functions, libraries] = told(&mut client);
    let bytes: usize = bytes.parse().expect("a number");
    assert!((LIBRARY.len()..LIBRARY.len() + 1000).contains(&bytes), "{bytes}");
    assert_eq!((functions.as_str(), libraries.as_str()), ("2", "1"));
    let vm: usize = client.info("memory", "used_memory_vm_functions").parse().expect("a number");
    assert!(vm > 10_000, "{vm}");
    assert_eq!(client.info("memory", "used_memory_scripts"), bytes.to_string());
    let stats = client.run("MEMORY STATS");
    let place =
        stats.elements().iter().position(|name| *name == Value::Bulk(b"functions.caches".to_vec()));
    let place = place.expect("there is such a figure");
    assert_eq!(stats.elements()[place + 1].integer(), bytes as i64);
    client.run("FUNCTION FLUSH");
    assert_eq!(told(&mut client), ["0", "0", "0"]);
}

#[test]
fn monitors_see_a_call_and_its_commands_as_on_a_stock_server() {
    let steps = [
        "0: FUNCTION FLUSH",
        "0: MONITOR",
        "1: FCALL f 1 k",
        "1: FUNCTION STATS",
        "1: FCALL_RO nosuch 0",
    ];
    let (server, stock) = (server(&[]), Program::usual().start(&[]));
    let seen = |lines: Vec<String>| {
        let lines = lines[0].replace("\\r\\n", "\n");
        let lines = lines.lines().filter(|line| !line.contains("INFO"));
        let words = lines.map(|line| match line.split_once("] ") {
            Some((_, words)) => words.to_owned(),
            None => line.to_owned(),
        });
        words.collect::<Vec<_>>()
    };
    let ours = seen(Talk::hold(&server, &steps));
    assert_eq!(ours, seen(Talk::hold(&stock, &steps)));
}
