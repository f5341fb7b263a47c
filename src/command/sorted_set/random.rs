//! Picks members at random.

use super::tell::{Told, begin, tell, width};
use crate::command::picks::{self, OUT_OF_RANGE, parse_count};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::SortedSet;
use crate::keyspace::dice::random_below;
use crate::net::Reply;

/// `ZRANDMEMBER key [count [WITHSCORES]]`: one member, or `count` different ones.
///
/// A negative count asks for that many independent picks.
pub fn zrandmember(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let Some(count) = call.args.get(2) else {
        let set = call.data.read_sorted_set(&key)?;
        let picked = set.and_then(|set| set.nth(random_below(set.len())));
        call.reply.bulk_or_null(picked.map(|member| member.bytes));
        return Ok(Flow::Done);
    };
    let count = parse_count(count)?;
    let told = match (call.args.get(3), call.args.len()) {
        (None, _) => Told::Members,
        (Some(word), 4) if word.eq_ignore_ascii_case(b"WITHSCORES") => {
            Told::scores_in(call.reply.protocol())
        }
        _ => return Err(Fault::SYNTAX),
    };
    if told != Told::Members && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE);
    }
    let Some(set) = call.data.read_sorted_set(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    if count < 0 {
        pick_repeatedly(&mut call.reply, &set, count.unsigned_abs(), told)?;
    } else {
        pick_different(&mut call.reply, &set, count.unsigned_abs(), told);
    }
    Ok(Flow::Done)
}

/// Writes `count` picks, each independent of the others.
fn pick_repeatedly(
    reply: &mut Reply<'_>,
    set: &SortedSet<'_>,
    count: u64,
    told: Told,
) -> Result<(), Fault> {
    let listed: Option<Vec<_>> = set.is_packed().then(|| set.iter().collect());
    let nth = |rank| set.nth(rank);
    let tell = |reply: &mut Reply<'_>, member| tell(reply, member, told);
    picks::repeatedly(reply, count, width(told), set.len(), listed.as_deref(), nth, tell)
}

/// Writes `count` different members, or all if there are no more.
fn pick_different(reply: &mut Reply<'_>, set: &SortedSet<'_>, count: u64, told: Told) {
    let picked = picks::different(count, set.len());
    begin(reply, picked.len(), told);
    let how = (set.len(), set.is_packed());
    let nth = |rank| set.nth(rank);
    picks::visit(picked, how, set.iter(), nth, |member| tell(reply, member, told));
}
