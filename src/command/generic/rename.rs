//! Commands that give a key another name.

use crate::command::{Call, Classes, Fault, Flow};

use super::remove::remove_key;

/// Runs `RENAME`.
pub fn rename(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    rename_unless(call, |_| false)?;
    call.reply.ok();
    Ok(Flow::Done)
}

/// Runs `RENAMENX`.
pub fn renamenx(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let renamed = rename_unless(call, |taken| taken)?;
    call.reply.integer(renamed.into());
    Ok(Flow::Done)
}

/// Renames word 1 to word 2 unless `refuses` it, given whether the new name is taken.
fn rename_unless(call: &mut Call<'_, '_>, refuses: fn(bool) -> bool) -> Result<bool, Fault> {
    let (from, to) = (call.key(1), call.key(2));
    if !call.data.is_live(&from) {
        return Err(Fault::NO_SUCH_KEY);
    }
    if from.bytes() == to.bytes() {
        return Ok(false);
    }
    let taken = call.data.is_live(&to);
    if refuses(taken) {
        return Ok(false);
    }
    if taken {
        remove_key(call, &to);
    }
    let clock = call.data.clock();
    let mut db = call.data.db();
    let entry = db.take(&from).ok_or(Fault::NO_SUCH_KEY)?;
    db.insert(&to, entry, clock);
    call.data.touched_in(call.data.database, &from);
    call.data.changed(&to);
    call.data.notify_new_in(call.data.database, &to);
    call.data.notify(Classes::GENERIC, "rename_from", &from);
    call.data.notify(Classes::GENERIC, "rename_to", &to);
    Ok(true)
}
