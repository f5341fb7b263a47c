//! Commands that remove keys.

use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Entry, Key, Value};

/// The fields from which on a hash is freed elsewhere.
const FIELDS_LATER: usize = 64;
/// The bytes from which on a string is freed elsewhere.
const BYTES_LATER: usize = 64 * 1024;

/// Runs `DEL`.
pub fn del(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let mut removed = 0;
    for index in 1..call.args.len() {
        let key = call.key(index);
        if call.data.is_live(&key) {
            remove_key(call, &key);
            call.data.changed(&key);
            removed += 1;
        }
    }
    call.reply.integer(removed);
    Ok(Flow::Done)
}

/// Runs `UNLINK`, which is what `DEL` does here: large values are freed elsewhere either way.
pub fn unlink(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    del(call)
}

/// Removes a key of the selected database; freeing a large value is left to another thread.
pub(in crate::command) fn remove_key(call: &mut Call<'_, '_>, key: &Key<'_>) {
    remove_key_in(call, call.data.database, key);
}

/// Does what [`remove_key`] does in another database.
pub(super) fn remove_key_in(call: &mut Call<'_, '_>, database: usize, key: &Key<'_>) {
    let mut db = call.data.locked.db(database);
    if !db.find(key).is_some_and(|entry| is_large(&entry)) {
        db.remove(key);
        return;
    }
    if let Some(entry) = db.take(key) {
        call.host.drop_later(Box::new(entry));
    }
}

fn is_large(entry: &Entry<'_>) -> bool {
    match entry.value() {
        Value::String(string) => string.len() >= BYTES_LATER,
        value => value.elements() >= FIELDS_LATER,
    }
}
