//! How often a cache under `maxmemory` has what it is asked for, beside redis-server without a log.
//!
//! Keys are asked for by Zipf's law: the most wanted one twice as often as the second, three times as
//! often as the third. What is not there is set, as a cache is filled. Memory is limited to a part of
//! what all keys take, and is the same for both.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::client::Client;
use crate::contestants::Entrant;
use crate::figures::{Column, Figures, interleaved};
use crate::load::Pace;
use crate::server::Running;
use crate::table::Table;

const COLUMNS: &[Column] = &[Column::Hits, Column::Cpu];
/// How the hits should stand to those of the stock server.
const TIMES_MIN: f64 = 0.98;
const KEYS: usize = 500_000;
const VALUE_BYTES: usize = 120;
/// A third of what all keys take in a stock server.
const LIMIT: &str = "32mb";
/// How many keys are asked for at once.
const AT_ONCE: usize = 100;

/// Draws keys by Zipf's law, the same ones in each run.
struct Zipf {
    /// For each key, how likely it or one before it is wanted.
    sums: Vec<f64>,
    state: u64,
}

impl Zipf {
    fn new() -> Self {
        let mut sum = 0.0;
        let weights = (1..=KEYS).map(|rank| 1.0 / rank as f64);
        let sums = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Self { sums, state: 1 }
    }

    fn draw(&mut self) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
        let wanted = share * self.sums[KEYS - 1];
        self.sums.partition_point(|sum| *sum <= wanted).min(KEYS - 1)
    }
}

/// When keys expire that are set under one of the policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expiry {
    /// Never.
    Never,
    /// All of them late.
    Late,
    /// The less they are wanted the sooner, but all of them late.
    ByRank,
}

/// Each policy that evicts, and what it needs to have something to evict.
const POLICIES: &[(&str, Expiry)] = &[
    ("allkeys-lru", Expiry::Never),
    ("allkeys-lfu", Expiry::Never),
    ("allkeys-random", Expiry::Never),
    ("volatile-lru", Expiry::Late),
    ("volatile-lfu", Expiry::Late),
    ("volatile-random", Expiry::Late),
    ("volatile-ttl", Expiry::ByRank),
];

impl Expiry {
    /// The words of `SET` behind the value, for the key of a rank.
    fn words(self, rank: usize) -> Option<String> {
        const LATE: usize = 100_000;
        match self {
            Self::Never => None,
            Self::Late => Some(LATE.to_string()),
            Self::ByRank => Some((LATE + KEYS - rank).to_string()),
        }
    }
}

/// Runs each policy and writes its rows.
pub fn run(rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let table = Table::begin("hits of a cache, in percent", COLUMNS, out)?;
    let asked = if pace == Pace::Quick { 500_000 } else { 2_000_000 };
    for &(policy, expiry) in POLICIES {
        let limited = ["--maxmemory", LIMIT, "--maxmemory-policy", policy];
        let entrants = [Entrant::redis_bare(), Entrant::backlogd("everysec")];
        let entrants = entrants.map(|entrant| entrant.with(&limited));
        let run = |index: usize| measure(&entrants[index].start()?, asked, expiry);
        let medians = interleaved(entrants.len(), rounds, run)?;
        let names = entrants.iter().map(|entrant| &*entrant.name);
        let aims = [Aim::times_or_more(Column::Hits, TIMES_MIN)];
        table.cell(policy, names, &medians, &aims, out)?;
    }
    Ok(())
}

/// Asks for so many keys; the first half fills the cache, and does not count.
fn measure(server: &Running, asked: usize, expiry: Expiry) -> io::Result<Figures> {
    let (mut client, mut zipf) = (Client::connect(server.port)?, Zipf::new());
    ask(&mut client, &mut zipf, asked / 2, expiry)?;
    let before = server.busy()?;
    let (hits, commands) = ask(&mut client, &mut zipf, asked / 2, expiry)?;
    let busy = server.busy()?.saturating_sub(before);
    Ok(Figures::default()
        .with(Column::Hits, hits as f64 * 100.0 / (asked / 2) as f64)
        .with(Column::Cpu, busy.as_secs_f64() * 1e6 / commands as f64))
}

/// Asks for keys, and sets those that are not there; counts the hits and the commands.
fn ask(
    client: &mut Client,
    zipf: &mut Zipf,
    asked: usize,
    expiry: Expiry,
) -> io::Result<(usize, usize)> {
    let value = "x".repeat(VALUE_BYTES);
    let (mut hits, mut commands) = (0, 0);
    for _ in 0..asked / AT_ONCE {
        let ranks: Vec<_> = (0..AT_ONCE).map(|_| zipf.draw()).collect();
        let texts: Vec<_> =
            ranks.iter().map(|rank| (format!("key:{rank:08}"), expiry.words(*rank))).collect();
        let gets: Vec<_> = texts.iter().map(|(key, _)| ["GET", key]).collect();
        client.send(&gets.iter().map(<[&str; 2]>::as_slice).collect::<Vec<_>>())?;
        let mut missed = Vec::new();
        for (key, seconds) in &texts {
            if client.reply()? == "$-1" {
                let mut words = vec!["SET", key, &value];
                words.extend(seconds.iter().flat_map(|seconds| ["EX", seconds]));
                missed.push(words);
            }
        }
        client.send(&missed.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        missed.iter().try_for_each(|_| client.reply().map(drop))?;
        hits += AT_ONCE - missed.len();
        commands += AT_ONCE + missed.len();
    }
    Ok((hits, commands))
}
