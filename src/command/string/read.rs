//! Commands that read a string, those included that remove it or its expiry afterwards.

use std::ops::Range;

use crate::command::generic::remove_key;
use crate::command::{Call, Classes, Fault, Flow, Mode};
use crate::keyspace::Str;
use crate::net::Reply;
use crate::number::parse_i64_strict;

use super::options::{Lifetime, Options, Taker};

/// The longest text of an integer.
const INTEGER_BYTES_MAX: usize = 20;

/// Runs `GET`.
pub fn get(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let value = call.data.read_string(&key)?;
    answer(&mut call.reply, value);
    Ok(Flow::Done)
}

/// Runs `MGET`.
pub fn mget(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.array(call.args.len() - 1);
    for index in 1..call.args.len() {
        let key = call.key(index);
        // A key of another type is as good as none here.
        let value = call.data.read_string(&key).unwrap_or(None);
        answer(&mut call.reply, value);
    }
    Ok(Flow::Done)
}

/// Runs `STRLEN`.
pub fn strlen(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let value = call.data.read_string(&key)?;
    call.reply.count(value.map_or(0, |string| string.len()));
    Ok(Flow::Done)
}

/// Runs `GETRANGE`.
pub fn getrange(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let first = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    let last = parse_i64_strict(call.args.word(3)).ok_or(Fault::NOT_AN_INTEGER)?;
    let key = call.key(1);
    let value = call.data.read_string(&key)?.unwrap_or(Str::Bytes(b""));
    let mut digits = [0; INTEGER_BYTES_MAX];
    let range = range(value.len(), first, last);
    call.reply.bulk_in_pieces(range.len(), value.pieces(&mut digits, range));
    Ok(Flow::Done)
}

/// Runs `SUBSTR`, the old name of `GETRANGE`.
pub fn substr(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    getrange(call)
}

/// Runs `GETDEL`.
pub fn getdel(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let value = call.data.read_string(&key)?;
    answer(&mut call.reply, value);
    if value.is_some() {
        remove_key(call, &key);
        call.data.changed(&key);
        call.data.notify(Classes::GENERIC, "del", &key);
        call.data.effect.rewrite(&[b"DEL", key.bytes()]);
    }
    Ok(Flow::Done)
}

/// Runs `GETEX`.
pub fn getex(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let options = Options::parse(call.args.from(2), Taker::GetEx)?;
    let key = call.key(1);
    let now_ms = call.data.now_ms;
    let mode = call.data.mode;
    let Some(value) = call.data.read_string(&key)? else {
        call.reply.null();
        return Ok(Flow::Done);
    };
    let Some(Lifetime::Until(deadline)) = options.lifetime else {
        answer(&mut call.reply, Some(value));
        if options.lifetime.is_some() && call.data.peek(&key).is_some_and(|e| e.expiry().is_some())
        {
            call.data.db().set_expiry(&key, None);
            call.data.changed(&key);
            call.data.notify(Classes::GENERIC, "persist", &key);
            call.data.effect.rewrite(&[b"PERSIST", key.bytes()]);
        }
        return Ok(Flow::Done);
    };
    let at_ms = deadline.at_ms(now_ms, "getex")?;
    answer(&mut call.reply, Some(value));
    // What the log says is not judged by the clock: the removal follows there in its own time.
    if at_ms <= now_ms && mode == Mode::Client {
        remove_key(call, &key);
        call.data.notify(Classes::GENERIC, "del", &key);
        call.data.effect.rewrite(&[b"DEL", key.bytes()]);
    } else {
        call.data.db().set_expiry(&key, Some(at_ms));
        call.data.notify(Classes::GENERIC, "expire", &key);
        let mut digits = itoa::Buffer::new();
        let at = digits.format(at_ms).as_bytes();
        call.data.effect.rewrite(&[b"PEXPIREAT", key.bytes(), at]);
    }
    call.data.changed(&key);
    Ok(Flow::Done)
}

/// Writes a value, or the null.
#[inline]
pub(super) fn answer(reply: &mut Reply<'_>, value: Option<Str<'_>>) {
    match value {
        None => reply.null(),
        Some(Str::Int(number)) => reply.bulk_int(number),
        Some(Str::Bytes(bytes)) => reply.bulk(bytes),
        Some(Str::Blocks(blocks)) => {
            reply.bulk_in_pieces(blocks.len(), blocks.pieces(0..blocks.len()));
        }
    }
}

/// Cuts the part from `first` to `last` to what is there; negative ones count from the end.
fn range(len: usize, first: i64, last: i64) -> Range<usize> {
    let len = len as i64;
    if first < 0 && last < 0 && first > last {
        return 0..0;
    }
    let from_end = |index: i64| if index < 0 { (len + index).max(0) } else { index };
    let (first, last) = (from_end(first), from_end(last).min(len - 1));
    if first > last { 0..0 } else { first as usize..last as usize + 1 }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn a_range_is_cut_to_what_is_there() {
        for (first, last, expected) in [
            (0, -1, "hello"),
            (1, 3, "ell"),
            (-3, -2, "ll"),
            (-100, 1, "he"),
            (3, 100, "lo"),
            (5, 9, ""),
            (-1, -5, ""),
            (-8, -7, "h"),
            (0, -100, "h"),
            (2, -100, ""),
            (i64::MIN, i64::MAX, "hello"),
            (i64::MAX, i64::MAX, ""),
        ] {
            assert_eq!(&"hello"[range(5, first, last)], expected, "{first} {last}");
        }
        assert!(range(0, 0, -1).is_empty());
        assert!(range(0, -1, -1).is_empty());
    }
}
