//! Commands that remove keys.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::Key;

/// Runs `DEL`.
pub fn del(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let mut removed = 0;
    for index in 1..call.args.len() {
        let key = call.key(index);
        if call.data.is_live(&key) {
            remove_key(call, &key);
            call.data.changed(&key);
            call.data.notify(Classes::GENERIC, "del", &key);
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

/// Removes a key of the selected database.
pub(in crate::command) fn remove_key(call: &mut Call<'_, '_>, key: &Key<'_>) {
    call.data.db().remove(key);
}
