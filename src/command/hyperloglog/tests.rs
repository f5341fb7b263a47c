use crate::command::Mode;
use crate::command::expecting::{WRONG_TYPE, answer_each, expect_each};
use crate::command::testing::Bench;

const NO_SKETCH: &str = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
const DECODED: &str = "$44 Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603";
const CORRUPTED: &str = "-INVALIDOBJ Corrupted HLL object detected";

/// A sparse sketch of these registers.
fn sparse(registers: &[u8]) -> Vec<u8> {
    [b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80", registers].concat()
}

fn bytes_of(bench: &mut Bench, key: &str) -> Vec<u8> {
    let reply = bench.run(&format!("GET {key}")).reply;
    let begin = reply.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    reply[begin..reply.len() - 2].to_vec()
}

#[test]
fn elements_are_counted_and_the_count_is_kept() {
    let mut bench = Bench::new();
    expect_each(
        &mut bench,
        &[
            ("PFADD p a b c", ":1", &["PFADD p a b c"]),
            ("PFADD p a c", ":0", &[]),
            ("PFADD p", ":0", &[]),
            ("PFCOUNT p", ":3", &["PFCOUNT p"]),
            ("PFCOUNT p", ":3", &[]),
            ("PFADD p d", ":1", &["PFADD p d"]),
            ("PFCOUNT p", ":4", &["PFCOUNT p"]),
            ("PFCOUNT none", ":0", &[]),
            ("OBJECT ENCODING p", "$3 raw", &[]),
        ],
    );
    assert_eq!(bytes_of(&mut bench, "p")[8..16], [4, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_key_without_elements_is_an_empty_sketch() {
    let mut bench = Bench::new();
    expect_each(&mut bench, &[("PFADD p", ":1", &["PFADD p"])]);
    assert_eq!(bytes_of(&mut bench, "p"), sparse(b"\x7f\xff"));
    expect_each(&mut bench, &[("PFCOUNT p", ":0", &["PFCOUNT p"]), ("PFCOUNT p", ":0", &[])]);
    assert_eq!(bytes_of(&mut bench, "p"), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    expect_each(&mut bench, &[("PFMERGE m none", "+OK", &["PFMERGE m none"])]);
    assert_eq!(bytes_of(&mut bench, "m"), sparse(b"\x7f\xff"));
}

#[test]
fn changes_are_counted_by_elements_that_changed_something() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("PFADD p a b a").changes, 3);
    assert_eq!(bench.run("PFADD p c b a d").changes, 2);
}

#[test]
fn a_replica_leaves_the_count_as_its_primary_keeps_it() {
    let mut bench = Bench::new();
    bench.run("PFADD p a b c");
    let before = bytes_of(&mut bench, "p");
    bench.mode = Mode::Reader;
    answer_each(&mut bench, &[("PFCOUNT p", ":3")]);
    assert_eq!(bytes_of(&mut bench, "p"), before);
}

#[test]
fn several_keys_are_counted_together_and_merged() {
    let mut bench = Bench::new();
    bench.run("PFADD p a b c");
    bench.run("PFADD q c d");
    bench.run("EXPIRE q 100");
    expect_each(
        &mut bench,
        &[
            ("PFCOUNT p q none", ":4", &[]),
            ("PFMERGE q p none", "+OK", &["PFMERGE q p none"]),
            ("PFCOUNT q", ":4", &["PFCOUNT q"]),
            ("TTL q", ":100", &[]),
        ],
    );
}

#[test]
fn registers_become_dense_when_the_limit_is_passed() {
    let mut bench = Bench::new();
    bench.keyspace.limits().set_sparse_sketch_bytes_max(40);
    let mut elements = 0;
    while bench.reply("PFDEBUG ENCODING p") != "+dense" {
        bench.run(&format!("PFADD p {elements}"));
        elements += 1;
        assert!(elements < 20, "still sparse");
    }
    assert_eq!(bench.reply("STRLEN p"), ":12304");
    assert_eq!(bench.reply("PFCOUNT p"), format!(":{elements}"));
    bench.run("PFADD s one");
    expect_each(&mut bench, &[("PFMERGE s p", "+OK", &["PFMERGE s p"])]);
    assert_eq!(bench.reply("PFDEBUG ENCODING s"), "+dense");
    assert_eq!(bench.reply("PFCOUNT s"), format!(":{}", elements + 1));
}

#[test]
fn what_is_no_sketch_is_told_from_one_that_is_corrupted() {
    let mut bench = Bench::new();
    bench.run("HSET h f v");
    bench.run("SET i 12");
    let dense = [&b"HYLL\0"[..], &[0; 12298]].concat();
    let other: Vec<u8> = sparse(b"\x7f\xff").iter().map(|b| if *b == 1 { 2 } else { *b }).collect();
    for text in [b"HYLL".to_vec(), sparse(b"").split_off(1), dense, other] {
        bench.run_words(&[b"SET", b"s", &text]);
        for words in ["PFADD s a", "PFCOUNT s", "PFCOUNT s i", "PFMERGE s", "PFDEBUG DECODE s"] {
            answer_each(&mut bench, &[(words, NO_SKETCH)]);
        }
    }
    for words in ["PFADD h a", "PFCOUNT h", "PFMERGE d h", "PFDEBUG DECODE h"] {
        answer_each(&mut bench, &[(words, WRONG_TYPE)]);
    }
    answer_each(&mut bench, &[("PFADD i", NO_SKETCH)]);
    // Registers missing, too many of them, a run cut off.
    for registers in [&b""[..], b"\x7f", b"\x7f\xfe", b"\x7f\xff\x00", b"\x80\x7f\xff"] {
        bench.run_words(&[b"SET", b"s", &sparse(registers)]);
        for words in ["PFCOUNT s", "PFCOUNT s none", "PFMERGE s", "PFDEBUG TODENSE s"] {
            answer_each(&mut bench, &[(words, CORRUPTED)]);
        }
        assert_eq!(bytes_of(&mut bench, "s"), sparse(registers));
    }
}

#[test]
fn an_element_beyond_the_registers_that_are_there_changes_nothing() {
    let mut bench = Bench::new();
    // The first register alone: an element that belongs to it can be added, others cannot.
    bench.run_words(&[b"SET", b"s", &sparse(b"\0")]);
    answer_each(&mut bench, &[("PFADD s a b c d", CORRUPTED)]);
    assert_eq!(bytes_of(&mut bench, "s"), sparse(b"\0"));
}

#[test]
fn a_sketch_can_be_looked_into() {
    let mut bench = Bench::new();
    let no_key = "-ERR The specified key does not exist";
    answer_each(&mut bench, &[("PFDEBUG GETREG none", no_key)]);
    bench.run("PFADD p a b c");
    let unknown = "-ERR Unknown PFDEBUG subcommand 'foo'";
    expect_each(
        &mut bench,
        &[
            ("PFDEBUG ENCODING p", "+sparse", &[]),
            ("PFDEBUG DECODE p", DECODED, &[]),
            ("PFDEBUG foo p", unknown, &[]),
            ("PFDEBUG TODENSE p", ":1", &["PFDEBUG TODENSE p"]),
            ("PFDEBUG TODENSE p", ":0", &[]),
            ("PFDEBUG DECODE p", "-ERR HLL encoding is not sparse", &[]),
            ("PFDEBUG encoding p", "+dense", &[]),
            ("PFCOUNT p", ":3", &["PFCOUNT p"]),
            ("PFSELFTEST", "+OK", &[]),
        ],
    );
    let registers = bench.reply("PFDEBUG GETREG p");
    let set = registers.split(' ').skip(1).filter(|register| *register != ":0").count();
    assert_eq!((registers.split(' ').count(), set), (16385, 3));
}

#[test]
fn elements_that_change_nothing_are_told_from_those_that_do_in_either_form() {
    let mut bench = Bench::new();
    bench.run("PFADD p a b c");
    for form in ["sparse", "dense"] {
        assert_eq!(bench.reply("PFDEBUG ENCODING p"), format!("+{form}"));
        bench.now_ms += 10_000;
        answer_each(
            &mut bench,
            &[
                ("OBJECT IDLETIME p", ":10"),
                ("PFADD p c a", ":0"),
                ("PFADD p", ":0"),
                ("OBJECT IDLETIME p", ":0"),
            ],
        );
        expect_each(
            &mut bench,
            &[(
                &format!("PFADD p a {form}1 {form}2"),
                ":1",
                &[&*format!("PFADD p a {form}1 {form}2")],
            )],
        );
        bench.run("PFDEBUG TODENSE p");
    }
    assert_eq!(bench.reply("PFCOUNT p"), ":7");
}
