use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::command::expecting::{WRONG_TYPE, expect};
use crate::command::testing::Bench;

/// A bench with the set `s` of `a`, `b` and `c`, the set `n` of 1, 2 and 3, and the hash `h`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.run("SADD s a b c");
    bench.run("SADD n 3 1 2");
    bench.run("HSET h f v");
    bench
}

/// The bulk strings of an array or set.
fn elements(text: &str) -> Vec<&str> {
    text.split(' ').skip(2).step_by(2).collect()
}

#[track_caller]
fn expect_form(bench: &mut Bench, key: &str, form: &str) {
    assert_eq!(elements(&format!("* {}", bench.reply(&format!("OBJECT ENCODING {key}")))), [form]);
}

#[test]
fn members_are_counted_as_they_come_and_go() {
    let mut bench = bench();
    let outcome = expect(&mut bench, "SADD s c d d e", ":2", &["SADD s c d d e"]);
    assert_eq!(outcome.changes, 2);
    expect(&mut bench, "SADD s a", ":0", &[]);
    expect(&mut bench, "SCARD s", ":5", &[]);
    let outcome = expect(&mut bench, "SREM s a zz d", ":2", &["SREM s a zz d"]);
    assert_eq!(outcome.changes, 2);
    expect(&mut bench, "SREM s a", ":0", &[]);
    expect(&mut bench, "SMEMBERS s", "*3 $1 b $1 c $1 e", &[]);
    expect(&mut bench, "SREM s b c e c", ":3", &["SREM s b c e c"]);
    expect(&mut bench, "EXISTS s", ":0", &[]);
    expect(&mut bench, "SREM s b", ":0", &[]);
}

#[test]
fn members_are_looked_up() {
    let mut bench = bench();
    expect(&mut bench, "SISMEMBER s a", ":1", &[]);
    expect(&mut bench, "SISMEMBER s zz", ":0", &[]);
    expect(&mut bench, "SISMEMBER n 02", ":0", &[]);
    expect(&mut bench, "SMISMEMBER n 3 x 1 3", "*4 :1 :0 :1 :1", &[]);
    expect(&mut bench, "SMEMBERS n", "*3 $1 1 $1 2 $1 3", &[]);
    assert_eq!(bench.run("SISMEMBER s a").lookups, (1, 0));
}

#[test]
fn an_absent_set_is_empty() {
    let mut bench = bench();
    for words in ["SCARD none", "SISMEMBER none a", "SREM none a", "SMOVE none s a"] {
        expect(&mut bench, words, ":0", &[]);
    }
    for words in ["SMEMBERS none", "SINTER none", "SINTER s none", "SUNION none", "SDIFF none s"] {
        expect(&mut bench, words, "*0", &[]);
    }
    expect(&mut bench, "SMISMEMBER none a b", "*2 :0 :0", &[]);
    expect(&mut bench, "SPOP none", "$-1", &[]);
    expect(&mut bench, "SPOP none 2", "*0", &[]);
    expect(&mut bench, "SRANDMEMBER none", "$-1", &[]);
    expect(&mut bench, "SRANDMEMBER none -2", "*0", &[]);
    expect(&mut bench, "SSCAN none 0 nonsense", "*2 $1 0 *0", &[]);
    expect(&mut bench, "SINTERCARD 2 s none", ":0", &[]);
    assert_eq!(bench.run("SUNION none s").lookups, (1, 1));
}

#[test]
fn a_hash_is_no_set() {
    let mut bench = bench();
    for words in [
        "SADD h a",
        "SREM h a",
        "SISMEMBER h a",
        "SMISMEMBER h a",
        "SCARD h",
        "SMEMBERS h",
        "SPOP h",
        "SPOP h 0",
        "SRANDMEMBER h",
        "SRANDMEMBER h 0",
        "SMOVE h s a",
        "SMOVE s h a",
        "SMOVE s h zz",
        "SINTER none h",
        "SINTERCARD 2 none h",
        "SINTERSTORE d none h",
        "SUNION s h",
        "SUNIONSTORE d h",
        "SDIFF none h",
        "SDIFFSTORE d s h",
        "SSCAN h 0",
    ] {
        expect(&mut bench, words, WRONG_TYPE, &[]);
    }
    expect(&mut bench, "SMOVE none h a", ":0", &[]);
    expect(&mut bench, "HGET s f", WRONG_TYPE, &[]);
}

#[test]
fn a_member_moves_and_counts_as_changing_what_it_changes() {
    let mut bench = bench();
    let outcome = expect(&mut bench, "SMOVE s t a", ":1", &["SMOVE s t a"]);
    assert_eq!(outcome.changes, 2);
    bench.run("SADD t b");
    let outcome = expect(&mut bench, "SMOVE s t b", ":1", &["SMOVE s t b"]);
    assert_eq!(outcome.changes, 1);
    expect(&mut bench, "SMOVE s t zz", ":0", &[]);
    expect(&mut bench, "SMOVE s s c", ":1", &[]);
    expect(&mut bench, "SMOVE s s zz", ":0", &[]);
    expect(&mut bench, "SMOVE s t c", ":1", &["SMOVE s t c"]);
    expect(&mut bench, "EXISTS s", ":0", &[]);
    expect(&mut bench, "SMEMBERS t", "*3 $1 a $1 b $1 c", &[]);
}

#[test]
fn what_is_picked_to_be_removed_is_named_in_the_stream() {
    let mut bench = bench();
    for left in [2, 1, 0] {
        let outcome = bench.run("SPOP s");
        let text = outcome.text();
        let member = elements(&format!("* {text}"))[0].to_owned();
        assert_eq!(outcome.stream(), [format!("SREM s {member}")]);
        expect(&mut bench, &format!("SISMEMBER s {member}"), ":0", &[]);
        expect(&mut bench, "SCARD s", &format!(":{left}"), &[]);
    }
    expect(&mut bench, "EXISTS s", ":0", &[]);
    let outcome = bench.run("SPOP n 2");
    let text = outcome.text();
    assert_eq!(outcome.stream(), [format!("SREM n {}", elements(&text).join(" "))]);
    assert_eq!(outcome.changes, 2);
    expect(&mut bench, "SPOP n 0", "*0", &[]);
    let left = bench.reply("SMEMBERS n");
    let outcome = expect(&mut bench, "SPOP n 1", &left, &["DEL n"]);
    assert_eq!(outcome.changes, 1);
}

#[test]
fn many_members_are_removed_by_several_commands() {
    let mut bench = Bench::new();
    let members: Vec<_> = (0..3000).map(|i| i.to_string()).collect();
    bench.run(&format!("SADD s {}", members.join(" ")));
    for (count, commands) in [(1025, 2), (1900, 2), (70, 1)] {
        let before = bench.reply("SMEMBERS s");
        let outcome = bench.run(&format!("SPOP s {count}"));
        let text = outcome.text();
        let popped: BTreeSet<_> = elements(&text).into_iter().collect();
        assert_eq!((popped.len(), outcome.stream().len()), (count, commands));
        let named = outcome.stream().iter().flat_map(|words| words.split(' ').skip(2)).collect();
        assert_eq!(popped, named);
        let after = bench.reply("SMEMBERS s");
        let after: BTreeSet<_> = elements(&after).into_iter().collect();
        let before: BTreeSet<_> = elements(&before).into_iter().collect();
        assert_eq!(&before - &popped, after);
    }
    expect_form(&mut bench, "s", "hashtable");
    let all = bench.reply("SMEMBERS s");
    expect(&mut bench, "SPOP s 100", &all, &["DEL s"]);
}

#[test]
fn members_are_picked_evenly() {
    let mut bench = bench();
    bench.run("SADD l a b c d");
    bench.keyspace.limits().set_set_entries_max(0);
    bench.run("SADD l e");
    expect_form(&mut bench, "l", "hashtable");
    for (key, len) in [("s", 3), ("n", 3), ("l", 5)] {
        for (words, each) in [
            (format!("SRANDMEMBER {key}"), 1),
            (format!("SRANDMEMBER {key} 1"), 1),
            (format!("SRANDMEMBER {key} 2"), 2),
            (format!("SRANDMEMBER {key} -2"), 2),
        ] {
            let mut drawn = BTreeMap::new();
            for _ in 0..len * 300 {
                let outcome = bench.run(&words);
                assert_eq!(outcome.stream(), [""; 0]);
                let text = outcome.text();
                let text = if text.starts_with('*') { text } else { format!("* {text}") };
                for member in elements(&text) {
                    *drawn.entry(member.to_owned()).or_insert(0) += 1;
                }
            }
            assert_eq!(drawn.len(), len, "{words}");
            let expected = 300 * each;
            let is_about = |times: &usize| (expected * 3 / 4..expected * 5 / 4).contains(times);
            assert!(drawn.values().all(is_about), "{words}: {drawn:?}");
        }
        let all = bench.reply(&format!("SMEMBERS {key}"));
        expect(&mut bench, &format!("SRANDMEMBER {key} 100"), &all, &[]);
    }
    expect(&mut bench, "SRANDMEMBER s 0", "*0", &[]);
}

#[test]
fn counts_that_make_no_sense_are_refused() {
    let mut bench = bench();
    let not_positive = "-ERR value is out of range, must be positive";
    for count in ["-1", "x", "9223372036854775808"] {
        expect(&mut bench, &format!("SPOP h {count}"), not_positive, &[]);
    }
    expect(&mut bench, "SPOP s 1 2", "-ERR syntax error", &[]);
    expect(&mut bench, "SRANDMEMBER s x y", "-ERR syntax error", &[]);
    expect(&mut bench, "SRANDMEMBER h x", "-ERR value is not an integer or out of range", &[]);
    let range = "-ERR value is out of range, value must between -9223372036854775807 and \
                 9223372036854775807";
    expect(&mut bench, "SRANDMEMBER s -9223372036854775808", range, &[]);
    let too_many = "-ERR value is out of range";
    expect(&mut bench, "SRANDMEMBER s -9223372036854775807", too_many, &[]);
    let number = "-ERR numkeys should be greater than 0";
    for words in ["SINTERCARD 0 s", "SINTERCARD -1 s", "SINTERCARD x s"] {
        expect(&mut bench, words, number, &[]);
    }
    let too_many = "-ERR Number of keys can't be greater than number of args";
    expect(&mut bench, "SINTERCARD 2 s", too_many, &[]);
    expect(&mut bench, "SINTERCARD 9223372036854775807 s", too_many, &[]);
    expect(&mut bench, "SINTERCARD 1 s LIMIT", "-ERR syntax error", &[]);
    expect(&mut bench, "SINTERCARD 1 s s", "-ERR syntax error", &[]);
    let negative = "-ERR LIMIT can't be negative";
    for limit in ["-1", "x"] {
        expect(&mut bench, &format!("SINTERCARD 1 h LIMIT {limit}"), negative, &[]);
    }
    expect(&mut bench, "SSCAN h x", "-ERR invalid cursor", &[]);
    expect(&mut bench, "SSCAN s 0 COUNT 0", "-ERR syntax error", &[]);
    expect(&mut bench, "SSCAN s 0 TYPE set", "-ERR syntax error", &[]);
}

#[test]
fn several_sets_come_to_one() {
    let mut bench = bench();
    bench.run("SADD t d c b 1");
    expect(&mut bench, "SINTER s t", "*2 $1 b $1 c", &[]);
    expect(&mut bench, "SINTER t n", "*1 $1 1", &[]);
    expect(&mut bench, "SINTER s s", "*3 $1 a $1 b $1 c", &[]);
    expect(&mut bench, "SINTERCARD 2 s t", ":2", &[]);
    expect(&mut bench, "SINTERCARD 2 s t LIMIT 1", ":1", &[]);
    expect(&mut bench, "SINTERCARD 2 s t LIMIT 1 limit 0", ":2", &[]);
    expect(&mut bench, "SUNION s t", "*5 $1 a $1 b $1 c $1 d $1 1", &[]);
    expect(&mut bench, "SUNION n none s", "*6 $1 1 $1 2 $1 3 $1 a $1 b $1 c", &[]);
    expect(&mut bench, "SDIFF s t", "*1 $1 a", &[]);
    expect(&mut bench, "SDIFF s none", "*3 $1 a $1 b $1 c", &[]);
    expect(&mut bench, "SDIFF s n s", "*0", &[]);
}

#[test]
fn a_result_replaces_what_is_there() {
    let mut bench = bench();
    bench.run("SADD t c b");
    bench.run("EXPIRE h 100");
    expect(&mut bench, "SINTERSTORE h s t", ":2", &["SINTERSTORE h s t"]);
    expect(&mut bench, "SMEMBERS h", "*2 $1 c $1 b", &[]);
    expect(&mut bench, "TTL h", ":-1", &[]);
    expect(&mut bench, "SUNIONSTORE s s n", ":6", &["SUNIONSTORE s s n"]);
    let outcome = expect(&mut bench, "SDIFFSTORE s s n", ":3", &["SDIFFSTORE s s n"]);
    assert_eq!(outcome.changes, 1);
    expect(&mut bench, "SINTERSTORE s s none", ":0", &["SINTERSTORE s s none"]);
    expect(&mut bench, "EXISTS s", ":0", &[]);
    expect(&mut bench, "SDIFFSTORE s n n", ":0", &[]);
    bench.run("PEXPIRE h 1");
    bench.now_ms += 2;
    expect(&mut bench, "SUNIONSTORE h none", ":0", &["DEL h"]);
}

#[test]
fn resp3_shows_members_as_a_set_and_picks_as_an_array() {
    let mut bench = Bench::resp3();
    bench.run("SADD s a");
    for words in ["SMEMBERS s", "SINTER s", "SUNION s", "SDIFF s"] {
        expect(&mut bench, words, "~1 $1 a", &[]);
        expect(&mut bench, &words.replace('s', "none"), "~0", &[]);
    }
    expect(&mut bench, "SRANDMEMBER s 5", "*1 $1 a", &[]);
    expect(&mut bench, "SRANDMEMBER none", "_", &[]);
    expect(&mut bench, "SPOP none", "_", &[]);
    expect(&mut bench, "SPOP none 1", "~0", &[]);
    expect(&mut bench, "SPOP s 1", "~1 $1 a", &["DEL s"]);
}

#[test]
fn the_form_follows_from_what_comes_and_stays_when_it_goes() {
    let mut bench = bench();
    expect_form(&mut bench, "s", "listpack");
    expect_form(&mut bench, "n", "intset");
    bench.run("SADD n 01");
    expect_form(&mut bench, "n", "listpack");
    expect(&mut bench, "SMEMBERS n", "*4 $1 1 $1 2 $1 3 $2 01", &[]);
    bench.run("SREM n 01");
    expect_form(&mut bench, "n", "listpack");
    bench.run(&format!("SADD n {}", "x".repeat(65)));
    expect_form(&mut bench, "n", "hashtable");
    bench.run(&format!("SREM n {} 1", "x".repeat(65)));
    expect_form(&mut bench, "n", "hashtable");
    for (store, form) in [("SUNIONSTORE", "intset"), ("SINTERSTORE", "intset")] {
        bench.run(&format!("{store} d n"));
        expect_form(&mut bench, "d", form);
    }
    let limits = bench.keyspace.limits();
    limits.set_set_integers_max(3);
    limits.set_set_entries_max(4);
    for (words, form) in [
        ("SADD k 1 2 3", "intset"),
        ("SADD k x", "listpack"),
        ("SADD k 4", "hashtable"),
        // The words are taken for new members, whatever they are.
        ("SADD k 1 1 1 1", "listpack"),
        ("SADD k 1 1 1 1 1", "hashtable"),
        ("SADD k x x x x x", "hashtable"),
        ("SADD k 1 x", "listpack"),
    ] {
        if words != "SADD k x" && words != "SADD k 4" {
            bench.run("DEL k");
        }
        bench.run(words);
        expect_form(&mut bench, "k", form);
    }
}

#[test]
fn the_use_of_a_set_is_noted() {
    let mut bench = bench();
    bench.now_ms += 10_000;
    expect(&mut bench, "OBJECT IDLETIME s", ":10", &[]);
    bench.run("SUNION s");
    expect(&mut bench, "OBJECT IDLETIME s", ":0", &[]);
}

/// What a test does to the sets `a`, `b` and `c`.
#[derive(Clone, Debug)]
enum Step {
    Add(usize, Vec<u16>),
    Remove(usize, Vec<u16>),
    Move(usize, usize, u16),
    Store(&'static str, usize, Vec<usize>),
    Pop(usize, usize),
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn some_step() -> impl Strategy<Value = Step> {
    let key = || 0..NAMES.len();
    let member = || prop_oneof![4 => 0u16..20, 1 => 0u16..300];
    let members = || prop::collection::vec(member(), 1..12);
    let store = prop::sample::select(&["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"][..]);
    prop_oneof![
        4 => (key(), members()).prop_map(|(key, members)| Step::Add(key, members)),
        2 => (key(), members()).prop_map(|(key, members)| Step::Remove(key, members)),
        1 => (key(), key(), member()).prop_map(|(from, to, member)| Step::Move(from, to, member)),
        2 => (store, key(), prop::collection::vec(key(), 1..4))
            .prop_map(|(name, to, from)| Step::Store(name, to, from)),
        1 => (key(), 0usize..40).prop_map(|(key, count)| Step::Pop(key, count)),
    ]
}

/// Every third member is no integer.
fn shown(members: &[u16]) -> Vec<String> {
    let shown = |member: &u16| {
        if member.is_multiple_of(3) { format!("m{member}") } else { member.to_string() }
    };
    members.iter().map(shown).collect()
}

proptest! {
    #[test]
    fn sets_are_sets_in_every_form(
        steps in prop::collection::vec(some_step(), 1..60),
        integers_max in 0usize..12,
        entries_max in 0usize..12,
    ) {
        let mut bench = Bench::new();
        bench.keyspace.limits().set_set_integers_max(integers_max);
        bench.keyspace.limits().set_set_entries_max(entries_max);
        let mut model: [BTreeSet<String>; 3] = Default::default();
        for step in steps {
            match step {
                Step::Add(key, members) => {
                    let members = shown(&members);
                    let reply = bench.reply(&format!("SADD {} {}", NAMES[key], members.join(" ")));
                    let before = model[key].len();
                    model[key].extend(members);
                    prop_assert_eq!(reply, format!(":{}", model[key].len() - before));
                }
                Step::Remove(key, members) => {
                    let members = shown(&members);
                    let reply = bench.reply(&format!("SREM {} {}", NAMES[key], members.join(" ")));
                    let before = model[key].len();
                    model[key].retain(|member| !members.contains(member));
                    prop_assert_eq!(reply, format!(":{}", before - model[key].len()));
                }
                Step::Move(from, to, member) => {
                    let member = shown(&[member]).remove(0);
                    bench.run(&format!("SMOVE {} {} {member}", NAMES[from], NAMES[to]));
                    if model[from].remove(&member) {
                        model[to].insert(member);
                    }
                }
                Step::Store(name, to, from) => {
                    let keys: Vec<_> = from.iter().map(|key| NAMES[*key]).collect();
                    bench.run(&format!("{name} {} {}", NAMES[to], keys.join(" ")));
                    let sets = from.iter().map(|key| model[*key].clone());
                    let result = sets.reduce(|all, set| match name {
                        "SINTERSTORE" => &all & &set,
                        "SUNIONSTORE" => &all | &set,
                        _ => &all - &set,
                    });
                    model[to] = result.unwrap();
                }
                Step::Pop(key, count) => {
                    let reply = bench.reply(&format!("SPOP {} {count}", NAMES[key]));
                    let popped = elements(&reply);
                    prop_assert_eq!(popped.len(), count.min(model[key].len()));
                    for member in popped {
                        prop_assert!(model[key].remove(member));
                    }
                }
            }
            for (name, members) in NAMES.iter().zip(&model) {
                let reply = bench.reply(&format!("SMEMBERS {name}"));
                let found: BTreeSet<_> = elements(&reply).into_iter().map(str::to_owned).collect();
                prop_assert_eq!(&found, members);
                prop_assert_eq!(bench.reply(&format!("SCARD {name}")), format!(":{}", members.len()));
                prop_assert_eq!(bench.reply(&format!("EXISTS {name}")) == ":1", !members.is_empty());
            }
        }
    }
}

#[test]
fn a_scan_comes_to_every_member_of_a_large_set() {
    let mut bench = Bench::new();
    for i in 0..2000 {
        bench.run(&format!("SADD s m{i}"));
    }
    let (mut seen, mut cursor, mut steps) = (Vec::new(), "0".to_owned(), 0);
    loop {
        let text = bench.reply(&format!("SSCAN s {cursor} COUNT 20"));
        let words: Vec<_> = text.split(' ').collect();
        words[2].clone_into(&mut cursor);
        seen.extend(words[4..].chunks_exact(2).map(|bulk| bulk[1].to_owned()));
        steps += 1;
        // What is not there throughout may come or not; the others come all the same.
        bench.run(&format!("SADD s new{steps}"));
        bench.run(&format!("SREM s new{}", steps - 1));
        if cursor == "0" {
            break;
        }
    }
    seen.retain(|member| member.starts_with('m'));
    assert_eq!(seen.len(), 2000);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 2000);
    assert!((90..=110).contains(&steps), "{steps}");
    expect(&mut bench, "SSCAN s 9223372036854775807", "*2 $1 0 *0", &[]);
    let text = bench.reply("SSCAN s 0 COUNT 9000 MATCH m1?");
    assert_eq!(elements(&text).len() - 1, 10);
}
