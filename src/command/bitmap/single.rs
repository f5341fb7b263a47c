//! One bit: `SETBIT` and `GETBIT`.

use crate::command::{Call, Fault, Flow};

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
    let len = call.data.peek_string(&key)?.map_or(0, |value| value.len());
    let clock = call.data.clock();
    let mut old = 0;
    call.data.db().edit_string(&key, clock, at + 1, |mut string| {
        let mut byte = [0];
        string.read(at, &mut byte);
        old = byte[0] & mask;
        if old != wanted {
            string.write(at, &[byte[0] ^ mask]);
        }
    });
    if len <= at || old != wanted {
        call.data.changed(&key);
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
