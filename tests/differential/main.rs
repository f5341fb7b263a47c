//! Random batches of commands to this server and to stock redis-server, replies compared byte for byte.
//!
//! `BACKLOGD_TEST_ORACLE=<program>` compares with another one than the redis-server 7.0 of Debian, and
//! then with what 7.0 does not know as well. `BACKLOGD_TEST_REPLICAS` names further replicas.
//! `BACKLOGD_SUBJECT=stock` compares stock with itself, which tests the test.
//! `BACKLOGD_SEED=<number>` repeats one batch; `BACKLOGD_BATCHES=<count>` runs more or fewer of them.

#[path = "../support/mod.rs"]
mod support;

mod both;
mod compare;
mod events;
mod floats;
mod following;
mod forms;
mod generate;
mod grammar;
mod groups;
mod long_strings;
mod normalise;
mod places;
mod requests;
mod scripts;
mod sketches;

use compare::{Dialect, Mismatch, Pair};
use generate::Grammar;
use support::random::Random;
use support::{Endpoint, Server, Stock};

/// Batches per dialect in an ordinary run.
const BATCHES: u64 = 600;
/// Commands in a batch.
const BATCH_COMMANDS: usize = 150;

/// The server under test.
enum Subject {
    Backlogd(Server),
    Stock(Stock),
}

impl Subject {
    fn start() -> Self {
        match std::env::var("BACKLOGD_SUBJECT").as_deref() {
            Ok("stock") => Self::Stock(Stock::oracle(&[])),
            _ => Self::Backlogd(Server::start(&["--enable-debug-command", "yes"])),
        }
    }
}

impl Endpoint for Subject {
    fn address(&self) -> std::net::SocketAddr {
        match self {
            Self::Backlogd(server) => server.address(),
            Self::Stock(stock) => stock.address(),
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Backlogd(server) => server.pid(),
            Self::Stock(stock) => stock.pid(),
        }
    }
}

/// The seeds of this run.
fn seeds() -> Vec<u64> {
    seeds_of(BATCHES)
}

/// The seeds of this run, so many unless the environment says otherwise.
fn seeds_of(batches: u64) -> Vec<u64> {
    let number = |name| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
    };
    match number("BACKLOGD_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("BACKLOGD_BATCHES").unwrap_or(batches)).collect(),
    }
}

fn batch(seed: u64, grammar: &Grammar) -> Vec<generate::Command> {
    let mut random = Random::new(seed);
    grammar.batch(&mut random, BATCH_COMMANDS)
}

/// Runs every batch on both; at the first difference shrinks the batch and reports.
fn compare_all(subject: &impl Endpoint, dialect: Dialect) {
    let oracle = Stock::oracle(&[]);
    let grammar = Grammar::known_to(&oracle);
    let pair = Pair::new(subject.address(), oracle.address(), dialect);
    for seed in seeds() {
        let commands = batch(seed, &grammar);
        if let Err(mismatch) = pair.run(&commands) {
            let (shortest, last) = pair.shrink(&commands, mismatch);
            panic!("{}", report(seed, &format!("{dialect:?}"), &shortest, &last));
        }
    }
}

fn report(seed: u64, dialect: &str, shortest: &[generate::Command], last: &Mismatch) -> String {
    let lines: Vec<_> = shortest.iter().map(|command| generate::shown(command)).collect();
    format!(
        "replies differ, seed {seed}, {dialect}, command {index} of the {count} left:\n{lines}\n\
         ours:  {ours}\nstock: {stock}",
        index = last.index,
        count = shortest.len(),
        lines = lines.join("\n"),
        ours = last.ours.escape_ascii(),
        stock = last.stock.escape_ascii(),
    )
}

#[test]
fn replies_equal_those_of_stock_in_resp2() {
    compare_all(&Subject::start(), Dialect::Resp2);
}

#[test]
fn replies_equal_those_of_stock_in_resp3() {
    compare_all(&Subject::start(), Dialect::Resp3);
}

#[test]
fn every_command_of_the_grammar_succeeds_somewhere() {
    let subject = Subject::start();
    let mut client = subject.connect();
    let mut random = Random::new(7);
    let mut failing: Vec<_> = generate::names();
    for _ in 0..400 {
        for name in failing.clone() {
            client.run("FLUSHALL");
            client.run("SET k0 10");
            client.run("PFADD p0 a");
            client.run("RPUSH q0 1 2 3");
            client.run("HSET h0 f0 1 f1 2 f2 x");
            client.run("GEOADD g0 15 37 f0");
            client.run("SADD s0 f0 1 f1 2 f2 x");
            client.run("XADD x0 5-1 f v");
            client.run("XGROUP CREATE x0 g0 0");
            client.run("XGROUP CREATE x0 g1 0");
            let words = generate::named(&mut random, &name);
            if !client.call(&words).is_error() {
                failing.retain(|other| *other != name);
            }
            client.run("RESET");
        }
    }
    // Outside MULTI these two are always refused.
    failing.retain(|name| !["EXEC", "DISCARD"].contains(&name.as_str()));
    assert!(failing.is_empty(), "never accepted: {failing:?}");
}
