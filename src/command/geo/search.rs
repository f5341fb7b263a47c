//! Finds the members in an area.

use crate::command::generic::remove_key;
use crate::command::partial_sort::sort_first;
use crate::command::room::words_bytes;
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Cut, Key, Member, OwnedEntry, SortedSet, Value};
use crate::net::reply::Reply;
use crate::number::format_double;

use super::area::Area;
use super::hash::{Point, signed};
use super::query::{Choice, Form, Order, Query, Scores, Storing};
use super::words::{reply_distance, reply_point};

/// Of a distance as text.
const DIGITS_MAX: usize = 32;

/// A member in the area.
struct Found<'e> {
    member: &'e [u8],
    score: f64,
    point: Point,
    /// In meters.
    distance: f64,
}

/// `GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
/// [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]`.
pub fn georadius(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    run(call, Form::Radius(Storing::Optional))
}

/// `GEORADIUS_RO`: as [`georadius`], without storing.
pub fn georadius_ro(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    run(call, Form::Radius(Storing::Never))
}

/// `GEORADIUSBYMEMBER key member radius unit …`: as [`georadius`], around a member.
pub fn georadiusbymember(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    run(call, Form::RadiusByMember(Storing::Optional))
}

/// `GEORADIUSBYMEMBER_RO`: as [`georadiusbymember`], without storing.
pub fn georadiusbymember_ro(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    run(call, Form::RadiusByMember(Storing::Never))
}

/// `GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude
/// BYRADIUS radius unit | BYBOX width height unit [ASC | DESC] [COUNT count [ANY]]
/// [WITHCOORD] [WITHDIST] [WITHHASH]`.
pub fn geosearch(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    run(call, Form::Search)
}

/// `GEOSEARCHSTORE destination key …`: as [`geosearch`], into another key; how many were found.
pub fn geosearchstore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    run(call, Form::SearchStore)
}

fn run(call: &mut Call<'_, '_>, form: Form) -> Result<Flow, Fault> {
    let source = call.key(form.source_word());
    let keyspace = call.data.keyspace;
    let set = call.data.read_sorted_set(&source)?;
    let query = Query::parse(form, &call.args, set.as_ref())?;
    let found = match (&set, &query.area) {
        (Some(set), Some(area)) => find(set, area, &query),
        _ => Vec::new(),
    };
    let unit = query.area.map_or(1.0, |area| area.extent.unit);
    let Some(target) = query.store else {
        answer(&mut call.reply, &query, unit, &found);
        return Ok(Flow::Done);
    };
    let scored = found.iter().map(|found| match target.scores {
        Scores::Hashes => Member { bytes: found.member, score: found.score },
        Scores::Distances => Member { bytes: found.member, score: found.distance / unit },
    });
    let members: Vec<_> = scored.collect();
    let count = members.len();
    let named_bytes = match target.scores {
        Scores::Hashes => 0,
        Scores::Distances => {
            words_bytes(members.iter().flat_map(|member| [DIGITS_MAX, member.bytes.len()]))
        }
    };
    let result = (count > 0).then(|| OwnedEntry::of_sorted_set(members, keyspace));
    call.make_room(named_bytes)?;
    let key = call.key(target.word);
    store(call, &key, (result, count), target.scores, form.event());
    call.reply.count(count);
    Ok(Flow::Done)
}

/// Finds what the query asks for, in its order.
fn find<'e>(set: &SortedSet<'e>, area: &Area, query: &Query) -> Vec<Found<'e>> {
    let count = query.count.unwrap_or(usize::MAX);
    let enough = if query.choice == Choice::Any { count } else { usize::MAX };
    let mut found = Vec::new();
    'walk: for cell in area.cells() {
        let (lowest, above) = cell.scores();
        let ranks = set.ranks_by_score(Cut::Before(lowest), Cut::Before(above));
        for member in set.range(ranks) {
            let point = Point::of_score(member.score);
            if let Some(distance) = area.distance_within(point) {
                let (member, score) = (member.bytes, member.score);
                found.push(Found { member, score, point, distance });
            }
            if found.len() >= enough {
                break 'walk;
            }
        }
    }
    if let Some(order) = query.order {
        sort(&mut found, order, count);
    }
    found.truncate(count);
    found
}

/// Brings the first `count` to the front, in order.
fn sort(found: &mut [Found<'_>], order: Order, count: usize) {
    let compare = |a: &Found<'_>, b: &Found<'_>| match order {
        Order::NearestFirst => a.distance.total_cmp(&b.distance),
        Order::FarthestFirst => b.distance.total_cmp(&a.distance),
    };
    if count < found.len() {
        sort_first(found, count, compare);
    } else {
        found.sort_by(compare);
    }
}

fn answer(reply: &mut Reply<'_>, query: &Query, unit: f64, found: &[Found<'_>]) {
    let told = query.told;
    let parts = [told.distance, told.hash, told.point].into_iter().filter(|part| *part).count();
    reply.array(found.len());
    for Found { member, score, point, distance } in found {
        if parts > 0 {
            reply.array(1 + parts);
        }
        reply.bulk(member);
        if told.distance {
            reply_distance(reply, distance / unit);
        }
        if told.hash {
            reply.integer(signed(*score));
        }
        if told.point {
            reply_point(reply, *point);
        }
    }
}

/// Makes a key hold the result and nothing else; without one it is no more.
///
/// Distances go into the stream as they are, so that nobody else has to round as this server does: those of
/// Redis 7.0 and 7.2 differ in their last bits. Hashes are nobody's arithmetic, and the request will do.
fn store(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    (result, count): (Option<OwnedEntry>, usize),
    scores: Scores,
    event: &'static str,
) {
    let was_live = call.data.is_live(key);
    if !was_live && result.is_none() {
        return;
    }
    let is_kept = result.is_some();
    if let Some(result) = result {
        let clock = call.data.clock();
        call.data.db().insert(key, result, clock);
    } else {
        remove_key(call, key);
    }
    call.data.changed(key);
    let generic = (Classes::GENERIC, "del");
    let (class, event) = if is_kept { (Classes::SORTED_SET, event) } else { generic };
    call.data.notify(class, event, key);
    // Redis counts each member as a change; `save` points go by that count.
    call.data.effect.changed((count as u64).saturating_sub(1));
    if scores == Scores::Distances {
        if was_live {
            call.data.effect.rewrite(&[b"DEL", key.bytes()]);
        }
        rewrite_as_zadd(call, key);
    }
}

/// Puts what a key holds into the stream as it is, if it holds a sorted set.
fn rewrite_as_zadd(call: &mut Call<'_, '_>, key: &Key<'_>) {
    let db = call.data.locked.db(call.data.database);
    let Some(Value::SortedSet(set)) = db.find(key).map(|entry| entry.value()) else { return };
    let scores: Vec<_> = set.iter().map(|member| format_double(member.score)).collect();
    let mut words: Vec<&[u8]> = vec![b"ZADD", key.bytes()];
    for (member, score) in set.iter().zip(&scores) {
        words.extend([score.as_bytes(), member.bytes]);
    }
    call.data.effect.rewrite(&words);
}
