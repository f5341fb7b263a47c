//! Commands that change a part of a string.

use crate::command::{Call, Classes, Fault, Flow, Mode};
use crate::keyspace::SetExpiry;
use crate::number::parse_i64_strict;

use super::limit;

/// Runs `APPEND`.
pub fn append(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let tail = call.args.word(2);
    let clock = call.data.clock();
    let Some(value) = call.data.peek_string(&key)? else {
        call.data.db().set_string(&key, tail, SetExpiry::Clear, clock);
        call.data.changed(&key);
        call.data.notify(Classes::STRING, "append", &key);
        call.reply.count(tail.len());
        return Ok(Flow::Done);
    };
    let len = value.len();
    check_total(call, len, tail.len())?;
    call.data.db().edit_string(&key, clock, len + tail.len(), |mut string| {
        string.write(len, tail);
    });
    call.data.changed(&key);
    call.data.notify(Classes::STRING, "append", &key);
    call.reply.count(len + tail.len());
    Ok(Flow::Done)
}

/// Runs `SETRANGE`.
pub fn setrange(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NEGATIVE: Fault = Fault::fixed("ERR offset is out of range");
    let offset = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    let offset = usize::try_from(offset).map_err(|_| NEGATIVE)?;
    let patch = call.args.word(3);
    let key = call.key(1);
    let len = call.data.peek_string(&key)?.map_or(0, |value| value.len());
    if patch.is_empty() {
        call.reply.count(len);
        return Ok(Flow::Done);
    }
    check_total(call, offset, patch.len())?;
    let end = offset + patch.len();
    let clock = call.data.clock();
    call.data.db().edit_string(&key, clock, end, |mut string| string.write(offset, patch));
    call.data.changed(&key);
    call.data.notify(Classes::STRING, "setrange", &key);
    call.reply.count(len.max(end));
    Ok(Flow::Done)
}

/// Refuses a string of `len` and `added` bytes if it is too long.
///
/// What the log says has been accepted once, and is not judged again.
fn check_total(call: &Call<'_, '_>, len: usize, added: usize) -> Result<(), Fault> {
    const TOO_LONG: Fault =
        Fault::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    let total = len.checked_add(added).ok_or(TOO_LONG)?;
    if call.data.mode == Mode::Replay || limit::allows(call.host, total) {
        Ok(())
    } else {
        Err(TOO_LONG)
    }
}
