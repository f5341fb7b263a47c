//! Removes elements by their places or by what they are.

use crate::command::generic::remove_key;
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Key, List};

use super::pop::{drop_cut, notify_removed};
use super::words::{integer, range};

/// `LTRIM key start stop`: leaves the elements from one place to another.
pub fn ltrim(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let (start, stop) = (integer(call.args.word(2))?, integer(call.args.word(3))?);
    let Some(list) = call.data.peek_list(&key)? else {
        call.reply.ok();
        return Ok(Flow::Done);
    };
    let len = list.len();
    let kept = range(start, stop, len);
    let removed = len - kept.len();
    if removed == 0 {
        // As in stock, whoever watches the key hears of it all the same.
        call.data.touched_in(call.data.database, &key);
        call.data.notify(Classes::LIST, "ltrim", &key);
        call.reply.ok();
        return Ok(Flow::Done);
    }
    let is_gone = kept.is_empty();
    if is_gone {
        remove_key(call, &key);
    } else {
        let clock = call.data.clock();
        let mut db = call.data.db();
        let Some(mut list) = db.list_mut_used(&key, clock) else { unreachable!("just seen") };
        let cuts = [kept.end..len, 0..kept.start].map(|places| list.remove(places));
        for cut in cuts {
            drop_cut(call, cut);
        }
    }
    call.data.changed(&key);
    call.data.effect.changed(removed as u64 - 1);
    notify_removed(call, &key, "ltrim", is_gone);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `LREM key count element`: removes the first so many that equal it, the last ones if negative, or all.
pub fn lrem(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let count = integer(call.args.word(2))?;
    let list = call.data.peek_list(&key)?;
    let places = list.map(|list| places_of(call.args.word(3), list, count)).unwrap_or_default();
    if !places.is_empty() {
        remove_places(call, &key, &places);
        call.data.effect.changed(places.len() as u64 - 1);
    }
    call.reply.count(places.len());
    Ok(Flow::Done)
}

fn remove_places(call: &mut Call<'_, '_>, key: &Key<'_>, places: &[usize]) {
    let clock = call.data.clock();
    let mut db = call.data.db();
    let Some(mut list) = db.list_mut_used(key, clock) else { unreachable!("it was just seen") };
    let is_gone = list.len() == places.len();
    if is_gone {
        remove_key(call, key);
    } else {
        list.remove_each(places);
    }
    call.data.changed(key);
    notify_removed(call, key, "lrem", is_gone);
}

/// Finds the places, in ascending order, of elements that equal `wanted`.
fn places_of(wanted: &[u8], list: List<'_>, count: i64) -> Vec<usize> {
    let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    if count >= 0 {
        let found = list.iter().enumerate().filter(|(_, element)| *element == wanted);
        return found.map(|(place, _)| place).take(most).collect();
    }
    let backward = (0..list.len()).rev().zip(list.iter_back_from(list.len()));
    let found = backward.filter(|(_, element)| *element == wanted);
    let mut places: Vec<_> = found.map(|(place, _)| place).take(most).collect();
    places.reverse();
    places
}
