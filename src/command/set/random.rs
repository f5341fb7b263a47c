//! Picks members at random.

use super::combine::tell;
use super::write::{note, notify_removed};
use crate::command::generic::remove_key;
use crate::command::picks::{self, parse_count};
use crate::command::room::words_bytes;
use crate::command::{Call, Fault, Flow};
use crate::keyspace::Key;
use crate::keyspace::dice::random_below;
use crate::number::parse_i64_strict;

/// How many members one `SREM` of the effect names at most, as stock has it.
const REMOVED_AT_ONCE_MAX: usize = 1024;

const NOT_POSITIVE: Fault = Fault::fixed("ERR value is out of range, must be positive");

/// `SRANDMEMBER key [count]`: one member, or `count` different ones.
///
/// A negative count asks for that many independent picks.
pub fn srandmember(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let Some(count) = call.args.get(2) else {
        let set = call.data.read_set(&key)?;
        match set.and_then(|set| set.nth(random_below(set.len()))) {
            Some(member) => tell(&mut call.reply, member),
            None => call.reply.null(),
        }
        return Ok(Flow::Done);
    };
    if call.args.len() > 3 {
        return Err(Fault::SYNTAX);
    }
    let count = parse_count(count)?;
    let Some(set) = call.data.read_set(&key)? else {
        call.reply.array(0);
        return Ok(Flow::Done);
    };
    if count < 0 {
        let listed: Option<Vec<_>> = set.is_packed().then(|| set.iter().collect());
        let count = count.unsigned_abs();
        let nth = |index| set.nth(index);
        picks::repeatedly(&mut call.reply, count, 1, set.len(), listed.as_deref(), nth, tell)?;
        return Ok(Flow::Done);
    }
    let picked = picks::different(count.unsigned_abs(), set.len());
    call.reply.array(picked.len());
    let how = (set.len(), set.is_packed());
    let nth = |index| set.nth(index);
    picks::visit(picked, how, set.iter(), nth, |member| tell(&mut call.reply, member));
    Ok(Flow::Done)
}

/// `SPOP key [count]`: removes one member, or `count` of them, and tells which.
///
/// The effect names what was removed.
pub fn spop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    match call.args.len() {
        2 => pop_one(call, &key)?,
        3 => pop_several(call, &key)?,
        _ => return Err(Fault::SYNTAX),
    }
    Ok(Flow::Done)
}

fn pop_one(call: &mut Call<'_, '_>, key: &Key<'_>) -> Result<(), Fault> {
    let Some(len) = call.data.peek_set(key)?.map(|set| set.len()) else {
        call.reply.null();
        return Ok(());
    };
    let popped = take(call, key, &[random_below(len)])?;
    call.reply.bulk(&popped[0]);
    Ok(())
}

fn pop_several(call: &mut Call<'_, '_>, key: &Key<'_>) -> Result<(), Fault> {
    let count = parse_i64_strict(call.args.word(2)).and_then(|count| u64::try_from(count).ok());
    let count = count.ok_or(NOT_POSITIVE)?;
    let len = call.data.peek_set(key)?.map_or(0, |set| set.len());
    if count < len as u64 {
        if count == 0 {
            call.reply.set(0);
            return Ok(());
        }
        let popped = take(call, key, &picks::different(count, len))?;
        call.reply.set(popped.len());
        for member in &popped {
            call.reply.bulk(member);
        }
        return Ok(());
    }
    call.reply.set(len);
    let Some(set) = call.data.peek_set(key)? else { return Ok(()) };
    set.iter().for_each(|member| tell(&mut call.reply, member));
    remove_key(call, key);
    note(call, key, len);
    notify_removed(call, key, "spop", true);
    call.data.effect.rewrite(&[b"DEL", key.bytes()]);
    Ok(())
}

/// Removes the members at these indices, which ascend.
fn take(call: &mut Call<'_, '_>, key: &Key<'_>, picked: &[usize]) -> Result<Vec<Vec<u8>>, Fault> {
    let bytes = effect_bytes(call, key, picked);
    call.make_room(bytes)?;
    let clock = call.data.clock();
    let mut db = call.data.db();
    db.touch(key, clock);
    let Some(mut set) = db.set_mut(key) else { unreachable!("the set was just seen") };
    let taken = set.take(picked);
    let is_gone = set.is_empty();
    if is_gone {
        remove_key(call, key);
    }
    note(call, key, taken.len());
    notify_removed(call, key, "spop", is_gone);
    for part in taken.chunks(REMOVED_AT_ONCE_MAX) {
        let mut words: Vec<&[u8]> = vec![b"SREM", key.bytes()];
        words.extend(part.iter().map(Vec::as_slice));
        call.data.effect.rewrite(&words);
    }
    Ok(taken)
}

/// Tells how much it takes to name what is at these indices, at most.
fn effect_bytes(call: &mut Call<'_, '_>, key: &Key<'_>, picked: &[usize]) -> usize {
    let Ok(Some(set)) = call.data.peek_set(key) else { unreachable!("the set was just seen") };
    let commands = picked.len() / REMOVED_AT_ONCE_MAX + 1;
    let members = if set.is_packed() || picks::are_many(picked.len(), set.len()) {
        words_bytes(set.iter().map(|member| member.len()))
    } else {
        words_bytes(picked.iter().filter_map(|index| set.nth(*index)).map(|member| member.len()))
    };
    members + commands * words_bytes([4, key.bytes().len()])
}
