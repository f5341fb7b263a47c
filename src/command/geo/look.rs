//! Tells where members are, and how far from each other.

use crate::command::{Call, Fault, Flow};

use super::earth;
use super::hash::Point;
use super::words::{parse_unit, reply_distance, reply_point};

/// `GEODIST key member member [M | KM | FT | MI]`: the distance, or null.
pub fn geodist(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let unit = match call.args.len() {
        4 => 1.0,
        5 => parse_unit(call.args.word(4))?,
        _ => return Err(Fault::SYNTAX),
    };
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    let place_of = |word| set?.score(call.args.word(word)).map(Point::of_score);
    match (place_of(2), place_of(3)) {
        (Some(from), Some(to)) => {
            reply_distance(&mut call.reply, earth::distance(from, to) / unit);
        }
        _ => call.reply.null(),
    }
    Ok(Flow::Done)
}

/// `GEOHASH key [member …]`: the geohash of each member as text, or null.
pub fn geohash(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    let members = call.args.from(2);
    call.reply.array(members.len());
    for member in members {
        let score = set.and_then(|set| set.score(member));
        let text = score.map(|score| Point::of_score(score).text());
        call.reply.bulk_or_null(text.as_ref().map(|text| &text[..]));
    }
    Ok(Flow::Done)
}

/// `GEOPOS key [member …]`: the longitude and latitude of each member, or null.
pub fn geopos(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    let members = call.args.from(2);
    call.reply.array(members.len());
    for member in members {
        match set.and_then(|set| set.score(member)) {
            Some(score) => reply_point(&mut call.reply, Point::of_score(score)),
            None => call.reply.null_array(),
        }
    }
    Ok(Flow::Done)
}
