//! Unions, intersections and differences, told, counted or stored.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use ahash::RandomState;

use super::sources::{Keys, Scored, Source};
use super::store::store;
use super::tell::{Told, tell_all};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Member, OwnedEntry};
use crate::net::args::Args;
use crate::number::{parse_f64_strict, parse_i64_strict};

/// How sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Told,
    Stored,
    Counted,
}

/// How the scores of one member become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Least,
    Greatest,
}

/// What the words behind the keys say.
#[derive(Debug)]
struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// How far is counted; to the end if zero.
    limit: usize,
}

/// `ZUNION numkeys key [key …] [WEIGHTS …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`.
pub fn zunion(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    tell(call, Operation::Union, "zunion")
}

/// `ZINTER numkeys key [key …] [WEIGHTS …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`.
pub fn zinter(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    tell(call, Operation::Intersection, "zinter")
}

/// `ZDIFF numkeys key [key …] [WITHSCORES]`.
pub fn zdiff(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    tell(call, Operation::Difference, "zdiff")
}

/// `ZUNIONSTORE dst numkeys key [key …] [WEIGHTS …] [AGGREGATE …]`: how many were stored.
pub fn zunionstore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    keep(call, Operation::Union, "zunionstore")
}

/// `ZINTERSTORE dst numkeys key [key …] [WEIGHTS …] [AGGREGATE …]`: how many were stored.
pub fn zinterstore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    keep(call, Operation::Intersection, "zinterstore")
}

/// `ZDIFFSTORE dst numkeys key [key …]`: how many were stored.
pub fn zdiffstore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    keep(call, Operation::Difference, "zdiffstore")
}

/// `ZINTERCARD numkeys key [key …] [LIMIT limit]`: how many members are in all.
pub fn zintercard(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let keys = Keys::find(call, 1, "zintercard")?;
    let words = call.args.from(2 + keys.len());
    let options = Options::parse(words, keys.len(), Operation::Intersection, Use::Counted)?;
    let limit = if options.limit == 0 { usize::MAX } else { options.limit };
    let mut count = 0;
    keys.sources(&mut call.data, options.weights, |sources| {
        each_in_all(sources, Aggregate::Sum, |_| {
            count += 1;
            if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    });
    call.reply.count(count);
    Ok(Flow::Done)
}

fn tell(call: &mut Call<'_, '_>, operation: Operation, name: &str) -> Result<Flow, Fault> {
    let keys = Keys::find(call, 1, name)?;
    let words = call.args.from(2 + keys.len());
    let options = Options::parse(words, keys.len(), operation, Use::Told)?;
    let reply = &mut call.reply;
    let pairs = Told::scores_in(reply.protocol());
    let told = if options.with_scores { pairs } else { Told::Members };
    keys.sources(&mut call.data, options.weights, |sources| {
        let scored = operation.apply(sources, options.aggregate);
        let mut members = members_of(&scored);
        members.sort_unstable_by(Member::order);
        tell_all(reply, members.into_iter(), told);
    });
    Ok(Flow::Done)
}

fn keep(call: &mut Call<'_, '_>, operation: Operation, name: &'static str) -> Result<Flow, Fault> {
    let keys = Keys::find(call, 2, name)?;
    let words = call.args.from(3 + keys.len());
    let options = Options::parse(words, keys.len(), operation, Use::Stored)?;
    let keyspace = call.data.keyspace;
    let made = keys.sources(&mut call.data, options.weights, |sources| {
        let scored = operation.apply(sources, options.aggregate);
        OwnedEntry::of_sorted_set(members_of(&scored), keyspace)
    });
    let key = call.key(1);
    let count = store(call, &key, Some(made), name);
    call.reply.count(count);
    Ok(Flow::Done)
}

fn members_of<'s>(scored: &'s [Scored<'_>]) -> Vec<Member<'s>> {
    scored.iter().map(|(bytes, score)| Member { bytes, score: *score }).collect()
}

impl Operation {
    /// Combines sources, each with its weight; the result has no order.
    fn apply(self, sources: Vec<(Source<'_>, f64)>, by: Aggregate) -> Vec<Scored<'_>> {
        let mut found = Vec::new();
        match self {
            Self::Union => found = union(sources, by),
            Self::Intersection => each_in_all(sources, by, |scored| {
                found.push(scored);
                ControlFlow::Continue(())
            }),
            Self::Difference => {
                let Some(((first, _), others)) = sources.split_first() else { return found };
                first.each(|(member, score)| {
                    if others.iter().all(|(other, _)| other.score(&member).is_none()) {
                        found.push((member, score));
                    }
                    ControlFlow::Continue(())
                });
            }
        }
        found
    }
}

/// Puts the smallest source first: sums of scores depend on the order in which they are added.
fn in_order(mut sources: Vec<(Source<'_>, f64)>) -> Vec<(Source<'_>, f64)> {
    sources.sort_by_key(|(source, _)| source.len());
    sources
}

fn union(sources: Vec<(Source<'_>, f64)>, by: Aggregate) -> Vec<Scored<'_>> {
    let sources = in_order(sources);
    let largest = sources.last().map_or(0, |(source, _)| source.len());
    let mut scores: HashMap<Cow<'_, [u8]>, f64, RandomState> =
        HashMap::with_capacity_and_hasher(largest, RandomState::new());
    for (source, weight) in sources {
        source.each(|(member, score)| {
            let score = weighed(weight, score);
            match scores.entry(member) {
                Entry::Vacant(place) => drop(place.insert(score)),
                Entry::Occupied(mut held) => *held.get_mut() = by.join(*held.get(), score),
            }
            ControlFlow::Continue(())
        });
    }
    scores.into_iter().collect()
}

/// Visits what is in all sources until `visit` breaks off.
fn each_in_all<'s>(
    sources: Vec<(Source<'s>, f64)>,
    by: Aggregate,
    mut visit: impl FnMut(Scored<'s>) -> ControlFlow<()>,
) {
    let sources = in_order(sources);
    let Some(((smallest, weight), others)) = sources.split_first() else { return };
    smallest.each(|(member, score)| {
        let first = weighed(*weight, score);
        let joined = others.iter().try_fold(first, |joined, (other, weight)| {
            other.score(&member).map(|score| by.join(joined, weight * score))
        });
        match joined {
            Some(score) => visit((member, score)),
            None => ControlFlow::Continue(()),
        }
    });
}

/// Weighs a score; nothing infinite times zero is zero.
fn weighed(weight: f64, score: f64) -> f64 {
    zero_for_nan(weight * score)
}

fn zero_for_nan(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number }
}

impl Aggregate {
    fn join(self, held: f64, score: f64) -> f64 {
        match self {
            // Infinities of both signs come to zero.
            Self::Sum => zero_for_nan(held + score),
            Self::Least if score < held => score,
            Self::Greatest if score > held => score,
            Self::Least | Self::Greatest => held,
        }
    }

    fn parse(word: &[u8]) -> Option<Self> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if is("SUM") => Some(Self::Sum),
            () if is("MIN") => Some(Self::Least),
            () if is("MAX") => Some(Self::Greatest),
            () => None,
        }
    }
}

impl Options {
    fn parse(words: Args<'_>, keys: usize, operation: Operation, used: Use) -> Result<Self, Fault> {
        let mut options = Self {
            weights: vec![1.0; keys],
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let joins = operation != Operation::Difference && used != Use::Counted;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if joins && words.len() >= keys && is("WEIGHTS") {
                for (weight, word) in options.weights.iter_mut().zip(&mut words) {
                    *weight = parse_f64_strict(word).ok_or(NOT_A_WEIGHT)?;
                }
            } else if joins && words.len() >= 1 && is("AGGREGATE") {
                let aggregate = words.next().and_then(Aggregate::parse);
                options.aggregate = aggregate.ok_or(Fault::SYNTAX)?;
            } else if used == Use::Told && is("WITHSCORES") {
                options.with_scores = true;
            } else if used == Use::Counted && words.len() >= 1 && is("LIMIT") {
                let limit = words.next().and_then(parse_i64_strict);
                let limit = limit.and_then(|limit| usize::try_from(limit).ok());
                options.limit = limit.ok_or(NEGATIVE_LIMIT)?;
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        Ok(options)
    }
}

const NOT_A_WEIGHT: Fault = Fault::fixed("ERR weight value is not a float");
const NEGATIVE_LIMIT: Fault = Fault::fixed("ERR LIMIT can't be negative");
