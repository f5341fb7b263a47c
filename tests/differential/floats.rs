//! The long doubles of INCRBYFLOAT, computed here and by stock.

use backlogd::number::LongDouble;

use crate::support::random::Random;
use crate::support::{Client, Endpoint, Stock, Value};

/// Sums compared in an ordinary run.
const SUMS: usize = 20_000;
/// Sums in flight at a time.
const PIPELINE: usize = 100;

#[test]
fn long_doubles_are_read_added_and_printed_as_stock_does() {
    let stock = Stock::start(&[]);
    let mut client = stock.connect();
    let mut random = Random::new(1);
    for _ in 0..SUMS / PIPELINE {
        let pairs: Vec<_> =
            (0..PIPELINE).map(|_| (number(&mut random), number(&mut random))).collect();
        for ((left, right), theirs) in pairs.iter().zip(stock_sums(&mut client, &pairs)) {
            assert_eq!(sum(left, right), theirs, "{left} + {right}");
        }
    }
}

/// What stock replies to INCRBYFLOAT by `right` on a key that holds `left`.
fn stock_sums(client: &mut Client, pairs: &[(String, String)]) -> Vec<Result<String, String>> {
    for (left, right) in pairs {
        client.send_command(&["SET", "sum", left]);
        client.send_command(&["INCRBYFLOAT", "sum", right]);
    }
    let read = |_| {
        client.read();
        match client.read().0 {
            Value::Error(text) => Err(text),
            other => Ok(other.text()),
        }
    };
    pairs.iter().map(read).collect()
}

fn sum(left: &str, right: &str) -> Result<String, String> {
    const INVALID: &str = "ERR value is not a valid float";
    let read = |text: &str| LongDouble::parse(text.as_bytes()).ok_or(INVALID.to_owned());
    let (left, right) = (read(left)?, read(right)?);
    let sum = left.checked_add(right).ok_or("ERR increment would produce NaN or Infinity")?;
    let mut text = Vec::new();
    sum.write_human(&mut text);
    Ok(String::from_utf8(text).expect("digits are text"))
}

/// Text that is mostly a number, from plain amounts to the edges of the format.
fn number(random: &mut Random) -> String {
    let sign = *random.pick(&["", "", "-", "+"]);
    let digits = |random: &mut Random, most: usize| {
        let count = 1 + random.below(most);
        (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect::<String>()
    };
    match random.below(8) {
        0 => format!("{sign}{}", digits(random, 25)),
        1 | 2 => format!("{sign}{}.{}", digits(random, 8), digits(random, 6)),
        3 => format!("{sign}{}.{}", digits(random, 30), digits(random, 40)),
        4 => format!("{sign}{}e{}", digits(random, 20), random.below(60) as i32 - 30),
        5 => format!(
            "{sign}{}.{}e{}",
            digits(random, 5),
            digits(random, 30),
            random.below(10_200) as i32 - 5_100
        ),
        6 => format!(
            "{sign}0x{:x}.{:x}p{}",
            random.bits(),
            random.bits(),
            random.below(200) as i32 - 150
        ),
        // Halves of the last decimal printed, to meet ties.
        _ => format!("{sign}{}p-{}", format_args!("0x{}", random.below(1000)), random.below(30)),
    }
}
