//! What a script may do: by its flags, by the server's role and memory, and by other names of commands.

use crate::support::history::await_online;
use crate::support::{Endpoint, Program, Talk};
use crate::{eval, server};

const WRITING: &str = "return redis.call('SET', 'x', 1)";
const FLAGGED: &str = "#!lua\nreturn redis.call('SET', 'x', 1)";
const READING: &str = "#!lua flags=no-writes\nreturn redis.call('GET', 'x')";

/// Runs scripts on a server and on a stock one, both set up with the same commands.
#[track_caller]
fn same_as_stock(set_up: &[&str], scripts: &[&str]) {
    let (server, stock) = (server(&[]), Program::usual().start(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    for line in set_up {
        assert_eq!(ours.run(line), theirs.run(line), "{line}");
    }
    for script in scripts {
        assert_eq!(eval(&mut ours, script), eval(&mut theirs, script), "{set_up:?}: {script}");
    }
}

#[test]
fn a_primary_that_lacks_memory_or_replicas_refuses_what_stock_refuses() {
    const ALLOWED: &str = "#!lua flags=allow-oom\nreturn redis.call('SET', 'x', 1)";
    const READS: &str = "return redis.call('GET', 'x')";
    const SECOND: &str = "redis.call('DEL', 'x') return redis.call('SET', 'x', 1)";
    let scripts =
        [WRITING, FLAGGED, READING, ALLOWED, READS, SECOND, "return 1", "#!lua\nreturn 1"];
    same_as_stock(&["SET x 1", "CONFIG SET maxmemory 1"], &scripts);
    same_as_stock(&["SET x 1", "CONFIG SET min-replicas-to-write 1"], &scripts);
}

#[test]
fn a_replica_refuses_what_a_replica_of_stock_refuses() {
    let primary = server(&[]);
    let (replica, stock) = (server(&[]), Program::usual().start(&[]));
    let address = primary.address();
    for follower in [&mut replica.connect(), &mut stock.connect()] {
        follower.run(&format!("REPLICAOF {} {}", address.ip(), address.port()));
    }
    await_online(&primary, 2);
    let mut client = primary.connect();
    client.run("SET x 1");
    let (mut ours, mut theirs) = (replica.connect(), stock.connect());
    for follower in [&mut ours, &mut theirs] {
        crate::support::await_until("the key is there", || follower.run("EXISTS x").integer() == 1);
    }
    let caught = "local ok, text = pcall(redis.call, 'SET', 'x', 1) return text";
    for script in [WRITING, FLAGGED, READING, caught, "return redis.call('GET', 'x')"] {
        assert_eq!(eval(&mut ours, script), eval(&mut theirs, script), "{script}");
    }
}

#[test]
fn the_memory_of_scripts_is_bounded_and_told() {
    let server = server(&["--io-threads", "1"]);
    let mut client = server.connect();
    let mut figure = |name: &str| client.info("memory", name).parse::<u64>().expect("a number");
    assert_eq!((figure("used_memory_lua"), figure("number_of_cached_scripts")), (0, 0));
    let mut client = server.connect();
    let script = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end";
    let text = eval(&mut client, script).text();
    assert!(text.starts_with("ERR not enough memory script: "), "{text}");
    let caught = "local ok, what = pcall(string.rep, 'x', 2^30) return what";
    assert_eq!(eval(&mut client, caught).text(), "not enough memory");
    eval(&mut client, "for i = 1, 10 do collectgarbage() end");
    let mut figure = |name: &str| client.info("memory", name).parse::<u64>().expect("a number");
    let interpreter = figure("used_memory_vm_eval");
    assert!((10_000..10_000_000).contains(&interpreter), "{interpreter}");
    assert_eq!(figure("number_of_cached_scripts"), 3);
    assert!((200..10_000).contains(&figure("used_memory_scripts")));
    client.run("SCRIPT FLUSH");
    assert_eq!(client.info("memory", "used_memory_scripts"), "0");
}

#[test]
fn a_command_that_was_taken_away_is_no_command_for_scripts() {
    let server = server(&["--rename-command", "FLUSHALL", "", "--rename-command", "SET", "PUT"]);
    let mut client = server.connect();
    for script in ["return redis.call('FLUSHALL')", "return redis.call('SET', 'x', 1)"] {
        let text = eval(&mut client, script).text();
        assert!(
            text.starts_with("ERR Unknown Redis command called from script script: "),
            "{text}"
        );
    }
    assert_eq!(eval(&mut client, "return redis.call('put', 'x', 1)").text(), "OK");
}

#[test]
fn a_pause_of_writes_holds_scripts_back_that_may_write() {
    let server = server(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.run("CLIENT PAUSE 100000 WRITE");
    assert_eq!(client.call(&["EVAL_RO", "return 1", "0"]).integer(), 1);
    other.send_command(&["EVAL", "return 2", "0"]);
    assert!(other.is_silent());
    client.run("CLIENT UNPAUSE");
    assert_eq!(other.read().0.integer(), 2);
}

#[test]
fn monitors_see_a_script_and_its_commands_as_on_a_stock_server() {
    let seen = |lines: Vec<String>| {
        let lines = lines[0].replace("\\r\\n", "\n");
        let lines = lines.lines().filter(|line| !line.contains("INFO"));
        let plain = lines.map(|line| match line.split_once(" [") {
            Some((_, rest)) if rest.starts_with("0 127.0.0.1:") => {
                format!("client {}", rest.split_once("] ").map_or(rest, |(_, words)| words))
            }
            Some((_, rest)) => rest.to_owned(),
            None => line.to_owned(),
        });
        plain.collect::<Vec<_>>()
    };
    let steps = [
        "0: MONITOR",
        "1: EVAL redis.call('set',KEYS[1],1);redis.call('select',3);redis.call('get','a') 1 k",
        "1: EVAL_RO return(redis.pcall('nosuch')) 0",
        "1: SCRIPT LOAD return(1)",
        "1: EVALSHA 0000000000000000000000000000000000000000 0",
    ];
    let (server, stock) = (server(&[]), Program::usual().start(&[]));
    let ours = seen(Talk::hold(&server, &steps));
    assert_eq!(ours, seen(Talk::hold(&stock, &steps)));
    assert!(ours.iter().any(|line| line.contains("lua] ")), "{ours:?}");
}
