use proptest::prelude::*;

use crate::command::Mode;
use crate::command::expecting::{NOT_AN_INTEGER, WRONG_TYPE, expect};
use crate::command::testing::{Bench, Outcome};
use crate::keyspace::SetExpiry;

/// A bench with the list `l` of five elements, and the string `s`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.run("RPUSH l a b c a d");
    bench.run("SET s text");
    bench
}

/// A bench whose list `l` is large: the numbers below a thousand.
fn large() -> Bench {
    let mut bench = Bench::new();
    let numbers: Vec<_> = (0..1000).map(|number: i32| number.to_string()).collect();
    bench.run(&format!("RPUSH l {}", numbers.join(" ")));
    bench
}

/// Runs words that are to be their own effect.
#[track_caller]
fn expect_itself(bench: &mut Bench, words: &str, reply: &str) -> Outcome {
    expect(bench, words, reply, &[words])
}

#[track_caller]
fn expect_all(bench: &mut Bench, key: &str, elements: &str) {
    let elements: Vec<_> = elements.split_terminator(' ').collect();
    let bulks = elements.iter().map(|element| format!(" ${} {element}", element.len()));
    let reply = format!("*{}{}", elements.len(), bulks.collect::<String>());
    assert_eq!(bench.reply(&format!("LRANGE {key} 0 -1")), reply, "elements of {key}");
}

#[test]
fn elements_go_in_one_by_one_at_either_end() {
    let mut bench = bench();
    let outcome = expect_itself(&mut bench, "LPUSH l x y", ":7");
    assert_eq!(outcome.changes, 2);
    expect_itself(&mut bench, "RPUSHX l z", ":8");
    expect_itself(&mut bench, "LPUSHX l 1", ":9");
    expect_all(&mut bench, "l", "1 y x a b c a d z");
    expect_itself(&mut bench, "LPUSH new 1 2", ":2");
    expect_all(&mut bench, "new", "2 1");
    expect(&mut bench, "RPUSHX none 1", ":0", &[]);
    expect(&mut bench, "LPUSHX s 1", WRONG_TYPE, &[]);
    expect(&mut bench, "RPUSH s 1", WRONG_TYPE, &[]);
}

#[test]
fn a_list_without_elements_is_no_more() {
    for words in ["LPOP l 5", "RPOP l 9", "LTRIM l 1 0", "LTRIM l 7 9", "LMPOP 1 l LEFT COUNT 7"] {
        let mut bench = bench();
        assert_eq!(bench.run(words).effect.len(), 1, "{words}");
        assert_eq!(bench.reply("EXISTS l"), ":0", "{words}");
    }
    let mut bench = bench();
    bench.run("RPUSH one x");
    expect_itself(&mut bench, "LPOP one", "$1 x");
    bench.run("RPUSH one x x");
    expect_itself(&mut bench, "LREM one 0 x", ":2");
    bench.run("RPUSH one x");
    expect_itself(&mut bench, "RPOPLPUSH one l", "$1 x");
    assert_eq!(bench.reply("EXISTS one"), ":0");
}

#[test]
fn an_end_gives_one_element_or_an_array_of_some() {
    let mut bench = bench();
    expect_itself(&mut bench, "LPOP l", "$1 a");
    expect_itself(&mut bench, "RPOP l", "$1 d");
    let outcome = expect_itself(&mut bench, "RPOP l 2", "*2 $1 a $1 c");
    assert_eq!(outcome.changes, 2);
    expect_itself(&mut bench, "LPOP l 1", "*1 $1 b");
    expect(&mut bench, "LPOP l", "$-1", &[]);
    expect(&mut bench, "LPOP l 1", "*-1", &[]);
    expect(&mut bench, "LPOP l 0", "*-1", &[]);
    bench.run("RPUSH l x");
    expect(&mut bench, "LPOP l 0", "*0", &[]);
    let not_positive = "-ERR value is out of range, must be positive";
    expect(&mut bench, "LPOP s -1", not_positive, &[]);
    expect(&mut bench, "RPOP none x", not_positive, &[]);
    expect(&mut bench, "RPOP s 1", WRONG_TYPE, &[]);
    expect(&mut bench, "RPOP s", WRONG_TYPE, &[]);
    let arity = "-ERR wrong number of arguments for 'rpop' command";
    expect(&mut bench, "RPOP l 1 2", arity, &[]);
}

#[test]
fn the_first_list_with_elements_is_popped_and_the_effect_names_it() {
    let mut bench = bench();
    let words = "LMPOP 2 none l RIGHT COUNT 2";
    let outcome = expect(&mut bench, words, "*2 $1 l *2 $1 d $1 a", &["RPOP l 2"]);
    assert_eq!(outcome.changes, 2);
    expect(&mut bench, "LMPOP 1 l left", "*2 $1 l *1 $1 a", &["LPOP l 1"]);
    expect(&mut bench, "LMPOP 1 l LEFT COUNT 9", "*2 $1 l *2 $1 b $1 c", &["LPOP l 2"]);
    expect(&mut bench, "LMPOP 1 l LEFT", "*-1", &[]);
    expect(&mut bench, "LMPOP 2 none s LEFT", WRONG_TYPE, &[]);
    let keys = "-ERR numkeys should be greater than 0";
    let count = "-ERR count should be greater than 0";
    let syntax = "-ERR syntax error";
    for (words, fault) in [
        ("LMPOP x l LEFT", keys),
        ("LMPOP 0 l LEFT", keys),
        ("LMPOP 9223372036854775808 l LEFT", keys),
        ("LMPOP 9223372036854775807 l LEFT", syntax),
        ("LMPOP 2 l LEFT", syntax),
        ("LMPOP 1 l UP", syntax),
        ("LMPOP 1 l LEFT COUNT", syntax),
        ("LMPOP 1 l LEFT COUNT 0", count),
        ("LMPOP 1 l LEFT COUNT x COUNT 1", count),
        ("LMPOP 1 l LEFT COUNT 1 COUNT 1", syntax),
        ("LMPOP 1 l LEFT MANY 1", syntax),
    ] {
        expect(&mut bench, words, fault, &[]);
    }
}

#[test]
fn elements_are_found_by_their_places() {
    let mut bench = bench();
    assert_eq!(bench.reply("LLEN l"), ":5");
    assert_eq!(bench.reply("LLEN none"), ":0");
    assert_eq!(bench.reply("LLEN s"), WRONG_TYPE);
    assert_eq!(bench.reply("LINDEX l -1"), "$1 d");
    assert_eq!(bench.reply("LINDEX l 5"), "$-1");
    assert_eq!(bench.reply("LINDEX none x"), "$-1");
    assert_eq!(bench.reply("LINDEX l x"), NOT_AN_INTEGER);
    assert_eq!(bench.reply("LINDEX s x"), WRONG_TYPE);
    assert_eq!(bench.reply("LRANGE l -4 2"), "*2 $1 b $1 c");
    assert_eq!(bench.reply("LRANGE l 3 1"), "*0");
    assert_eq!(bench.reply("LRANGE none x 1"), NOT_AN_INTEGER);
    assert_eq!(bench.reply("LRANGE s 0 1"), WRONG_TYPE);
}

#[test]
fn an_element_is_inserted_beside_another_or_put_in_its_place() {
    let mut bench = bench();
    let outcome = expect_itself(&mut bench, "LINSERT l before a 1", ":6");
    assert_eq!(outcome.changes, 1);
    expect_itself(&mut bench, "LINSERT l AFTER d 2", ":7");
    expect(&mut bench, "LINSERT l AFTER zz 2", ":-1", &[]);
    expect(&mut bench, "LINSERT none AFTER a 2", ":0", &[]);
    expect(&mut bench, "LINSERT s BESIDE a 2", "-ERR syntax error", &[]);
    expect(&mut bench, "LINSERT s AFTER a 2", WRONG_TYPE, &[]);
    expect_itself(&mut bench, "LSET l -1 three", "+OK");
    expect_itself(&mut bench, "LSET l 1 A", "+OK");
    expect_all(&mut bench, "l", "1 A b c a d three");
    expect(&mut bench, "LSET l 7 x", "-ERR index out of range", &[]);
    expect(&mut bench, "LSET l x x", NOT_AN_INTEGER, &[]);
    expect(&mut bench, "LSET none x x", "-ERR no such key", &[]);
    expect(&mut bench, "LSET s x x", WRONG_TYPE, &[]);
}

#[test]
fn elements_are_removed_from_the_side_that_the_count_says() {
    let mut bench = bench();
    bench.run("RPUSH l a x a");
    let outcome = expect_itself(&mut bench, "LREM l -2 a", ":2");
    assert_eq!(outcome.changes, 2);
    expect_all(&mut bench, "l", "a b c a d x");
    expect_itself(&mut bench, "LREM l 1 a", ":1");
    expect_all(&mut bench, "l", "b c a d x");
    expect(&mut bench, "LREM l 0 zz", ":0", &[]);
    expect(&mut bench, "LREM none 0 a", ":0", &[]);
    expect(&mut bench, "LREM none x a", NOT_AN_INTEGER, &[]);
    expect(&mut bench, "LREM s 0 a", WRONG_TYPE, &[]);
}

#[test]
fn a_list_is_trimmed_at_both_ends_and_told_so_only_if_it_was() {
    let mut bench = bench();
    let outcome = expect_itself(&mut bench, "LTRIM l 1 -2", "+OK");
    assert_eq!(outcome.changes, 2);
    expect_all(&mut bench, "l", "b c a");
    expect(&mut bench, "LTRIM l -9 9", "+OK", &[]);
    expect(&mut bench, "LTRIM none 0 1", "+OK", &[]);
    expect(&mut bench, "LTRIM none 0 x", NOT_AN_INTEGER, &[]);
    expect(&mut bench, "LTRIM s 0 1", WRONG_TYPE, &[]);
}

#[test]
fn a_trim_that_removes_nothing_still_ends_a_watch() {
    for (words, reply) in [("LTRIM l 0 -1", "*-1"), ("LRANGE l 0 -1", "*1 +PONG")] {
        let mut bench = bench();
        bench.run("WATCH l");
        bench.run(words);
        bench.run("MULTI");
        let queued = crate::net::args::OwnedArgs::from_words(["PING"]);
        let ping = crate::command::table::lookup(b"ping").expect("there is a PING");
        let transaction = bench.session.transaction.as_mut().expect("it has begun");
        transaction.commands.push((ping, queued));
        assert_eq!(bench.reply("EXEC"), reply, "after {words}");
    }
}

#[test]
fn positions_are_counted_from_the_side_that_the_rank_says() {
    let mut bench = bench();
    let rank_zero = "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
                     or use negative to start from the end of the list";
    let rank_range = "-ERR value is out of range, value must between -9223372036854775807 and \
                      9223372036854775807";
    for (words, reply) in [
        ("LPOS l a", ":0"),
        ("LPOS l zz", "$-1"),
        ("LPOS l a RANK 2", ":3"),
        ("LPOS l a RANK -1", ":3"),
        ("LPOS l a RANK 3", "$-1"),
        ("LPOS l a RANK -9223372036854775807", "$-1"),
        ("LPOS l a COUNT 0", "*2 :0 :3"),
        ("LPOS l a COUNT 0 RANK -1", "*2 :3 :0"),
        ("LPOS l a COUNT 1", "*1 :0"),
        ("LPOS l a COUNT 0 MAXLEN 3", "*1 :0"),
        ("LPOS l a COUNT 5 MAXLEN 0 RANK 2", "*1 :3"),
        ("LPOS l d MAXLEN 4", "$-1"),
        ("LPOS none a", "$-1"),
        ("LPOS none a COUNT 0", "*0"),
        ("LPOS s a", WRONG_TYPE),
        ("LPOS l a RANK 0", rank_zero),
        ("LPOS l a RANK -9223372036854775808", rank_range),
        ("LPOS s a RANK x", NOT_AN_INTEGER),
        ("LPOS l a COUNT -1", "-ERR COUNT can't be negative"),
        ("LPOS l a MAXLEN x", "-ERR MAXLEN can't be negative"),
        ("LPOS l a RANK", "-ERR syntax error"),
        ("LPOS l a FROM 1", "-ERR syntax error"),
    ] {
        expect(&mut bench, words, reply, &[]);
    }
}

#[test]
fn an_element_moves_between_lists_or_round_one() {
    let mut bench = bench();
    let outcome = expect_itself(&mut bench, "LMOVE l m left RIGHT", "$1 a");
    assert_eq!(outcome.changes, 1);
    expect_itself(&mut bench, "LMOVE l m RIGHT LEFT", "$1 d");
    expect_itself(&mut bench, "RPOPLPUSH l m", "$1 a");
    expect_all(&mut bench, "m", "a d a");
    expect_all(&mut bench, "l", "b c");
    expect_itself(&mut bench, "RPOPLPUSH m m", "$1 a");
    expect_itself(&mut bench, "LMOVE m m LEFT RIGHT", "$1 a");
    expect_itself(&mut bench, "LMOVE m m LEFT LEFT", "$1 a");
    expect_all(&mut bench, "m", "a d a");
    expect(&mut bench, "LMOVE none s LEFT LEFT", "$-1", &[]);
    expect(&mut bench, "LMOVE l s LEFT LEFT", WRONG_TYPE, &[]);
    expect(&mut bench, "LMOVE s l LEFT LEFT", WRONG_TYPE, &[]);
    expect(&mut bench, "LMOVE l m LEFT UP", "-ERR syntax error", &[]);
    expect_all(&mut bench, "l", "b c");
}

#[test]
fn what_a_large_list_loses_is_dropped_elsewhere() {
    for words in ["LTRIM l 0 99", "LTRIM l 900 -1", "LPOP l 900", "RPOP l 900", "LPOP l 1000"] {
        let mut bench = large();
        assert_eq!(bench.run(words).effect.len(), 1);
        assert_eq!(bench.host.asked(), ["drop later"], "{words}");
    }
    let mut bench = large();
    bench.run("LPOP l 10");
    bench.run("LTRIM l 5 -1");
    assert_eq!(bench.host.asked(), Vec::<String>::new());
    assert_eq!(bench.reply("LINDEX l 0"), "$2 15");
    expect_itself(&mut bench, "LTRIM l 100 -100", "+OK");
    assert_eq!(bench.host.asked(), ["drop later"; 2]);
    assert_eq!(bench.reply("LLEN l"), ":786");
}

#[test]
fn the_encoding_follows_the_limit_of_stock() {
    let mut bench = large();
    assert_eq!(bench.reply("OBJECT ENCODING l"), "$8 listpack");
    bench.run_words(&[b"LSET", b"l", b"0", &[b'x'; 8200]]);
    assert_eq!(bench.reply("OBJECT ENCODING l"), "$9 quicklist");
    bench.run("COPY l m");
    assert_eq!(bench.reply("OBJECT ENCODING m"), "$9 quicklist");
    bench.run("LPOP l");
    assert_eq!(bench.reply("OBJECT ENCODING l"), "$9 quicklist");
    bench.run("LTRIM l 0 9");
    assert_eq!(bench.reply("OBJECT ENCODING l"), "$8 listpack");
}

#[test]
fn an_expired_list_is_none() {
    let mut bench = bench();
    let key = bench.keyspace.key(b"l");
    let now_ms = bench.now_ms;
    bench.keyspace.lock_all().db(0).set_expiry(&key, Some(now_ms - 1));
    bench.mode = Mode::Reader;
    expect(&mut bench, "LLEN l", ":0", &[]);
    bench.mode = Mode::Client;
    expect(&mut bench, "LPOP l", "$-1", &["DEL l"]);
    bench.keyspace.lock_all().db(0).set_string(&key, b"x", SetExpiry::At(now_ms - 1), 0);
    expect(&mut bench, "RPUSH l 1", ":1", &["DEL l", "RPUSH l 1"]);
}

proptest! {
    #[test]
    fn any_bytes_come_back_from_either_end(
        elements in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..12),
    ) {
        let mut bench = Bench::new();
        for element in &elements {
            bench.run_words(&[b"RPUSH", b"l", element]);
        }
        for (i, element) in elements.iter().enumerate() {
            let name: &[u8] = if i % 2 == 0 { b"RPOPLPUSH" } else { b"LPOP" };
            let mut reply = Vec::new();
            crate::net::wire::put_bulk(&mut reply, element);
            // What was moved to the other list is the last one; it is put back first.
            if i % 2 == 0 {
                bench.run_words(&[b"LMOVE", b"l", b"m", b"LEFT", b"LEFT"]);
                prop_assert_eq!(bench.run_words(&[name, b"m", b"m"]).reply, reply.clone());
                prop_assert_eq!(bench.run_words(&[b"LPOP", b"m"]).reply, reply);
            } else {
                prop_assert_eq!(bench.run_words(&[name, b"l"]).reply, reply);
            }
        }
        prop_assert_eq!(bench.reply("DBSIZE"), ":0");
    }
}
