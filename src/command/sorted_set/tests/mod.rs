//! The commands of sorted sets, run one by one.

mod adding;
mod combining;
mod effects;
mod ranges;
mod removing;

use crate::command::expecting::{NOT_AN_INTEGER, SYNTAX, WRONG_TYPE, answer};
use crate::command::testing::Bench;
use crate::keyspace::SetExpiry;

const NOT_A_FLOAT: &str = "-ERR value is not a valid float";

/// A bench with the sorted set `z` of `a`, `b` and `c`, and the string `s`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.run("ZADD z 1 a 2 b 3.5 c");
    let key = bench.keyspace.key(b"s");
    let mut locked = bench.keyspace.lock_all();
    locked.db(0).set_string(&key, b"text", SetExpiry::Clear, 0);
    drop(locked);
    bench
}

/// Adds members `0`, `1` and so on to `big`, whose scores are their numbers; more than are packed.
fn add_many(bench: &mut Bench, members: usize) {
    for number in 0..members {
        bench.run(&format!("ZADD big {number} m{number:05}"));
    }
}

/// Shows an array of bulk strings by its elements alone.
fn elements(bench: &mut Bench, words: &str) -> String {
    let text = bench.reply(words);
    assert!(text.starts_with('*'), "reply to {words}: {text}");
    text.split(' ').skip(2).step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_string_is_no_sorted_set() {
    let mut bench = bench();
    for words in [
        "ZADD s 1 m",
        "ZINCRBY s 1 m",
        "ZREM s m",
        "ZREMRANGEBYRANK s 0 1",
        "ZREMRANGEBYSCORE s 0 1",
        "ZREMRANGEBYLEX s - +",
        "ZCARD s",
        "ZSCORE s m",
        "ZMSCORE s m",
        "ZRANK s m",
        "ZREVRANK s m WITHSCORE",
        "ZCOUNT s 0 1",
        "ZLEXCOUNT s - +",
        "ZRANGE s 0 1",
        "ZREVRANGE s 0 1",
        "ZRANGEBYSCORE s 0 1",
        "ZREVRANGEBYSCORE s 1 0",
        "ZRANGEBYLEX s - +",
        "ZREVRANGEBYLEX s + -",
        "ZRANGESTORE d s 0 1",
        "ZPOPMIN s",
        "ZPOPMAX s 0",
        "ZMPOP 2 none s MIN",
        "ZRANDMEMBER s",
        "ZRANDMEMBER s 1",
        "ZSCAN s 0",
        "ZUNION 2 z s x",
        "ZINTER 2 z s",
        "ZDIFF 2 z s",
        "ZUNIONSTORE d 2 z s",
        "ZINTERSTORE d 2 z s",
        "ZDIFFSTORE d 2 z s",
        "ZINTERCARD 2 z s",
    ] {
        answer(&mut bench, words, WRONG_TYPE);
    }
}

#[test]
fn an_absent_sorted_set_is_empty() {
    let mut bench = bench();
    for words in ["ZCARD n", "ZCOUNT n 0 1", "ZLEXCOUNT n - +", "ZREM n m", "ZINTERCARD 2 z n"] {
        answer(&mut bench, words, ":0");
    }
    for words in ["ZREMRANGEBYRANK n 0 1", "ZREMRANGEBYSCORE n 0 1", "ZREMRANGEBYLEX n - +"] {
        answer(&mut bench, words, ":0");
    }
    for words in ["ZSCORE n m", "ZRANK n m", "ZRANDMEMBER n", "ZADD n XX INCR 1 m"] {
        answer(&mut bench, words, "$-1");
    }
    for words in ["ZRANGE n 0 -1", "ZREVRANGEBYLEX n + -", "ZPOPMIN n", "ZPOPMAX n 3"] {
        answer(&mut bench, words, "*0");
    }
    for words in ["ZRANDMEMBER n 3", "ZUNION 1 n", "ZINTER 2 z n", "ZDIFF 2 n z"] {
        answer(&mut bench, words, "*0");
    }
    answer(&mut bench, "ZMSCORE n a b", "*2 $-1 $-1");
    answer(&mut bench, "ZRANK n m WITHSCORE", "*-1");
    answer(&mut bench, "ZMPOP 2 n m MIN", "*-1");
    answer(&mut bench, "ZSCAN n 0 x", "*2 $1 0 *0");
    assert_eq!(bench.run("ZSCORE n m").lookups, (0, 1));
    assert_eq!(bench.run("ZUNION 2 n z").lookups, (1, 1));
}

#[test]
fn members_scores_and_ranks_are_read() {
    let mut bench = bench();
    answer(&mut bench, "ZCARD z", ":3");
    answer(&mut bench, "ZSCORE z c", "$3 3.5");
    answer(&mut bench, "ZSCORE z x", "$-1");
    answer(&mut bench, "ZMSCORE z b x a", "*3 $1 2 $-1 $1 1");
    answer(&mut bench, "ZRANK z a", ":0");
    answer(&mut bench, "ZREVRANK z a", ":2");
    answer(&mut bench, "ZRANK z b withscore", "*2 :1 $1 2");
    answer(&mut bench, "ZRANK z x withscore", "*-1");
    answer(&mut bench, "ZRANK z a x", SYNTAX);
    let arity = "-ERR wrong number of arguments for 'zrevrank' command";
    answer(&mut bench, "ZREVRANK z a withscore x", arity);
}

#[test]
fn resp3_shows_scores_as_doubles_and_members_with_scores_as_pairs() {
    let mut bench = Bench::resp3();
    bench.run("ZADD z 1 a 2.5 b");
    answer(&mut bench, "ZSCORE z b", ",2.5");
    answer(&mut bench, "ZSCORE z x", "_");
    answer(&mut bench, "ZMSCORE z a x", "*2 ,1 _");
    answer(&mut bench, "ZRANK z a WITHSCORE", "*2 :0 ,1");
    answer(&mut bench, "ZRANK z x WITHSCORE", "_");
    let pairs = "*2 *2 $1 a ,1 *2 $1 b ,2.5";
    answer(&mut bench, "ZRANGE z 0 -1 WITHSCORES", pairs);
    answer(&mut bench, "ZRANDMEMBER z 5 WITHSCORES", pairs);
    answer(&mut bench, "ZUNION 1 z WITHSCORES", pairs);
    answer(&mut bench, "ZSCAN z 0", "*2 $1 0 *4 $1 a $1 1 $1 b $3 2.5");
    assert_eq!(bench.reply("ZADD z INCR inf b"), ",inf");
    assert_eq!(bench.reply("ZPOPMAX z"), "*2 $1 b ,inf");
    assert_eq!(bench.reply("ZPOPMAX z 1"), "*1 *2 $1 a ,1");
    bench.run("ZADD z 1 a 2.5 b");
    assert_eq!(bench.reply("ZMPOP 1 z MIN COUNT 9"), format!("*2 $1 z {pairs}"));
    answer(&mut bench, "ZMPOP 1 z MIN", "_");
}

#[test]
fn random_members_are_asked_for_in_redis_words() {
    let mut bench = bench();
    answer(&mut bench, "ZRANDMEMBER z 0", "*0");
    answer(&mut bench, "ZRANDMEMBER z 7", "*3 $1 a $1 b $1 c");
    answer(&mut bench, "ZRANDMEMBER z 7 withscores", "*6 $1 a $1 1 $1 b $1 2 $1 c $3 3.5");
    answer(&mut bench, "ZRANDMEMBER z x", NOT_AN_INTEGER);
    answer(&mut bench, "ZRANDMEMBER z 1 x", SYNTAX);
    answer(&mut bench, "ZRANDMEMBER z 1 WITHSCORES x", SYNTAX);
    let span = "-ERR value is out of range, value must between -9223372036854775807 and \
                9223372036854775807";
    answer(&mut bench, "ZRANDMEMBER n -9223372036854775808", span);
    let range = "-ERR value is out of range";
    answer(&mut bench, "ZRANDMEMBER n 4611686018427387904 WITHSCORES", range);
    answer(&mut bench, "ZRANDMEMBER z -1000000000", range);
}

#[test]
fn different_picks_differ_and_repeated_ones_are_as_many_as_asked() {
    for size in [3, 40, 700] {
        let mut bench = Bench::new();
        add_many(&mut bench, size);
        for wanted in [1, 2, size / 4 + 1, size - 1] {
            let picked = elements(&mut bench, &format!("ZRANDMEMBER big {wanted}"));
            let mut picked: Vec<_> = picked.split(' ').collect();
            assert_eq!(picked.len(), wanted);
            picked.sort_unstable();
            picked.dedup();
            assert_eq!(picked.len(), wanted, "of {size}");
        }
        assert_eq!(elements(&mut bench, "ZRANDMEMBER big -50").split(' ').count(), 50);
    }
}

#[test]
fn a_scan_filters_members_and_looks_at_its_options_only_if_there_is_a_sorted_set() {
    let mut bench = bench();
    answer(&mut bench, "ZSCAN z 0", "*2 $1 0 *6 $1 a $1 1 $1 b $1 2 $1 c $3 3.5");
    answer(&mut bench, "ZSCAN z 0 MATCH b* COUNT 1", "*2 $1 0 *2 $1 b $1 2");
    answer(&mut bench, "ZSCAN n x", "-ERR invalid cursor");
    for words in ["ZSCAN z 0 x", "ZSCAN z 0 COUNT 0", "ZSCAN z 0 MATCH"] {
        answer(&mut bench, words, SYNTAX);
    }
}

#[test]
fn scanned_scores_of_a_skiplist_have_17_digits() {
    let mut bench = Bench::new();
    bench.run("ZADD z 0.1 a");
    answer(&mut bench, "ZSCAN z 0", "*2 $1 0 *2 $1 a $3 0.1");
    bench.keyspace.limits().set_zset_entries_max(1);
    bench.run("ZADD z 9 b");
    answer(&mut bench, "ZSCAN z 0 MATCH a", "*2 $1 0 *2 $1 a $19 0.10000000000000001");
}

#[test]
fn a_large_sorted_set_is_scanned_whole() {
    let mut bench = Bench::new();
    add_many(&mut bench, 900);
    let (mut seen, mut steps) = (Vec::new(), 0);
    let mut cursor = "0".to_owned();
    loop {
        let text = bench.reply(&format!("ZSCAN big {cursor} COUNT 20"));
        let words: Vec<_> = text.split(' ').collect();
        words[2].clone_into(&mut cursor);
        for pair in words[4..].chunks_exact(4) {
            assert_eq!(pair[1][1..].parse::<u32>().unwrap(), pair[3].parse::<u32>().unwrap());
            seen.push(pair[3].parse::<u32>().unwrap());
        }
        steps += 1;
        if cursor == "0" {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..900).collect::<Vec<_>>());
    assert!(steps > 10, "{steps}");
}
