//! `RESTORE`: a key with the value that a payload of `DUMP` holds.

use crate::command::{Call, Classes, Fault, Flow, Mode, stored};
use crate::keyspace::Key;
use crate::net::Args;
use crate::number::parse_i64_strict;
use crate::snapshot::rdb::{Limits, Value, payload};

use super::remove::remove_key;

const BUSY: Fault = Fault::fixed("BUSYKEY Target key name already exists.");
const INVALID_TTL: Fault = Fault::fixed("ERR Invalid TTL value, must be >= 0");
const INVALID_IDLE: Fault = Fault::fixed("ERR Invalid IDLETIME value, must be >= 0");
const INVALID_FREQUENCY: Fault = Fault::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");
const BAD_ENVELOPE: Fault = Fault::fixed("ERR DUMP payload version or checksum are wrong");
const BAD_VALUE: Fault = Fault::fixed("ERR Bad data format");

/// The words behind the payload.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<u32>,
    frequency: Option<u8>,
}

/// Runs `RESTORE`.
///
/// The payload is checked in full before the key is touched, whatever `sanitize-dump-payload` says.
/// A relative expiry goes into the stream as an absolute one.
pub fn restore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let args = call.args;
    let options = Options::parse(&args.from(4))?;
    let key = call.key(1);
    let is_there = call.data.is_live(&key);
    if is_there && !options.replace {
        return Err(BUSY);
    }
    let ttl = parse_i64_strict(args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    if ttl < 0 {
        return Err(INVALID_TTL);
    }
    let is_relative = ttl != 0 && !options.absolute;
    let expiry_ms = match ttl {
        0 => None,
        // What lies beyond the end of time wraps, and so has expired, as in stock servers.
        ttl if is_relative => Some(ttl.wrapping_add(call.data.now_ms)),
        ttl => Some(ttl),
    };
    payload::decode(args.word(3), Limits::default(), |value| {
        take(call, &key, value, (is_there, expiry_ms, options))
    })
    .map_err(|error| match error {
        payload::PayloadError::Envelope => BAD_ENVELOPE,
        payload::PayloadError::Value(_) | payload::PayloadError::Empty => BAD_VALUE,
    })??;
    if let Some(expiry_ms) = expiry_ms.filter(|_| is_relative && call.data.db().contains(&key)) {
        rewrite(call, &args, expiry_ms);
    }
    call.reply.ok();
    Ok(Flow::Done)
}

/// Gives the key its value; one that has expired already only removes what was there.
fn take(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    value: &Value<'_>,
    (is_there, expiry_ms, options): (bool, Option<i64>, Options),
) -> Result<(), Fault> {
    if is_there {
        remove_key(call, key);
    }
    let now_ms = call.data.now_ms;
    let has_expired = expiry_ms.is_some_and(|at_ms| at_ms <= now_ms);
    let is_late = has_expired && call.data.mode != Mode::Replay;
    let clock = call.data.clock();
    let put = if is_late {
        Ok(())
    } else {
        stored::put(&mut call.data.db(), key, value, expiry_ms, clock)
    };
    if put.is_err() {
        remove_key(call, key);
    }
    if is_late || put.is_err() {
        if is_there {
            call.data.effect.rewrite(&[b"DEL", key.bytes()]);
            call.data.changed(key);
            call.data.notify(Classes::GENERIC, "del", key);
        }
        return put.map_err(|_| BAD_VALUE);
    }
    call.data.db().note_use(key, options.idle_seconds, options.frequency, clock);
    call.data.changed(key);
    call.data.notify(Classes::GENERIC, "restore", key);
    Ok(())
}

/// Puts the request into the stream with the time at which the key expires.
fn rewrite(call: &mut Call<'_, '_>, args: &Args<'_>, expiry_ms: i64) {
    let mut digits = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = args.iter().collect();
    words[2] = digits.format(expiry_ms).as_bytes();
    words.push(b"ABSTTL");
    call.data.effect.rewrite(&words);
}

impl Options {
    fn parse(words: &Args<'_>) -> Result<Self, Fault> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"REPLACE") {
                options.replace = true;
            } else if word.eq_ignore_ascii_case(b"ABSTTL") {
                options.absolute = true;
            } else if word.eq_ignore_ascii_case(b"IDLETIME") && options.frequency.is_none() {
                let seconds = number(words.next())?;
                let seconds = u64::try_from(seconds).map_err(|_| INVALID_IDLE)?;
                options.idle_seconds = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
            } else if word.eq_ignore_ascii_case(b"FREQ") && options.idle_seconds.is_none() {
                let count = number(words.next())?;
                options.frequency = Some(u8::try_from(count).map_err(|_| INVALID_FREQUENCY)?);
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn number(word: Option<&[u8]>) -> Result<i64, Fault> {
    parse_i64_strict(word.ok_or(Fault::SYNTAX)?).ok_or(Fault::NOT_AN_INTEGER)
}

#[cfg(test)]
mod tests;
