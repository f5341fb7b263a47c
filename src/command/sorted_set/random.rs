//! Picks members at random.

use std::collections::HashSet;

use super::tell::{Told, begin, tell};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::SortedSet;
use crate::keyspace::dice::random_below;
use crate::net::Reply;
use crate::number::parse_i64_strict;

/// How long a reply of repeated picks may become: as long as the longest string.
const PICKS_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The shortest element of a reply: an empty bulk string.
const ELEMENT_BYTES_MIN: u64 = 6;

const OUT_OF_RANGE: Fault = Fault::fixed("ERR value is out of range");

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
    set: &SortedSet<'_>,
    count: u64,
    told: Told,
) -> Result<(), Fault> {
    if count > PICKS_BYTES_MAX as u64 / ELEMENT_BYTES_MIN {
        return Err(OUT_OF_RANGE);
    }
    // A packed sorted set is walked to reach a member, and so is walked once for all picks.
    let members: Option<Vec<_>> = set.is_packed().then(|| set.iter().collect());
    let begun = reply.buffer().len();
    begin(reply, count as usize, told);
    for _ in 0..count {
        let rank = random_below(set.len());
        let picked = match &members {
            Some(members) => Some(members[rank]),
            None => set.nth(rank),
        };
        let Some(member) = picked else { unreachable!("the rank is below the number of members") };
        tell(reply, member, told);
        if reply.buffer().len() - begun > PICKS_BYTES_MAX {
            reply.buffer().truncate(begun);
            return Err(OUT_OF_RANGE);
        }
    }
    Ok(())
}

/// Writes `count` different members, or all if there are no more.
fn pick_different(reply: &mut Reply<'_>, set: &SortedSet<'_>, count: u64, told: Told) {
    let len = set.len();
    let count = usize::try_from(count).map_or(len, |count| count.min(len));
    begin(reply, count, told);
    if set.is_packed() || count > len / 3 {
        // Every member is taken with the chance that leaves each set of `count` equally likely.
        let mut wanted = count;
        for (rank, member) in set.iter().enumerate() {
            if random_below(len - rank) < wanted {
                tell(reply, member, told);
                wanted -= 1;
            }
        }
        return;
    }
    let mut taken = HashSet::with_capacity(count);
    while taken.len() < count {
        let rank = random_below(len);
        if taken.insert(rank)
            && let Some(member) = set.nth(rank)
        {
            tell(reply, member, told);
        }
    }
}
