//! `ZADD`, `ZINCRBY`, and the encodings that come of it.

use super::{NOT_A_FLOAT, bench, elements};
use crate::command::expecting::{SYNTAX, answer, expect};
use crate::command::testing::Bench;

fn encoding(bench: &mut Bench, key: &str) -> String {
    bench.reply(&format!("OBJECT ENCODING {key}")).split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn adding_counts_new_members_and_is_its_own_effect() {
    let mut bench = bench();
    let outcome = expect(&mut bench, "ZADD z 5 a 1 d", ":1", &["ZADD z 5 a 1 d"]);
    assert_eq!(outcome.changes, 2);
    answer(&mut bench, "ZRANGE z 0 -1 WITHSCORES", "*8 $1 d $1 1 $1 b $1 2 $1 c $3 3.5 $1 a $1 5");
    expect(&mut bench, "ZADD z CH 6 a 9 e", ":2", &["ZADD z CH 6 a 9 e"]);
    answer(&mut bench, "ZADD z CH 6 a", ":0");
    expect(&mut bench, "ZADD z 7 f 8 f", ":1", &["ZADD z 7 f 8 f"]);
    answer(&mut bench, "ZSCORE z f", "$1 8");
}

#[test]
fn members_are_in_the_order_of_scores_and_bytes() {
    let mut bench = Bench::new();
    bench.run("ZADD z inf i -inf j 0 b -0 a 0 ab 1e-3 c -5 d");
    assert_eq!(elements(&mut bench, "ZRANGE z 0 -1"), "j d a ab b c i");
    answer(&mut bench, "ZMSCORE z a i j c", "*4 $1 0 $3 inf $4 -inf $5 0.001");
}

#[test]
fn zero_loses_its_sign_in_a_listpack() {
    let mut bench = Bench::new();
    bench.keyspace.limits().set_zset_entries_max(2);
    assert_eq!(bench.reply("ZADD z INCR -0 a"), "$2 -0");
    bench.run("ZADD z 1 b -1 b");
    answer(&mut bench, "ZADD z -0 a", ":0");
    answer(&mut bench, "ZSCORE z a", "$1 0");
    bench.run("ZADD z -0 c");
    answer(&mut bench, "ZMSCORE z a c", "*2 $1 0 $2 -0");
    answer(&mut bench, "ZADD z 0 c", ":0");
    answer(&mut bench, "ZSCORE z c", "$2 -0");
    bench.run("ZRANGESTORE d z 2 2");
    answer(&mut bench, "ZRANGE d 0 -1 WITHSCORES", "*2 $1 c $1 0");
}

#[test]
fn conditions_choose_the_members() {
    let mut bench = bench();
    expect(&mut bench, "ZADD z NX 9 a 9 n", ":1", &["ZADD z NX 9 a 9 n"]);
    expect(&mut bench, "ZADD z XX CH 8 a 8 m", ":1", &["ZADD z XX CH 8 a 8 m"]);
    answer(&mut bench, "ZADD z XX 8 m", ":0");
    answer(&mut bench, "ZADD absent XX 8 m", ":0");
    answer(&mut bench, "EXISTS absent", ":0");
    expect(&mut bench, "ZADD z GT CH 7 a 3 b", ":1", &["ZADD z GT CH 7 a 3 b"]);
    expect(&mut bench, "ZADD z LT CH 7 a 4 b 0 o", ":2", &["ZADD z LT CH 7 a 4 b 0 o"]);
    answer(&mut bench, "ZADD z XX GT CH 100 p 7 a", ":0");
    answer(&mut bench, "ZMSCORE z a b n o", "*4 $1 7 $1 3 $1 9 $1 0");
}

#[test]
fn increments_add_to_scores() {
    let mut bench = bench();
    expect(&mut bench, "ZINCRBY z 2.25 a", "$4 3.25", &["ZINCRBY z 2.25 a"]);
    expect(&mut bench, "ZINCRBY z -1 n", "$2 -1", &["ZINCRBY z -1 n"]);
    expect(&mut bench, "ZADD z INCR 1 a", "$4 4.25", &["ZADD z INCR 1 a"]);
    answer(&mut bench, "ZINCRBY z 0 a", "$4 4.25");
    answer(&mut bench, "ZADD z INCR NX 1 a", "$-1");
    answer(&mut bench, "ZADD z INCR XX 1 q", "$-1");
    answer(&mut bench, "ZADD z INCR GT -1 a", "$-1");
    expect(&mut bench, "ZADD z INCR GT 1 a", "$4 5.25", &["ZADD z INCR GT 1 a"]);
    bench.run("ZADD z inf i");
    let nan = "-ERR resulting score is not a number (NaN)";
    answer(&mut bench, "ZINCRBY z -inf i", nan);
    answer(&mut bench, "ZADD z INCR LT -inf i", nan);
}

#[test]
fn options_and_scores_are_checked_in_redis_order() {
    let mut bench = bench();
    let both = "-ERR XX and NX options at the same time are not compatible";
    let compared = "-ERR GT, LT, and/or NX options at the same time are not compatible";
    answer(&mut bench, "ZADD z NX XX GT 1 a", both);
    for options in ["GT LT", "GT NX", "NX LT"] {
        answer(&mut bench, &format!("ZADD z {options} 1 a"), compared);
    }
    let single = "-ERR INCR option supports a single increment-element pair";
    answer(&mut bench, "ZADD z INCR 1 a x b", single);
    for words in ["ZADD z NX XX", "ZADD z 1 a 2", "ZADD z CH 1", "ZINCRBY z NX a"] {
        answer(&mut bench, words, SYNTAX);
    }
    for words in ["ZADD z 1 a x b", "ZADD z nan a", "ZADD s x a", "ZINCRBY z x a"] {
        answer(&mut bench, words, NOT_A_FLOAT);
    }
    answer(&mut bench, "ZSCORE z a", "$1 1");
}

#[test]
fn what_outgrows_the_limits_is_a_skiplist_for_good() {
    let mut bench = Bench::new();
    bench.keyspace.limits().set_zset_entries_max(3);
    bench.run("ZADD z 1 a 2 b 3 c");
    bench.run("ZADD z 9 a 9 b 9 c 9 a");
    assert_eq!(encoding(&mut bench, "z"), "listpack");
    bench.run("ZADD z 4 d");
    assert_eq!(encoding(&mut bench, "z"), "skiplist");
    bench.run("ZREM z c d");
    assert_eq!(encoding(&mut bench, "z"), "skiplist");
    bench.run("COPY z copy");
    bench.run("RENAME copy moved");
    assert_eq!(encoding(&mut bench, "moved"), "skiplist");
    bench.run("ZRANGESTORE stored z 0 -1");
    assert_eq!(encoding(&mut bench, "stored"), "listpack");
    bench.run("DEL z");
    bench.run("ZADD z 1 a");
    assert_eq!(encoding(&mut bench, "z"), "listpack");
    // As many as are announced when it is created count, whether they differ or not.
    bench.run("ZADD announced 1 a 2 a 3 a 4 a");
    assert_eq!(encoding(&mut bench, "announced"), "skiplist");
}

#[test]
fn a_long_member_makes_a_skiplist() {
    let mut bench = Bench::new();
    bench.run(&format!("ZADD z 1 {}", "x".repeat(64)));
    assert_eq!(encoding(&mut bench, "z"), "listpack");
    bench.run(&format!("ZADD z 1 {}", "x".repeat(65)));
    assert_eq!(encoding(&mut bench, "z"), "skiplist");
    bench.run("ZUNIONSTORE u 1 z");
    assert_eq!(encoding(&mut bench, "u"), "skiplist");
}

#[test]
fn a_sorted_set_of_a_hundred_long_members_is_still_called_a_listpack() {
    let mut bench = Bench::new();
    for number in 0..100 {
        bench.run(&format!("ZADD z {number} {number:060}"));
    }
    assert_eq!(encoding(&mut bench, "z"), "listpack");
    answer(&mut bench, "ZCARD z", ":100");
    let usage = bench.reply("MEMORY USAGE z");
    let usage: usize = usage[1..].parse().unwrap();
    assert!((6_000..30_000).contains(&usage), "{usage}");
}
