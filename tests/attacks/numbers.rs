//! Numbers at the ends of what fits: counts, offsets, lengths whose sums or negations overflow.

use super::{Target, assert_refused};
use crate::support::Value;

const HUGE: [&str; 6] = [
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775807",
    "4611686018427387904",
    "18446744073709551615",
    "4294967296",
];

fn filled() -> Target {
    let target = Target::start(&[]);
    let mut client = target.connect();
    for line in [
        "SET string abcdef",
        "RPUSH list a b c a",
        "SADD set a b c",
        "ZADD zset 1 a 2 b 3 c",
        "HSET hash f 1 g 2",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f v",
        "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g c STREAMS stream >",
    ] {
        assert!(!client.run(line).is_error(), "{line}");
    }
    target
}

/// CVE-2022-35977, CVE-2021-32761: an offset whose sum with a length overflows.
#[test]
fn setrange_beyond_what_a_string_may_be_is_refused() {
    let mut target = filled();
    let said = target.answers_all(&["SETRANGE string # x", "SETRANGE new # x"], &HUGE);
    assert_refused(&said);
    let said = target.answers_all(&["SETRANGE string # x"], &["536870911", "536870912", "-1"]);
    assert!(!said[0].1.is_error(), "{:?}", said[0]);
    assert_refused(&said[1..]);
    assert_eq!(target.connect().run("EXISTS new"), Value::Integer(0));
}

/// CVE-2022-35977: `SORT` with a limit that overflows.
#[test]
fn sort_limits_of_any_size_cut_to_what_is_there() {
    let mut target = filled();
    let lines =
        ["SORT list ALPHA LIMIT # #", "SORT_RO list ALPHA LIMIT 1 #", "SORT list ALPHA LIMIT # 1"];
    for (line, reply) in target.answers_all(&lines, &HUGE) {
        assert!(reply.is_error() || reply.elements().len() <= 4, "{line}: {reply:?}");
    }
}

/// CVE-2023-22458, CVE-2023-25155: a count that has no negation, or too many picks.
#[test]
fn random_picks_of_absurd_counts_are_refused_or_cut() {
    let mut target = filled();
    let lines = [
        "SRANDMEMBER set #",
        "HRANDFIELD hash #",
        "HRANDFIELD hash # WITHVALUES",
        "ZRANDMEMBER zset #",
        "ZRANDMEMBER zset # WITHSCORES",
        "SPOP none #",
    ];
    for (line, reply) in target.answers_all(&lines, &HUGE) {
        assert!(reply.is_error() || reply.elements().len() <= 6, "{line}: {reply:?}");
    }
}

/// CVE-2022-35951: a `COUNT` whose product overflows.
#[test]
fn xautoclaim_of_any_count_claims_what_is_there() {
    let mut target = filled();
    for (line, reply) in target.answers_all(&["XAUTOCLAIM stream g d 0 0 COUNT #"], &HUGE) {
        assert!(reply.is_error() || reply.elements().len() == 3, "{line}: {reply:?}");
    }
}

/// CVE-2022-31144: entries that were deleted take no room of those that are told.
#[test]
fn xautoclaim_of_entries_that_are_gone_tells_of_them_only() {
    let mut target = filled();
    let mut client = target.connect();
    client.run("XDEL stream 1-1 2-1");
    for count in ["1", "2", "3"] {
        let reply = client.run(&format!("XAUTOCLAIM stream g d 0 0 COUNT {count}"));
        assert!(reply.elements()[1].elements().is_empty(), "{reply:?}");
    }
    assert_eq!(client.run("XPENDING stream g").elements()[0], Value::Integer(0));
    target.stands();
}

/// CVE-2021-29477: the table for a longest common sequence is a product of lengths.
#[test]
fn lcs_of_long_strings_is_refused_before_its_table_is_made() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    for key in ["a", "b"] {
        client.run(&format!("SETRANGE {key} 4000000 x"));
    }
    for line in ["LCS a b", "LCS a b LEN", "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN"] {
        let reply = client.run(line);
        assert!(reply.is_error(), "{line}: {reply:?}");
    }
    target.stands();
}

/// A rank that has no negation.
#[test]
fn lpos_of_any_rank_count_and_length_is_answered() {
    let mut target = filled();
    let lines =
        ["LPOS list a RANK #", "LPOS list a COUNT #", "LPOS list a RANK -1 COUNT 0 MAXLEN #"];
    target.answers_all(&lines, &HUGE);
    let reply = target.connect().run("LPOS list a RANK -9223372036854775808");
    assert!(reply.is_error(), "{reply:?}");
}

/// Ranges whose ends overflow when they are counted from the end.
#[test]
fn ranges_with_ends_anywhere_show_what_is_there() {
    let mut target = filled();
    let lines = [
        "GETRANGE string # #",
        "GETRANGE string 0 #",
        "LRANGE list # #",
        "LTRIM none # #",
        "LINDEX list #",
        "LREM none # a",
        "ZRANGE zset # #",
        "ZRANGE zset -inf +inf BYSCORE LIMIT # #",
        "ZRANGE zset - + BYLEX LIMIT 1 #",
        "ZREMRANGEBYRANK none # #",
        "ZINTERCARD 1 zset LIMIT #",
        "SINTERCARD 1 set LIMIT #",
        "ZPOPMIN none #",
        "LPOP none #",
        "ZMPOP 1 none MIN COUNT #",
        "LMPOP 1 none LEFT COUNT #",
        "BITCOUNT string # # BIT",
        "BITPOS string 1 # #",
    ];
    target.answers_all(&lines, &HUGE);
}

/// Offsets in bits, which are multiplied by the width of a field.
#[test]
fn bit_offsets_that_overflow_are_refused() {
    let mut target = filled();
    let lines = [
        "SETBIT string # 1",
        "BITFIELD string GET u8 ##",
        "BITFIELD string SET i64 ## 1",
        "BITFIELD string INCRBY u63 # 1",
    ];
    // A `#` before the number multiplies it; it is spelt out since it stands for the number above.
    let mut client = target.connect();
    for number in HUGE {
        for line in lines {
            let line = line.replacen("##", "\u{1}", 1).replace('#', number);
            let line = line.replace('\u{1}', &format!("#{number}"));
            // A product may come out at zero, as in stock; what counts is that it lies within.
            let reply = client.run(&line);
            assert!(reply.is_error() || line.contains('#'), "{line}: {reply:?}");
        }
    }
    let length = client.run("STRLEN string").integer();
    assert!(length <= 16, "a product that is out of range made {length} bytes");
    target.stands();
}

/// Thresholds and limits of trimming.
#[test]
fn streams_are_trimmed_by_any_threshold() {
    let mut target = filled();
    let lines = [
        "XADD none NOMKSTREAM MAXLEN # 1-1 f v",
        "XTRIM none MAXLEN ~ # LIMIT #",
        "XTRIM stream MINID ~ 0 LIMIT #",
        "XRANGE stream - + COUNT #",
        "XREAD COUNT # STREAMS stream 0",
        "XPENDING stream g - + #",
        "XSETID stream #-#",
        "XADD stream #-* f v",
    ];
    target.answers_all(&lines, &HUGE);
}

/// Numbers of keys, which `COMMAND GETKEYS` adds to places before the command has checked them.
#[test]
fn numbers_of_keys_that_overflow_are_no_places() {
    let mut target = filled();
    let lines = [
        "COMMAND GETKEYS EVAL x # a",
        "COMMAND GETKEYS ZUNION # a b",
        "COMMAND GETKEYSANDFLAGS ZUNIONSTORE d # a b",
        "COMMAND GETKEYS LMPOP # a LEFT",
        "COMMAND GETKEYS BZMPOP 0 # a MIN",
        "COMMAND GETKEYS SINTERCARD # a",
        "EVAL x # a",
        "FCALL x # a",
        "ZUNION # a b",
        "ZUNIONSTORE d # a b",
        "SINTERCARD # a",
        "LMPOP # a LEFT",
        "BLMPOP 0 # a LEFT",
    ];
    let numbers = [&HUGE[..], &["2147483647", "-1", "2147483648", "1000000"]].concat();
    for (line, reply) in target.answers_all(&lines, &numbers) {
        let finds_none = line.starts_with("COMMAND GETKEYS EVAL ") && reply.elements().is_empty();
        assert!(reply.is_error() || finds_none, "{line}: {reply:?}");
    }
}

/// CVE-2023-36824: keys that follow words, with those words at the very end or again and again.
#[test]
fn the_keys_of_any_command_line_are_looked_for_within_it() {
    let mut target = filled();
    let words = ["STORE", "KEYS", "STREAMS", "STOREDIST", "GET", "BY", "1", "2", "0", "x"];
    let mut client = target.connect();
    let heads = ["SORT", "GEORADIUS", "MIGRATE", "XREAD", "XREADGROUP", "ZUNIONSTORE", "OBJECT"];
    for head in heads {
        for first in words {
            for second in words {
                for length in [1, 2, 5, 9] {
                    let tail = [first, second].into_iter().cycle().take(length);
                    let line: Vec<_> =
                        ["COMMAND", "GETKEYSANDFLAGS", head].into_iter().chain(tail).collect();
                    client.call(&line);
                }
            }
        }
    }
    target.stands();
}

/// Of the keys of `MIGRATE` one may have the name of the word before them.
#[test]
fn keys_of_migrate_are_those_behind_the_first_word_that_says_so() {
    let mut target = filled();
    let mut client = target.connect();
    let names: Vec<_> = (0..40).map(|number| format!("m{number}")).collect();
    for name in &names {
        client.call(&["SET", name, "v"]);
    }
    let begin = ["MIGRATE", "127.0.0.1", "1", "", "0", "100", "AUTH", "KEYS", "KEYS"];
    let keys: Vec<_> = names.iter().map(String::as_str).chain(["KEYS", "hash"]).collect();
    let line = [&begin[..], &keys].concat();
    let told = client.call(&[&["COMMAND", "GETKEYS"], &line[..]].concat());
    let told: Vec<_> = told.elements().iter().map(Value::text).collect();
    assert_eq!(told, keys);
    let told = client.call(&[&["COMMAND", "GETKEYSANDFLAGS"], &line[..]].concat());
    let flags = told.elements()[0].elements()[1].elements();
    assert_eq!(flags.iter().map(Value::text).collect::<Vec<_>>(), ["RW", "access", "delete"]);
    let reply = client.call(&line).text();
    assert!(reply.starts_with("IOERR"), "{reply}");
    target.stands();
}

/// CVE-2023-28856: a field that no number can be read from any more.
#[test]
fn increments_leave_no_value_that_cannot_be_read() {
    let mut target = filled();
    let numbers = ["inf", "nan", "-inf", "1e4000", "1e-4000", "1.7e308", "0x1p1000", "1e309"];
    target.answers_all(&["HINCRBYFLOAT hash f #", "INCRBYFLOAT number #"], &numbers);
    target.answers_all(&["HINCRBY hash g #", "INCRBY counter #", "DECRBY counter #"], &HUGE);
    let mut client = target.connect();
    for line in ["HGETALL hash", "HRANDFIELD hash -5 WITHVALUES", "GET number", "COPY hash copy"] {
        let reply = client.run(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
    for line in ["HINCRBYFLOAT hash f 1", "INCRBYFLOAT number 1"] {
        // A long double has more digits than fit elsewhere, but they are digits.
        let text = client.run(line).text();
        assert!(text.bytes().all(|byte| byte.is_ascii_digit()), "{line}: {text}");
    }
    target.stands();
}

/// CVE-2023-28425: one key named twice.
#[test]
fn msetnx_of_one_key_twice_takes_the_last_value() {
    let mut target = filled();
    let mut client = target.connect();
    assert_eq!(client.run("MSETNX k a k b k c"), Value::Integer(1));
    assert_eq!(client.run("GET k").text(), "c");
    assert_eq!(client.run("MSETNX k d other e"), Value::Integer(0));
    target.stands();
}

/// Times that overflow when they are made milliseconds, or are added to now.
#[test]
fn times_beyond_any_clock_are_refused() {
    let mut target = filled();
    let lines = [
        "SET string v EX #",
        "SET string v PXAT #",
        "GETEX string EX #",
        "PSETEX string # v",
        "EXPIRE list # ",
        "EXPIREAT none #",
        "CLIENT PAUSE #",
        "BLPOP none #",
        "XREAD BLOCK # STREAMS list $",
        "WAIT 0 #",
        "RESTORE new # x",
        "XCLAIM stream g c # 1-1 IDLE #",
    ];
    // A number that fits is one to wait for, which is another matter.
    let numbers = ["9223372036854775808", "-9223372036854775809", "1e400", "-1e400", "nan"];
    target.answers_all(&lines, &numbers);
    let lines = ["SET string v EX #", "GETEX string EX #", "SETEX string # v", "EXPIRE list #"];
    let said = target.answers_all(&lines, &["9223372036854775807", "9223372036854775"]);
    assert_refused(&said);
    target.connect().run("CLIENT UNPAUSE");
}

/// Indexes of databases.
#[test]
fn databases_beyond_those_there_are_are_refused() {
    let mut target = filled();
    let lines = ["SELECT #", "MOVE string #", "COPY string other DB #"];
    assert_refused(&target.answers_all(&lines, &HUGE));
    assert_refused(&target.answers_all(&["SELECT #"], &["2147483647", "-1", "16"]));
}
