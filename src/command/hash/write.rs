//! Sets and removes fields.

use crate::command::{Call, Classes, Data, Fault, Flow};
use crate::keyspace::{FieldSet, Key};

/// `HSET key field value [field value …]`: how many fields are new.
pub fn hset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let created = set_pairs(call, "ERR wrong number of arguments for 'hset' command")?;
    call.reply.count(created);
    Ok(Flow::Done)
}

/// `HMSET key field value [field value …]`: as [`hset`], without telling how many are new.
pub fn hmset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    set_pairs(call, "ERR wrong number of arguments for 'hmset' command")?;
    call.reply.ok();
    Ok(Flow::Done)
}

/// `HSETNX key field value`: 1 if the field was not there.
pub fn hsetnx(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let (field, value) = (call.args.word(2), call.args.word(3));
    if call.data.peek_hash(&key)?.is_some_and(|hash| hash.contains(field)) {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    set_field(&mut call.data, &key, field, value);
    call.data.notify(Classes::HASH, "hset", &key);
    call.reply.integer(1);
    Ok(Flow::Done)
}

/// `HDEL key field [field …]`: how many fields were there; a hash without fields is no more.
pub fn hdel(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let fields = call.args.from(2);
    if call.data.peek_hash(&key)?.is_none() {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let mut db = call.data.db();
    let Some(mut hash) = db.hash_mut(&key) else { unreachable!("the hash was just seen") };
    let removed = fields.iter().filter(|field| hash.remove(field)).count();
    let is_gone = hash.is_empty();
    if is_gone {
        db.remove(&key);
    }
    if removed > 0 {
        let clock = call.data.clock();
        call.data.db().touch(&key, clock);
        call.data.changed(&key);
        call.data.effect.changed(removed as u64 - 1);
        call.data.notify(Classes::HASH, "hdel", &key);
        if is_gone {
            call.data.notify(Classes::GENERIC, "del", &key);
        }
    }
    call.reply.count(removed);
    Ok(Flow::Done)
}

/// Gives one field of a hash its value; an absent hash is created.
///
/// The caller has seen that the key holds nothing of another type.
pub(super) fn set_field(data: &mut Data<'_, '_>, key: &Key<'_>, field: &[u8], value: &[u8]) {
    let clock = data.clock();
    data.db().hash_or_create(key, clock).set(field, value);
    data.changed(key);
}

/// Sets the fields of a request to their values; counts the new ones.
fn set_pairs(call: &mut Call<'_, '_>, odd: &'static str) -> Result<usize, Fault> {
    let pairs = call.args.from(2);
    if !pairs.len().is_multiple_of(2) {
        return Err(Fault::fixed(odd));
    }
    let key = call.key(1);
    call.data.peek_hash(&key)?;
    let clock = call.data.clock();
    let mut db = call.data.db();
    let mut hash = db.hash_or_create(&key, clock);
    let mut created = 0;
    let mut words = pairs.iter();
    while let (Some(field), Some(value)) = (words.next(), words.next()) {
        created += usize::from(hash.set(field, value) == FieldSet::Created);
    }
    call.data.changed(&key);
    call.data.notify(Classes::HASH, "hset", &key);
    // Redis counts each pair as a change; `save` points go by that count.
    call.data.effect.changed(pairs.len() as u64 / 2 - 1);
    Ok(created)
}
