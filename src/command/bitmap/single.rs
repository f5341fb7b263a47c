//! One bit: `SETBIT` and `GETBIT`.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::RAW;

use super::offset::offset;

/// Runs `SETBIT`.
pub fn setbit(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NO_BIT: Fault = Fault::fixed("ERR bit is not an integer or out of range");
    let offset = offset(call, call.args.word(2))?;
    let (at, mask) = (offset / 8, 0x80 >> (offset % 8));
    let wanted = match call.args.word(3) {
        b"0" => 0,
        b"1" => mask,
        _ => return Err(NO_BIT),
    };
    let key = call.key(1);
    let (mut len, mut byte, mut is_raw) = (0, [0], false);
    if let Some((string, encoding)) = call.data.use_string(&key)? {
        (len, is_raw) = (string.len(), encoding == RAW);
        string.read(at, &mut byte);
    }
    let old = byte[0] & mask;
    let changes = len <= at || old != wanted;
    // Who finds the bit as it is to be writes nothing, and so copies nothing that a snapshot holds.
    if changes || !is_raw {
        let clock = call.data.clock();
        call.data.db().edit_string(&key, clock, at + 1, |mut string| {
            string.write(at, &[byte[0] & !mask | wanted]);
        });
    }
    if changes {
        call.data.changed(&key);
        call.data.notify(Classes::STRING, "setbit", &key);
    }
    call.reply.integer((old != 0).into());
    Ok(Flow::Done)
}

/// Runs `GETBIT`.
pub fn getbit(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let offset = offset(call, call.args.word(2))?;
    let key = call.key(1);
    let mut byte = [0];
    if let Some(value) = call.data.read_string(&key)? {
        value.read(offset / 8, &mut byte);
    }
    let is_set = byte[0] & (0x80 >> (offset % 8)) != 0;
    call.reply.integer(is_set.into());
    Ok(Flow::Done)
}
