//! Reads elements by their places.

use crate::command::{Call, Fault, Flow};

use super::words::{index, integer, range};

/// `LLEN key`: how many elements there are.
pub fn llen(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let list = call.data.read_list(&key)?;
    call.reply.count(list.map_or(0, |list| list.len()));
    Ok(Flow::Done)
}

/// `LINDEX key index`: the element there, or null; the index is read only if there is a list.
pub fn lindex(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let Some(list) = call.data.read_list(&key)? else {
        call.reply.null();
        return Ok(Flow::Done);
    };
    let place = index(integer(call.args.word(2))?, list.len());
    call.reply.bulk_or_null(place.and_then(|place| list.get(place)));
    Ok(Flow::Done)
}

/// `LRANGE key start stop`: the elements from one place to another.
pub fn lrange(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let (start, stop) = (integer(call.args.word(2))?, integer(call.args.word(3))?);
    let Some(list) = call.data.read_list(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    let places = range(start, stop, list.len());
    call.reply.array(places.len());
    for element in list.iter_from(places.start).take(places.len()) {
        call.reply.bulk(element);
    }
    Ok(Flow::Done)
}
