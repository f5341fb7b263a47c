//! Ranges by rank, score and bytes.

use super::{add_many, bench, elements};
use crate::command::expecting::{NOT_AN_INTEGER, SYNTAX, answer, expect};
use crate::command::testing::Bench;

/// A bench with the sorted set `l` of members with one score.
fn lexical() -> Bench {
    let mut bench = Bench::new();
    bench.run("ZADD l 0 a 0 b 0 c 0 d 0 e");
    bench
}

#[test]
fn ranks_count_from_either_end() {
    let mut bench = bench();
    for (range, members) in [
        ("0 -1", "a b c"),
        ("1 1", "b"),
        ("-2 -1", "b c"),
        ("-9 9", "a b c"),
        ("0 -1 REV", "c b a"),
        ("0 0 REV", "c"),
        ("-1 -1 REV", "a"),
        ("0 0 LIMIT 5 -1", "a"),
    ] {
        assert_eq!(elements(&mut bench, &format!("ZRANGE z {range}")), members, "{range}");
    }
    for range in ["2 1", "3 9", "0 -4", "9223372036854775807 0"] {
        answer(&mut bench, &format!("ZRANGE z {range}"), "*0");
        answer(&mut bench, &format!("ZREVRANGE z {range}"), "*0");
    }
    assert_eq!(elements(&mut bench, "ZREVRANGE z 0 1 WITHSCORES"), "c 3.5 b 2");
}

#[test]
fn scores_may_be_exclusive_and_infinite() {
    let mut bench = bench();
    for (range, members) in [
        ("-inf +inf", "a b c"),
        ("1 2", "a b"),
        ("(1 2", "b"),
        ("1 (2", "a"),
        ("(1 inf", "b c"),
        ("-inf 3.5", "a b c"),
        ("0 9 LIMIT 1 1", "b"),
        ("0 9 LIMIT 1 -7", "b c"),
        ("0 9 WITHSCORES LIMIT 2 9", "c 3.5"),
    ] {
        assert_eq!(elements(&mut bench, &format!("ZRANGEBYSCORE z {range}")), members, "{range}");
        let words = format!("ZRANGE z {range} BYSCORE");
        assert_eq!(elements(&mut bench, &words), members, "{range}");
    }
    for range in ["2 1", "(1 (1", "(1 1", "1 (1", "4 9", "0 9 LIMIT 0 0", "0 9 LIMIT -1 2"] {
        answer(&mut bench, &format!("ZRANGEBYSCORE z {range}"), "*0");
    }
    for (range, members) in
        [("+inf -inf", "c b a"), ("2 (1", "b"), ("9 0 LIMIT 1 1", "b"), ("9 0 LIMIT 2 8", "a")]
    {
        let words = format!("ZREVRANGEBYSCORE z {range}");
        assert_eq!(elements(&mut bench, &words), members, "{range}");
        let words = format!("ZRANGE z {range} REV BYSCORE");
        assert_eq!(elements(&mut bench, &words), members, "{range}");
    }
    for (range, count) in [("-inf +inf", 3), ("(1 (3.5", 1), ("9 1", 0)] {
        answer(&mut bench, &format!("ZCOUNT z {range}"), &format!(":{count}"));
    }
}

#[test]
fn members_of_one_score_have_ranges_by_their_bytes() {
    let mut bench = lexical();
    for (range, members) in [
        ("- +", "a b c d e"),
        ("[b [d", "b c d"),
        ("(b (d", "c"),
        ("- (c", "a b"),
        ("[bb +", "c d e"),
        ("- + LIMIT 1 2", "b c"),
    ] {
        assert_eq!(elements(&mut bench, &format!("ZRANGEBYLEX l {range}")), members, "{range}");
        let words = format!("ZRANGE l {range} BYLEX");
        assert_eq!(elements(&mut bench, &words), members, "{range}");
        let count = members.split(' ').count();
        if !range.contains("LIMIT") {
            answer(&mut bench, &format!("ZLEXCOUNT l {range}"), &format!(":{count}"));
        }
    }
    for range in ["+ -", "[d [b", "(b (b", "[x +", "+ +", "- -", "- ["] {
        answer(&mut bench, &format!("ZRANGEBYLEX l {range}"), "*0");
        answer(&mut bench, &format!("ZLEXCOUNT l {range}"), ":0");
    }
    assert_eq!(elements(&mut bench, "ZREVRANGEBYLEX l + [b LIMIT 1 2"), "d c");
    assert_eq!(elements(&mut bench, "ZRANGE l (d - BYLEX REV"), "c b a");
}

#[test]
fn ends_and_options_that_make_no_sense_are_refused() {
    let mut bench = bench();
    let not_a_float = "-ERR min or max is not a float";
    for range in ["x 1", "1 x", "1 nan", "(x 1", "((1 2"] {
        answer(&mut bench, &format!("ZRANGEBYSCORE none {range}"), not_a_float);
        answer(&mut bench, &format!("ZCOUNT s {range}"), not_a_float);
        answer(&mut bench, &format!("ZREMRANGEBYSCORE s {range}"), not_a_float);
    }
    let not_an_item = "-ERR min or max not valid string range item";
    for range in ["a [b", "[a b", "-a +", "- ++", "1 2"] {
        answer(&mut bench, &format!("ZRANGEBYLEX none {range}"), not_an_item);
        answer(&mut bench, &format!("ZLEXCOUNT s {range}"), not_an_item);
        answer(&mut bench, &format!("ZREMRANGEBYLEX s {range}"), not_an_item);
    }
    for words in ["ZRANGE z x 1", "ZREMRANGEBYRANK none 0 x", "ZRANGE z 0 1 LIMIT x 1"] {
        answer(&mut bench, words, NOT_AN_INTEGER);
    }
    for words in [
        "ZRANGE z 0 1 x",
        "ZRANGE z 0 1 BYLEX BYSCORE",
        "ZRANGE z 0 1 REV REV",
        "ZRANGE z 0 1 BYSCORE LIMIT 1",
        "ZREVRANGE z 0 1 REV",
        "ZREVRANGE z 0 1 BYSCORE",
        "ZRANGEBYSCORE z 0 1 BYLEX",
        "ZRANGESTORE d z 0 1 WITHSCORES",
    ] {
        answer(&mut bench, words, SYNTAX);
    }
    let limit = "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE \
                 or BYLEX";
    answer(&mut bench, "ZRANGE z 0 1 LIMIT 0 1", limit);
    answer(&mut bench, "ZREVRANGE z 0 1 LIMIT 0 1", limit);
    let scores = "-ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    answer(&mut bench, "ZRANGE z - + BYLEX WITHSCORES", scores);
    answer(&mut bench, "ZRANGEBYLEX z - + WITHSCORES", scores);
}

#[test]
fn an_end_in_scores_is_read_as_c_reads_numbers() {
    let mut bench = bench();
    for (low, high) in [("", "2"), ("\t1", "2\0x"), ("-1e999", "0x2"), ("(", "2")] {
        let words = ["ZCOUNT", "z", low, high].map(str::as_bytes);
        assert_eq!(bench.run_words(&words).text(), ":2", "{low:?} {high:?}");
    }
}

#[test]
fn a_range_is_stored() {
    let mut bench = bench();
    expect(&mut bench, "ZRANGESTORE d z 1 -1", ":2", &["ZRANGESTORE d z 1 -1"]);
    answer(&mut bench, "ZRANGE d 0 -1 WITHSCORES", "*4 $1 b $1 2 $1 c $3 3.5");
    let words = "ZRANGESTORE d z 9 -inf BYSCORE REV LIMIT 0 1";
    expect(&mut bench, words, ":1", &[words]);
    assert_eq!(elements(&mut bench, "ZRANGE d 0 -1"), "c");
    expect(&mut bench, "ZRANGESTORE s z 0 0", ":1", &["ZRANGESTORE s z 0 0"]);
    answer(&mut bench, "TYPE s", "+zset");
    bench.run("PEXPIRE z 10000");
    expect(&mut bench, "ZRANGESTORE z z 0 1", ":2", &["ZRANGESTORE z z 0 1"]);
    answer(&mut bench, "TTL z", ":-1");
    expect(&mut bench, "ZRANGESTORE d z 7 8", ":0", &["ZRANGESTORE d z 7 8"]);
    answer(&mut bench, "ZRANGESTORE d z 7 8", ":0");
    expect(&mut bench, "ZRANGESTORE s none 0 -1", ":0", &["ZRANGESTORE s none 0 -1"]);
    answer(&mut bench, "EXISTS s d", ":0");
}

#[test]
fn ranges_of_a_large_sorted_set_are_those_of_a_small_one() {
    let mut bench = Bench::new();
    add_many(&mut bench, 1000);
    assert_eq!(elements(&mut bench, "ZRANGE big 500 501"), "m00500 m00501");
    assert_eq!(elements(&mut bench, "ZREVRANGE big 0 1"), "m00999 m00998");
    assert_eq!(elements(&mut bench, "ZRANGEBYSCORE big (7 9"), "m00008 m00009");
    assert_eq!(elements(&mut bench, "ZREVRANGEBYSCORE big 9 (7"), "m00009 m00008");
    assert_eq!(elements(&mut bench, "ZRANGEBYSCORE big 7 +inf LIMIT 900 2"), "m00907 m00908");
    answer(&mut bench, "ZCOUNT big 100 (300", ":200");
    answer(&mut bench, "ZRANK big m00333", ":333");
    answer(&mut bench, "ZREVRANK big m00333 WITHSCORE", "*2 :666 $3 333");
    expect(&mut bench, "ZRANGESTORE d big 1 990", ":990", &["ZRANGESTORE d big 1 990"]);
    assert_eq!(elements(&mut bench, "ZRANGE d -1 -1"), "m00990");
    let mut bench = Bench::new();
    for number in 0..1000 {
        bench.run(&format!("ZADD l 0 m{number:05}"));
    }
    assert_eq!(elements(&mut bench, "ZRANGEBYLEX l (m00007 [m00009"), "m00008 m00009");
    assert_eq!(elements(&mut bench, "ZREVRANGEBYLEX l + (m00007 LIMIT 0 1"), "m00999");
    answer(&mut bench, "ZLEXCOUNT l [m001 (m002", ":100");
    answer(&mut bench, "ZLEXCOUNT l - +", ":1000");
}
