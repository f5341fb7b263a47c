//! Picks fields at random.

use std::collections::HashSet;

use crate::command::{Call, Fault, Flow};
use crate::keyspace::Hash;
use crate::keyspace::dice::random_below;
use crate::net::number::parse_i64_strict;
use crate::net::{Protocol, Reply};

/// How long a reply of repeated picks may become: as long as the longest string.
const PICKS_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The shortest element of a reply: an empty bulk string.
const ELEMENT_BYTES_MIN: u64 = 6;

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

const OUT_OF_RANGE: Fault = Fault::fixed("ERR value is out of range");

fn parse_count(text: &[u8]) -> Result<i64, Fault> {
    match parse_i64_strict(text) {
        None => Err(Fault::NOT_AN_INTEGER),
        Some(i64::MIN) => Err(Fault::of(format!(
            "ERR value is out of range, value must between {} and {}",
            -i64::MAX,
            i64::MAX
        ))),
        Some(count) => Ok(count),
    }
}

/// Writes `count` picks, each independent of the others.
///
/// Redis goes on until its memory is gone; here a reply that would be too long is refused.
fn pick_repeatedly(
    reply: &mut Reply<'_>,
    hash: Hash<'_>,
    count: u64,
    told: Told,
) -> Result<(), Fault> {
    if count > PICKS_BYTES_MAX as u64 / ELEMENT_BYTES_MIN {
        return Err(OUT_OF_RANGE);
    }
    // A packed hash is walked to reach a pair, and so is walked once for all picks.
    let pairs: Option<Vec<_>> = hash.is_packed().then(|| hash.iter().collect());
    let begun = reply.buffer().len();
    begin(reply, count as usize, told);
    for _ in 0..count {
        let index = random_below(hash.len());
        let picked = match &pairs {
            Some(pairs) => Some(pairs[index]),
            None => hash.nth(index),
        };
        let Some(pair) = picked else { unreachable!("the index is below the number of fields") };
        tell(reply, pair, told);
        if reply.buffer().len() - begun > PICKS_BYTES_MAX {
            reply.buffer().truncate(begun);
            return Err(OUT_OF_RANGE);
        }
    }
    Ok(())
}

/// Writes `count` different fields, or all if there are no more.
fn pick_different(reply: &mut Reply<'_>, hash: Hash<'_>, count: u64, told: Told) {
    let len = hash.len();
    let count = usize::try_from(count).map_or(len, |count| count.min(len));
    begin(reply, count, told);
    if hash.is_packed() || count > len / 3 {
        // Every pair is taken with the chance that leaves each set of `count` equally likely.
        let mut wanted = count;
        for (index, pair) in hash.iter().enumerate() {
            if random_below(len - index) < wanted {
                tell(reply, pair, told);
                wanted -= 1;
            }
        }
        return;
    }
    let mut taken = HashSet::with_capacity(count);
    while taken.len() < count {
        let index = random_below(len);
        if taken.insert(index)
            && let Some(pair) = hash.nth(index)
        {
            tell(reply, pair, told);
        }
    }
}

fn begin(reply: &mut Reply<'_>, picks: usize, told: Told) {
    let flat = told == Told::Pairs && reply.protocol() == Protocol::Resp2;
    reply.array(if flat { picks * 2 } else { picks });
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
