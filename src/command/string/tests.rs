use crate::command::Mode;
use crate::command::expecting::{NOT_AN_INTEGER, SYNTAX, WRONG_TYPE, answer_each, expect_each};
use crate::command::testing::{Bench, NOW_MS};

/// A keyspace with a hash at `hash`.
fn with_hash() -> Bench {
    let bench = Bench::new();
    let key = bench.keyspace.key(b"hash");
    bench.keyspace.lock_all().db(0).hash_or_create(&key, 0).set(b"field", b"value");
    bench
}

fn at(offset_ms: i64) -> String {
    (NOW_MS + offset_ms).to_string()
}

/// When a key of database 0 expires.
fn expiry(bench: &Bench, key: &str) -> Option<i64> {
    let key = bench.keyspace.key(key.as_bytes());
    let mut locked = bench.keyspace.lock_all();
    locked.db(0).find(&key).and_then(|entry| entry.expiry())
}

#[test]
fn set_without_options_is_its_own_effect_and_clears_the_expiry() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("set k v", "+OK", &["set k v"]),
            ("GET k", "$1 v", &[]),
            ("SET k 12 PX 5", "+OK", &[&format!("SET k 12 PXAT {}", at(5))]),
            ("SET k 12", "+OK", &["SET k 12"]),
            ("SET hash v", "+OK", &["SET hash v"]),
            ("GET hash", "$1 v", &[]),
        ],
    );
    assert_eq!(expiry(&bench, "k"), None);
}

#[test]
fn set_with_a_time_goes_out_with_the_absolute_one() {
    let mut bench = Bench::new();
    for (options, at_ms) in [
        ("EX 10", NOW_MS + 10_000),
        ("px 10", NOW_MS + 10),
        ("EXAT 99999999999", 99_999_999_999_000),
        ("PXAT 99999999999999", 99_999_999_999_999),
        ("PXAT 9223372036854775807", i64::MAX),
        ("PXAT 1", 1),
        ("EX 1 EX 2", NOW_MS + 2_000),
    ] {
        let outcome = bench.run(&format!("SET k v {options}"));
        assert_eq!(outcome.text(), "+OK", "{options}");
        assert_eq!(outcome.stream().last(), Some(&&*format!("SET k v PXAT {at_ms}")), "{options}");
        assert_eq!(expiry(&bench, "k"), Some(at_ms), "{options}");
    }
}

#[test]
fn a_key_set_into_the_past_is_gone_for_clients_and_its_removal_is_logged() {
    let mut bench = Bench::new();
    expect_each(
        &mut bench,
        &[("SET k v PXAT 1", "+OK", &["SET k v PXAT 1"]), ("GET k", "$-1", &["DEL k"])],
    );
}

#[test]
fn set_nx_and_xx_look_at_whether_the_key_lives() {
    let mut bench = Bench::new();
    expect_each(
        &mut bench,
        &[
            ("SET k v XX", "$-1", &[]),
            ("SET k v NX", "+OK", &["SET k v NX"]),
            ("SET k w NX EX 5", "$-1", &[]),
            ("SET k w XX PX 5", "+OK", &[&format!("SET k w PXAT {}", at(5))]),
        ],
    );
    bench.now_ms += 6;
    expect_each(
        &mut bench,
        &[
            ("SET k x XX", "$-1", &["DEL k"]),
            ("SET k x NX", "+OK", &["SET k x NX"]),
            ("SETNX k y", ":0", &[]),
            ("SETNX l y", ":1", &["SETNX l y"]),
        ],
    );
}

#[test]
fn set_get_answers_the_old_value_and_goes_out_without_get() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("SET k a NX GET", "$-1", &["SET k a NX"]),
            ("SET k b get NX", "$1 a", &[]),
            ("set k b Get", "$1 a", &["set k b"]),
            ("SET k a", "+OK", &["SET k a"]),
            ("SET k b GET GET XX", "$1 a", &["SET k b XX"]),
            ("SET k c GET EX 1", "$1 b", &[&format!("SET k c PXAT {}", at(1000))]),
            ("SET k d GET KEEPTTL", "$1 c", &["SET k d KEEPTTL"]),
            ("SET absent d GET XX", "$-1", &[]),
            ("SET hash d GET", WRONG_TYPE, &[]),
            ("SET hash d GET NX", WRONG_TYPE, &[]),
        ],
    );
    assert_eq!(expiry(&bench, "k"), Some(NOW_MS + 1000));
}

#[test]
fn keepttl_keeps_the_expiry_of_a_live_key_only() {
    let mut bench = Bench::new();
    bench.run("SET k v PX 5");
    bench.run("SET k w KEEPTTL");
    assert_eq!(expiry(&bench, "k"), Some(NOW_MS + 5));
    bench.now_ms += 6;
    expect_each(&mut bench, &[("SET k x KEEPTTL", "+OK", &["DEL k", "SET k x KEEPTTL"])]);
    assert_eq!(expiry(&bench, "k"), None);
}

#[test]
fn set_refuses_options_that_contradict_each_other_and_times_that_are_none() {
    let mut bench = Bench::new();
    for options in [
        "NX XX",
        "EX",
        "EX 1 PX 1",
        "EX 1 KEEPTTL",
        "KEEPTTL EX 1",
        "EX 1 EXAT 1",
        "PERSIST",
        "FOO",
        "GET NX XX",
    ] {
        answer_each(&mut bench, &[(&format!("SET k v {options}"), SYNTAX)]);
    }
    for options in ["EX abc", "EX 01", "PX 1.5", "EXAT 99999999999999999999"] {
        answer_each(&mut bench, &[(&format!("SET k v {options}"), NOT_AN_INTEGER)]);
    }
    for options in [
        "EX 0",
        "EX -1",
        "EX 9223372036854775807",
        "EX 9223372036854775",
        "PX 9223372036854775807",
        "EXAT 9223372036854775807",
    ] {
        let refusal = "-ERR invalid expire time in 'set' command";
        answer_each(&mut bench, &[(&format!("SET k v {options}"), refusal)]);
    }
    assert_eq!(bench.reply("GET k"), "$-1");
}

#[test]
fn setex_and_psetex_go_out_as_set_with_the_absolute_time() {
    let mut bench = Bench::new();
    expect_each(
        &mut bench,
        &[
            ("SETEX k 10 v", "+OK", &[&format!("SET k v PXAT {}", at(10_000))]),
            ("PSETEX k 10 v", "+OK", &[&format!("SET k v PXAT {}", at(10))]),
            ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command", &[]),
            ("PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command", &[]),
            ("SETEX k x v", NOT_AN_INTEGER, &[]),
        ],
    );
}

#[test]
fn getset_goes_out_as_set() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("GETSET k a", "$-1", &["SET k a"]),
            ("GETSET k b", "$1 a", &["SET k b"]),
            ("GETSET hash b", WRONG_TYPE, &[]),
        ],
    );
}

#[test]
fn getdel_goes_out_as_del() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("SET k a", "+OK", &["SET k a"]),
            ("GETDEL k", "$1 a", &["DEL k"]),
            ("GETDEL k", "$-1", &[]),
            ("GETDEL hash", WRONG_TYPE, &[]),
        ],
    );
}

#[test]
fn getex_goes_out_as_what_it_did_to_the_expiry() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("GETEX k EX 0", "$-1", &[]),
            ("SET k v", "+OK", &["SET k v"]),
            ("GETEX k", "$1 v", &[]),
            ("GETEX k PERSIST", "$1 v", &[]),
            ("GETEX k EX 10", "$1 v", &[&format!("PEXPIREAT k {}", at(10_000))]),
            ("GETEX k", "$1 v", &[]),
            ("GETEX k PERSIST", "$1 v", &["PERSIST k"]),
            ("GETEX k PXAT 99999999999999", "$1 v", &["PEXPIREAT k 99999999999999"]),
            ("GETEX k EX 0", "-ERR invalid expire time in 'getex' command", &[]),
            ("GETEX k EX x", NOT_AN_INTEGER, &[]),
            ("GETEX k KEEPTTL", SYNTAX, &[]),
            ("GETEX k NX", SYNTAX, &[]),
            ("GETEX k PERSIST EX 1", SYNTAX, &[]),
            ("GETEX hash EX 0", WRONG_TYPE, &[]),
            ("GETEX k EXAT 1", "$1 v", &["DEL k"]),
            ("GET k", "$-1", &[]),
        ],
    );
}

#[test]
fn replay_keeps_what_the_clock_says_has_expired() {
    let mut bench = Bench::new();
    bench.mode = Mode::Replay;
    bench.run("SET k v PXAT 1");
    assert_eq!(expiry(&bench, "k"), Some(1));
    bench.run("SET k w KEEPTTL");
    bench.run("APPEND k x");
    assert_eq!(bench.reply("GETEX k PXAT 2"), "$2 wx");
    assert_eq!(expiry(&bench, "k"), Some(2));
    bench.mode = Mode::Client;
    assert_eq!(bench.reply("GET k"), "$-1");
}

#[test]
fn mget_takes_keys_of_other_types_for_absent() {
    let mut bench = with_hash();
    bench.run("MSET a 1 b two");
    let outcome = bench.run("MGET a hash b none a");
    assert_eq!(outcome.text(), "*5 $1 1 $-1 $3 two $-1 $1 1");
    assert_eq!(outcome.lookups, (4, 1));
    bench.session.protocol = crate::net::Protocol::Resp3;
    assert_eq!(bench.reply("MGET a none"), "*2 $1 1 _");
    assert_eq!(bench.reply("GET none"), "_");
    assert_eq!(bench.reply("SET k v XX"), "_");
}

#[test]
fn mset_sets_all_and_msetnx_all_or_none() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("MSET a 1 a 2 hash 3", "+OK", &["MSET a 1 a 2 hash 3"]),
            ("MGET a hash", "*2 $1 2 $1 3", &[]),
            ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command", &[]),
            ("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command", &[]),
            ("MSETNX b 1 a 1", ":0", &[]),
            ("GET b", "$-1", &[]),
            ("MSETNX b 1 c 2", ":1", &["MSETNX b 1 c 2"]),
        ],
    );
    assert_eq!(bench.run("MSET x 1 y 2").changes, 2);
}

#[test]
fn strlen_counts_bytes_and_digits() {
    let mut bench = with_hash();
    bench.run("MSET number -12 text abc");
    answer_each(
        &mut bench,
        &[
            ("STRLEN number", ":3"),
            ("STRLEN text", ":3"),
            ("STRLEN none", ":0"),
            ("STRLEN hash", WRONG_TYPE),
        ],
    );
}

#[test]
fn getrange_and_substr_cut_the_same() {
    let mut bench = with_hash();
    bench.run("MSET number 12345 text hello");
    answer_each(
        &mut bench,
        &[
            ("GETRANGE number 1 -2", "$3 234"),
            ("SUBSTR text 1 1", "$1 e"),
            ("GETRANGE text 9223372036854775807 -1", "$0"),
            ("GETRANGE none 0 -1", "$0"),
            ("GETRANGE none x -1", NOT_AN_INTEGER),
            ("GETRANGE hash 0 +1", NOT_AN_INTEGER),
            ("GETRANGE hash 0 1", WRONG_TYPE),
        ],
    );
}

#[test]
fn append_changes_the_key_even_by_nothing() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("APPEND k 12", ":2", &["APPEND k 12"]),
            ("OBJECT ENCODING k", "$3 int", &[]),
            ("APPEND k ", ":2", &["APPEND k "]),
            ("APPEND k x", ":3", &["APPEND k x"]),
            ("OBJECT ENCODING k", "$3 raw", &[]),
            ("GET k", "$3 12x", &[]),
            ("APPEND hash x", WRONG_TYPE, &[]),
        ],
    );
}

#[test]
fn setrange_fills_with_zeros_and_does_nothing_without_bytes() {
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("SETRANGE k 2 ", ":0", &[]),
            ("SETRANGE k 2 xy", ":4", &["SETRANGE k 2 xy"]),
            ("GET k", "$4 \0\0xy", &[]),
            ("SETRANGE k 0 ab", ":4", &["SETRANGE k 0 ab"]),
            ("GET k", "$4 abxy", &[]),
            ("SETRANGE k 9 ", ":4", &[]),
            ("SETRANGE k -1 x", "-ERR offset is out of range", &[]),
            ("SETRANGE hash -1 x", "-ERR offset is out of range", &[]),
            ("SETRANGE k x x", NOT_AN_INTEGER, &[]),
            ("SETRANGE hash 0 ", WRONG_TYPE, &[]),
            ("SETRANGE hash 0 x", WRONG_TYPE, &[]),
        ],
    );
}

#[test]
fn a_string_longer_than_the_limit_is_refused_except_by_the_log() {
    const TOO_LONG: &str = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    let mut bench = Bench::new();
    bench.run("SET k abc");
    answer_each(
        &mut bench,
        &[
            ("SETRANGE k 536870911 xx", TOO_LONG),
            ("SETRANGE none 9223372036854775807 x", TOO_LONG),
            ("SETRANGE k 536870912 ", ":3"),
        ],
    );
    let limit = ("proto-max-bulk-len".to_owned(), "1048576".to_owned());
    bench.host.parameters.lock().push(limit);
    assert_eq!(bench.reply("SETRANGE k 1048575 x"), ":1048576");
    answer_each(&mut bench, &[("APPEND k x", TOO_LONG), ("SETRANGE k 1048576 x", TOO_LONG)]);
    bench.mode = Mode::Replay;
    assert_eq!(bench.reply("APPEND k x"), ":1048577");
}

#[test]
fn integers_are_counted_until_they_overflow() {
    const OVERFLOW: &str = "-ERR increment or decrement would overflow";
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("INCR k", ":1", &["INCR k"]),
            (
                "INCRBY k 9223372036854775806",
                ":9223372036854775807",
                &["INCRBY k 9223372036854775806"],
            ),
            ("INCR k", OVERFLOW, &[]),
            ("DECR k", ":9223372036854775806", &["DECR k"]),
            ("SET k -9223372036854775808", "+OK", &["SET k -9223372036854775808"]),
            ("DECR k", OVERFLOW, &[]),
            ("DECRBY none 5", ":-5", &["DECRBY none 5"]),
            ("DECRBY k -9223372036854775808", "-ERR decrement would overflow", &[]),
            ("INCRBY hash 1", WRONG_TYPE, &[]),
        ],
    );
}

#[test]
fn only_the_one_spelling_of_an_integer_counts() {
    let mut bench = with_hash();
    for text in ["+1", "01", "-0", "", "1 ", " 1", "1.0", "0x1", "99999999999999999999"] {
        let words = [&b"SET"[..], b"k", text.as_bytes()];
        bench.run_words(&words);
        answer_each(&mut bench, &[("INCR k", NOT_AN_INTEGER)]);
        let words = [&b"INCRBY"[..], b"hash", text.as_bytes()];
        assert_eq!(bench.run_words(&words).text(), NOT_AN_INTEGER, "{text:?}");
    }
    bench.run("SET k 5");
    bench.run("SETRANGE k 0 6");
    assert_eq!(bench.reply("INCR k"), ":7");
    assert_eq!(bench.reply("OBJECT ENCODING k"), "$3 int");
}

#[test]
fn counting_keeps_the_expiry() {
    let mut bench = Bench::new();
    bench.run("SET k 1 PX 5");
    bench.run("INCR k");
    bench.run("INCRBYFLOAT k 0.5");
    bench.run("APPEND k 1");
    bench.run("SETRANGE k 0 3");
    assert_eq!(bench.reply("GET k"), "$4 3.51");
    assert_eq!(expiry(&bench, "k"), Some(NOW_MS + 5));
    bench.now_ms += 6;
    expect_each(&mut bench, &[("INCR k", ":1", &["DEL k", "INCR k"])]);
    assert_eq!(expiry(&bench, "k"), None);
}

#[test]
fn incrbyfloat_goes_out_as_the_sum() {
    const NOT_A_FLOAT: &str = "-ERR value is not a valid float";
    const NOT_FINITE: &str = "-ERR increment would produce NaN or Infinity";
    let mut bench = with_hash();
    expect_each(
        &mut bench,
        &[
            ("INCRBYFLOAT k 0.1", "$3 0.1", &["SET k 0.1 KEEPTTL"]),
            ("INCRBYFLOAT k 0.2", "$3 0.3", &["SET k 0.3 KEEPTTL"]),
            ("INCRBYFLOAT k 3e0", "$3 3.3", &["SET k 3.3 KEEPTTL"]),
            ("INCRBYFLOAT k -0x1p1", "$3 1.3", &["SET k 1.3 KEEPTTL"]),
            (
                "INCRBYFLOAT k 1e5",
                "$24 100001.29999999999999716",
                &["SET k 100001.29999999999999716 KEEPTTL"],
            ),
            ("INCRBYFLOAT k inf", NOT_FINITE, &[]),
            ("INCRBYFLOAT k 1e5000", NOT_A_FLOAT, &[]),
            ("INCRBYFLOAT k nan", NOT_A_FLOAT, &[]),
            ("INCRBYFLOAT k x", NOT_A_FLOAT, &[]),
            ("INCRBYFLOAT k ", NOT_A_FLOAT, &[]),
            ("INCRBYFLOAT hash 1", WRONG_TYPE, &[]),
            ("SET k inf", "+OK", &["SET k inf"]),
            ("INCRBYFLOAT k x", NOT_A_FLOAT, &[]),
            ("INCRBYFLOAT k 1", NOT_FINITE, &[]),
            ("SET k 5", "+OK", &["SET k 5"]),
            ("INCRBYFLOAT k 1", "$1 6", &["SET k 6 KEEPTTL"]),
        ],
    );
}

#[test]
fn lcs_answers_the_sequence_its_length_or_its_places() {
    let mut bench = with_hash();
    bench.run("MSET a ohmytext b mynewtext");
    let places = "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6";
    let long = "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6";
    answer_each(
        &mut bench,
        &[
            ("LCS a b", "$6 mytext"),
            ("LCS a b LEN LEN", ":6"),
            ("LCS a b IDX", places),
            ("LCS a b IDX MINMATCHLEN -5", places),
            ("LCS a b WITHMATCHLEN minmatchlen 4 idx", long),
            ("LCS a none", "$0"),
            ("LCS none a LEN", ":0"),
            ("LCS none none IDX", "*4 $7 matches *0 $3 len :0"),
        ],
    );
    bench.session.protocol = crate::net::Protocol::Resp3;
    let map = "%2 $7 matches *1 *2 *2 :4 :7 *2 :5 :8 $3 len :6";
    assert_eq!(bench.reply("LCS a b IDX MINMATCHLEN 3"), map);
}

#[test]
fn lcs_refuses_other_types_before_it_reads_its_options() {
    let mut bench = with_hash();
    let both = "-ERR If you want both the length and indexes, please just use IDX.";
    answer_each(
        &mut bench,
        &[
            ("LCS hash none FOO", "-ERR The specified keys must contain string values"),
            ("LCS none hash", "-ERR The specified keys must contain string values"),
            ("LCS a b LEN IDX", both),
            ("LCS a b FOO", SYNTAX),
            ("LCS a b MINMATCHLEN", SYNTAX),
            ("LCS a b MINMATCHLEN x", NOT_AN_INTEGER),
        ],
    );
}

#[test]
fn lcs_refuses_strings_whose_comparison_is_too_large() {
    let mut bench = Bench::new();
    let limit = ("proto-max-bulk-len".to_owned(), "1048576".to_owned());
    bench.host.parameters.lock().push(limit);
    // Four bytes for each pair of beginnings, the empty ones included: 512 × 512 fit.
    bench.run_words(&[b"MSET", b"fits", &[b'a'; 511], b"large", &[b'a'; 512]]);
    let too_large = "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    answer_each(
        &mut bench,
        &[
            ("LCS fits fits LEN", ":511"),
            ("LCS fits large LEN", too_large),
            ("LCS large fits IDX", too_large),
            ("LCS large fits", too_large),
            ("LCS large none LEN", ":0"),
        ],
    );
}

#[test]
fn reads_count_hits_and_misses_and_writes_do_not() {
    let mut bench = Bench::new();
    bench.run("SET k 1");
    for (words, lookups) in [
        ("GET k", (1, 0)),
        ("GET none", (0, 1)),
        ("INCR k", (0, 0)),
        ("APPEND k 1", (0, 0)),
        ("STRLEN none", (0, 1)),
        ("GETSET k 1", (1, 0)),
        ("GETDEL none", (0, 1)),
    ] {
        assert_eq!(bench.run(words).lookups, lookups, "{words}");
    }
}
