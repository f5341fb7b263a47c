//! `DEBUG POPULATE`: many keys at once.

use crate::command::generic::remove_key;
use crate::command::room::words_bytes;
use crate::command::{Call, Fault, Flow};
use crate::keyspace::SetExpiry;
use crate::number::parse_i64_strict;

/// `DEBUG POPULATE count [prefix] [size]`: sets those of the keys `prefix:0` … that are not there.
///
/// Unlike in stock servers the keys are in the stream, as memory and log must not differ.
pub(super) fn populate(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_POSITIVE: Fault = Fault::fixed("ERR value is out of range, must be positive");
    let number = |index: usize| {
        let number = call.args.get(index).map(|word| parse_i64_strict(word).ok_or(NOT_POSITIVE));
        let number = number.transpose()?;
        number.map(|n| usize::try_from(n).map_err(|_| NOT_POSITIVE)).transpose()
    };
    let (count, size) = (number(2)?.unwrap_or(0), number(4)?);
    let prefix = call.args.get(3).unwrap_or(b"key").to_vec();
    // At most, with the digits of an index in the name and in the value, and a `DEL` of what has expired.
    let (name_bytes, value_bytes) = (prefix.len().saturating_add(21), size.unwrap_or(32));
    let each = words_bytes([3, name_bytes, 3, name_bytes, value_bytes]);
    call.make_room(count.saturating_mul(each))?;
    let clock = call.data.clock();
    for index in 0..count {
        let name = [&prefix, &b":"[..], index.to_string().as_bytes()].concat();
        let key = call.data.keyspace.key(&name);
        if call.data.is_live(&key) {
            continue;
        }
        let mut value = format!("value:{index}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        remove_key(call, &key);
        call.data.db().set_string(&key, &value, SetExpiry::Clear, clock);
        call.data.changed(&key);
        call.data.notify_new_in(call.data.database, &key);
        call.data.effect.rewrite(&[b"SET", &name, &value]);
    }
    call.reply.ok();
    Ok(Flow::Done)
}
