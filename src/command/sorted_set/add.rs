//! Adds members and changes scores: `ZADD` and `ZINCRBY`.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Key, ScoreSet};
use crate::net::args::Args;
use crate::number::parse_f64_strict;

/// Which members a command applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Absent,
    Present,
}

/// Which new scores are taken for a member that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Greater,
    Less,
}

/// What is done with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    /// It becomes the score.
    Set,
    /// It is added to the score.
    Increment,
}

/// The options before the first score.
#[derive(Clone, Copy, Debug)]
struct Options {
    condition: Option<Condition>,
    comparison: Option<Comparison>,
    verb: Verb,
    /// Whether members that got another score are counted in the reply.
    counts_moved: bool,
}

/// What was done with the pairs of a request.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    added: usize,
    moved: usize,
    /// The score that the last member had in the end, if the options allowed for one.
    score: Option<f64>,
}

/// `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member …]`: how many are new.
pub fn zadd(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    add(call, Verb::Set)
}

/// `ZINCRBY key increment member`: the sum.
pub fn zincrby(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    add(call, Verb::Increment)
}

fn add(call: &mut Call<'_, '_>, verb: Verb) -> Result<Flow, Fault> {
    let (options, pairs) = Options::parse(call.args.from(2), verb)?;
    let numbers = pairs.iter().step_by(2);
    let scores = numbers.map(|text| parse_f64_strict(text).ok_or(Fault::NOT_A_FLOAT));
    let scores = scores.collect::<Result<Vec<_>, _>>()?;
    let key = call.key(1);
    let is_there = call.data.peek_sorted_set(&key)?.is_some();
    let done = if is_there || options.condition != Some(Condition::Present) {
        add_pairs(call, &key, options, &pairs, &scores)?
    } else {
        Done::default()
    };
    if done.added + done.moved > 0 {
        call.data.changed(&key);
        call.data.effect.changed((done.added + done.moved) as u64 - 1);
        let event = if options.verb == Verb::Increment { "zincr" } else { "zadd" };
        call.data.notify(Classes::SORTED_SET, event, &key);
    }
    match (options.verb, done.score) {
        (Verb::Increment, Some(score)) => call.reply.double(score),
        (Verb::Increment, None) => call.reply.null(),
        (Verb::Set, _) if options.counts_moved => call.reply.count(done.added + done.moved),
        (Verb::Set, _) => call.reply.count(done.added),
    }
    Ok(Flow::Done)
}

/// Gives members their scores; an absent sorted set is created, and gets one member at least.
fn add_pairs(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    options: Options,
    pairs: &Args<'_>,
    scores: &[f64],
) -> Result<Done, Fault> {
    let clock = call.data.clock();
    let mut db = call.data.db();
    let mut set = db.sorted_set_or_create(key, clock);
    if set.is_empty() {
        set.announce(scores.len());
    }
    let mut done = Done::default();
    for (member, number) in pairs.iter().skip(1).step_by(2).zip(scores) {
        let score = if options.takes_all() {
            Some(*number)
        } else {
            options.decide(set.view().score(member), *number)?
        };
        if let Some(score) = score {
            match set.set(member, score) {
                ScoreSet::Added => done.added += 1,
                ScoreSet::Moved => done.moved += 1,
                ScoreSet::Same => {}
            }
        }
        done.score = score;
    }
    Ok(done)
}

impl Options {
    /// Reads the options that `words` begin with; returns them and the pairs behind them.
    fn parse(words: Args<'_>, verb: Verb) -> Result<(Self, Args<'_>), Fault> {
        let (mut is_absent, mut is_present, mut is_greater, mut is_less) = Default::default();
        let mut options = Self { condition: None, comparison: None, verb, counts_moved: false };
        let mut count = 0;
        for word in &words {
            let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
            match () {
                () if is("NX") => is_absent = true,
                () if is("XX") => is_present = true,
                () if is("GT") => is_greater = true,
                () if is("LT") => is_less = true,
                () if is("CH") => options.counts_moved = true,
                () if is("INCR") => options.verb = Verb::Increment,
                () => break,
            }
            count += 1;
        }
        let pairs = words.from(count);
        if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
            return Err(Fault::SYNTAX);
        }
        options.condition = match (is_absent, is_present) {
            (true, true) => return Err(ABSENT_AND_PRESENT),
            (true, false) => Some(Condition::Absent),
            (false, true) => Some(Condition::Present),
            (false, false) => None,
        };
        options.comparison = match (is_greater, is_less) {
            (true, true) => return Err(NOT_TOGETHER),
            (true, false) => Some(Comparison::Greater),
            (false, true) => Some(Comparison::Less),
            (false, false) => None,
        };
        if is_absent && options.comparison.is_some() {
            return Err(NOT_TOGETHER);
        }
        if options.verb == Verb::Increment && pairs.len() > 2 {
            return Err(Fault::fixed("ERR INCR option supports a single increment-element pair"));
        }
        Ok((options, pairs))
    }

    /// Tells whether every number becomes the score of its member.
    fn takes_all(self) -> bool {
        self.condition.is_none() && self.comparison.is_none() && self.verb == Verb::Set
    }

    /// Tells the score that a member gets, of the one it has and the number given.
    fn decide(self, held: Option<f64>, number: f64) -> Result<Option<f64>, Fault> {
        let Some(held) = held else {
            return Ok((self.condition != Some(Condition::Present)).then_some(number));
        };
        if self.condition == Some(Condition::Absent) {
            return Ok(None);
        }
        let score = if self.verb == Verb::Increment { held + number } else { number };
        if score.is_nan() {
            return Err(Fault::fixed("ERR resulting score is not a number (NaN)"));
        }
        let is_taken = match self.comparison {
            None => true,
            Some(Comparison::Greater) => score > held,
            Some(Comparison::Less) => score < held,
        };
        Ok(is_taken.then_some(score))
    }
}

const ABSENT_AND_PRESENT: Fault =
    Fault::fixed("ERR XX and NX options at the same time are not compatible");
const NOT_TOGETHER: Fault =
    Fault::fixed("ERR GT, LT, and/or NX options at the same time are not compatible");
