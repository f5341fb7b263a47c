//! Strings that do not lie in one piece: each command does to them what stock does.

use crate::both::Both;
use crate::support::random::Random;

/// Sequences compared in an ordinary run.
const SEQUENCES: u64 = 10;
/// Commands in a sequence.
const STEPS: usize = 60;
/// The ends of blocks, and of what lies in one piece.
const EDGES: &[usize] = &[0, 131_072, 262_144, 393_216, 500_000, 524_288];

#[test]
fn long_strings_are_changed_and_read_as_stock_does() {
    let mut both = Both::start();
    for seed in 0..SEQUENCES {
        let mut random = Random::new(seed);
        both.run("FLUSHALL");
        for _ in 0..STEPS {
            let line = line(&mut random);
            both.run(&line);
        }
        both.run("DEBUG DIGEST");
        both.run("GET a");
    }
}

fn line(random: &mut Random) -> String {
    let key = *random.pick(&["a", "b", "c"]);
    let byte = (*random.pick(EDGES) + random.below(20)).saturating_sub(10);
    let (bit, other) = (byte * 8 + random.below(8), *random.pick(EDGES));
    let length = *random.pick(&[1, 9, 30_000, 131_072, 140_000]);
    let text = || "x".repeat(length);
    let unit = *random.pick(&["BYTE", "BIT"]);
    let value = random.below(2);
    match random.below(14) {
        0 => format!("SETRANGE {key} {byte} {}", text()),
        1 => format!("APPEND {key} {}", text()),
        2 => format!("SETBIT {key} {bit} {value}"),
        3 => format!("GETBIT {key} {bit}"),
        4 => format!("GETRANGE {key} {byte} {other}"),
        5 => format!("BITCOUNT {key} {byte} {other} {unit}"),
        6 => format!("BITPOS {key} {value} {byte} {other} {unit}"),
        7 => format!("BITPOS {key} {value} {byte}"),
        8 => format!("BITFIELD {key} SET i40 {bit} -7 GET u9 {bit} INCRBY u3 {bit} 5"),
        9 => format!("BITOP {} {key} a b c", random.pick(&["AND", "OR", "XOR"])),
        10 => format!("BITOP NOT {key} {}", random.pick(&["a", "b", "none"])),
        11 => format!("COPY {key} {} REPLACE", random.pick(&["a", "b"])),
        12 => format!("STRLEN {key}"),
        _ => format!("{} {key}", random.pick(&["BITCOUNT", "INCR", "OBJECT ENCODING", "PFCOUNT"])),
    }
}
