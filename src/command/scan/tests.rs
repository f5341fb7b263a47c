use std::collections::BTreeSet;

use crate::command::testing::Bench;

fn bench_of(keys: usize) -> Bench {
    let mut bench = Bench::new();
    for key in 0..keys {
        bench.run(&format!("HSET key:{key} f v"));
    }
    bench
}

/// Scans to the end; returns the keys and the number of steps.
fn scanned(bench: &mut Bench, options: &str) -> (Vec<String>, usize) {
    let (mut seen, mut steps) = (Vec::new(), 0);
    let mut cursor = "0".to_owned();
    loop {
        let text = bench.reply(&format!("SCAN {cursor}{options}"));
        let words: Vec<_> = text.split(' ').collect();
        words[2].clone_into(&mut cursor);
        seen.extend(words[4..].chunks_exact(2).map(|bulk| bulk[1].to_owned()));
        steps += 1;
        if cursor == "0" {
            return (seen, steps);
        }
    }
}

#[test]
fn a_scan_comes_to_every_key_once() {
    let mut bench = bench_of(3_000);
    for count in ["", " COUNT 1", " COUNT 1000", " COUNT 9223372036854775807"] {
        let (seen, steps) = scanned(&mut bench, count);
        assert_eq!(seen.len(), 3_000);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 3_000);
        assert!(steps <= 3_001, "{count}: {steps}");
    }
}

#[test]
fn a_scan_filters_by_pattern_and_type() {
    let mut bench = bench_of(100);
    assert_eq!(scanned(&mut bench, " MATCH key:1?").0.len(), 10);
    assert_eq!(scanned(&mut bench, " TYPE HASH").0.len(), 100);
    assert_eq!(scanned(&mut bench, " TYPE string").0.len(), 0);
    assert_eq!(scanned(&mut bench, " TYPE nonsense MATCH *").0.len(), 0);
}

#[test]
fn expired_keys_are_neither_scanned_nor_listed_nor_drawn() {
    let mut bench = bench_of(4);
    for key in 1..4 {
        bench.run(&format!("PEXPIRE key:{key} 10"));
    }
    bench.now_ms += 11;
    assert_eq!(scanned(&mut bench, "").0, ["key:0"]);
    assert_eq!(bench.reply("KEYS *"), "*1 $5 key:0");
    assert_eq!(bench.reply("RANDOMKEY"), "$5 key:0");
    bench.run("PEXPIRE key:0 10");
    bench.now_ms += 11;
    assert_eq!(bench.reply("RANDOMKEY"), "$-1");
}

#[test]
fn cursors_are_read_as_c_reads_numbers() {
    let mut bench = bench_of(1);
    for cursor in ["0", "+0", "-0", "00", ""] {
        let outcome = bench.run_words(&[b"SCAN", cursor.as_bytes()]);
        assert_eq!(outcome.text(), "*2 $1 0 *1 $5 key:0", "{cursor:?}");
    }
    for cursor in ["x", "-", "+", "1x", "0x0", " 0", "+-1", "18446744073709551616"] {
        let outcome = bench.run_words(&[b"SCAN", cursor.as_bytes()]);
        assert_eq!(outcome.text(), "-ERR invalid cursor", "{cursor:?}");
    }
    for cursor in ["18446744073709551615", "-1", "9007199254740991"] {
        let text = bench.reply(&format!("SCAN {cursor}"));
        assert!(text.starts_with("*2 $"), "{cursor}: {text}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let mut bench = bench_of(1);
    for words in ["SCAN 0 COUNT", "SCAN 0 COUNT 0", "SCAN 0 COUNT -1", "SCAN 0 x y", "SCAN 0 MATCH"]
    {
        assert_eq!(bench.reply(words), "-ERR syntax error", "{words}");
    }
    let not_an_integer = "-ERR value is not an integer or out of range";
    assert_eq!(bench.reply("SCAN 0 COUNT x"), not_an_integer);
    assert_eq!(bench.reply("SCAN 0 COUNT 9223372036854775808"), not_an_integer);
}

#[test]
fn keys_lists_those_that_match() {
    let mut bench = bench_of(30);
    assert!(bench.reply("KEYS *").starts_with("*30 "));
    assert!(bench.reply("KEYS key:2*").starts_with("*11 "));
    assert_eq!(bench.reply("KEYS key:[7]"), "*1 $5 key:7");
    assert_eq!(bench.reply("KEYS zz*"), "*0");
    bench.session.database = 3;
    assert_eq!(bench.reply("KEYS *"), "*0");
}

#[test]
fn the_empty_key_is_listed_by_a_lone_star_alone() {
    let mut bench = Bench::new();
    bench.run_words(&[b"HSET", b"", b"f", b"v"]);
    assert_eq!(bench.reply("KEYS *"), "*1 $0");
    assert_eq!(bench.reply("KEYS **"), "*0");
    assert_eq!(bench.reply("SCAN 0 MATCH *"), "*2 $1 0 *1 $0");
}

#[test]
fn every_key_is_drawn_now_and_then() {
    let mut bench = bench_of(3);
    let drawn: BTreeSet<_> = (0..300).map(|_| bench.reply("RANDOMKEY")).collect();
    assert_eq!(drawn.len(), 3);
    assert_eq!(Bench::new().reply("RANDOMKEY"), "$-1");
    assert_eq!(Bench::resp3().reply("RANDOMKEY"), "_");
}
