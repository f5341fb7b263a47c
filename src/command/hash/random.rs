//! Picks fields at random.

use crate::command::picks::{self, OUT_OF_RANGE, parse_count};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::Hash;
use crate::keyspace::dice::random_below;
use crate::net::{Protocol, Reply};

/// What is told of each pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Fields,
    Pairs,
}

/// `HRANDFIELD key [count [WITHVALUES]]`: one field, or `count` different ones.
///
/// A negative count asks for that many independent picks.
pub fn hrandfield(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let Some(count) = call.args.get(2) else {
        let hash = call.data.read_hash(&key)?;
        let picked = hash.and_then(|hash| hash.nth(random_below(hash.len())));
        call.reply.bulk_or_null(picked.map(|(field, _)| field));
        return Ok(Flow::Done);
    };
    let count = parse_count(count)?;
    let told = match (call.args.get(3), call.args.len()) {
        (None, _) => Told::Fields,
        (Some(word), 4) if word.eq_ignore_ascii_case(b"WITHVALUES") => Told::Pairs,
        _ => return Err(Fault::SYNTAX),
    };
    if told == Told::Pairs && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE);
    }
    let Some(hash) = call.data.read_hash(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    if count < 0 {
        pick_repeatedly(&mut call.reply, hash, count.unsigned_abs(), told)?;
    } else {
        pick_different(&mut call.reply, hash, count.unsigned_abs(), told);
    }
    Ok(Flow::Done)
}

/// Writes `count` picks, each independent of the others.
fn pick_repeatedly(
    reply: &mut Reply<'_>,
    hash: Hash<'_>,
    count: u64,
    told: Told,
) -> Result<(), Fault> {
    let listed: Option<Vec<_>> = hash.is_packed().then(|| hash.iter().collect());
    let nth = |index| hash.nth(index);
    let width = width(reply, told);
    picks::repeatedly(reply, count, width, hash.len(), listed.as_deref(), nth, |reply, pair| {
        tell(reply, pair, told);
    })
}

/// Writes `count` different fields, or all if there are no more.
fn pick_different(reply: &mut Reply<'_>, hash: Hash<'_>, count: u64, told: Told) {
    let picked = picks::different(count, hash.len());
    reply.array(picked.len() * width(reply, told));
    let how = (hash.len(), hash.is_packed());
    let nth = |index| hash.nth(index);
    picks::visit(picked, how, hash.iter(), nth, |pair| tell(reply, pair, told));
}

/// Counts the elements of the array that a pick takes: in RESP2 a pair takes two.
fn width(reply: &Reply<'_>, told: Told) -> usize {
    if told == Told::Pairs && reply.protocol() == Protocol::Resp2 { 2 } else { 1 }
}

fn tell(reply: &mut Reply<'_>, (field, value): (&[u8], &[u8]), told: Told) {
    if told == Told::Fields {
        reply.bulk(field);
        return;
    }
    if reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    reply.bulk(field);
    reply.bulk(value);
}
