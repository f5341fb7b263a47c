//! What scripts call: the commands of the other batches, their replies handed on or looked into.

use super::{Made, Making};
use crate::normalise;

/// Those whose replies have no order or are left to chance or to the clock.
const LOOSE: &[&str] = &[
    "KEYS",
    "SCAN",
    "HSCAN",
    "SSCAN",
    "ZSCAN",
    "HKEYS",
    "HVALS",
    "HGETALL",
    "SMEMBERS",
    "SINTER",
    "SUNION",
    "SDIFF",
    "SPOP",
    "RANDOMKEY",
    "HRANDFIELD",
    "ZRANDMEMBER",
    "SRANDMEMBER",
    "WAITAOF",
    "OBJECT",
    "TTL",
    "EXPIRETIME",
    "PTTL",
    "PEXPIRETIME",
    "XPENDING",
    "XINFO",
    "HELLO",
    "SORT",
    "SORT_RO",
    "COMMAND",
    "XINFO",
    "XAUTOCLAIM",
    "XCLAIM",
];

pub fn make(making: &mut Making<'_>) -> Made {
    let words = loop {
        let words = making.grammar.batch(making.random, 1).remove(0);
        if !differs(making, &words) {
            break words;
        }
    };
    let is_loose = LOOSE.contains(&normalise::name(&words).as_str());
    let call = making.pick(&["call", "pcall"]);
    let chosen = making.chosen();
    if is_loose || making.chance(60) {
        let script = format!("{chosen}return redis.{call}(unpack(ARGV))");
        let made = Made::eval(&script, &words);
        return Made { inner: Some(words), ..made };
    }
    let script = match making.random.below(5) {
        0 => "return S(redis.pcall(unpack(ARGV)))",
        1 => "return S(pcall(redis.call,unpack(ARGV)))",
        2 => "local r=redis.pcall(unpack(ARGV)) return {r,type(r),S(r)}",
        3 => "return S(pcall(function() return redis.call(unpack(ARGV)) end))",
        _ => "return cjson.encode({redis.pcall(unpack(ARGV))}):len()",
    };
    making.eval_shown(script, &words)
}

/// Tells whether stock replies otherwise than this server, which is known and stays so.
fn differs(making: &Making<'_>, words: &[Vec<u8>]) -> bool {
    let _ = making;
    // What waits may be called as of 7.2.
    matches!(normalise::name(words).as_str(), "WAITAOF")
}
