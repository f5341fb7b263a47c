//! Unions, intersections and differences.

use super::{add_many, bench, elements};
use crate::command::expecting::{NOT_AN_INTEGER, SYNTAX, answer, expect};
use crate::command::testing::Bench;

/// A bench with the sorted sets `x` and `y`, and the plain set `p`.
fn several() -> Bench {
    let mut bench = bench();
    bench.run("ZADD x 1 a 2 b 3 c 4 d");
    bench.run("ZADD y 10 b 20 c 30 e");
    let key = bench.keyspace.key(b"p");
    let mut locked = bench.keyspace.lock_all();
    let mut db = locked.db(0);
    let mut set = db.set_or_create(&key, 0);
    set.insert(b"c");
    set.insert(b"f");
    drop(locked);
    bench
}

#[test]
fn scores_are_joined() {
    let mut bench = several();
    for (words, members) in [
        ("ZUNION 2 x y WITHSCORES", "a 1 d 4 b 12 c 23 e 30"),
        ("ZUNION 2 x y AGGREGATE MIN WITHSCORES", "a 1 b 2 c 3 d 4 e 30"),
        ("ZUNION 2 x y WITHSCORES AGGREGATE max", "a 1 d 4 b 10 c 20 e 30"),
        ("ZUNION 2 x y WEIGHTS 2 -1 WITHSCORES", "e -30 c -14 b -6 a 2 d 8"),
        ("ZUNION 2 x p WITHSCORES", "a 1 f 1 b 2 c 4 d 4"),
        ("ZUNION 2 x x WITHSCORES", "a 2 b 4 c 6 d 8"),
        ("ZINTER 2 x y WITHSCORES", "b 12 c 23"),
        ("ZINTER 2 x y WEIGHTS 1 0.5 AGGREGATE MIN WITHSCORES", "b 2 c 3"),
        ("ZINTER 3 x y p WITHSCORES", "c 24"),
        ("ZINTER 1 p WITHSCORES", "c 1 f 1"),
        ("ZDIFF 2 x y WITHSCORES", "a 1 d 4"),
        ("ZDIFF 3 x y p", "a d"),
        ("ZDIFF 2 p x WITHSCORES", "f 1"),
        ("ZDIFF 1 y WITHSCORES", "b 10 c 20 e 30"),
    ] {
        assert_eq!(elements(&mut bench, words), members, "{words}");
    }
    answer(&mut bench, "ZDIFF 2 x x", "*0");
    answer(&mut bench, "ZINTER 2 z none", "*0");
}

#[test]
fn what_is_no_number_counts_as_zero() {
    let mut bench = Bench::new();
    bench.run("ZADD x inf a 0 b");
    bench.run("ZADD y -inf a 0 b");
    assert_eq!(elements(&mut bench, "ZUNION 2 x y WITHSCORES"), "a 0 b 0");
    assert_eq!(elements(&mut bench, "ZINTER 2 x y WITHSCORES"), "a 0 b 0");
    assert_eq!(elements(&mut bench, "ZUNION 1 x WEIGHTS 0 WITHSCORES"), "a 0 b 0");
    assert_eq!(elements(&mut bench, "ZUNION 1 x WEIGHTS inf WITHSCORES"), "b 0 a inf");
}

#[test]
fn the_smallest_is_added_first() {
    let mut bench = Bench::new();
    bench.run("ZADD x 0.1 m 1 x1 1 x2");
    bench.run("ZADD y 0.2 m 1 y1");
    bench.run("ZADD z 0.3 m");
    // In the order of the words the sum would be 0.6000000000000001.
    for words in ["ZUNION 3 x y z WITHSCORES", "ZINTER 3 x y z WITHSCORES"] {
        assert!(elements(&mut bench, words).starts_with("m 0.6"), "{words}");
        assert_eq!(elements(&mut bench, words).split(' ').nth(1), Some("0.6"), "{words}");
    }
}

#[test]
fn members_in_common_are_counted_up_to_a_limit() {
    let mut bench = several();
    answer(&mut bench, "ZINTERCARD 2 x y", ":2");
    answer(&mut bench, "ZINTERCARD 2 x y LIMIT 1", ":1");
    answer(&mut bench, "ZINTERCARD 2 x y LIMIT 0", ":2");
    answer(&mut bench, "ZINTERCARD 2 x y limit 1 limit 9", ":2");
    let negative = "-ERR LIMIT can't be negative";
    answer(&mut bench, "ZINTERCARD 2 x y LIMIT -1", negative);
    answer(&mut bench, "ZINTERCARD 2 x y LIMIT x", negative);
    for options in ["LIMIT", "WITHSCORES", "WEIGHTS 1 1", "AGGREGATE SUM"] {
        answer(&mut bench, &format!("ZINTERCARD 2 x y {options}"), SYNTAX);
    }
}

#[test]
fn results_are_stored_in_place_of_what_was_there() {
    let mut bench = several();
    expect(&mut bench, "ZUNIONSTORE d 2 x y", ":5", &["ZUNIONSTORE d 2 x y"]);
    expect(&mut bench, "ZINTERSTORE s 2 x y", ":2", &["ZINTERSTORE s 2 x y"]);
    assert_eq!(elements(&mut bench, "ZRANGE s 0 -1 WITHSCORES"), "b 12 c 23");
    bench.run("PEXPIRE x 10000");
    expect(&mut bench, "ZDIFFSTORE x 2 x y", ":2", &["ZDIFFSTORE x 2 x y"]);
    answer(&mut bench, "TTL x", ":-1");
    assert_eq!(elements(&mut bench, "ZRANGE x 0 -1"), "a d");
    expect(&mut bench, "ZINTERSTORE d 2 x y", ":0", &["ZINTERSTORE d 2 x y"]);
    answer(&mut bench, "EXISTS d", ":0");
    answer(&mut bench, "ZINTERSTORE d 2 x y", ":0");
    expect(&mut bench, "ZUNIONSTORE p 1 p", ":2", &["ZUNIONSTORE p 1 p"]);
    answer(&mut bench, "TYPE p", "+zset");
}

#[test]
fn keys_and_options_are_checked_in_redis_order() {
    let mut bench = several();
    for (name, number) in [("zunion", "0"), ("zinter", "-1"), ("zdiff", "0"), ("zintercard", "0")] {
        let fault = format!("-ERR at least 1 input key is needed for '{name}' command");
        answer(&mut bench, &format!("{name} {number} x"), &fault);
    }
    for name in ["zunionstore", "zinterstore", "zdiffstore"] {
        let fault = format!("-ERR at least 1 input key is needed for '{name}' command");
        answer(&mut bench, &format!("{name} d 0 x"), &fault);
    }
    answer(&mut bench, "ZUNION x x", NOT_AN_INTEGER);
    for words in [
        "ZUNION 2 x",
        "ZUNION 9223372036854775807 x",
        "ZUNION 1 x y",
        "ZUNION 2 x y WEIGHTS 1",
        "ZUNION 1 x AGGREGATE",
        "ZUNION 1 x AGGREGATE avg",
        "ZUNIONSTORE d 1 x WITHSCORES",
        "ZDIFF 1 x WEIGHTS 1",
        "ZDIFF 1 x AGGREGATE SUM",
        "ZDIFFSTORE d 1 x WITHSCORES",
    ] {
        answer(&mut bench, words, SYNTAX);
    }
    let weight = "-ERR weight value is not a float";
    answer(&mut bench, "ZUNION 2 x y WEIGHTS 1 nan", weight);
    answer(&mut bench, "ZUNIONSTORE d 1 x WEIGHTS x", weight);
}

#[test]
fn large_sorted_sets_are_combined() {
    let mut bench = several();
    add_many(&mut bench, 1000);
    bench.run("ZADD y 5 m00077");
    assert_eq!(elements(&mut bench, "ZINTER 2 big y WITHSCORES"), "m00077 82");
    answer(&mut bench, "ZINTERCARD 2 big big", ":1000");
    answer(&mut bench, "ZINTERCARD 2 big big LIMIT 10", ":10");
    expect(&mut bench, "ZUNIONSTORE d 2 big y", ":1003", &["ZUNIONSTORE d 2 big y"]);
    expect(&mut bench, "ZDIFFSTORE d 2 d big", ":3", &["ZDIFFSTORE d 2 d big"]);
    assert_eq!(elements(&mut bench, "ZRANGE d 0 -1"), "b c e");
}
