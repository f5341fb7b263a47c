//! `SINTER` and its kin: what is in all of several sets.

use super::combine::{find_keys, set_of, store, tell};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Set, SetBuilder, Str};
use crate::number::parse_i64_strict;

/// Several sets, the smallest first.
struct Sets<'d>(Vec<Set<'d>>);

impl<'d> Sets<'d> {
    fn new(mut sets: Vec<Set<'d>>) -> Self {
        sets.sort_by_key(Set::len);
        Self(sets)
    }

    /// Walks the members that all sets have, in the order of the smallest.
    fn common(&self) -> impl Iterator<Item = Str<'d>> {
        let (first, others) = self.0.split_first().expect("a command names a key or more");
        first.iter().filter(|member| others.iter().all(|set| set.has(*member)))
    }
}

/// `SINTER key [key …]`: the members that are in all sets.
pub fn sinter(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let end = call.args.len();
    let keys: Option<Vec<_>> = find_keys(call, 1, end)?.into_iter().collect();
    let Some(keys) = keys else {
        call.reply.set(0);
        return Ok(Flow::Done);
    };
    let db = call.data.db();
    let sets = Sets::new(keys.iter().map(|key| set_of(&db, key)).collect());
    let begun = call.reply.defer();
    let mut count = 0;
    for member in sets.common() {
        tell(&mut call.reply, member);
        count += 1;
    }
    call.reply.set_since(begun, count);
    Ok(Flow::Done)
}

/// `SINTERCARD numkeys key [key …] [LIMIT limit]`: how many members are in all sets, up to a limit.
pub fn sintercard(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (keys_end, limit) = parse_card(call)?;
    let keys: Option<Vec<_>> = find_keys(call, 2, keys_end)?.into_iter().collect();
    let Some(keys) = keys else {
        call.reply.integer(0);
        return Ok(Flow::Done);
    };
    let db = call.data.db();
    let sets = Sets::new(keys.iter().map(|key| set_of(&db, key)).collect());
    call.reply.count(sets.common().take(limit).count());
    Ok(Flow::Done)
}

/// Reads where the keys end, and the limit.
fn parse_card(call: &Call<'_, '_>) -> Result<(usize, usize), Fault> {
    const NOT_POSITIVE: Fault = Fault::fixed("ERR numkeys should be greater than 0");
    const TOO_MANY: Fault = Fault::fixed("ERR Number of keys can't be greater than number of args");
    const NEGATIVE: Fault = Fault::fixed("ERR LIMIT can't be negative");
    let count = parse_i64_strict(call.args.word(1)).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count > 0).ok_or(NOT_POSITIVE)?;
    if count > call.args.len() - 2 {
        return Err(TOO_MANY);
    }
    let mut limit = usize::MAX;
    let mut options = call.args.from(count + 2).iter();
    while let Some(option) = options.next() {
        let value = options.next().filter(|_| option.eq_ignore_ascii_case(b"LIMIT"));
        let value = parse_i64_strict(value.ok_or(Fault::SYNTAX)?);
        let value = value.and_then(|limit| usize::try_from(limit).ok()).ok_or(NEGATIVE)?;
        limit = if value == 0 { usize::MAX } else { value };
    }
    Ok((count + 2, limit))
}

/// `SINTERSTORE destination key [key …]`: keeps what is in all sets, and counts it.
pub fn sinterstore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let end = call.args.len();
    let keys: Option<Vec<_>> = find_keys(call, 2, end)?.into_iter().collect();
    let result = intersect(call, keys.as_deref().unwrap_or_default());
    store(call, result, "sinterstore");
    Ok(Flow::Done)
}

/// Builds what is in the sets of all keys; of no keys, nothing.
fn intersect<'c>(call: &mut Call<'c, '_>, keys: &[crate::keyspace::Key<'_>]) -> SetBuilder<'c> {
    let keyspace = call.data.keyspace;
    let mut result = keyspace.set_builder();
    if keys.is_empty() {
        return result;
    }
    let db = call.data.db();
    let sets = Sets::new(keys.iter().map(|key| set_of(&db, key)).collect());
    if !sets.0[0].is_integers() {
        result = result.as_strings();
    }
    for member in sets.common() {
        result.insert(member);
    }
    result.compact();
    result
}
