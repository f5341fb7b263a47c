use std::sync::Arc;

use crate::command::Flow;
use crate::command::session::{Transaction, WatchedKey};
use crate::command::testing::Bench;
use crate::keyspace::ShardSet;
use crate::net::reply::Protocol;

fn bench_with_password() -> Bench {
    let mut bench = Bench::new();
    bench.host.users.require(Some(b"secret"));
    bench.session.become_default(&bench.host.users.current());
    bench
}

#[test]
fn ping_and_echo_answer() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("PING"), "+PONG");
    assert_eq!(bench.reply("ping hi"), "$2 hi");
    assert_eq!(bench.reply("ping a b"), "-ERR wrong number of arguments for 'ping' command");
    assert_eq!(bench.reply("echo hi"), "$2 hi");
}

#[test]
fn quit_answers_and_closes() {
    let outcome = Bench::new().run("quit");
    assert_eq!(outcome.text(), "+OK");
    assert_eq!(outcome.flow, Some(Flow::Close));
}

#[test]
fn select_takes_the_databases_there_are() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("select 15"), "+OK");
    assert_eq!(bench.session.database, 15);
    for (index, fault) in [
        ("16", "-ERR DB index is out of range"),
        ("-1", "-ERR DB index is out of range"),
        ("x", "-ERR value is not an integer or out of range"),
        ("2147483648", "-ERR value is out of range, value must between -2147483648 and 2147483647"),
    ] {
        assert_eq!(bench.reply(&format!("select {index}")), fault);
    }
    assert_eq!(bench.session.database, 15);
}

#[test]
fn hello_shows_the_server_in_the_protocol_it_chose() {
    let mut bench = Bench::new();
    let fields = "$6 server $5 redis $7 version $5 7.2.6 $5 proto :3 $2 id :7 \
                  $4 mode $10 standalone $4 role $6 master $7 modules *0";
    assert_eq!(bench.reply("hello 3"), format!("%7 {fields}"));
    assert_eq!(bench.session.protocol, Protocol::Resp3);
    assert_eq!(bench.reply("hello"), format!("%7 {fields}"));
    let fields = fields.replace(":3", ":2");
    assert_eq!(bench.reply("hello 2"), format!("*14 {fields}"));
}

#[test]
fn hello_refuses_what_it_does_not_know() {
    let mut bench = Bench::new();
    for (words, fault) in [
        ("hello 4", "-NOPROTO unsupported protocol version"),
        ("hello x", "-ERR Protocol version is not an integer or out of range"),
        ("hello 3 x", "-ERR Syntax error in HELLO option 'x'"),
        ("hello 3 AUTH a", "-ERR Syntax error in HELLO option 'AUTH'"),
        ("hello 3 setname", "-ERR Syntax error in HELLO option 'setname'"),
        (
            "hello 3 setname a\u{1}b",
            "-ERR Client names cannot contain spaces, newlines or special characters.",
        ),
        ("hello 3 auth nobody x", "-WRONGPASS invalid username-password pair or user is disabled."),
    ] {
        assert_eq!(bench.reply(words), fault, "{words}");
    }
    assert_eq!(bench.session.protocol, Protocol::Resp2);
}

#[test]
fn hello_may_log_in_and_give_a_name() {
    let mut bench = bench_with_password();
    assert!(bench.reply("hello 3").starts_with("-NOAUTH HELLO must be called with the client"));
    assert_eq!(bench.session.protocol, Protocol::Resp2);
    assert!(bench.reply("hello 3 AUTH default secret SETNAME me").starts_with("%7 "));
    assert!(bench.session.authenticated);
    assert_eq!(bench.session.info.names.lock().name, "me");
}

#[test]
fn auth_checks_the_password() {
    let mut bench = Bench::new();
    assert!(bench.reply("auth x").starts_with("-ERR AUTH <password> called without any password"));
    assert_eq!(bench.reply("auth default x"), "+OK");
    assert_eq!(bench.reply("auth a b c"), "-ERR syntax error");
    let mut bench = bench_with_password();
    let refused = "-WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(bench.reply("auth x"), refused);
    assert_eq!(bench.reply("auth other secret"), refused);
    assert!(!bench.session.authenticated);
    assert_eq!(bench.reply("auth secret"), "+OK");
    assert!(bench.session.authenticated);
}

#[test]
fn reset_brings_back_the_first_state() {
    let mut bench = bench_with_password();
    bench.run("hello 3 AUTH default secret SETNAME me");
    bench.run("select 3");
    bench.run("client no-touch on");
    bench.session.transaction = Some(Transaction::default());
    let key = bench.keyspace.key(b"k");
    bench.keyspace.lock(ShardSet::of(&key)).watch(3, &key, &bench.session.watch.broken, 0);
    let watched = WatchedKey { database: 3, key: b"k".to_vec() };
    bench.session.watch.keys.push(watched);

    assert_eq!(bench.reply("reset"), "+RESET");
    assert_eq!(bench.session.protocol, Protocol::Resp2);
    assert_eq!(bench.session.database, 0);
    assert!(!bench.session.authenticated);
    assert!(!bench.session.no_touch);
    assert!(bench.session.transaction.is_none());
    assert!(bench.session.info.names.lock().name.is_empty());
    assert_eq!(Arc::strong_count(&bench.session.watch.broken), 1, "the keyspace let go of it");
}
