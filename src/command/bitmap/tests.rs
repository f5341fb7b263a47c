use crate::command::Mode;
use crate::command::expecting::{NOT_AN_INTEGER, SYNTAX, WRONG_TYPE, answer_each, expect_each};
use crate::command::testing::Bench;

const BAD_OFFSET: &str = "-ERR bit offset is not an integer or out of range";

/// What becomes of two bytes.
type Combine = fn((u8, u8)) -> u8;

/// A bench with the string `foobar` at `s`, the hash `h` and the integer 12 at `i`.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.run("SET s foobar");
    bench.run("SET i 12");
    bench.run("HSET h f v");
    bench
}

#[test]
fn a_bit_is_set_and_the_string_grows_to_hold_it() {
    let mut bench = bench();
    expect_each(
        &mut bench,
        &[
            ("SETBIT k 7 1", ":0", &["SETBIT k 7 1"]),
            ("GET k", "$1 \u{1}", &[]),
            ("SETBIT k 7 1", ":1", &[]),
            ("SETBIT k 7 0", ":1", &["SETBIT k 7 0"]),
            ("SETBIT k 23 0", ":0", &["SETBIT k 23 0"]),
            ("STRLEN k", ":3", &[]),
            ("GETBIT k 23", ":0", &[]),
            ("GETBIT s 1", ":1", &[]),
            ("GETBIT s 99999", ":0", &[]),
            ("GETBIT none 0", ":0", &[]),
            ("GETBIT i 2", ":1", &[]),
        ],
    );
}

#[test]
fn an_integer_becomes_a_string_of_its_digits() {
    let mut bench = bench();
    expect_each(&mut bench, &[("SETBIT i 7 0", ":1", &["SETBIT i 7 0"]), ("GET i", "$2 02", &[])]);
    answer_each(&mut bench, &[("OBJECT ENCODING i", "$3 raw")]);
}

#[test]
fn the_expiry_of_a_string_outlives_its_bits_but_not_a_combination() {
    let mut bench = bench();
    bench.run("EXPIRE s 100");
    bench.run("SETBIT s 0 1");
    bench.run("BITFIELD s SET u8 0 1");
    assert_eq!(bench.reply("TTL s"), ":100");
    bench.run("BITOP NOT s s");
    assert_eq!(bench.reply("TTL s"), ":-1");
}

#[test]
fn offsets_end_where_the_longest_string_does() {
    let mut bench = bench();
    for offset in ["-1", "x", "01", "", "4294967296", "9223372036854775807", "#1"] {
        for words in [format!("SETBIT k {offset} 1"), format!("GETBIT k {offset}")] {
            answer_each(&mut bench, &[(&words, BAD_OFFSET)]);
        }
    }
    for offset in ["4294967296", "#536870912", "#-1", "#", "#x"] {
        answer_each(&mut bench, &[(&format!("BITFIELD k GET u8 {offset}"), BAD_OFFSET)]);
    }
    answer_each(&mut bench, &[("GETBIT s 4294967295", ":0")]);
    let parameters = &bench.host.parameters;
    parameters.lock().push(("proto-max-bulk-len".to_owned(), "1048576".to_owned()));
    answer_each(&mut bench, &[("SETBIT k 8388608 1", BAD_OFFSET)]);
    bench.mode = Mode::Replay;
    assert_eq!(bench.reply("SETBIT k 8388608 1"), ":0");
    bench.mode = Mode::Client;
    expect_each(&mut bench, &[("SETBIT k 8388607 1", ":0", &["SETBIT k 8388607 1"])]);
}

#[test]
fn what_is_no_bit_is_refused() {
    let mut bench = bench();
    let refusal = "-ERR bit is not an integer or out of range";
    for bit in ["2", "-1", "x", "01", ""] {
        answer_each(&mut bench, &[(&format!("SETBIT k 0 {bit}"), refusal)]);
    }
}

#[test]
fn bits_are_counted_in_a_range_of_bytes_or_bits() {
    let mut bench = bench();
    answer_each(
        &mut bench,
        &[
            ("BITCOUNT s", ":26"),
            ("BITCOUNT s 0 0", ":4"),
            ("BITCOUNT s 1 1", ":6"),
            ("BITCOUNT s 1 1 byte", ":6"),
            ("BITCOUNT s 5 30 BIT", ":17"),
            ("BITCOUNT s 0 -5", ":10"),
            ("BITCOUNT s -2 -1", ":7"),
            ("BITCOUNT s -100 -1", ":26"),
            ("BITCOUNT s -1 -2", ":0"),
            ("BITCOUNT s -100 -101", ":0"),
            ("BITCOUNT s 3 2", ":0"),
            ("BITCOUNT s 100 200", ":0"),
            ("BITCOUNT i", ":6"),
            ("BITCOUNT none", ":0"),
            ("BITCOUNT none x y z zz", ":0"),
            ("BITCOUNT s 1", SYNTAX),
            ("BITCOUNT s 1 2 foo", SYNTAX),
            ("BITCOUNT s 1 2 bit x", SYNTAX),
            ("BITCOUNT s x 2 foo", NOT_AN_INTEGER),
            ("BITCOUNT h x", WRONG_TYPE),
        ],
    );
}

#[test]
fn a_bit_is_looked_for_beyond_the_end_only_if_the_end_is_open() {
    let mut bench = bench();
    bench.run_words(&[b"SET", b"ones", b"\xff\xff\xff"]);
    bench.run_words(&[b"SET", b"zeroes", b"\0\0\0"]);
    bench.run_words(&[b"SET", b"mixed", b"\xff\xf0\x00"]);
    bench.run_words(&[b"SET", b"empty", b""]);
    answer_each(
        &mut bench,
        &[
            ("BITPOS ones 0", ":24"),
            ("BITPOS ones 0 1", ":24"),
            ("BITPOS ones 0 0 -1", ":-1"),
            ("BITPOS ones 0 3", ":-1"),
            ("BITPOS ones 1 2", ":16"),
            ("BITPOS zeroes 1", ":-1"),
            ("BITPOS zeroes 0 -1", ":16"),
            ("BITPOS mixed 0", ":12"),
            ("BITPOS mixed 0 1 1", ":12"),
            ("BITPOS mixed 1 12 15 BIT", ":-1"),
            ("BITPOS mixed 0 3 11 BIT", ":-1"),
            ("BITPOS mixed 0 3 12 BIT", ":12"),
            ("BITPOS mixed 1 11 -1 BIT", ":11"),
            ("BITPOS empty 0", ":-1"),
            ("BITPOS empty 1", ":-1"),
            ("BITPOS none 0", ":0"),
            ("BITPOS none 1 x", ":-1"),
            ("BITPOS none 2", "-ERR The bit argument must be 1 or 0."),
            ("BITPOS none x", NOT_AN_INTEGER),
            ("BITPOS mixed 1 x", NOT_AN_INTEGER),
            ("BITPOS mixed 1 0 x", NOT_AN_INTEGER),
            ("BITPOS mixed 1 0 x foo", SYNTAX),
            ("BITPOS mixed 1 0 1 bit x", SYNTAX),
            ("BITPOS h 1 x", WRONG_TYPE),
        ],
    );
}

#[test]
fn strings_of_different_lengths_are_combined_as_if_zeroes_followed() {
    let mut bench = bench();
    bench.run_words(&[b"SET", b"a", b"\x7f\x0f"]);
    bench.run_words(&[b"SET", b"b", b"\x71"]);
    for (words, result) in [
        ("BITOP AND d a b", "$2 q\0"),
        ("BITOP AND d b a", "$2 q\0"),
        ("bitop or d b a", "$2 \u{7f}\u{f}"),
        ("BITOP XOR d a b", "$2 \u{e}\u{f}"),
        ("BITOP AND d a none", "$2 \0\0"),
        ("BITOP OR d none a none", "$2 \u{7f}\u{f}"),
        ("BITOP XOR a a i", "$2 N="),
    ] {
        expect_each(&mut bench, &[(words, ":2", &[words])]);
        let name = words.split(' ').nth(2).unwrap();
        assert_eq!(bench.reply(&format!("GET {name}")), result, "{words}");
    }
    expect_each(&mut bench, &[("BITOP NOT d b", ":1", &["BITOP NOT d b"])]);
    assert_eq!(bench.run("GET d").reply, b"$1\r\n\x8e\r\n");
    answer_each(&mut bench, &[("OBJECT ENCODING d", "$3 raw")]);
}

#[test]
fn a_combination_without_any_byte_removes_the_destination() {
    let mut bench = bench();
    expect_each(
        &mut bench,
        &[
            ("BITOP AND h none none", ":0", &["BITOP AND h none none"]),
            ("EXISTS h", ":0", &[]),
            ("BITOP AND h none", ":0", &[]),
        ],
    );
}

#[test]
fn a_combination_that_cannot_be_made_changes_nothing() {
    let mut bench = bench();
    let not_takes_one = "-ERR BITOP NOT must be called with a single source key.";
    answer_each(
        &mut bench,
        &[
            ("BITOP NAND d s", SYNTAX),
            ("BITOP NOT d s s", not_takes_one),
            ("BITOP NOT d h", WRONG_TYPE),
            ("BITOP OR d s h", WRONG_TYPE),
            ("EXISTS d", ":0"),
        ],
    );
}

#[test]
fn fields_are_read_written_and_added_to() {
    let mut bench = bench();
    let words = "BITFIELD f SET i8 0 -1 INCRBY u4 #1 3 GET u8 0";
    expect_each(&mut bench, &[(words, "*3 :0 :2 :242", &[words])]);
    let words = "BITFIELD f overflow sat INCRBY u4 4 100 OVERFLOW FAIL INCRBY u4 4 1 GET i4 #1";
    expect_each(&mut bench, &[(words, "*3 :15 $-1 :-1", &[words])]);
    let words = "BITFIELD f SET i64 8 -9223372036854775808 INCRBY i64 8 -1";
    expect_each(&mut bench, &[(words, "*2 :0 :9223372036854775807", &[words])]);
    let words = "BITFIELD f SET u63 3 -1 GET u63 3";
    expect_each(&mut bench, &[(words, "*2 :9079256848778919935 :9223372036854775807", &[words])]);
    answer_each(
        &mut bench,
        &[
            ("BITFIELD f", "*0"),
            ("BITFIELD f GET u8 4294967295", "*1 :0"),
            ("BITFIELD none GET i8 0", "*1 :0"),
            ("BITFIELD_RO s GET u8 0 GET i7 #1", "*2 :102 :27"),
            ("BITFIELD_RO s OVERFLOW SAT GET u8 0", "*1 :102"),
            ("BITFIELD f SET u8 8 255", "*1 :255"),
        ],
    );
}

#[test]
fn changes_are_counted_by_fields() {
    let mut bench = bench();
    let outcome = bench.run("BITFIELD k SET u8 0 1 SET u8 8 0 INCRBY u8 0 1 GET u8 0");
    assert_eq!((outcome.text().as_str(), outcome.changes), ("*4 :0 :0 :2 :2", 2));
}

#[test]
fn zeroes_that_a_failed_operation_added_go_into_the_stream() {
    let mut bench = bench();
    let words = "BITFIELD k OVERFLOW FAIL SET u2 100 9";
    expect_each(&mut bench, &[(words, "*1 $-1", &[words]), ("STRLEN k", ":13", &[])]);
    expect_each(&mut bench, &[(words, "*1 $-1", &[])]);
}

#[test]
fn operations_that_cannot_be_read_change_nothing() {
    let mut bench = bench();
    let no_type = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                   supported but i64 is.";
    let only_get = "-ERR BITFIELD_RO only supports the GET subcommand";
    answer_each(
        &mut bench,
        &[
            ("BITFIELD k SET u8 0 1 GET u64 0", no_type),
            ("BITFIELD k GET u8", SYNTAX),
            ("BITFIELD k SET u8 0", SYNTAX),
            ("BITFIELD k INCRBY u8 0", SYNTAX),
            ("BITFIELD k OVERFLOW", SYNTAX),
            ("BITFIELD k OVERFLOW foo", "-ERR Invalid OVERFLOW type specified"),
            ("BITFIELD k SET u8 0 x", NOT_AN_INTEGER),
            ("BITFIELD k FOO u8 0", SYNTAX),
            ("BITFIELD_RO h SET u8 0 1", only_get),
            ("BITFIELD_RO h GET u8 0", WRONG_TYPE),
            ("BITFIELD h GET u8 0", WRONG_TYPE),
            ("BITFIELD h SET u8 0 1", WRONG_TYPE),
            ("EXISTS k", ":0"),
        ],
    );
}

#[test]
fn resp3_has_its_own_null_for_what_failed() {
    let mut bench = Bench::resp3();
    assert_eq!(bench.reply("BITFIELD k OVERFLOW FAIL SET u1 0 2"), "*1 _");
}

#[test]
fn the_last_bit_that_there_can_be_is_read_and_found() {
    let mut bench = bench();
    expect_each(
        &mut bench,
        &[
            ("SETBIT k 4294967295 1", ":0", &["SETBIT k 4294967295 1"]),
            ("SETBIT k 4294967295 1", ":1", &[]),
        ],
    );
    answer_each(
        &mut bench,
        &[
            ("STRLEN k", ":536870912"),
            ("GETBIT k 4294967295", ":1"),
            ("GETBIT k 4294967294", ":0"),
            ("BITCOUNT k", ":1"),
            ("BITPOS k 1", ":4294967295"),
            ("BITPOS k 0", ":0"),
            ("BITFIELD_RO k GET u8 4294967288", "*1 :1"),
            ("OBJECT ENCODING k", "$3 raw"),
        ],
    );
    expect_each(
        &mut bench,
        &[
            ("BITOP OR d k s", ":536870912", &["BITOP OR d k s"]),
            ("BITOP AND e d s", ":536870912", &["BITOP AND e d s"]),
            ("GETRANGE e 0 6", "$7 foobar\0", &[]),
            ("BITCOUNT d", ":27", &[]),
            ("BITCOUNT e", ":26", &[]),
        ],
    );
    // What is only zero takes no room.
    for key in ["k", "d", "e"] {
        let key = bench.keyspace.key(key.as_bytes());
        let memory = bench.keyspace.lock_all().db(0).find(&key).unwrap().memory_bytes(5);
        assert!(memory < 500_000, "{memory}");
    }
}

#[test]
fn long_strings_are_combined_block_by_block() {
    let mut bench = bench();
    let pattern = |len: usize, step: usize| -> Vec<u8> {
        (0..len).map(|at| (at / 1000 * step % 251) as u8).collect()
    };
    let (a, b) = (pattern(700_000, 7), pattern(300_001, 3));
    bench.run_words(&[b"SET", b"a", &a]);
    bench.run_words(&[b"SET", b"b", &b]);
    let both = |at: usize| (a[at], b.get(at).copied().unwrap_or(0));
    let operations: [(&str, Combine); 3] =
        [("AND", |(a, b)| a & b), ("OR", |(a, b)| a | b), ("XOR", |(a, b)| a ^ b)];
    for (name, combine) in operations {
        for sources in ["a b", "b a"] {
            assert_eq!(bench.reply(&format!("BITOP {name} d {sources}")), ":700000");
            let expected: Vec<u8> = (0..a.len()).map(|at| combine(both(at))).collect();
            let reply = bench.run("GET d").reply;
            assert!(reply[9..reply.len() - 2] == expected, "{name} {sources}");
        }
    }
    assert_eq!(bench.reply("BITOP NOT d b"), ":300001");
    let reply = bench.run("GET d").reply;
    assert!(reply[9..reply.len() - 2].iter().zip(&b).all(|(not, byte)| *not == !byte));
}

#[test]
fn a_bit_that_is_as_it_is_to_be_is_used_and_the_string_reads_as_written_to() {
    let mut bench = bench();
    bench.now_ms += 10_000;
    // The bit is 0; the short string was never written to, and the integer is none any more.
    for key in ["s", "i"] {
        bench.run(&format!("SETBIT {key} 0 0"));
        assert_eq!(bench.reply(&format!("OBJECT ENCODING {key}")), "$3 raw");
    }
    bench.now_ms += 10_000;
    answer_each(
        &mut bench,
        &[
            ("OBJECT IDLETIME s", ":10"),
            ("SETBIT s 0 0", ":0"),
            ("OBJECT IDLETIME s", ":0"),
            ("GET s", "$6 foobar"),
            ("GET i", "$2 12"),
        ],
    );
}
