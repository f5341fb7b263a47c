//! `OBJECT`: how a value is kept.

use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Str, UsagePolicy, Value};

use super::look::look_quietly;

/// The seconds after which the access time of a key begins anew.
const CLOCK_MASK: u32 = 0xff_ffff;
/// What stock servers answer for an object that everybody shares.
const SHARED_COUNT: i64 = i32::MAX as i64;
/// The numbers below this are shared objects in stock servers.
const SHARED_INTEGERS: i64 = 10_000;

/// Runs `OBJECT ENCODING`.
pub fn object_encoding(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(2);
    let encoding = look_quietly(&mut call.data, &key).map(|entry| entry.encoding());
    call.reply.bulk_or_null(encoding.map(str::as_bytes));
    Ok(Flow::Done)
}

/// Runs `OBJECT FREQ`, for policies that go by it.
pub fn object_freq(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_TRACKED: Fault = Fault::fixed(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
         that when switching between policies at runtime LRU and LFU data will take some time to \
         adjust.",
    );
    let key = call.key(2);
    let (clock, usage) = (call.data.clock(), call.data.keyspace.usage());
    match look_quietly(&mut call.data, &key) {
        None => call.reply.null(),
        Some(entry) => {
            let frequency = usage.frequency(entry.accessed(), clock).ok_or(NOT_TRACKED)?;
            call.reply.integer(frequency.into());
        }
    }
    Ok(Flow::Done)
}

/// Runs `OBJECT IDLETIME`, for policies that do not go by frequency.
pub fn object_idletime(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_TRACKED: Fault = Fault::fixed(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    let key = call.key(2);
    let (clock, policy) = (call.data.clock(), call.data.keyspace.usage().policy());
    match look_quietly(&mut call.data, &key) {
        None => call.reply.null(),
        Some(_) if policy != UsagePolicy::Recency => return Err(NOT_TRACKED),
        Some(entry) => {
            let idle_s = clock.wrapping_sub(entry.accessed()) & CLOCK_MASK;
            call.reply.integer(idle_s.into());
        }
    }
    Ok(Flow::Done)
}

/// Runs `OBJECT REFCOUNT`.
pub fn object_refcount(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(2);
    match look_quietly(&mut call.data, &key).map(|entry| entry.value()) {
        None => call.reply.null(),
        Some(Value::String(Str::Int(0..SHARED_INTEGERS))) => call.reply.integer(SHARED_COUNT),
        Some(_) => call.reply.integer(1),
    }
    Ok(Flow::Done)
}

/// Runs `OBJECT HELP`.
pub fn object_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const LINES: [&str; 15] = [
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        "HELP",
        "    Print this help.",
    ];
    call.reply.array(LINES.len());
    for line in LINES {
        call.reply.simple(line);
    }
    Ok(Flow::Done)
}
