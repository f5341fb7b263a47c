//! Sorted sets that are waited for.

use crate::command::flow::Block;
use crate::command::sorted_set::pop::{End, Several, pop_from_first, pop_one};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Kind, Wish};

use super::time::time;
use super::wait;

const SORTED_SET: Wish = Wish::Value(Kind::SortedSet);

/// `BZPOPMIN key [key …] timeout`: the lowest member of the first sorted set there is, with its key.
pub fn bzpopmin(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop_first(call, End::Lowest)
}

/// `BZPOPMAX key [key …] timeout`: as [`bzpopmin`], the highest member.
pub fn bzpopmax(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop_first(call, End::Highest)
}

/// `BZMPOP timeout numkeys key [key …] MIN|MAX [COUNT count]`: as `ZMPOP`.
pub fn bzmpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let wanted = Several::parse(call, 2)?;
    let timeout = time(call.args.word(1), call.data.now_ms)?;
    if pop_from_first(call, wanted)? {
        return Ok(Flow::Done);
    }
    Ok(wait(call, Block { keys: wanted.keys(), wish: SORTED_SET, timeout, words: None }))
}

fn pop_first(call: &mut Call<'_, '_>, end: End) -> Result<Flow, Fault> {
    let last = call.args.len() - 1;
    let timeout = time(call.args.word(last), call.data.now_ms)?;
    for index in 1..last {
        let key = call.key(index);
        if call.data.peek_sorted_set(&key)?.is_some() {
            pop_one(call, &key, end);
            return Ok(Flow::Done);
        }
    }
    Ok(wait(call, Block { keys: 1..last, wish: SORTED_SET, timeout, words: None }))
}
