//! Scripts that would take all memory.

use super::Attacked;

const NO_MEMORY: &str = "not enough memory";

/// Each begins an interpreter that may have a GiB, and has it back to next to nothing when it ends.
#[test]
fn what_grows_without_end_ends_in_an_error() {
    let mut attacked = Attacked::begin();
    for script in [
        "local s = 'x' while true do s = s .. s end",
        "return ('x'):rep(2^31 - 1)",
        "local t = {} while true do t = {t, function() return t end} end",
        "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        "local t, i = {}, 1 while true do t[i] = i i = i + 1 end",
        "local s = ('x'):rep(2^26) return cjson.encode({s, s, s, s, s, s, s, s, s})",
        "local s = ('x'):rep(2^26) return cmsgpack.pack(s, s, s, s, s, s, s, s, s)",
    ] {
        let text = attacked.withstands(script).text();
        assert!(text.contains(NO_MEMORY), "{script}: {text:.200}");
    }
    attacked.withstands("for i = 1, 10 do collectgarbage() end");
    let left = attacked.info("memory", "used_memory_vm_eval");
    assert!(left < 16 << 20, "{left} bytes are left of them");
}

/// A table that holds another one many times over, and that yet another, is a reply without end.
#[test]
fn a_reply_has_an_end() {
    let mut attacked = Attacked::begin();
    let before = attacked.info("memory", "used_memory");
    for script in [
        "local t = {1} for i = 1, 60 do t = {t, t} end return t",
        "local s = ('x'):rep(2^20) local t = {s, s, s, s} for i = 1, 60 do t = {t, t, t} end return t",
    ] {
        let text = attacked.withstands(script).text();
        assert!(text.contains(NO_MEMORY), "{script}: {text:.200}");
    }
    let after = attacked.info("memory", "used_memory");
    assert!(after < before + (32 << 20), "{before} bytes became {after}");
}
