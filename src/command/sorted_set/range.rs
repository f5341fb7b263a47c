//! Ranges of members, told or stored: `ZRANGE` and its older kin, `ZRANGESTORE`.

use std::ops::Range;

use super::bounds::{Bounds, By};
use super::store::{store, store_by_name};
use super::tell::{Told, tell_all};
use crate::command::room::words_bytes;
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{OwnedEntry, SortedSet};
use crate::net::args::Args;
use crate::number::parse_i64_strict;

/// Which end of a range comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// Whether scores may be asked for: not where the range is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scores {
    Optional,
    Refused,
}

/// What the name of a command says, so that an option cannot.
#[derive(Clone, Copy, Debug, Default)]
struct Named {
    by: Option<By>,
    order: Option<Order>,
}

/// A range that was asked for.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    bounds: Bounds<'a>,
    order: Order,
    /// Whether members are told with their scores.
    with_scores: bool,
    /// How many members are left out at first; all if negative.
    skipped: i64,
    /// How many members are wanted; all if negative.
    count: i64,
}

/// `ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`.
pub fn zrange(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    told(call, Named::default())
}

/// `ZREVRANGE key start stop [WITHSCORES]`: ranks count from the highest member.
pub fn zrevrange(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    told(call, Named { by: Some(By::Rank), order: Some(Order::Descending) })
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`.
pub fn zrangebyscore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    told(call, Named { by: Some(By::Score), order: Some(Order::Ascending) })
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`.
pub fn zrevrangebyscore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    told(call, Named { by: Some(By::Score), order: Some(Order::Descending) })
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`.
pub fn zrangebylex(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    told(call, Named { by: Some(By::Member), order: Some(Order::Ascending) })
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`.
pub fn zrevrangebylex(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    told(call, Named { by: Some(By::Member), order: Some(Order::Descending) })
}

/// `ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]`: how many were stored.
pub fn zrangestore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    /// Of a score.
    const DIGITS_MAX: usize = 32;
    let wanted = Wanted::parse(call.args.from(3), Named::default(), Scores::Refused)?;
    let (to, from) = (call.key(1), call.key(2));
    let keyspace = call.data.keyspace;
    let (mut made, mut is_doubtful, mut bytes) = (None, false, 0);
    if let Some(set) = call.data.read_sorted_set(&from)? {
        is_doubtful = matches!(wanted.bounds, Bounds::Members(..)) && !set.has_one_score();
        let members: Vec<_> = set.range(wanted.ranks(&set)).collect();
        if is_doubtful {
            bytes = words_bytes(members.iter().flat_map(|m| [DIGITS_MAX, m.bytes.len()]));
        }
        made = Some(OwnedEntry::of_sorted_set(members, keyspace));
    }
    call.make_room(bytes)?;
    let store = if is_doubtful { store_by_name } else { store };
    let count = store(call, &to, made, "zrangestore");
    call.reply.count(count);
    Ok(Flow::Done)
}

/// Writes the range that the words from the second on tell.
fn told(call: &mut Call<'_, '_>, named: Named) -> Result<Flow, Fault> {
    let wanted = Wanted::parse(call.args.from(2), named, Scores::Optional)?;
    let key = call.key(1);
    let Some(set) = call.data.read_sorted_set(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    let (ranks, reply) = (wanted.ranks(&set), &mut call.reply);
    let pairs = Told::scores_in(reply.protocol());
    let told = if wanted.with_scores { pairs } else { Told::Members };
    match wanted.order {
        Order::Ascending => tell_all(reply, set.range(ranks), told),
        Order::Descending => tell_all(reply, set.range_back(ranks), told),
    }
    Ok(Flow::Done)
}

impl<'a> Wanted<'a> {
    /// Reads the two ends and the options behind them.
    fn parse(words: Args<'a>, named: Named, scores: Scores) -> Result<Self, Fault> {
        let Named { mut by, mut order } = named;
        let (mut with_scores, mut skipped, mut count) = (false, 0, -1);
        let mut options = words.from(2).iter();
        while let Some(word) = options.next() {
            let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
            if is("WITHSCORES") && scores == Scores::Optional {
                with_scores = true;
            } else if is("LIMIT") && options.len() >= 2 {
                let mut number =
                    || options.next().and_then(parse_i64_strict).ok_or(Fault::NOT_AN_INTEGER);
                (skipped, count) = (number()?, number()?);
            } else if is("REV") && order.is_none() {
                order = Some(Order::Descending);
            } else if is("BYLEX") && by.is_none() {
                by = Some(By::Member);
            } else if is("BYSCORE") && by.is_none() {
                by = Some(By::Score);
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        let (by, order) = (by.unwrap_or(By::Rank), order.unwrap_or(Order::Ascending));
        if count != -1 && by == By::Rank {
            return Err(LIMIT_BY_RANK);
        }
        if with_scores && by == By::Member {
            return Err(SCORES_BY_MEMBER);
        }
        let (low, high) = match (order, by) {
            (Order::Ascending, _) | (_, By::Rank) => (words.word(0), words.word(1)),
            (Order::Descending, _) => (words.word(1), words.word(0)),
        };
        // The offset of a range of ranks is read and without a meaning.
        let skipped = if by == By::Rank { 0 } else { skipped };
        let bounds = Bounds::parse(by, low, high)?;
        Ok(Self { bounds, order, with_scores, skipped, count })
    }

    /// Finds the ranks of the members wanted.
    fn ranks(&self, set: &SortedSet<'_>) -> Range<usize> {
        let mut ranks = self.bounds.ranks(set);
        if self.order == Order::Descending && matches!(self.bounds, Bounds::Ranks(..)) {
            ranks = set.len() - ranks.end..set.len() - ranks.start;
        }
        let at_most = |number: i64, len: usize| usize::try_from(number).map_or(len, |n| n.min(len));
        let skipped = at_most(self.skipped, ranks.len());
        let count = at_most(self.count, ranks.len() - skipped);
        match self.order {
            Order::Ascending => ranks.start + skipped..ranks.start + skipped + count,
            Order::Descending => ranks.end - skipped - count..ranks.end - skipped,
        }
    }
}

const LIMIT_BY_RANK: Fault = Fault::fixed(
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
);
const SCORES_BY_MEMBER: Fault =
    Fault::fixed("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
