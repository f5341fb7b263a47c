use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::command::Flow;
use crate::command::flow::Request;
use crate::command::testing::Bench;
use crate::keyspace::SetExpiry;
use crate::net::reply::Protocol;

fn set(bench: &Bench, database: usize, key: &str, value: &str) {
    let key = bench.keyspace.key(key.as_bytes());
    let mut locked = bench.keyspace.lock_all();
    locked.db(database).set_string(&key, value.as_bytes(), SetExpiry::Clear, 0);
}

#[test]
fn nobody_debugs_without_leave() {
    let mut bench = Bench::new();
    bench.host.refuses_debug.store(true, Relaxed);
    let reply = bench.reply("DEBUG SLEEP 1");
    assert_eq!(
        reply,
        "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in the \
         configuration file, and then restart the server."
    );
}

/// The signatures are those of Redis 7.0.15 for the same data.
#[test]
fn the_digest_is_the_one_redis_computes() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("DEBUG DIGEST"), format!("+{}", "0".repeat(40)));
    set(&bench, 0, "text", "v");
    set(&bench, 0, "number", "12345");
    bench.run("HSET hash a 1 b two");
    set(&bench, 3, "text", "v");
    set(&bench, 3, "mortal", "v");
    bench.session.database = 3;
    bench.run("PEXPIRE mortal 1000000");
    assert_eq!(bench.reply("DEBUG DIGEST"), "+deb2ab553b88dad2f539364fce46c9129c56f77f");
    bench.session.database = 0;
    let values = bench.reply("DEBUG DIGEST-VALUE text number hash none");
    assert_eq!(
        values.split(' ').collect::<Vec<_>>(),
        [
            "*4",
            "+d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f",
            "+e1cf90774e995ae03de66e8109dc5cb9d9c2dc83",
            "+aaec2dd6dd5d0e6fbdce75b84b029b773e920b00",
            "+0000000000000000000000000000000000000000",
        ]
    );
}

#[test]
fn faults_are_left_to_the_server() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("DEBUG SEGFAULT").flow, Some(Flow::Done));
    assert!(bench.host.calls.lock().contains(&"fault".to_owned()));
    bench.host.refuses_debug.store(true, Relaxed);
    assert!(bench.reply("DEBUG SEGFAULT").starts_with("-ERR DEBUG command not allowed"));
}

#[test]
fn what_takes_long_is_asked_of_the_server() {
    let mut bench = Bench::new();
    let mut flow = |words| bench.run(words).flow.unwrap();
    assert_eq!(flow("DEBUG RELOAD"), Flow::ask(Request::Reload));
    assert_eq!(flow("DEBUG LOADAOF"), Flow::ask(Request::Replay));
    let sleep = |ms| Flow::ask(Request::Sleep(Duration::from_millis(ms)));
    assert_eq!(flow("DEBUG SLEEP 1.5"), sleep(1500));
    assert_eq!(flow("DEBUG SLEEP -1"), sleep(0));
    assert_eq!(flow("DEBUG SLEEP abc"), sleep(0));
    assert_eq!(flow("DEBUG SLEEP 86400"), sleep(86_400_000));
    for endless in ["86401", "1e17", "1e300", "inf"] {
        let reply = bench.reply(&format!("DEBUG SLEEP {endless}"));
        assert_eq!(reply, "-ERR DEBUG SLEEP takes no more than 86400 seconds");
    }
}

#[test]
fn the_active_expiry_cycle_is_switched() {
    let mut bench = Bench::new();
    for word in ["0", "1", "-2", "foo"] {
        assert_eq!(bench.reply(&format!("DEBUG SET-ACTIVE-EXPIRE {word}")), "+OK");
    }
    assert_eq!(bench.host.asked(), ["expiry off", "expiry on", "expiry on", "expiry off"]);
}

#[test]
fn an_object_shows_its_encoding_and_idle_time() {
    let mut bench = Bench::new();
    bench.run("HSET h f v");
    bench.now_ms += 5_000;
    let reply = bench.reply("DEBUG OBJECT h");
    assert!(
        reply.starts_with("+Value at:0x0 refcount:1 encoding:listpack serializedlength:2 lru:")
    );
    assert!(reply.ends_with(" lru_seconds_idle:5"), "{reply}");
    assert_eq!(bench.reply("DEBUG OBJECT none"), "-ERR no such key");
}

#[test]
fn small_things_answer_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("debug jmap"), "+OK");
    assert_eq!(bench.reply("DEBUG STRINGMATCH-LEN a*c abc"), ":1");
    assert_eq!(bench.reply("DEBUG STRINGMATCH-LEN a*c ab"), ":0");
    assert_eq!(bench.reply("DEBUG CHANGE-REPL-ID"), "-ERR there is no log");
    assert!(bench.reply("DEBUG HELP").starts_with("*59 +DEBUG <subcommand>"));
}

#[test]
fn unknown_subcommands_are_repeated_in_part() {
    let mut bench = Bench::new();
    let unknown = |name: &str| {
        format!(
            "-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."
        )
    };
    assert_eq!(bench.reply("DEBUG foo"), unknown("foo"));
    assert_eq!(bench.reply("DEBUG DIGEST x"), unknown("DIGEST"));
    assert_eq!(bench.reply(&format!("DEBUG {}", "x".repeat(200))), unknown(&"x".repeat(128)));
}

#[test]
fn test_values_of_every_type_are_answered() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("DEBUG PROTOCOL map"), "*6 :0 :0 :1 :1 :2 :0");
    assert!(bench.reply("DEBUG PROTOCOL push").starts_with("-ERR RESP2"));
    assert!(bench.reply("DEBUG PROTOCOL none").starts_with("-ERR Wrong protocol type name."));
    bench.session.protocol = Protocol::Resp3;
    assert_eq!(bench.reply("DEBUG PROTOCOL map"), "%3 :0 #f :1 #t :2 #f");
    assert_eq!(bench.reply("DEBUG PROTOCOL bignum"), "(1234567999999999999999999999999999999");
    assert_eq!(bench.reply("DEBUG ERROR oops"), "-oops");
    assert_eq!(bench.reply("DEBUG ERROR ERR\n+OK").lines().count(), 1);
}

#[test]
fn keys_are_made_by_the_number_and_are_in_the_stream() {
    let mut bench = Bench::new();
    bench.run("SET key:1 mine");
    let outcome = bench.run("DEBUG POPULATE 3");
    assert_eq!(outcome.stream(), ["SET key:0 value:0", "SET key:2 value:2"]);
    assert_eq!(bench.reply("GET key:1"), "$4 mine");
    bench.run("DEBUG POPULATE 1 long 20");
    assert_eq!(bench.reply("STRLEN long:0"), ":20");
    for wrong in ["x", "-1", "1 p x", "1 p -5"] {
        let reply = bench.reply(&format!("DEBUG POPULATE {wrong}"));
        assert_eq!(reply, "-ERR value is out of range, must be positive");
    }
    let stats = bench.reply("DEBUG HTSTATS 0");
    assert!(stats.contains("number of elements: 4"), "{stats}");
    assert_eq!(bench.reply("DEBUG HTSTATS 16"), "-ERR Out of range database");
    assert_eq!(bench.reply("DEBUG HTSTATS-KEY none"), "-ERR no such key");
    assert!(bench.reply("DEBUG HTSTATS-KEY key:0").starts_with("-ERR The value stored"));
}

#[test]
fn switches_of_stock_are_taken_and_checked() {
    let mut bench = Bench::new();
    for line in [
        "QUICKLIST-PACKED-THRESHOLD 100b",
        "QUICKLIST-PACKED-THRESHOLD 0",
        "REPLYBUFFER PEAK-RESET-TIME never",
        "REPLYBUFFER peak-reset-time 100",
        "REPLYBUFFER RESIZING 1",
        "DICT-RESIZING 0",
        "SET-DISABLE-DENY-SCRIPTS 1",
        "PAUSE-CRON 1",
    ] {
        assert_eq!(bench.reply(&format!("DEBUG {line}")), "+OK", "{line}");
    }
    assert!(bench.host.calls.lock().contains(&"cron off".to_owned()));
    for line in [
        "QUICKLIST-PACKED-THRESHOLD 5gb",
        "QUICKLIST-PACKED-THRESHOLD x",
        "REPLYBUFFER PEAK-RESET-TIME x",
        "REPLYBUFFER X y",
        "RELOAD x",
        "LISTPACK none",
    ] {
        assert!(bench.reply(&format!("DEBUG {line}")).starts_with('-'), "{line}");
    }
    assert_eq!(bench.run("DEBUG REPLICATE all SET a b").stream(), ["SET a b"]);
    let reload = |line: &str| Bench::new().run(line).flow;
    assert_eq!(reload("DEBUG RELOAD MERGE"), Some(Flow::ask(Request::Reload)));
    assert_eq!(reload("DEBUG RELOAD NOSAVE NOFLUSH"), Some(Flow::ask(Request::Replay)));
}
