//! Commands that set whole strings.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Key, SetExpiry};

use super::options::{Condition, Deadline, Lifetime, Options, Taker, Unit};
use super::read::answer;

/// Runs `SET`.
pub fn set(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    if call.args.len() == 3 {
        store(call, &key, call.args.word(2), SetExpiry::Clear);
        call.reply.ok();
        return Ok(Flow::Done);
    }
    let options = Options::parse(call.args.from(3), Taker::Set)?;
    set_with(call, &key, &options)
}

/// Runs `SETNX`.
pub fn setnx(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let absent = !call.data.is_live(&key);
    if absent {
        store(call, &key, call.args.word(2), SetExpiry::Clear);
    }
    call.reply.integer(absent.into());
    Ok(Flow::Done)
}

/// Runs `SETEX`.
pub fn setex(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    set_until(call, Unit::Seconds, "setex")
}

/// Runs `PSETEX`.
pub fn psetex(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    set_until(call, Unit::Milliseconds, "psetex")
}

/// Runs `GETSET`.
pub fn getset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let old = call.data.read_string(&key)?;
    answer(&mut call.reply, old);
    let value = call.args.word(2);
    store(call, &key, value, SetExpiry::Clear);
    call.data.effect.rewrite(&[b"SET", key.bytes(), value]);
    Ok(Flow::Done)
}

/// Runs `MSET`.
pub fn mset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    check_pairs(call, "mset")?;
    store_pairs(call);
    call.reply.ok();
    Ok(Flow::Done)
}

/// Runs `MSETNX`.
pub fn msetnx(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    check_pairs(call, "msetnx")?;
    for index in (1..call.args.len()).step_by(2) {
        let key = call.key(index);
        if call.data.is_live(&key) {
            call.reply.integer(0);
            return Ok(Flow::Done);
        }
    }
    store_pairs(call);
    call.reply.integer(1);
    Ok(Flow::Done)
}

/// Runs `SET` with options.
fn set_with(call: &mut Call<'_, '_>, key: &Key<'_>, options: &Options<'_>) -> Result<Flow, Fault> {
    let at_ms = match options.lifetime {
        Some(Lifetime::Until(deadline)) => Some(deadline.at_ms(call.data.now_ms, "set")?),
        _ => None,
    };
    if options.answers_old {
        let old = call.data.read_string(key)?;
        answer(&mut call.reply, old);
    }
    // An expired key must go first, lest its expiry be kept or its presence count.
    let live = call.data.is_live(key);
    let refused = match options.condition {
        None => false,
        Some(Condition::Absent) => live,
        Some(Condition::Present) => !live,
    };
    if refused {
        if !options.answers_old {
            call.reply.null();
        }
        return Ok(Flow::Done);
    }
    let value = call.args.word(2);
    if let Some(at_ms) = at_ms {
        store_until(call, key, value, at_ms);
    } else {
        let keep = matches!(options.lifetime, Some(Lifetime::Keep));
        store(call, key, value, if keep { SetExpiry::Keep } else { SetExpiry::Clear });
        if options.answers_old {
            rewrite_without_get(call);
        }
    }
    if !options.answers_old {
        call.reply.ok();
    }
    Ok(Flow::Done)
}

fn set_until(call: &mut Call<'_, '_>, unit: Unit, command: &str) -> Result<Flow, Fault> {
    let key = call.key(1);
    let deadline = Deadline { unit, number: call.args.word(2) };
    let at_ms = deadline.at_ms(call.data.now_ms, command)?;
    store_until(call, &key, call.args.word(3), at_ms);
    call.reply.ok();
    Ok(Flow::Done)
}

/// Puts the request into the stream without `GET`: nobody there waits for the old value.
fn rewrite_without_get(call: &mut Call<'_, '_>) {
    let (fixed, options) = (call.args.iter().take(3), call.args.iter().skip(3));
    let options = options.filter(|word| !word.eq_ignore_ascii_case(b"GET"));
    let words: Vec<&[u8]> = fixed.chain(options).collect();
    call.data.effect.rewrite(&words);
}

fn store_until(call: &mut Call<'_, '_>, key: &Key<'_>, value: &[u8], at_ms: i64) {
    store(call, key, value, SetExpiry::At(at_ms));
    call.data.notify(Classes::GENERIC, "expire", key);
    let mut digits = itoa::Buffer::new();
    let at = digits.format(at_ms).as_bytes();
    call.data.effect.rewrite(&[b"SET", key.bytes(), value, b"PXAT", at]);
}

#[inline]
fn store(call: &mut Call<'_, '_>, key: &Key<'_>, value: &[u8], expiry: SetExpiry) {
    let clock = call.data.clock();
    if call.data.has_listeners() {
        // Whoever is told what becomes of keys is told that this one has expired.
        call.data.is_live(key);
    }
    call.data.db().set_string(key, value, expiry, clock);
    call.data.changed(key);
    call.data.notify(Classes::STRING, "set", key);
}

fn store_pairs(call: &mut Call<'_, '_>) {
    for index in (1..call.args.len()).step_by(2) {
        let key = call.key(index);
        store(call, &key, call.args.word(index + 1), SetExpiry::Clear);
    }
}

fn check_pairs(call: &Call<'_, '_>, command: &str) -> Result<(), Fault> {
    if call.args.len() % 2 == 1 {
        return Ok(());
    }
    Err(Fault::of(format!("ERR wrong number of arguments for '{command}' command")))
}
