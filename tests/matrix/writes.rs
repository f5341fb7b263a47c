//! Random writes of every kind that both servers know.

use std::fmt::Write as _;

use crate::support::data::text;
use crate::support::random::Random;
use crate::support::{Client, Value};

/// Over how many keys of a kind they go.
const KEYS: usize = 40;
/// The keys that expire at once, in database 0.
const FADING: usize = 10;

/// Makes commands that write a hundred kilobytes which cannot be compressed.
pub fn large(random: &mut Random) -> Vec<String> {
    (0..100).map(|index| format!("SET large:{index} {}", text(random, 60))).collect()
}

/// Makes so many random commands, one line each.
pub fn commands(random: &mut Random, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        match random.below(10) {
            0 => lines.push(format!("SELECT {}", random.below(4))),
            1 => {
                lines.push("MULTI".to_owned());
                for _ in 0..random.below(6) {
                    lines.push(one(random));
                }
                lines.push("EXEC".to_owned());
            }
            2 => {
                lines.push("SELECT 0".to_owned());
                lines.push(format!("SET fading:{} 1 PX 20", random.below(FADING)));
            }
            _ => lines.push(one(random)),
        }
    }
    lines.push("SELECT 0".to_owned());
    lines
}

/// A write of one key, or of two.
fn one(random: &mut Random) -> String {
    let mut key = |kind: &str| format!("{kind}:{}", random.below(KEYS));
    let (string, other, hash) = (key("s"), key("s"), key("h"));
    let (count, share) = (key("n"), key("f"));
    let (number, database) = (random.below(100_000), random.below(4));
    let value = format!("{:x}", random.bits()).repeat(1 + random.below(20));
    match random.below(22) {
        0..=3 => format!("SET {string} {value}"),
        4 => format!("SET {string} {value} EX 1000"),
        5 => format!("APPEND {string} {number}"),
        6 => format!("SETRANGE {string} {} {number}", number % 300),
        7 => format!("INCRBY {count} {number}"),
        8 => format!("INCRBYFLOAT {share} 0.25"),
        9 => format!("GETDEL {string}"),
        10 => format!("DEL {string} {hash}"),
        11 => format!("MSET {string} {value} {other} {number}"),
        12 | 13 => format!("HSET {hash} f:{} {value} g {number}", number % 50),
        14 => format!("HINCRBY {hash} n {number}"),
        15 => format!("HDEL {hash} g f:{}", number % 50),
        16 => format!("EXPIRE {hash} 1000"),
        17 => format!("PERSIST {string}"),
        18 => format!("RENAME {string} {other}"),
        19 => format!("COPY {string} {other} DB {database} REPLACE"),
        20 => format!("MOVE {string} {database}"),
        _ if number % 8 == 0 => "SWAPDB 1 2".to_owned(),
        _ => format!("GETEX {string} EX 2000"),
    }
}

/// Sends commands in one pipeline and reads their replies, of which some are errors.
pub fn send(client: &mut Client, lines: &[String]) -> std::io::Result<()> {
    let mut pipeline = String::new();
    for line in lines {
        write!(pipeline, "{line}\r\n").expect("a string takes it");
    }
    client.try_send(pipeline.as_bytes())?;
    for line in lines {
        if let (Value::Error(text), _) = client.try_read()? {
            let is_usual = text.contains("no such key") || text.contains("are the same");
            assert!(is_usual, "{line}: {text}");
        }
    }
    Ok(())
}

/// Deletes what would expire, so that nothing is written any more.
pub fn be_quiet(client: &mut Client) {
    let keys: Vec<_> = (0..FADING).map(|index| format!("fading:{index}")).collect();
    let words: Vec<&str> = std::iter::once("DEL").chain(keys.iter().map(String::as_str)).collect();
    assert!(!client.call(&words).is_error());
    assert_eq!(client.run("SET quiet 1").text(), "OK");
}
