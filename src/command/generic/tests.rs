use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire};

use crate::command::Mode;
use crate::command::expecting::{NOT_AN_INTEGER, SYNTAX, answer_each, expect_each};
use crate::command::testing::{Bench, NOW_MS};
use crate::keyspace::UsagePolicy;

const NO_SUCH_KEY: &str = "-ERR no such key";
const NOT_32_BITS: &str =
    "-ERR value is out of range, value must between -2147483648 and 2147483647";
const DB_INDEX: &str = "-ERR DB index is out of range";
const SAME_OBJECT: &str = "-ERR source and destination objects are the same";

/// Makes a hash of so many fields at `key`.
fn make_hash(bench: &Bench, key: &str, fields: usize) {
    let key = bench.keyspace.key(key.as_bytes());
    let mut locked = bench.keyspace.lock_all();
    let mut db = locked.db(0);
    let mut hash = db.hash_or_create(&key, 0);
    for field in 0..fields {
        hash.set(field.to_string().as_bytes(), b"value");
    }
}

/// When a key expires.
fn expiry(bench: &Bench, database: usize, key: &str) -> Option<i64> {
    let key = bench.keyspace.key(key.as_bytes());
    let mut locked = bench.keyspace.lock_all();
    locked.db(database).find(&key).and_then(|entry| entry.expiry())
}

/// Watches a key of a database.
fn watch(bench: &Bench, database: usize, key: &str) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let key = bench.keyspace.key(key.as_bytes());
    bench.keyspace.lock_all().watch(database, &key, &flag, bench.now_ms);
    flag
}

#[test]
fn del_and_unlink_go_out_as_they_are_if_anything_was_removed() {
    let mut bench = Bench::new();
    bench.run("MSET a 1 b 2 c 3");
    expect_each(
        &mut bench,
        &[
            ("DEL a none b a", ":2", &["DEL a none b a"]),
            ("DEL a", ":0", &[]),
            ("UNLINK c", ":1", &["UNLINK c"]),
            ("UNLINK c", ":0", &[]),
        ],
    );
}

#[test]
fn deleting_an_expired_key_removes_nothing_but_logs_its_expiry() {
    let mut bench = Bench::new();
    bench.run("SET a 1 PX 1");
    bench.now_ms += 2;
    expect_each(&mut bench, &[("DEL a b", ":0", &["DEL a"])]);
}

#[test]
fn replay_deletes_what_the_clock_says_has_expired() {
    let mut bench = Bench::new();
    bench.mode = Mode::Replay;
    bench.run("SET a 1 PXAT 1");
    assert_eq!(bench.reply("DEL a"), ":1");
}

#[test]
fn large_values_are_freed_elsewhere() {
    let mut bench = Bench::new();
    make_hash(&bench, "small", 3);
    make_hash(&bench, "large", 5000);
    bench.run("SET string v");
    assert_eq!(bench.reply("DEL small string"), ":2");
    assert!(bench.host.asked().is_empty());
    assert_eq!(bench.reply("DEL large"), ":1");
    assert_eq!(bench.host.asked(), ["drop later"]);
    bench.run("SETRANGE string 100000 x");
    assert_eq!(bench.run("GETDEL string").stream(), ["DEL string"]);
    assert_eq!(bench.host.asked(), ["drop later"]);
    assert_eq!(bench.reply("EXISTS small large string"), ":0");
}

#[test]
fn large_values_are_freed_elsewhere_however_they_go() {
    let mut bench = Bench::new();
    let expired = format!("PEXPIREAT large {}", bench.now_ms);
    for words in ["SET large v", "MSET other 1 large v", "RENAME small large", &*expired] {
        bench.run("DEL large");
        make_hash(&bench, "small", 3);
        make_hash(&bench, "large", 5000);
        bench.run(words);
        assert_eq!(bench.host.asked(), ["drop later"], "{words}");
    }
    bench.run("DEL large");
    make_hash(&bench, "large", 5000);
    bench.run("PEXPIRE large 1");
    bench.now_ms += 2;
    assert_eq!(bench.reply("EXISTS large"), ":0");
    assert_eq!(bench.host.asked(), ["drop later"]);
    make_hash(&bench, "large", 5000);
    bench.run("RENAME large moved");
    assert!(bench.host.asked().is_empty(), "what is moved is not freed");
}

#[test]
fn exists_counts_a_key_as_often_as_it_is_named() {
    let mut bench = Bench::new();
    bench.run("SET a 1");
    let outcome = bench.run("EXISTS a none a");
    assert_eq!((outcome.text().as_str(), outcome.lookups), (":2", (2, 1)));
}

#[test]
fn type_names_what_a_key_holds() {
    let mut bench = Bench::new();
    bench.run("SET a 1");
    make_hash(&bench, "h", 1);
    answer_each(&mut bench, &[("TYPE a", "+string"), ("TYPE h", "+hash"), ("TYPE none", "+none")]);
}

#[test]
fn touch_sets_the_access_time_and_a_look_does_not() {
    let mut bench = Bench::new();
    bench.run("SET a 1");
    bench.now_ms += 10_000;
    answer_each(
        &mut bench,
        &[
            ("EXISTS a", ":1"),
            ("TYPE a", "+string"),
            ("OBJECT IDLETIME a", ":10"),
            ("TOUCH a none a", ":2"),
            ("OBJECT IDLETIME a", ":0"),
        ],
    );
    bench.session.no_touch = true;
    bench.now_ms += 5_000;
    assert_eq!(bench.reply("GET a"), "$1 1");
    assert_eq!(bench.reply("OBJECT IDLETIME a"), ":5");
    assert_eq!(bench.reply("TOUCH a"), ":1");
    assert_eq!(bench.reply("OBJECT IDLETIME a"), ":0");
}

#[test]
fn rename_moves_value_and_expiry_over_what_was_there() {
    let mut bench = Bench::new();
    bench.run("SET a 1 PX 50");
    make_hash(&bench, "b", 2);
    expect_each(
        &mut bench,
        &[
            ("RENAME a a", "+OK", &[]),
            ("RENAME a b", "+OK", &["RENAME a b"]),
            ("GET b", "$1 1", &[]),
            ("EXISTS a", ":0", &[]),
            ("RENAME a b", NO_SUCH_KEY, &[]),
            ("RENAME a a", NO_SUCH_KEY, &[]),
        ],
    );
    assert_eq!(expiry(&bench, 0, "b"), Some(NOW_MS + 50));
    assert_eq!(bench.run("RENAME b c").changes, 1);
}

#[test]
fn renamenx_leaves_a_name_that_is_taken() {
    let mut bench = Bench::new();
    bench.run("MSET a 1 b 2");
    bench.run("SET old 3 PX 1");
    bench.now_ms += 2;
    expect_each(
        &mut bench,
        &[
            ("RENAMENX a b", ":0", &[]),
            ("RENAMENX a a", ":0", &[]),
            ("RENAMENX none b", NO_SUCH_KEY, &[]),
            ("RENAMENX old b", NO_SUCH_KEY, &["DEL old"]),
            ("RENAMENX a c", ":1", &["RENAMENX a c"]),
            ("MGET a b c", "*3 $-1 $1 2 $1 1", &[]),
        ],
    );
}

#[test]
fn whoever_watches_either_name_learns_of_a_rename() {
    let mut bench = Bench::new();
    bench.run("SET a 1");
    let flags = [watch(&bench, 0, "a"), watch(&bench, 0, "b")];
    bench.run("RENAME a b");
    assert!(flags.iter().all(|flag| flag.load(Acquire)));
}

#[test]
fn copy_takes_value_and_expiry_to_another_key_or_database() {
    let mut bench = Bench::new();
    bench.run("SET a 1 PX 50");
    expect_each(
        &mut bench,
        &[
            ("COPY a b", ":1", &["COPY a b"]),
            ("COPY a b", ":0", &[]),
            ("COPY none b REPLACE", ":0", &[]),
            ("COPY a b REPLACE", ":1", &["COPY a b REPLACE"]),
            ("COPY a a DB 3", ":1", &["COPY a a DB 3"]),
            ("COPY a a db 3", ":0", &[]),
            ("COPY a a DB 3 REPLACE DB 2", ":1", &["COPY a a DB 3 REPLACE DB 2"]),
            ("MGET a b", "*2 $1 1 $1 1", &[]),
        ],
    );
    for (database, key) in [(0, "a"), (0, "b"), (3, "a"), (2, "a")] {
        assert_eq!(expiry(&bench, database, key), Some(NOW_MS + 50), "{database} {key}");
    }
    make_hash(&bench, "h", 600);
    assert_eq!(bench.reply("COPY h b REPLACE"), ":1");
    assert_eq!(bench.reply("TYPE b"), "+hash");
}

#[test]
fn copy_refuses_what_makes_no_sense() {
    let mut bench = Bench::new();
    bench.run("SET a 1");
    answer_each(
        &mut bench,
        &[
            ("COPY a a", SAME_OBJECT),
            ("COPY none none DB 0", SAME_OBJECT),
            ("COPY a b DB 16", DB_INDEX),
            ("COPY a b DB -1", DB_INDEX),
            ("COPY a b DB x", NOT_AN_INTEGER),
            ("COPY a b DB 99999999999", NOT_32_BITS),
            ("COPY a b DB", SYNTAX),
            ("COPY a b FOO", SYNTAX),
        ],
    );
}

#[test]
fn a_copy_over_an_expired_key_needs_no_replace() {
    let mut bench = Bench::new();
    bench.run("SET a 1");
    bench.run("SET b 1 PX 1");
    bench.now_ms += 2;
    expect_each(&mut bench, &[("COPY a b", ":1", &["DEL b", "COPY a b"])]);
}

#[test]
fn move_takes_a_key_to_another_database() {
    let mut bench = Bench::new();
    bench.run("SET a 1 PX 50");
    let flags = [watch(&bench, 0, "a"), watch(&bench, 4, "a")];
    expect_each(
        &mut bench,
        &[
            ("MOVE a 0", SAME_OBJECT, &[]),
            ("MOVE a x", NOT_AN_INTEGER, &[]),
            ("MOVE a 16", DB_INDEX, &[]),
            ("MOVE a -2147483649", NOT_32_BITS, &[]),
            ("MOVE none 4", ":0", &[]),
            ("MOVE a 4", ":1", &["MOVE a 4"]),
            ("EXISTS a", ":0", &[]),
            ("SET a 2", "+OK", &["SET a 2"]),
            ("MOVE a 4", ":0", &[]),
        ],
    );
    assert_eq!(expiry(&bench, 4, "a"), Some(NOW_MS + 50));
    assert!(flags.iter().all(|flag| flag.load(Acquire)));
}

#[test]
fn object_tells_how_a_value_is_kept() {
    let mut bench = Bench::new();
    let long = "x".repeat(45);
    bench.run(&format!("MSET int 9999 large 10000 short abc long {long}"));
    make_hash(&bench, "h", 2);
    answer_each(
        &mut bench,
        &[
            ("OBJECT ENCODING int", "$3 int"),
            ("OBJECT ENCODING short", "$6 embstr"),
            ("OBJECT ENCODING long", "$3 raw"),
            ("object encoding h", "$8 listpack"),
            ("OBJECT ENCODING none", "$-1"),
            ("OBJECT REFCOUNT int", ":2147483647"),
            ("OBJECT REFCOUNT large", ":1"),
            ("OBJECT REFCOUNT h", ":1"),
            ("OBJECT REFCOUNT none", "$-1"),
            ("OBJECT IDLETIME none", "$-1"),
            ("OBJECT FREQ none", "$-1"),
        ],
    );
    assert!(bench.reply("OBJECT FREQ int").starts_with("-ERR An LFU maxmemory policy is not"));
    let policy = UsagePolicy::Frequency { log_factor: 0, decay_minutes: 1 };
    bench.keyspace.usage().set_policy(policy);
    assert!(bench.reply("OBJECT IDLETIME int").ends_with("take some time to adjust."));
    assert_eq!(bench.reply("OBJECT IDLETIME none"), "$-1");
    assert_eq!(bench.reply("OBJECT FREQ none"), "$-1");
    bench.keyspace.usage().set_policy(UsagePolicy::Recency);
    assert!(bench.reply("OBJECT HELP").starts_with("*15 +OBJECT <subcommand>"));
    assert!(bench.reply("OBJECT HELP").ends_with("+HELP +    Print this help."));
    assert_eq!(bench.run("OBJECT ENCODING int").lookups, (1, 0));
    bench.session.protocol = crate::net::Protocol::Resp3;
    assert_eq!(bench.reply("OBJECT ENCODING none"), "_");
}

#[test]
fn the_access_time_may_wrap() {
    let mut bench = Bench::new();
    // One second before 24 bits of seconds begin anew.
    bench.now_ms = ((1 << 24) * 100 - 1) * 1000;
    bench.run("SET a 1");
    bench.now_ms += 3_000;
    assert_eq!(bench.reply("OBJECT IDLETIME a"), ":3");
}

#[test]
fn flushing_goes_out_even_if_there_is_nothing_to_remove() {
    let mut bench = Bench::new();
    bench.run("MSET a 1 b 2");
    bench.run("COPY a a DB 3");
    assert_eq!(bench.run("FLUSHDB").changes, 2);
    assert_eq!(bench.host.asked(), ["drop later"]);
    expect_each(
        &mut bench,
        &[
            ("DBSIZE", ":0", &[]),
            ("FLUSHDB", "+OK", &["FLUSHDB"]),
            ("FLUSHDB async", "+OK", &["FLUSHDB async"]),
            ("FLUSHALL SYNC", "+OK", &["FLUSHALL SYNC"]),
            ("FLUSHALL", "+OK", &["FLUSHALL"]),
            ("FLUSHALL ASYNC SYNC", SYNTAX, &[]),
            ("FLUSHDB NOW", SYNTAX, &[]),
        ],
    );
    assert_eq!(bench.keyspace.keys_count(3), 0);
}

#[test]
fn swapdb_exchanges_two_databases() {
    let mut bench = Bench::new();
    bench.run("MSET a 1 b 2");
    expect_each(
        &mut bench,
        &[
            ("SWAPDB 0 3", "+OK", &["SWAPDB 0 3"]),
            ("DBSIZE", ":0", &[]),
            ("SWAPDB 3 0", "+OK", &["SWAPDB 3 0"]),
            ("DBSIZE", ":2", &[]),
            ("SWAPDB 0 0", "+OK", &["SWAPDB 0 0"]),
            ("GET a", "$1 1", &[]),
            ("SWAPDB x 0", "-ERR invalid first DB index", &[]),
            ("SWAPDB 0 99999999999", "-ERR invalid second DB index", &[]),
            ("SWAPDB 0 16", DB_INDEX, &[]),
            ("SWAPDB -1 0", DB_INDEX, &[]),
        ],
    );
}
