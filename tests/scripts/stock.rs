//! Scripts do what they do on a stock server, and say the same of what goes wrong.

use crate::support::{Client, Endpoint, Stock};
use crate::{eval, server};

/// Scripts, each run with two keys and two arguments.
fn texts() -> impl Iterator<Item = &'static str> {
    include_str!("texts.txt").split("\n---\n")
}

fn reply(client: &mut Client, script: &str) -> String {
    format!("{:?}", client.call(&["EVAL", script, "2", "k1", "k2", "a1", "a2"]))
}

fn compare(hello: &str) {
    let (server, stock) = (server(&[]), Stock::start(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    ours.run(hello);
    theirs.run(hello);
    let mut count = 0;
    for script in texts() {
        assert_eq!(reply(&mut ours, script), reply(&mut theirs, script), "{script}");
        count += 1;
    }
    assert!(count > 280, "{count}");
}

#[test]
fn scripts_do_what_they_do_on_a_stock_server() {
    compare("HELLO 2");
}

#[test]
fn scripts_do_what_they_do_on_a_stock_server_for_clients_of_resp3() {
    compare("HELLO 3");
}

#[test]
fn what_redis_7_2_changed_is_as_it_is_there() {
    let server = server(&[]);
    let mut client = server.connect();
    for (script, expected) in [
        ("return redis.call('echo', 0.1)", "0.1"),
        ("return redis.call('echo', -0)", "0"),
        ("return redis.call('echo', 2^63)", "9223372036854776000"),
        ("return redis.call('echo', 1e-7)", "1e-7"),
        ("return {double=1e300}", "1e+300"),
    ] {
        assert_eq!(eval(&mut client, script).text(), expected, "{script}");
    }
    let text = eval(&mut client, "return redis.set_repl()").text();
    assert!(text.starts_with("ERR redis.set_repl() requires one argument. script: "), "{text}");
    let script = "local a = redis.call('TIME') for i = 1, 1e6 do end
                  local b = redis.call('TIME') return {a[1] == b[1], a[2] == b[2]}";
    assert_eq!(format!("{:?}", eval(&mut client, script)), "Array([Integer(1), Integer(1)])");
    assert_eq!(format!("{:?}", eval(&mut client, "return redis.call('BLPOP', 'l', 0)")), "Null");
    assert_eq!(eval(&mut client, "return redis.call('WAIT', 1, 0)").integer(), 0);
}

#[test]
fn commands_for_scripts_answer_as_those_of_a_stock_server() {
    let (server, stock) = (server(&[]), Stock::start(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    let absent = "f".repeat(40);
    let one = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    let upper = one.to_uppercase();
    let lines: &[&[&str]] = &[
        &["EVAL"],
        &["EVAL", "x"],
        &["EVAL", "x", "y"],
        &["EVAL", "x", "-1"],
        &["EVAL", "x", "2", "k"],
        &["EVALSHA", "abc", "0"],
        &["EVALSHA", "abc", "x"],
        &["EVALSHA", &absent, "0"],
        &["EVALSHA", &absent, "x"],
        &["SCRIPT", "LOAD", "return 1"],
        &["EVALSHA", one, "0"],
        &["EVALSHA", &upper, "0"],
        &["EVALSHA_RO", one, "0"],
        &["SCRIPT", "EXISTS", one, &absent, &upper, "abc"],
        &["SCRIPT", "LOAD", "x("],
        &["SCRIPT", "LOAD", "#!lua flags=x\n"],
        &["EVAL", "return 7", "0"],
        &["EVALSHA", "1d7f91d1c9d7df1fe2d1d4e1e5f3c1b7e3e7b5ac", "0"],
        &["SCRIPT", "FLUSH", "x"],
        &["SCRIPT", "FLUSH", "SYNC", "x"],
        &["SCRIPT", "FLUSH", "ASYNC"],
        &["SCRIPT", "EXISTS", one],
        &["EVALSHA", one, "0"],
        &["SCRIPT"],
        &["SCRIPT", "nosuch"],
        &["COMMAND", "GETKEYS", "EVAL", "x", "2", "a", "b", "c"],
        &["EVAL_RO", "return redis.call('SET', 'x', 1)", "0"],
        &["EVAL_RO", "return redis.pcall('SET', 'x', 1)", "0"],
        &["EVAL_RO", "#!lua\nreturn 1", "0"],
        &["EVAL_RO", "#!lua flags=no-writes\nreturn redis.call('GET', 'x')", "0"],
        &["EVAL_RO", "return redis.call('PUBLISH', 'c', 1)", "0"],
        &["EVAL_RO", "return redis.call('PFCOUNT', 'h')", "0"],
    ];
    for line in lines {
        assert_eq!(ours.call(line), theirs.call(line), "{line:?}");
    }
}

#[test]
fn nothing_of_a_script_is_left_for_the_next_one() {
    let server = server(&["--io-threads", "1"]);
    let mut client = server.connect();
    for attempt in [
        "table.insert(redis, 1) table.insert(_G, 2) return #redis",
        "collectgarbage('stop') return 1",
        "redis.setresp(3) return 1",
        "redis.call('SELECT', 5) return 1",
        "string.rep = 1",
        "rawset(string, 'rep', 1)",
        "getmetatable('').__index = nil",
        "setmetatable(_G, nil)",
        "for k, v in pairs(_G) do v.x = 1 end",
        "local n, t = pairs(redis) t.call = nil",
        "KEYS = 1",
    ] {
        eval(&mut client, attempt);
        let check = "return {#redis, type(redis.call), ('x'):rep(2), type(string.rep), #KEYS,
                     type(redis.call('GET', 'nokey')), type(rawget(_G, 'x'))}";
        let expected = r#"["0", "function", "xx", "function", "0", "boolean", "nil"]"#;
        let left = eval(&mut client, check);
        let left = left.elements().iter().map(|value| match value {
            crate::support::Value::Integer(number) => number.to_string(),
            other => other.text(),
        });
        assert_eq!(format!("{:?}", left.collect::<Vec<_>>()), expected, "{attempt}");
    }
    assert!(client.run("CLIENT INFO").text().contains(" db=0 "));
}
