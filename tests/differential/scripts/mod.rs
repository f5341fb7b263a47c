//! Random scripts on this server and on stock, replies compared byte for byte, and the data after each batch.
//!
//! What no two runs of one server agree on is not generated: addresses (`table: 0x…`), what is random unless
//! it is seeded in the script, and the order of a table whose keys are strings of 32 bytes or more, of which
//! Lua as it comes hashes a part only. Nor is what ends stock: an error that is a table without a text.
//!
//! `BACKLOGD_BATCHES=<count>` runs more or fewer batches, `BACKLOGD_SEED=<number>` one.

mod calls;
mod commands;
mod errors;
mod formats;
mod libraries;
mod operators;
mod returned;
mod syntax;
mod values;

use std::borrow::Cow;

use crate::compare::{Dialect, Mismatch, shortest};
use crate::generate::{Command, Grammar};
use crate::normalise::{self, Reply};
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Stock, Value};
use crate::{Subject, report, seeds_of};

/// Batches per dialect in an ordinary run.
const BATCHES: u64 = 260;
/// Scripts in a batch.
const BATCH_SCRIPTS: usize = 100;
/// Requests sent before their replies are read; few enough that no socket fills up.
const PIPELINE: usize = 20;
/// Shows values as text, of all types and to any depth. It is one line, so that it moves no other.
const SHOW: &str = include_str!("show.lua");

/// What scripts are made with.
struct Making<'m> {
    random: &'m mut Random,
    grammar: &'m Grammar,
    stock: Traits,
}

/// What has to be known of the server that is right.
#[derive(Clone, Copy)]
struct Traits {
    /// Numbers are written as of 7.2.
    writes_shortest: bool,
    /// What it does not answer as others do: no script has any of this.
    left_out: &'static [&'static str],
}

/// What 7.2 splits an error at, and what can be changed in the one that is at hand.
const LEFT_OUT_OF_7_2: [&str; 3] = ["\\r\\n", "\r\n", "getmetatable('')"];

/// A request, and the command in it by which its reply is judged.
struct Made {
    words: Command,
    inner: Option<Command>,
}

impl Made {
    /// A request that runs a script without keys.
    fn eval(script: &str, arguments: &[Vec<u8>]) -> Self {
        let head = [&b"EVAL"[..], script.as_bytes(), b"0"].map(<[u8]>::to_vec);
        Self { words: [&head[..], arguments].concat(), inner: None }
    }
}

impl Making<'_> {
    fn chance(&mut self, percent: usize) -> bool {
        self.random.chance(percent)
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        self.random.pick::<&str>(choices)
    }

    /// Chooses RESP3 for the replies that the script reads, now and then.
    fn chosen(&mut self) -> &'static str {
        if self.random.chance(35) { "redis.setresp(3) " } else { "" }
    }

    /// As [`Made::eval`], of a script that may call `S` to have values shown.
    fn eval_shown(&mut self, script: &str, arguments: &[Vec<u8>]) -> Made {
        let script = format!("{} {}{script}", SHOW.trim_end().replace('\n', " "), self.chosen());
        Made::eval(&script, arguments)
    }

    fn any(&mut self) -> Made {
        match self.random.below(20) {
            0..=2 => returned::make(self),
            3..=5 => commands::make(self),
            6..=8 => errors::make(self),
            9..=12 => libraries::make(self),
            13..=15 => formats::make(self),
            16 => operators::make(self),
            17..=18 => calls::make(self),
            _ => syntax::make(self),
        }
    }
}

/// The scripts of a seed, and what shows the data that they leave.
fn batch(seed: u64, grammar: &Grammar, stock: Traits) -> Vec<Made> {
    let mut random = Random::new(seed);
    let mut making = Making { random: &mut random, grammar, stock };
    let is_fit = |made: &Made| {
        let words = made.words.iter().map(|word| String::from_utf8_lossy(word));
        !words.into_iter().any(|word| stock.left_out.iter().any(|text| word.contains(text)))
    };
    let made = std::iter::repeat_with(|| making.any()).filter(is_fit);
    let mut batch: Vec<_> = made.take(BATCH_SCRIPTS).collect();
    let digest = ["DEBUG", "DIGEST"].map(|word| word.as_bytes().to_vec());
    batch.push(Made { words: digest.to_vec(), inner: None });
    batch
}

/// The server under test and the one that is right.
struct Pair<'p> {
    ours: &'p Subject,
    stock: &'p Stock,
    dialect: Dialect,
}

impl Pair<'_> {
    fn run(&self, batch: &[&Made]) -> Result<(), Mismatch> {
        let (mut ours, mut stock) = (self.fresh(self.ours), self.fresh(self.stock));
        for (chunk_index, chunk) in batch.chunks(PIPELINE).enumerate() {
            let ours = replies(&mut ours, chunk);
            let stock = replies(&mut stock, chunk);
            for (index, (made, (ours, stock))) in chunk.iter().zip(ours.zip(stock)).enumerate() {
                let is_same = match &made.inner {
                    Some(inner) => normalise::same(inner, &[], &ours, &stock),
                    None => *ours.raw == *on_one_line(&stock.raw),
                };
                if !is_same {
                    let index = chunk_index * PIPELINE + index;
                    return Err(Mismatch { index, ours: ours.raw, stock: stock.raw });
                }
            }
        }
        Ok(())
    }

    fn fresh(&self, server: &dyn Endpoint) -> Client {
        let mut client = server.connect();
        for line in ["FLUSHALL", "SCRIPT FLUSH"] {
            assert_eq!(client.run(line), Value::Simple("OK".to_owned()));
        }
        if self.dialect == Dialect::Resp3 {
            assert!(!client.run("HELLO 3").is_error(), "HELLO 3 is refused");
        }
        client
    }

    /// Says what differs, after leaving out whatever the difference does not need.
    fn report(&self, seed: u64, batch: &[Made], first: Mismatch) -> String {
        let find = |words: &Command| batch.iter().find(|made| made.words == *words);
        let made = |words: &[Command]| words.iter().filter_map(find).collect::<Vec<_>>();
        let words: Vec<_> = batch.iter().map(|made| made.words.clone()).collect();
        let (left, last) = shortest(&words, first, |shorter| self.run(&made(shorter)));
        report(seed, &format!("{:?}", self.dialect), &left, &last)
    }
}

/// Returns a reply with its error on one line: 7.2 leaves line feeds there for which others put spaces.
fn on_one_line(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(error) = raw.strip_suffix(b"\r\n").filter(|error| error.starts_with(b"-")) else {
        return raw.into();
    };
    let text = error.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte });
    text.chain(*b"\r\n").collect()
}

fn replies(client: &mut Client, requests: &[&Made]) -> impl Iterator<Item = Reply> {
    for request in requests {
        client.send_command(&request.words);
    }
    requests.iter().map(|_| {
        let (value, raw) = client.read();
        Reply { value, raw }
    })
}

/// Runs every batch on both; at the first difference shrinks the batch and reports.
fn compare_all(dialect: Dialect) {
    let (subject, oracle) = (Subject::start(), Stock::oracle(&[]));
    let grammar = Grammar::known_to(&oracle);
    let is_new = oracle.version() >= (7, 2);
    let traits =
        Traits { writes_shortest: is_new, left_out: if is_new { &LEFT_OUT_OF_7_2 } else { &[] } };
    let pair = Pair { ours: &subject, stock: &oracle, dialect };
    for seed in seeds_of(BATCHES) {
        let batch = batch(seed, &grammar, traits);
        if let Err(mismatch) = pair.run(&batch.iter().collect::<Vec<_>>()) {
            panic!("{}", pair.report(seed, &batch, mismatch));
        }
    }
}

#[test]
fn scripts_answer_as_those_of_stock_in_resp2() {
    compare_all(Dialect::Resp2);
}

#[test]
fn scripts_answer_as_those_of_stock_in_resp3() {
    compare_all(Dialect::Resp3);
}
