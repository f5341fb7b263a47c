//! Memory for each element of values small and large, beside redis-server without a log.
//!
//! Every case has a new server, since an allocator keeps what it once had. Memory is anonymous
//! memory: the pages of a mapped log belong to the page cache. Elements, fields, members and values
//! have 16 bytes.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::client::Client;
use crate::contestants::Entrant;
use crate::figures::{Column, Figures};
use crate::server::Running;
use crate::table::Table;

const COLUMNS: &[Column] = &[Column::Bytes];
/// What an element should take, beside the stock server's.
const TIMES_MAX: f64 = 0.7;
/// Elements sent before the replies are read.
const AT_ONCE: u64 = 1000;

/// One kind of data set.
struct Case {
    name: &'static str,
    command: &'static str,
    keys: u64,
    elements: u64,
    words: fn(u64) -> Vec<String>,
    /// The elements of one command.
    at_once: u64,
    times_max: f64,
}

const CASES: &[Case] = &[
    Case::new("hash of 10", "HSET", 100_000, 10, pair),
    Case::new("hash of 1000", "HSET", 1_000, 1_000, pair),
    Case::new("hash of 1 M", "HSET", 1, 1_000_000, pair),
    Case::new("list of 10", "RPUSH", 100_000, 10, member),
    Case::new("list of 1 M", "RPUSH", 1, 1_000_000, member),
    Case::new("set of 10", "SADD", 100_000, 10, member),
    Case::new("set of 1 M", "SADD", 1, 1_000_000, member),
    Case::new("sorted set of 10", "ZADD", 100_000, 10, scored),
    Case::new("sorted set of 1 M", "ZADD", 1, 1_000_000, scored),
    Case::new("stream of 1 M", "XADD", 1, 1_000_000, entry).one_by_one().aimed_at(0.9),
];

impl Case {
    const fn new(
        name: &'static str,
        command: &'static str,
        keys: u64,
        elements: u64,
        words: fn(u64) -> Vec<String>,
    ) -> Self {
        Self { name, command, keys, elements, words, at_once: 1000, times_max: TIMES_MAX }
    }

    /// Sends each element with a command of its own.
    const fn one_by_one(mut self) -> Self {
        self.at_once = 1;
        self
    }

    /// Should take so much beside the stock server's.
    const fn aimed_at(mut self, times_max: f64) -> Self {
        self.times_max = times_max;
        self
    }

    fn measure(&self, server: &Running) -> io::Result<Figures> {
        let mut client = Client::connect(server.port)?;
        // What the first use of anything takes is not the data's.
        client.call(&[&[self.command, "first"], &*texts(&(self.words)(0))].concat())?;
        let before = server.anonymous_bytes()?;
        for key in 0..self.keys {
            self.fill(&mut client, key)?;
        }
        let grown = server.anonymous_bytes()?.saturating_sub(before);
        Ok(Figures::default()
            .with(Column::Bytes, grown as f64 / (self.keys * self.elements) as f64))
    }

    fn fill(&self, client: &mut Client, key: u64) -> io::Result<()> {
        let name = format!("key:{key:08}");
        for batch in (0..self.elements).step_by(AT_ONCE as usize) {
            let batch = batch..self.elements.min(batch + AT_ONCE);
            let words: Vec<Vec<_>> = batch
                .clone()
                .step_by(self.at_once as usize)
                .map(|first| first..batch.end.min(first + self.at_once))
                .map(|n| n.flat_map(|n| (self.words)(key * self.elements + n)).collect())
                .collect();
            let requests: Vec<_> = words
                .iter()
                .map(|words| [&[self.command, &*name], &*texts(words)].concat())
                .collect();
            client.send(&requests.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
            requests.iter().try_for_each(|_| client.reply().map(drop))?;
        }
        Ok(())
    }
}

/// Runs all cases and writes their rows.
pub fn run(out: &mut impl Write) -> io::Result<()> {
    let entrants = [Entrant::redis_bare(), Entrant::backlogd("everysec")];
    let table = Table::begin("memory for each element of 16 B", COLUMNS, out)?;
    for case in CASES {
        let measure = |entrant: &Entrant| case.measure(&entrant.start()?);
        let figures = entrants.iter().map(measure).collect::<io::Result<Vec<_>>>()?;
        let names = entrants.iter().map(|entrant| &*entrant.name);
        let aims = [Aim::times_or_less(Column::Bytes, case.times_max)];
        table.cell(case.name, names, &figures, &aims, out)?;
    }
    Ok(())
}

/// Sixteen bytes that differ early and late, in no order.
fn text(number: u64) -> String {
    format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn member(number: u64) -> Vec<String> {
    vec![text(number)]
}

fn pair(number: u64) -> Vec<String> {
    vec![text(number), text(!number)]
}

fn scored(number: u64) -> Vec<String> {
    vec![(number % 1_000_003).to_string(), text(number)]
}

fn entry(number: u64) -> Vec<String> {
    vec![format!("{}-0", 1_700_000_000_000 + number), "field".to_owned(), text(number)]
}

fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
