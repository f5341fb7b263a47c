//! Commands that look at keys without reading their values.

use crate::command::{Call, Data, Fault, Flow};
use crate::keyspace::{Entry, Key};

/// Runs `EXISTS`.
pub fn exists(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let mut found = 0;
    for index in 1..call.args.len() {
        let key = call.key(index);
        found += i64::from(look(&mut call.data, &key).is_some());
    }
    call.reply.integer(found);
    Ok(Flow::Done)
}

/// Runs `TOUCH`.
pub fn touch(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let clock = call.data.clock();
    let mut found = 0;
    for index in 1..call.args.len() {
        let key = call.key(index);
        if look(&mut call.data, &key).is_some() {
            found += 1;
            // Even for a client whose reads leave no trace: this command is for nothing else.
            call.data.db().touch(&key, clock);
        }
    }
    call.reply.integer(found);
    Ok(Flow::Done)
}

/// Runs `TYPE`.
pub fn type_of(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let name = look(&mut call.data, &key).map_or("none", |entry| entry.kind().name());
    call.reply.simple(name);
    Ok(Flow::Done)
}

/// Finds a live key as a read that is counted but leaves the access time alone.
pub(super) fn look<'d>(data: &'d mut Data<'_, '_>, key: &Key<'_>) -> Option<Entry<'d>> {
    if data.is_live(key) {
        data.hits += 1;
    } else {
        data.missed(key);
        return None;
    }
    data.locked.db(data.database).into_entry(key)
}

/// Does what [`look`] does, and leaves it at counting that the key is not there.
pub(super) fn look_quietly<'d>(data: &'d mut Data<'_, '_>, key: &Key<'_>) -> Option<Entry<'d>> {
    if data.is_live(key) {
        data.hits += 1;
    } else {
        data.misses += 1;
        return None;
    }
    data.locked.db(data.database).into_entry(key)
}
