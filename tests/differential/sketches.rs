//! `HyperLogLog`s: the strings are those of stock, byte for byte, whatever is added and merged.

use crate::both::Both;
use crate::support::random::Random;

/// Sequences compared in an ordinary run.
const SEQUENCES: u64 = 12;
/// Commands in a sequence.
const STEPS: usize = 40;
/// Elements that one key gets in the end.
const MANY: u64 = 100_000;
/// Elements in a request.
const TOGETHER: u64 = 1000;

#[test]
fn sketches_have_the_bytes_that_stock_gives_them() {
    let mut both = Both::start();
    for seed in 0..SEQUENCES {
        let mut random = Random::new(seed);
        both.run("FLUSHALL");
        both.run(&format!("CONFIG SET hll-sparse-max-bytes {}", random.pick(&[3000, 100, 20, 0])));
        for _ in 0..STEPS {
            let key = *random.pick(&["a", "b", "c"]);
            match random.below(6) {
                0 => both.run(&format!("PFMERGE {key} a {}", random.pick(&["b", "c", "none"]))),
                1 => both.run(&format!("PFCOUNT a {key}")),
                2 => both.run(&format!("PFCOUNT {key}")),
                _ => add(&mut both, key, &mut random),
            }
            both.run(&format!("GET {key}"));
            both.run(&format!("PFDEBUG DECODE {key}"));
        }
    }
}

fn add(both: &mut Both, key: &str, random: &mut Random) {
    let count = *random.pick(&[1, 2, 10, 300]);
    let range = *random.pick(&[50, 100_000]);
    let mut words = vec![b"PFADD".to_vec(), key.as_bytes().to_vec()];
    words.extend((0..random.below(count + 1)).map(|_| {
        let number = random.below(range);
        format!("{number:0width$}", width = number % 20).into_bytes()
    }));
    both.call(&words);
}

#[test]
fn a_hundred_thousand_elements_are_counted_as_stock_counts_them() {
    let mut both = Both::start();
    let mut next = 0;
    while next < MANY {
        let mut words = vec!["PFADD".to_owned(), "many".to_owned()];
        words.extend((next..next + TOGETHER).map(|number| format!("element {number}")));
        next += TOGETHER;
        both.call(&words);
        both.run("PFCOUNT many");
        both.run("GET many");
    }
    both.run("PFDEBUG GETREG many");
}
