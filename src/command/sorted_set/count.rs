//! Counts the members of a range: `ZCOUNT` and `ZLEXCOUNT`.

use super::bounds::{Bounds, By};
use crate::command::{Call, Fault, Flow};

/// `ZCOUNT key min max`: how many members have a score in between.
pub fn zcount(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    count(call, By::Score)
}

/// `ZLEXCOUNT key min max`: how many members are in between.
pub fn zlexcount(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    count(call, By::Member)
}

fn count(call: &mut Call<'_, '_>, by: By) -> Result<Flow, Fault> {
    let bounds = Bounds::parse(by, call.args.word(2), call.args.word(3))?;
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    call.reply.count(set.map_or(0, |set| bounds.ranks(&set).len()));
    Ok(Flow::Done)
}
