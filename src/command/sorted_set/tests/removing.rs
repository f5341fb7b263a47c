//! `ZREM`, the removals of ranges, and what pops.

use super::{add_many, bench, elements};
use crate::command::expecting::{SYNTAX, answer, expect};
use crate::command::testing::Bench;

#[test]
fn members_are_removed_and_the_key_with_the_last() {
    let mut bench = bench();
    answer(&mut bench, "ZREM z x", ":0");
    let outcome = expect(&mut bench, "ZREM z a x b a", ":2", &["ZREM z a x b a"]);
    assert_eq!(outcome.changes, 2);
    expect(&mut bench, "ZREM z c", ":1", &["ZREM z c"]);
    answer(&mut bench, "EXISTS z", ":0");
}

#[test]
fn ranges_are_removed() {
    let mut bench = bench();
    bench.run("ZADD z 4 d 5 e 6 f 7 g");
    let words = "ZREMRANGEBYRANK z -2 -1";
    assert_eq!(expect(&mut bench, words, ":2", &[words]).changes, 2);
    expect(&mut bench, "ZREMRANGEBYSCORE z (1 2", ":1", &["ZREMRANGEBYSCORE z (1 2"]);
    answer(&mut bench, "ZREMRANGEBYSCORE z (1 2", ":0");
    assert_eq!(elements(&mut bench, "ZRANGE z 0 -1"), "a c d e");
    answer(&mut bench, "ZREMRANGEBYRANK z 4 9", ":0");
    expect(&mut bench, "ZREMRANGEBYRANK z 0 -1", ":4", &["ZREMRANGEBYRANK z 0 -1"]);
    answer(&mut bench, "EXISTS z", ":0");
    bench.run("ZADD z 0 a 0 b 0 c");
    expect(&mut bench, "ZREMRANGEBYLEX z [a (c", ":2", &["ZREMRANGEBYLEX z [a (c"]);
    expect(&mut bench, "ZREMRANGEBYLEX z - +", ":1", &["ZREMRANGEBYLEX z - +"]);
    answer(&mut bench, "EXISTS z", ":0");
}

#[test]
fn members_are_popped_from_either_end() {
    let mut bench = bench();
    expect(&mut bench, "ZPOPMIN z", "*2 $1 a $1 1", &["ZPOPMIN z"]);
    expect(&mut bench, "ZPOPMAX z 1", "*2 $1 c $3 3.5", &["ZPOPMAX z 1"]);
    answer(&mut bench, "ZPOPMAX z 0", "*0");
    expect(&mut bench, "ZPOPMIN z 9", "*2 $1 b $1 2", &["ZPOPMIN z 9"]);
    answer(&mut bench, "EXISTS z", ":0");
    bench.run("ZADD z 1 a 2 b 3 c");
    let outcome = bench.run("ZPOPMAX z 2");
    assert_eq!((outcome.text().as_str(), outcome.changes), ("*4 $1 c $1 3 $1 b $1 2", 2));
    let positive = "-ERR value is out of range, must be positive";
    for count in ["-1", "x", "9223372036854775808"] {
        answer(&mut bench, &format!("ZPOPMIN s {count}"), positive);
    }
    answer(&mut bench, "ZPOPMIN z 1 x", SYNTAX);
}

#[test]
fn the_first_of_several_keys_is_popped_from() {
    let mut bench = bench();
    let popped = "*2 $1 z *1 *2 $1 a $1 1";
    expect(&mut bench, "ZMPOP 3 n z s MIN", popped, &["ZPOPMIN z 1"]);
    let popped = "*2 $1 z *2 *2 $1 c $3 3.5 *2 $1 b $1 2";
    expect(&mut bench, "ZMPOP 1 z max count 5", popped, &["ZPOPMAX z 2"]);
    answer(&mut bench, "EXISTS z", ":0");
    let no_keys = "-ERR numkeys should be greater than 0";
    for number in ["0", "-1", "x"] {
        answer(&mut bench, &format!("ZMPOP {number} z MIN"), no_keys);
    }
    let no_count = "-ERR count should be greater than 0";
    for count in ["0", "-1", "x"] {
        answer(&mut bench, &format!("ZMPOP 1 s MIN COUNT {count}"), no_count);
    }
    for words in [
        "ZMPOP 2 z MIN",
        "ZMPOP 9223372036854775807 z MIN",
        "ZMPOP 1 z MID",
        "ZMPOP 1 z MIN COUNT",
        "ZMPOP 1 z MIN COUNT 1 COUNT 1",
        "ZMPOP 1 z MIN x",
    ] {
        answer(&mut bench, words, SYNTAX);
    }
}

#[test]
fn a_large_sorted_set_shrinks_by_members_ranges_and_pops() {
    let mut bench = Bench::new();
    add_many(&mut bench, 1000);
    let words = "ZREMRANGEBYRANK big 100 899";
    expect(&mut bench, words, ":800", &[words]);
    answer(&mut bench, "ZCARD big", ":200");
    assert_eq!(elements(&mut bench, "ZRANGE big 99 100"), "m00099 m00900");
    answer(&mut bench, "ZSCORE big m00500", "$-1");
    expect(&mut bench, "ZREM big m00000 m00500", ":1", &["ZREM big m00000 m00500"]);
    assert_eq!(elements(&mut bench, "ZPOPMIN big 2"), "m00001 1 m00002 2");
    assert_eq!(elements(&mut bench, "ZPOPMAX big 2"), "m00999 999 m00998 998");
    answer(&mut bench, "ZCARD big", ":195");
    answer(&mut bench, "ZRANK big m00900", ":97");
    expect(&mut bench, "ZREMRANGEBYSCORE big 0 inf", ":195", &["ZREMRANGEBYSCORE big 0 inf"]);
    answer(&mut bench, "EXISTS big", ":0");
}
