use proptest::prelude::*;

use crate::command::Mode;
use crate::command::expecting::{WRONG_TYPE, expect};
use crate::command::testing::{Bench, Outcome};
use crate::keyspace::SetExpiry;

/// A bench with the hash `h` of the fields `a` and `b`, and the string `s`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.run("HSET h a 1 b two");
    let key = bench.keyspace.key(b"s");
    let mut locked = bench.keyspace.lock_all();
    locked.db(0).set_string(&key, b"text", SetExpiry::Clear, 0);
    drop(locked);
    bench
}

#[test]
fn setting_fields_counts_the_new_ones_and_is_its_own_effect() {
    let mut bench = bench();
    let outcome = expect(&mut bench, "HSET h a 2 c 3", ":1", &["HSET h a 2 c 3"]);
    assert_eq!(outcome.changes, 2);
    expect(&mut bench, "HMSET m x 1", "+OK", &["HMSET m x 1"]);
    expect(&mut bench, "HGETALL h", "*6 $1 a $1 2 $1 b $3 two $1 c $1 3", &[]);
}

#[test]
fn fields_without_a_value_are_an_arity_error() {
    let mut bench = bench();
    let hset = "-ERR wrong number of arguments for 'hset' command";
    let hmset = "-ERR wrong number of arguments for 'hmset' command";
    expect(&mut bench, "HSET h a 1 b", hset, &[]);
    expect(&mut bench, "HMSET h a 1 b", hmset, &[]);
}

#[test]
fn a_field_that_is_there_is_left_alone_by_hsetnx() {
    let mut bench = bench();
    expect(&mut bench, "HSETNX h a 9", ":0", &[]);
    expect(&mut bench, "HSETNX h n 9", ":1", &["HSETNX h n 9"]);
    expect(&mut bench, "HMGET h a n", "*2 $1 1 $1 9", &[]);
}

#[test]
fn a_hash_without_fields_is_no_more() {
    let mut bench = bench();
    expect(&mut bench, "HDEL h zz", ":0", &[]);
    let outcome = expect(&mut bench, "HDEL h a b a", ":2", &["HDEL h a b a"]);
    assert_eq!(outcome.changes, 2);
    assert_eq!(bench.keyspace.keys_count(0), 1);
    expect(&mut bench, "HDEL h a", ":0", &[]);
}

#[test]
fn fields_are_read() {
    let mut bench = bench();
    expect(&mut bench, "HGET h b", "$3 two", &[]);
    expect(&mut bench, "HGET h zz", "$-1", &[]);
    expect(&mut bench, "HMGET h b zz", "*2 $3 two $-1", &[]);
    expect(&mut bench, "HEXISTS h a", ":1", &[]);
    expect(&mut bench, "HEXISTS h zz", ":0", &[]);
    expect(&mut bench, "HSTRLEN h b", ":3", &[]);
    expect(&mut bench, "HSTRLEN h zz", ":0", &[]);
    expect(&mut bench, "HLEN h", ":2", &[]);
    expect(&mut bench, "HKEYS h", "*2 $1 a $1 b", &[]);
    expect(&mut bench, "HVALS h", "*2 $1 1 $3 two", &[]);
    assert_eq!(bench.run("HGET h a").lookups, (1, 0));
}

#[test]
fn an_absent_hash_is_empty() {
    let mut bench = bench();
    expect(&mut bench, "HGET none f", "$-1", &[]);
    expect(&mut bench, "HMGET none f g", "*2 $-1 $-1", &[]);
    for words in ["HGETALL none", "HKEYS none", "HVALS none"] {
        expect(&mut bench, words, "*0", &[]);
    }
    for words in ["HLEN none", "HEXISTS none f", "HSTRLEN none f", "HDEL none f"] {
        expect(&mut bench, words, ":0", &[]);
    }
    assert_eq!(bench.run("HGET none f").lookups, (0, 1));
}

#[test]
fn a_string_is_no_hash() {
    let mut bench = bench();
    for words in [
        "HSET s f v",
        "HMSET s f v",
        "HSETNX s f v",
        "HDEL s f",
        "HGET s f",
        "HMGET s f",
        "HEXISTS s f",
        "HSTRLEN s f",
        "HLEN s",
        "HGETALL s",
        "HKEYS s",
        "HVALS s",
        "HINCRBY s f 1",
        "HINCRBYFLOAT s f 1",
        "HRANDFIELD s",
        "HRANDFIELD s 1",
        "HSCAN s 0",
    ] {
        expect(&mut bench, words, WRONG_TYPE, &[]);
    }
}

#[test]
fn resp3_shows_fields_and_values_as_a_map() {
    let mut bench = Bench::resp3();
    bench.run("HSET h a 1 b 2");
    expect(&mut bench, "HGETALL h", "%2 $1 a $1 1 $1 b $1 2", &[]);
    expect(&mut bench, "HGETALL none", "%0", &[]);
    expect(&mut bench, "HKEYS none", "*0", &[]);
    expect(&mut bench, "HGET none f", "_", &[]);
    let pairs = "*2 *2 $1 a $1 1 *2 $1 b $1 2";
    expect(&mut bench, "HRANDFIELD h 5 WITHVALUES", pairs, &[]);
}

#[test]
fn a_number_in_a_field_is_added_to() {
    let mut bench = bench();
    expect(&mut bench, "HINCRBY h a 4", ":5", &["HINCRBY h a 4"]);
    expect(&mut bench, "HINCRBY h new -4", ":-4", &["HINCRBY h new -4"]);
    let overflow = "-ERR increment or decrement would overflow";
    expect(&mut bench, "HINCRBY h a 9223372036854775807", overflow, &[]);
    expect(&mut bench, "HINCRBY h b 1", "-ERR hash value is not an integer", &[]);
    let not_an_integer = "-ERR value is not an integer or out of range";
    expect(&mut bench, "HINCRBY h a 05", not_an_integer, &[]);
    expect(&mut bench, "HINCRBY s a x", not_an_integer, &[]);
}

#[test]
fn a_sum_of_floats_goes_into_the_stream_as_its_text() {
    let mut bench = bench();
    expect(&mut bench, "HINCRBYFLOAT h a 0.5", "$3 1.5", &["HSET h a 1.5"]);
    expect(&mut bench, "HINCRBYFLOAT h a 3.0e3", "$6 3001.5", &["HSET h a 3001.5"]);
    let long = "3000.10000000000000009";
    bench.run("HSET h a 3000");
    let stream = format!("HSET h a {long}");
    expect(&mut bench, "HINCRBYFLOAT h a 0.1", &format!("$22 {long}"), &[&stream]);
    expect(&mut bench, "HINCRBYFLOAT h b 1", "-ERR hash value is not a float", &[]);
    expect(&mut bench, "HINCRBYFLOAT h a x", "-ERR value is not a valid float", &[]);
    expect(&mut bench, "HINCRBYFLOAT h a nan", "-ERR value is not a valid float", &[]);
    expect(&mut bench, "HINCRBYFLOAT h a inf", "-ERR value is NaN or Infinity", &[]);
    bench.run("HSET h i inf");
    let infinite = "-ERR increment would produce NaN or Infinity";
    expect(&mut bench, "HINCRBYFLOAT h i 1", infinite, &[]);
}

#[test]
fn random_fields_are_asked_for_in_redis_words() {
    let mut bench = bench();
    expect(&mut bench, "HRANDFIELD none", "$-1", &[]);
    expect(&mut bench, "HRANDFIELD none 3", "*0", &[]);
    expect(&mut bench, "HRANDFIELD h 0", "*0", &[]);
    expect(&mut bench, "HRANDFIELD h 7", "*2 $1 a $1 b", &[]);
    expect(&mut bench, "HRANDFIELD h 7 withvalues", "*4 $1 a $1 1 $1 b $3 two", &[]);
    expect(&mut bench, "HRANDFIELD h x", "-ERR value is not an integer or out of range", &[]);
    for words in ["HRANDFIELD h 1 x", "HRANDFIELD h 1 WITHVALUES x"] {
        expect(&mut bench, words, "-ERR syntax error", &[]);
    }
    let span = "-ERR value is out of range, value must between -9223372036854775807 and \
                9223372036854775807";
    expect(&mut bench, "HRANDFIELD none -9223372036854775808", span, &[]);
    let range = "-ERR value is out of range";
    expect(&mut bench, "HRANDFIELD none 4611686018427387904 WITHVALUES", range, &[]);
}

#[test]
fn more_picks_than_any_reply_can_hold_are_refused() {
    let mut bench = bench();
    let range = "-ERR value is out of range";
    expect(&mut bench, "HRANDFIELD h -9223372036854775807", range, &[]);
    expect(&mut bench, "HRANDFIELD h -1000000000", range, &[]);
}

/// The fields of an array of bulk strings.
fn fields(outcome: &Outcome) -> Vec<String> {
    let text = outcome.text();
    text.split(' ').skip(2).step_by(2).map(str::to_owned).collect()
}

#[test]
fn different_picks_differ_and_repeated_ones_are_as_many_as_asked() {
    for size in [3, 40, 700] {
        let mut bench = Bench::new();
        for field in 0..size {
            bench.run(&format!("HSET h {field} v"));
        }
        for wanted in [1, 2, size / 4 + 1, size - 1] {
            let mut picked = fields(&bench.run(&format!("HRANDFIELD h {wanted}")));
            assert_eq!(picked.len(), wanted);
            picked.sort();
            picked.dedup();
            assert_eq!(picked.len(), wanted, "of {size}");
        }
        assert_eq!(fields(&bench.run("HRANDFIELD h -50")).len(), 50);
    }
}

#[test]
fn every_field_is_picked_now_and_then() {
    let mut bench = bench();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        seen.insert(bench.reply("HRANDFIELD h"));
        seen.insert(bench.reply("HRANDFIELD h 1"));
        seen.insert(bench.reply("HRANDFIELD h -1"));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["$1 a", "$1 b", "*1 $1 a", "*1 $1 b"]);
}

#[test]
fn a_scan_filters_fields_and_looks_at_its_options_only_if_there_is_a_hash() {
    let mut bench = bench();
    expect(&mut bench, "HSCAN h 0", "*2 $1 0 *4 $1 a $1 1 $1 b $3 two", &[]);
    expect(&mut bench, "HSCAN h 0 MATCH b* COUNT 1", "*2 $1 0 *2 $1 b $3 two", &[]);
    expect(&mut bench, "HSCAN none 0 x", "*2 $1 0 *0", &[]);
    expect(&mut bench, "HSCAN none x", "-ERR invalid cursor", &[]);
    for words in ["HSCAN h 0 x", "HSCAN h 0 COUNT 0", "HSCAN h 0 TYPE hash", "HSCAN h 0 MATCH"] {
        expect(&mut bench, words, "-ERR syntax error", &[]);
    }
    let not_an_integer = "-ERR value is not an integer or out of range";
    expect(&mut bench, "HSCAN h 0 COUNT x", not_an_integer, &[]);
}

#[test]
fn a_large_hash_is_scanned_in_steps_and_whole() {
    let mut bench = Bench::new();
    for field in 0..900 {
        bench.run(&format!("HSET h {field} v"));
    }
    let (mut seen, mut steps) = (Vec::new(), 0);
    let mut cursor = "0".to_owned();
    loop {
        let text = bench.reply(&format!("HSCAN h {cursor} COUNT 20"));
        let words: Vec<_> = text.split(' ').collect();
        words[2].clone_into(&mut cursor);
        seen.extend(words[4..].chunks_exact(4).map(|pair| pair[1].parse::<u32>().unwrap()));
        steps += 1;
        if cursor == "0" {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..900).collect::<Vec<_>>());
    assert!(steps > 10, "{steps}");
}

#[test]
fn a_hash_leaves_its_packed_form_at_the_limits() {
    let mut bench = bench();
    let encoding = |bench: &Bench| {
        let key = bench.keyspace.key(b"h");
        let mut locked = bench.keyspace.lock_all();
        locked.db(0).find(&key).unwrap().encoding()
    };
    bench.keyspace.limits().set_hash_entries_max(3);
    bench.run("HSET h c 3");
    assert_eq!(encoding(&bench), "listpack");
    bench.run("HSET h d 4");
    assert_eq!(encoding(&bench), "hashtable");

    bench.run("HDEL h a b c d");
    bench.run(&format!("HSET h a {}", "x".repeat(64)));
    assert_eq!(encoding(&bench), "listpack");
    bench.run(&format!("HSET h a {}", "x".repeat(65)));
    assert_eq!(encoding(&bench), "hashtable");
}

#[test]
fn an_expired_hash_is_removed_first_for_a_client_and_lives_on_in_a_replay() {
    let mut bench = bench();
    bench.run("PEXPIRE h 1000");
    bench.now_ms += 1001;
    bench.mode = Mode::Replay;
    assert_eq!(bench.reply("HINCRBY h a 1"), ":2");
    bench.mode = Mode::Client;
    expect(&mut bench, "HINCRBY h a 1", ":1", &["DEL h", "HINCRBY h a 1"]);
    expect(&mut bench, "HGETALL h", "*2 $1 a $1 1", &[]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whoever applies the stream to the same data has the same data.
    #[test]
    fn the_stream_applied_elsewhere_gives_the_same_data(
        commands in prop::collection::vec(any_command(), 1..80),
    ) {
        let (mut primary, mut replica) = (Bench::new(), Bench::new());
        replica.mode = Mode::Replay;
        // A replica may be late.
        replica.now_ms += 10_000_000;
        for limits in [&primary, &replica] {
            limits.keyspace.limits().set_hash_entries_max(4);
        }
        for words in commands {
            for (_, effect) in primary.run(&words).effect {
                prop_assert!(apply(&mut replica, &effect), "{effect} failed");
            }
            primary.now_ms += 7;
        }
        prop_assert_eq!(primary.reply("DEBUG DIGEST"), replica.reply("DEBUG DIGEST"));
    }
}

/// Applies a command of the stream; tells whether that went well.
fn apply(replica: &mut Bench, effect: &str) -> bool {
    let Some(key) = effect.strip_prefix("DEL ") else {
        return !replica.reply(effect).starts_with('-');
    };
    let key = replica.keyspace.key(key.as_bytes());
    replica.keyspace.lock_all().db(0).remove(&key)
}

fn any_command() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec!["h", "i"]);
    let field = prop::sample::select(vec!["a", "b", "c", "d", "e", "f"]);
    let number = prop::sample::select(vec!["1", "-5", "0.25", "1e3", "20", "10"]);
    let shape = prop::sample::select(vec![
        "HSET K F N",
        "HSET K F N a N",
        "HSETNX K F N",
        "HDEL K F",
        "HDEL K F a b c",
        "HINCRBY K F N",
        "HINCRBYFLOAT K F N",
        "PEXPIRE K N",
        "PEXPIRE K N GT",
        "EXPIRE K N LT",
        "PERSIST K",
        "HGET K F",
    ]);
    (shape, key, field, number)
        .prop_map(|(shape, k, f, n)| shape.replace('K', k).replace('F', f).replace('N', n))
}
